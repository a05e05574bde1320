"""The commands that need no kernel, on a bare machine whose program has paging on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tools.cli import main

LINES = (
    "bt", "sym main", "dis main 3", "pagewalk", "pgcost", "aliases 100", "vtop main", "gva2gpa main", "pte 1067",
    "rd -s $esp 4", "hexdump main 16", "telescope $esp 3", "search -n 2 main", "ptdiff now now", "struct fault",
)  # fmt: skip

PROGRAM = """
#include "bare.h"
struct fault { int vector; unsigned flags:4; struct { short x; } inner[2]; } last = { 14, 3, { { 1 }, { -2 } } };
static unsigned directory[1024] __attribute__((aligned(4096)));
static __attribute__((noinline)) void leave(int n) { exit(n); }
int main(void)
{
	for (unsigned i = 0; i < 32; i++)
		directory[i] = i << 22 | 0x83;
	directory[512] = 0x83;
	asm volatile("mov %%cr4, %%eax; or $0x10, %%eax; mov %%eax, %%cr4" : : : "eax");
	asm volatile("mov %0, %%cr3; mov %%cr0, %%eax; or $0x80000000, %%eax; mov %%eax, %%cr0" : : "r"(directory) : "eax");
	leave(0);
	return 0;
}
"""


@pytest.fixture
def answers(tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    source = tmp_path_factory.mktemp("bare") / "paged.c"
    source.write_text(PROGRAM)

    def run(*lines: str, status: int = 1, options: tuple[str, ...] = ()) -> list[str]:
        words = [word for line in lines for word in ("-ex", line)]
        assert main(["run", "--bare", str(source), *options, *words]) == status
        out, err = capsys.readouterr()
        return [out, err]

    return run


def test_every_command(answers: Callable[..., list[str]]) -> None:
    out, err = answers(*LINES, options=("--json",))
    assert not err
    found = {one["command"]: one["result"] for one in map(json.loads, out.splitlines())}
    assert list(found) == list(LINES)
    names = [call["place"]["name"] for call in found["bt"][0]["calls"]]
    assert names == ["exit", "leave", "main", "start", "_start"]
    assert found["sym main"][0]["file"].endswith("paged.c") and len(found["dis main 3"]["instructions"]) == 3
    main_at = found["sym main"][0]["address"]
    first, last = found["pagewalk"][0], found["pagewalk"][-1]
    assert (first["start"], first["physical"]) == (0, 0) and (last["start"], last["physical"]) == (0x8000_0000, 0)
    assert [row["linear"] for row in found["aliases 100"]["aliases"]] == [0x10_0000, 0x8010_0000]
    assert found["gva2gpa main"] == found["vtop main"]["physical"] == main_at
    assert found["pgcost"]["size"] == 4096 and found["pgcost"]["spaces"][0]["own"] == 4096
    assert len(found["search -n 2 main"]["hits"]) <= 2 and found["ptdiff now now"]["changes"] == []
    assert found["struct fault"]["views"][0]["size"] == 12


def test_text(answers: Callable[..., list[str]]) -> None:
    out, err = answers("struct fault last", "bt", "dis -s leave")
    assert "vector = 14,\n  flags = 0x3,\n" in out and "x = -2\n" in out and not err
    assert " #2 [" in out and "paged.c:" in out


def test_what_needs_a_kernel(answers: Callable[..., list[str]]) -> None:
    _, err = answers("bt 1", "vtop --pid 1 main", "struct page", status=1)
    assert "a bare-metal program has no tasks" in err and "no Linux kernel" in err and "no type is called 'page'" in err
