"""Descriptors, gates and TSS decoded from their bytes; the encodings are those of the SDM's figures."""

from __future__ import annotations

import struct

import pytest

from hw.errors import PhysicalError
from hw.segments import CR0_BITS, Descriptor, bit_names, decode, segment_base, segment_limit, table, tss


@pytest.mark.parametrize("low, high, expected", [
    (0x0000_FFFF, 0x00CF_9B00, Descriptor(1, "Code read/exec", True, 0, 0, 0xFFFF_FFFF, big=True)),
    (0x0000_FFFF, 0x00CF_F300, Descriptor(1, "Data read/write", True, 3, 0, 0xFFFF_FFFF, big=True)),
    (0x5678_0FFF, 0x1200_9034, Descriptor(1, "Data read-only", True, 0, 0x1234_5678, 0xFFF)),
    (0x0000_0FFF, 0x0000_1E00, Descriptor(1, "Code conforming read/exec", False, 0, 0, 0xFFF)),
    (0x0000_0FFF, 0x0000_9800, Descriptor(1, "Code exec-only", True, 0, 0, 0xFFF)),
    (0x0000_0FFF, 0x0040_9600, Descriptor(1, "Data expand-down read/write", True, 0, 0, 0xFFF, big=True)),
    (0x1000_0067, 0x0000_8910, Descriptor(1, "TSS32-avl", True, 0, 0x10_1000, 0x67)),
    (0x1000_0067, 0x0000_8B10, Descriptor(1, "TSS32-busy", True, 0, 0x10_1000, 0x67)),
    (0x1000_002B, 0x0000_8110, Descriptor(1, "TSS16-avl", True, 0, 0x10_1000, 0x2B)),
    (0x1000_00FF, 0x0000_8210, Descriptor(1, "LDT", True, 0, 0x10_1000, 0xFF)),
    (0x0008_5678, 0x1234_8E00, Descriptor(1, "IntGate32", True, 0, selector=8, offset=0x1234_5678)),
    (0x0008_5678, 0x1234_EF00, Descriptor(1, "TrapGate32", True, 3, selector=8, offset=0x1234_5678)),
    (0x0008_5678, 0x1234_8600, Descriptor(1, "IntGate16", True, 0, selector=8, offset=0x5678)),
    (0x0030_0000, 0x0000_8500, Descriptor(1, "TaskGate", True, 0, selector=0x30)),
    (0x0008_5678, 0x1234_6C00, Descriptor(1, "CallGate32", False, 3, selector=8, offset=0x1234_5678)),
    (0x0008_5678, 0x1234_8A00, Descriptor(1, "Reserved", True, 0, 0x1200_0008, 0x4_5678)),
])
def test_decode(low: int, high: int, expected: Descriptor) -> None:
    if expected.kind == "Reserved":
        assert decode(1, low, high).kind == "Reserved"
    else:
        assert decode(1, low, high) == expected


def test_base_and_limit() -> None:
    assert segment_base(0x5678_0000, 0x1200_0034) == 0x1234_5678
    assert segment_limit(0x1234, 0x0007_0000) == 0x7_1234
    assert segment_limit(0x1234, 0x0087_0000) == 0x7123_4FFF


def test_a_table_ends_where_it_cannot_be_read() -> None:
    entries = [(0, 0), (0xFFFF, 0xCF_9B00), (0, 0), (0xFFFF, 0xCF_9300)]
    memory = b"".join(struct.pack("<II", *entry) for entry in entries)

    def read(linear: int, size: int) -> bytes:
        if linear + size > 0x1000 + len(memory):
            raise PhysicalError("gone", linear)
        return memory[linear - 0x1000:linear - 0x1000 + size]

    assert [entry.number for entry in table(read, 0x1000, 8 * 100 - 1)] == [1, 3]
    assert [entry.number for entry in table(read, 0x1000, 15)] == [1]
    assert [entry.number for entry in table(read, 0x1000, 14)] == []


def test_tss() -> None:
    memory = struct.pack("<26I", *range(100, 126))
    fields = tss(lambda linear, size: memory[:size], 0, True)
    assert (fields["link"], fields["esp0"], fields["ss0"], fields["cr3"], fields["eip"]) == (100, 101, 102, 107, 108)
    assert (fields["eax"], fields["edi"], fields["es"], fields["gs"], fields["ldt"]) == (110, 117, 118, 123, 124)
    assert (fields["trap"], fields["iomap"]) == (1, 0)
    memory = struct.pack("<22H", *range(22))
    fields = tss(lambda linear, size: memory[:size], 0, False)
    assert (fields["eip"], fields["eflags"], fields["edi"], fields["ldt"]) == (
        7, 8, 16, 21)


def test_bits_by_name() -> None:
    assert bit_names(0x8001_0033, CR0_BITS) == ["PG", "WP", "NE", "ET", "MP", "PE"]
