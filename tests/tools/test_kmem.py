"""The commands that show memory: their forms, their agreement with each other, their answers to mistakes and damage."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator

import pytest

from guest.kernel import Kernel
from hw.errors import HighmemError
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL, GFP_USER
from mm.layout import PAGE_OFFSET
from mm.setup import BootOptions
from tools import cli
from tools.errors import CommandError
from tools.monitor import Monitor

EVERY = (
    "zoneinfo", "meminfo", "vmstat", "show_mem", "kmem -f", "kmem -p", "kmem -p 100 20", "kmem -z", "kmem -i", "page 0",
    "page 1000", "page kernel_strings", "page -p 100000", "frag", "frag DMA", "frag Normal -n 0", "sysctl",
    "page_owner", "page_owner -g", "page_owner --by-line", "kmemleak", "kmemleak -n 3",
)  # fmt: skip


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel.boot(BootOptions(ram=1 << 30))
    held = [kernel.page_alloc.alloc_pages(GFP_KERNEL, order) for order in (0, 1, 2, 3, 0, 5, 0, 1) * 8]
    for page, order in list(zip(held, (0, 1, 2, 3, 0, 5, 0, 1) * 8))[::2]:
        kernel.page_alloc._free_pages(page, order)
    for size in (20, 300, 5000, 100000):
        kernel.slab.kmalloc(size, GFP_KERNEL)
    kernel.vmalloc.vmalloc(5 << 20)
    yield kernel
    kernel.close()


@pytest.fixture
def monitor(kernel: Kernel) -> Monitor:
    return Monitor(kernel)


def text(monitor: Monitor, line: str) -> str:
    return monitor.execute(line).text


# kmem -f


def test_free_lists_have_crashs_form(monitor: Monitor, kernel: Kernel) -> None:
    lines = text(monitor, "kmem -f").splitlines()
    assert lines[:3] == ["NODE", "  0", "ZONE  NAME        SIZE    FREE  MEM_MAP   START_PADDR  START_MAPNR"]
    dma, mem_map = kernel.zoneinfo()[0], kernel.page_alloc.mem_map
    assert lines[3] == f"  0   DMA         4096 {dma.free:7d}  {mem_map:08x}       0            0     "
    assert lines[4] == "AREA    SIZE  FREE_AREA_STRUCT  BLOCKS  PAGES"
    area = dma.address + kernel.layout["zone"].offset("free_area")
    blocks = kernel.buddyinfo()[0].nr_free[0]
    assert lines[5] == f"  0       4k      {area:08x}      {blocks:6d} {blocks:6d}"
    assert lines[-1] == f"nr_free_pages: {kernel.page_alloc.nr_free_pages()}  (verified)"
    size = kernel.page_alloc.page_size
    rows = [line for line in lines if re.match(r"  [12]   [NH]", line)]
    assert rows[0].endswith(f"  {mem_map + 4096 * size:08x}    1000000        4096   ")
    assert rows[1].endswith(f"  {mem_map + 229376 * size:08x}    38000000      229376  ")


def test_free_lists_agree_with_buddyinfo(monitor: Monitor, kernel: Kernel) -> None:
    answer = monitor.execute("kmem -f")
    assert not answer.failed
    for zone, row in zip(answer.result.zones, kernel.buddyinfo()):
        assert (zone.name, tuple(area.blocks for area in zone.areas)) == (row.zone, row.nr_free)
        assert zone.free == sum(count << order for order, count in enumerate(row.nr_free))
        for area in zone.areas:
            assert area.address == kernel.page_alloc.zones[zone.number] + kernel.layout["zone"].offset(
                "free_area"
            ) + 12 * area.order


def test_a_counter_that_is_wrong_is_not_verified(monitor: Monitor, kernel: Kernel) -> None:
    zone = kernel.zoneinfo()[1]
    at = zone.address - PAGE_OFFSET >> 2
    kernel.ram.words[at] += 5
    try:
        answer = monitor.execute("kmem -f")
        assert answer.failed
        free = kernel.page_alloc.nr_free_pages()
        assert answer.text.endswith(f"nr_free_pages: {free}  (found {free - 5})\n")
        assert f"free_pages of zone Normal is {zone.free + 5}, its lists hold {zone.free}\n" in answer.text
    finally:
        kernel.ram.words[at] -= 5
    at += kernel.layout["zone"].word("free_area") + 3 * 10 + 2
    kernel.ram.words[at] += 1
    try:
        answer = monitor.execute("kmem -f")
        assert answer.failed and f"  nr_free is {kernel.ram.words[at]}\n" in answer.text
    finally:
        kernel.ram.words[at] -= 1


def test_a_list_that_is_broken(monitor: Monitor, kernel: Kernel) -> None:
    head = kernel.zoneinfo()[1].address + kernel.layout["zone"].offset("free_area") + 12 * 10 - PAGE_OFFSET >> 2
    entry = kernel.ram.words[head] - PAGE_OFFSET >> 2
    before = kernel.ram.words[entry]
    for wrong in (kernel.ram.words[head], 0x100):
        kernel.ram.words[entry] = wrong
        try:
            answer = monitor.execute("kmem -f")
            assert answer.failed and re.search(r" 10    4096k .*  nr_free is \d+  \(", answer.text)
        finally:
            kernel.ram.words[entry] = before
    assert not monitor.execute("kmem -f").failed


# kmem -p


def test_page_structs_have_crashs_form(monitor: Monitor, kernel: Kernel) -> None:
    pages = kernel.page_alloc
    va = kernel.slab.kmalloc(100, GFP_KERNEL)
    page, physical = pages.virt_to_page(va), va - PAGE_OFFSET & -4096
    row = f"{page:08x} {physical:9x}         0         0  1 40000080 slab\n"
    head = "  PAGE    PHYSICAL   MAPPING    INDEX CNT FLAGS\n"
    for argument in (f"{va:x}", f"{page:x}", f"{physical >> 12:x}", f"-P {physical + 5:x}", f"0x{va:x} + 4"):
        assert text(monitor, f"kmem -p {argument}") == head + row
    assert text(monitor, "kmem -p 0").splitlines()[1] == (
        f"{pages.mem_map:08x}         0         0         0  1 400 reserved"
    )


def test_many_page_structs(monitor: Monitor, kernel: Kernel) -> None:
    lines = text(monitor, "kmem -p").splitlines()
    assert len(lines) == 1 + 64 + 1 and lines[-1] == f"... {kernel.limits.max_pfn - 64} more: kmem -p 40 COUNT"
    assert len(text(monitor, "kmem -p 40 200").splitlines()) == 201
    assert len(monitor.execute(f"kmem -p {kernel.limits.max_pfn - 2:x} 100").data["pages"]) == 2
    data = monitor.execute("kmem -p 100 3").data
    assert [page["pfn"] for page in data["pages"]] == [0x100, 0x101, 0x102] and data["next"] is None


# kmem -z, -i


def test_zones(monitor: Monitor, kernel: Kernel) -> None:
    normal = kernel.zoneinfo()[1]
    shown = text(monitor, "kmem -z")
    assert f'NODE: 0  ZONE: 1  ADDR: {normal.address:08x}  NAME: "Normal"\n' in shown
    marks = f"MIN: {normal.min}  LOW: {normal.low}  HIGH: {normal.high}"
    assert f"  SIZE: 225280  PRESENT: {normal.present}  {marks}\n" in shown
    assert f"       NR_SLAB_UNRECLAIMABLE: {normal.stats['nr_slab_unreclaimable']}\n" in shown


def test_usage(monitor: Monitor, kernel: Kernel) -> None:
    info = kernel.meminfo()
    lines = text(monitor, "kmem -i").splitlines()
    assert lines[0] == "                 PAGES        TOTAL      PERCENTAGE"
    total, free = info["MemTotal"] // 4, info["MemFree"] // 4
    assert lines[1] == f"    TOTAL MEM  {total:7d}  {info['MemTotal'] / 1024:8.1f} MB         ----"
    assert lines[2].startswith(f"         FREE  {free:7d}  ")
    assert lines[2].endswith(f"{free * 100 // total:3d}% of TOTAL MEM")
    assert "   TOTAL HIGH    32768       128 MB   12% of TOTAL MEM" in lines
    assert "   TOTAL SWAP        0            0         ----" in lines
    rows = {row["name"]: row["pages"] for row in monitor.execute("kmem -i").data}
    assert rows["TOTAL LOW"] + rows["TOTAL HIGH"] == rows["TOTAL MEM"] == rows["USED"] + rows["FREE"]


# page


def test_page_of_a_slab_object(monitor: Monitor, kernel: Kernel) -> None:
    va = kernel.slab.kmalloc(300, GFP_KERNEL)
    answer = monitor.execute(f"page {va + 7:x}")
    slab = answer.result.info.slab
    assert (slab.name, slab.object_address, slab.state) == ("size-512", va, "allocated")
    assert f"  object      {va:08x}  number {slab.object}, allocated\n" in answer.text
    assert "  flags       40000080  slab\n" in answer.text
    kernel.slab.kfree(va)
    assert monitor.execute(f"page {va:x}").result.info.slab.state == "in the array of CPU 0"


def test_page_by_every_name(monitor: Monitor, kernel: Kernel) -> None:
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    pfn, va = kernel.page_alloc.page_to_pfn(page), kernel.highmem.kmap(page)
    area = kernel.vmalloc.vmalloc(4096)
    for argument in (f"{pfn:x}", f"{page:x}", f"{va + 100:x}", f"-p {(pfn << 12) + 9:x}"):
        info = monitor.execute(f"page {argument}").result.info
        assert (info.struct.pfn, info.zone, info.kind) == (pfn, "HighMem", "in use")
        assert [mapping.address for mapping in info.mappings] == [va]
    assert f"  mapped at   {va:08x}  kmap, 1 user\n" in text(monitor, f"page {pfn:x}")
    shown = text(monitor, f"page {area:x}")
    assert f"  what        page 0 of 1 of the vmalloc area {area:08x}\n" in shown
    assert f"  mapped at   {area:08x}  vmalloc\n" in shown


def test_page_of_a_free_block(monitor: Monitor, kernel: Kernel) -> None:
    frames = kernel.frame_map()
    head = max(pfn for pfn in range(4096, 229376, 1024) if frames.kind(pfn) == "buddy" and frames.orders[pfn] == 10)
    shown = text(monitor, f"page {head:x}")
    assert f"free: head of the block of order 10 at frame {head:x} (1024 pages)" in shown
    assert re.search(r"  lru.next    [0-9a-f]{8}  (frame [0-9a-f]+|free_area\[10\] of zone Normal)\n", shown)
    assert f"free: page 5 of the block of order 10 at frame {head:x}" in text(monitor, f"page {head + 5:x}")


def test_page_of_the_page_cache(monitor: Monitor, kernel: Kernel) -> None:
    inode = kernel.inodes.new_inode(0)
    mapping = inode + kernel.layout["inode"].offset("i_data")
    page = kernel.filemap.find_or_create_page(mapping, 0x1234, GFP_HIGHUSER)
    pfn = kernel.page_alloc.page_to_pfn(page)
    ino = monitor.execute(f"page {page:x}").data["info"]["cache"]["ino"]
    shown = text(monitor, f"page {pfn:x}")
    assert f"  what        page 1234 in the page cache of inode {ino}\n" in shown
    assert f"  inode       {inode:08x}  number {ino}\n" in shown and "count 3" in shown
    kernel.filemap.unlock_page(page)
    kernel.swap.lru_add_drain()
    kernel.swap.activate_page(page)
    shown = text(monitor, f"page {pfn:x}")
    assert f"  what        page 1234 in the page cache of inode {ino}, on the active list\n" in shown
    assert re.search(r"  lru.next    [0-9a-f]{8}  active_list of zone HighMem\n", shown)
    row = text(monitor, f"kmem -p {pfn:x}").splitlines()[1]
    assert row.split() == [f"{page:x}", f"{pfn << 12:x}", f"{mapping:x}", "1234", "2", *row.split()[5:]]
    assert row.endswith(" lru,active")
    assert monitor.execute("frag HighMem -n 4").data["picture"]["frames"]["page cache"] == 1
    kernel.page_alloc.put_page(page)
    kernel.inodes.iput(inode)


def test_page_names_its_owner(monitor: Monitor, kernel: Kernel) -> None:
    kernel.traps.caller = kernel.symbol("kmalloc") or 0
    page = kernel.page_alloc.alloc_pages(GFP_USER, 1)
    kernel.traps.caller = 0
    pfn = kernel.page_alloc.page_to_pfn(page)
    answer = monitor.execute(f"page {pfn + 1:x}")
    assert answer.result.owner.pfn == pfn and answer.data["owner"]["allocation"]["trace"][0]["function"] == "kmalloc"
    heading = "Page allocated via order 1, mask 0x200d0(GFP_USER), pid 0"
    assert answer.text.endswith(
        f"  owner       {heading}, at 0.000000 s, block at frame {pfn:x}\n"
        f"              [<{kernel.symbol('kmalloc'):08x}>] kmalloc+0x0\n"
    )
    kernel.page_alloc._free_pages(page, 1)
    assert monitor.execute(f"page {page:x}").result.owner is None


# frag


def test_frag(monitor: Monitor, kernel: Kernel) -> None:
    lines = text(monitor, "frag").splitlines()
    assert [line[:23] for line in lines[1:]] == ["Node 0, zone      DMA 0", "Node 0, zone   Normal 0",
                                                 "Node 0, zone  HighMem 0"]  # fmt: skip
    shown = text(monitor, "frag normal -n 7").splitlines()
    rows = [line for line in shown if re.match(r" *[0-9a-f]+ [.#a-zA-Z]+$", line)]
    letters = {"free": ".", "mem_map": "M", "slab": "S", "in use": "U", "vmalloc": "V", "reserved": "R",
               "page table": "T", "per-cpu": "C"}  # fmt: skip
    cells = monitor.execute("frag normal -n 7").data["picture"]["cells"]
    expected = [letters[cell["kind"]].lower() if cell["free"] else letters[cell["kind"]] for cell in cells]
    assert "".join(row[7:] for row in rows) == "".join(expected)
    assert shown[3] == "zone Normal, a cell is 128 frames (512 kB)"
    assert f". free {kernel.zoneinfo()[1].free}" in shown[-2]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, terminal = io.StringIO(), Terminal()
    for out in (plain, terminal):
        assert monitor.answer_all(["frag DMA"], out, io.StringIO())
    assert "\033" not in plain.getvalue() and "\033[32m.\033[0m" in terminal.getvalue()
    assert re.sub(r"\033\[\d+m", "", terminal.getvalue()) == plain.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    assert monitor.answer_all(["frag DMA"], terminal, io.StringIO())
    assert terminal.getvalue() == plain.getvalue()


# sysctl


def test_sysctl() -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        monitor = Monitor(kernel)
        assert text(monitor, "sysctl vm.lowmem_reserve_ratio") == "vm.lowmem_reserve_ratio = 256\t32\n"
        for line in ("sysctl vm.min_free_kbytes=2048", "sysctl -w vm/min_free_kbytes = 2048"):
            assert text(monitor, line) == "vm.min_free_kbytes = 2048\n"
        assert monitor.execute("sysctl").data == [
            {"name": "vm.lowmem_reserve_ratio", "values": [256, 32]}, {"name": "vm.min_free_kbytes", "values": [2048]},
            {"name": "vm.panic_on_oom", "values": [0]}, {"name": "vm.swappiness", "values": [60]},
        ]  # fmt: skip
        assert sum(zone.min for zone in kernel.zoneinfo()) == pytest.approx(512, abs=2)


def test_sysctl_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    def run(*settings: str) -> tuple[int, str, str]:
        status = cli.main(["monitor", "--ram", "16M", *settings, "-ex", "sysctl vm.lowmem_reserve_ratio",
                           "-ex", "sysctl vm.min_free_kbytes"])  # fmt: skip
        return status, *capsys.readouterr()

    status, out, _ = run("--sysctl", "vm.min_free_kbytes=300", "--sysctl", "vm.lowmem_reserve_ratio=8 4")
    assert (status, out) == (0, "vm.lowmem_reserve_ratio = 8\t4\nvm.min_free_kbytes = 300\n")
    for setting, expected in (
        ("vm.min_free_kbytes", 2), ("=3", 2), ("vm.min_free_kbytes=", 2), ("vm.nonsense=3", 125),
        ("vm.min_free_kbytes=-3", 125), ("vm.min_free_kbytes=many", 125),
    ):  # fmt: skip
        status, out, err = run("--sysctl", setting)
        assert (status, out) == (expected, "")
        assert err.splitlines()[-1].count("error: ") == 1 and "Traceback" not in err


# mistakes, data, damage


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kmem", "an option is missing; usage: kmem -f | -p"), ("kmem -q", "'-q' is no option of kmem"),
        ("kmem -f 3", "-f takes no arguments"), ("kmem -p 3 0", "COUNT is 1 or more"), ("kmem -p -P", "is no symbol"),
        ("kmem -p 1000000", "is no frame number, no struct page and not mapped"), ("page", "an address is missing"),
        ("page -p", "an address is missing"), ("page -p 40000000", "the kernel has no frame at physical 0x40000000"),
        ("page f8800000+100000000", "does not fit"), ("page e0000000-e0000001", "is no frame number"),
        ("page fffbd000", "is mapped to physical 0xfebff000, where the kernel has no frame"), ("frag x", "no zone 'x'"),
        ("frag DMA -n", "-n takes an order"), ("frag DMA -n 21", "-n takes an order"),
        ("frag -n 3", "-n goes with a zone"), ("zoneinfo 3", "takes no arguments"),
        ("frag Normal -n 0", "cells are too many"), ("frag DMA Normal", "one zone at a time"),
        ("sysctl vm.x", "unknown key"), ("sysctl vm.min_free_kbytes=", "takes one value"),
    ],
)  # fmt: skip
def test_mistakes_are_one_clear_line(monitor: Monitor, line: str, words: str) -> None:
    with pytest.raises(HighmemError) as caught:
        monitor.execute(line)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("line", EVERY)
def test_every_answer_is_data(monitor: Monitor, line: str) -> None:
    try:
        answer = monitor.execute(line)
    except CommandError as error:
        assert "too many" in str(error)
        return
    assert answer.text.endswith("\n") and json.loads(json.dumps(answer.data))


@pytest.mark.slow
def test_damaged_memory_has_an_answer() -> None:
    chance = random.Random(620)
    kernel = Kernel.boot(BootOptions(ram=16 << 20))
    kernel.vmalloc.vmalloc(100000)
    monitor, words = Monitor(kernel), kernel.ram.words
    image = range(kernel.layout.va("mem_map") - PAGE_OFFSET, kernel.layout.va("_end") - PAGE_OFFSET, 4)
    zones = range(kernel.page_alloc.pgdat - PAGE_OFFSET, kernel.page_alloc.pgdat - PAGE_OFFSET + 1024, 4)
    pages = range(kernel.page_alloc.mem_map - PAGE_OFFSET, kernel.page_alloc.mem_map - PAGE_OFFSET + 4096 * 40, 4)
    for _ in range(80):
        changed: dict[int, int] = {}
        for _ in range(chance.choice((1, 5, 200))):
            place = chance.choice((image, zones, pages, pages))
            index = place[chance.randrange(len(place))] >> 2
            changed.setdefault(index, words[index])
            flipped = words[index] ^ 1 << chance.randrange(32)
            words[index] = chance.choice((0, 0xFFFFFFFF, chance.getrandbits(32), flipped))
        for line in (*EVERY, f"page {chance.randrange(4096):x}", f"page {0xC0000000 + chance.randrange(1 << 24):x}"):
            try:
                answer = monitor.execute(line)
                assert answer.text.endswith("\n") or not answer.text
                json.dumps(answer.data)
            except HighmemError as error:
                assert str(error) and "\n" not in str(error)
        for index, value in changed.items():
            words[index] = value
    assert not monitor.execute("kmem -f").failed
