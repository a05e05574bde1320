"""`highmem test --fail-all`: each test once for every allocation that it makes, with that one failing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TextIO

from guest.fail_all import Bench, FailRun, Job, Workers
from guest.testing import Failure, is_kunit, kunit_cases
from hw.errors import HighmemError
from mm.fault_inject import Attempt
from tools.progress import Progress
from tools.registry import plain
from tools.testing.programs import load


@dataclass
class Campaign:
    """What became of one test. baseline: what was wrong with no allocation failing; then nothing else is tried."""

    test: str
    allocations: int
    baseline: list[Failure] = field(default_factory=list)
    runs: list[FailRun] = field(default_factory=list)

    @property
    def bad(self) -> list[FailRun]:
        """The runs that showed a mistake, in the order of their allocations."""
        return [run for run in self.runs if run.failures]


class Resume:
    """A file of the runs that are over, a JSON object a line, so that what was ended goes on where it stood."""

    def __init__(self, path: str | None) -> None:
        self._file: TextIO | None = None
        self._known: dict[tuple[str, int], FailRun] = {}
        if path is None:
            return
        file = Path(path)
        for number, line in enumerate(file.read_text().splitlines() if file.exists() else (), 1):
            try:
                row = json.loads(line)
                attempt = Attempt(**row["attempt"]) if row["attempt"] else None
                failures = tuple(Failure(**failure) for failure in row["failures"])
                run = FailRun(row["number"], attempt, row["site"], row["status"], failures)
                self._known[row["key"], run.number] = run
            except (ValueError, KeyError, TypeError):
                raise HighmemError(f"{path}:{number}: no line that --resume wrote") from None
        self._file = file.open("a", encoding="utf-8")

    def known(self, key: str, number: int) -> FailRun | None:
        """The run, if it is over already."""
        return self._known.get((key, number))

    def add(self, key: str, run: FailRun) -> None:
        """A run is over."""
        if self._file is not None:
            self._file.write(json.dumps({"key": key, **asdict(run)}) + "\n")
            self._file.flush()


def campaign(
    path: Path, more: list[str], deep: bool, workers: Workers, resume: Resume, progress: Progress
) -> Iterator[Campaign]:  # fmt: skip
    """Try every test of a file."""
    program, setup = load(path, more)
    cases = kunit_cases(program, setup) if is_kunit(program) else [""]
    for case in cases:
        arguments = (*setup.arguments, f"kunit.filter_glob={case}") if case else setup.arguments
        how = replace(setup, arguments=arguments, plan=None, site="")
        job = Job(program.name, program.file.data, how, deep)
        yield _try(job, f"{path}::{case}" if case else str(path), workers, resume, progress)


def _try(job: Job, name: str, workers: Workers, resume: Resume, progress: Progress) -> Campaign:
    bench = Bench(job)
    try:
        result, count = bench.count()
    finally:
        bench.close()
    found = Campaign(name, count, list(result.failures) if result.outcome == "failed" else [])
    if found.baseline:
        return found
    known = [resume.known(job.key, number) for number in range(1, count + 1)]
    found.runs = [run for run in known if run]
    wanted = [number for number, run in enumerate(known, 1) if run is None]
    for run in workers.fail_all(job, wanted):
        resume.add(job.key, run)
        found.runs.append(run)
        progress.status(f"{name}: {len(found.runs)} of {count} runs, {len(found.bad)} with a mistake")
    found.runs.sort(key=lambda run: run.number)
    return found


def lines(found: Campaign) -> Iterator[str]:
    """The report of one test."""
    if found.baseline:
        yield f"{found.test}: it fails with no allocation failing:"
        yield from (f"    {failure}" for failure in found.baseline)
        return
    bad = found.bad
    yield f"{found.test}: {found.allocations} allocations, {len(found.runs)} runs, {len(bad)} with a mistake"
    for run in bad:
        yield f"  allocation {run.number} ({run.site}) failed:"
        for failure in run.failures:
            first, *rest = str(failure).splitlines()
            yield f"    {first}"
            yield from (f"      {line}" for line in rest)


def fail_all_word(
    paths: list[Path], more: list[str], deep: bool, jobs: int | None, resume: str | None, as_json: bool
) -> int:  # fmt: skip
    """Try all tests and report; 1 where a mistake was found."""
    progress = Progress(sys.stderr)
    good = bad = 0
    memory = Resume(resume)
    with closing(Workers(jobs)) as workers:
        for path in paths:
            for found in campaign(path, more, deep, workers, memory, progress):
                progress.clear()
                if found.baseline or found.bad:
                    bad += 1
                else:
                    good += 1
                print(json.dumps(plain(found)) if as_json else "\n".join(lines(found)), flush=True)
    if not as_json:
        print(f"{good} passed, {bad} failed")
    return 1 if bad else 0
