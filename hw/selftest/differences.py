"""Where the engine differs from the manual, by name. Everything else is the same, in all combinations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hw.paging import PAGE_SIZE, PS, RW, G, P
from hw.selftest.bench import DATA, DIRECTORY, FAULT, POINTERS, Bench
from hw.selftest.manual import Setting
from hw.selftest.states import LARGE, SMALL

_MOV_CR3 = b"\x0f\x22\xd8"  # mov cr3, eax
_LINEAR = 0x8000_0000  # the third of the four PDPTEs; nothing else lies there
_POINTER = 2


@dataclass(frozen=True)
class Difference:
    """One of them: what the manual says, what the engine does, what this project does about it.

    ``seen(bench)`` tries it out: whether the engine still does so.
    """

    name: str
    manual: str
    engine: str
    consequence: str
    seen: Callable[[Bench], bool]


def _read(linear: int) -> bytes:
    return b"\x8b\x15" + linear.to_bytes(4, "little")  # mov edx, [linear]


def _load_cr3(cr3: int) -> bytes:
    return b"\xb8" + cr3.to_bytes(4, "little") + _MOV_CR3


@contextmanager
def _pae(bench: Bench) -> Iterator[tuple[int, int]]:
    """PAE, with one 2 MB page at _LINEAR: the word index of its PDPTE, and the PDPTE's low word."""
    bench.prepare(Setting(), pae=True, user=False)
    at = (POINTERS >> 2) + 2 * _POINTER
    entry = bench.words[at]
    directory = (entry & -PAGE_SIZE) >> 2
    bench.words[directory], bench.words[directory + 1] = LARGE | 0x83, 0
    try:
        yield at, entry
    finally:
        bench.words[at], bench.words[at + 1] = entry, 0
        bench.words[directory] = 0


def _ignored_bits(bench: Bench) -> bool:
    page = LARGE + PAGE_SIZE
    with _pae(bench) as (at, entry):
        for bit in (1, 2, 5, 6, 7, 8):
            bench.words[at] = entry | 1 << bit
            if bench.execute(_load_cr3(bench.cr3) + _read(_LINEAR + PAGE_SIZE + DATA)) != (page >> 12, 0):
                return False
    return True


def _high_bits(bench: Bench) -> bool:
    with _pae(bench) as (at, entry):
        for bit in range(40, 64):
            bench.words[at + 1] = 1 << bit - 32
            if bench.execute(_load_cr3(bench.cr3) + b"\x31\xd2") != (0, 0):  # xor edx, edx
                return False
            if bench.execute(_read(_LINEAR)) != (_LINEAR, FAULT | 14 << 16 | 9):
                return False
    return True


def _read_at_each_walk(bench: Bench) -> bool:
    """P is taken away behind MOV to CR3; another page, so that no TLB knows it."""
    with _pae(bench) as (at, entry):
        clear = b"\xc7\x05" + (at << 2).to_bytes(4, "little") + bytes(4)  # mov dword [PDPTE], 0
        code = _load_cr3(bench.cr3) + clear + _read(_LINEAR + PAGE_SIZE + DATA)
        return bench.execute(code) == (_LINEAR + PAGE_SIZE + DATA, FAULT | 14 << 16)


def _drops_global(bench: Bench) -> bool:
    """A global 4 MB page is changed behind its use; MOV to CR3 should not make the CPU forget it."""
    bench.prepare(Setting(pse=True, pge=True), pae=False, user=False)
    at = DIRECTORY + (_LINEAR >> 20)
    flags = G | PS | RW | P
    bench.words[at >> 2] = LARGE | flags
    change = b"\xc7\x05" + at.to_bytes(4, "little") + (SMALL | flags).to_bytes(4, "little")  # mov dword [PDE], new
    read = _read(_LINEAR + PAGE_SIZE + DATA)
    try:
        return bench.execute(read + change + _load_cr3(bench.cr3) + read) == (SMALL + PAGE_SIZE >> 12, 0)
    finally:
        bench.words[at >> 2] = 0


DIFFERENCES = (
    Difference(
        "pdpte-ignored-bits",
        manual="4.4.1: MOV to CR3 raises #GP where bits 2:1 or 8:5 of a present PDPTE are set",
        engine="ignores the bits",
        consequence="the walker ignores them too",
        seen=_ignored_bits,
    ),
    Difference(
        "pdpte-high-bits",
        manual="4.4.1: MOV to CR3 raises #GP where bits 63:40 of a present PDPTE are set",
        engine="loads CR3, and answers each access below the PDPTE with #PF (P, RSVD)",
        consequence="the walker gives the engine's error code",
        seen=_high_bits,
    ),
    Difference(
        "pdpte-read-late",
        manual="4.4.1: MOV to CR3 loads the four PDPTEs, and translations use what was loaded",
        engine="reads a PDPTE from memory in every walk",
        consequence="the walker does so; a PDPTE that was changed is in force without MOV to CR3",
        seen=_read_at_each_walk,
    ),
    Difference(
        "cr3-drops-global",
        manual="4.10.4.1: with CR4.PGE=1 MOV to CR3 keeps the TLB's global entries",
        engine="drops all entries",
        consequence="a missing INVLPG of a global page does not show; hw.tlb has a model that keeps them",
        seen=_drops_global,
    ),
)
