"""The kernel's tracepoints: one stream of what the memory manager does.

A site tests one attribute; with nobody listening that is all an event costs. Names and fields are those of
include/trace/events/kmem.h (2.6.37) and arch/x86 exceptions.h; `vmalloc_fault` is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from hw.errors import HighmemError

Emit = Callable[..., None]
Listener = Callable[[str, dict[str, int]], None]

FIELDS: dict[str, tuple[str, ...]] = {
    "kmalloc": ("call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"),
    "kfree": ("call_site", "ptr"),
    "kmem_cache_alloc": ("call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"),
    "kmem_cache_free": ("call_site", "ptr"),
    "mm_page_alloc": ("page", "pfn", "order", "migratetype", "gfp_flags"),
    "mm_page_free": ("page", "pfn", "order"),
    "mm_page_alloc_zone_locked": ("page", "pfn", "order", "migratetype", "percpu_refill"),
    "mm_page_pcpu_drain": ("page", "pfn", "order", "migratetype"),
    "vmalloc": ("call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"),
    "vfree": ("call_site", "ptr"),
    "kmap": ("call_site", "page", "pfn", "ptr"),
    "kunmap": ("call_site", "page", "pfn", "ptr"),
    "page_fault_kernel": ("address", "ip", "error_code"),
    "page_fault_user": ("address", "ip", "error_code"),
    "vmalloc_fault": ("address", "ip", "pgd"),
}


class Events:
    """An attribute for every event: None, or what a site calls with the event's fields in order."""

    kmalloc: Emit | None
    kfree: Emit | None
    kmem_cache_alloc: Emit | None
    kmem_cache_free: Emit | None
    mm_page_alloc: Emit | None
    mm_page_free: Emit | None
    mm_page_alloc_zone_locked: Emit | None
    mm_page_pcpu_drain: Emit | None
    vmalloc: Emit | None
    vfree: Emit | None
    kmap: Emit | None
    kunmap: Emit | None
    page_fault_kernel: Emit | None
    page_fault_user: Emit | None
    vmalloc_fault: Emit | None

    __slots__ = (*FIELDS, "_listeners")

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {name: [] for name in FIELDS}
        for name in FIELDS:
            setattr(self, name, None)

    def subscribe(self, patterns: Iterable[str] | None, listener: Listener) -> None:
        """Call `listener(event, fields)` for every event whose name matches one of the glob patterns (None: all).

        Raises HighmemError for a pattern that matches no event.
        """
        for pattern in ["*"] if patterns is None else patterns:
            names = [name for name in FIELDS if fnmatchcase(name, pattern)]
            if not names:
                raise HighmemError(f"no event is called {pattern!r}; there are {', '.join(FIELDS)}")
            for name in names:
                if listener not in self._listeners[name]:
                    self._listeners[name].append(listener)
                setattr(self, name, self._emitter(name))

    def unsubscribe(self, listener: Listener) -> None:
        """End what `subscribe` began."""
        for name, listeners in self._listeners.items():
            if listener in listeners:
                listeners.remove(listener)
                setattr(self, name, self._emitter(name) if listeners else None)

    def _emitter(self, name: str) -> Emit:
        fields, listeners = FIELDS[name], self._listeners[name]

        def emit(*values: int) -> None:
            record = dict(zip(fields, values, strict=True))
            for listener in tuple(listeners):
                listener(name, record)

        return emit
