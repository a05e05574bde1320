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
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hw.errors import HighmemError
from tools.errors import CommandError
from tools.options import size
from tools.session import Region, Session

if TYPE_CHECKING:
    from hw.bare import BarePC, Report
    from hw.cpu import CPU
    from hw.delivery import Event
    from hw.devices.disk import Disk
    from hw.devices.vga import Screen

_LAST = 16
_TIMEOUT, _INTERRUPTED, _FAILED = 124, 130, 1

_STATUSES = """\
The program's first serial port is stdout; what comes on stdin it receives there.

exit status: what the program writes to port 0xf4: (value << 1) | 1; 124 after --timeout, 130 after Ctrl-C; 1 where
it ends otherwise (a triple fault, a reset, halted for ever), which is said on stderr; or an -ex command failed;
125 where highmem itself could not do it, 2 for a wrong command line"""


def main(arguments: list[str]) -> int:
    """The command line behind `run`; the exit status. Raises HighmemError and OSError."""
    from hw.engine import CPU_MODELS
    from hw.multiboot import is_boot_sector, is_multiboot

    options = _parser().parse_args([argument for argument in arguments if argument != "--bare"])
    if options.cpu == "help":
        sys.stdout.write("".join(f"{name}\n" for name in CPU_MODELS))
        return 0
    if options.image is None:
        _parser().error("IMAGE is missing")
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
    parser.add_argument("--ram", type=size, default=128 << 20, metavar="SIZE", help="default 128M")
    parser.add_argument("--cpus", type=int, default=1, choices=range(1, 33), metavar="N", help="1 to 32, default 1")
    parser.add_argument("--cpu", metavar="MODEL", help="a CPU model, as qemu32, pentium3, Haswell; 'help' lists them")
    parser.add_argument("--append", default="", metavar="WORDS", help="the program's command line")
    parser.add_argument("--module", "--initrd", dest="modules", action="append", default=[], metavar="FILE[ WORDS]",
                        help="a Multiboot module with its command line; can be repeated")  # fmt: skip
    parser.add_argument("--disk", action="append", default=[], metavar="FILE",
                        help="an IDE disk, up to four; written to")  # fmt: skip
    parser.add_argument("--serial", default="stdio", metavar="stdio|pty|FILE", help="where the serial port leads")
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
        session = BareSession(machine, record=bool(options.commands))
        report = machine.run(options.timeout)
        sys.stdout.flush()
        status = _status(report)
        if report.kind != "exit" or options.verbose:
            sys.stderr.write("".join(f"highmem: {line}\n" for line in report.lines))
        if options.commands and not session.answer(options.commands, options.json) and not status:
            return _FAILED
        return status


def _status(report: Report) -> int:
    if report.status is not None:
        return report.status
    return {"timeout": _TIMEOUT, "interrupted": _INTERRUPTED}.get(report.kind, _FAILED)


class _NoKernel:
    """Stands where commands expect a kernel: RAM and CPUs are there, everything else is not."""

    def __init__(self, machine: BarePC) -> None:
        self.machine = machine
        self.ram = machine.ram

    def __getattr__(self, name: str) -> Any:
        raise CommandError("a bare-metal program has no Linux kernel to look into")


class BareSession(Session):
    """A bare machine to look at. With ``record`` it counts what is delivered from now on."""

    bare = True

    def __init__(self, machine: BarePC, cpu: int = 0, *, record: bool = False) -> None:
        super().__init__(_NoKernel(machine), cpu)  # type: ignore[arg-type]
        self._machine = machine
        self.processors = machine.processors
        self.delivered: Counter[int] = Counter()
        self.last_events: deque[tuple[int, Event]] = deque(maxlen=_LAST)
        for each in machine.cpus if record else ():
            each.delivery.listener = self._listener(each.index)

    def _listener(self, index: int) -> Callable[[Event], None]:
        def listen(event: Event) -> None:
            self.delivered[event.vector] += 1
            self.last_events.append((index, event))

        return listen

    def answer(self, commands: list[str], as_json: bool) -> bool:
        """Answer monitor commands on stdout; whether all went well."""
        from tools.commands import bare, descriptors, info, memory, tlb, translate
        from tools.monitor import Monitor
        from tools.registry import Registry

        registry = Registry()
        for module in (translate, info, tlb, memory, descriptors, bare):
            module.register(registry)
        return Monitor.over(self, registry).answer_all(commands, sys.stdout, sys.stderr, as_json)

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
        return None

    def name(self, address: int) -> str | None:
        return None
