"""Bits of `page->flags` (include/linux/page-flags.h, 2.6.20); the zone's number is in bits 30-31 (mm.h)."""

from __future__ import annotations

NAMES = (
    "locked", "error", "referenced", "uptodate", "dirty", "lru", "active", "slab", "checked", "arch_1",
    "reserved", "private", "writeback", "nosave", "compound", "swapcache", "mappedtodisk", "reclaim",
    "nosave_free", "buddy",
)  # fmt: skip

PG_locked = 1 << 0
PG_error = 1 << 1
PG_referenced = 1 << 2
PG_uptodate = 1 << 3
PG_dirty = 1 << 4
PG_lru = 1 << 5
PG_active = 1 << 6
PG_slab = 1 << 7
PG_checked = 1 << 8
PG_arch_1 = 1 << 9
PG_reserved = 1 << 10
PG_private = 1 << 11
PG_writeback = 1 << 12
PG_compound = 1 << 14
PG_swapcache = 1 << 15
PG_mappedtodisk = 1 << 16
PG_reclaim = 1 << 17
PG_buddy = 1 << 19

ZONES_SHIFT = 30

# A page with one of these when it is freed or allocated is bad (free_pages_check, prep_new_page).
CHECK_AT_FREE = (
    PG_lru | PG_private | PG_locked | PG_active | PG_reclaim | PG_slab | PG_swapcache | PG_writeback
    | PG_reserved | PG_buddy
)  # fmt: skip
CHECK_AT_PREP = CHECK_AT_FREE | PG_dirty
CLEAR_AT_PREP = PG_uptodate | PG_error | PG_referenced | PG_arch_1 | PG_checked | PG_mappedtodisk


def decode(flags: int) -> str:
    """The names of the set flags, joined by "|"; "-" where none is set."""
    return "|".join(name for bit, name in enumerate(NAMES) if flags >> bit & 1) or "-"
