"""The word `highmem test`: pytest over guest tests, with the plugin of this folder."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.testing.options import add_failing, add_judging

if TYPE_CHECKING:
    import pytest

EXAMPLE = "test guest/tests -k slab"
STATUSES = """\
exit status: 0 where all tests passed (or were skipped); 1 where one failed; 2 for a wrong command line or Ctrl-C;
5 where there was no test; 125 where highmem itself could not do it"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the word that are not the machine's."""
    parser.add_argument("paths", metavar="PATH", nargs="*",
                        help="C files, modules, ELF files, or folders with such (each that is a program; -v says what "
                        "was left out); 'FILE::SUITE.CASE' is one case (default: the paths of pyproject.toml's "
                        "[tool.highmem.test])")  # fmt: skip
    parser.add_argument("-k", dest="keyword", metavar="EXPR", help="only tests whose names match, as pytest's -k")
    parser.add_argument("-x", dest="exitfirst", action="store_true", help="end at the first failure")
    parser.add_argument("-n", dest="jobs", type=_jobs, metavar="N",
                        help="so many at a time, 'auto': on every core (pytest-xdist)")  # fmt: skip
    parser.add_argument("--junit", metavar="FILE.xml", help="write the results as JUnit XML")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each test")
    add_judging(parser)
    add_failing(parser)
    parser.add_argument(
        "--fail-all", action="store_true",
        help="run each test once for every allocation that it makes, with that one failing, and report the runs that "
        "oops, leak or damage the kernel's structures",
    )  # fmt: skip
    parser.add_argument("--coverage", metavar="FILE", help="add the source lines that are run to an lcov tracefile")
    parser.add_argument(
        "--schedules", type=int, metavar="N",
        help="run each test whose CPUs, threads or timers leave a choice under N schedules, of the seeds 0 to N - 1, "
        "until one fails",
    )  # fmt: skip
    parser.add_argument("--resume", metavar="FILE", help="with --fail-all: note the runs there, and make none twice")
    parser.add_argument("--json", action="store_true", help="with --fail-all: an object a line for each test")


def _jobs(text: str) -> str:
    if text != "auto" and not (text.isdecimal() and 0 < int(text) <= 1024):
        raise argparse.ArgumentTypeError(f"must be a number of processes or 'auto', not {text!r}")
    return text


class _LastLine:
    """Counts, and prints the last line."""

    def __init__(self) -> None:
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.counts[report.outcome] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome == "failed":
            self.counts["failed"] += 1

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        skipped = f", {self.counts['skipped']} skipped" if self.counts["skipped"] else ""
        print(f"{self.counts['passed']} passed, {self.counts['failed']} failed{skipped}")


def test(options: argparse.Namespace) -> int:
    """Run the tests; pytest's exit status. Raises HighmemError where there is no pytest."""
    from hw.errors import HighmemError
    from tools.testing.folders import left_out
    from tools.testing.settings import setup_for

    paths = options.paths or _default_paths()
    none = left_out([Path(path) for path in paths if Path(path).is_dir()])
    for file in none if options.verbose else ():
        print(f"{file.path}: left out: {file.why_not}", file=sys.stderr)
    if options.fail_all:
        return _fail_all(options, paths)
    try:
        import pytest
    except ModuleNotFoundError:
        raise HighmemError("tests need pytest: pip install pytest") from None
    if options.jobs and importlib.util.find_spec("xdist") is None:
        raise HighmemError("-n needs pytest-xdist: pip install pytest-xdist")
    for path in paths:
        if not Path(path.partition("::")[0]).exists():
            raise HighmemError(f"{path}: no such file or folder")
    more = machine_words(options)
    setup_for(Path("the command line"), None, more)
    words = ["-p", "tools.testing.plugin", "-p", "no:cacheprovider", "--import-mode=importlib", "--no-header", "-rN",
             "--continue-on-collection-errors", "-W", "ignore::pytest.PytestAssertRewriteWarning",
             "-o", "python_files=", "-o", "norecursedirs=.*", "--highmem-programs",
             "-c", "/dev/null", f"--rootdir={Path.cwd()}", f"--highmem={shlex.join(more)}"]  # fmt: skip
    words += ["-v"] if options.verbose else ["-q"]
    words += [f"--highmem-coverage={os.path.abspath(options.coverage)}"] if options.coverage else []
    words += [f"--highmem-schedules={options.schedules}"] if options.schedules else []
    words += ["-k", options.keyword] if options.keyword else []
    words += ["-x"] if options.exitfirst else []
    words += ["-n", options.jobs] if options.jobs else []
    words += [f"--junit-xml={options.junit}"] if options.junit else []
    sys.stdout.flush()
    status = int(pytest.main([*words, *paths], plugins=[_LastLine()]))
    if status == pytest.ExitCode.NO_TESTS_COLLECTED and none and not options.verbose:
        files = "1 file was" if len(none) == 1 else f"{len(none)} files were"
        print(f"highmem: {files} left out; -v says why", file=sys.stderr)
    return status


def _fail_all(options: argparse.Namespace, paths: list[str]) -> int:
    from tools.testing.fail_all import fail_all_word
    from tools.testing.folders import find

    jobs = None if options.jobs in (None, "auto") else int(options.jobs)
    files, more = list(find(paths)), machine_words(options)
    return fail_all_word(files, more, options.fail_deep, jobs, options.resume, options.json)


def _default_paths() -> list[str]:
    from hw.errors import HighmemError
    from tools.testing.settings import project

    found = project(Path.cwd())
    paths = found[1].get("paths", []) if found else []
    if not found or not isinstance(paths, list) or not paths:
        raise HighmemError("no test was named, and no pyproject.toml has [tool.highmem.test] with paths = [...]")
    return [str(found[0] / str(path)) for path in paths]


def machine_words(options: argparse.Namespace) -> list[str]:
    """The options of the command line that are for every test, as words again."""
    from tools.testing.settings import options_parser

    words: list[str] = []
    for action in options_parser()._actions:
        value = getattr(options, action.dest, action.default)
        if value == action.default:
            continue
        option = action.option_strings[-1]
        for each in value if isinstance(action, argparse._AppendAction) else [value]:
            if action.nargs == 0:
                words.append(option)
            elif action.dest == "args":
                words.append(f"{option}={shlex.join(each)}")
            else:
                words.append(f"{option}={'='.join(each) if isinstance(each, tuple) else each}")
    return words
