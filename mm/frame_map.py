"""What every frame of memory is, as the kernel's own structures say: `struct page`, the lists, vmlist, page tables.

The kinds are fsck's, but nothing is checked here: what the structures say is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.e820 import E820Map
from mm.fsck.report import (
    BUDDY,
    HOLE,
    IN_USE,
    KINDS,
    MEM_MAP,
    PAGE_CACHE,
    PAGE_TABLE,
    PER_CPU,
    RESERVED,
    SLAB,
    UNCLAIMED,
    VMALLOC,
)
from mm.layout import MAX_ORDER, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words, list_for_each
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_buddy, PG_reserved, PG_slab
from mm.pgtable import PAGE_PRESENT, PAGE_PSE, PageTables
from mm.vmalloc import Vmalloc

Frames = NDArray[np.int64]
_SHARE_OF_MAX_ORDER = (1 << (MAX_ORDER - 1)) - 1


@dataclass(frozen=True, slots=True)
class PcpPlace:
    """Where a page waits: the list of a zone and a CPU, hot (0) or cold (1)."""

    zone: int
    cpu: int
    cold: int


@dataclass(frozen=True, slots=True)
class FrameMap:
    """Every frame by its number.

    kinds: index into mm.fsck's KINDS. heads, orders: of a free block or a block in use, its first frame and order;
    elsewhere the frame itself and 0. pcp: the pages on per-CPU lists. tables: the frames of page tables, each with the
    first and the last linear address that it maps. areas: `struct vm_struct` and the frames of each vmalloc area, -1
    for none.
    """

    kinds: NDArray[np.uint8]
    heads: NDArray[np.int32]
    orders: NDArray[np.uint8]
    pcp: dict[int, PcpPlace]
    tables: dict[int, tuple[int, int]]
    areas: list[tuple[int, Frames]]

    def kind(self, pfn: int) -> str:
        """The kind of a frame; "buddy" without the order for a free one."""
        code = int(self.kinds[pfn])
        return "buddy" if code >= BUDDY else KINDS[code]


def frame_map(
    memory: Words, w: Words, layout: Layout, e820: E820Map, max_pfn: int, pages: PageAllocator, vmalloc: Vmalloc,
    tables: PageTables,
) -> FrameMap:  # fmt: skip
    """Classify the frames below `max_pfn`. memory: all physical memory in words; w: lowmem."""
    page = layout["page"]
    first = (pages.mem_map - PAGE_OFFSET) >> 2
    table = np.frombuffer(w[first : first + max_pfn * page.words], dtype=np.uint32).reshape(max_pfn, page.words)
    flags, count = table[:, page.word("flags")], table[:, page.word("_count")]
    kinds = np.full(max_pfn, UNCLAIMED, dtype=np.uint8)
    heads = np.arange(max_pfn, dtype=np.int32)
    orders = np.zeros(max_pfn, dtype=np.uint8)

    def claim(frames: Frames, kind: int) -> None:
        frames = frames[(frames >= 0) & (frames < max_pfn)]
        kinds[frames[kinds[frames] == UNCLAIMED]] = kind

    hole = np.ones(max_pfn, dtype=bool)
    for start, end in e820.ram_ranges():
        hole[start >> PAGE_SHIFT : end >> PAGE_SHIFT] = False
    kinds[hole] = HOLE
    size = (max_pfn + _SHARE_OF_MAX_ORDER & ~_SHARE_OF_MAX_ORDER) * page.size
    start = pages.mem_map - PAGE_OFFSET
    claim(np.arange(start >> PAGE_SHIFT, start + size + PAGE_SIZE - 1 >> PAGE_SHIFT), MEM_MAP)
    page_tables = dict(_page_tables(tables))
    claim(np.array(list(page_tables), dtype=np.int64), PAGE_TABLE)
    claim(np.flatnonzero(flags & np.uint32(PG_reserved)), RESERVED)
    claim(np.flatnonzero(flags & np.uint32(PG_slab)), SLAB)
    blocks = np.flatnonzero(flags & np.uint32(PG_buddy))
    order_of = table[blocks, page.word("private")]
    for order in range(MAX_ORDER):
        _claim_blocks(kinds, heads, orders, blocks[order_of == order], order, BUDDY + order)
    pcp = dict(_pcp_pages(w, layout, pages, page.offset("lru")))
    claim(np.array(list(pcp), dtype=np.int64), PER_CPU)
    areas = [(area, _area_frames(memory, w, layout, pages, tables, area)) for area in vmalloc.areas()]
    for _, frames in areas:
        claim(frames, VMALLOC)
    mappings = np.array(list(_mappings(w, layout)), dtype=np.uint32)
    claim(np.flatnonzero(np.isin(table[:, page.word("mapping")], mappings)), PAGE_CACHE)
    _claim_in_use(kinds, heads, orders, count != 0)
    return FrameMap(kinds, heads, orders, pcp, page_tables, areas)


def _claim_blocks(
    kinds: NDArray[np.uint8], heads: NDArray[np.int32], orders: NDArray[np.uint8], blocks: Frames, order: int,
    kind: int,
) -> None:  # fmt: skip
    """Take the blocks of 2^order frames that begin at `blocks`, as far as nobody has them."""
    frames = (blocks[:, None] + np.arange(1 << order)).ravel()
    owners = np.repeat(blocks, 1 << order)
    inside = frames < len(kinds)
    frames, owners = frames[inside], owners[inside]
    free = kinds[frames] == UNCLAIMED
    frames, owners = frames[free], owners[free]
    kinds[frames], heads[frames], orders[frames] = kind, owners, order


def _claim_in_use(
    kinds: NDArray[np.uint8], heads: NDArray[np.int32], orders: NDArray[np.uint8], held: NDArray[np.bool_]
) -> None:
    """A block in use is a page that someone holds and the pages behind it that no one holds or claims."""
    nobody = kinds == UNCLAIMED
    border = np.append(np.flatnonzero(~(nobody & ~held)), len(kinds))
    first, lengths = border[:-1], np.diff(border)
    used = nobody[first]
    first, lengths = first[used], lengths[used]
    order_of = np.zeros(len(first), dtype=np.int64)
    for order in range(1, MAX_ORDER):
        order_of[(lengths >= 1 << order) & (first & (1 << order) - 1 == 0)] = order
    for order in range(MAX_ORDER):
        _claim_blocks(kinds, heads, orders, first[order_of == order], order, IN_USE)


def _page_tables(tables: PageTables) -> Iterator[tuple[int, tuple[int, int]]]:
    """(frame, first and last linear address) of init_mm's page tables, with PAE of its page of pmds, too."""
    if tables.pte_size == 8:
        yield (tables.pmd_address(PAGE_OFFSET) - PAGE_OFFSET) >> PAGE_SHIFT, (PAGE_OFFSET, 0xFFFF_FFFF)
    for va in range(PAGE_OFFSET, 1 << 32, tables.pmd_size):
        at = tables.pmd_address(va)
        pmd = tables.read(at) if at else 0
        if pmd & PAGE_PRESENT and not pmd & PAGE_PSE:
            yield tables.pte_pfn(pmd), (va, va + tables.pmd_size - 1)


def _pcp_pages(w: Words, layout: Layout, pages: PageAllocator, lru: int) -> Iterator[tuple[int, PcpPlace]]:
    for zone, va in enumerate(pages.zones):
        if not w[((va ^ 0xC0000000) >> 2) + layout["zone"].word("present_pages")]:
            continue
        for cpu in range(layout.nr_cpus):
            for cold in (0, 1):
                for entry in list_for_each(w, pages.pcp(va, cpu, cold) + layout["per_cpu_pages"].offset("list")):
                    yield pages.page_to_pfn(entry - lru), PcpPlace(zone, cpu, cold)


def _mappings(w: Words, layout: Layout) -> Iterator[int]:
    """The mappings of all inodes."""
    inode = layout["inode"]
    for entry in list_for_each(w, layout.va("inode_in_use")):
        yield entry - inode.offset("i_list") + inode.offset("i_data")


def _area_frames(
    memory: Words, w: Words, layout: Layout, pages: PageAllocator, tables: PageTables, area: int
) -> Frames:
    """The frames that an area's pages array names."""
    fields, i = layout["vm_struct"], (area ^ 0xC0000000) >> 2
    array, size = w[i + fields.word("pages")], w[i + fields.word("size")]
    count = min(w[i + fields.word("nr_pages")], size >> PAGE_SHIFT) if array else 0
    words: list[int] = []
    while len(words) < count:
        va = array + 4 * len(words) & 0xFFFFFFFF
        pa = tables.translate(va)
        if pa is None or pa & 3 or pa >> 2 >= len(memory):
            break
        room = (PAGE_SIZE - (va & PAGE_SIZE - 1)) >> 2
        words += memory[pa >> 2 : (pa >> 2) + min(room, count - len(words))].tolist()
    pfns, rest = np.divmod(np.array(words, dtype=np.int64) - pages.mem_map, pages.page_size)
    pfns[rest != 0] = -1
    return pfns
