"""Bytes to and from the host."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from hw.devices.chardev import Pty, Stdio
from hw.devices.uart import Uart16550


def gather(read: Callable[[], bytes], size: int) -> bytes:
    """What comes, in pieces: the host passes it on in its own time."""
    data, end = b"", time.monotonic() + 30
    while len(data) < size and time.monotonic() < end:
        data += read()
    return data


def test_streams() -> None:
    here, there = os.pipe()
    stdio = Stdio(there, here)
    assert stdio.read() == b""
    stdio.write(b"hello" * 100)
    assert stdio.read() == b"hello" * 100
    os.close(there)
    assert stdio.read() == b""
    os.close(here)


def test_a_pty_with_a_serial_port(ports) -> None:
    pty = Pty()
    bus = ports(Uart16550(pty.write))
    terminal = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    for char in b"login:\n":
        bus.outb(0x3F8, char)
    assert gather(lambda: os.read(terminal, 100), 7) == b"login:\n"
    assert pty.read() == b""
    os.write(terminal, b"me\r")
    assert gather(pty.read, 3) == b"me\r"
    pty.write(bytes(1 << 20))
    os.close(terminal)
    pty.close()
    pty.close()
