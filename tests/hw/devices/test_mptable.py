"""The MP table, read by a small parser that is written from the specification alone."""

from __future__ import annotations

import pytest

from hw.devices.mptable import mp_table

SIZES = {0: 20, 1: 8, 2: 8, 3: 8, 4: 8}


def find(memory: bytes, start: int) -> int:
    """The floating pointer: on a 16-byte boundary, its 16 bytes adding up to 0."""
    for at in range(0, len(memory), 16):
        if memory[at:at + 4] == b"_MP_" and sum(memory[at:at + 16]) % 256 == 0:
            return start + at
    raise AssertionError("no floating pointer")


def parse(memory: bytes, start: int) -> tuple[dict[str, int], dict[int, list[bytes]]]:
    def word(at: int, size: int) -> int:
        return int.from_bytes(memory[at - start:at - start + size], "little")

    pointer = find(memory, start)
    assert word(pointer + 8, 1) == 1 and word(pointer + 9, 1) == 4, "16 bytes long, version 1.4"
    assert word(pointer + 11, 1) == 0, "no default configuration: the table counts"
    table = word(pointer + 4, 4)
    length = word(table + 4, 2)
    assert memory[table - start:table - start + 4] == b"PCMP" and word(table + 6, 1) == 4
    assert sum(memory[table - start:table - start + length]) % 256 == 0
    entries: dict[int, list[bytes]] = {}
    at = table + 44
    for _ in range(word(table + 34, 2)):
        kind = word(at, 1)
        entries.setdefault(kind, []).append(memory[at - start:at - start + SIZES[kind]])
        at += SIZES[kind]
    assert at == table + length
    return {"lapic": word(table + 36, 4), "imcr": word(pointer + 12, 1) >> 7, "extended": word(table + 40, 2)}, entries


@pytest.mark.parametrize("cpus", [1, 2, 8, 255])
@pytest.mark.parametrize("pa", [0x9_FC00, 0xF_0000])
def test_a_table(cpus: int, pa: int) -> None:
    memory = bytes(64) + mp_table(cpus, pa, io_apic_id=cpus & 0xF)
    header, entries = parse(memory, pa - 64)
    assert header == {"lapic": 0xFEE0_0000, "imcr": 0, "extended": 0}
    assert [each[1] for each in entries[0]] == list(range(cpus))
    assert all(each[2] == 0x14 and each[3] & 1 for each in entries[0]), "enabled"
    assert [each[3] >> 1 & 1 for each in entries[0]] == [1] + [0] * (cpus - 1), "one bootstrap processor"
    assert all(each[8] & 1 and each[9] & 2 for each in entries[0]), "FPU and APIC"
    assert [each[2:] for each in entries[1]] == [b"ISA   "]
    io_apic, = entries[2]
    assert io_apic[1] == cpus & 0xF and io_apic[3] & 1 and io_apic[4:] == b"\0\0\xc0\xfe"
    routes = {(each[1], each[5]): each[7] for each in entries[3]}
    assert all(each[2:5] == b"\0\0\0" and each[6] == cpus & 0xF for each in entries[3])
    assert routes == {(3, 0): 0, **{(0, irq): irq or 2 for irq in range(16) if irq != 2}}
    assert [(each[1], each[6], each[7]) for each in entries[4]] == [(3, 0xFF, 0), (1, 0xFF, 1)]


def test_that_processors_say_what_they_are() -> None:
    _, entries = parse(mp_table(1, 0xF_0000, 1, signature=0x633, features=0x0383_FBFF), 0xF_0000)
    assert entries[0][0][4:12] == b"\x33\x06\0\0\xff\xfb\x83\x03"


@pytest.mark.parametrize("cpus,pa,io_apic_id", [(0, 0xF_0000, 0), (256, 0xF_0000, 0), (1, 0xF_0008, 0),
                                               (1, 1 << 20, 0), (1, 0xF_0000, 255)])
def test_what_cannot_be(cpus: int, pa: int, io_apic_id: int) -> None:
    with pytest.raises(ValueError):
        mp_table(cpus, pa, io_apic_id)
