"""pytest's view of guest tests: a file is collected, each case of it is an item with its own result and output.

A C file, module or ELF is a test where it is named on the command line, lies in a folder that pyproject.toml's
[tool.highmem.test] `paths` names, or has a comment with "highmem:" at its head. With --highmem-programs each program in
a folder of the command line is one, too: see tools.testing.folders.
"""

from __future__ import annotations

import linecache
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from guest.elf import Program
    from guest.testing import CaseResult, Failure, Part, Setup

SUFFIXES = (".c", ".o", ".ko", ".elf")
_CONTEXT = 4  # lines of source that are shown before the one that failed


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of highmem's tests."""
    group = parser.getgroup("highmem", "guest tests on an emulated PC")
    group.addoption("--highmem", metavar="OPTIONS", default="",
                    help="options for every guest test, as '--ram 128M --no-check leaks'")  # fmt: skip
    group.addoption("--highmem-coverage", metavar="FILE",
                    help="add the lines that guest tests run to an lcov tracefile")  # fmt: skip
    group.addoption("--highmem-schedules", metavar="N", type=int, default=0,
                    help="run guest tests under the schedules of the seeds 0 to N - 1, until one fails")  # fmt: skip
    group.addoption("--highmem-programs", action="store_true",
                    help="guest tests are all programs for it in the folders of the command line")  # fmt: skip


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A guest test's file."""
    named = _is_named(file_path, parent.config)
    if not named and file_path.suffix not in SUFFIXES:
        return None
    from tools.testing.programs import is_test

    if is_test(file_path, named) or _is_found(file_path, parent.config):
        return GuestFile.from_parent(parent, path=file_path)
    return None


def _is_named(path: Path, config: pytest.Config) -> bool:
    root = config.invocation_params.dir
    return any((root / argument.partition("::")[0]).resolve() == path.resolve() for argument in config.args)


def _is_found(path: Path, config: pytest.Config) -> bool:
    """Whether a file is a program in a folder of the command line."""
    if not config.getoption("--highmem-programs"):
        return False
    from tools.testing.folders import File, look

    for argument in config.args:
        folder = Path(os.path.abspath(config.invocation_params.dir / argument))
        if path.is_relative_to(folder) and folder.is_dir():
            real = folder.resolve()
            if File(real / path.relative_to(folder)) in look(real):
                return True
    return False


class GuestFile(pytest.File):
    """The file of a test program: compiled once, and run once or once for each of its KUnit cases."""

    def collect(self) -> Iterator[pytest.Item]:
        from guest.testing import is_kunit, kunit_cases, run_case

        program, setup = self._load()
        if is_kunit(program):
            for case in kunit_cases(program, setup):
                yield GuestItem.from_parent(self, name=case, run=_Run(program, setup, case))
        elif _says_tap(program):
            run = _Run(program, setup, "")
            run.result = run_case(program, setup)
            for part in run.result.parts:
                yield GuestItem.from_parent(self, name=part.name, run=run, part=part)
            yield GuestItem.from_parent(self, name="(the rest)", run=run, rest=True)
        else:
            yield GuestItem.from_parent(self, name=self.path.stem, run=_Run(program, setup, ""))

    def _load(self) -> tuple[Program, Setup]:
        from tools.testing.programs import load

        root = self.config.invocation_params.dir
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return load(path, shlex.split(self.config.getoption("--highmem")))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        from hw.errors import HighmemError

        return str(excinfo.value) if isinstance(excinfo.value, HighmemError) else super().repr_failure(excinfo)


@dataclass
class _Run:
    """A run of a program, with its result once it is over."""

    program: Program
    setup: Setup
    case: str
    result: CaseResult | None = None


class GuestTestFailed(Exception):
    """A guest test that failed."""

    def __init__(self, failures: list[Failure]) -> None:
        super().__init__("; ".join(map(str, failures)))
        self.failures = failures


class GuestItem(pytest.Item):
    """One case. part: of a program that was run to see what it says: the result that this is about; rest: all else."""

    def __init__(self, *, run: _Run, part: Part | None = None, rest: bool = False, **of_pytest: Any) -> None:
        super().__init__(**of_pytest)
        self._run, self._part, self._rest = run, part, rest

    def runtest(self) -> None:
        run = self._run
        if run.result is None:
            run.result = self._under_schedules(run)
        result = run.result
        outcome, failures, why = result.outcome, result.failures, result.why
        if self._part is not None:
            outcome, failures, why = self._part.outcome, self._part.failures, self._part.why
        elif self._rest:
            said = [failure for part in result.parts for failure in part.failures]
            failures = [failure for failure in failures if failure not in said]
            outcome = "failed" if failures else "passed"
        if not self._part and result.output:
            self.add_report_section("call", "console", result.output)
        self.user_properties.append(("virtual_ns", result.time_ns))
        if outcome == "failed":
            raise GuestTestFailed(failures)
        if outcome == "skipped":
            pytest.skip(why or "the test says so")

    def _under_schedules(self, run: _Run) -> CaseResult:
        """Run it, under one schedule after the other if that was asked for; the first that failed, or the last."""
        from guest.testing import Failure, run_case

        coverage = self.config.getoption("--highmem-coverage")
        setup = replace(run.setup, coverage=bool(coverage))
        seeds = range(self.config.getoption("--highmem-schedules"))
        for seed in seeds or [None]:
            boot = setup.boot if seed is None else replace(setup.boot, schedule=seed)
            result = run_case(run.program, replace(setup, boot=boot), run.case)
            if coverage:
                from tools.coverage import add_to

                add_to(coverage, result.coverage)
            if result.outcome == "failed":
                if seed is not None:
                    result.failures.append(Failure("schedule", f"it fails with --schedule {seed}"))
                break
            if not result.choices:
                break
        return result

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self._line(), f"{self.name} "  # the blank keeps pytest from making "suite::case" of it

    def _line(self) -> int | None:
        """Where the case's function begins in the source, counted from 0."""
        if self.path.suffix != ".c":
            return None
        word = re.escape(self._run.case.rpartition(".")[2] or "main")
        for number, line in enumerate(linecache.getlines(str(self.path))):
            if re.match(rf"[\w\s*]*\b{word}\s*\(", line) and not line.rstrip().endswith(";"):
                return number
        return 0

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        from hw.errors import HighmemError

        if isinstance(excinfo.value, GuestTestFailed):
            return "\n\n".join("\n".join(self._shown(failure)) for failure in excinfo.value.failures)
        return str(excinfo.value) if isinstance(excinfo.value, HighmemError) else super().repr_failure(excinfo)

    def _shown(self, failure: Failure) -> Iterator[str]:
        """A failure as pytest shows one of its own: the source, the line that failed, what was wrong, and where."""
        lines = linecache.getlines(str(self.config.invocation_params.dir / failure.file)) if failure.file else []
        if 0 < failure.line <= len(lines):
            for number in range(max(1, failure.line - _CONTEXT), failure.line):
                yield f"    {lines[number - 1].rstrip()}".rstrip()
            yield f">   {lines[failure.line - 1].rstrip()}"
        label = "" if failure.check == "assert" else f"{failure.check}: "
        for number, line in enumerate(failure.text.splitlines()):
            yield f"E   {label if number == 0 else ''}{line}"
        if failure.file:
            yield f"\n{failure.file}:{failure.line}: {failure.check}"


def _says_tap(program: Program) -> bool:
    return b"TAP version " in program.file.data
