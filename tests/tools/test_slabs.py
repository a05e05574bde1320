"""The commands that show slabs: their forms, what they say of known objects, mistakes and damage."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.pgtable import PAGE_KERNEL
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

OBJECTS = 800  # of 200 bytes, 19 a slab; 120 stay in use


def held(kernel: Kernel) -> list[int]:
    """The objects of the cache `mine` that are in use, by their addresses."""
    cachep = kernel.slab.find("mine")
    return sorted(o.address for s in kernel.slabs(cachep) for o in s.objects if o.state == "allocated")


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel.boot(BootOptions(ram=1 << 30, nr_cpus=2))
    slab = kernel.slab
    name = slab.kmalloc(5, GFP_KERNEL)
    kernel.ram.write(name - PAGE_OFFSET, b"mine\0")
    cachep = slab.kmem_cache_create(name, 200, 0, 0, 0, 0)
    objects = [slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(OBJECTS)]
    for obj in objects[100:780]:
        slab.kmem_cache_free(cachep, obj)
    yield kernel
    kernel.close()


@pytest.fixture
def monitor(kernel: Kernel) -> Monitor:
    return Monitor(kernel)


def text(monitor: Monitor, line: str) -> str:
    return monitor.execute(line).text


def failure(monitor: Monitor, line: str) -> str:
    with pytest.raises(CommandError) as error:
        monitor.execute(line)
    assert "\n" not in str(error.value)
    return str(error.value)


# kmem -s, kmem -S


def test_kmem_s_has_crashs_form(monitor: Monitor, kernel: Kernel) -> None:
    lines = text(monitor, "kmem -s").splitlines()
    assert lines[0] == "CACHE      OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME"
    cachep = kernel.slab.find("mine")
    slabs = len(kernel.slabs(cachep))
    row = f"{cachep:08x}       200        120  {19 * slabs:8d}  {slabs:5d}     4k  mine"
    assert lines[1] == row
    assert text(monitor, "kmem -s mine").splitlines() == [lines[0], row]
    assert text(monitor, f"kmem -s {cachep:x}").splitlines() == [lines[0], row]
    for line, info in zip(lines[1:], kernel.slabinfo(), strict=True):
        address, size, allocated, total, count, ssize, name = line.split()
        assert (name, int(size), int(total), int(count)) == (info.name, info.objsize, info.num_objs, info.num_slabs)
        assert ssize == f"{4 * info.pagesperslab}k" and int(allocated) <= info.active_objs


def test_kmem_big_s_shows_every_object(monitor: Monitor, kernel: Kernel) -> None:
    cachep = kernel.slab.find("mine")
    answer = monitor.execute("kmem -S mine")
    lines = answer.text.splitlines()
    assert lines[:2] == text(monitor, "kmem -s mine").splitlines()
    shown = [line for line in lines[2:] if not line.startswith(("SLAB", "FREE"))]
    for slab in kernel.slabs(cachep):
        at = lines.index(
            f"{slab.address:08x}  {slab.s_mem:08x}     19  {slab.allocated:9d}  {19 - slab.allocated:4d}"
        )  # fmt: skip
        assert lines[at - 1] == "SLAB      MEMORY    TOTAL  ALLOCATED  FREE" and lines[at + 1] == "FREE / [ALLOCATED]"
        for line, obj in zip(lines[at + 2 : at + 21], slab.objects, strict=True):
            mark = {"cpu": "  (cpu 0 cache)", "shared": "  (shared cache)"}.get(obj.state, "")
            assert line == (f"  [{obj.address:08x}]" if obj.state == "allocated" else f"   {obj.address:08x}{mark}")
    assert len(shown) == 20 * len(kernel.slabs(cachep))
    for mark in ("[", "(cpu 0 cache)", "(shared cache)"):
        assert mark in answer.text
    assert sum(line.startswith("  [") for line in lines) == 120
    assert any(re.fullmatch(r"   [0-9a-f]{8}", line) for line in lines)
    assert len(answer.data["slabs"]) == len(kernel.slabs(cachep)) and not answer.failed


# slab contains


def test_slab_contains(monitor: Monitor, kernel: Kernel) -> None:
    cachep, obj = kernel.slab.find("mine"), held(kernel)[7]
    slab = next(s for s in kernel.slabs(cachep) if s.s_mem <= obj < s.s_mem + 19 * 200)
    number = (obj - slab.s_mem) // 200
    assert text(monitor, f"slab contains {obj + 77:x}").splitlines() == [
        f"{obj + 77:08x} is 77 bytes into object {number} of mine, allocated",
        f"  object  {obj:08x}-{obj + 199:08x}  200 bytes",
        f"  slab    {slab.address:08x}  {slab.inuse} of 19 objects in use or in arrays",
        f"  cache   {cachep:08x}",
    ]
    words = {"free": "free", "cpu": "in the array of CPU 0", "shared": "in the shared array"}
    for state, said in words.items():
        other = next(o for s in kernel.slabs(cachep) for o in s.objects if o.state == state)
        assert text(monitor, f"slab contains {other.address:x}").splitlines()[0].endswith(f"of mine, {said}")
    for address, where in ((slab.address + 8, "the management"), (slab.s_mem + 19 * 200, "what is left over behind")):
        assert re.match(rf"{address:08x} is \d+ bytes into {where}", text(monitor, f"slab contains {address:x}"))
    off = kernel.slab.kmalloc(512, GFP_KERNEL)
    assert monitor.execute(f"slab contains {off + 511:x}").result.place.offset == 511


def test_slab_contains_a_mapped_address(monitor: Monitor, kernel: Kernel) -> None:
    obj = held(kernel)[7]
    high = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    window = kernel.highmem.kmap(high)
    assert "above low memory: no slab is there" in failure(monitor, f"slab contains {window:x}")
    pte = kernel.highmem.pkmap_pte(high)
    kernel.tables.write(pte, kernel.tables.pfn_pte(obj - PAGE_OFFSET >> 12, PAGE_KERNEL))  # now it shows the slab
    at = window + (obj & 0xFFF) + 5
    lines = text(monitor, f"slab contains {at:x}").splitlines()
    assert lines[0] == f"{at:08x} is mapped to {obj + 5:08x}"
    assert lines[1].startswith(f"{obj + 5:08x} is 5 bytes into object ") and lines[1].endswith(" of mine, allocated")


def test_slab_contains_nothing(monitor: Monitor) -> None:
    assert "is in no slab; 'page c0101000'" in failure(monitor, "slab contains c0101000")
    assert failure(monitor, "slab contains 1000").endswith("0x1000 is not mapped")
    assert "an address is missing" in failure(monitor, "slab contains")


# slab dump


def test_slab_dump_is_a_picture(monitor: Monitor, kernel: Kernel) -> None:
    cachep = kernel.slab.find("mine")
    kernel.slab.kmem_cache_shrink(cachep)
    lines = text(monitor, "slab dump mine -n 100").splitlines()
    assert lines[0] == (
        f"mine {cachep:08x}: 19 objects of 200 bytes in a slab of 4k, management of 104 bytes on the slab, "
        "3 colours of 64 bytes"
    )
    assert lines[-1] == "A allocated  . free  c in the array of a CPU  s in the shared array"
    slabs = kernel.slabs(cachep)
    assert len([line for line in lines if line.startswith("slab ")]) == len(slabs) < 50
    assert {slab.colour for slab in slabs} == {0, 64, 128}
    for slab in slabs:
        at = lines.index(
            f"slab {slab.address:08x}  {slab.on_list:<7}  pages {slab.start:08x}  colour {slab.colour}  "
            f"management on the slab  objects {slab.s_mem:08x}  inuse {slab.inuse} of 19  "
            f"free {slab.chain[0] if slab.chain else 'END'}"
        )
        cells = "".join("A" if o.address in held(kernel) else "." for o in slab.objects)
        assert lines[at + 1] == f"      0 {cells}"
        chain = " ".join(line.strip() for line in lines[at + 2 : at + 4])  # a long one goes on in the next line
        assert chain.startswith("chain " + " -> ".join([*map(str, slab.chain), "END"]))
    assert text(monitor, "slab dump mine -n 2").count("\nslab ") == 2
    assert f"... {len(slabs) - 2} more: -n COUNT shows them" in text(monitor, "slabdump mine -n 2")
    wide = text(monitor, "slab dump size-32")
    assert re.search(r"\n +0 .{64}\n +64 .{49}\n", wide) and max(map(len, wide.splitlines())) < 160


def test_slab_dump_of_damaged_slabs(monitor: Monitor, kernel: Kernel) -> None:
    cachep = kernel.slab.find("mine")
    kernel.slab.kmem_cache_shrink(cachep)
    slab = next(slab for slab in kernel.slabs(cachep) if len(slab.chain) > 3)
    at = slab.address - PAGE_OFFSET + 28 + 4 * slab.chain[1] >> 2
    kernel.ram.words[at] = slab.chain[0]
    for line in ("slab dump mine -n 100", "kmem -S mine"):
        answer = monitor.execute(line)
        assert answer.failed and f"the chain comes back to {slab.chain[0]}" in answer.text
    assert "?" in text(monitor, "slab dump mine -n 100") and "  (unknown)" in text(monitor, "kmem -S mine")
    number = kernel.layout["kmem_cache"].word("num")
    kernel.ram.words[(cachep - PAGE_OFFSET >> 2) + number] = 0xFFFFFFFF
    out, err = io.StringIO(), io.StringIO()
    assert not monitor.answer_all(["slab dump mine", "kmem -S mine", "kmem -s"], out, err)
    assert err.getvalue().count(f"struct kmem_cache {cachep:08x}: 4294967295 objects") == 3 and not out.getvalue()


# slabinfo -w


def test_slabinfo_w(monitor: Monitor, kernel: Kernel) -> None:
    for line in ("slabinfo -w mine 40 20 2", 'slabinfo -w "mine 40 20 2"', "slabinfo -w 'mine' 40 20 2"):
        kernel.slabinfo_write("mine", 10, 5, 0)
        answer = monitor.execute(line)
        assert len(answer.result) == 1
        assert answer.text.splitlines()[2].startswith("mine                 120 ")
        assert ": tunables   40   20    2 : slabdata" in answer.text
    assert answer.text.splitlines()[2] in text(monitor, "slabinfo").splitlines()
    assert text(monitor, "fsck").endswith("no damage found\n")


@pytest.mark.variants
@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("slabinfo -w mine 10 20 0", "LIMIT >= BATCHCOUNT >= 1 and SHARED >= 0"),
        ("slabinfo -w mine 0 0 0", "LIMIT >= BATCHCOUNT >= 1"),
        ("slabinfo -w mine 10 5 -1", "SHARED >= 0"),
        ("slabinfo -w mine 100000 5 1", "no memory for arrays of that size"),
        ("slabinfo -w nime 10 5 1", "no cache is called 'nime'; there is mine"),
        ("slabinfo -w mine 10 5", "-w takes the name of a cache and three numbers"),
        ("slabinfo -w mine 10 x 1", "'10 x 1' are no three decimal numbers"),
        ("slabinfo -x", "'-x' is no option of slabinfo"),
        ("slabinfo -s", "only on a machine started with --slab-debug"),
        ("kmem -s sise-64", "there is size-64"),
        ("kmem -s quite-different", "no cache is called 'quite-different'; slabinfo lists them"),
        ("kmem -S", "the name of a cache is missing"),
        ("kmem -S c0101000", "no cache is called 'c0101000', and there is none at 0xc0101000"),
        ("slab dump", "the name of a cache is missing"),
        ("slab dump mine -n 0", "-n takes a number of slabs, 1 or more"),
        ("slab dump mine -n many", "-n takes a number of slabs, 1 or more"),
        ("slabtop -s", "-s takes one of the letters a, b, c"),
        ("slabtop -s x", "-s takes one of the letters a, b, c"),
        ("slabtop -d 0 --watch", "a delay is a number of seconds, not '0'"),
        ("slabtop now", "'now' is no option of slabtop"),
    ],
)
def test_mistakes(monitor: Monitor, kernel: Kernel, line: str, what: str) -> None:
    before = kernel.slabinfo()
    assert what in failure(monitor, line)
    assert [row.limit for row in kernel.slabinfo()] == [row.limit for row in before]


# slabtop


def test_slabtop_has_procpss_form(monitor: Monitor, kernel: Kernel) -> None:
    rows = kernel.slabinfo()
    lines = text(monitor, "slabtop").splitlines()
    active, objs = sum(r.active_objs for r in rows), sum(r.num_objs for r in rows)
    size = sum(r.num_objs * r.objsize for r in rows) / 1024
    assert lines[0] == f" Active / Total Objects (% used)    : {active} / {objs} ({100 * active / objs:.1f}%)"
    assert re.fullmatch(r" Active / Total Slabs \(% used\)      : \d+ / \d+ \(\d+\.\d%\)", lines[1])
    used = sum(r.num_objs > 0 for r in rows)
    assert lines[2].startswith(f" Active / Total Caches (% used)     : {used} / {len(rows)} (")
    assert re.fullmatch(rf" Active / Total Size \(% used\)       : \d+\.\d\dK / {size:.2f}K \(\d+\.\d%\)", lines[3])
    assert lines[4] == f" Minimum / Average / Maximum Object : 0.01K / {size / objs:.2f}K / 128.00K"
    assert lines[5:7] == ["", "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME"]
    mine = rows[0]
    use = 100 * mine.active_objs // mine.num_objs
    assert (
        f"{mine.num_objs:6d} {mine.active_objs:6d} {use:3d}%    0.20K {mine.num_slabs:6d}       19 "
        f"{4 * mine.num_slabs:9d}K mine"
    ) in lines
    assert len(lines) == 7 + len(rows)
    assert [row["objs"] for row in monitor.execute("slabtop").data["caches"]] == sorted(
        (row.num_objs for row in rows), reverse=True
    )


@pytest.mark.variants
@pytest.mark.parametrize(
    ("key", "field", "descending"),
    [
        ("a", "active", True), ("b", "obj_per_slab", True), ("c", "cache_size", True), ("l", "slabs", True),
        ("v", "active_slabs", True), ("n", "name", False), ("o", "objs", True), ("p", "pages_per_slab", True),
        ("s", "obj_size", True), ("u", "use", True),
    ],
)  # fmt: skip
def test_slabtop_sorts(monitor: Monitor, key: str, field: str, descending: bool) -> None:
    values = [getattr(row, field) for row in monitor.execute(f"slabtop -s {key}").result.caches]
    assert values == sorted(values, reverse=descending)
    for form in (f"slabtop --sort={key}", f"slabtop --sort {key}"):
        assert text(monitor, form) == text(monitor, f"slabtop -s {key}")


@pytest.mark.slow
def test_slabtop_watches_a_program_to_its_end(tmp_path: Path) -> None:
    source = tmp_path / "busy.c"
    source.write_text(
        "#include <linux/kernel.h>\n#include <linux/slab.h>\n"
        "int main(void) { int i; for (i = 0; i < 400000; i++) { void *p = kmalloc(3000, GFP_KERNEL);"
        " if (i % 4000) kfree(p); } return 7; }\n"
    )
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        monitor, out, err = Monitor(kernel), io.StringIO(), io.StringIO()
        assert not monitor.answer_all(["slabtop --watch"], out, err)
        assert err.getvalue() == "highmem: error: no program was halted in this machine\n" and not out.getvalue()
        program = elf.read(cc.build([source], kernel.layout, "rel"), "busy.c")
        assert kernel.run(program, ["busy.c"], 0.01) == 124
        assert monitor.answer_all(["slabtop --watch -d 0.1"], out, err, as_json=True)
        answers = [json.loads(line)["result"] for line in out.getvalue().splitlines()]
        assert [answer["ended"] for answer in answers] == [None] * (len(answers) - 1) + [7]
        held = [next(r["active"] for r in a["caches"] if r["name"] == "size-4096") for a in answers]
        assert held == sorted(held) and held[-1] >= 100
