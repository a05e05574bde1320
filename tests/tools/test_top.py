"""`highmem top`: what it counts is what the kernel has, in a terminal and in a pipe."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tools import cli

PROGRAM = """
#include <linux/kernel.h>
#include <linux/slab.h>

volatile int never;

int main(int argc, char **argv)
{
	void *kept[300];
	volatile long n;
	int i, round;

	for (i = 0; i < 300; i++)
		kept[i] = kmalloc(2000, GFP_KERNEL);
	for (i = 0; i < 300; i += 2)
		kfree(kept[i]);
	for (round = 0; round < atoi_or(argc, argv); round++)
		for (n = 0; n < 60000000; n++)
			if (never)
				return 1;
	printk("done\\n");
	return 6;
}
""".replace("atoi_or(argc, argv)", "(argc > 1 ? 1000 : 1)")


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "busy.c"
    path.write_text(PROGRAM)
    return str(path)


@pytest.mark.slow
def test_each_look_is_the_kernels(program: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", program, "--ram", "64M", "--json", "-d", "0.1"]) == 6
    looks = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(looks) > 1 and [look["status"] for look in looks] == [None] * (len(looks) - 1) + [6]
    during, end = looks[0], looks[-1]
    cache = {c["name"]: c for c in during["caches"]}["size-2048"]
    assert cache["allocated"] == 150 and cache["total"] >= 300
    counts = {rate["name"]: rate["total"] for rate in end["rates"]}
    assert counts["kmalloc"] >= 300 and counts["kfree"] >= 150
    assert looks[1]["rates"][0]["per_second"] == 0 and during["rates"][0]["per_second"] > 1000
    assert sum(zone["free"] for zone in during["zones"]) < 16384
    assert "busy" in during["tasks"][0] and "idle" in end["tasks"][0]


def test_in_a_pipe_looks_follow_each_other(program: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", program, "x", "--ram", "64M", "-d", "0.05", "-n", "3"]) == 0
    out, err = capfd.readouterr()
    assert out.count("highmem top - ") == 3 and "\x1b" not in out and "size-2048" in out
    assert err == "highmem: the program has not ended\n"


@pytest.mark.slow
def test_in_a_terminal_the_screen_is_drawn_again(program: str) -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable, ["-m", "tools.cli", "top", program, "--ram", "64M", "-d", "0.1"], timeout=60,
        cwd=str(Path(__file__).parents[2]), dimensions=(24, 80), encoding="utf-8",
    )  # fmt: skip
    child.expect_exact("\x1b[?1049h")
    for _ in range(2):
        child.expect_exact("\x1b[Hhighmem top - ")
        child.expect_exact("Normal")
    child.expect_exact("ended with status 6")
    child.expect_exact("\x1b[?1049l")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 6


@pytest.mark.parametrize("words", (["-d", "0"], ["-d", "x"], ["-n", "0"], []))
def test_bad_command_lines(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", *words, *(["a.c"] if words else [])]) == 2
    assert "Traceback" not in capfd.readouterr().err
