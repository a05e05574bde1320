"""fw_cfg as programs read it."""

from __future__ import annotations

import struct

import pytest

from hw.devices.fw_cfg import FwCfg
from hw.e820 import E820Entry


@pytest.fixture
def read(ports):
    bus = ports(FwCfg(3 << 30, cpus=4, max_cpus=8, e820=[E820Entry(0, 0x9_FC00, 1), E820Entry(1 << 20, 3 << 30, 1)],
                      files={"opt/test": b"hello"}))

    def item(key: int, size: int) -> bytes:
        bus.outw(0x510, key)
        return bytes(bus.inb(0x511) for _ in range(size))

    item.bus = bus
    return item


def test_items(read) -> None:
    assert read(0, 4) == b"QEMU" and read(1, 4) == b"\1\0\0\0" and read(2, 16) == bytes(16)
    assert read(3, 8) == (3 << 30).to_bytes(8, "little")
    assert read(5, 2) == b"\4\0" and read(0x0F, 2) == b"\x08\0"
    assert read(5, 6) == b"\4\0\0\0\0\0", "zeros behind the end"
    assert read(0x77, 4) == bytes(4) == read(0x8001, 4)
    assert read(0x4000, 4) == b"QEMU"


def test_selecting_starts_anew(read) -> None:
    assert read(0, 2) == b"QE" and read(0, 2) == b"QE"
    assert bytes(read.bus.inb(0x511) for _ in range(2)) == b"MU"
    read.bus.outb(0x511, 1)
    assert read(0, 4) == b"QEMU", "nothing can be written"


def test_files(read) -> None:
    count, = struct.unpack(">I", read(0x19, 4))
    raw = read(0x19, 4 + 64 * count)
    files = {name.rstrip(b"\0").decode(): (size, key)
             for size, key, _, name in struct.iter_unpack(">IHH56s", raw[4:])}
    assert set(files) == {"etc/e820", "opt/test"} and count == 2
    size, key = files["opt/test"]
    assert read(key, size) == b"hello"
    size, key = files["etc/e820"]
    assert list(struct.iter_unpack("<QQI", read(key, size))) == [(0, 0x9_FC00, 1), (1 << 20, (3 << 30) - (1 << 20), 1)]


def test_cpus_count_as_the_most_when_nothing_else_is_said(ports) -> None:
    bus = ports(FwCfg(1 << 30, cpus=3))
    bus.outw(0x510, 0x0F)
    assert bus.inb(0x511) == 3


def test_state(ports) -> None:
    one, two = FwCfg(1 << 30), FwCfg(1 << 30)
    bus = ports(one)
    bus.outw(0x510, 0)
    bus.inb(0x511)
    two.load_state(one.state())
    assert ports(two).inb(0x511) == ord("E")


def test_names_fit() -> None:
    with pytest.raises(ValueError):
        FwCfg(1 << 30, files={"x" * 56: b""})
