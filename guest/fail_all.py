"""A test run once for every allocation that it makes, each time with that one failing.

The machine is booted once for a process, and taken back to its start before each run; with the tools of --check-...,
which know more than is in memory, it is booted for each. Runs are independent of each other, so they go over the host's
cores.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from multiprocessing import get_context

from guest.elf import Program, read
from guest.kernel import Kernel
from guest.snapshot import Snapshot
from guest.testing import LIBRARY, CaseResult, Failure, Setup, judge
from mm.fault_inject import Attempt, FaultInject, Plan

#: what no failed allocation excuses; the status and what a test says of itself may well be other
MISTAKES = ("log", "leaks", "fsck", "watermarks", "access", "uninit", "tlb", "timeout")
_PIECE = 8  # runs that a process gets at a time
_FEW = 24  # runs that are over before other processes would have begun


@dataclass(frozen=True)
class FailRun:
    """A run in which allocation `number` failed. attempt: which that was, None where the run made fewer allocations.
    site: its call site in words, with the source line. failures: the mistakes that showed; status: the exit status.
    """

    number: int
    attempt: Attempt | None
    site: str
    status: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class Job:
    """A program to be run again and again; all of it can be sent to another process. setup: without a plan."""

    name: str
    elf: bytes
    setup: Setup
    deep: bool = False

    def program(self) -> Program:
        """The program, read."""
        return read(self.elf, self.name)

    @property
    def key(self) -> str:
        """A name that everything that decides about the runs decides."""
        parts = self.name, sorted(self.setup.off), replace(self.setup, off=frozenset()), self.deep
        return hashlib.sha256(repr(parts).encode() + self.elf).hexdigest()[:16]


class Bench:
    """A machine on which a job's program is run from the same start each time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._program = job.program()
        self._inject = FaultInject()
        self._text: list[str] = []
        self._trace: list[int] = []  # return addresses above the call that failed
        self._start: Snapshot | None = None
        self._boot()

    def _boot(self) -> None:
        setup = self._job.setup
        self._kernel = kernel = Kernel.boot(setup.boot, inject=self._inject)
        for name, value in setup.settings:
            kernel.set_sysctl(name, value)
        kernel.record_history()
        kernel.log.console = self._text.append
        self._say = self._inject.report
        self._inject.report = self._fails
        if setup.watched:
            setup.watch(kernel)
        else:
            self._start = Snapshot(kernel)

    def _fails(self, attempt: Attempt) -> None:
        """An allocation fails now."""
        self._say(attempt)
        kernel, esp = self._kernel, self._kernel.traps.esp
        self._trace = kernel.oops.trace(attempt.call_site, esp + 12, kernel.vm.word(esp + 4))

    def _again(self) -> None:
        """Back to the start."""
        if self._start is not None:
            self._start.restore()
        else:
            self._kernel.close()
            self._boot()

    def close(self) -> None:
        """Give the machine back."""
        self._kernel.close()

    def run(self, plan: Plan) -> tuple[CaseResult, list[Attempt], list[Attempt]]:
        """Run once: how it ended, the allocations that were counted, and those that failed."""
        self._text.clear()
        self._inject.start(replace(plan, deep=self._job.deep))
        name, setup = self._job.name, self._job.setup
        status = self._kernel.run(self._program, [name, *setup.arguments], setup.timeout, stay=True)
        result = judge(self._kernel, name, status, "".join(self._text), setup)
        attempts, failed = list(self._inject.attempts), list(self._inject.failed)
        return result, attempts, failed

    def fail(self, number: int) -> FailRun:
        """Run with one allocation failing, and go back to the start."""
        try:
            result, _, failed = self.run(Plan(nth=number))
            attempt = failed[0] if failed else None
            site = self.site(attempt) if attempt else ""
            mistakes = tuple(failure for failure in result.failures if failure.check in MISTAKES)
            return FailRun(number, attempt, site, result.status, mistakes)
        finally:
            self._again()

    def count(self) -> tuple[CaseResult, int]:
        """Run with nothing failing: how it ends, and how many allocations it makes."""
        try:
            result, attempts, _ = self.run(Plan())
            return result, len(attempts)
        finally:
            self._again()

    def site(self, attempt: Attempt) -> str:
        """'kmalloc of 100 bytes by main+0x2c/0x80 (test.c:12)'; of the start library's, who called that, too."""
        text = f"{attempt.function} of {attempt.size} bytes by {self._place(attempt.call_site)}"
        if self._in_library(attempt.call_site):
            caller = next((address for address in self._trace if not self._in_library(address)), 0)
            text += f", called by {self._place(caller)}" if caller else ""
        return text

    def _place(self, address: int) -> str:
        line = self._kernel.symbols.line(address - 1)
        return self._kernel.oops.name(address) + (f" ({line[0]}:{line[1]})" if line else "")

    def _in_library(self, address: int) -> bool:
        line = self._kernel.symbols.line(address - 1)
        return line is not None and line[0].startswith(LIBRARY)


_bench: tuple[Job, Bench] | None = None


def _runs(job: Job, numbers: Sequence[int]) -> list[FailRun]:
    """In a process of its own: its machine stays for the next runs of the same job."""
    global _bench
    if _bench is None or _bench[0] != job:
        if _bench is not None:
            _bench[1].close()
        _bench = job, Bench(job)
    return [_bench[1].fail(number) for number in numbers]


class Workers:
    """Processes that share the runs; they begin when there is enough to do. count: by default one for each core."""

    def __init__(self, count: int | None = None) -> None:
        self._count = count or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def fail_all(self, job: Job, numbers: Sequence[int]) -> Iterator[FailRun]:
        """The runs with those allocations failing, as they end."""
        if self._count == 1 or len(numbers) <= _FEW:
            bench = Bench(job)
            try:
                yield from (bench.fail(number) for number in numbers)
            finally:
                bench.close()
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._count, get_context("spawn"))
        pieces = [numbers[at : at + _PIECE] for at in range(0, len(numbers), _PIECE)]
        waiting: set[Future[list[FailRun]]] = {self._pool.submit(_runs, job, piece) for piece in pieces}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            for future in waiting:
                future.cancel()
