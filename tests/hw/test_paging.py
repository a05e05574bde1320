"""Entries, and the walk of everything against the walk of one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw import E820Map
from hw.paging import (
    CR0_PG,
    CR0_WP,
    CR4_PGE,
    CR4_PSE,
    PS,
    RW,
    US,
    G,
    P,
    decode,
    large_pa,
    merge_runs,
    pde,
    pde_large,
    pte,
    walk,
    walk_all,
)
from hw.ram import RAM
from tests.hw.rows import by_page

DIRECTORY, TABLES = 0x10_0000, 0x20_0000
PAGED = CR0_PG | CR0_WP | 1


@pytest.fixture(scope="module")
def memory():
    made = RAM(E820Map.pc(16 << 20))
    yield made
    made.close()


_FLAGS = st.sampled_from([0, P, P | RW, P | US, P | RW | US, P | RW | G, P | RW | 0x60, 0x1FF & ~0x80])
_PTE = st.tuples(st.integers(0, 1023), st.integers(1, 40), st.integers(0, (1 << 20) - 1), st.sampled_from([0, 1, -1]),
                 _FLAGS, st.sampled_from([0, 0x80]))
_PDE = st.tuples(st.sampled_from([0, 1, 2, 255, 256, 511, 767, 768, 1022, 1023]), st.booleans(),
                 st.integers(0, (1 << 20) - 1), _FLAGS, st.integers(0, 5))


@settings(max_examples=60)
@given(st.lists(_PTE, max_size=12), st.lists(_PDE, max_size=10), st.sampled_from([0, CR4_PSE, CR4_PSE | CR4_PGE]))
def test_all_is_the_sum_of_every_one(memory, ptes, pdes, cr4: int) -> None:
    words = memory.words
    memory.bytes[DIRECTORY:DIRECTORY + 4096] = bytes(4096)
    memory.bytes[TABLES:TABLES + 6 * 4096] = bytes(6 * 4096)
    for first, length, frame, step, flags, pat in ptes:
        table = TABLES + first % 5 * 4096
        for index in range(length):
            at = first + index
            if at < 1024:
                words[(table >> 2) + at] = (frame + step * index << 12 & 0xFFFF_F000) | flags | pat
    for slot, large, frame, flags, table in pdes:
        # table 5 is outside of RAM
        base = frame << 12 if large else TABLES + table * 4096 if table < 5 else 0x0FFF_F000
        words[(DIRECTORY >> 2) + slot] = base | flags | (PS if large else 0)
    rows = walk_all(memory, DIRECTORY, PAGED, cr4)

    expected: dict[int, tuple[int, int, int]] = {}
    for slot in {entry[0] for entry in pdes}:
        for page in range(1024):
            linear = slot << 22 | page << 12
            verdict = walk(words, DIRECTORY, linear, cr0=PAGED, cr4=cr4)
            if verdict.pa is not None:
                leaf = verdict.levels[-1]
                low = leaf.entry & 0x179 | verdict.writable * RW | verdict.user * US
                low |= (leaf.entry & 0x1000) >> 5 if leaf.large else leaf.entry & 0x80
                expected[linear] = verdict.pa, low, verdict.page_size
            else:
                assert verdict.page_size == 0 or verdict.error_code == 9
    assert by_page(rows) == expected
    for before, after in zip(rows, rows[1:]):
        together = (before["end"] == after["start"] and before["pa"] + before["end"] - before["start"] == after["pa"]
                    and before["flags"] == after["flags"] and before["page_size"] == after["page_size"])
        assert not together

    by_permission = merge_runs(rows, by="permission")
    assert sum(by_permission["end"] - by_permission["start"]) == len(expected) * 4096
    rights = {linear: flags & (RW | US) for linear, (_, flags, _) in expected.items()}
    for start, end, _, flags, _ in by_permission.tolist():
        assert all(rights[linear] == flags & (RW | US) for linear in range(start, end, 4096))
        assert rights.get(start - 4096) != flags & (RW | US) and rights.get(end) != flags & (RW | US)
    for start, end, pa, _, _ in merge_runs(rows, by="pa").tolist():
        assert all(expected[linear][0] == pa + linear - start for linear in range(start, end, 4096))


def test_paging_off(memory) -> None:
    verdict = walk(memory.words, 0, 0x1234_5678, cr0=1, cr4=0, access="write")
    assert (verdict.pa, verdict.error_code, verdict.levels) == (0x1234_5678, None, ())
    assert walk_all(memory, 0, 1, 0).tolist() == [(0, 1 << 32, 0, 7, 4096)]


def test_a_directory_outside_ram_maps_nothing(memory) -> None:
    assert len(walk_all(memory, 0x2000_0000, PAGED, 0)) == 0
    assert len(merge_runs(np.empty(0, walk_all(memory, 0x2000_0000, PAGED, 0).dtype))) == 0


def test_walk_is_pure(memory) -> None:
    memory.bytes[DIRECTORY:DIRECTORY + 4096] = bytes(4096)
    memory.words[DIRECTORY >> 2] = TABLES | P | RW
    memory.words[TABLES >> 2] = 0x5000 | P | RW
    before = memory.read(DIRECTORY, 4096), memory.read(TABLES, 4096)
    for access in ("read", "write", "fetch"):
        walk(memory.words, DIRECTORY, 0, cr0=PAGED, cr4=0, access=access)
    walk_all(memory, DIRECTORY, PAGED, 0)
    assert (memory.read(DIRECTORY, 4096), memory.read(TABLES, 4096)) == before
    with pytest.raises(ValueError):
        walk(memory.words, DIRECTORY, 0, cr0=PAGED, cr4=0, access="execute")


def test_the_reason_names_the_bit(memory) -> None:
    words = memory.words
    words[(DIRECTORY >> 2) + 1] = TABLES | P | RW
    words[(TABLES >> 2) + 3] = 0x5000 | P

    def reason(linear: int, access: str, user: bool = False, cr0: int = PAGED) -> tuple[str, str | None]:
        verdict = walk(words, DIRECTORY, linear, cr0=cr0, cr4=CR4_PSE, access=access, user=user)
        return verdict.reason, verdict.deciding and verdict.deciding.name

    linear = 0x40_3000
    assert reason(linear, "write") == ("PTE.RW=0 and CR0.WP=1", "PTE")
    assert reason(linear, "write", cr0=CR0_PG | 1) == ("PTE.RW=0 but CR0.WP=0", "PTE")
    assert reason(linear, "read", user=True) == ("PDE.US=0 and the access is from ring 3", "PDE")
    assert reason(linear, "read") == ("every level allows it", None)
    assert reason(linear + 4096, "read") == ("PTE.P=0", "PTE")
    assert reason(0x80_0000, "read") == ("PDE.P=0", "PDE")
    words[(DIRECTORY >> 2) + 2] = 0x20_0000 | PS | P
    assert reason(0x80_0000, "read") == ("PDE bit 21 is reserved in a 4 MB page", "PDE")


def test_entries() -> None:
    assert pte(0x1234_5000, P | RW) == 0x1234_5003
    assert pde(0x1000, P) == 0x1001
    assert pde_large(0x40_0000, P | RW | G) == 0x40_0183
    assert large_pa(pde_large(0x12_3440_0000, P)) == 0x12_3440_0000
    for wrong in (lambda: pte(1, P), lambda: pte(1 << 32, P), lambda: pte(0, 0x1000), lambda: pde(0, PS),
                  lambda: pde_large(0x1000, P), lambda: pde_large(1 << 40, P)):
        with pytest.raises(ValueError):
            wrong()
    assert decode(0x1E7) == ("P", "RW", "US", "A", "D", "PAT", "G")
    assert decode(0x1E7, "PDE") == ("P", "RW", "US", "A", "PS")
    assert decode(0x11E7, "PDE", large=True) == ("P", "RW", "US", "A", "D", "PS", "G", "PAT")
    assert decode(0) == ()
