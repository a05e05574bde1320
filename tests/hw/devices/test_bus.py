"""Ports and windows: who answers, how wide accesses are split, what happens where nobody is."""

from __future__ import annotations

import doctest
import json

import pytest

import hw.bus
from hw.bus import Bus, Device
from hw.errors import DeviceError


class Recorder(Device):
    saved = ("calls", "blob")

    def __init__(self, name: str, width: int = 1) -> None:
        self.name = name
        self.width = width
        super().__init__()

    def reset(self) -> None:
        self.calls: list[list[int]] = []
        self.blob = bytearray(4)

    def port_width(self, port: int) -> int:
        return self.width

    def port_read(self, port: int, size: int) -> int:
        self.calls.append([port, size])
        return 0x1111_1111 * (port & 0xF)

    def port_write(self, port: int, size: int, value: int) -> None:
        self.calls.append([port, size, value])


def test_the_example_of_the_docstring() -> None:
    result = doctest.testmod(hw.bus)
    assert result.failed == 0 < result.attempted


def test_a_wide_access_becomes_bytes() -> None:
    bus, narrow = Bus(), Recorder("narrow")
    bus.add_ports(narrow, 0x301, 4)
    assert bus.port_in(0x301, 4) == 0x4433_2211
    assert narrow.calls == [[0x301, 1], [0x302, 1], [0x303, 1], [0x304, 1]]
    narrow.reset()
    bus.port_out(0x302, 2, 0xABCD)
    assert narrow.calls == [[0x302, 1, 0xCD], [0x303, 1, 0xAB]]
    assert not bus.unanswered


def test_a_wide_register_takes_it_whole() -> None:
    bus, wide, half = Bus(), Recorder("wide", 4), Recorder("half", 2)
    bus.add_ports(wide, 0x100, 1)
    bus.add_ports(half, 0x200, 4)
    bus.port_out(0x100, 4, 0x1_2345_6789)
    bus.port_out(0x200, 4, 0x2345_6789)
    assert wide.calls == [[0x100, 4, 0x2345_6789]]
    assert half.calls == [[0x200, 2, 0x6789], [0x202, 2, 0x2345]]


def test_where_nobody_is() -> None:
    bus, one = Bus(), Recorder("one")
    bus.add_ports(one, 0x302, 1)
    assert [bus.port_in(0x500, size) for size in (1, 2, 4)] == [0xFF, 0xFFFF, 0xFFFF_FFFF]
    bus.port_out(0x600, 4, 1)
    assert bus.unanswered == {(0x500, "in"): 3, (0x600, "out"): 1}
    assert bus.port_in(0x301, 4) == 0xFFFF_22FF
    assert bus.port_in(0xFFFF, 4) == 0xFFFF_FFFF
    assert bus.owner(0x302) is one and bus.owner(0x301) is None


def test_nobody_takes_what_is_taken() -> None:
    bus, one, two = Bus(), Recorder("one"), Recorder("two")
    bus.add_ports(one, 0x300, 8)
    bus.add_mmio(one, 0xFEC0_0000, 0x1000)
    for first, count in ((0x307, 1), (0x2FF, 2), (0xFFFF, 2), (-1, 1), (5, 0)):
        with pytest.raises(DeviceError):
            bus.add_ports(two, first, count)
    for pa, size in ((0xFEC0_0FFF, 1), (0xFEBF_F000, 0x1001), (0, 0)):
        with pytest.raises(DeviceError):
            bus.add_mmio(two, pa, size)
    assert bus.owner(0x2FF) is None and bus.devices == [one] and len(bus.mmio) == 1
    bus.add_mmio(two, 0xFEC0_1000, 0x1000)
    assert bus.devices == [one, two]


def test_reset_and_defaults() -> None:
    bus, one = Bus(), Recorder("one")
    bus.add(one)
    bus.add_ports(Device(), 1, 1)
    one.calls.append([0])
    bus.reset()
    assert one.calls == [] and bus.port_in(1, 1) == 0xFF
    assert Device().mmio_read(0, 4) == 0xFFFF_FFFF and Device().state() == {}


def test_a_state_that_does_not_fit() -> None:
    one = Recorder("one")
    one.calls, one.blob = [[1, 2]], bytearray(b"abcd")
    state = json.loads(json.dumps(one.state()))
    two = Recorder("two")
    two.load_state(state)
    assert two.calls == [[1, 2]] and two.blob == bytearray(b"abcd")
    for wrong in ({}, {**state, "more": 1}, {**state, "blob": 5}, {**state, "blob": "00"}, {**state, "blob": "xx"},
                  {**state, "calls": 3}):
        with pytest.raises(DeviceError):
            two.load_state(wrong)
