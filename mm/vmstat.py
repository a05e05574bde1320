"""What /proc tells of memory, as data and in the kernel's own text (mm/vmstat.c, mm/slab.c and mm/vmalloc.c).

The texts are 2.6.20's; /proc/vmallocinfo is of 2.6.26, without the caller, which `struct vm_struct` does not know yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mm.errors import KernelFault
from mm.layout import MAX_ORDER, ZONE_NAMES, Layout
from mm.list import Words, list_for_each
from mm.page_alloc import PageAllocator
from mm.slab import SlabAllocator
from mm.vmalloc import VM_ALLOC, VM_IOREMAP, VM_MAP, VM_USERMAP, VM_VPAGES, Vmalloc


@dataclass(frozen=True, slots=True)
class BuddyInfo:
    """Free blocks of a zone by order, 0 to 10."""

    node: int
    zone: str
    nr_free: tuple[int, ...]


def buddyinfo(w: Words, layout: Layout, pages: PageAllocator) -> list[BuddyInfo]:
    """Every zone that has pages."""
    zone, rows = layout["zone"], []
    for va, name in zip(pages.zones, ZONE_NAMES, strict=True):
        z = (va ^ 0xC0000000) >> 2
        if w[z + zone.word("present_pages")]:
            area = z + zone.word("free_area") + 2
            rows.append(BuddyInfo(0, name, tuple(w[area + 3 * order] for order in range(MAX_ORDER))))
    return rows


def buddyinfo_text(rows: Iterable[BuddyInfo]) -> str:
    """/proc/buddyinfo."""
    return "".join(
        f"Node {row.node}, zone {row.zone:>8} " + "".join(f"{count:6d} " for count in row.nr_free) + "\n"
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class SlabInfo:
    """A row of /proc/slabinfo. active_objs counts what is out of the slabs, resting in arrays included."""

    name: str
    active_objs: int
    num_objs: int
    objsize: int
    objperslab: int
    pagesperslab: int
    limit: int
    batchcount: int
    sharedfactor: int
    active_slabs: int
    num_slabs: int
    sharedavail: int
    error: str = ""


def slabinfo(w: Words, layout: Layout, slab: SlabAllocator) -> list[SlabInfo]:
    """Every cache, the newest first. `error` says where the lists contradict the counters (s_show)."""
    return [_slabinfo_row(w, layout, slab, cachep) for cachep in slab.caches()]


def _slabinfo_row(w: Words, layout: Layout, slab: SlabAllocator, cachep: int) -> SlabInfo:
    cache, l3_fields, ac = layout["kmem_cache"], layout["kmem_list3"], layout["array_cache"]
    c = (cachep ^ 0xC0000000) >> 2
    num = w[c + cache.word("num")]
    l3 = w[c + cache.word("nodelists")]
    inuse_word = layout["slab"].word("inuse")

    def in_use(which: str) -> list[int]:
        head = l3 + l3_fields.offset(f"slabs_{which}")
        return [w[((va ^ 0xC0000000) >> 2) + inuse_word] for va in list_for_each(w, head)]

    full, partial, free = in_use("full"), in_use("partial"), in_use("free")
    error = ""
    if any(count != num for count in full):
        error = "slabs_full accounting error"
    elif any(count in (0, num) for count in partial):
        error = "slabs_partial accounting error" if num in partial else "slabs_partial/inuse accounting error"
    elif any(free):
        error = "slabs_free/inuse accounting error"
    active_objs = len(full) * num + sum(partial)
    num_slabs = len(full) + len(partial) + len(free)
    free_objects = w[((l3 ^ 0xC0000000) >> 2) + l3_fields.word("free_objects")]
    if num_slabs * num - active_objs != free_objects and not error:
        error = "free_objects accounting error"
    shared = w[((l3 ^ 0xC0000000) >> 2) + l3_fields.word("shared")]
    return SlabInfo(
        name=_name(slab, cachep),
        active_objs=active_objs,
        num_objs=num_slabs * num,
        objsize=w[c + cache.word("buffer_size")],
        objperslab=num,
        pagesperslab=1 << (w[c + cache.word("gfporder")] & 31),
        limit=w[c + cache.word("limit")],
        batchcount=w[c + cache.word("batchcount")],
        sharedfactor=w[c + cache.word("shared")],
        active_slabs=len(full) + len(partial),
        num_slabs=num_slabs,
        sharedavail=w[((shared ^ 0xC0000000) >> 2) + ac.word("avail")] if shared else 0,
        error=error,
    )


def _name(slab: SlabAllocator, cachep: int) -> str:
    try:
        return slab.name(cachep)
    except KernelFault:  # its program is gone
        return f"<{slab.kmem_cache_name(cachep):08x}>"


def slabinfo_text(rows: Iterable[SlabInfo]) -> str:
    """/proc/slabinfo, version 2.1. A cache whose lists contradict its counters is followed by a line on that."""
    lines = [
        "slabinfo - version: 2.1\n"
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        " : tunables <limit> <batchcount> <sharedfactor>"
        " : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
    ]
    for r in rows:
        lines.append(
            f"{r.name:<17} {r.active_objs:6d} {r.num_objs:6d} {r.objsize:6d} {r.objperslab:4d} {r.pagesperslab:4d}"
            f" : tunables {r.limit:4d} {r.batchcount:4d} {r.sharedfactor:4d}"
            f" : slabdata {r.active_slabs:6d} {r.num_slabs:6d} {r.sharedavail:6d}\n"
        )
        if r.error:
            lines.append(f"slab: cache {r.name} error: {r.error}\n")
    return "".join(lines)


@dataclass(frozen=True, slots=True)
class VmallocInfo:
    """An area of vmalloc space; `size` in bytes with the guard page, `flags` are VM_..."""

    addr: int
    size: int
    nr_pages: int
    phys_addr: int
    flags: int


def vmallocinfo(w: Words, layout: Layout, vmalloc: Vmalloc) -> list[VmallocInfo]:
    """Every area, by ascending address."""
    fields = layout["vm_struct"]
    return [
        VmallocInfo(
            *(w[((area ^ 0xC0000000) >> 2) + fields.word(name)] for name in VmallocInfo.__slots__)
        )
        for area in vmalloc.areas()
    ]


def vmallocinfo_text(rows: Iterable[VmallocInfo]) -> str:
    """/proc/vmallocinfo."""
    words = (
        (VM_IOREMAP, " ioremap"), (VM_ALLOC, " vmalloc"), (VM_MAP, " vmap"), (VM_USERMAP, " user"),
        (VM_VPAGES, " vpages"),
    )  # fmt: skip
    return "".join(
        f"0x{r.addr:08x}-0x{r.addr + r.size:08x} {r.size:7d}"
        + (f" pages={r.nr_pages}" if r.nr_pages else "")
        + (f" phys={r.phys_addr:x}" if r.phys_addr else "")
        + "".join(word for bit, word in words if r.flags & bit)
        + "\n"
        for r in rows
    )
