"""How a cache's slabs are laid out: pure arithmetic of mm/slab.c, 2.6.20, with 4-byte kmem_bufctl_t."""

from __future__ import annotations

from dataclasses import dataclass

from mm.layout import PAGE_SIZE

SLAB_SIZE = 28  # sizeof(struct slab)
BUFCTL_END = 0xFFFFFFFF
SLAB_LIMIT = 0xFFFFFFFC
CFLGS_OFF_SLAB = 0x80000000
MAX_OBJ_ORDER = MAX_GFP_ORDER = 5
MAX_OBJ_SIZE = PAGE_SIZE << MAX_OBJ_ORDER
SHARED_BATCHCOUNT = 0xBAADF00D  # of shared arrays, which never move batches

_HWCACHE_ALIGN = 0x2000
_RECLAIM_ACCOUNT = 0x20000


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
            num -= 1
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
    size = _align(size, 4)
    wanted = 4
    if flags & _HWCACHE_ALIGN:
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
    return Geometry(size, align, num, order, off_slab, slab_size, left // colour_off, colour_off)


def tunables(buffer_size: int, smp: bool) -> tuple[int, int, int]:
    """(limit, batchcount, shared) of a cache (enable_cpucache)."""
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
    return limit, (limit + 1) // 2, 8 if smp and buffer_size <= PAGE_SIZE else 0


def reciprocal_value(size: int) -> int:
    """What an offset is multiplied by, and shifted right by 32, to divide it by `size` (lib/reciprocal_div.c)."""
    return ((1 << 32) + size - 1) // size & 0xFFFFFFFF
