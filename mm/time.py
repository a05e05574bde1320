"""Virtual time (kernel/timer.c, 2.6.20): jiffies in guest RAM, and the nanoseconds since the last tick.

Time passes by traps and faults, `TRAP_NSEC` each: the same program takes the same time on every host.
"""

from __future__ import annotations

from mm.layout import Layout
from mm.list import Words

HZ = 250
TICK_NSEC = 1_000_000_000 // HZ
TRAP_NSEC = 1_000
INITIAL_JIFFIES = -300 * HZ & 0xFFFFFFFF  # wraps after five minutes, as in life


class Clock:
    """The clock of a machine. Calling it gives the nanoseconds since boot."""

    def __init__(self, w: Words, layout: Layout) -> None:
        self._w = w
        self.nsec = (layout.va("tick_nsec") ^ 0xC0000000) >> 2  # word index, for the dispatcher
        self._jiffies = (layout.va("jiffies") ^ 0xC0000000) >> 2
        self._jiffies_hi = (layout.va("jiffies_hi") ^ 0xC0000000) >> 2

    def init(self) -> None:
        """Start at INITIAL_JIFFIES."""
        self._w[self.nsec], self._w[self._jiffies], self._w[self._jiffies_hi] = 0, INITIAL_JIFFIES, 0

    def tick(self) -> None:
        """A jiffy is over."""
        self._w[self.nsec] = 0
        jiffies = self._w[self._jiffies] + 1
        self._w[self._jiffies] = jiffies & 0xFFFFFFFF
        if jiffies >> 32:
            self._w[self._jiffies_hi] += 1

    def jump_to(self, jiffies: int) -> None:
        """Nothing runs until the jiffy `jiffies`: be there. No step back."""
        ahead = jiffies - self._w[self._jiffies] & 0xFFFFFFFF
        if ahead >> 31:
            return
        total = self._w[self._jiffies] + ahead
        self._w[self.nsec], self._w[self._jiffies] = 0, total & 0xFFFFFFFF
        if total >> 32:
            self._w[self._jiffies_hi] += 1

    def advance(self) -> None:
        """One trap or fault has passed."""
        nsec = self._w[self.nsec] + TRAP_NSEC
        if nsec >= TICK_NSEC:
            self.tick()
        else:
            self._w[self.nsec] = nsec

    def __call__(self) -> int:
        jiffies = self._w[self._jiffies_hi] << 32 | self._w[self._jiffies]
        return (jiffies - INITIAL_JIFFIES) * TICK_NSEC + self._w[self.nsec]
