"""Owners against what else is known of a machine: fsck's accounting, and the page tables."""

from __future__ import annotations

import random

from guest.kernel import Kernel
from mm.fsck import KINDS, fsck
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.owner import Owner

SLAB = {"slab object", "slab management", "slab padding", "task stack", "page table"}
KINDS_OF = {
    "hole": {"device", "firmware", "unused RAM", "video memory", "open bus"},
    "reserved": {"reserved", "kernel text", "kernel data", "task stack", "page table"},
    "mem_map": {"mem_map"}, "page table": {"page table"}, "slab": SLAB, "per-cpu": {"per-cpu list"},
    "vmalloc": {"vmalloc area", "program"}, "page cache": {"page cache"}, "in use": {"pages"}, "buddy": {"free pages"},
}  # fmt: skip
"""What the owner of a frame can be, by what the accounting says of the frame."""


def extent(owner: Owner) -> tuple[str, int, int]:
    """What it is, and from where to where."""
    return owner.kind, owner.start, owner.end


def check_frames(kernel: Kernel, rng: random.Random) -> None:
    """Of a byte of every frame the owner is what fsck has accounted for, and blocks are whole."""
    report = fsck(kernel.ram)
    assert report.damages == []
    addresses = [pfn << PAGE_SHIFT | rng.randrange(PAGE_SIZE) for pfn in range(kernel.limits.max_pfn)]
    last: Owner | None = None
    for pfn, owner in enumerate(kernel.owners.each(addresses)):
        kind, order = KINDS[report.kinds[pfn]], ""
        if kind.startswith("buddy"):
            kind, order = kind.split()
        assert (owner.pfn, owner.accounted) == (pfn, kind)
        assert owner.kind in KINDS_OF[kind], owner
        if order:
            assert owner.size == PAGE_SIZE << int(order)
            first = owner.start - (PAGE_OFFSET if owner.linear else 0) >> PAGE_SHIFT
            block = report.kinds[first : first + (1 << int(order))]
            assert first <= pfn < first + len(block) and (block == report.kinds[pfn]).all()
        if last and last.linear and owner.linear and last.end > PAGE_OFFSET + (pfn << PAGE_SHIFT) + PAGE_SIZE:
            if last.kind in ("free pages", "pages", "task stack"):  # it goes on in this frame
                assert extent(owner) == extent(last)
        last = owner


def check_addresses(kernel: Kernel, rng: random.Random) -> None:
    """Linear addresses of every region: the page tables and the owners never disagree."""
    areas = kernel.vmallocinfo()
    pkmap, top = kernel.highmem.pkmap_base, (1 << 32) - 1
    addresses = [rng.randrange(1 << 32) for _ in range(60)]
    addresses += [rng.randrange(kernel.vmalloc.start, top) for _ in range(60)]
    addresses += [rng.randrange(pkmap, top) for _ in range(60)] + [0, PAGE_OFFSET - 1, PAGE_OFFSET, pkmap, top]
    for area in rng.sample(areas, min(10, len(areas))):
        end = area.addr + area.size
        addresses += [area.addr, end - PAGE_SIZE - 1, end - PAGE_SIZE, end - 1, end]
    for va in addresses:
        owner, pa = kernel.owners.linear(va), kernel.tables.translate(va)
        inside = pa is not None and pa >> PAGE_SHIFT < kernel.limits.max_pfn
        assert owner.pfn == (pa >> PAGE_SHIFT if inside and pa is not None else None), (hex(va), owner)
        if owner.linear and owner.kind != "slab object":  # an object's red zone is not in it
            assert owner.start <= va < owner.end, (hex(va), owner)
        if pa is not None and owner.kind != "hypercall page":
            behind = kernel.owners.physical(pa)
            assert owner.behind in (behind, None) and (owner.behind or owner) == behind
    for area in areas:
        assert kernel.owners.linear(area.addr + area.size - PAGE_SIZE).kind == "guard page"
        assert kernel.owners.linear(area.addr, behind=False).kind in ("vmalloc area", "program")
