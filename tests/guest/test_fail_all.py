"""A test run once for every allocation that it makes: every run is reported, and mistakes on error paths are found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from guest import cc
from guest.fail_all import Bench, FailRun, Job, Workers
from mm.fault_inject import Plan
from mm.setup import BootOptions

HERE = Path(__file__).resolve().parent
BOOT = BootOptions(ram=32 << 20)


@pytest.fixture(scope="module")
def job(cache: Path) -> Job:
    path = cc.build([HERE / "programs" / "fail_all.c"], BOOT.layout)
    return Job("fail_all.c", path.read_bytes(), BOOT, frozenset(), 60, ())


@pytest.fixture(scope="module")
def bench(job: Job):
    bench = Bench(job)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def runs(job: Job, bench: Bench) -> list[FailRun]:
    result, count = bench.count()
    assert (result.outcome, count) == ("passed", 200)
    workers = Workers(1)
    found = sorted(workers.fail_all(job, range(1, count + 1)), key=lambda run: run.number)
    workers.close()
    return found


@pytest.mark.slow
def test_every_run_is_reported(runs: list[FailRun]) -> None:
    assert [run.number for run in runs] == list(range(1, 201))
    assert all(run.attempt is not None and run.attempt.number == run.number for run in runs)
    assert all("kmalloc of " in run.site and "fail_all.c:" in run.site for run in runs)


@pytest.mark.slow
def test_the_three_mistakes_are_found(runs: list[FailRun]) -> None:
    bad = {function: [run for run in runs if run.failures and f" by {function}+" in run.site]
           for function in ("pair", "chain", "label", "main")}  # fmt: skip
    counts = {function: len(found) for function, found in bad.items()}
    assert counts == {"pair": 40, "chain": 77, "label": 40, "main": 0}
    leak = bad["pair"][0].failures
    assert [failure.check for failure in leak] == ["leaks"] and "128 bytes of size-128" in leak[0].text
    assert leak[0].file.endswith("fail_all.c") and leak[0].line == 22
    for run in bad["chain"]:
        assert {failure.check for failure in run.failures} <= {"fsck", "log", "leaks"}
    for run in bad["label"]:
        assert [failure.check for failure in run.failures] == ["log"]
        assert "NULL pointer dereference at virtual address 00000000" in run.failures[0].text


def test_the_good_runs_are_good(runs: list[FailRun]) -> None:
    """The first of a pair, the first link of a chain, the two of main()."""
    good = [run.number for run in runs if not run.failures]
    assert good == [*range(1, 80, 2), 81, 199, 200]
    assert all(run.status == 1 for run in runs if run.number < 159 and run.number in good)


@pytest.mark.slow
def test_two_processes_find_the_same(job: Job, runs: list[FailRun]) -> None:
    workers = Workers(2)
    numbers = [*range(1, 90, 3), *range(150, 200, 5)]
    found = sorted(workers.fail_all(job, numbers), key=lambda run: run.number)
    workers.close()
    assert found == [runs[number - 1] for number in numbers]


def test_the_machine_is_as_before_after_each_run(bench: Bench, runs: list[FailRun]) -> None:
    for number in (160, 2, 160, 90, 2):
        assert bench.fail(number) == runs[number - 1]
    assert bench.count()[0].outcome == "passed"


def test_no_such_allocation(bench: Bench) -> None:
    run = bench.fail(1000)
    assert run == FailRun(1000, None, "", 0, ())


def test_deep_failures_count_more(job: Job) -> None:
    deep = Bench(dataclasses.replace(job, deep=True))
    plain = deep.run(Plan())
    deep.close()
    assert len(plain[1]) > 200
