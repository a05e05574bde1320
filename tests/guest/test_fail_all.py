"""A test run once for every allocation that it makes: every run is reported, and mistakes on error paths are found."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from guest import cc
from guest.fail_all import Bench, FailRun, Job, Workers
from guest.testing import Setup
from mm.fault_inject import Plan
from mm.setup import BootOptions

HERE = Path(__file__).resolve().parent
BOOT = BootOptions(ram=32 << 20)


@pytest.fixture(scope="module")
def job(cache: Path) -> Job:
    path = cc.build([HERE / "programs" / "fail_all.c"], BOOT.layout)
    return Job("fail_all.c", path.read_bytes(), Setup(BOOT))


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
    deep = Bench(replace(job, deep=True))
    plain = deep.run(Plan())
    deep.close()
    assert len(plain[1]) > 200


AFTER_FREE = """#include <linux/slab.h>
int main(void)
{
	char *volatile p = kmalloc(100, GFP_KERNEL), *q = p ? kmalloc(100, GFP_KERNEL) : NULL;

	if (!q) {
		kfree(p);
		return p && *p == 1;
	}
	kfree(q);
	kfree(p);
	return 0;
}
"""


@pytest.mark.parametrize("tools", [(), ("check_access",), ("check_access", "check_uninit", "check_tlb")])
def test_with_the_tools_that_watch(build: Callable[..., Path], tools: tuple[str, ...]) -> None:
    job = Job("after_free.c", build(AFTER_FREE).read_bytes(), Setup(BOOT, **dict.fromkeys(tools, True)))
    bench = Bench(job)
    assert bench.count()[1] == 2
    for _ in range(2):
        assert bench.fail(1).failures == ()
        found = bench.fail(2).failures
        assert [failure.check for failure in found] == (["access"] if tools else [])
        if tools:
            assert found[0].text == "BUG: KASAN: use-after-free in main+0x" + found[0].text.partition("+0x")[2]
    assert bench.count()[0].outcome == "passed"
    bench.close()
    assert pickle.loads(pickle.dumps(job)).key == job.key


def test_a_key_tells_jobs_apart(job: Job) -> None:
    off = replace(job, setup=replace(job.setup, off=frozenset({"leaks", "fsck", "log"})))
    deep, more = replace(job, deep=True), replace(job, setup=replace(job.setup, arguments=("x",)))
    assert len({job.key, off.key, deep.key, more.key, replace(job, elf=job.elf + b"1").key}) == 5


IN_LIBRARY = """#include <linux/slab.h>
#include <linux/string.h>
static noinline char *copy(const char *text)
{
	return kstrdup(text, GFP_KERNEL);
}

int main(void)
{
	kfree(copy("text"));
	return 0;
}
"""


def test_who_called_the_library(build: Callable[..., Path]) -> None:
    bench = Bench(Job("copies.c", build(IN_LIBRARY, name="copies.c").read_bytes(), Setup(BOOT)))
    site = bench.fail(1).site
    bench.close()
    assert re.fullmatch(
        r"kmalloc of 5 bytes by \w+\+0x\S+( \[copies\])? \(guest/lib/\w+\.c:\d+\), "
        r"called by copy\+0x\S+( \[copies\])? \(\S*copies\.c:5\)", site
    ), site  # fmt: skip
