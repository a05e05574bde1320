"""The monitor's commands. Each module adds its own to a registry by `register`."""

from __future__ import annotations

from tools.commands import checks, counters, frag, frames, info, kmem, memory, proc, translate
from tools.registry import Registry


def standard() -> Registry:
    """A new registry with every command that highmem has."""
    registry = Registry()
    for module in (translate, info, memory, proc, counters, kmem, frames, frag, checks):
        module.register(registry)
    return registry
