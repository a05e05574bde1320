"""The monitor's commands. Each module adds its own to a registry by `register`."""

from __future__ import annotations

from tools.commands import (
    checks,
    code,
    counters,
    cpus,
    descriptors,
    explain,
    faults,
    frag,
    frames,
    info,
    kmem,
    kmemleak,
    memory,
    memsave,
    page_owner,
    pagewalk,
    proc,
    search,
    slab_owner,
    slabs,
    slabtop,
    stops,
    structs,
    tlb,
    translate,
    vmalloc,
    why,
    windows,
)
from tools.registry import Registry


def standard() -> Registry:
    """A new registry with every command that highmem has."""
    registry = Registry()
    for module in (
        translate, pagewalk, info, descriptors, tlb, cpus, memory, structs, search, code, memsave, proc, counters,
        kmem, slabs, slabtop, frames,
        slab_owner, page_owner, kmemleak, frag, vmalloc, windows, checks, explain, why, faults, stops,
    ):  # fmt: skip
        module.register(registry)
    return registry
