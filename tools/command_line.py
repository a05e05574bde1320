"""The command line: its words, their options and what may go with what.

Importing this module imports only the standard library, so that help needs no environment.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from tools.options import FAULTS, GDB, is_core, machine_given, machine_options, seconds, with_values
from tools.report.command import EXAMPLE as REPORT_EXAMPLE
from tools.report.command import add_options as add_report_options
from tools.testing import command as testing
from tools.testing.options import add_failing
from tools.top import EXAMPLE as TOP_EXAMPLE
from tools.top import add_options as add_top_options
from tools.top import check_options as check_top_options
from tools.trace.command import FORMATS, add_trace_options, add_words, check_options

VERSION = "0.1.0"
SOURCES = (".c", ".S", ".s")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Options may stand before and after PROGRAM and its arguments; after `--` all is the program's."""
    top, words = parsers()
    if not arguments or arguments[0] not in words:
        options = top.parse_args(arguments or ["--help"])
        return options
    parser = words[arguments[0]]
    arguments = arguments[1:]
    theirs: list[str] = []
    if "--" in arguments and parser.get_default("word") in ("run", "monitor", "report", "top", "check"):
        at = arguments.index("--")
        arguments, theirs = arguments[:at], arguments[at + 1 :]
    if parser.get_default("word") == "check":
        options, rest = parser.parse_known_args(arguments)
        options.pytest = rest + theirs
        return options
    if parser.get_default("word") in ("selftest", "trace", "test"):
        return parser.parse_args(arguments)
    options = parser.parse_intermixed_args(with_values(arguments))
    check_options(parser, options)
    if options.word == "top":
        check_top_options(parser, options)
    if not options.program and theirs:
        options.program, *theirs = theirs
    if not options.program and options.word in ("run", "build", "report", "top"):
        parser.error("PROGRAM is missing")
    if getattr(options, "gdb", None) is not None and (not options.program or is_core(options.program)):
        parser.error("--gdb needs a PROGRAM (and an IMAGE is none)")
    if getattr(options, "stop", False):
        if not options.program or is_core(options.program):
            parser.error("-S needs a PROGRAM")
        if options.gdb is not None or options.timeout is not None:
            parser.error(f"{'--gdb' if options.gdb is not None else '--timeout'} does not go with -S")
    if options.ram is not None and options.e820:
        parser.error("--e820 gives the whole map: --ram does not go with it")
    if theirs:
        options.arguments += theirs
    if options.word in ("run", "monitor", "report") and is_core(options.program) and (given := machine_given(options)):
        parser.error(f"{options.program} is a whole machine: {given} does not go with it")
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


def parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
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
    run.add_argument(
        "program", metavar="PROGRAM", nargs="?",
        help="a C file, or an ELF: executable, object or module; or an IMAGE that --save wrote, to go on with it",
    )  # fmt: skip
    run.add_argument(
        "arguments", metavar="ARG", nargs="*",
        help="for main(), NAME=VALUE for a module; after '--' also such that begin with '-'",
    )  # fmt: skip
    _add_program_options(run)
    run.add_argument("--bare", action="store_true",
                     help="PROGRAM is a bare-metal image: no kernel ('run --bare --help' tells more)")  # fmt: skip
    _add_save(run)
    add_failing(run)
    run.add_argument("--coverage", metavar="FILE", help="add the source lines that are run to an lcov tracefile")
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
    monitor.add_argument(
        "program", metavar="PROGRAM", nargs="?",
        help="run this first; its printk goes to stderr; or an IMAGE of run --save: open it",
    )  # fmt: skip
    monitor.add_argument("arguments", metavar="ARG", nargs="*", help="for its main()")
    monitor.add_argument(
        "-S", dest="stop", action="store_true",
        help="stop before the program's first instruction: break, step, continue ... from there on",
    )  # fmt: skip
    _add_program_options(monitor)
    monitor.add_argument("-v", "--verbose", action="store_true", help="the boot log, to stderr")

    report = word("report", "run a program, or open an IMAGE, and write what it did to memory as an HTML page",
                  REPORT_EXAMPLE, _RUN_STATUSES)  # fmt: skip
    report.usage = "%(prog)s [OPTION ...] PROGRAM|IMAGE [ARG ...] -o FILE.html"
    report.add_argument("program", metavar="PROGRAM", nargs="?",
                        help="its printk goes to stderr; or an IMAGE of run --save")  # fmt: skip
    report.add_argument("arguments", metavar="ARG", nargs="*", help="for its main()")
    add_report_options(report)
    _add_with(report)
    report.add_argument("--timeout", type=seconds, metavar="SECONDS", help="end the program after so long (124)")

    top_ = word("top", "run a program and watch zones, orders, slab caches and faults meanwhile", TOP_EXAMPLE)
    top_.usage = "%(prog)s [OPTION ...] PROGRAM [ARG ...]"
    top_.add_argument("program", metavar="PROGRAM", nargs="?", help="its printk goes to the kernel log alone")
    top_.add_argument("arguments", metavar="ARG", nargs="*", help="for its main()")
    add_top_options(top_)
    _add_with(top_)

    selftest = word("selftest", "prove a part of the machine on this host", "selftest mmu", _SELFTEST, boots=False)
    selftest.add_argument("part", metavar="PART", choices=["mmu"], help="mmu")
    selftest.add_argument("--quick", action="store_true", help="a few settings of the control registers, not all")
    selftest.add_argument("--json", action="store_true", help="the report as JSON")

    add_words(word("trace", "sum up a trace that run --trace wrote, or convert it", "trace summary tour.jsonl --top 5",
                   FORMATS, boots=False))  # fmt: skip

    test_ = word("test", "run guest programs as tests, and let no memory mistake through", testing.EXAMPLE,
                 testing.STATUSES)  # fmt: skip
    test_.usage = "%(prog)s [OPTION ...] [PATH ...]"
    testing.add_options(test_)

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
    parser.add_argument(
        "--check-access", action="store_true",
        help="report each access to memory that is free, beyond what was asked for, or below the stack pointer, in "
        "KASAN's form (to the kernel log; the program goes on, its status stays its own; a machine that is started "
        "gets --slab-debug Z, whose red zones part the objects, unless that option says something else)",
    )  # fmt: skip
    parser.add_argument(
        "--check-uninit", action="store_true",
        help="--check-access, and report where memory that nobody has written to since it was allocated decides a "
        "branch or an address, or is given to the kernel",
    )  # fmt: skip
    add_trace_options(parser)
    parser.add_argument(
        FAULTS, metavar="FILTER", nargs="?", type=_faults,
        help="a line on stderr for each fault as it happens: QEMU's of '-d int', then the access, whose the address is "
        "and what the kernel did ('help faults' in the monitor has the filters; '-ex \"fault 0\"' tells all of one)",
    )  # fmt: skip
    parser.add_argument(
        GDB, metavar="PORT|PATH", nargs="?",
        help="wait for gdb before the first instruction, at a port of the loopback interface (default 1234; 0: a free "
        "one) or at a Unix socket (--gdb=PATH); stderr says how to start gdb",
    )  # fmt: skip
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="end the program after so long (124)")
    parser.add_argument("-ex", dest="commands", action="append", default=[], metavar="COMMAND",
                        help="a monitor command afterwards, answered on stdout; can be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="monitor answers as JSON, an object a line")


def _add_save(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--save", metavar="IMAGE",
        help="when the program has ended, or was ended by --timeout or Ctrl-C, write the machine to an ELF core, and "
        "its types and symbols to IMAGE.vmlinux: for gdb, drgn, 'monitor IMAGE', and 'run IMAGE' to go on",
    )  # fmt: skip


def _add_with(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--with", dest="with_files", action="append", default=[], metavar="FILE.c",
                        help="one more C file of the program; can be repeated")  # fmt: skip


def _entries(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 8 <= number <= 1 << 20:
        raise argparse.ArgumentTypeError(f"must be 8 to {1 << 20}, not {text!r}")
    return number


def _faults(text: str) -> str:
    with contextlib.suppress(ModuleNotFoundError):  # without the environment; the filter is read again later
        from guest.faults import FaultFilter
        from hw.errors import HighmemError

        try:
            FaultFilter(text)
        except HighmemError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return text
