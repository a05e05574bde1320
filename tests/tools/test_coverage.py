"""--coverage: the lines that a program runs, as lcov has them; --schedules: seeds that make a race show."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guest.coverage import FileCoverage, merge, read_lcov, write_lcov
from hw.errors import HighmemError
from tools import cli

PROGRAM = """\
/* highmem: --ram 64M */
#include <linux/kernel.h>

static noinline int never(int n)
{
	return n + 1;
}

static noinline int half(int n)
{
	if (n > 100)
		return never(n);
	return n / 2;
}

int main(int argc, char **argv)
{
	int i, sum = 0;

	for (i = 0; i < 10; i++)
		sum += half(i);
	return sum != 20;
}
"""
RACE = """\
/* highmem: --cpus 2 --ram 64M */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/completion.h>

static volatile int counter;
static DECLARE_COMPLETION(done);

static int count(void *unused)
{
	int i;

	for (i = 0; i < 50; i++) {
		int old = counter;

		if (old >= 0)
			counter = old + 1;
	}
	if (unused)
		complete(&done);
	return 0;
}

int main(int argc, char **argv)
{
	struct task_struct *other = kthread_create(count, &counter, "counter");

	kthread_bind(other, 1);
	wake_up_process(other);
	count(NULL);
	wait_for_completion(&done);
	return counter != 100;
}
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "lines.c"
    path.write_text(PROGRAM)
    return path


def lines_of(tracefile: Path, source: Path) -> dict[str, int]:
    """How often the lines were run, by their text."""
    found = read_lcov(tracefile.read_text().splitlines(), str(tracefile))[str(source)]
    text = source.read_text().splitlines()
    return {text[line - 1].strip(): count for line, count in found.lines.items()}


def test_lines_are_counted_and_runs_add_up(program: Path, tmp_path: Path) -> None:
    tracefile = tmp_path / "cov.info"
    for runs in (1, 2):
        assert cli.main(["test", str(program), "--coverage", str(tracefile)]) == 0
        lines = lines_of(tracefile, program)
        assert lines["return n + 1;"] == 0 and lines["return never(n);"] == 0
        assert lines["return n / 2;"] == 10 * runs and lines["sum += half(i);"] == 10 * runs
        assert lines["return sum != 20;"] == runs
    found = read_lcov(tracefile.read_text().splitlines(), "x")[str(program)]
    assert found.functions == {"never": (5, 0), "half": (10, 20), "main": (17, 2)}


def test_genhtml_reads_it(program: Path, tmp_path: Path) -> None:
    genhtml = shutil.which("genhtml")
    if genhtml is None:
        pytest.skip("genhtml is not installed (Debian: lcov)")
    tracefile = tmp_path / "cov.info"
    assert cli.main(["test", str(program), "--coverage", str(tracefile)]) == 0
    result = subprocess.run([genhtml, "-o", str(tmp_path / "html"), str(tracefile)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "2 of 3 functions" in result.stdout and "of" in result.stdout
    assert any((tmp_path / "html").rglob("lines.c.gcov.html"))


def test_another_file_is_left_alone(program: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "notes"
    other.write_text("my notes\n")
    assert cli.main(["test", str(program), "--coverage", str(other)]) == 1
    assert "no line of an lcov tracefile" in capfd.readouterr().out and other.read_text() == "my notes\n"


names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
numbers = st.integers(0, 1000)
coverages = st.builds(FileCoverage, st.dictionaries(numbers, numbers, max_size=5),
                      st.dictionaries(names, st.tuples(numbers, numbers), max_size=4))  # fmt: skip
tracefiles = st.dictionaries(names, coverages, max_size=3)


@given(tracefiles)
def test_what_is_written_is_read(files: dict[str, FileCoverage]) -> None:
    assert read_lcov(write_lcov(files).splitlines(), "x") == files


@given(tracefiles, tracefiles)
def test_merged_counts_add(one: dict[str, FileCoverage], two: dict[str, FileCoverage]) -> None:
    whole = read_lcov(write_lcov(one).splitlines(), "x")
    merge(whole, two)
    for name in one.keys() | two.keys():
        for line in whole[name].lines:
            parts = [files[name].lines.get(line, 0) for files in (one, two) if name in files]
            assert whole[name].lines[line] == sum(parts)


@pytest.mark.parametrize("text", ("hello", "DA:1,2", "SF:a\nDA:x,1", "SF:a\nFNDA:1,f"))
def test_damaged_tracefiles(text: str) -> None:
    with pytest.raises(HighmemError, match="no line of an lcov tracefile"):
        read_lcov(text.splitlines(), "x")


@pytest.mark.slow
def test_a_race_shows_under_a_schedule_that_replays(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "race.c"
    path.write_text(RACE)
    assert cli.main(["test", str(path)]) == 0
    capfd.readouterr()
    assert cli.main(["test", str(path), "--schedules", "30"]) == 1
    out = capfd.readouterr().out
    seed = out.partition("it fails with --schedule ")[2].split()[0]
    assert cli.main(["test", str(path), "--schedule", seed]) == 1
    for other in range(int(seed)):
        assert cli.main(["test", str(path), "--schedule", str(other)]) == 0
