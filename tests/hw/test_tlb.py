"""The model of a TLB: against a plain history of what happened, and rule by rule (SDM vol. 3, 4.10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.paging import (
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    CR4_PSE,
    NX,
    PCD,
    PS,
    PWT,
    RW,
    US,
    A,
    Access,
    D,
    G,
    P,
    marks,
    walk,
)
from hw.tlb import Cached, Stale, Tlb

CR0 = CR0_PG | CR0_WP
CR4 = CR4_PGE | CR4_PSE
BASE = 0x4000_0000
DIRECTORY, TABLE, OTHER = 0x1000, 0x2000, 0x3000
READ, WRITE, FETCH = Access.READ, Access.WRITE, Access.FETCH


class Bench:
    """A page directory and a page table at BASE; each access does to the tables what a CPU does."""

    def __init__(self, capacity: int | None = None) -> None:
        self.words = memoryview(bytearray(0x8000)).cast("I")
        self.tlb = Tlb(self.words, capacity)
        self.cr4, self.cr3 = CR4, DIRECTORY
        self.pde = (DIRECTORY >> 2) + (BASE >> 22)
        self.words[self.pde] = TABLE | P | RW | US | A

    def set(self, page: int, entry: int) -> None:
        self.words[(TABLE >> 2) + page] = entry

    def entry(self, page: int) -> int:
        return self.words[(TABLE >> 2) + page]

    def access(self, page: int, access: Access = READ, user: bool = False, cr0: int = CR0) -> Stale | None:
        verdict = walk(self.words, self.cr3, BASE + page * 4096 + 8, cr0=cr0, cr4=self.cr4, access=access, user=user,
                       efer=1 << 11)
        stale = self.tlb.access(verdict, cr0, self.cr4)
        for address, bits in marks(verdict):
            self.words[address >> 2] |= bits
        if verdict.pa is None:
            self.tlb.page_fault(verdict.linear)
        return stale

    def held(self) -> list[int]:
        return [(cached.linear - BASE) >> 12 for cached in self.tlb]


# -- against a history

PAGES = 3
FLAGS = st.sampled_from([0, P, P | RW, P | RW | G, P | G, P | RW | A | D, P | RW | G | A | D, P | PCD])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, PAGES - 1), st.integers(5, 7), FLAGS),
        st.tuples(st.just("access"), st.integers(0, PAGES - 1), st.sampled_from([READ, WRITE, FETCH])),
        st.tuples(st.just("invlpg"), st.integers(0, PAGES - 1)),
        st.tuples(st.sampled_from(["cr3", "pge", "all", "wp"])),
    ),
    max_size=40,
)


@dataclass
class Past:
    """Everything that ever happened; what a TLB holds is looked for backwards, each time anew."""

    entries: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PAGES), 0))
    events: list[tuple[str, int, int]] = field(default_factory=list)
    told: list[tuple[int, int, int]] = field(default_factory=list)

    def held(self, page: int) -> tuple[int, int] | None:
        """When the page's translation was filled, and the entry that it was filled from."""
        dropped_local = False
        for at in range(len(self.events) - 1, -1, -1):
            what, which, entry = self.events[at]
            if what == "all" or what == "drop" and which == page:
                return None
            dropped_local |= what == "cr3"
            if what == "fill" and which == page:
                return None if dropped_local and not entry & G else (at, entry)
        return None

    def written(self, page: int, filled: int) -> bool:
        return any(what == "written" and which == page for what, which, _ in self.events[filled:])

    def access(self, page: int, access: Access) -> bool:
        """Whether the access is to be reported."""
        entry = self.entries[page]
        write = access is WRITE
        good = entry & P and not (write and not entry & RW)
        held = self.held(page)
        stale = False
        if held and not (write and not held[1] & RW):
            filled, old = held
            same = (
                good and (old ^ entry) & ~(A | D | G | RW) == 0
                and not (write and (old & D or self.written(page, filled)) and not entry & D)
            )
            if same:
                self.told = [known for known in self.told if known[:2] != (page, filled)]
            if not same:
                told = page, filled, entry & ~(A | D)
                last = [known for known in self.told if known[:2] == told[:2]][-1:]
                stale = last != [told]
                if stale:
                    self.told.append(told)
            elif write:
                self.events.append(("written", page, 0))
        else:
            self.events.append(("drop", page, 0))
            if good:
                self.events.append(("fill", page, entry))
                if write:
                    self.events.append(("written", page, 0))
        if good:
            self.entries[page] = entry | A | (D if write else 0)
        else:
            self.events.append(("drop", page, 0))
        return stale


@settings(max_examples=400, deadline=None)
@given(EVENTS)
def test_against_the_history(events: list[tuple[object, ...]]) -> None:
    bench, past = Bench(), Past()
    for what, *rest in events:
        match what, *rest:
            case "set", int(page), int(frame), int(flags):
                bench.set(page, frame << 12 | flags)
                past.entries[page] = frame << 12 | flags
            case "access", int(page), Access() as access:
                found = bench.access(page, access)
                assert (found is not None) == past.access(page, access)
                assert bench.entry(page) == past.entries[page]
            case "invlpg", int(page):
                bench.tlb.invlpg(BASE + page * 4096 + 77)
                past.events.append(("drop", page, 0))
            case "cr3",:
                bench.tlb.load_cr3()
                past.events.append(("cr3", 0, 0))
            case "pge",:
                bench.tlb.load_cr4(CR4, CR4 & ~CR4_PGE)
                past.events.append(("all", 0, 0))
            case "all",:
                bench.tlb.flush_all()
                past.events.append(("all", 0, 0))
            case "wp",:
                bench.tlb.load_cr0(CR0, CR0 & ~CR0_WP)
        assert sorted(bench.held()) == [page for page in range(PAGES) if past.held(page)]


# -- rule by rule


@contextmanager
def cached(bench: Bench, entry: int, access: Access = READ) -> Iterator[Bench]:
    bench.set(0, entry)
    assert bench.access(0, access) is None
    yield bench


@pytest.mark.parametrize(
    ("old", "new", "access", "reported"),
    [
        (0x5000 | P | RW, 0x6000 | P | RW, READ, True),
        (0x5000 | P | RW, 0x6000 | P, WRITE, True),
        (0x5000 | P | RW, 0, READ, True),
        (0x5000 | P | RW, 0x5000 | P, WRITE, True),
        (0x5000 | P | RW, 0x5000 | P, READ, False),  # nothing that this access could do wrong
        (0x5000 | P, 0x5000 | P | RW, WRITE, False),  # wider
        (0x5000 | P, 0x6000 | P | RW, WRITE, False),  # the fault of the first try drops it
        (0x5000 | P, 0x6000 | P | RW, READ, True),
        (0x5000 | P | RW, 0x5000 | P | RW | PCD, READ, True),
        (0x5000 | P | RW, 0x5000 | P | RW | PWT, READ, True),
        (0x5000 | P | RW | A | D, 0x5000 | P | RW | D, READ, False),
        (0x5000 | P | RW | A | D, 0x5000 | P | RW | A, READ, False),
        (0x5000 | P | RW | A | D, 0x5000 | P | RW | A, WRITE, True),
        (0x5000 | P | RW | G, 0x5000 | P | RW, READ, False),
        (0x5000 | P | RW, 0x5000 | P | RW | 0xE00, READ, False),
    ],
)
def test_what_a_change_means(old: int, new: int, access: Access, reported: bool) -> None:
    with cached(Bench(), old) as bench:
        bench.set(0, new)
        assert (bench.access(0, access) is not None) == reported
        assert bench.access(0, access) is None


def test_ring_3_may_use_what_is_ring_0_s_by_now() -> None:
    bench = Bench()
    bench.set(0, 0x5000 | P | RW | US)
    assert bench.access(0, user=True) is None
    bench.set(0, 0x5000 | P | RW)
    assert bench.access(0, user=False) is None
    assert bench.access(0, user=True) is not None


def test_a_report_tells_what_is_cached_and_what_is_there() -> None:
    with cached(Bench(), 0x5000 | P | RW | G) as bench:
        bench.set(0, 0x6000 | P | RW)
        stale = bench.access(0, WRITE)
        assert stale and stale.cached.pa == 0x5000 and stale.cached.global_ and stale.now.pa == 0x6008
        bench.set(0, 0x7000 | P | RW)
        assert bench.access(0) is not None, "another change, another report"


@pytest.mark.parametrize("pge", [CR4_PGE, 0])
def test_global_translations_need_pge(pge: int) -> None:
    bench = Bench()
    bench.cr4 = CR4_PSE | pge
    bench.set(0, 0x5000 | P | G)
    bench.access(0)
    bench.tlb.load_cr3()
    assert bench.held() == ([0] if pge else [])


@pytest.mark.parametrize(
    ("drop", "left"),
    [
        (lambda tlb: tlb.load_cr3(), [0]),
        (lambda tlb: tlb.invlpg(BASE + 4095), [1]),
        (lambda tlb: tlb.page_fault(BASE), [1]),
        (lambda tlb: tlb.flush_all(), []),
        (lambda tlb: tlb.load_cr4(CR4, CR4), [0, 1]),
        (lambda tlb: tlb.load_cr4(CR4, CR4 & ~CR4_PGE), []),
        (lambda tlb: tlb.load_cr4(CR4, CR4 | CR4_PAE), []),
        (lambda tlb: tlb.load_cr4(CR4, CR4 & ~CR4_PSE), []),
        (lambda tlb: tlb.load_cr4(CR4, CR4 | 1 << 20), []),
        (lambda tlb: tlb.load_cr4(CR4 | 1 << 20, CR4), [0, 1]),
        (lambda tlb: tlb.load_cr0(CR0, CR0 & ~CR0_PG), []),
        (lambda tlb: tlb.load_cr0(CR0, CR0 & ~CR0_WP), [0, 1]),
    ],
)
def test_what_drops_what(drop, left: list[int]) -> None:
    bench = Bench()
    bench.set(0, 0x5000 | P | G)
    bench.set(1, 0x6000 | P)
    bench.access(0), bench.access(1)
    drop(bench.tlb)
    assert bench.held() == left


def test_the_oldest_goes() -> None:
    bench = Bench(capacity=2)
    for page in range(3):
        bench.set(page, 0x5000 | P)
    for page in (0, 1, 0, 2):
        bench.access(page)
    assert bench.held() == [1, 2] and bench.tlb.evicted


def test_a_large_page_goes_as_a_whole() -> None:
    bench = Bench()
    bench.words[bench.pde] = 0x0040_0000 | P | RW | PS
    assert bench.access(3) is None and bench.access(700) is None
    (only,) = bench.tlb
    assert (only.linear, only.size, only.pa) == (BASE, 4 << 20, 0x0040_0000)
    bench.words[bench.pde] = 0x0080_0000 | P | RW | PS
    assert bench.access(9) is not None
    bench.tlb.invlpg(BASE + 0x12_3456)
    assert not len(bench.tlb) and bench.access(9) is None


def test_a_large_page_split_into_the_same_frames_is_no_change() -> None:
    bench = Bench()
    bench.words[bench.pde] = 0x0040_0000 | P | RW | PS
    bench.access(3)
    bench.set(3, 0x0040_3000 | P | RW)
    bench.set(4, 0x0050_0000 | P | RW)
    bench.words[bench.pde] = TABLE | P | RW
    assert bench.access(3) is None and bench.access(4) is not None


def test_a_cached_pde_leads_to_the_old_table() -> None:
    """4.10.3: the page was never used, but the table that it was in."""
    bench = Bench()
    bench.set(0, 0x5000 | P | RW)
    bench.set(1, 0x6000 | P | RW)
    bench.access(0)
    bench.words[(OTHER >> 2) + 1] = 0x7000 | P | RW
    bench.words[bench.pde] = OTHER | P | RW
    stale = bench.access(1)
    assert stale and stale.cached.pa == 0x6000 and stale.now.pa == 0x7008
    bench.tlb.flush_all()
    assert bench.access(1) is None


def test_invlpg_of_any_page_drops_cached_pdes() -> None:
    bench = Bench()
    bench.set(0, 0x5000 | P | RW)
    bench.set(1, 0x6000 | P | RW)
    bench.access(0)
    bench.words[bench.pde] = 0
    bench.tlb.invlpg(0x1234_5000)
    assert bench.access(1) is None
    assert bench.access(0) is not None, "its own translation is not gone"


def test_a_global_translation_in_an_address_space_that_lacks_the_table() -> None:
    """The kernel syncs the table at a fault that this CPU may never take: nothing is wrong."""
    bench = Bench()
    bench.set(0, 0x5000 | P | RW | G)
    bench.access(0)
    bench.tlb.load_cr3()
    bench.cr3 = 0x4000
    assert bench.access(0) is None
    bench.cr3 = DIRECTORY
    bench.access(0)
    bench.tlb.load_cr3()
    bench.cr3 = 0x4000
    bench.set(0, 0)
    assert bench.access(0) is not None


def test_pae_with_nx_and_pdptes() -> None:
    bench = Bench()
    bench.cr4 = CR4_PAE | CR4_PGE

    def set64(address: int, entry: int) -> None:
        bench.words[address >> 2], bench.words[(address >> 2) + 1] = entry & 0xFFFF_FFFF, entry >> 32

    set64(DIRECTORY + 8, TABLE | P)
    set64(TABLE, OTHER | P | RW)
    set64(OTHER, 0x5000 | P | RW)
    set64(OTHER + 8, 0x6000 | P | RW)
    assert bench.access(0, FETCH) is None
    set64(OTHER, 0x5000 | P | RW | NX)
    assert bench.access(0, FETCH) is not None
    set64(DIRECTORY + 8, 0x4000 | P)  # a CPU reads it at MOV to CR3 alone
    set64(0x4000, 0x5000 | P | RW)
    set64(0x5008, 0x7000 | P | RW)
    stale = bench.access(1)
    assert stale and stale.cached.pa == 0x6000 and [level.name for level in stale.cached.levels] == [
        "PDPTE", "PDE", "PTE"]  # fmt: skip
    bench.tlb.load_cr3()
    assert bench.access(1) is None
    assert all(isinstance(entry, Cached) for entry in bench.tlb)
