"""The ports for debugging: exit, console, checkpoint."""

from __future__ import annotations

from hw.bus import Bus
from hw.devices.debug_console import DebugConsole, PostPort
from hw.devices.debug_exit import DebugExit
from hw.devices.irq_lines import IrqLines


def test_exit_statuses(ports) -> None:
    seen: list[int] = []
    bus = ports(DebugExit(seen.append))
    bus.outb(0xF4, 0)
    bus.outb(0xF4, 1)
    bus.outw(0xF4, 0x1234)
    bus.outl(0xF4, 0x8000_0000)
    assert seen == [1, 3, 0x2469, 0x1_0000_0001] and bus.inl(0xF4) == 0
    bus = ports(DebugExit(seen.append, port=0x501))
    bus.outb(0x501, 5)
    assert seen[-1] == 11


def test_console(ports) -> None:
    sent = bytearray()
    bus = ports(DebugConsole(sent.extend))
    assert bus.inb(0xE9) == 0xE9
    for char in b"ok":
        bus.outb(0xE9, char)
    assert sent == b"ok"


def test_checkpoint(ports) -> None:
    post = PostPort()
    bus = ports(post)
    assert bus.inb(0x80) == 0
    bus.outb(0x80, 0x42)
    assert bus.inb(0x80) == 0x42 == post.code
    other = PostPort()
    other.load_state(post.state())
    assert other.code == 0x42


def test_interrupt_lines() -> None:
    seen: list[tuple[int, bool]] = []
    bus = Bus()
    bus.add(IrqLines([lambda level, pin=pin: seen.append((pin, level)) for pin in range(3)]))
    bus.port_out(0x2002, 1, 1)
    bus.port_out(0x2000, 1, 0x80)
    bus.port_out(0x2002, 1, 0)
    assert seen == [(2, True), (0, True), (2, False)]
    assert bus.owner(0x2003) is None and bus.port_in(0x2001, 1) == 0xFF
