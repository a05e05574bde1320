"""Ends runs from outside: after a time, and at Ctrl-C."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import threading
import time
from collections.abc import Iterable
from enum import StrEnum
from types import FrameType, TracebackType
from typing import Any

from hw.cpu import CPU
from hw.errors import EngineError

_RETRY_SECONDS = 0.005
_GRACE_SECONDS = 2.0  # for a callback to come back after a halt
_PATIENCE = 3  # so many SIGINTs are an order to give up even the host's own work


class Verdict(StrEnum):
    """Why a Watchdog ended the runs."""

    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"


class CallbackStuck(EngineError):
    """A callback had to be cut off: what it was doing is half done."""

    def __init__(self) -> None:
        super().__init__("a callback did not come back after the machine was halted")


class Uncut:
    """Context manager around guest functions that host code calls and that a halt waits for, at most two seconds."""

    def __init__(self, cpus: Iterable[CPU]) -> None:
        self._cpus = tuple(cpus)
        self._depth = 0
        self._lock = threading.Lock()
        #: nothing is waited for any more
        self.overdue = False

    def __enter__(self) -> None:
        with self._lock:
            self._depth += 1
            if not self.overdue:
                for cpu in self._cpus:
                    if cpu.halted:
                        cpu.release()

    def __exit__(self, *error: object) -> None:
        self._depth -= 1

    def begin(self) -> None:
        """None runs yet."""
        self._depth, self.overdue = 0, False

    @property
    def waits(self) -> bool:
        """Whether a halt would wait."""
        return self._depth > 0 and not self.overdue

    def halt(self) -> None:
        """Halt the CPUs if nothing is to be waited for; to be called again."""
        with self._lock:
            if not self.waits:
                for cpu in self._cpus:
                    cpu.halt()


class Watchdog:
    """Context manager around runs: halts the CPUs after ``timeout`` host seconds or at SIGINT, when no ``uncut`` runs.

    A callback that has not come back two seconds after a halt gets a CallbackStuck raised in it.

    Afterwards ``verdict`` says which it was, None if the runs ended by themselves. Python's KeyboardInterrupt
    is never raised inside a callback, where it would tear the emulated machine's memory; only the third
    SIGINT is. While the halt is in force every run answers STOPPED; leaving the context ends it.
    SIGINT is watched in the main thread only, and not where it is ignored; elsewhere the timeout alone works.
    """

    def __init__(
        self, cpus: Iterable[CPU], timeout: float | None = None, *, interrupts: bool = True, uncut: Uncut | None = None
    ) -> None:
        """``timeout`` in seconds, above 0, or None; ``interrupts``: whether SIGINT is watched."""
        if timeout is not None and not timeout > 0:
            raise ValueError("a timeout is a number of seconds above 0")
        self.verdict: Verdict | None = None
        self._cpus = tuple(cpus)
        self._uncut = uncut or Uncut(self._cpus)
        self._timeout = timeout
        self._interrupts = interrupts
        self._pressed = 0

    def __enter__(self) -> Watchdog:
        self._uncut.begin()
        self._runner = threading.get_ident()
        self._watch_signals = (self._interrupts and threading.current_thread() is threading.main_thread()
                               and signal.getsignal(signal.SIGINT) not in (None, signal.SIG_IGN))
        self._thread: threading.Thread | None = None
        if self._timeout is None and not self._watch_signals:
            return self
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        if self._watch_signals:
            self._old_handler: Any = signal.signal(signal.SIGINT, self._on_signal)
            self._old_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._thread is None:
            return
        if self._watch_signals:
            signal.set_wakeup_fd(self._old_wakeup)
            signal.signal(signal.SIGINT, self._old_handler)
        self._done.set()
        os.write(self._writer, b"\0")
        self._thread.join()
        os.close(self._reader)
        os.close(self._writer)
        for cpu in self._cpus:
            cpu.release()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._pressed += 1
        if self.verdict is None:
            self.verdict = Verdict.INTERRUPTED
        if self._pressed >= _PATIENCE:
            raise KeyboardInterrupt

    def _watch(self) -> None:
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([self._reader], [], [], left)
            if self._done.is_set():
                return
            if not readable:
                verdict = Verdict.TIMEOUT
                break
            if bytes([signal.SIGINT]) in os.read(self._reader, 4096):
                verdict = Verdict.INTERRUPTED
                break
        if self.verdict is None:
            self.verdict = verdict
        # A stop that comes before the engine has begun is lost: ask until the runs are over.
        overdue_at = stuck_at = time.monotonic() + _GRACE_SECONDS
        while not self._done.is_set():
            self._uncut.halt()
            now = time.monotonic()
            if self._uncut.waits:
                self._uncut.overdue = now > overdue_at
                stuck_at = now + _GRACE_SECONDS
            elif now > stuck_at and any(cpu.depth for cpu in self._cpus):
                stuck_at = float("inf")
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._runner), ctypes.py_object(CallbackStuck))
            self._done.wait(_RETRY_SECONDS)
