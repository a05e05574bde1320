"""The monitor's commands. Each module adds its own to a registry by `register`."""

from __future__ import annotations

from tools.commands import (
    checks,
    counters,
    cpus,
    descriptors,
    frag,
    frames,
    info,
    kmem,
    kmemleak,
    memory,
    page_owner,
    proc,
    slab_owner,
    slabs,
    slabtop,
    tlb,
    translate,
    vmalloc,
    windows,
)
from tools.registry import Registry


def standard() -> Registry:
    """A new registry with every command that highmem has."""
    registry = Registry()
    for module in (
        translate, info, descriptors, tlb, cpus, memory, proc, counters, kmem, slabs, slabtop, frames,
        slab_owner, page_owner, kmemleak, frag, vmalloc, windows, checks,
    ):  # fmt: skip
        module.register(registry)
    return registry
