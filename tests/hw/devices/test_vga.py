"""Text memory, the registers that matter to it, and the picture."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from hw.devices.vga import Vga


class Pc:
    def __init__(self, ports) -> None:
        self.vga = Vga()
        self.bus = ports(self.vga)

    def crtc(self, index: int, value: int) -> None:
        self.bus.outw(0x3D4, index | value << 8)

    def put(self, cell: int, text: str, attribute: int = 7) -> None:
        for at, char in enumerate(text.encode("cp437")):
            self.vga.mmio_write(2 * (cell + at), 2, attribute << 8 | char)


@pytest.fixture
def pc(ports) -> Pc:
    return Pc(ports)


def test_the_screen_of_a_new_machine(pc) -> None:
    screen = pc.vga.screen()
    assert screen.rows == (" " * 80,) * 25 and screen.attributes == (b"\7" * 80,) * 25
    assert screen.cursor == (0, 0) and screen.text() == ""


def test_writing_on_it(pc) -> None:
    pc.put(0, "Hello")
    pc.put(24 * 80 + 75, "World", 0x4F)
    pc.vga.mmio_write(2 * 81, 4, 0x0742_0141)
    screen = pc.vga.screen()
    assert screen.rows[0].startswith("Hello ") and screen.rows[24].endswith("World")
    assert screen.attributes[24][75:] == b"\x4f" * 5 and screen.attributes[1][1:3] == b"\1\7"
    assert screen.text().splitlines()[:2] == ["Hello", " AB"] and len(screen.text().splitlines()) == 25
    assert pc.vga.mmio_read(0, 1) == ord("H") and pc.vga.mmio_read(2, 4) == 0x076C_0765
    pc.vga.mmio_write(0x7FFE, 4, 0x1234_5678)
    assert pc.vga.mmio_read(0x7FFE, 2) == 0x5678 and len(pc.vga.memory) == 0x8000


def test_every_code_has_one_glyph(pc) -> None:
    for code in range(256):
        pc.vga.mmio_write(2 * code, 1, code)
    text = "".join(pc.vga.screen().rows)[:256]
    assert len(set(text)) >= 254 and text[1] == "☺" and text[0x41] == "A" and text[0xDB] == "█" and text[0x7F] == "⌂"


def test_cursor_and_start(pc) -> None:
    for index, value in ((0x0E, 5 * 80 + 7 >> 8), (0x0F, 5 * 80 + 7 & 0xFF)):
        pc.bus.outb(0x3D4, index)
        pc.bus.outb(0x3D5, value)
        assert pc.bus.inb(0x3D5) == value and pc.bus.inb(0x3D4) == index
    assert pc.vga.screen().cursor == (7, 5)
    pc.put(80, "second row")
    pc.crtc(0x0D, 80)
    screen = pc.vga.screen()
    assert screen.rows[0].startswith("second row") and screen.cursor == (7, 4)
    pc.crtc(0x0A, 0x2D)
    assert pc.vga.screen().cursor is None
    pc.crtc(0x0A, 0x0D)
    pc.crtc(0x0F, 0)
    pc.crtc(0x0E, 0)
    assert pc.vga.screen().cursor is None, "above what is shown"


def test_registers_keep_what_is_written(pc) -> None:
    for index_port, data_port, count in ((0x3C4, 0x3C5, 5), (0x3CE, 0x3CF, 9), (0x3D4, 0x3D5, 0x19)):
        for index in range(count):
            pc.bus.outb(index_port, index)
            pc.bus.outb(data_port, 0x10 + index)
        for index in range(count):
            pc.bus.outb(index_port, index)
            locked = data_port == 0x3D5 and index < 8
            assert locked or pc.bus.inb(data_port) == 0x10 + index
            assert pc.bus.inb(index_port) == index
    pc.bus.outb(0x3D4, 0x11)
    pc.bus.outb(0x3D5, 0x8E)
    pc.bus.outb(0x3D4, 0)
    pc.bus.outb(0x3D5, 0x99)
    assert pc.bus.inb(0x3D5) != 0x99, "registers 0 to 7 are write-protected"


def test_attribute_controller(pc) -> None:
    pc.bus.inb(0x3DA)
    pc.bus.outb(0x3C0, 0x10)
    pc.bus.outb(0x3C0, 0x0C)
    pc.bus.outb(0x3C0, 0x11)
    pc.bus.inb(0x3DA)
    pc.bus.outb(0x3C0, 0x30)
    assert pc.bus.inb(0x3C0) == 0x30 and pc.bus.inb(0x3C1) == 0x0C


def test_retrace_changes(pc) -> None:
    seen = {pc.bus.inb(0x3DA) & 9 for _ in range(4)}
    assert seen == {0, 9}


def test_palette_and_misc(pc) -> None:
    pc.bus.outb(0x3C8, 5)
    for value in (1, 2, 0xFF):
        pc.bus.outb(0x3C9, value)
    assert pc.bus.inb(0x3C8) == 6
    pc.bus.outb(0x3C7, 5)
    assert [pc.bus.inb(0x3C9) for _ in range(3)] == [1, 2, 0x3F]
    pc.bus.outb(0x3C6, 0x0F)
    pc.bus.outb(0x3C3, 0)
    pc.bus.outb(0x3DA, 1)
    assert (pc.bus.inb(0x3C6), pc.bus.inb(0x3C3), pc.bus.inb(0x3CA), pc.bus.inb(0x3C2)) == (0x0F, 0, 1, 0)
    assert pc.bus.inb(0x3B4) == 0xFF and pc.bus.inb(0x3CC) == 0x67 and pc.bus.inb(0x3C7) == 0xFF
    pc.bus.outb(0x3C2, 0x66)
    pc.bus.outb(0x3D4, 3)
    pc.bus.outb(0x3B4, 0x0E)
    assert pc.bus.inb(0x3D4) == 0xFF and pc.bus.inb(0x3B4) == 0x0E, "now it is a monochrome one"


def test_the_picture(pc) -> None:
    pc.put(3, "a < b & c", 0x1E)
    pc.put(80, "plain")
    svg = pc.vga.screen().svg()
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("width") == "720" and root.get("height") == "400"
    texts = {node.text: node for node in root.iter(space + "text")}
    assert texts["a < b & c"].get("fill") == "#ffff55" and texts["a < b & c"].get("x") == "27"
    assert any((node.text or "").rstrip() == "plain" for node in texts.values())
    assert any(node.get("fill") == "#0000aa" for node in root.iter(space + "rect"))
    assert svg == pc.vga.screen().svg()


def test_state(pc, ports) -> None:
    pc.put(100, "kept")
    pc.crtc(0x0F, 33)
    other = Pc(ports)
    other.vga.load_state(json.loads(json.dumps(pc.vga.state())))
    assert other.vga.screen() == pc.vga.screen()
    pc.vga.reset()
    assert pc.vga.screen() == Pc(ports).vga.screen()
