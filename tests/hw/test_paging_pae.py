"""PAE entries, and the walk of everything against the walk of one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw import E820Map
from hw.paging import (
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    CR4_SMAP,
    CR4_SMEP,
    EFER_NXE,
    NX,
    PAT_LARGE,
    PS,
    ROW_NX,
    RW,
    US,
    A,
    D,
    G,
    P,
    decode,
    marks,
    pae_pde,
    pae_pde_large,
    pae_pdpte,
    pae_pte,
    walk,
    walk_all,
)
from hw.ram import RAM
from tests.hw.rows import by_page

POINTERS, DIRECTORIES, TABLES = 0x9_0FE0, 0x10_0000, 0x20_0000
PAGED = CR0_PG | CR0_WP | 1
OUTSIDE = 0xF_FFFF_F000


@pytest.fixture(scope="module")
def memory():
    made = RAM(E820Map.pc(16 << 20))
    yield made
    made.close()


def write(memory, pa: int, entry: int) -> None:
    memory.words[pa >> 2], memory.words[(pa >> 2) + 1] = entry & 0xFFFF_FFFF, entry >> 32


def clear(memory) -> None:
    for start, pages in ((POINTERS & -4096, 1), (DIRECTORIES, 4), (TABLES, 6)):
        memory.bytes[start:start + pages * 4096] = bytes(pages * 4096)


_RIGHTS = st.sampled_from([0, P, P | RW, P | US, P | RW | US | NX, P | RW | G, P | RW | A | D, 0x1FF & ~PS | NX])
_RESERVED = st.sampled_from([0, 0, 0, 0, 1 << 40, 1 << 51, 1 << 62])
_FRAME = st.integers(0, (1 << 28) - 1)
_PTE = st.tuples(st.integers(0, 511), st.integers(1, 40), _FRAME, st.sampled_from([0, 1, -1]), _RIGHTS,
                 st.sampled_from([0, 0x80]), _RESERVED)
_PDE = st.tuples(st.sampled_from([0, 1, 2, 511, 512, 1023, 1024, 1535, 1536, 2047]), st.booleans(), _FRAME, _RIGHTS,
                 st.integers(0, 5), st.sampled_from([0, 0, PAT_LARGE, 1 << 13, 1 << 20]), _RESERVED)
_PDPTE = st.sampled_from([P, P, P, P | 0x18, 0, P | 0xE00, P | 1 << 40, P | NX, P | 0x1E6, None])


@settings(max_examples=60)
@given(st.lists(_PTE, max_size=12), st.lists(_PDE, max_size=12), st.tuples(*[_PDPTE] * 4),
       st.sampled_from([0, CR4_PGE]), st.sampled_from([0, EFER_NXE]))
def test_all_is_the_sum_of_every_one(memory, ptes, pdes, pointers, cr4: int, efer: int) -> None:
    cr4 |= CR4_PAE
    clear(memory)
    for first, length, frame, step, flags, pat, reserved in ptes:
        for index in range(min(length, 512 - first)):
            entry = (frame + step * index & (1 << 28) - 1) << 12 | flags | pat | reserved
            write(memory, TABLES + first % 5 * 4096 + (first + index) * 8, entry)
    for slot, large, frame, flags, table, low, reserved in pdes:
        base = frame >> 9 << 21 | PS | low if large else TABLES + table * 4096 if table < 5 else OUTSIDE
        write(memory, DIRECTORIES + slot * 8, base | flags | reserved)
    for number, flags in enumerate(pointers):
        write(memory, POINTERS + number * 8, OUTSIDE | P if flags is None else DIRECTORIES + number * 4096 | flags)
    rows = walk_all(memory, POINTERS, PAGED, cr4, efer)

    expected: dict[int, tuple[int, int, int]] = {}
    for slot in {entry[0] for entry in pdes}:
        for page in range(512):
            linear = slot << 21 | page << 12
            verdict = walk(memory.words, POINTERS, linear, cr0=PAGED, cr4=cr4, efer=efer)
            if verdict.pa is not None:
                leaf = verdict.levels[-1]
                low = leaf.entry & 0x179 | verdict.writable * RW | verdict.user * US
                low |= (leaf.entry & PAT_LARGE) >> 5 if leaf.large else leaf.entry & 0x80
                low |= 0 if verdict.executable else ROW_NX
                expected[linear] = verdict.pa, low, verdict.page_size
            else:
                assert verdict.page_size == 0 or verdict.error_code == 9
    assert by_page(rows) == expected


def test_a_directory_outside_ram_maps_nothing(memory) -> None:
    assert len(walk_all(memory, 0x2000_0000, PAGED, CR4_PAE)) == 0
    verdict = walk(memory.words, 0x2000_0000, 0, cr0=PAGED, cr4=CR4_PAE)
    assert (verdict.error_code, verdict.reason) == (0, "PDPTE.P=0")


@pytest.mark.parametrize("cr3", [POINTERS, POINTERS | 0x18])
def test_the_reason_names_the_bit(memory, cr3: int) -> None:
    clear(memory)
    for number in range(3):
        write(memory, POINTERS + number * 8, DIRECTORIES + number * 4096 | P)
    write(memory, DIRECTORIES + 8, TABLES | P | RW)
    write(memory, TABLES + 3 * 8, 0x5000 | P | NX)
    write(memory, TABLES + 4 * 8, 0x5000 | P | 1 << 45)
    write(memory, DIRECTORIES + 16, 0x20_0000 | PS | P | RW | US)
    write(memory, DIRECTORIES + 24, 0x20_0000 | PS | P | 1 << 13)
    write(memory, DIRECTORIES + 32, 0x20_0000 | P | 1 << 62)
    write(memory, POINTERS + 16, DIRECTORIES | P | 1 << 63)

    def reason(linear: int, access: str, *, user: bool = False, cr4: int = 0, efer: int = EFER_NXE,
               ac: bool = False) -> tuple[str, str | None, int | None]:
        verdict = walk(memory.words, cr3, linear, cr0=PAGED, cr4=CR4_PAE | cr4, access=access, user=user,
                       efer=efer, ac=ac)
        return verdict.reason, verdict.deciding and verdict.deciding.name, verdict.error_code

    page = 0x20_3000
    assert reason(page, "read") == ("every level allows it", None, None)
    assert reason(page, "fetch") == ("PTE.NX=1", "PTE", 0x11)
    assert reason(page, "write") == ("PTE.RW=0 and CR0.WP=1", "PTE", 3)
    assert reason(page, "read", user=True) == ("PDE.US=0 and the access is from ring 3", "PDE", 5)
    assert reason(page, "read", efer=0) == ("PTE.NX=1, which is reserved with EFER.NXE=0", "PTE", 9)
    assert reason(page, "fetch", efer=0)[2] == 9
    assert reason(page + 4096, "write") == ("PTE bit 45 is reserved", "PTE", 0xB)
    assert reason(page + 8192, "read") == ("PTE.P=0", "PTE", 0)
    assert reason(page + 8192, "fetch") == ("PTE.P=0", "PTE", 0x10)
    assert reason(page + 8192, "fetch", efer=0) == ("PTE.P=0", "PTE", 0)
    large = 0x40_0000
    assert reason(large, "fetch", cr4=CR4_SMEP) == ("US=1 in every level and CR4.SMEP=1", None, 0x11)
    assert reason(large, "fetch", cr4=CR4_SMEP, user=True)[2] is None
    assert reason(large, "write", cr4=CR4_SMAP) == (
        "US=1 in every level, CR4.SMAP=1 and EFLAGS.AC=0", None, 3)
    assert reason(large, "write", cr4=CR4_SMAP, ac=True)[2] is None
    assert reason(large, "fetch", cr4=CR4_SMAP)[2] is None
    assert reason(large, "read", cr4=CR4_SMAP, user=True)[2] is None
    assert reason(0x60_0000, "read") == ("PDE bit 13 is reserved in a 2 MB page", "PDE", 9)
    assert reason(0x80_0000, "read") == ("PDE bit 62 is reserved", "PDE", 9)
    assert reason(0, "read") == ("PDE.P=0", "PDE", 0)
    assert reason(0x8000_0000, "read") == ("PDPTE bit 63 is reserved", "PDPTE", 9)
    assert reason(0xC000_0000, "read") == ("PDPTE.P=0", "PDPTE", 0)


def test_levels_are_whole_entries(memory) -> None:
    clear(memory)
    write(memory, POINTERS, DIRECTORIES | P)
    write(memory, DIRECTORIES, TABLES | P | RW)
    write(memory, TABLES + 8, 0xF_1234_5000 | P | RW | NX)
    verdict = walk(memory.words, POINTERS, 0x1678, cr0=PAGED, cr4=CR4_PAE, efer=EFER_NXE, access="write")
    assert verdict.pa == 0xF_1234_5678 and not verdict.executable and verdict.page_size == 4096
    assert [(level.name, level.address, level.entry) for level in verdict.levels] == [
        ("PDPTE", POINTERS, DIRECTORIES | P), ("PDE", DIRECTORIES, TABLES | P | RW),
        ("PTE", TABLES + 8, 0xF_1234_5000 | P | RW | NX),
    ]  # fmt: skip
    assert marks(verdict) == [(DIRECTORIES, A), (TABLES + 8, A | D)]
    assert marks(verdict._replace(pa=None)) == [(DIRECTORIES, A)]
    off = walk(memory.words, POINTERS, 0x1678, cr0=1, cr4=CR4_PAE)
    assert off.pa == 0x1678 and marks(off) == []


def test_entries() -> None:
    assert pae_pte(0xF_1234_5000, P | RW | NX) == 1 << 63 | 0xF_1234_5003
    assert pae_pde(0x1000, P) == 0x1001
    assert pae_pdpte(0x1000, P) == 0x1001
    assert pae_pde_large(0xF_0020_0000, P | RW | G | PAT_LARGE) == 0xF_0020_1183
    for wrong in (lambda: pae_pte(1, P), lambda: pae_pte(1 << 40, P), lambda: pae_pte(0, 0x1000),
                  lambda: pae_pde(0, PS), lambda: pae_pde_large(0x1000, P), lambda: pae_pde_large(1 << 40, P),
                  lambda: pae_pdpte(0, P | RW), lambda: pae_pdpte(0, P | NX), lambda: pae_pte(0, 1 << 62)):
        with pytest.raises(ValueError):
            wrong()
    assert decode(0x1E7 | NX) == ("P", "RW", "US", "A", "D", "PAT", "G", "NX")
    assert decode(0x11E7, "PDE", large=True) == ("P", "RW", "US", "A", "D", "PS", "G", "PAT")
    assert decode(0x1FF, "PDPTE") == ("P", "PWT", "PCD")
