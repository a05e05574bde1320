"""Virtual time: nanoseconds that pass with instructions, device accesses and jumps to the next deadline."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """A deadline that a VirtualClock has accepted."""

    __slots__ = ("action", "deadline")

    def __init__(self, deadline: int, action: Callable[[], None] | None) -> None:
        self.deadline = deadline
        self.action = action

    def cancel(self) -> None:
        """Forget it; nothing happens when it is over already."""
        self.action = None


class VirtualClock:
    """Time that stands still unless ``advance`` or ``spend`` moves it.

    ``live`` gives what has passed since in a run that is under way, ``most`` at most; ``armed`` is called when a
    timer becomes the next to run out.
    """

    def __init__(self) -> None:
        self._now = 0
        self._timers: list[tuple[int, int, Timer]] = []
        self._numbers = count()
        self.live: Callable[[], int] | None = None
        self.most = 0
        self.armed: Callable[[], None] | None = None

    @property
    def now(self) -> int:
        """Nanoseconds of virtual time."""
        return self._now if self.live is None else self._now + self.live()

    def at(self, deadline: int, action: Callable[[], None]) -> Timer:
        """Run ``action`` when the time is ``deadline`` ns; timers of one deadline run in the order of the calls."""
        timer = Timer(deadline, action)
        first = self.next_deadline()
        heapq.heappush(self._timers, (deadline, next(self._numbers), timer))
        if self.armed is not None and (first is None or deadline < first):
            self.armed()
        return timer

    def next_deadline(self) -> int | None:
        """When the next timer runs out; None when none is armed."""
        timers = self._timers
        while timers and timers[0][2].action is None:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def spend(self, nanoseconds: int) -> bool:
        """Let time pass without running timers: from within a device's access. Whether one is due now."""
        self._now = now = self._now + nanoseconds
        if not self._timers:
            return False
        if self.live is not None:
            if self._timers[0][0] > now + self.most:
                return False
            now += self.live()
        deadline = self.next_deadline()
        return deadline is not None and deadline <= now

    def advance(self, to: int) -> None:
        """Let the time become ``to``, and run what is due, in order; at its deadline where that is ahead of now."""
        while (deadline := self.next_deadline()) is not None and deadline <= to:
            _, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, deadline)
            action, timer.action = timer.action, None
            assert action is not None
            action()
        self._now = max(self._now, to)
