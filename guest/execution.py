"""A program that runs in a thread of its own, so that it can stand still while this thread looks at it.

The two threads take turns: one of them always waits. Ctrl-C while the program runs stops it where it is.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from guest.debug import Debugger
from guest.stop_event import DebugError, Exited, Reason, Resume, StopEvent

if TYPE_CHECKING:
    from guest.elf import Program

_STACK = 64 << 20  # bytes; runs within runs need it
_PATIENCE = 3


class Stoppable(Protocol):
    """A debugger."""

    on_stop: Callable[[StopEvent], Resume]

    def interrupt(self) -> None:
        """Stop soon, from another thread."""


class Execution:
    """Runs programs under a debugger, from stop to stop."""

    def __init__(self, debugger: Stoppable) -> None:
        self.debugger = debugger
        debugger.on_stop = self._stand
        #: the last stop; None before the first program
        self.event: StopEvent | None = None
        self._events: SimpleQueue[StopEvent | BaseException] = SimpleQueue()
        self._answers: SimpleQueue[Resume] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether a program stands at a stop."""
        return self._thread is not None

    def start(self, program: Program, arguments: Sequence[str] = (), entry: bool = True) -> StopEvent:
        """Load a program and run it to its first instruction (with `entry`), another stop, or its end.

        Raises what Kernel.run raises. Under a kernel's Debugger only.
        """
        debugger = self.debugger
        assert isinstance(debugger, Debugger)
        return self.launch(lambda: debugger.run(program, arguments, entry=entry))

    def launch(self, run: Callable[[], int]) -> StopEvent:
        """Do `run()`, which runs a program under the debugger and answers its status, to its first stop or its end."""
        if self._thread is not None:
            raise DebugError("the program runs already")

        def whole() -> None:
            try:
                self._events.put(StopEvent(Reason.EXITED, 0, 0, None, Exited(run())))
            except BaseException as error:
                self._events.put(error)

        with self._ctrl_c():
            before = threading.stack_size(_STACK)
            try:
                self._thread = threading.Thread(target=whole, name="machine", daemon=True)
                self._thread.start()
            finally:
                threading.stack_size(before)
            return self._wait()

    def go(self, how: Resume = Resume.CONTINUE) -> StopEvent:
        """Go on to the next stop, or to the end of the program."""
        if self._thread is None:
            raise DebugError("the program does not run")
        with self._ctrl_c():
            self._answers.put(how)
            return self._wait()

    def kill(self) -> StopEvent | None:
        """End the program, if one stands; how it ended."""
        event = None
        while self._thread is not None:
            event = self.go(Resume.KILL)
        return event

    @contextmanager
    def _ctrl_c(self) -> Iterator[None]:
        """Ctrl-C stops the program and interrupts nothing here; only the third one does."""
        known = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT)
        if not known or known is signal.SIG_IGN:
            yield
            return
        pressed = 0

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            nonlocal pressed
            pressed += 1
            self.debugger.interrupt()
            if pressed >= _PATIENCE:
                raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _wait(self) -> StopEvent:
        event = self._events.get()
        if isinstance(event, BaseException) or event.reason is Reason.EXITED:
            assert self._thread is not None
            self._thread.join()
            self._thread = None
        if isinstance(event, BaseException):
            raise event
        self.event = event
        return event

    def _stand(self, event: StopEvent) -> Resume:
        """In the program's thread."""
        self._events.put(event)
        return self._answers.get()
