"""From the firmware's map to a running memory manager (arch/i386/mm/init.c and the boot part of mm/page_alloc.c,
2.6.20).
"""

from __future__ import annotations

from array import array

from hw.e820 import E820Map
from hw.ram import RAM
from mm.bootmem import BootMem
from mm.errors import BootError
from mm.fixmap import (
    FIX_HYPERCALL,
    FIX_KMAP_BEGIN,
    FIXADDR_TOP,
    fix_to_virt,
    fixaddr_start,
    fixmap_table,
    pkmap_base,
    vmalloc_end,
    vmalloc_start,
)  # fmt: skip
from mm.layout import (
    MAX_NR_ZONES,
    MAX_ORDER,
    PAGE_OFFSET,
    PAGE_SHIFT,
    PAGE_SIZE,
    TEXT_SIZE,
    TEXT_START,
    ZONE_NAMES,
    Layout,
)  # fmt: skip
from mm.list import Words, init_list_head
from mm.page_alloc import ZONE_HIGHMEM, PageAllocator
from mm.page_flags import ZONES_SHIFT, PG_reserved
from mm.page_owner import init_page_owner
from mm.pgtable import (
    PAGE_KERNEL_LARGE,
    PAGE_KERNEL_LARGE_EXEC,
    PAGE_KERNEL_NOCACHE,
    PageTables,
    page_tables,
)  # fmt: skip
from mm.printk import Printk
from mm.setup import MemoryLimits

MAX_DMA_PFN = 4096
_PAGES_PER_WAITQUEUE = 256
_PAGES_AT_ONCE = 1 << 16  # of the host's memory that a boot takes besides the guest's
_SHARE_OF_MAX_ORDER = (1 << (MAX_ORDER - 1)) - 1


def check_image_fits(e820: E820Map, limits: MemoryLimits, layout: Layout) -> None:
    """Raise BootError where the memory map has no RAM for the kernel image and what follows it at once."""
    end = layout.va("_end") - PAGE_OFFSET + (limits.max_low_pfn >> 3) + PAGE_SIZE
    if not any(start <= TEXT_START - PAGE_OFFSET and end <= stop for start, stop in e820.ram_ranges()):
        raise BootError(
            f"the kernel needs RAM from 1 MB to {end:#x}; the memory map, or what mem= leaves of it, does not have it"
        )


class Boot:
    """The steps of start_kernel that make memory usable. One object a boot; it keeps nothing that RAM does not."""

    def __init__(self, ram: RAM, w: Words, layout: Layout, limits: MemoryLimits, printk: Printk) -> None:
        self._ram = ram
        self._w = w
        self._layout = layout
        self._limits = limits
        self._printk = printk
        self.bootmem = BootMem(w, ram.bytes, layout)

    def _index(self, symbol: str) -> int:
        return (self._layout.va(symbol) ^ 0xC0000000) >> 2

    def _set(self, symbol: str, value: int) -> None:
        self._w[self._index(symbol)] = value

    # setup_memory

    def setup_memory(self, e820: E820Map) -> None:
        """Print where memory ends and give all of lowmem that is RAM and not taken to the boot-time allocator."""
        low, end = self._limits.max_low_pfn, self._limits.max_pfn
        if self._limits.clipped:
            if self._layout.pae:
                self._printk("<4>Warning only 64GB will be used: the rest is beyond the reach of PAE.\n")
            else:
                self._printk("<4>Warning only 4GB will be used.\n<4>Use a PAE enabled kernel.\n")
        self._printk(f"<5>{(end - low) >> 8}MB HIGHMEM available.\n<5>{low >> 8}MB LOWMEM available.\n")
        self._set("max_low_pfn", low)
        self._set("max_pfn", end)
        self._set("highstart_pfn", low)
        self._set("highend_pfn", end)
        self._set("num_physpages", end)
        self._set("max_mapnr", end)
        self._set("nr_cpus_online", 1)
        self._set("node_data", self._layout.va("contig_page_data"))
        high_memory = PAGE_OFFSET + (low << PAGE_SHIFT)
        self._set("high_memory", high_memory)
        self._set("vmalloc_start", vmalloc_start(high_memory))
        image_end = self._layout.va("_end") - PAGE_OFFSET
        size = self.bootmem.init((image_end + PAGE_SIZE - 1) >> PAGE_SHIFT, low)
        for start, stop in e820.ram_ranges():
            self.bootmem.free(start, stop)
        self.bootmem.reserve(TEXT_START - PAGE_OFFSET, (image_end + PAGE_SIZE - 1 & -PAGE_SIZE) + size)
        self.bootmem.reserve(0, PAGE_SIZE)  # BIOS data
        self.bootmem.reserve(0x9F000, 0xA0000)  # EBDA
        if self._layout.smp:
            self.bootmem.reserve(PAGE_SIZE, 2 * PAGE_SIZE)  # trampoline of the other CPUs

    # paging_init

    def pagetable_init(self, trap_window: int) -> PageTables:
        """Fill swapper_pg_dir: the direct map in large pages, page tables for fixmap and kmap window.

        trap_window: physical address of the hypercall page, mapped for ring 0 only. Of the direct map only what the
        kernel's image touches is executable.
        """
        layout = self._layout
        tables = page_tables(self._w, layout)
        tables.populate(self._low_page)
        for pa in range(0, self._limits.max_low_pfn << PAGE_SHIFT, tables.pmd_size):
            prot = PAGE_KERNEL_LARGE_EXEC if PAGE_OFFSET + pa <= layout.va("__init_end") else PAGE_KERNEL_LARGE
            tables.set_large(PAGE_OFFSET + pa, pa, prot)
        for base in (fixmap_table(layout), pkmap_base(layout)):
            tables.set_table(base, self._low_page())
        self._set("pkmap_page_table", tables.pte_address(pkmap_base(layout)))
        self._set("kmap_pte", tables.pte_address(fix_to_virt(FIX_KMAP_BEGIN)))
        hypercall = tables.pfn_pte(trap_window >> PAGE_SHIFT, PAGE_KERNEL_NOCACHE)
        tables.set_pte(fix_to_virt(FIX_HYPERCALL), hypercall)
        if layout.pae:
            self._printk("<6>NX (Execute Disable) protection: active\n")
        return tables

    def _low_page(self) -> int:
        """alloc_bootmem_low_pages: a zeroed page as low as there is one."""
        return PAGE_OFFSET + self.bootmem.alloc(PAGE_SIZE, goal=0)

    # zone_sizes_init, free_area_init_nodes

    def zone_bounds(self) -> list[tuple[int, int]]:
        """[start, end) frame numbers of the zones; a zone may be empty."""
        low, end = self._limits.max_low_pfn, self._limits.max_pfn
        dma = min(MAX_DMA_PFN, low)
        return [(0, dma), (dma, low), (low, end)]

    def free_area_init(self) -> None:
        """Make mem_map and the zones; every page is reserved until free_all_bootmem."""
        printk, w, layout = self._printk, self._w, self._layout
        end = self._limits.max_pfn
        bounds = self.zone_bounds()
        printk(f"<7>Entering add_active_range(0, 0, {end}) 0 entries of 256 used\nZone PFN ranges:\n")
        for name, (first, last) in zip(ZONE_NAMES, bounds, strict=True):
            printk(f"  {name:<8} {first:8d} -> {last:8d}\n")
        printk(f"early_node_map[1] active PFN ranges\n    0: {0:8d} -> {end:8d}\n")
        printk(f"<7>On node 0 totalpages: {end}\n")

        mem_map = self._alloc_mem_map(end)
        self._set("mem_map", mem_map)
        pgdat, fields = self._index("contig_page_data"), layout["pglist_data"]
        w[pgdat + fields.word("nr_zones")] = sum(1 for first, last in bounds if last > first)
        w[pgdat + fields.word("node_mem_map")] = mem_map
        w[pgdat + fields.word("bdata")] = layout.va("contig_bootmem_data")
        w[pgdat + fields.word("node_spanned_pages")] = w[pgdat + fields.word("node_present_pages")] = end
        init_list_head(w, layout.va("contig_page_data") + fields.offset("kswapd_wait.task_list"))
        self._strings()
        zone = layout["zone"]
        for i, (first, last) in enumerate(bounds):
            va = layout.va("contig_page_data") + i * zone.size
            self._zone_init(va, i, first, last)
        for i in range(MAX_NR_ZONES):
            self._build_zonelist(i)
        if layout.page_owner:
            init_page_owner(w, layout, self._alloc_for_pages("the times of page owners", 8, end))

    def _alloc_mem_map(self, end: int) -> int:
        """alloc_node_mem_map: a `struct page` for each frame, to a whole block of the highest order."""
        pages = end + _SHARE_OF_MAX_ORDER & ~_SHARE_OF_MAX_ORDER
        return self._alloc_for_pages("mem_map", self._layout["page"].size, pages, self._layout.l1)

    def _alloc_for_pages(self, what: str, each: int, pages: int, align: int = PAGE_SIZE) -> int:
        """Boot-time memory of `each` bytes for so many pages, in one piece."""
        size = each * pages
        try:
            return PAGE_OFFSET + self.bootmem.alloc(size, align)
        except BootError:
            room = max((last - first for first, last in self.bootmem.free_runs()), default=0)
            owner = ", or --page-owner off" if self._layout.page_owner else ""
            raise BootError(
                f"no room for the {size >> 20} MB of {what} ({each} bytes for each page of {pages >> 8} MB): "
                f"of {self._limits.max_low_pfn >> 8} MB of lowmem the largest free piece has {room >> 8} MB; "
                f"use less RAM (mem=) or a smaller vmalloc={owner}"
            ) from None

    def _strings(self) -> None:
        """Put the kernel's constant strings into the image."""
        for text, va in self._layout.strings.items():
            self._ram.write(va - PAGE_OFFSET, text.encode() + b"\0")

    def _zone_init(self, va: int, i: int, first: int, last: int) -> None:
        w, zone = self._w, self._layout["zone"]
        z = (va ^ 0xC0000000) >> 2
        spanned = last - first
        memmap_pages = spanned * self._layout["page"].size >> PAGE_SHIFT
        present = spanned
        if present >= memmap_pages:
            present -= memmap_pages
            self._printk(f"<7>  {ZONE_NAMES[i]} zone: {memmap_pages} pages used for memmap\n")
        if i == 0:
            self._printk(f"<7>  {ZONE_NAMES[0]} zone: 0 pages reserved\n")
        w[z + zone.word("spanned_pages")] = spanned
        w[z + zone.word("present_pages")] = present
        w[z + zone.word("name")] = self._layout.strings[ZONE_NAMES[i]]
        w[z + zone.word("zone_pgdat")] = self._layout.va("contig_page_data")
        w[z + zone.word("zone_start_pfn")] = first
        w[z + zone.word("prev_priority")] = 12  # DEF_PRIORITY
        for name in ("active_list", "inactive_list"):
            init_list_head(w, va + zone.offset(name))
        batch = self._zone_pcp_init(va, present)
        if present:
            self._printk(f"<7>  {ZONE_NAMES[i]} zone: {present} pages, LIFO batch:{batch}\n")
        for order in range(MAX_ORDER):
            init_list_head(w, va + zone.offset("free_area") + 12 * order)
        if not spanned:
            return
        self._wait_table_init(va, spanned)
        self._memmap_init(i, first, last)

    def _zone_pcp_init(self, va: int, present: int) -> int:
        w, layout = self._w, self._layout
        batch = zone_batchsize(present)
        for cpu in range(layout.nr_cpus):
            pageset = va + layout["zone"].offset("pageset") + cpu * layout["per_cpu_pageset"].size
            for cold, (high, size) in enumerate(((6 * batch, batch), (2 * batch, batch // 2))):
                pcp = pageset + cold * layout["per_cpu_pages"].size
                i = (pcp ^ 0xC0000000) >> 2
                w[i], w[i + 1], w[i + 2] = 0, high, max(1, size)
                init_list_head(w, pcp + 12)
        return batch

    def _wait_table_init(self, va: int, spanned: int) -> None:
        w, layout = self._w, self._layout
        entries = 1
        while entries < spanned // _PAGES_PER_WAITQUEUE:
            entries <<= 1
        entries = max(4, min(entries, 4096))
        head = layout["wait_queue_head"]
        table = PAGE_OFFSET + self.bootmem.alloc(entries * head.size, layout.l1)
        z, zone = (va ^ 0xC0000000) >> 2, layout["zone"]
        w[z + zone.word("wait_table")] = table
        w[z + zone.word("wait_table_hash_nr_entries")] = entries
        w[z + zone.word("wait_table_bits")] = entries.bit_length() - 1
        for i in range(entries):
            init_list_head(w, table + i * head.size + head.offset("task_list"))

    def _memmap_init(self, zone_id: int, first: int, last: int) -> None:
        """memmap_init_zone, column by column: a page at a time would take a second for each GB."""
        for start in range(first, last, _PAGES_AT_ONCE):
            self._memmap_init_part(zone_id, start, min(start + _PAGES_AT_ONCE, last))

    def _memmap_init_part(self, zone_id: int, first: int, last: int) -> None:
        page = self._layout["page"]
        mem_map = self._w[self._index("mem_map")]
        step, count = page.words, last - first
        base = ((mem_map ^ 0xC0000000) >> 2) + first * step

        def column(name: str, values: array[int]) -> None:
            start = base + page.word(name)
            self._w[start : start + (count - 1) * step + 1 : step] = values

        def constant(value: int) -> array[int]:
            return array("I", [value]) * count

        lru = mem_map + first * page.size + page.offset("lru")
        heads = array("I", range(lru, lru + count * page.size, page.size))
        column("flags", constant(zone_id << ZONES_SHIFT | PG_reserved))
        column("_count", constant(1))
        column("_mapcount", constant(0xFFFFFFFF))
        column("lru", heads)
        column("lru.prev", heads)
        if self._layout.page_owner and zone_id != ZONE_HIGHMEM:
            start = PAGE_OFFSET + (first << PAGE_SHIFT)
            column("virtual", array("I", range(start, start + (count << PAGE_SHIFT), PAGE_SIZE)))

    def _build_zonelist(self, highest: int) -> None:
        w, layout = self._w, self._layout
        pgdat = layout["pglist_data"]
        va = layout.va("contig_page_data") + pgdat.offset("node_zonelists") + highest * layout["zonelist"].size
        i = (va ^ 0xC0000000) >> 2
        zone = layout["zone"]
        for zone_id in range(highest, -1, -1):
            zone_va = layout.va("contig_page_data") + zone_id * zone.size
            if w[((zone_va ^ 0xC0000000) >> 2) + zone.word("present_pages")]:
                w[i] = zone_va
                i += 1
        w[i] = 0

    def build_all_zonelists(self) -> None:
        """Say how many pages the zonelists reach (the lists themselves are made with the zones)."""
        zone, w = self._layout["zone"], self._w
        pages = sum(
            w[self._index("contig_page_data") + i * zone.words + zone.word("present_pages")]
            for i in range(MAX_NR_ZONES)
        )
        self._printk(f"<4>Built 1 zonelists.  Total pages: {pages}\n")

    # mem_init

    def mem_init(self, e820: E820Map, pages: PageAllocator) -> None:
        """Hand every free page to the buddy system, then print the memory line and the layout.

        Each run of frames goes over in the largest blocks that fit, where 2.6.20 frees up to 32 pages at a time
        (HighMem: one) to the same merged blocks; only its per-CPU lists, still filled from that, are empty here.
        """
        low, end = self._limits.max_low_pfn, self._limits.max_pfn
        total = 0
        for first, last in self.bootmem.free_runs():
            total += self._free_run(pages, first, last)
        self._w[self._index("contig_bootmem_data") + self._layout["bootmem_data"].word("node_bootmem_map")] = 0
        total += self._free_bitmap(pages)
        reserved = self._count_reserved(e820, pages, low)
        high = 0
        for start, stop in e820.ram_ranges():
            high += self._free_run(pages, max(start >> PAGE_SHIFT, low), min(stop >> PAGE_SHIFT, end))
        self._set("totalhigh_pages", high)
        self._set("totalram_pages", total + high)
        self._print_memory(pages, reserved, high)
        self._print_layout()

    def _free_bitmap(self, pages: PageAllocator) -> int:
        """free_all_bootmem's end: the bitmap's own pages go back too."""
        start = self._layout.va("_end") - PAGE_OFFSET + PAGE_SIZE - 1 >> PAGE_SHIFT
        size = ((self._limits.max_low_pfn + 7) // 8 + 3) & ~3
        return self._free_run(pages, start, start + (size + PAGE_SIZE - 1 >> PAGE_SHIFT))

    def _free_run(self, pages: PageAllocator, first: int, last: int) -> int:
        w, step = self._w, pages.page_size >> 2
        pfn = first
        while pfn < last:
            order = min((pfn & -pfn).bit_length() - 1 if pfn else MAX_ORDER - 1, (last - pfn).bit_length() - 1)
            order = min(order, MAX_ORDER - 1)
            page = pages.pfn_to_page(pfn)
            p, length = (page ^ 0xC0000000) >> 2, (step << order) - step + 1
            flags = w[p] & ~PG_reserved
            w[p : p + length : step] = array("I", [flags]) * (1 << order)
            w[p + 1 : p + 1 + length : step] = array("I", [0]) * (1 << order)  # _count
            pages.free_one_page(page, pages.page_zone(page), order)
            pfn += 1 << order
        return max(0, last - first)

    def _count_reserved(self, e820: E820Map, pages: PageAllocator, low: int) -> int:
        """Lowmem frames that are RAM and still reserved."""
        count = 0
        step = pages.page_size >> 2
        for start, stop in e820.ram_ranges():
            first, last = start >> PAGE_SHIFT, min(stop >> PAGE_SHIFT, low)
            if last > first:
                base = (pages.pfn_to_page(first) ^ 0xC0000000) >> 2
                flags = self._w[base : base + (last - first - 1) * step + 1 : step].tolist()
                count += sum(1 for value in flags if value & PG_reserved)
        return count

    def _print_memory(self, pages: PageAllocator, reserved: int, high: int) -> None:
        va = self._layout.va
        self._printk(
            f"<6>Memory: {pages.nr_free_pages() << 2}k/{self._w[self._index('num_physpages')] << 2}k available "
            f"({TEXT_SIZE >> 10}k kernel code, {reserved << 2}k reserved, "
            f"{va('_edata') - TEXT_START - TEXT_SIZE >> 10}k data, "
            f"{va('__init_end') - va('__init_begin') >> 10}k init, {high << 2}k highmem)\n"
        )

    def _print_layout(self) -> None:
        layout, va = self._layout, self._layout.va
        high_memory = self._w[self._index("high_memory")]
        start = self._w[self._index("vmalloc_start")]
        etext = TEXT_START + TEXT_SIZE
        rows = (
            ("fixmap ", fixaddr_start(layout), FIXADDR_TOP, 10),
            ("pkmap  ", pkmap_base(layout), pkmap_base(layout) + layout.last_pkmap * PAGE_SIZE, 10),
            ("vmalloc", start, vmalloc_end(layout), 20),
            ("lowmem ", PAGE_OFFSET, high_memory, 20),
            ("  .init", va("__init_begin"), va("__init_end"), 10),
            ("  .data", etext, va("_edata"), 10),
            ("  .text", TEXT_START, etext, 10),
        )
        self._printk("<6>virtual kernel memory layout:\n")
        for name, first, last, shift in rows:
            unit = "kB" if shift == 10 else "MB"
            self._printk(f"<6>    {name} : 0x{first:08x} - 0x{last:08x}   ({last - first >> shift:4d} {unit})\n")


def zone_batchsize(present: int) -> int:
    """Pages that move between a per-CPU list and the buddy system at a time, from the zone's present pages."""
    batch = min(present // 1024, 512 * 1024 // PAGE_SIZE) // 4
    batch = max(1, batch)
    return (1 << ((batch + batch // 2).bit_length() - 1)) - 1
