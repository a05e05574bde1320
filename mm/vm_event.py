"""The counters of what the memory manager does (enum vm_event_item of include/linux/vmstat.h, 2.6.20)."""

from __future__ import annotations

from mm.layout import NR_VM_EVENT_ITEMS, Layout

_ZONES = ("dma", "normal", "high")


def _for_all_zones(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_{zone}" for zone in _ZONES)


#: In the order of /proc/vmstat, under the names that they have there.
NAMES = (
    "pgpgin", "pgpgout", "pswpin", "pswpout", *_for_all_zones("pgalloc"), "pgfree", "pgactivate", "pgdeactivate",
    "pgfault", "pgmajfault", *_for_all_zones("pgrefill"), *_for_all_zones("pgsteal"),
    *_for_all_zones("pgscan_kswapd"), *_for_all_zones("pgscan_direct"), "pginodesteal", "slabs_scanned",
    "kswapd_steal", "kswapd_inodesteal", "pageoutrun", "allocstall", "pgrotated",
)  # fmt: skip
assert len(NAMES) == NR_VM_EVENT_ITEMS


def event_word(layout: Layout, name: str) -> int:
    """Word index in lowmem of the first CPU's counter; that of the next CPU is NR_VM_EVENT_ITEMS further on."""
    return ((layout.va("vm_event_states") ^ 0xC0000000) >> 2) + NAMES.index(name)
