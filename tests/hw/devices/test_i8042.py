"""The keyboard controller and the keyboard as their drivers see them."""

from __future__ import annotations

import json

import pytest

from hw.devices.i8042 import I8042, KEYS, keys_of


class Pc:
    def __init__(self, ports, line_type) -> None:
        self.irq1, self.irq12 = line_type(), line_type()
        self.gates: list[bool] = []
        self.resets = 0
        self.kbc = I8042(self.irq1, self.irq12, self.gates.append, self.restart)
        self.bus = ports(self.kbc)

    def restart(self) -> None:
        self.resets += 1

    @property
    def status(self) -> int:
        return self.bus.inb(0x64)

    def command(self, code: int, *data: int) -> None:
        self.bus.outb(0x64, code)
        for byte in data:
            self.bus.outb(0x60, byte)

    def keyboard(self, *data: int) -> list[int]:
        for byte in data:
            self.bus.outb(0x60, byte)
        return self.all()

    def all(self) -> list[int]:
        read = []
        while self.status & 1:
            read.append(self.bus.inb(0x60))
        return read


@pytest.fixture
def pc(ports, line) -> Pc:
    return Pc(ports, type(line))


def test_self_tests_and_command_byte(pc) -> None:
    assert pc.status == 0x14 and not pc.irq1.level
    pc.command(0xAA)
    assert pc.status & 9 == 9 and pc.all() == [0x55]
    pc.command(0xAB)
    assert pc.all() == [0]
    pc.command(0xA9)
    assert pc.all() == [0]
    pc.command(0x20)
    assert pc.all() == [0x65]
    pc.command(0x60, 0x74)
    assert pc.status & 8 == 0
    pc.command(0x20)
    assert pc.all() == [0x74]
    for on, off, bit in ((0xAD, 0xAE, 0x10), (0xA7, 0xA8, 0x20)):
        pc.command(on)
        assert pc.kbc.config & bit
        pc.command(off)
        assert not pc.kbc.config & bit
    pc.command(0x65, 0x12)
    pc.command(0x25)
    assert pc.all() == [0x12]
    pc.command(0xC0)
    assert pc.all() == [0xB0]
    pc.command(0xE0)
    assert pc.all() == [3]
    pc.command(0xBD)
    assert pc.all() == [], "an unknown command"


def test_output_port_a20_and_reset(pc) -> None:
    pc.command(0xD0)
    assert pc.all() == [0xCF]
    pc.command(0xD1, 0xDD)
    pc.command(0xD1, 0xDF)
    pc.command(0xDD)
    pc.command(0xDF)
    assert pc.gates == [False, True, False, True] and pc.resets == 0
    pc.command(0xFE)
    assert pc.resets == 1
    pc.command(0xFF)
    assert pc.resets == 1
    pc.command(0xD1, 0xCE)
    assert pc.resets == 2
    pc.kbc.reset()
    pc.kbc.press("a")
    pc.command(0xD0)
    assert pc.all() == [0x1E, 0xDF], "the output port shows the full buffer"


def test_keys_with_translation(pc) -> None:
    pc.kbc.press("a")
    assert pc.irq1.take_rises() == 1 and pc.status & 0x21 == 1 and pc.bus.inb(0x60) == 0x1E
    assert not pc.irq1.level and not pc.status & 1 and pc.bus.inb(0x60) == 0x1E, "the last byte stays"
    pc.kbc.release("a")
    assert pc.all() == [0x9E]
    pc.kbc.send_keys("ctrl-alt-delete")
    assert pc.irq1.rises >= 1
    assert pc.all() == [0x1D, 0x38, 0xE0, 0x53, 0xE0, 0xD3, 0xB8, 0x9D]
    pc.kbc.send_keys(["f7"])
    assert pc.all() == [0x41, 0xC1]


def test_each_byte_is_an_edge(pc) -> None:
    pc.kbc.send_keys("left")
    assert len(pc.all()) == 4 and pc.irq1.rises == 4


@pytest.mark.parametrize("name", sorted(KEYS))
def test_every_key(pc, name: str) -> None:
    one, two = KEYS[name]
    prefix = [0xE0] if one > 0xFF else []
    assert (one > 0xFF) == (two > 0xFF)
    pc.kbc.send_keys([name])
    assert pc.all() == [*prefix, one & 0xFF, *prefix, one & 0xFF | 0x80]
    pc.command(0x60, 0x25)
    pc.kbc.send_keys([name])
    assert pc.all() == [*prefix, two & 0xFF, *prefix, 0xF0, two & 0xFF]
    assert pc.keyboard(0xF0, 1) == [0xFA, 0xFA]
    pc.kbc.send_keys([name])
    assert pc.all() == [*prefix, one & 0xFF, *prefix, one & 0xFF | 0x80]


def test_no_two_keys_are_one() -> None:
    assert len({one for one, _ in KEYS.values()}) == len({two for _, two in KEYS.values()}) == len(KEYS)


def test_typing(pc) -> None:
    pc.kbc.type_text("Hi\n!")
    assert pc.all() == [0x2A, 0x23, 0xA3, 0xAA, 0x17, 0x97, 0x1C, 0x9C, 0x2A, 0x02, 0x82, 0xAA]
    assert keys_of("?") == ["shift", "slash"] and keys_of(" ") == ["spc"]
    for char in map(chr, range(32, 127)):
        assert keys_of(char)[-1] in KEYS
    with pytest.raises(ValueError):
        pc.kbc.type_text("ok é")
    with pytest.raises(ValueError):
        pc.kbc.send_keys("ctrl-nokey")
    with pytest.raises(ValueError):
        pc.kbc.press("K")
    assert pc.all() == [], "nothing of it was typed"


def test_keyboard_commands(pc) -> None:
    assert pc.keyboard(0xFF) == [0xFA, 0xAA]
    assert pc.keyboard(0xEE) == [0xEE]
    assert pc.keyboard(0xED, 7) == [0xFA, 0xFA] and pc.kbc.leds == 7
    assert pc.keyboard(0xED, 0xF4) == [0xFA, 0xFA] and pc.kbc.leds == 7, "a command breaks a parameter off"
    assert pc.keyboard(0xF3, 0x20) == [0xFA, 0xFA]
    assert pc.keyboard(0xF2) == [0xFA, 0xAB, 0x41], "the ID passes the translation"
    assert pc.keyboard(0xF0, 0) == [0xFA, 0xFA, 0x41]
    assert pc.keyboard(0xF0, 3) == [0xFA, 0xFE] and pc.keyboard(0xE5) == [0xFE]
    pc.command(0x60, 0x24)
    assert pc.keyboard(0xF2) == [0xFA, 0xAB, 0x83] and pc.keyboard(0xF0, 0) == [0xFA, 0xFA, 2]
    assert pc.keyboard(0xFE) == [2]
    assert pc.keyboard(0xF5) == [0xFA]
    pc.kbc.press("x")
    assert pc.all() == [], "scanning is off"
    assert pc.keyboard(0xF4) == [0xFA]
    pc.kbc.press("x")
    assert pc.all() == [0x22]
    pc.keyboard(0xF0, 1)
    assert pc.keyboard(0xF6) == [0xFA] and pc.kbc.code_set == 2


def test_a_disabled_line(pc) -> None:
    pc.command(0xAD)
    pc.kbc.press("a")
    assert not pc.status & 1
    pc.command(0xAE)
    assert pc.all() == [0x1E]
    pc.command(0xAD)
    assert pc.keyboard(0xEE) == [0xEE] and not pc.kbc.config & 0x10


def test_polling_without_interrupts(pc) -> None:
    pc.command(0x60, 0x44)
    pc.kbc.press("a")
    assert pc.status & 1 and not pc.irq1.rises
    pc.command(0x60, 0x45)
    assert pc.irq1.level


def test_no_mouse(pc) -> None:
    pc.command(0x60, 0x47)
    pc.command(0xD4, 0xF2)
    assert pc.status & 0x21 == 0x21 and pc.irq12.level and not pc.irq1.level
    assert pc.all() == [0xFE] and not pc.irq12.level
    pc.command(0xD3, 0x5A)
    assert pc.irq12.level and pc.all() == [0x5A]
    pc.command(0xD2, 0x1C)
    assert pc.irq1.level and pc.all() == [0x1C]


def test_state(pc, ports, line) -> None:
    pc.kbc.type_text("abc")
    pc.bus.inb(0x60)
    pc.command(0xD1)
    other = Pc(ports, type(line))
    other.kbc.load_state(json.loads(json.dumps(pc.kbc.state())))
    other.bus.outb(0x60, 0xCD)
    assert other.gates == [False] and other.irq1.level
    assert other.all() == [0x9E, 0x30, 0xB0, 0x2E, 0xAE] == pc.all()
