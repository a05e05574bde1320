"""The text mode of a VGA (IBM VGA technical reference): its memory, its registers, and what the screen shows."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from hw.bus import Device, Saved

TEXT_BASE = 0xB_8000
TEXT_SIZE = 0x8000
COLUMNS, ROWS = 80, 25

_CURSOR_START, _CURSOR_END, _START, _CURSOR, _OFFSET = 0x0A, 0x0B, 0x0C, 0x0E, 0x13
# The CRTC of mode 3 as firmware sets it: 80 x 25 characters of 9 x 16 pixels.
_MODE_3 = bytes.fromhex("5f4f50825581bf1f004f0d0e00000000 9c8e8f281f96b9a3ff")

# Code page 437 with the pictures of the codes that are controls elsewhere.
_PICTURES = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
_GLYPHS = _PICTURES + bytes(range(32, 127)).decode("ascii") + "⌂" + bytes(range(128, 256)).decode("cp437")

_COLOURS = ("#000000", "#0000aa", "#00aa00", "#00aaaa", "#aa0000", "#aa00aa", "#aa5500", "#aaaaaa",
            "#555555", "#5555ff", "#55ff55", "#55ffff", "#ff5555", "#ff55ff", "#ffff55", "#ffffff")


@dataclass(frozen=True)
class Screen:
    """What a text screen shows: 25 rows of 80 characters, an attribute byte for each, and the cursor.

    Bits 3:0 of an attribute are the colour of the character, 6:4 that behind it, bit 7 blinks.
    """

    rows: tuple[str, ...]
    attributes: tuple[bytes, ...]
    #: (column, row) from 0, None when it is hidden or elsewhere.
    cursor: tuple[int, int] | None

    def text(self) -> str:
        """The rows as lines, without blanks at their ends and without empty rows at the end."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n")

    def svg(self) -> str:
        """A picture of it, as the text of an SVG file; its characters stay text."""
        wide, high = 9, 16
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{COLUMNS * wide}" height="{ROWS * high}" '
            'font-family="monospace" font-size="15" xml:space="preserve">',
            f'<rect width="100%" height="100%" fill="{_COLOURS[0]}"/>',
        ]
        for y, (row, attributes) in enumerate(zip(self.rows, self.attributes)):
            x = 0
            while x < COLUMNS:
                end = x + 1
                while end < COLUMNS and attributes[end] == attributes[x]:
                    end += 1
                back, front = attributes[x] >> 4 & 7, attributes[x] & 15
                length = (end - x) * wide
                if back:
                    parts.append(f'<rect x="{x * wide}" y="{y * high}" width="{length}" height="{high}" '
                                 f'fill="{_COLOURS[back]}"/>')
                if row[x:end].strip(" \xa0"):
                    parts.append(f'<text x="{x * wide}" y="{y * high + 12}" textLength="{length}" '
                                 f'lengthAdjust="spacingAndGlyphs" fill="{_COLOURS[front]}">'
                                 f'{escape(row[x:end])}</text>')
                x = end
        if self.cursor is not None:
            x, y = self.cursor
            front = self.attributes[y][x] & 15
            parts.append(f'<rect x="{x * wide}" y="{y * high + 13}" width="{wide}" height="2" '
                         f'fill="{_COLOURS[front]}"/>')
        return "\n".join([*parts, "</svg>"]) + "\n"


class _Registers(Saved):
    """Registers behind an index port and, at the next one, a data port."""

    saved = ("index", "values")

    def __init__(self, values: bytes, size: int) -> None:
        self.index = 0
        self.values = bytearray(values.ljust(size, b"\0"))

    def read(self, data: int) -> int:
        return self.values[self.index % len(self.values)] if data else self.index

    def write(self, data: int, value: int) -> None:
        if data:
            self.values[self.index % len(self.values)] = value
        else:
            self.index = value


class Vga(Device):
    """Text mode 3 with 32 KB of memory at 0xB8000; its first 4000 bytes, or those at the CRTC's start, show.

    The registers keep what is written, the retrace bits change with each read; no graphics mode shows.
    """

    name = "vga"
    ports = ((0x3B4, 2), (0x3BA, 1), (0x3C0, 16), (0x3D4, 2), (0x3DA, 1))
    windows = ((TEXT_BASE, TEXT_SIZE),)
    saved = ("memory", "crtc", "sequencer", "graphics", "attribute", "data_next", "misc", "feature", "status",
             "enabled", "pixel_mask", "palette", "palette_read", "palette_write")

    def reset(self) -> None:
        """As firmware leaves it: mode 3, the screen empty, grey on black, the cursor at the top left."""
        self.memory = bytearray(b" \x07" * (TEXT_SIZE // 2))
        self.crtc = _Registers(_MODE_3, 32)
        self.sequencer = _Registers(b"\x03\x00\x03\x00\x02", 8)
        self.graphics = _Registers(b"\0\0\0\0\0\x10\x0e\0\xff", 16)
        self.attribute = _Registers(bytes((*range(6), 0x14, 7, *range(0x38, 0x40), 0x0C, 0, 0x0F, 8)), 32)
        self.attribute.index = 0x20
        self.data_next = False  # the next write to port 0x3C0 is data, not an index
        self.misc, self.feature, self.status, self.enabled, self.pixel_mask = 0x67, 0, 0, 1, 0xFF
        self.palette = bytearray(768)
        self.palette_read = self.palette_write = 0  # the next byte of ``palette``

    def screen(self) -> Screen:
        """What is to be seen now."""
        crtc = self.crtc.values
        start = int.from_bytes(crtc[_START:_START + 2], "big")
        cursor = int.from_bytes(crtc[_CURSOR:_CURSOR + 2], "big") - start & 0x3FFF
        pitch = 2 * crtc[_OFFSET] or COLUMNS
        rows, attributes = [], []
        for row in range(ROWS):
            cells = [2 * (start + row * pitch + column) % TEXT_SIZE for column in range(COLUMNS)]
            rows.append("".join(_GLYPHS[self.memory[cell]] for cell in cells))
            attributes.append(bytes(self.memory[cell + 1] for cell in cells))
        y, x = divmod(cursor, pitch)
        shown = (not crtc[_CURSOR_START] & 0x20 and x < COLUMNS and y < ROWS
                 and crtc[_CURSOR_START] & 0x1F <= crtc[_CURSOR_END] & 0x1F)
        return Screen(tuple(rows), tuple(attributes), (x, y) if shown else None)

    def mmio_read(self, offset: int, size: int) -> int:
        return int.from_bytes(self.memory[offset:offset + size], "little")

    def mmio_write(self, offset: int, size: int, value: int) -> None:
        size = min(size, TEXT_SIZE - offset)
        self.memory[offset:offset + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")

    def _absent(self, port: int) -> bool:
        """Whether the port is one of the other display type, colour or monochrome."""
        return port & 0xF0 == (0xB0 if self.misc & 1 else 0xD0)

    def _indexed(self, port: int) -> _Registers | None:
        low = port & 0xE
        if port & 0xF0 != 0xC0:
            return self.crtc if low == 4 else None
        return self.sequencer if low == 4 else self.graphics if low == 0xE else None

    def port_read(self, port: int, size: int) -> int:
        if self._absent(port):
            return 0xFF
        registers = self._indexed(port)
        if registers is not None:
            return registers.read(port & 1)
        if port in (0x3BA, 0x3DA):
            self.data_next = False
            self.status ^= 0x09
            return self.status
        if port in (0x3C0, 0x3C1):
            return self.attribute.index if port == 0x3C0 else self.attribute.values[self.attribute.index & 31]
        if port == 0x3C9:
            value = self.palette[self.palette_read]
            self.palette_read = (self.palette_read + 1) % 768
            return value
        return {0x3C2: 0, 0x3C3: self.enabled, 0x3C6: self.pixel_mask, 0x3C8: self.palette_write // 3,
                0x3CA: self.feature, 0x3CC: self.misc}.get(port, 0xFF)

    def port_write(self, port: int, size: int, value: int) -> None:
        if self._absent(port):
            return
        registers = self._indexed(port)
        if registers is not None:
            protected = registers is self.crtc and registers.values[0x11] & 0x80 and registers.index < 8
            if not (protected and port & 1):
                registers.write(port & 1, value)
        elif port in (0x3BA, 0x3DA):
            self.feature = value
        elif port == 0x3C0:
            if self.data_next:
                self.attribute.values[self.attribute.index & 31] = value
            else:
                self.attribute.index = value
            self.data_next = not self.data_next
        elif port == 0x3C2:
            self.misc = value
        elif port == 0x3C3:
            self.enabled = value & 1
        elif port == 0x3C6:
            self.pixel_mask = value
        elif port == 0x3C7:
            self.palette_read = value * 3
        elif port == 0x3C8:
            self.palette_write = value * 3
        elif port == 0x3C9:
            self.palette[self.palette_write] = value & 0x3F
            self.palette_write = (self.palette_write + 1) % 768
