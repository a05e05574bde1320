"""The kernel's tracepoints: one stream of what the memory manager does.

A site tests one attribute; with nobody listening that is all an event costs. Names and fields are those of
include/trace/events/{kmem,vmscan,oom,sched,timer}.h and arch/x86 exceptions.h (2.6.37 and, of oom and the scheduler's
words, later); the system `highmem` is ours. Every field is a 32-bit word, but for the names of tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from hw.errors import HighmemError

Emit = Callable[..., None]
Listener = Callable[[str, dict[str, Any]], None]

_ALLOC = "unsigned long call_site; const void *ptr; size_t bytes_req; size_t bytes_alloc; gfp_t gfp_flags"
_FREE = "unsigned long call_site; const void *ptr"
_KMAP = "unsigned long call_site; struct page *page; unsigned long pfn; const void *ptr"
_FAULT = "unsigned long address; unsigned long ip; unsigned long error_code"

SYSTEMS: dict[str, dict[str, str]] = {
    "kmem": {
        "kmalloc": _ALLOC,
        "kfree": _FREE,
        "kmem_cache_alloc": _ALLOC,
        "kmem_cache_free": _FREE,
        "mm_page_alloc":
            "struct page *page; unsigned long pfn; unsigned int order; int migratetype; gfp_t gfp_flags",
        "mm_page_free": "struct page *page; unsigned long pfn; unsigned int order",
        "mm_page_alloc_zone_locked":
            "struct page *page; unsigned long pfn; unsigned int order; int migratetype; int percpu_refill",
        "mm_page_pcpu_drain": "struct page *page; unsigned long pfn; unsigned int order; int migratetype",
    },
    "highmem": {
        "vmalloc": _ALLOC,
        "vfree": _FREE,
        "kmap": _KMAP,
        "kunmap": _KMAP,
        "kmap_atomic": "unsigned long call_site; unsigned long pfn; const void *ptr; int type",
        "kunmap_atomic": "unsigned long call_site; const void *ptr; int type",
        "vmalloc_fault": "unsigned long address; unsigned long ip; unsigned long pgd",
    },
    "exceptions": {"page_fault_kernel": _FAULT, "page_fault_user": _FAULT},
    "vmscan": {
        "mm_vmscan_kswapd_sleep": "int nid",
        "mm_vmscan_kswapd_wake": "int nid; int order",
        "mm_vmscan_wakeup_kswapd": "int nid; int zid; int order",
        "mm_vmscan_direct_reclaim_begin": "int order; int may_writepage; gfp_t gfp_flags",
        "mm_vmscan_direct_reclaim_end": "unsigned long nr_reclaimed",
    },
    "oom": {"mark_victim": "int pid"},
    "sched": {
        "sched_switch":
            "char prev_comm[16]; pid_t prev_pid; int prev_prio; long prev_state; char next_comm[16]; "
            "pid_t next_pid; int next_prio",
        "sched_wakeup": "char comm[16]; pid_t pid; int prio; int success; int target_cpu",
    },
    "timer": {
        "timer_expire_entry": "void *timer; unsigned long now; void *function",
        "timer_expire_exit": "void *timer",
    },
}  # fmt: skip
"""The C declarations of each event's fields, as in a TP_STRUCT__entry, by system and event."""


def _fields(declarations: str) -> dict[str, str]:
    """The C type of each field: "char [16]", "const void *"."""
    types = {}
    for declaration in declarations.split("; "):
        of_type, name = declaration.rsplit(" ", 1)
        bare, bracket, size = name.lstrip("*").partition("[")
        types[bare] = f"{of_type} {'*' if name[0] == '*' else bracket + size}".rstrip()
    return types


TYPES: dict[str, dict[str, str]] = {
    name: _fields(text) for events in SYSTEMS.values() for name, text in events.items()
}
FIELDS: dict[str, tuple[str, ...]] = {name: tuple(types) for name, types in TYPES.items()}
NAMES_OF_TASKS = "char [16]"


def matching(patterns: Iterable[str], names: Iterable[str] = FIELDS) -> list[str]:
    """The events that one of the glob patterns names. Raises HighmemError for a pattern that matches none."""
    names, found = list(names), set()
    for pattern in patterns:
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise HighmemError(f"no event is called {pattern!r}; there are {', '.join(names)}")
        found |= matches
    return [name for name in names if name in found]


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
    kmap_atomic: Emit | None
    kunmap_atomic: Emit | None
    vmalloc_fault: Emit | None
    page_fault_kernel: Emit | None
    page_fault_user: Emit | None
    mm_vmscan_kswapd_sleep: Emit | None
    mm_vmscan_kswapd_wake: Emit | None
    mm_vmscan_wakeup_kswapd: Emit | None
    mm_vmscan_direct_reclaim_begin: Emit | None
    mm_vmscan_direct_reclaim_end: Emit | None
    mark_victim: Emit | None
    sched_switch: Emit | None
    sched_wakeup: Emit | None
    timer_expire_entry: Emit | None
    timer_expire_exit: Emit | None

    __slots__ = (*FIELDS, "_listeners")

    def __init__(self) -> None:
        self._listeners: dict[str, list[tuple[object, Emit]]] = {name: [] for name in FIELDS}
        for name in FIELDS:
            setattr(self, name, None)

    def subscribe(self, patterns: Iterable[str] | None, listener: Listener) -> None:
        """Call `listener(event, fields)` for every event whose name matches one of the glob patterns (None: all).

        Raises HighmemError for a pattern that matches no event.
        """
        for name in FIELDS if patterns is None else matching(patterns):
            self.tap(name, listener, _emitter(name, listener))

    def tap(self, name: str, owner: object, emit: Emit) -> None:
        """Call `emit(*values)` for every event of that name: the cheapest way to listen. Once for each owner."""
        listeners = self._listeners[name]
        if all(other != owner for other, _ in listeners):
            listeners.append((owner, emit))
            self._wire(name)

    def unsubscribe(self, owner: object) -> None:
        """End what `subscribe` began for a listener, or `tap` for an owner."""
        for name, listeners in self._listeners.items():
            kept = [(other, emit) for other, emit in listeners if other != owner]
            if len(kept) < len(listeners):
                self._listeners[name] = kept
                self._wire(name)

    def _wire(self, name: str) -> None:
        emits = tuple(emit for _, emit in self._listeners[name])
        setattr(self, name, _all(emits) if len(emits) > 1 else emits[0] if emits else None)


def _emitter(name: str, listener: Listener) -> Emit:
    fields = FIELDS[name]

    def emit(*values: int | str) -> None:
        listener(name, dict(zip(fields, values, strict=True)))

    return emit


def _all(emits: tuple[Emit, ...]) -> Emit:
    def emit(*values: int | str) -> None:
        for each in emits:
            each(*values)

    return emit
