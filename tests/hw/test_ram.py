"""Memory: sparse, shared, with holes."""

from __future__ import annotations

import os

import pytest

from hw import RAM, E820Entry, E820Map, PhysicalError, ram
from hw.paging import RW, P, pde_large


@pytest.fixture(params=["memfd", "file"])
def memory(request, monkeypatch):
    if request.param == "file":
        monkeypatch.setattr(os, "memfd_create", lambda *_: (_ for _ in ()).throw(OSError()))
    made = RAM(E820Map([E820Entry(0, 1 << 20, 1), E820Entry(2 << 20, 4 << 30, 1)]))
    yield made
    made.close()


def test_words_and_bytes_are_one_memory(memory) -> None:
    memory.words[0x20_0000 >> 2] = 0x1234_5678
    assert memory.bytes[0x20_0000] == 0x78
    memory.write(0x30_0000, b"abcd")
    assert memory.words[0x30_0000 >> 2] == int.from_bytes(b"abcd", "little")
    assert memory.read(0x30_0000, 4) == b"abcd"
    assert memory.size == 4 << 30 and len(memory.bytes) == 4 * len(memory.words) == 4 << 30


def test_sparse(memory) -> None:
    assert memory.resident() == 0 and list(memory.extents()) == []
    places = [0, 0x20_0000, 0x8000_0000, (4 << 30) - 4096]
    for pa in places:
        memory.words[pa >> 2] = 1
    assert 4 * 4096 <= memory.resident() <= 64 * 4096
    extents = list(memory.extents())
    assert all(any(start <= pa < end for start, end in extents) for pa in places)
    assert all(start % 4096 == 0 == end % 4096 and start < end for start, end in extents)
    assert sum(end - start for start, end in extents) <= 64 * 4096


def test_where_there_is_no_memory(memory) -> None:
    for pa, size in ((0x10_0000, 1), (0xF_FFFF, 2), (4 << 30, 1), (-4, 4), (0xC_0000 - 1, 2)):
        assert not memory.has(pa, size)
        with pytest.raises(PhysicalError) as caught:
            memory.read(pa, size)
        assert caught.value.pa == pa
        with pytest.raises(PhysicalError):
            memory.write(pa, b"x" * size)
    assert memory.has(0x9_FFFF) and memory.read(0x10_0000, 0) == b""
    assert memory.resident() == 0


def test_no_room_on_the_host(monkeypatch) -> None:
    def refuse(*_):
        raise OSError("no room")

    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    monkeypatch.setattr(ram.mmap, "mmap", refuse)
    with pytest.raises(ram.EngineError, match="no room"):
        RAM(E820Map.pc(16 << 20))
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_closing_twice() -> None:
    memory = RAM(E820Map.pc(16 << 20))
    memory.close()
    memory.close()


def test_code_is_of_the_piece_that_is_mapped(make_bench) -> None:
    """Two frames equally far from the start of their pieces of memory, one after the other at one linear address."""
    bench = make_bench(5 << 10)
    pieces = dict(bench.ram.ranges)
    low, high = 0x50_0000, (4 << 30) + 0x40_0000
    assert {0x10_0000, 4 << 30} <= set(pieces)
    for pa, mark in ((low, 1), (high, 2)):
        bench.code(pa, b"\xba" + mark.to_bytes(4, "little") + b"\xff\xe5")  # mov edx, mark; jmp ebp
    bench.map(bench.SCRATCH, low | P | RW)
    at = (bench.DIRECTORY >> 2) + (bench.SCRATCH >> 22)
    jump = b"\xb8" + bench.SCRATCH.to_bytes(4, "little") + b"\xff\xe0"  # mov eax, SCRATCH; jmp eax
    bench.code(bench.CODE, jump + b"\x90" * 8)
    bench.cpu["ebp"] = bench.CODE + len(jump)
    entries = (bench.words[at], 1), (pde_large(high, P | RW), 2)
    for entry, mark in entries * 2:
        bench.words[at] = entry
        bench.cpu.flush_tlb()
        assert bench.cpu.run(bench.CODE, bench.CODE + len(jump)) == "until"
        assert bench.cpu["edx"] == mark
