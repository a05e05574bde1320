"""`highmem run --bare IMAGE`: a PC without the Python kernel runs a bare-metal program.

IMAGE is a Multiboot ELF, a disk image with a boot sector (the first disk then), or a C file, which is built with
the shared part of guest/programs/bare.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tty
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw.errors import HighmemError
from tools.errors import CommandError
from tools.options import FAULTS, GDB, size, with_values
from tools.session import Region, Session

if TYPE_CHECKING:
    from guest.bare import BareSymbols
    from guest.symbols import SymbolEntry
    from guest.types import Types
    from hw.bare import BarePC, Report
    from hw.barecpu import BareCPU
    from hw.cpu import CPU
    from hw.delivery import Event
    from hw.devices.disk import Disk
    from hw.devices.vga import Screen
    from hw.fault import FaultRecord
    from tools.monitor import Monitor

_KEPT = 1000
_TIMEOUT, _INTERRUPTED, _FAILED = 124, 130, 1
_ABORTED = 134  # 128 + SIGABRT: even, so that no write to port 0xf4 means the same

_STATUSES = """\
The program's first serial port is stdout; what comes on stdin it receives there.

exit status: what the program writes to port 0xf4: (value << 1) | 1; 134 where it ends otherwise (a triple fault, a
reset, halted for ever), which is said on stderr; 124 after --timeout, 130 after Ctrl-C; 1 where an -ex command failed;
125 where highmem itself could not do it, 2 for a wrong command line"""


def main(arguments: list[str]) -> int:
    """The command line behind `run`; the exit status. Raises HighmemError and OSError."""
    from hw.engine import CPU_MODELS
    from hw.multiboot import is_boot_sector, is_multiboot

    options = _parser().parse_args(with_values([argument for argument in arguments if argument != "--bare"]))
    if options.cpu == "help":
        sys.stdout.write("".join(f"{name}\n" for name in CPU_MODELS))
        return 0
    if options.image is None:
        _parser().error("IMAGE is missing")
    if options.stop and (not options.commands or options.gdb is not None):
        _parser().error("-S is for -ex commands, and --gdb does not go with it")
    image = _image(options.image)
    if is_boot_sector(image) and not is_multiboot(image):
        options.disk.insert(0, options.image)
    with _serial(options.serial) as (output, source), contextlib.ExitStack() as stack:
        disks = [stack.enter_context(disk) for disk in _disks(options.disk)]
        return _run(options, image, output, source, disks)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="highmem run --bare", allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run a bare-metal 32-bit program on a PC without the Python kernel.", epilog=_STATUSES,
    )  # fmt: skip
    parser.add_argument("image", metavar="IMAGE", nargs="?", help="a Multiboot ELF, a disk image, or a C file")
    parser.add_argument("--ram", type=size, default=256 << 20, metavar="SIZE", help="default 256M")
    parser.add_argument("--cpus", type=int, default=1, choices=range(1, 33), metavar="N", help="1 to 32, default 1")
    parser.add_argument("--cpu", metavar="MODEL", help="a CPU model, as qemu32, pentium3, Haswell; 'help' lists them")
    parser.add_argument("--append", default="", metavar="WORDS", help="the program's command line")
    parser.add_argument("--module", "--initrd", dest="modules", action="append", default=[], metavar="FILE[ WORDS]",
                        help="a Multiboot module with its command line; can be repeated")  # fmt: skip
    parser.add_argument("--disk", action="append", default=[], metavar="FILE",
                        help="an IDE disk, up to four; written to")  # fmt: skip
    parser.add_argument("--serial", default="stdio", metavar="stdio|pty|FILE", help="where the serial port leads")
    parser.add_argument("-S", dest="stop", action="store_true",
                        help="stop before the first instruction, for -ex break, stepi, continue ...; when the "
                        "commands are at their end, the program goes on to its own")  # fmt: skip
    parser.add_argument(GDB, metavar="PORT|PATH", nargs="?",
                        help="wait for gdb before the first instruction, as 'highmem run --gdb'")  # fmt: skip
    parser.add_argument(FAULTS, metavar="FILTER", nargs="?",
                        help="a line on stderr for each exception, as of 'highmem run --faults'")  # fmt: skip
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="end the machine after so long (124)")
    parser.add_argument("-ex", dest="commands", action="append", default=[], metavar="COMMAND",
                        help="a monitor command afterwards; can be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="monitor answers as JSON, an object a line")
    parser.add_argument("-v", "--verbose", action="store_true", help="say on stderr how the run ended")
    return parser


def _disks(paths: list[str]) -> Iterator[contextlib.closing[Disk]]:
    from hw.devices.disk import Disk

    if len(paths) > 4:
        raise HighmemError("a PC has four IDE disks at most")
    for path in paths:
        yield contextlib.closing(Disk(path))


@contextlib.contextmanager
def _serial(where: str) -> Iterator[tuple[Callable[[bytes], None], int | None]]:
    """The function that takes what the guest sends, and the descriptor that it receives from."""
    if where == "stdio":
        sys.stdout.flush()
        stream = sys.stdout.buffer

        def write(data: bytes) -> None:
            stream.write(data)
            stream.flush()  # somebody may wait for a prompt

        yield write, sys.stdin.fileno() if _readable(sys.stdin) else None
    elif where == "pty":
        master, slave = os.openpty()
        tty.setraw(slave)
        sys.stderr.write(f"highmem: the serial port is {os.ttyname(slave)}\n")
        try:
            yield lambda data: _ignore(os.write(master, data)), master
        finally:
            os.close(slave)
            os.close(master)
    else:
        with open(where, "wb") as file:
            yield lambda data: _ignore(file.write(data)), None


def _readable(stream: Any) -> bool:
    try:
        return stream is not None and not stream.closed and stream.fileno() >= 0
    except (OSError, ValueError):
        return False


def _ignore(_count: int) -> None:
    """What a write returns is of no interest here."""


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _image(path: str) -> bytes:
    if path.endswith(".c"):
        from guest.bare import build
        from tools.progress import Progress

        progress = Progress(sys.stderr)
        try:
            return build(path, progress.status).read_bytes()
        finally:
            progress.clear()
    return _read(path)


def _run(options: argparse.Namespace, image: bytes, output: Callable[[bytes], None], source: int | None,
         disks: list[Disk]) -> int:  # fmt: skip
    from guest.bare import BareSymbols
    from hw.bare import BarePC
    from hw.e820 import E820Map
    from hw.multiboot import Module

    modules = []
    for text in options.modules:
        path, _, _ = text.partition(" ")
        modules.append(Module(_read(path), text))
    with BarePC(E820Map.pc(options.ram), options.cpus, options.cpu, serial=output, serial_in=source,
                disks=disks) as machine:  # fmt: skip
        machine.load(image, options.image, options.append, modules)
        program = BareSymbols(image, options.image) if options.commands or options.gdb is not None else None
        session = BareSession(machine, record=bool(options.commands), tell=options.faults, program=program)
        report = _controlled(options, machine, session, image)
        sys.stdout.flush()
        status = _status(report)
        if report.kind != "exit" or options.verbose:
            sys.stderr.write("".join(f"highmem: {line}\n" for line in report.lines))
        well = session.well and (not options.commands or session.answer(options.commands, options.json))
        return status or (0 if well else _FAILED)


def _controlled(options: argparse.Namespace, machine: BarePC, session: BareSession, image: bytes) -> Report:
    """Run the machine, under gdb if that is wanted."""
    if options.stop:
        return _stopped(options, machine, session)
    if options.gdb is None:
        return machine.run(options.timeout)
    from tools.gdb.session import BareGdbSession

    def tell(line: str) -> None:
        print(f"highmem: {line}", file=sys.stderr, flush=True)

    with BareGdbSession(session.monitor(), machine, image, options.gdb, tell) as gdb:
        return gdb.run(options.timeout)


def _stopped(options: argparse.Namespace, machine: BarePC, session: BareSession) -> Report:
    """Run the machine from stop to stop, as the commands say."""
    from tools.commands.bare_stops import BareControl

    reports: list[Report] = []

    def run() -> int:
        reports.append(control.run(options.timeout))
        return _status(reports[0])

    control = BareControl(session, machine)
    session.control = control
    control.begin(run)
    try:
        session.well = session.answer(options.commands, options.json)
        options.commands = []
    finally:
        control.end()
    return reports[0]


def _status(report: Report) -> int:
    if report.status is not None:
        return report.status
    return {"timeout": _TIMEOUT, "interrupted": _INTERRUPTED}.get(report.kind, _ABORTED)


class _NoKernel:
    """Stands where commands expect a kernel: RAM and CPUs are there, everything else is not."""

    def __init__(self, machine: BarePC) -> None:
        self.machine = machine
        self.ram = machine.ram

    def __getattr__(self, name: str) -> Any:
        raise CommandError("a bare-metal program has no Linux kernel to look into")


@dataclass(frozen=True, slots=True)
class BareFault:
    """An exception of a bare machine, numbered from 0, and on which CPU."""

    number: int
    cpu: int
    record: FaultRecord

    @property
    def cause(self) -> str:
        """The rule that was broken, for another vector than a page fault its name."""
        return self.record.reason or self.record.exception

    pid = property(lambda self: 0)
    region = verdict = property(lambda self: "")

    def __str__(self) -> str:
        return f"{self.record.line(self.number)} {self.record.words()}"


class BareSession(Session):
    """A bare machine to look at. With `record` or `tell` it counts what is delivered from now on.

    It keeps the last exceptions. tell: a filter (guest.faults); what it chooses is printed on stderr.
    """

    bare = True
    #: whether the commands have gone well that were answered while the program stood
    well = True

    def __init__(
        self, machine: BarePC, cpu: int = 0, *, record: bool = False, tell: str | None = None,
        program: BareSymbols | None = None,
    ) -> None:  # fmt: skip
        super().__init__(_NoKernel(machine), cpu)  # type: ignore[arg-type]
        self._program = program
        self._machine = machine
        self.processors = machine.processors
        self.delivered: Counter[int] = Counter()
        self.faults: deque[BareFault] = deque(maxlen=_KEPT)
        self._exceptions = 0
        for each in machine.cpus if record or tell is not None else ():
            each.delivery.listener = self._listener(each, tell)

    def _listener(self, cpu: BareCPU, tell: str | None) -> Callable[[Event], None]:
        from guest.faults import FaultFilter
        from hw.fault import is_exception
        from hw.fault_reader import FaultReader

        reader, chosen, delivered = FaultReader(cpu), FaultFilter(tell or ""), self.delivered

        def listen(event: Event) -> None:
            delivered[event.vector] += 1
            if not is_exception(event.vector, event.error_code):
                return
            fault = BareFault(self._exceptions, cpu.index, reader.read(cpu.frame, event.vector, event.error_code))
            self._exceptions += 1
            self.faults.append(fault)
            if tell is not None and chosen(fault):
                sys.stderr.write(f"{fault}\n")

        return listen

    def answer(self, commands: list[str], as_json: bool) -> bool:
        """Answer monitor commands on stdout; whether all went well."""
        return self.monitor().answer_all(commands, sys.stdout, sys.stderr, as_json)

    def monitor(self) -> Monitor:
        """The commands that need no kernel, over this machine."""
        from tools.commands import (
            bare,
            bare_stops,
            code,
            descriptors,
            info,
            memory,
            pagewalk,
            search,
            structs,
            tlb,
            translate,
            why,
        )
        from tools.monitor import Monitor
        from tools.registry import Registry

        registry = Registry()
        for module in (
            translate, pagewalk, info, tlb, memory, structs, search, code, descriptors, why, bare, bare_stops,
        ):  # fmt: skip
            module.register(registry)
        return Monitor.over(self, registry)

    def screen(self) -> Screen:
        """What the VGA shows."""
        return self._machine.screen()

    @property
    def cpu(self) -> CPU:
        return self._machine.cpus[self.cpu_number]

    @property
    def low_memory(self) -> int:
        return 0

    def regions(self) -> list[Region]:
        """A bare machine's address space has no names."""
        return []

    def symbol(self, name: str) -> int | None:
        return self._program.address(name) if self._program else None

    def function(self, address: int) -> tuple[str, int, int] | None:
        return self._program.symbol(address) if self._program else None

    def line(self, address: int) -> tuple[str, int] | None:
        return self._program.line(address) if self._program else None

    def symbols(self) -> Iterable[SymbolEntry]:
        return self._program.each() if self._program else ()

    @property
    def types(self) -> Types:
        from guest.types import Types

        return self._program.types if self._program else Types(None)
