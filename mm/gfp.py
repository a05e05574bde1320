"""GFP flags (include/linux/gfp.h, 2.6.20). The leading underscores of `__GFP_WAIT` and its like are left out."""

from __future__ import annotations

GFP_DMA = 0x01
GFP_HIGHMEM = 0x02
GFP_WAIT = 0x10
GFP_HIGH = 0x20
GFP_IO = 0x40
GFP_FS = 0x80
GFP_COLD = 0x100
GFP_NOWARN = 0x200
GFP_REPEAT = 0x400
GFP_NOFAIL = 0x800
GFP_NORETRY = 0x1000
GFP_NO_GROW = 0x2000
GFP_COMP = 0x4000
GFP_ZERO = 0x8000
GFP_NOMEMALLOC = 0x10000
GFP_HARDWALL = 0x20000
GFP_THISNODE = 0x40000

GFP_ATOMIC = GFP_HIGH
GFP_NOIO = GFP_WAIT
GFP_NOFS = GFP_WAIT | GFP_IO
GFP_KERNEL = GFP_WAIT | GFP_IO | GFP_FS
GFP_USER = GFP_KERNEL | GFP_HARDWALL
GFP_HIGHUSER = GFP_USER | GFP_HIGHMEM

GFP_LEVEL_MASK = (
    GFP_WAIT | GFP_HIGH | GFP_IO | GFP_FS | GFP_COLD | GFP_NOWARN | GFP_REPEAT | GFP_NOFAIL
    | GFP_NORETRY | GFP_NO_GROW | GFP_COMP | GFP_NOMEMALLOC | GFP_HARDWALL | GFP_THISNODE
)  # fmt: skip

_FLAGS = (
    "DMA", "HIGHMEM", "", "", "WAIT", "HIGH", "IO", "FS", "COLD", "NOWARN", "REPEAT", "NOFAIL", "NORETRY", "NO_GROW",
    "COMP", "ZERO", "NOMEMALLOC", "HARDWALL", "THISNODE",
)  # fmt: skip
NAMES = {
    "GFP_HIGHUSER": GFP_HIGHUSER, "GFP_USER": GFP_USER, "GFP_KERNEL": GFP_KERNEL, "GFP_NOFS": GFP_NOFS,
    "GFP_ATOMIC": GFP_ATOMIC, "GFP_NOIO": GFP_NOIO,
} | {f"__GFP_{name}": 1 << bit for bit, name in enumerate(_FLAGS) if name}  # fmt: skip


def decode(gfp_mask: int) -> str:
    """A mask in names, joined by "|"; bits without one in hexadecimal."""
    names = []
    for name, flags in NAMES.items():
        if gfp_mask & flags == flags:
            names.append(name)
            gfp_mask &= ~flags
    return "|".join(names + [f"{gfp_mask:#x}"] * (gfp_mask != 0 or not names))


def parse(text: str) -> int:
    """A mask from such names or a number. Raises ValueError."""
    mask = 0
    for word in filter(None, (part.strip() for part in text.split("|"))):
        try:
            mask |= NAMES[word] if word in NAMES else int(word, 0)
        except ValueError:
            raise ValueError(f"{word!r} is no GFP flag") from None
    return mask
