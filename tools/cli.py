"""The `highmem` command: `highmem run|boot|build|monitor|selftest|check` (the same as `python3 -m tools ...`).

Exit statuses: the guest's own for `run`; 1 for a monitor command or a self-test that failed or found damage; 2 for
a wrong command line; 124 timeout, 130 Ctrl-C, 137 a guest that died in an oops; 125 for what highmem itself cannot do.
Importing this module imports only the standard library, so that help needs no environment.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from tools.options import apply_settings, boot_options, machine_options, with_values
from tools.progress import Progress

if TYPE_CHECKING:
    from guest.elf import Program
    from guest.kernel import Kernel
    from mm.layout import Layout

VERSION = "0.1.0"
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_OWN_ERROR = 125
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

OWN_PACKAGES = ("hw", "mm", "guest", "tools")
SOURCES = (".c", ".S", ".s")


def main(arguments: list[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit status. Never raises an Exception."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a guest prints what it likes
    try:
        if _is_bare(arguments):
            from tools import bare

            return bare.main(arguments[1:])
        options = _parse(arguments)
        status = _WORDS[options.word](options)
        sys.stdout.flush()
        return status
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer must not be tried again when Python ends.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:   # whatever happened, a user gets one line
        return _report(error)


def _is_bare(arguments: list[str]) -> bool:
    """Whether this is `run --bare`, which has options of its own."""
    return arguments[:1] == ["run"] and "--bare" in arguments[:arguments.index("--") if "--" in arguments else None]


def _report(error: Exception) -> int:
    from hw.errors import HighmemError

    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if isinstance(error, HighmemError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in OWN_PACKAGES:
        text = f"the Python package {error.name} is missing (pip install highmem; in a checkout: remove .venv)"
    elif isinstance(error, MemoryError):
        text = "this machine has not enough memory"
    else:
        if os.environ.get("HIGHMEM_DEBUG"):
            raise error
        text = f"a fault in highmem itself: {type(error).__name__}: {error} (HIGHMEM_DEBUG=1 shows where)"
    sys.stderr.write(f"highmem: error: {text}\n")
    return EXIT_OWN_ERROR


def usage_status(arguments: list[str]) -> int | None:
    """The exit status of a command line that is answered by its parsing alone (help, a mistake); None for others."""
    try:
        _parse(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    return None


# The command line


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Options may stand before and after PROGRAM and its arguments; after `--` all is the program's."""
    top, words = _parsers()
    if not arguments or arguments[0] not in words:
        options = top.parse_args(arguments or ["--help"])
        return options
    parser = words[arguments[0]]
    arguments = arguments[1:]
    theirs: list[str] = []
    if "--" in arguments and parser.get_default("word") in ("run", "monitor", "check"):
        at = arguments.index("--")
        arguments, theirs = arguments[:at], arguments[at + 1 :]
    if parser.get_default("word") == "check":
        options, rest = parser.parse_known_args(arguments)
        options.pytest = rest + theirs
        return options
    if parser.get_default("word") == "selftest":
        return parser.parse_args(arguments)
    options = parser.parse_intermixed_args(with_values(arguments))
    if not options.program and theirs:
        options.program, *theirs = theirs
    if not options.program and options.word in ("run", "build"):
        parser.error("PROGRAM is missing")
    if options.ram is not None and options.e820:
        parser.error("--e820 gives the whole map: --ram does not go with it")
    if theirs:
        options.arguments += theirs
    if getattr(options, "with_files", None) and not (options.program or "").endswith(SOURCES):
        parser.error("--with adds a C file to a PROGRAM that is a C file")
    return options


_RUN_STATUSES = """\
exit status: the program's own (the low byte of what main returns); 137 after an oops or a panic, 124 after
--timeout, 130 after Ctrl-C; 1 where the program returned 0 but an -ex command failed or found damage;
125 where highmem itself could not do it (no such file, no compiler, ...), 2 for a wrong command line"""
_MONITOR_STATUSES = """\
exit status: 0; 1 where a command failed or found damage; 125 where highmem itself could not do it"""


_SELFTEST = """\
mmu: every combination of page-directory and page-table entry, two-level and PAE, is read, written and fetched
from, once and twice, by ring 0 and ring 3, under all settings of WP, PSE, PGE, NXE, SMEP, SMAP and AC; the CPU,
the page-table walker and the tables of Intel's manual must agree on the translation, the error code, and the A
and D bits afterwards. It takes about a minute, with --quick some seconds.

exit status: 0; 1 where something differs; 125 where highmem itself could not do it"""


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    prog = "highmem" if os.path.basename(sys.argv[0]) == "highmem" else "python3 -m tools"
    top = argparse.ArgumentParser(
        prog=prog, description="An emulated i386 PC whose memory manager can be seen.", allow_abbrev=False,
        epilog=f"Example: {prog} run guest/programs/tour.c",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"highmem {VERSION}")
    subparsers = top.add_subparsers(metavar="WORD", required=True)
    words: dict[str, argparse.ArgumentParser] = {}
    machine = machine_options()

    def word(
        name: str, summary: str, example: str, statuses: str = "", *, boots: bool = True
    ) -> argparse.ArgumentParser:
        parser = subparsers.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + ".", allow_abbrev=False,
            epilog=(statuses + "\n\n" if statuses else "") + f"Example: {prog} {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter, parents=[machine] if boots else [],
        )  # fmt: skip
        parser.set_defaults(word=name)
        words[name] = parser
        return parser

    run = word("run", "run a kernel program; its printk goes to stdout, its result is the exit status",
               "run guest/programs/tour.c --ram 64M -ex slabinfo", _RUN_STATUSES)  # fmt: skip
    run.usage = "%(prog)s [OPTION ...] PROGRAM [ARG ...]"
    run.add_argument("program", metavar="PROGRAM", nargs="?", help="a C file, or an ELF: executable, object or module")
    run.add_argument(
        "arguments", metavar="ARG", nargs="*",
        help="for main(), NAME=VALUE for a module; after '--' also such that begin with '-'",
    )  # fmt: skip
    _add_program_options(run)
    run.add_argument("--bare", action="store_true",
                     help="PROGRAM is a bare-metal image: no kernel ('run --bare --help' tells more)")  # fmt: skip
    run.add_argument("--trace", metavar="FILE", help="write what the memory manager does: one JSON object a line")
    run.add_argument("-v", "--verbose", action="store_true", help="the boot log, to stderr")

    boot = word("boot", "start a machine and print its boot log", "boot --ram 64M")
    boot.usage = "%(prog)s [OPTION ...]"
    boot.set_defaults(program=None)

    build = word("build", "compile a kernel program to an ELF executable", "build guest/programs/tour.c -o tour")
    build.usage = "%(prog)s [OPTION ...] PROGRAM -o ELF"
    build.add_argument("program", metavar="PROGRAM", nargs="?", help="a C file")
    build.add_argument("-o", "--output", metavar="ELF", required=True, help="the file to write")
    _add_with(build)

    monitor = word(
        "monitor", "look at a machine: at a prompt, or by -ex; freshly started or after a program",
        "monitor -ex 'vtop c0100000' -ex 'info mem'", _MONITOR_STATUSES)  # fmt: skip
    monitor.usage = "%(prog)s [OPTION ...] [PROGRAM [ARG ...]]"
    monitor.add_argument("program", metavar="PROGRAM", nargs="?", help="run this first; its printk goes to stderr")
    monitor.add_argument("arguments", metavar="ARG", nargs="*", help="for its main()")
    _add_program_options(monitor)
    monitor.add_argument("-v", "--verbose", action="store_true", help="the boot log, to stderr")

    selftest = word("selftest", "prove a part of the machine on this host", "selftest mmu", _SELFTEST, boots=False)
    selftest.add_argument("part", metavar="PART", choices=["mmu"], help="mmu")
    selftest.add_argument("--quick", action="store_true", help="a few settings of the control registers, not all")
    selftest.add_argument("--json", action="store_true", help="the report as JSON")

    check = word("check", "run the project's test suite (in a checkout)", "check --all tests/tools", boots=False)
    check.usage = "%(prog)s [-h] [--all] [PYTEST-ARG ...]"
    check.add_argument("--all", action="store_true", help="the slow tests too (as where CI is set in the environment)")
    return top, words


def _add_program_options(parser: argparse.ArgumentParser) -> None:
    _add_with(parser)
    parser.add_argument(
        "--check-tlb", action="store_true",
        help="report each access that could use a stale translation: a page-table entry was changed and the CPU not "
        "told (a report goes to the kernel log, the program goes on by the page tables, its status stays its own; "
        "'-ex \"info tlb -s\"' lists what is left)",
    )  # fmt: skip
    parser.add_argument(
        "--tlb-entries", type=_entries, metavar="N",
        help="--check-tlb with TLBs of N entries, where a new one drives out the oldest (default: all stay)",
    )  # fmt: skip
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="end the program after so long (124)")
    parser.add_argument("-ex", dest="commands", action="append", default=[], metavar="COMMAND",
                        help="a monitor command afterwards, answered on stdout; can be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="monitor answers as JSON, an object a line")


def _add_with(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--with", dest="with_files", action="append", default=[], metavar="FILE.c",
                        help="one more C file of the program; can be repeated")  # fmt: skip


def _entries(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 8 <= number <= 1 << 20:
        raise argparse.ArgumentTypeError(f"must be 8 to {1 << 20}, not {text!r}")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text!r}")
    return seconds


# The words


def _run(options: argparse.Namespace) -> int:
    status, kernel = _boot_and_run(options, sys.stdout)
    well = _answer(kernel, options)
    return status if status or well else EXIT_FAILED


def _monitor(options: argparse.Namespace) -> int:
    from tools.monitor import Monitor
    from tools.prompt import interact

    status, kernel = _boot_and_run(options, sys.stderr)
    if options.program and status:
        sys.stderr.write(f"highmem: {options.program} ended with status {status}\n")
    if options.commands:
        return 0 if _answer(kernel, options) else EXIT_FAILED
    return 0 if interact(Monitor(kernel), options.json) else EXIT_FAILED


def _answer(kernel: Kernel, options: argparse.Namespace) -> bool:
    from tools.monitor import Monitor

    if not options.commands:
        return True
    return Monitor(kernel).answer_all(options.commands, sys.stdout, sys.stderr, options.json)


def _boot_and_run(options: argparse.Namespace, output: TextIO) -> tuple[int, Kernel]:
    """Boot a machine and run the program on it, if there is one: its exit status, and the kernel afterwards."""
    from guest.elf import LoadError
    from guest.kernel import Kernel

    boot = boot_options(options)
    program = _load(options, boot.layout) if options.program else None
    kernel = Kernel.boot(boot)
    apply_settings(options, kernel)
    if options.check_tlb or options.tlb_entries:
        kernel.check_tlb(options.tlb_entries)
    if options.verbose:
        sys.stderr.write(kernel.log.text())
    kernel.log.console = _console(output)
    status = 0
    if program is not None:
        with _tracing(kernel, getattr(options, "trace", None)):
            try:
                status = kernel.run(program, [options.program, *options.arguments], timeout=options.timeout)
            except LoadError as error:
                more = [text for text in options.arguments if text.endswith(SOURCES)]
                hint = f" (its arguments are no part of the program: --with {more[0]}?)" if more else ""
                raise LoadError(f"{error}{hint}") from None
    output.flush()
    if kernel.halt:
        why = f"after {options.timeout:g} s (--timeout)" if kernel.halt == "timeout" else "by Ctrl-C"
        sys.stderr.write(f"highmem: {options.program} was ended {why}\n")
    return status, kernel


def _console(output: TextIO) -> Callable[[str], None]:
    """What the kernel prints, as it comes."""

    def write(text: str) -> None:
        output.write(text)
        output.flush()

    return write


def _load(options: argparse.Namespace, layout: Layout) -> Program:
    """The program of the command line, compiled if it is C; raises HighmemError or OSError."""
    from guest import cc, elf
    from guest.calls import SYMBOLS

    if options.program.endswith(SOURCES):
        return elf.read(_compile(options, layout, "rel"), options.program)
    program = elf.read(options.program)
    if program.relocatable and any(name not in SYMBOLS for name in program.undefined):
        with contextlib.suppress(cc.CompileError):  # then the loader names what is missing
            return elf.read(_compile(options, layout, "rel"), options.program)  # with the start library
    return program


def _compile(options: argparse.Namespace, layout: Layout, output: Literal["rel", "exec"]) -> Path:
    """The ELF of the command line's C files. The compiler's own words go to stderr as they are."""
    from guest import cc

    progress = Progress(sys.stderr)

    def warn(text: str) -> None:
        progress.clear()
        sys.stderr.write(text)

    def step(line: str) -> None:
        (progress.line if line.startswith("$HIGHMEM_CC") else progress.status)(line)

    sources = _sources(options)
    cc.find_compiler(step)
    try:
        return cc.build(sources, layout, output, progress=progress.status, diagnostics=warn)
    except cc.CompileError as error:
        *diagnostics, reason = str(error).splitlines()
        progress.clear()
        sys.stderr.write("".join(f"{line}\n" for line in diagnostics))
        raise cc.CompileError(reason) from None
    finally:
        progress.clear()


def _sources(options: argparse.Namespace) -> list[Path]:
    """The C files of a program; OSError for one that cannot be read, before a compiler is looked for."""
    paths = [Path(options.program), *map(Path, options.with_files)]
    for path in paths:
        path.open("rb").close()
    return paths


@contextlib.contextmanager
def _tracing(kernel: Kernel, file_name: str | None) -> Iterator[None]:
    from tools.trace import TraceWriter

    if file_name is None:
        yield
        return
    with open(file_name, "w", encoding="utf-8", buffering=io.DEFAULT_BUFFER_SIZE * 16) as file:
        writer = TraceWriter(file, kernel.clock, lambda: kernel.traps.cpu)
        writer.attach(kernel.events)
        try:
            yield
        finally:
            kernel.events.unsubscribe(writer)


def _boot(options: argparse.Namespace) -> int:
    from guest.kernel import Kernel

    kernel = Kernel.boot(boot_options(options))
    apply_settings(options, kernel)
    sys.stdout.write(kernel.log.text())
    return 0


def _build(options: argparse.Namespace) -> int:
    import shutil

    built = _compile(options, boot_options(options).layout, "exec")
    partial = f"{options.output}.{os.getpid()}.new"
    try:
        shutil.copy(built, partial)
        os.replace(partial, options.output)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        error.filename, error.filename2 = options.output, None
        raise
    return 0


def _selftest(options: argparse.Namespace) -> int:
    from tools.selftest import selftest_mmu

    return 0 if selftest_mmu(options.quick, options.json, sys.stdout, Progress(sys.stderr)) else EXIT_FAILED


def _check(options: argparse.Namespace) -> int:
    from tools.check import check

    return check(options.pytest, slow=options.all)


_WORDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "boot": _boot,
    "build": _build,
    "monitor": _monitor,
    "selftest": _selftest,
    "check": _check,
}

if __name__ == "__main__":
    sys.exit(main())
