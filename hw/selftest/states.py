"""The combinations: entries, where each is put, and the settings of the control registers.

An entry that no walk reads has one value only: below an absent, malformed or large PDE there is one PTE, not all.
Bits that have no say (PWT, PCD, G, AVL, PAT) and the choice among reserved bits follow a fixed pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw.paging import AVL, NX, PAT, PCD, PHYSICAL_BITS, PS, PWT, RW, US, A, D, G, P
from hw.selftest.manual import Setting

#: Linear page 0 of these slots of the page directory is the bench's own: for ring 0, and for ring 3.
KERNEL_SLOT, USER_SLOT = 0, 1

#: Physical places. Tables and large pages: from LARGE on; 4 KB pages: from SMALL on. The high ones for PAE.
LARGE, SMALL, AREA = 0x1000_0000, 0x2000_0000, 0x80_0000
HIGH_LARGE, HIGH_SMALL = 8 << 32, 15 << 32
PSE36 = 1 << 13  # of a 4 MB PDE: address bit 32

#: Bits that no walk looks at.
_IDLE = PWT | PCD | AVL | G
_RANK = 0x9E37_79B1


class Space(NamedTuple):
    """An address space full of combinations: linear page, entries, and the physical addresses of the entries."""

    pae: bool
    linear: NDArray[Any]
    pde: NDArray[Any]
    pte: NDArray[Any]
    pde_at: NDArray[Any]
    pte_at: NDArray[Any]


def settings() -> list[Setting]:
    """All of them; AC where SMAP is on."""
    return [Setting(*bits) for bits in product((False, True), repeat=7) if bits[5] or not bits[6]]


def few_settings() -> list[Setting]:
    """Six of them, in which each pair of bits takes all its four values: one has no bit set, and each bit is set in
    three of the other five, other threes for each.
    """
    threes = list(combinations(range(5), 3))[:6]
    rows = [[number in three for three in threes] for number in range(5)]
    return [Setting(), *(Setting(*row)._replace(ac=row[-1] and number % 2 == 1) for number, row in enumerate(rows))]


def _sets(*choices: int) -> list[int]:
    """The sums of every choice of bits."""
    return [sum(bits) for bits in product(*((0, bit) for bit in choices))]


def _two_level() -> Iterator[tuple[int, int]]:
    """Flags of PDE and PTE; PDE bit 21 is reserved in a 4 MB page and an address bit otherwise."""
    for flags in _sets(RW, US, A, D, PS, 1 << 21):
        yield flags, P | RW | US
        yield from ((P | flags, pte) for pte in _sets(P, RW, US, A, D))


def _three_level(pick: Iterator[int]) -> Iterator[tuple[int, int]]:
    rights = _sets(RW, US, A, D, NX)

    def high() -> int:
        return 1 << PHYSICAL_BITS + next(pick) % (63 - PHYSICAL_BITS)

    def low() -> int:
        return 1 << 13 + next(pick) % 8

    for flags in rights:
        for large in (0, PS):
            for reserved in (0, high(), low()):
                yield flags | large | reserved, P | RW | US
        for reserved in (0, high(), low(), high() | low()):
            yield P | PS | flags | reserved, P | RW | US
        yield P | flags | high(), P | RW | US
        for pte in rights:
            yield P | flags, pte
            yield P | flags, pte | high()
            yield P | flags, P | pte
            yield P | flags, P | pte | high()


def _pattern() -> Iterator[int]:
    """Numbers without a period that a combination could have."""
    number = 1
    while True:
        number = number * _RANK + 12345 & 0xFFFF_FFFF
        yield number >> 11


def spaces(pae: bool, directory: int) -> list[Space]:
    """All combinations of a format, in as many address spaces as they need, each in a slot of its own.

    directory: where the page directory lies (PAE: the four, one behind the other).
    """
    pick = _pattern()
    states = list(_three_level(pick) if pae else _two_level())
    slots = _slots(pae)
    result = []
    for start in range(0, len(states), len(slots)):
        rows = [_place(pae, directory, slot, *state, next(pick))
                for slot, state in zip(slots, states[start:start + len(slots)])]
        linear, pde, pte, pde_at, pte_at = zip(*rows)
        result.append(Space(pae, np.array(linear, np.int64), np.array(pde, np.uint64), np.array(pte, np.uint64),
                            np.array(pde_at, np.int64), np.array(pte_at, np.int64)))
    return result


def _slots(pae: bool) -> list[int]:
    """Slots of the directory; in the page that shares its number with a table's place nothing can be mapped."""
    if pae:
        return [slot for slot in range(2048) if slot & 511 and slot not in (KERNEL_SLOT, USER_SLOT)]
    tables = [extra >> 12 for extra in _sets(PSE36, 1 << 21)]
    return [slot for slot in range(1024) if slot not in tables and slot not in (KERNEL_SLOT, USER_SLOT)]


def _place(pae: bool, directory: int, slot: int, pde: int, pte: int, pick: int) -> tuple[int, int, int, int, int]:
    """Give the flags their addresses: a slot's page is number ``slot`` in its table and in its large page."""
    pde |= pick & _IDLE
    pte |= pick >> 3 & (_IDLE | PAT)
    high_large, high_small = pick >> 4 & 1, pick >> 5 & 1
    if not pae:
        table = LARGE | (pde & 1 << 21) | (PSE36 if high_large else 0)
        return (slot << 22 | slot << 12, table | pde, SMALL + (slot << 12) | pte, directory + slot * 4,
                table + slot * 4)
    group, number = slot >> 9, slot & 511
    table = LARGE + (group << 21) + (HIGH_LARGE if high_large else 0)
    small = SMALL + (slot << 12) + (HIGH_SMALL if high_small else 0)
    return (slot << 21 | number << 12, table | pde, small | pte, directory + slot * 8, table + number * 8)
