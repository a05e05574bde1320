"""The frames of gdb's remote serial protocol: `$data#checksum`, acknowledgements, and Ctrl-C."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

#: Bytes of the longest packet that is taken or sent, frame included.
LONGEST = 0x4000

_ESCAPE = 0x7D
_ESCAPED = b"#$}*"
_ESCAPES = re.compile(rb"\}(.?)", re.DOTALL)
_CTRL_C = 0x03


class Kind(Enum):
    """What came."""

    PACKET = auto()
    DAMAGED = auto()  # a packet whose checksum is wrong, or that is too long
    ACK = auto()
    NACK = auto()
    INTERRUPT = auto()


class Item(NamedTuple):
    """One thing that came; `data` of a packet is without frame and escapes."""

    kind: Kind
    data: bytes = b""


class Decoder:
    """Finds the items in a stream of bytes, however it is cut into pieces. What is between them is passed over."""

    def __init__(self) -> None:
        self._packet: bytearray | None = None  # of the packet that has begun
        self._digits = b""  # of its checksum; "#" is the first

    def feed(self, data: bytes) -> Iterator[Item]:
        """The items that are complete with these bytes."""
        for byte in data:
            if (item := self._take(byte)) is not None:
                yield item

    def _take(self, byte: int) -> Item | None:
        if byte == 0x24:  # "$"; within a packet: its sender has begun again
            self._packet, self._digits = bytearray(), b""
        elif self._packet is None:
            kind = {0x2B: Kind.ACK, 0x2D: Kind.NACK, _CTRL_C: Kind.INTERRUPT}.get(byte)
            return Item(kind) if kind else None
        elif self._digits or byte == 0x23:  # "#"
            self._digits += bytes([byte])
            if len(self._digits) == 3:
                return self._finish()
        elif len(self._packet) < LONGEST:
            self._packet.append(byte)
        else:
            self._packet = None
            return Item(Kind.DAMAGED)
        return None

    def _finish(self) -> Item:
        packet, digits = bytes(self._packet or b""), self._digits[1:]
        self._packet, self._digits = None, b""
        if digits.lower() != b"%02x" % (sum(packet) & 0xFF):
            return Item(Kind.DAMAGED)
        return Item(Kind.PACKET, unescape(packet))


def encode(data: bytes) -> bytes:
    """The packet that carries `data`."""
    body = escape(data)
    return b"$%s#%02x" % (body, sum(body) & 0xFF)


def escape(data: bytes) -> bytes:
    """Bytes of any value as those that may stand in a packet."""
    if not any(byte in data for byte in _ESCAPED):
        return data
    return b"".join(bytes([_ESCAPE, byte ^ 0x20]) if byte in _ESCAPED else bytes([byte]) for byte in data)


def unescape(data: bytes) -> bytes:
    """What `escape` was given. An escape at the end stands for nothing."""
    return _ESCAPES.sub(lambda match: bytes([match[1][0] ^ 0x20]) if match[1] else b"", data)
