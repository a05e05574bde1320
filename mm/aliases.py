"""Where a frame can be seen: every linear address that page tables lead from to it, and what window that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hw.paging import PAGE_SIZE, walk_all
from hw.ram import RAM
from mm.fixmap import (
    FIX_KMAP_BEGIN,
    FIXADDR_TOP,
    KM_TYPES,
    end_of_fixed_addresses,
    pkmap_base,
    slot_names,
    virt_to_fix,
    vmalloc_end,
    vmalloc_start,
)
from mm.fork import Tasks
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.list import Words


@dataclass(frozen=True, slots=True)
class Mapped:
    """A page that leads to a frame. linear: where the frame begins there. flags: as in hw.paging.ROW_FIELDS, of all
    levels together. page_size: in bytes; of a large page the frame is a part. spaces: the CR3s under which it is so.
    """

    linear: int
    flags: int
    page_size: int
    spaces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Alias:
    """A window onto a frame.

    window: "direct map", "vmalloc", "kmap", "kmap_atomic", "fixmap", "user", or "" outside of all. slot: which one of
    kmap's ("slot 3"), kmap_atomic's ("KM_USER0 of CPU 0") or the fixmap's ("FIX_APIC_BASE"), else "".
    """

    linear: int
    window: str
    slot: str
    flags: int
    page_size: int
    spaces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AddressSpace:
    """A page directory. cr3: its physical address. mm: the `struct mm_struct`. pids: the tasks that have it, by pid;
    comm: the name of the first of them, "swapper" for init_mm.
    """

    cr3: int
    mm: int
    comm: str
    pids: tuple[int, ...]


def mapped_at(ram: RAM, pfn: int, spaces: Iterable[int], cr0: int, cr4: int, efer: int = 0) -> list[Mapped]:
    """Every page that leads to frame `pfn` under one of the CR3s `spaces`, by ascending address.

    Equal ones of several address spaces are one.
    """
    pa = pfn << PAGE_SHIFT
    found: dict[tuple[int, int, int], list[int]] = {}
    for cr3 in dict.fromkeys(spaces):
        rows = walk_all(ram, cr3, cr0, cr4, efer)
        for row in rows[(rows["pa"] <= pa) & (pa - rows["pa"] < rows["end"] - rows["start"])]:
            linear = int(row["start"]) + pa - int(row["pa"])
            found.setdefault((linear, int(row["flags"]), int(row["page_size"])), []).append(cr3)
    return [Mapped(*key, tuple(cr3s)) for key, cr3s in sorted(found.items())]


class Windows:
    """What the kernel uses an address for. max_low_pfn: where the direct map ends."""

    def __init__(self, layout: Layout, max_low_pfn: int) -> None:
        high_memory = PAGE_OFFSET + (max_low_pfn << PAGE_SHIFT)
        self._high_memory = high_memory
        self._vmalloc = range(vmalloc_start(high_memory), vmalloc_end(layout))
        self._pkmap = range(pkmap_base(layout), pkmap_base(layout) + layout.last_pkmap * PAGE_SIZE)
        self._fixmap = range(FIXADDR_TOP - (end_of_fixed_addresses(layout) - 1 << PAGE_SHIFT), FIXADDR_TOP + PAGE_SIZE)
        self._slots = slot_names(layout)

    def of(self, linear: int) -> tuple[str, str]:
        """The window that a linear address lies in and the slot, as in Alias."""
        if linear < PAGE_OFFSET:
            return "user", ""
        if linear < self._high_memory:
            return "direct map", ""
        if linear in self._vmalloc:
            return "vmalloc", ""
        if linear in self._pkmap:
            return "kmap", f"slot {linear - self._pkmap.start >> PAGE_SHIFT}"
        if linear not in self._fixmap:
            return "", ""
        slot = self._slots[virt_to_fix(linear)]
        if not slot.startswith("FIX_KMAP "):
            return "fixmap", slot
        cpu, km_type = divmod(virt_to_fix(linear) - FIX_KMAP_BEGIN, len(KM_TYPES))
        return "kmap_atomic", f"{KM_TYPES[km_type]} of CPU {cpu}"

    def aliases(self, mapped: Iterable[Mapped]) -> list[Alias]:
        """The same pages with their windows."""
        return [Alias(m.linear, *self.of(m.linear), m.flags, m.page_size, m.spaces) for m in mapped]


def address_spaces(w: Words, layout: Layout, tasks: Tasks, cr3s: Sequence[int] = ()) -> list[AddressSpace]:
    """Every page directory that init_mm, a task or a CPU (`cr3s`) has, init_mm's first."""
    fields, mm_fields = layout["task_struct"], layout["mm_struct"]
    found: dict[int, tuple[int, str, list[int]]] = {
        layout.va("swapper_pg_dir") - PAGE_OFFSET: (layout.va("init_mm"), "swapper", [])
    }
    for task in tasks.each():
        if mm := tasks.mm(task):
            cr3 = w[((mm ^ 0xC0000000) >> 2) + mm_fields.word("pgd")] - PAGE_OFFSET
            pids = found.setdefault(cr3, (mm, tasks.comm(task), []))[2]
            pids.append(w[((task ^ 0xC0000000) >> 2) + fields.word("pid")])
    for cr3 in cr3s:
        found.setdefault(cr3 & -(32 if layout.pae else PAGE_SIZE), (0, "", []))
    return [AddressSpace(cr3, mm, comm, tuple(sorted(pids))) for cr3, (mm, comm, pids) in found.items()]
