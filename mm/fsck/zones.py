"""The node, its zones, free areas and per-CPU lists."""

from __future__ import annotations

from math import isqrt

import numpy as np

from mm.filemap import NR_FILE_PAGES, NR_WRITEBACK
from mm.fsck.boot import BootMap, zone_bounds
from mm.fsck.caches import Objects
from mm.fsck.image import variable_damage
from mm.fsck.memory import MOST, Memory, View, Words, shown
from mm.fsck.params import Kernel
from mm.fsck.report import BUDDY, PAGE_CACHE, PER_CPU
from mm.init import zone_batchsize
from mm.layout import MAX_NR_ZONES, MAX_ORDER, NR_VM_ZONE_STAT_ITEMS, PAGE_SHIFT, ZONE_NAMES
from mm.page_flags import PG_active, PG_buddy, PG_lru, PG_writeback
from mm.slab_objects import NR_SLAB_RECLAIMABLE, NR_SLAB_UNRECLAIMABLE
from mm.vmscan import SWAP_CLUSTER_MAX

_DEF_PRIORITY = 12
_HIGHMEM = 2
_MARKS = ("pages_min", "pages_low", "pages_high")
_RESERVE_RATIOS = (256, 32)
_INT_MAX = (1 << 31) - 1


class Zones:
    """The checks of the page allocator's structures; they claim the free frames."""

    def __init__(self, memory: Memory, kernel: Kernel, boot: BootMap) -> None:
        self._memory = memory
        self._kernel = kernel
        self._boot = boot
        self._size = memory.layout["zone"].size
        self._pgdat = memory.layout.va("contig_page_data")
        self._bounds = zone_bounds(kernel)
        self._present = [self._present_pages(first, last) for first, last in self._bounds]
        self._lru = memory.offset("page", "lru")
        self._flags = memory.column("flags")
        self._private = memory.column("private")
        self._waits = memory.offset("task_struct", "wait.task_list")
        self.waiting: set[int] = set()  # the tasks on the queues of pages
        #: By frame, the flags that say on which of reclaim's lists the page is.
        self.lru: Words = np.zeros(memory.limits.max_pfn, dtype=np.uint32)

    def _present_pages(self, first: int, last: int) -> int:
        spanned = last - first
        return spanned - (spanned * self._memory.page_size >> PAGE_SHIFT)

    def view(self, i: int) -> View:
        """Zone number `i`."""
        return View(self._memory, "zone", self._pgdat + i * self._size, f"struct zone {ZONE_NAMES[i]}")

    def check(self) -> None:
        """Check everything but vm_stat and the wait tables, which `check_counts` and `check_wait_tables` know later."""
        self._node()
        self._zonelists()
        self._bootmem_data()
        marks = self._watermarks()
        heads: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
        for i in range(MAX_NR_ZONES):
            zone = self.view(i)
            free = 0
            for order in range(MAX_ORDER):
                blocks = self._free_area(zone, i, order)
                free += len(blocks) << order
                heads.append(blocks)
            zone.want("free_pages", free, "the free areas hold")
            self._fields(zone, i, marks[i])
            self._pagesets(zone, i)
        self._unlisted(np.concatenate(heads))

    # the node

    def _node(self) -> None:
        layout = self._memory.layout
        node = View(self._memory, "pglist_data", self._pgdat, "contig_page_data")
        end = self._kernel.limits.max_pfn
        node.want("nr_zones", sum(last > first for first, last in self._bounds))
        node.want("node_mem_map", self._boot.mem_map)
        node.want("bdata", layout.va("contig_bootmem_data"))
        node.want("node_present_pages", end)
        node.want("node_spanned_pages", end)
        node.list_head("kswapd_wait.task_list", empty=False)  # this and the next: with the tasks
        node.free("kswapd", "kswapd_max_order")
        node.free("node_zones", words=MAX_NR_ZONES * layout["zone"].words)
        node.free("node_zonelists", words=MAX_NR_ZONES * layout["zonelist"].words)
        node.rest_zero()

    def _zonelists(self) -> None:
        offset = self._memory.offset("pglist_data", "node_zonelists")
        for i in range(MAX_NR_ZONES):
            va = self._pgdat + offset + i * self._memory.layout["zonelist"].size
            zonelist = View(self._memory, "zonelist", va, f"zonelist {ZONE_NAMES[i]}")
            for n, zone in enumerate(z for z in range(i, -1, -1) if self._present[z]):
                zonelist.want(f"zones[{n}]", self._pgdat + zone * self._size)
            zonelist.rest_zero()

    def _bootmem_data(self) -> None:
        data = View(
            self._memory, "bootmem_data", self._memory.layout.va("contig_bootmem_data"), "contig_bootmem_data"
        )
        data.want("node_low_pfn", self._kernel.limits.max_low_pfn)
        data.want("last_offset", self._boot.last_offset)
        data.want("last_pos", self._boot.last_pos)
        data.rest_zero()

    # zones

    def _watermarks(self) -> list[tuple[int, int, int]]:
        """(pages_min, pages_low, pages_high) of each zone (setup_per_zone_pages_min).

        min_free_kbytes is what the boot made it, or what a sysctl set it to: then the zones agree with it.
        """
        kbytes = max(128, min(isqrt((sum(self._present[:_HIGHMEM]) << 2) * 16), 65536))
        said = self._memory.variable("min_free_kbytes")
        if said == kbytes:
            return self._marks(kbytes)
        now = [tuple(self.view(i)[name] for name in _MARKS) for i in range(MAX_NR_ZONES)]

        def agree(marks: list[tuple[int, int, int]]) -> int:
            return sum(a == b for one, other in zip(now, marks) for a, b in zip(one, other))

        if said < _INT_MAX and agree(self._marks(said)) > agree(self._marks(kbytes)):
            return self._marks(said)
        variable_damage(self._memory, "min_free_kbytes", f"is {shown(said)}, should be {kbytes}")
        return self._marks(kbytes)

    def _marks(self, kbytes: int) -> list[tuple[int, int, int]]:
        low = sum(self._present[:_HIGHMEM])
        marks = []
        for i, present in enumerate(self._present):
            share = (kbytes >> 2) * present // low
            least = max(32, min(present // 1024, 128)) if i == _HIGHMEM else share
            marks.append((least, least + (share >> 2), least + (share >> 1)))
        return marks

    def _reserve_ratio(self, zone: View, i: int) -> int:
        """What divides a zone's reserves: the default, or what a sysctl set, with which the reserves agree then."""
        va, default = self._memory.layout.va("sysctl_lowmem_reserve_ratio"), _RESERVE_RATIOS[i]
        said = self._memory.word(va + 4 * i)

        def agree(ratio: int) -> int:
            return sum(zone[f"lowmem_reserve[{j}]"] == self._above(i, j) // ratio for j in range(i + 1, MAX_NR_ZONES))

        if said != default and not (0 < said <= _INT_MAX and agree(said) >= agree(default)):
            text = f"is {shown(said)}, should be {default}"
            self._memory.damage("variable sysctl_lowmem_reserve_ratio", va, f"[{i}]", text)
            return default
        return said

    def _above(self, i: int, j: int) -> int:
        """Pages of the zones above zone i up to zone j."""
        return sum(self._present[i + 1 : j + 1])

    def _fields(self, zone: View, i: int, marks: tuple[int, int, int]) -> None:
        first, last = self._bounds[i]
        for name, mark in zip(_MARKS, marks):
            zone.want(name, mark)
        ratio = self._reserve_ratio(zone, i) if i < _HIGHMEM else 1
        for j in range(i + 1, MAX_NR_ZONES):
            zone.want(f"lowmem_reserve[{j}]", self._above(i, j) // ratio)
        for name, flags in (("active", PG_lru | PG_active), ("inactive", PG_lru)):
            pfns = self._pages(zone, f"{name}_list", i, 0)
            zone.want(f"nr_{name}", len(pfns), "the list holds")
            zone.list_head(f"{name}_list", empty=False)
            self.lru[np.array(pfns, dtype=np.int64)] = flags
        zone.want("spanned_pages", last - first)
        zone.want("present_pages", self._present[i])
        zone.want("zone_start_pfn", first)
        zone.want("name", self._memory.layout.strings[ZONE_NAMES[i]])
        zone.want("zone_pgdat", self._pgdat)
        zone.within("prev_priority", 0, _DEF_PRIORITY)
        zone.free("pages_scanned")
        zone.within("nr_scan_active", 0, SWAP_CLUSTER_MAX - 1)
        zone.within("nr_scan_inactive", 0, SWAP_CLUSTER_MAX - 1)
        zone.within("all_unreclaimable", 0, 1)
        zone.want("wait_table", self._boot.wait_tables[i])
        zone.want("wait_table_hash_nr_entries", self._boot.wait_entries[i])
        zone.want("wait_table_bits", max(0, self._boot.wait_entries[i].bit_length() - 1))
        zone.free("vm_stat", words=NR_VM_ZONE_STAT_ITEMS)
        zone.free("pageset", words=self._memory.layout["per_cpu_pageset"].words * self._memory.layout.nr_cpus)
        zone.free("free_area", words=3 * MAX_ORDER)
        zone.rest_zero()

    def check_wait_tables(self, objects: Objects) -> None:
        """Check the queues of those who wait for a page."""
        for i in range(MAX_NR_ZONES):
            self._wait_table(self.view(i), i, objects)

    def _wait_table(self, zone: View, i: int, objects: Objects) -> None:
        entries, table = self._boot.wait_entries[i], self._boot.wait_tables[i]
        if not entries:
            return
        head = self._memory.layout["wait_queue_head"]
        block = self._memory.block(table, entries * head.words).reshape(entries, head.words)
        expected = np.zeros((entries, head.words), dtype=np.uint32)
        link = head.offset("task_list")
        expected[:, -2] = expected[:, -1] = table + link + np.arange(entries, dtype=np.uint32) * head.size
        title = f"wait table of {zone.title}"
        for row in np.flatnonzero((block != expected).any(axis=1)).tolist():
            at = table + row * head.size
            if block[row, :-2].any():
                self._memory.damage(title, at, "lock", f"is {shown(int(block[row, 0]))}, should be 0")
            waits = self._memory.walk(
                at + link, (title, at, "task_list"), lambda entry: objects.is_task(entry - self._waits),
                lambda entry: ("struct task_struct", entry - self._waits, "wait.task_list"),
            )  # fmt: skip
            self.waiting.update(entry - self._waits for entry in waits)

    def check_counts(self, slabs: list[list[int]]) -> None:
        """Compare vm_stat with what was found. slabs: for each zone its pages of reclaimable and of other slabs."""
        va, total = self._memory.layout.va("vm_stat"), [0] * NR_VM_ZONE_STAT_ITEMS
        for i, (first, last) in enumerate(self._bounds):
            counts = [0] * NR_VM_ZONE_STAT_ITEMS
            counts[NR_FILE_PAGES] = int(np.count_nonzero(self._memory.kinds[first:last] == PAGE_CACHE))
            counts[NR_SLAB_RECLAIMABLE], counts[NR_SLAB_UNRECLAIMABLE] = slabs[i]
            counts[NR_WRITEBACK] = int(np.count_nonzero(self._flags[first:last] & np.uint32(PG_writeback)))
            for item, pages in enumerate(counts):
                self.view(i).want(f"vm_stat[{item}]", pages, "there are")
                total[item] += pages
        for item, pages in enumerate(total):
            if (value := self._memory.word(va + 4 * item)) != pages:
                self._memory.damage("variable vm_stat", va, f"[{item}]", f"is {shown(value)}, there are {pages}")

    # lists of pages

    def _valid(self, entry: int, align: int) -> bool:
        pfn = self._memory.pfn(entry - self._lru)
        return pfn is not None and not pfn & align

    def _name(self, entry: int) -> tuple[str, int, str]:
        page = entry - self._lru
        return f"struct page of frame {self._memory.pfn(page) or 0:#x}", page, "lru"

    def _pages(self, zone: View, field: str, i: int, order: int) -> list[int]:
        """The frames on a list, each where a block of this order in this zone can begin."""
        align = (1 << order) - 1
        entries = self._memory.walk(
            zone.address(field), (zone.title, zone.va, field), lambda entry: self._valid(entry, align), self._name
        )
        first, last = self._bounds[i]
        pfns = []
        for entry in entries:
            pfn = self._memory.pfn(entry - self._lru)
            assert pfn is not None
            if not first <= pfn <= last - (1 << order):
                self._memory.page_damage(pfn, "lru", f"is on {field} of {zone.title}, and no frame of that zone")
            pfns.append(pfn)
        return pfns

    def _free_area(self, zone: View, i: int, order: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        field = f"free_area[{order}]"
        found = self._pages(zone, f"{field}.free_list", i, order)
        zone.want(f"{field}.nr_free", len(found), "the list holds")
        pfns = np.array(sorted(found), dtype=np.int64)
        if not found:
            return pfns
        self._memory.claim(pfns, order, BUDDY + order, f"{field} of {zone.title}")
        for pfn in pfns[(self._flags[pfns] & PG_buddy) == 0][:MOST].tolist():
            self._memory.page_damage(pfn, "flags", f"is {int(self._flags[pfn]):#x} without PG_buddy, "
                                     f"the page is on {field} of {zone.title}")  # fmt: skip
        for pfn in pfns[self._private[pfns] != order][:MOST].tolist():
            self._memory.page_damage(pfn, "private", f"is {shown(int(self._private[pfn]))}, "
                                     f"the page is on {field} of {zone.title}")  # fmt: skip
        if order < MAX_ORDER - 1:
            block = 1 << order
            lower = pfns[(pfns & block) == 0]
            pairs = lower[np.isin(lower + block, pfns)]
            for pfn in pairs[:MOST].tolist():
                self._memory.page_damage(pfn, "lru", f"and its buddy {pfn + block:#x} are both free at order {order}, "
                                         "and not merged")  # fmt: skip
        return pfns

    def _unlisted(self, heads: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        """PG_buddy says that a page heads a free block: then it is on a free list."""
        marked = np.flatnonzero(self._flags & np.uint32(PG_buddy))
        for pfn in np.setdiff1d(marked, heads)[:MOST].tolist():
            self._memory.page_damage(pfn, "flags", f"is {int(self._flags[pfn]):#x} with PG_buddy, "
                                     "the page is on no free list")  # fmt: skip

    def _pagesets(self, zone: View, i: int) -> None:
        layout = self._memory.layout
        batch = zone_batchsize(self._present[i])
        for cpu in range(layout.nr_cpus):
            va = zone.address(f"pageset[{cpu}]")
            pageset = View(self._memory, "per_cpu_pageset", va, f"pageset of {zone.title}, CPU {cpu}")
            for cold, (high, size) in enumerate(((6 * batch, batch), (2 * batch, batch // 2))):
                field = f"pcp[{cold}].list"
                pcp = View(self._memory, "per_cpu_pageset", va, pageset.title)
                pfns = self._pages(pcp, field, i, 0)
                self._memory.claim(np.array(pfns, dtype=np.int64), 0, PER_CPU, f"{field} of {pageset.title}")
                pageset.want(f"pcp[{cold}].count", len(pfns), "the list holds")
                pageset.want(f"pcp[{cold}].high", high)
                pageset.want(f"pcp[{cold}].batch", max(1, size))
                pageset.free(field, words=2)
            pageset.rest_zero()

