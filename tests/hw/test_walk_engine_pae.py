"""The walker against the CPU under PAE: each bit of each level, and page tables made at random."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw import CPU, E820Map, Machine
from hw.cpu import MSR_EFER
from hw.paging import (
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    CR4_SMEP,
    EFER_NXE,
    NX,
    PS,
    RW,
    US,
    Access,
    D,
    G,
    P,
    marks,
    walk,
)

POINTERS, DIRECTORIES, TABLES, CODE, DATA = 0x1_0020, 0x1_1000, 0x1_8000, 0x1000, 0x40
#: Linear 0-2 MB is the test's own; what is tried lies in the other three GB.
FRAMES = (0x40_0000, 0x80_0000, 0x1_2040_0000, 0x1_8060_0000)


class Pae:
    """A machine of 6 GB with PAE switched on; 0-2 MB mapped one to one. Every 2 MB of FRAMES tells its pages."""

    def __init__(self, machine: Machine) -> None:
        self.cpu: CPU = machine.cpus[0]
        self.ram = machine.ram
        self.words = machine.ram.words
        for page in range(512):
            self.write(TABLES + page * 8, page << 12 | P | RW)
        self.write(DIRECTORIES, TABLES | P | RW)
        for base in FRAMES:
            for pa in range(base, base + (2 << 20), 4096):
                mark = (pa >> 12 | 0xA000_0000).to_bytes(4, "little")
                self.ram.write(pa, b"\xb8" + mark + b"\x90" * 8)  # mov eax, mark
                self.ram.write(pa + DATA, mark)
        self.fault: tuple[int, int, int] | None = None
        self.cpu.on_exception = self.on_exception
        for name, value in (("cr3", POINTERS), ("cr4", CR4_PAE), ("cr0", 0x8000_0033)):
            self.cpu[name] = value

    def on_exception(self, frame) -> None:
        self.fault = frame.vector, frame.error_code, frame.cr2
        self.cpu.stop()

    def write(self, pa: int, entry: int) -> None:
        self.words[pa >> 2], self.words[(pa >> 2) + 1] = entry & 0xFFFF_FFFF, entry >> 32

    def entry(self, pa: int) -> int:
        inside = pa >> 2 < len(self.words)
        return self.words[pa >> 2] | self.words[(pa >> 2) + 1] << 32 if inside else 0

    def clear(self) -> None:
        """Four directories, of which the first has its first slot only, and seven tables."""
        for number in range(4):
            self.write(POINTERS + number * 8, DIRECTORIES + number * 4096 | P)
        self.ram.write(DIRECTORIES + 8, bytes(4 * 4096 - 8))
        self.ram.write(TABLES + 4096, bytes(7 * 4096))

    def check(self, linear: int, access: Access, cr0: int, cr4: int, efer: int) -> None:
        """One access by ring 0: verdict, marks, and where it went."""
        cpu = self.cpu
        cpu["cr0"], cpu["cr4"] = 0x8000_0033 | cr0, CR4_PAE | cr4
        cpu.write_msr(MSR_EFER, efer)
        at = linear if access is Access.FETCH else linear + DATA
        verdict = walk(self.words, POINTERS, at, cr0=cpu["cr0"], cr4=cpu["cr4"], access=access, efer=efer)
        before = {level.address: level.entry for level in verdict.levels}
        code = {Access.READ: b"\xa1", Access.WRITE: b"\x89\x35", Access.FETCH: b""}[access]
        cpu["eax"], cpu["esi"], self.fault = 0, 0x5EED, None
        eip, end = linear, linear + 5
        if code:
            code += at.to_bytes(4, "little")
            eip, end = CODE, CODE + len(code)
            self.ram.write(CODE, code + b"\x90" * 4)
            cpu.invalidate_code(CODE, 16)
        cpu.flush_tlb()
        ended = cpu.run(eip, end)
        case = f"{verdict}, the CPU: {self.fault}"
        if verdict.pa is None:
            assert self.fault == (14, verdict.error_code, at), case
        else:
            assert self.fault is None and ended == "until", case
            mark, data = verdict.pa >> 12 | 0xA000_0000, (verdict.pa & -4096) + DATA >> 2
            assert self.words[data] == (0x5EED if access is Access.WRITE else mark), case
            assert access is Access.WRITE or cpu["eax"] == mark, case
            self.words[data] = mark
        for address, bits in marks(verdict):
            before[address] |= bits
        assert {address: self.entry(address) for address in before} == before, case


@pytest.fixture(scope="module")
def pae() -> Iterator[Pae]:
    with Machine(E820Map.pc(6 << 30)) as machine:
        yield Pae(machine)


@pytest.mark.parametrize("efer", [0, EFER_NXE])
@pytest.mark.parametrize("level", ["PDPTE", "PDE", "2 MB PDE", "PTE"])
def test_each_bit_alone(pae: Pae, level: str, efer: int) -> None:
    linear = 0x8060_3000
    pointer, directory, table = POINTERS + 16, DIRECTORIES + 2 * 4096 + 3 * 8, TABLES + 4096 + 3 * 8
    for bit in range(64):
        pae.clear()
        entries = {pointer: DIRECTORIES + 2 * 4096 | P, directory: TABLES + 4096 | P | RW | US,
                   table: FRAMES[2] | P | RW | US}
        if level == "2 MB PDE":
            entries[directory] = FRAMES[2] | PS | P | RW | US
        at = {"PDPTE": pointer, "PDE": directory, "2 MB PDE": directory, "PTE": table}[level]
        entries[at] ^= 1 << bit
        if 12 <= bit < 40 and not (level == "2 MB PDE" and bit <= 20) and entries[at] & P:
            continue  # an address bit
        if level == "PDE" and 1 << bit == PS:
            entries[at] = FRAMES[2] | PS | P | RW | US
        for address, entry in entries.items():
            pae.write(address, entry)
        for access in Access:
            pae.check(linear, access, CR0_WP, 0, efer)


_FLAGS = st.integers(0, 7).map(lambda bits: bits | P) | st.sampled_from([0, P | RW | D, P | RW | US | G | 0xE18])
_ODD = st.sampled_from([0, 0, 0, NX, NX, 1 << 40, 1 << 55])
_WHERE = st.integers(0, 3).map(FRAMES.__getitem__)
_PDE = st.tuples(st.integers(1, 3), st.integers(0, 3), st.booleans(), _WHERE, st.integers(1, 7), _FLAGS, _ODD)
_PTE = st.tuples(st.integers(1, 7), st.integers(0, 7), _WHERE, st.integers(0, 511), _FLAGS, _ODD)
_TOUCH = st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 7), st.sampled_from(list(Access)),
                   st.sampled_from([0, CR0_WP]), st.sampled_from([0, CR4_PGE, CR4_SMEP]))


@settings(max_examples=50, deadline=None)
@given(st.lists(_PDE, min_size=1, max_size=10), st.lists(_PTE, max_size=30), st.lists(_TOUCH, min_size=1, max_size=12),
       st.sampled_from([0, EFER_NXE]))
def test_tables_at_random(pae: Pae, pdes, ptes, touches, efer: int) -> None:
    pae.clear()
    for table, slot, frame, page, flags, odd in ptes:
        pae.write(TABLES + table * 4096 + slot * 8, frame + page * 4096 | flags | odd)
    for number, slot, large, frame, table, flags, odd in pdes:
        entry = frame | PS if large else TABLES + table * 4096
        pae.write(DIRECTORIES + number * 4096 + slot * 8, entry | flags | odd)
    for number, slot, page, access, cr0, cr4 in touches:
        pae.check(number << 30 | slot << 21 | page << 12, access, cr0, cr4, efer)


def test_a_table_outside_ram_reads_as_zero(pae: Pae) -> None:
    pae.clear()
    for number, where in enumerate((0xA_0000, 0xE000_0000, 0x3_0000_0000)):
        pae.write(DIRECTORIES + 4096 + number * 8, where | P | RW)
        pae.check(0x4000_0000 + (number << 21), Access.READ, 0, 0, 0)
    pae.write(POINTERS + 16, 0x3_0000_0000 | P)
    pae.check(0x8000_0000, Access.WRITE, 0, 0, 0)
