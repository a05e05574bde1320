"""How a cache's slabs are laid out: pure arithmetic of mm/slab.c, 2.6.20, with 4-byte kmem_bufctl_t."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mm.layout import PAGE_SIZE, SLAB_DEBUG_SLABS_LEN

SLAB_SIZE = 28  # sizeof(struct slab)
BUFCTL_END = 0xFFFFFFFF
BUFCTL_FREE = 0xFFFFFFFE  # with sanity checks: of an object that is out of its slab
SLAB_LIMIT = 0xFFFFFFFC
CFLGS_OFF_SLAB = 0x80000000
MAX_OBJ_ORDER = MAX_GFP_ORDER = 5
MAX_OBJ_SIZE = PAGE_SIZE << MAX_OBJ_ORDER
SHARED_BATCHCOUNT = 0xBAADF00D  # of shared arrays, which never move batches

SLAB_DEBUG_FREE = 0x100
SLAB_DEBUG_INITIAL = 0x200
SLAB_RED_ZONE = 0x400
SLAB_POISON = 0x800
SLAB_STORE_USER = 0x10000
DEBUG_MASK = SLAB_DEBUG_FREE | SLAB_DEBUG_INITIAL | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER
DEBUG_CPUCACHE_LIMIT = 32
#: The letters of --slab-debug, which are SLUB's.
DEBUG_LETTERS = {"F": SLAB_DEBUG_FREE, "Z": SLAB_RED_ZONE, "P": SLAB_POISON, "U": SLAB_STORE_USER}

_HWCACHE_ALIGN = 0x2000
_RECLAIM_ACCOUNT = 0x20000
_DESTROY_BY_RCU = 0x80000
_DEBUG_OPTION = re.compile(r"([FZPUfzpu]*)((?:,[!-+\--\[\]-~]+)*)")  # words without spaces and backslashes


@dataclass(frozen=True, slots=True)
class Geometry:
    """A cache's slabs: bytes, except `num` (objects), `gfporder` (log2 of pages) and `colour` (a count)."""

    buffer_size: int
    align: int
    num: int
    gfporder: int
    off_slab: bool
    slab_size: int
    colour: int
    colour_off: int
    obj_offset: int = 0
    obj_size: int = 0


def debug_option(text: str) -> tuple[int, str]:
    """What "[FLAGS][,CACHE...]" asks for: SLAB_... flags (no letter means all four), and the patterns of caches' names
    with commas between them, "" for all caches. Raises ValueError.
    """
    match = _DEBUG_OPTION.fullmatch(text)
    if match is None or set(text) & set("'\"#") or len(match[2]) > SLAB_DEBUG_SLABS_LEN:
        raise ValueError(f"not [FLAGS][,CACHE...] with the flags F, Z, P and U: {text!r}")
    letters = match[1].upper() or "".join(DEBUG_LETTERS)
    return sum(DEBUG_LETTERS[letter] for letter in set(letters)), match[2][1:]


def debug_flags(asked: int, patterns: str, name: str, size: int, align: int, flags: int) -> int:
    """The flags that a cache gets where `asked` are on for the caches that `patterns` name, and it has `flags` itself.

    Red zones and the last user go only where they cost no higher power of two, and never with an alignment of more
    than a word; nothing is poisoned that readers may still look at when it is free.
    """
    if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns.split(",")):
        flags |= asked & SLAB_DEBUG_FREE
        if size < 4096 or (size - 1).bit_length() == (size + 11).bit_length():
            flags |= asked & (SLAB_RED_ZONE | SLAB_STORE_USER)
        if not flags & _DESTROY_BY_RCU:
            flags |= asked & SLAB_POISON
    return flags & ~(SLAB_RED_ZONE | SLAB_STORE_USER) if align > 4 else flags


def _align(value: int, to: int) -> int:
    return value + to - 1 & -to  # the kernel's ALIGN, which wants a power of two and does not check


def cache_estimate(gfporder: int, buffer_size: int, align: int, off_slab: bool) -> tuple[int, int]:
    """Objects that fit a slab of 2^gfporder pages, and the bytes left over."""
    slab = PAGE_SIZE << gfporder
    if off_slab:
        num, management = min(slab // buffer_size, SLAB_LIMIT), 0
    else:
        num = (slab - SLAB_SIZE) // (buffer_size + 4)
        if _align(SLAB_SIZE + 4 * num, align) + num * buffer_size > slab:
            num = max(0, num - 1)  # 2.6.20 forgets that none may fit, where `align` is more than a slab
        management = _align(SLAB_SIZE + 4 * num, align)
    return num, slab - num * buffer_size - management


def calculate_slab_order(size: int, align: int, off_slab: bool, flags: int, break_order: int) -> tuple[int, int, int]:
    """(gfporder, num, left over) of a slab; num 0 where no order will do."""
    found = (0, 0, 0)
    for order in range(MAX_GFP_ORDER + 1):
        num, left = cache_estimate(order, size, align, off_slab)
        if not num:
            continue
        if off_slab and num > (size - SLAB_SIZE) // 4:
            break  # the descriptor would not fit an object of the cache itself
        found = (order, num, left)
        if flags & _RECLAIM_ACCOUNT or order >= break_order or left * 8 <= PAGE_SIZE << order:
            break
    return found


def geometry(size: int, align: int, flags: int, line: int, break_order: int, early: bool) -> Geometry:
    """What kmem_cache_create makes of a size and an alignment in bytes.

    line: cache_line_size(). break_order: slab_break_gfp_order. early: while the first caches are made, none has
    its management off the slab.
    """
    obj_size = size = _align(size, 4)
    wanted = 4
    if flags & (SLAB_RED_ZONE | SLAB_STORE_USER):
        size += (8 if flags & SLAB_RED_ZONE else 0) + (4 if flags & SLAB_STORE_USER else 0)
    elif flags & _HWCACHE_ALIGN:
        wanted = line
        while size <= wanted // 2:
            wanted //= 2
    align = max(wanted, align)
    off_slab = size >= PAGE_SIZE >> 3 and not early
    size = _align(size, align)
    order, num, left = calculate_slab_order(size, align, off_slab, flags, break_order)
    slab_size = _align(SLAB_SIZE + 4 * num, align)
    if off_slab and left >= slab_size:
        off_slab = False
        left -= slab_size
    if off_slab:
        slab_size = SLAB_SIZE + 4 * num
    colour_off = max(line, align)
    obj_offset = 4 if flags & SLAB_RED_ZONE else 0
    return Geometry(
        size, align, num, order, off_slab, slab_size, left // colour_off, colour_off, obj_offset, obj_size
    )


def tunables(buffer_size: int, smp: bool, debug: bool = False) -> tuple[int, int, int]:
    """(limit, batchcount, shared) of a cache (enable_cpucache). debug: of a machine with --slab-debug."""
    if buffer_size > 131072:
        limit = 1
    elif buffer_size > PAGE_SIZE:
        limit = 8
    elif buffer_size > 1024:
        limit = 24
    elif buffer_size > 256:
        limit = 54
    else:
        limit = 120
    if debug:
        limit = min(limit, DEBUG_CPUCACHE_LIMIT)
    return limit, (limit + 1) // 2, 8 if smp and buffer_size <= PAGE_SIZE else 0


def reciprocal_value(size: int) -> int:
    """What an offset is multiplied by, and shifted right by 32, to divide it by `size` (lib/reciprocal_div.c)."""
    return ((1 << 32) + size - 1) // size & 0xFFFFFFFF
