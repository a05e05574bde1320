"""The views of memory: against dumps of real machines, against the kernel's formulas, and against fsck."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import isqrt
from pathlib import Path

import numpy as np
import pytest

from guest.kernel import Kernel
from hw.e820 import E820Entry, E820Map
from mm.errors import DamagedMemory
from mm.fragmentation import picture, unusable_index
from mm.fsck import KINDS, fsck
from mm.gfp import GFP_COMP, GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.meminfo import meminfo_text
from mm.show_mem import show_mem, show_mem_text
from mm.sysctl import TABLE, SysctlError, sysctl_text
from mm.vm_event import NAMES
from mm.vmstat import VM_STAT_ITEMS, BuddyInfo, zoneinfo_text

DATA = Path(__file__).parent / "data"
MB = 1 << 20
Boot = Callable[..., Kernel]


def map_up_to(frames: int) -> E820Map:
    """A PC's map with RAM up to a frame."""
    return E820Map(
        [E820Entry(0, 0x9FC00, 1), E820Entry(0xF0000, 0x100000, 2), E820Entry(0x100000, frames << 12, 1)]
    )


# zoneinfo


def test_zoneinfo_of_a_real_machine(boot: Boot) -> None:
    """Every line of the real dump is ours, from a map with the same frames. What differs, and why:

    - `pages free`: that machine was running, with other things in memory.
    - `protection` has a fourth zone there, Movable, which came with 2.6.23; what it says of the first three is ours.
    - 2.6.20 prints `active` and `inactive` after `high`; 2.6.24 has them among the counters, which the dump leaves out.
    """
    kernel = boot(e820=map_up_to(229376 + 32766), page_owner=False)
    text = zoneinfo_text(kernel.zoneinfo())
    ours = re.split(r"(?m)^(?=Node)", text)[1:]
    real = re.split(r"(?m)^(?=Node)", (DATA / "zoneinfo-1gb-2.6.24.txt").read_text().partition("\n#")[0])[1:]
    assert len(ours) == len(real) == 3
    for our_zone, real_zone in zip(ours, real):
        lines = our_zone.splitlines()
        for line in real_zone.splitlines():
            if line.startswith("  pages free"):
                line = next(ours for ours in lines if ours.startswith("  pages free"))
            line = re.sub(r"(protection: \(\d+, \d+, \d+), \d+\)", r"\1)", line)
            assert line in lines
    assert kernel.sysctl("vm.min_free_kbytes").values == (3816,)


def test_zoneinfo_is_2_6_20s_text(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, page_owner=False, nr_cpus=2)
    kernel.page_alloc._free_pages(kernel.page_alloc.alloc_pages(GFP_KERNEL, 0), 0)
    text = zoneinfo_text(kernel.zoneinfo())
    free, slab, count = (re.findall(pattern, text)[-1] for pattern in (
        r"pages free     (\d+)", r"nr_slab_unreclaimable (\d+)", r"count: (\d+)\n              high:  6"
    ))  # fmt: skip
    assert text[text.index("Node 0, zone   Normal") :] == (
        "Node 0, zone   Normal\n"
        f"  pages free     {free}\n"
        "        min      190\n"
        "        low      237\n"
        "        high     285\n"
        "        active   0\n"
        "        inactive 0\n"
        "        scanned  0 (a: 0 i: 0)\n"
        "        spanned  12288\n"
        "        present  12192\n"
        "    nr_anon_pages 0\n"
        "    nr_mapped    0\n"
        "    nr_file_pages 0\n"
        "    nr_slab_reclaimable 0\n"
        f"    nr_slab_unreclaimable {slab}\n"
        "    nr_page_table_pages 0\n"
        "    nr_dirty     0\n"
        "    nr_writeback 0\n"
        "    nr_unstable  0\n"
        "    nr_bounce    0\n"
        "    nr_vmscan_write 0\n"
        "        protection: (0, 0, 0)\n"
        "  pagesets\n"
        "    cpu: 0 pcp: 0\n"
        f"              count: {count}\n"
        "              high:  6\n"
        "              batch: 1\n"
        "    cpu: 0 pcp: 1\n"
        "              count: 0\n"
        "              high:  2\n"
        "              batch: 1\n"
        "  vm stats threshold: 0\n"
        "  all_unreclaimable: 0\n"
        "  prev_priority:     12\n"
        "  start_pfn:         4096\n"
    )
    assert "HighMem" not in text  # a zone without pages is left out
    kernel.page_alloc.drain_local_pages(0)
    assert "cpu: 0" not in zoneinfo_text(kernel.zoneinfo())  # and so is a CPU with empty lists


def batch_of(present: int) -> int:
    """zone_batchsize, in the words of its comment: a quarter of 1/1024 of the zone, of at most half a MB; then 2^n - 1
    near it.
    """
    batch = max(1, min(present // 1024, 128) // 4)
    power = 1
    while power * 2 <= batch + batch // 2:
        power *= 2
    return power - 1


@pytest.mark.parametrize("ram", [64, 512, 1024, 4096])
@pytest.mark.parametrize("page_owner", [True, False])
def test_per_cpu_lists_follow_the_formula(boot: Boot, ram: int, page_owner: bool) -> None:
    kernel = boot(ram=ram * MB, page_owner=page_owner)
    zones = kernel.zoneinfo()
    assert [zone.zone for zone in zones] == ["DMA", "Normal", "HighMem"][: 2 if ram < 896 else 3]
    size = 40 if page_owner else 32
    for zone in zones:
        batch = batch_of(zone.spanned - (zone.spanned * size >> 12))
        (lists,) = zone.pagesets
        assert (lists.hot.high, lists.hot.batch) == (6 * batch, max(1, batch))
        assert (lists.cold.high, lists.cold.batch) == (2 * batch, max(1, batch // 2))
    if ram == 1024:  # "LIFO batch" of real machines' logs
        assert [zone.pagesets[0].hot.high // 6 for zone in zones] == [0, 31, 7]


# meminfo


def real_meminfo() -> Iterator[tuple[str, int]]:
    for line in (DATA / "meminfo-real.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, value, _ = line.split()
            yield name.rstrip(":"), int(value)


def test_meminfo_has_the_real_form(boot: Boot) -> None:
    real = [line for line in (DATA / "meminfo-real.txt").read_text().splitlines() if not line.startswith("#")]
    assert meminfo_text(dict(real_meminfo())).splitlines() == real
    text = meminfo_text(boot(ram=64 * MB).meminfo())
    labels = (
        "MemTotal MemFree Buffers Cached SwapCached Active Inactive HighTotal HighFree LowTotal LowFree SwapTotal "
        "SwapFree Dirty Writeback AnonPages Mapped Slab SReclaimable SUnreclaim PageTables NFS_Unstable Bounce "
        "CommitLimit Committed_AS VmallocTotal VmallocUsed VmallocChunk"
    )
    assert [line.partition(":")[0] for line in text.splitlines()] == labels.split()


REAL_HIGH = [  # HighTotal and VmallocTotal in kB of the real machines without PAE (VmallocTotal 0: of another layout)
    (130496, 0),  # 1 GB, 2.6.5-rc1-mm1, whose vmalloc space was smaller
    (2228060, 114680),  # 3 GB, 2004
]


@pytest.mark.parametrize(("high", "vmalloc"), REAL_HIGH)
def test_meminfo_of_real_machines(boot: Boot, high: int, vmalloc: int) -> None:
    """With RAM up to the same frame HighTotal is theirs to the kB. LowTotal is not: their kernels were larger."""
    kernel = boot(e820=map_up_to(229376 + high // 4), page_owner=False)
    info = kernel.meminfo()
    assert info["HighTotal"] == high and info["LowTotal"] + high == info["MemTotal"]
    assert info["VmallocTotal"] == (vmalloc or 114680)


@pytest.mark.parametrize("ram", [64, 512, 1024, 4096])
def test_meminfo_follows_the_formulas(boot: Boot, ram: int) -> None:
    kernel = boot(ram=ram * MB)
    info, report = kernel.meminfo(), fsck(kernel.ram)
    end = kernel.limits.max_pfn
    high = sum(max(0, min(last >> 12, end) - max(first >> 12, 229376)) for first, last in
               kernel.machine.e820.ram_ranges())  # fmt: skip
    assert info["HighTotal"] == 4 * high
    never_free = sum(report.frames.get(kind, 0) for kind in ("hole", "reserved", "mem_map")) + 2  # boot's page tables
    assert info["MemTotal"] == 4 * (end - never_free)
    assert info["LowTotal"] == info["MemTotal"] - info["HighTotal"]
    assert info["MemFree"] == 4 * sum(n for kind, n in report.frames.items() if kind.startswith("buddy"))
    high_memory = 0xC0000000 + min(ram, 896) * MB
    start = (high_memory + 16 * MB - 1) & -(8 * MB)
    assert info["VmallocTotal"] == info["VmallocChunk"] == (0xFF7FE000 - start) >> 10
    assert info["CommitLimit"] == info["MemTotal"] // 4 * 50 // 100 * 4
    assert info["Slab"] == 4 * report.frames["slab"] == info["SReclaimable"] + info["SUnreclaim"]


def test_meminfo_counts_vmalloc_with_its_guard_pages(busy: Kernel) -> None:
    areas = busy.vmallocinfo()
    info = busy.meminfo()
    assert info["VmallocUsed"] == sum(area.size for area in areas) >> 10
    start = busy.ram.words[busy.layout.va("vmalloc_start") - PAGE_OFFSET >> 2]
    ends = [start, *(area.addr + area.size for area in areas)]
    holes = [after - before for before, after in zip(ends, [*(area.addr for area in areas), 0xFF7FE000])]
    assert info["VmallocChunk"] == max(holes) >> 10


def test_vmstat_sums_the_zones(busy: Kernel) -> None:
    counters = busy.vm_stat()
    for name in VM_STAT_ITEMS:
        assert counters[name] == sum(zone.stats[name] for zone in busy.zoneinfo())
    assert list(counters) == [*VM_STAT_ITEMS, *NAMES]
    assert counters["nr_slab_reclaimable"] and counters["nr_slab_unreclaimable"]


# show_mem


def test_show_mem(boot: Boot) -> None:
    kernel = boot(ram=1024 * MB, page_owner=False)
    state, info = kernel.memory_state(), kernel.meminfo()
    lines = show_mem_text(state).splitlines()
    assert lines[:6] == [
        "Mem-info:",
        "DMA per-cpu:",
        "CPU    0: Hot: hi:    0, btch:   1 usd:   0   Cold: hi:    0, btch:   1 usd:   0",
        "Normal per-cpu:",
        f"CPU    0: Hot: hi:  186, btch:  31 usd:{state.zones[1].pagesets[0].hot.count:4d}"
        "   Cold: hi:   62, btch:  15 usd:   0",
        "HighMem per-cpu:",
    ]
    free = info["MemFree"] // 4
    slab = info["Slab"] // 4
    assert lines[7] == (
        f"Active:0 inactive:0 dirty:0 writeback:0 unstable:0 free:{free} slab:{slab} mapped:0 pagetables:0"
    )
    normal = state.zones[1]
    assert lines[10:12] == [
        f"Normal free:{4 * normal.free}kB min:3744kB low:4680kB high:5616kB active:0kB inactive:0kB present:894080kB "
        "pages_scanned:0 all_unreclaimable? no",
        "lowmem_reserve[]: 0 0 1016",
    ]
    assert lines[16] == "HighMem: " + "0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB " + (
        "32*4096kB = 131072kB"
    )
    reserved = 262144 - info["MemTotal"] // 4
    assert lines[17:] == [
        "Free swap:            0kB", "262144 pages of RAM", "32768 pages of HIGHMEM", f"{reserved} reserved pages",
        "0 pages shared", "0 pages swap cached", "0 pages dirty", "0 pages writeback", "0 pages mapped",
        f"{slab} pages slab", "0 pages pagetables",
    ]  # fmt: skip


def test_show_mem_counts_what_is_shared(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    words, pages = kernel.ram.words, kernel.page_alloc
    single, compound = pages.alloc_pages(GFP_KERNEL, 0), pages.alloc_pages(GFP_KERNEL | GFP_COMP, 2)
    assert kernel.memory_state().shared == 0
    words[(single - PAGE_OFFSET >> 2) + 1] = 3
    assert kernel.memory_state().shared == 2
    words[(compound - PAGE_OFFSET >> 2) + 1] = 2  # page_count of each of its four pages
    assert kernel.memory_state().shared == 2 + 4


def test_show_mem_for_printk_has_levels(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    text = show_mem(kernel.page_alloc.w, kernel.layout, kernel.page_alloc)
    assert re.sub(r"(?m)^<[46]>", "", text) == show_mem_text(kernel.memory_state())
    assert text.startswith("<6>Mem-info:\n<4>DMA per-cpu:\n") and "\n<6>Free swap:" in text


# sysctl


def watermarks(kernel: Kernel, kbytes: int) -> list[tuple[int, int, int]]:
    """setup_per_zone_pages_min, once more."""
    zones = kernel.zoneinfo()
    low = sum(zone.present for zone in zones if zone.zone != "HighMem")
    result = []
    for zone in zones:
        share = kbytes // 4 * zone.present // low
        least = max(32, min(zone.present // 1024, 128)) if zone.zone == "HighMem" else share
        result.append((least, least + share // 4, least + share // 2))
    return result


def test_min_free_kbytes_sets_the_watermarks(boot: Boot) -> None:
    kernel = boot(ram=1024 * MB)
    low_kbytes = 4 * sum(zone.present for zone in kernel.zoneinfo()[:2])
    assert kernel.sysctl("vm.min_free_kbytes").values == (isqrt(low_kbytes * 16),)
    for text in ("16384", "0", "0x1000", "  8192\n", "2147483647"):
        kernel.set_sysctl("vm.min_free_kbytes", text)
        kbytes = int(text, 0)
        assert kernel.sysctl("vm/min_free_kbytes").values == (kbytes,)
        assert [(z.min, z.low, z.high) for z in kernel.zoneinfo()] == watermarks(kernel, kbytes)
    kernel.set_sysctl("vm.min_free_kbytes", "010")
    assert kernel.sysctl("vm.min_free_kbytes").values == (8,)


def test_the_page_allocator_keeps_to_a_new_minimum(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    kernel.set_sysctl("vm.min_free_kbytes", str(32 << 10))
    while kernel.page_alloc.alloc_pages(0, 0):  # GFP_NOWAIT
        pass
    normal = kernel.zoneinfo()[1]
    assert normal.min // 2 < normal.free <= normal.min


def test_lowmem_reserve_ratio(boot: Boot) -> None:
    kernel = boot(ram=1024 * MB)
    dma, normal, high = (zone.present for zone in kernel.zoneinfo())
    assert kernel.sysctl("vm.lowmem_reserve_ratio").values == (256, 32)
    for text, first, second in (("128\t16", 128, 16), ("100", 100, 16), ("0 -5", 1, 1)):
        kernel.set_sysctl("vm.lowmem_reserve_ratio", text)
        assert kernel.sysctl("vm.lowmem_reserve_ratio").values == (first, second)
        assert [zone.protection for zone in kernel.zoneinfo()] == [
            (0, normal // first, (normal + high) // first), (0, 0, high // second), (0, 0, 0),
        ]  # fmt: skip
    kernel.set_sysctl("vm.lowmem_reserve_ratio", "256 32")
    assert sysctl_text([kernel.sysctl(key) for key in TABLE]) == (
        f"vm.lowmem_reserve_ratio = 256\t32\nvm.min_free_kbytes = {kernel.sysctl('vm.min_free_kbytes').values[0]}\n"
        "vm.panic_on_oom = 0\nvm.swappiness = 60\n"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vm.min_free_kbytes", "-1"), ("vm.min_free_kbytes", "2147483648"), ("vm.min_free_kbytes", ""),
        ("vm.min_free_kbytes", "1 2"), ("vm.min_free_kbytes", "ten"), ("vm.min_free_kbytes", "09"),
        ("vm.min_free_kbytes", "1_0"), ("vm.min_free_kbytes", "9" * 5000), ("vm.lowmem_reserve_ratio", "1 2 3"),
        ("vm.lowmem_reserve_ratio", "1 x"), ("vm.swappiness", "101"), ("vm.overcommit_memory", "1"), ("", "1"),
    ],
)  # fmt: skip
def test_a_bad_setting_changes_nothing(boot: Boot, key: str, value: str) -> None:
    kernel = boot(ram=16 * MB)
    before = bytes(kernel.ram.bytes[:])
    with pytest.raises(SysctlError) as caught:
        kernel.set_sysctl(key, value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 6000
    assert bytes(kernel.ram.bytes[:]) == before


def test_a_setting_on_damaged_zones(boot: Boot) -> None:
    kernel = boot(ram=16 * MB)
    for zone in kernel.page_alloc.zones:
        kernel.ram.words[(zone - PAGE_OFFSET >> 2) + kernel.layout["zone"].word("present_pages")] = 0
    with pytest.raises(DamagedMemory):
        kernel.set_sysctl("vm.min_free_kbytes", "1000")


# frames


@pytest.mark.parametrize("machine", ["busy", "busy_hash"])
def test_every_frame_is_what_fsck_says(machine: str, request: pytest.FixtureRequest) -> None:
    kernel: Kernel = request.getfixturevalue(machine)
    frames, report = kernel.frame_map(), fsck(kernel.ram)
    differing = np.flatnonzero(frames.kinds != report.kinds)
    assert not len(differing), f"frame {differing[0]:#x}"
    assert {KINDS[code] for code in np.unique(frames.kinds)} >= {"slab", "vmalloc", "per-cpu", "in use", "page table"}
    for pfn in range(0, kernel.limits.max_pfn, 61):
        kind, order, head = KINDS[report.kinds[pfn]], int(frames.orders[pfn]), int(frames.heads[pfn])
        assert head == pfn & -(1 << order)
        if kind.startswith("buddy"):
            assert (frames.kind(pfn), order) == ("buddy", int(kind.split()[1]))
        else:
            assert frames.kind(pfn) == kind


def test_frames_of_known_things(boot: Boot) -> None:
    kernel = boot(ram=1024 * MB)
    pages, highmem = kernel.page_alloc, kernel.highmem
    block = pages.page_to_pfn(pages.alloc_pages(GFP_KERNEL, 3))
    compound = pages.page_to_pfn(pages.alloc_pages(GFP_KERNEL | GFP_COMP, 2))
    for first, order in ((block, 3), (compound, 2)):
        for pfn in range(first, first + (1 << order)):
            info = kernel.frame_info(pfn)
            assert (info.kind, info.head, info.order, info.compound) == ("in use", first, order, first == compound)
    high = pages.alloc_pages(GFP_HIGHUSER, 0)
    va, atomic = highmem.kmap(high), highmem.kmap_atomic(high, 4)
    info = kernel.frame_info(pages.page_to_pfn(high))
    assert info.virtual is None and info.zone == "HighMem"
    assert [(m.address, m.window, m.users) for m in info.mappings] == [
        (va, "kmap", 1), (atomic, "kmap_atomic KM_USER1, CPU 0", None),
    ]  # fmt: skip
    area = kernel.vmalloc.vmalloc(5 * 4096)
    for n in range(5):
        use = kernel.frame_info(kernel.vmalloc.vmalloc_to_pfn(area + n * 4096)).area
        assert use and (use.addr, use.number, use.nr_pages, use.address) == (area, n, 5, area + n * 4096)
    table = kernel.tables.pte_address(area) - PAGE_OFFSET >> 12
    first = area & -(4 << 20)
    assert kernel.frame_info(table).table_of == (first, first + (4 << 20) - 1)
    assert kernel.frame_info(0).reserved_for == "BIOS data" and kernel.frame_info(0xA0).kind == "hole"
    assert kernel.frame_info(kernel.layout.va("init_task") - PAGE_OFFSET >> 12).reserved_for.startswith("init_task")
    first, last = kernel.frame_info(pages.mem_map - PAGE_OFFSET >> 12).mem_map_of or (-1, -1)
    assert (first, last) == (0, 4095 // pages.page_size)


def test_slab_objects(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, nr_cpus=2)
    slab = kernel.slab

    def use(va: int) -> tuple[str, int | None, str]:
        found = kernel.frame_info(va - PAGE_OFFSET >> 12, va).slab
        return (found.name, found.object_address, found.state) if found else ("", None, "no slab any more")

    objects = [slab.kmalloc(200, GFP_KERNEL) for _ in range(1000)]
    assert use(objects[0] + 100) == ("size-256", objects[0], "allocated")
    for va in objects:
        slab.kfree(va)
    states = {use(va)[2] for va in objects}
    assert states == {"free", "in the array of CPU 0", "in the shared array", "no slab any more"}
    small = slab.kmalloc(30, GFP_KERNEL)
    assert use(small & -4096)[2] == "management"


@pytest.mark.slow
def test_links_lead_around_a_list(busy: Kernel) -> None:
    for zone, order in (("Normal", 10), ("DMA", 4)):
        number = ["DMA", "Normal", "HighMem"].index(zone)
        head = f"free_area[{order}] of zone {zone}"
        frames = busy.frame_map()
        blocks = [pfn for pfn in np.flatnonzero(frames.kinds == KINDS.index(f"buddy {order}")).tolist()
                  if frames.heads[pfn] == pfn and busy.frame_info(pfn).zone == zone]  # fmt: skip
        infos = {pfn: busy.frame_info(pfn) for pfn in blocks}
        first = next(pfn for pfn, info in infos.items() if info.links[1].what == head)
        seen, at = [first], infos[first].links[0]
        while at.frame is not None:
            seen.append(at.frame)
            at = infos[at.frame].links[0]
        assert at.what == head and sorted(seen) == blocks
        assert len(seen) == busy.buddyinfo()[number].nr_free[order]


# fragmentation


def test_unusable_index_by_its_definition() -> None:
    rows = [BuddyInfo(0, "DMA", (4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0)), BuddyInfo(0, "Normal", (0,) * 11)]
    first, second = unusable_index(rows)
    assert first.index == (0.0, 4 / 12, 8 / 12, *(1.0,) * 8)
    assert second.index == (1.0,) * 11  # with nothing free nothing serves


def test_a_fragmented_zone(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    held = []
    while page := kernel.page_alloc.alloc_pages(0, 0):
        held.append(page)
    for page in held:
        if not kernel.page_alloc.page_to_pfn(page) & 1:
            kernel.page_alloc._free_pages(page, 0)
    kernel.page_alloc.drain_local_pages(0)
    index = unusable_index(kernel.buddyinfo())[1].index
    assert index[0] == 0 and min(index[1:]) > 0.9


@pytest.mark.variants
@pytest.mark.parametrize("order", [None, 0, 3, 10])
def test_the_picture_counts_every_frame(busy: Kernel, order: int | None) -> None:
    frames = busy.frame_map()
    for zone in busy.zoneinfo():
        shown = picture(zone, frames, order)
        assert sum(cell.frames for cell in shown.cells) == sum(shown.frames.values()) == zone.spanned
        assert sum(cell.free for cell in shown.cells) == shown.frames["free"] == zone.free
        assert order is not None or len(shown.cells) <= 2048
        at = zone.start_pfn
        for cell in shown.cells:
            assert cell.first == at
            kinds = [frames.kind(pfn) for pfn in range(at, at + min(cell.frames, 8))]
            if cell.frames <= 8 and cell.kind != "free":
                others = [kind for kind in kinds if kind != "buddy"]
                assert others.count(cell.kind) == max(map(others.count, others))
            at += cell.frames


@pytest.mark.parametrize("ram", [64, 1024])
def test_a_setting_is_no_damage(boot: Boot, ram: int) -> None:
    kernel = boot(ram=ram * MB)
    for key, value in (
        ("vm.min_free_kbytes", "8192"), ("vm.lowmem_reserve_ratio", "100 7"), ("vm.min_free_kbytes", "0"),
        ("vm.lowmem_reserve_ratio", "0"),
    ):  # fmt: skip
        kernel.set_sysctl(key, value)
        assert not fsck(kernel.ram).damages
