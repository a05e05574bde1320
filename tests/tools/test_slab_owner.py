"""`slab_owner` and `slabinfo -s`, which need a machine started with --slab-debug."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

PROGRAM = """\
#include <linux/slab.h>

static void *held[12];

static void *one(int size)
{
	return kmalloc(size, GFP_KERNEL);
}

int main(void)
{
	struct kmem_cache *mine = kmem_cache_create("mine", 40, 0, 0, NULL, NULL);
	int i;

	for (i = 0; i < 10; i++)
		held[i] = kmalloc(1000, GFP_KERNEL);
	for (i = 0; i < 8; i++)
		kfree(held[i]);
	held[10] = one(300);
	held[11] = kmem_cache_alloc(mine, GFP_KERNEL);
	kmem_cache_alloc(mine, GFP_KERNEL);
	return 0;
}
"""


def boot(tmp_path: Path, option: str | None) -> Kernel:
    source = tmp_path / "holder.c"
    source.write_text(PROGRAM)
    kernel = Kernel.boot(BootOptions(ram=64 << 20, slab_debug=option))
    program = elf.read(cc.build([source], kernel.layout), source.name)
    assert kernel.run(program, [source.name], 20) == 0
    return kernel


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    with boot(tmp_path, "") as kernel:
        yield Monitor(kernel)


def rows(monitor: Monitor, line: str) -> list[str]:
    return [re.sub(r" +", " ", row).strip() for row in monitor.execute(line).text.splitlines()]


def test_who_holds_what(monitor: Monitor) -> None:
    first, *found = rows(monitor, "slab_owner")
    assert first == "OBJECTS BYTES CACHE ALLOCATED AT"
    programs = [row for row in found if "holder.c" in row]
    assert found[: len(programs)] == programs and found[-1].endswith("the kernel itself")
    patterns = (r"2 2048 size-1024 main\+0x\w+ \(.*holder.c:16\)", r"1 512 size-512 .*holder.c:7\)",
                r"1 40 <\w+> main.*holder.c:20\)", r"1 40 <\w+> main.*holder.c:21\)")  # fmt: skip
    programs = [row for row in programs if "holder.c:12" not in row]  # the arrays and lists of the cache
    assert len(programs) == len(patterns)
    assert all(re.fullmatch(pattern, row) for pattern, row in zip(patterns, sorted(programs, key=by_bytes)))


def by_bytes(row: str) -> tuple[int, str]:
    return -int(row.split()[1]), row[row.rindex(":") :]


def test_one_by_one(monitor: Monitor) -> None:
    _, *found = rows(monitor, "slab_owner size-1024 -l")
    held = [row for row in found if "holder.c:16" in row]
    assert len(held) == 2 and all(re.match(r"c[0-9a-f]{7} size-1024 main", row) for row in held)
    for row in held:
        assert "of size-1024, allocated" in monitor.execute(f"slab contains {row.split()[0]}").text
    assert rows(monitor, "slab_owner -n 1")[-1].endswith("more: -n COUNT shows them")


def test_json(monitor: Monitor) -> None:
    data = json.loads(json.dumps(monitor.execute("slab_owner size-1024").data))
    row = next(row for row in data["rows"] if row["place"] and row["place"]["line"] == 16)
    assert (row["objects"], row["bytes"], row["cache"], row["place"]["function"]) == (2, 2048, "size-1024", "main")


@pytest.mark.parametrize(("option", "line", "what"), [
    (None, "slab_owner", "only on a machine started with --slab-debug U"),
    (None, "slabinfo --statistics", "only on a machine started with --slab-debug"),
    ("FZP", "slab_owner", "no cache has last users: the machine was started without U"),
    ("U", "slab_owner size-4096", "objects of size-4096 have no word for their last user"),
    ("U", "slab_owner size-65", "no cache is called 'size-65'"),
    ("U", "slab_owner size-64 size-32", "takes one cache, but got 'size-32' too"),
    ("U", "slab_owner -x", "'-x' is no option of slab_owner"),
    ("U", "slab_owner -n 0", "-n takes a number, 1 or more"),
    ("U", "slab_owner '", "No closing quotation"),
])  # fmt: skip
def test_mistakes(option: str | None, line: str, what: str) -> None:
    with Kernel.boot(BootOptions(ram=64 << 20, slab_debug=option)) as kernel, pytest.raises(CommandError) as error:
        Monitor(kernel).execute(line)
    assert what in str(error.value) and "\n" not in str(error.value)


def test_statistics(monitor: Monitor) -> None:
    """The kernel's own form, tabs and all."""
    head, names, *lines = monitor.execute("slabinfo -s").text.splitlines()
    assert head == "slabinfo - version: 2.1 (statistics)"
    assert names.endswith(
        " : globalstat <listallocs> <maxobjs> <grown> <reaped> <error> <maxfreeable> <nodeallocs> <remotefrees> "
        "<alienoverflow> : cpustat <allochit> <allocmiss> <freehit> <freemiss>"
    )
    row = next(line for line in lines if line.startswith("size-1024 "))
    assert re.search(
        r" : globalstat  *\d+  *\d+  *\d+  *\d+ \t\t\t\t   0  *\d+    0    0    0"
        r" : cpustat  *\d+  *\d+  *\d+  *\d+$", row,
    )  # fmt: skip
    data = next(row for row in monitor.execute("slabinfo -s").data if row["name"] == "size-1024")
    assert data["allochit"] + data["allocmiss"] - data["freehit"] - data["freemiss"] >= 2
    plain = monitor.execute("slabinfo")
    assert "statistics" not in plain.text and "allochit" not in plain.data[0]
