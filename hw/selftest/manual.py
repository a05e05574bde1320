"""What the manual says of an access: tables of SDM vol. 3, 4.3-4.8, over arrays of entries.

Written from the manual's text and apart from hw.paging, in another shape, so that the two can be compared: no walk,
but conditions on all combinations at once. Arrays are of unsigned 64-bit entries; MAXPHYADDR is 40.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Setting(NamedTuple):
    """The control bits that have a say in translation. ``ac`` is EFLAGS.AC."""

    wp: bool = False
    pse: bool = False
    pge: bool = False
    nxe: bool = False
    smep: bool = False
    smap: bool = False
    ac: bool = False

    def __str__(self) -> str:
        return " ".join(f"{name.upper()}={value:d}" for name, value in self._asdict().items())


class Outcome(NamedTuple):
    """Of each combination: the error code, or -1 where there is none; the physical address, or -1; and the
    flags (A: 0x20, D: 0x40) that the access sets in the PDE and in the PTE.
    """

    code: Array
    pa: Array
    pde_marks: Array
    pte_marks: Array


class _Facts(NamedTuple):
    """What the rules of 4.6.1 ask of a translation: R/W=1 in every entry, XD=1 in any entry; and the settings."""

    writable: Array
    disabled: Array
    wp: bool
    smep: bool
    smap_stops: bool


_Rule = Callable[[_Facts], Any]

#: 4.6.1: who (ring 3 is user mode), what, and the kind of address: when it is allowed. An address is a user-mode
#: address when U/S is 1 in every entry. Execute-disable counts where the format has it.
_RIGHTS: dict[tuple[str, str, str], _Rule] = {
    ("supervisor", "read", "supervisor"): lambda f: True,
    ("supervisor", "read", "user"): lambda f: not f.smap_stops,
    ("supervisor", "write", "supervisor"): lambda f: f.writable | (not f.wp),
    ("supervisor", "write", "user"): lambda f: (f.writable | (not f.wp)) & (not f.smap_stops),
    ("supervisor", "fetch", "supervisor"): lambda f: ~f.disabled,
    ("supervisor", "fetch", "user"): lambda f: ~f.disabled & (not f.smep),
    ("user", "read", "supervisor"): lambda f: False,
    ("user", "read", "user"): lambda f: True,
    ("user", "write", "supervisor"): lambda f: False,
    ("user", "write", "user"): lambda f: f.writable,
    ("user", "fetch", "supervisor"): lambda f: False,
    ("user", "fetch", "user"): lambda f: ~f.disabled,
}  # fmt: skip


def _bits(high: int, low: int) -> int:
    """A mask of bits high:low, as the manual writes them."""
    return (1 << high + 1) - (1 << low)


def _bit(entries: Array, number: int) -> Array:
    return (entries >> number & 1).astype(bool)


def _reserved(pae: bool, nxe: bool) -> tuple[int, int, int]:
    """Bits that must be 0 in a PDE of a table, a PDE of a page, and a PTE (tables 4-4 to 4-6 and 4-9 to 4-11)."""
    if not pae:
        return 0, _bits(21, 21), 0
    high = _bits(62, 40) | (0 if nxe else _bits(63, 63))
    return high, high | _bits(20, 13), high


def outcome(pae: bool, pde: Array, pte: Array, linear: Array, setting: Setting, access: str, user: bool) -> Outcome:
    """What an access ("read", "write", "fetch") to each ``linear`` address, through its entries, comes to.

    The entry above the PDE, with PAE, is taken to be sound.
    """
    of_table, of_page, of_pte = _reserved(pae, setting.nxe)

    # 4.3, 4.4: which entries control the translation, and what ends it. A bit is reserved only where P is 1.
    page = _bit(pde, 7) if pae or setting.pse else np.zeros(len(pde), bool)
    pde_sound = _bit(pde, 0) & (pde & np.where(page, np.uint64(of_page), np.uint64(of_table)) == 0)
    uses_pte = pde_sound & ~page
    translated = np.where(page, pde_sound, uses_pte & _bit(pte, 0) & (pte & of_pte == 0))
    absent = ~_bit(pde, 0) | uses_pte & ~_bit(pte, 0)
    malformed = ~absent & ~translated

    # 4.6: rights are those of all controlling entries together
    facts = _Facts(
        writable=_bit(pde, 1) & (page | _bit(pte, 1)),
        disabled=(_bit(pde, 63) | ~page & _bit(pte, 63)) & (pae and setting.nxe),
        wp=setting.wp,
        smep=setting.smep,
        smap_stops=setting.smap and not setting.ac,
    )
    user_address = _bit(pde, 2) & (page | _bit(pte, 2))
    mode = "user" if user else "supervisor"
    allowed = translated & np.where(
        user_address, _RIGHTS[mode, access, "user"](facts), _RIGHTS[mode, access, "supervisor"](facts))

    # 4.7: P, W/R, U/S, RSVD, I/D
    tells_fetch = setting.smep or pae and setting.nxe
    code = (
        np.where(absent, 0, 1) | np.where(malformed, 8, 0) | (2 if access == "write" else 0) | (4 if user else 0)
        | (16 if access == "fetch" and tells_fetch else 0)
    )  # fmt: skip

    # figures 4-2 to 4-7: where the page lies
    if pae:
        page_pa, offset = pde & _bits(39, 21), linear & _bits(20, 0)
    else:
        page_pa, offset = pde & _bits(31, 22) | (pde & _bits(20, 13)) << 19, linear & _bits(21, 0)
    pa = np.where(page, page_pa.astype(np.int64) | offset, (pte & _bits(39, 12)).astype(np.int64) | linear & 0xFFF)

    # 4.8: A in every entry that is used, D in the one that names the page, by a write
    last = 0x60 if access == "write" else 0x20
    return Outcome(
        code=np.where(allowed, -1, code),
        pa=np.where(allowed, pa, -1),
        pde_marks=np.where(uses_pte, 0x20, np.where(allowed, last, 0)).astype(np.uint64),
        pte_marks=np.where(allowed & ~page, last, 0).astype(np.uint64),
    )
