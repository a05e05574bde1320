"""The options of tests: how one is judged, and what fails in it. Imports only the standard library, for help's sake."""

from __future__ import annotations

import argparse
import shlex

from tools.options import seconds

TIMEOUT = 60.0
#: what --check-NAME looks at while a test runs
TOOLS = {
    "access": "report accesses to memory that is nobody's: freed, beyond what was asked for, below the stack pointer",
    "uninit": "--check-access, and report where memory that was never written decides something",
    "tlb": "report accesses that could use a stale translation",
}


def add_judging(parser: argparse._ActionsContainer) -> None:
    """The options that say what is looked at."""
    parser.add_argument(
        "--no-check", action="append", default=[], metavar="NAME",
        help="leave out one of the checks after a test (status, log, leaks, fsck, watermarks ...; README.md says what "
        "each looks for); can be repeated",
    )  # fmt: skip
    for name, text in TOOLS.items():
        parser.add_argument(f"--check-{name}", action="store_true", help=text)
    parser.add_argument(
        "--expect", action="append", default=[], metavar="TEXT",
        help="the test must print this; a report that it is a part of is no failure; can be repeated",
    )  # fmt: skip
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS",
                        help=f"host seconds that a test may take (default {TIMEOUT:g})")  # fmt: skip
    parser.add_argument("--args", type=shlex.split, metavar="'ARG ...'", help="arguments of the test's main()")


def add_failing(parser: argparse._ActionsContainer) -> None:
    """The options that make allocations fail."""
    parser.add_argument("--fail-nth", type=_number, metavar="N", help="the program's N-th allocation fails")
    parser.add_argument("--fail-every", type=_number, metavar="N", help="every N-th allocation fails")
    parser.add_argument(
        "--fail", metavar="SITE",
        help="allocations of a call site fail: a function, 'FUNCTION+0xOFFSET' or 'FILE:LINE', as a glob",
    )  # fmt: skip
    parser.add_argument(
        "--fail-deep", action="store_true",
        help="count each allocation, also those that the kernel makes inside of a call (default: calls that allocate)",
    )  # fmt: skip


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 32:
        raise argparse.ArgumentTypeError(f"must be a number from 1 on, not {text!r}")
    return int(text)
