"""What devices are tried on: a clock that the test turns, and lines that remember."""

from __future__ import annotations

import pytest

from hw.bus import Bus, Device
from hw.clock import VirtualClock


class TestClock(VirtualClock):
    """Virtual time that stands still until the test moves it."""

    __test__ = False

    @property
    def idle(self) -> bool:
        """Whether no timer is armed."""
        return self.next_deadline() is None

    def run(self, ns: int) -> None:
        """Let ``ns`` nanoseconds pass."""
        self.advance(self.now + ns)


class TestLine:
    """An interrupt line: its level, and how often it rose."""

    __test__ = False

    def __init__(self) -> None:
        self.level = False
        self.rises = 0

    def __call__(self, level: bool) -> None:
        self.rises += level and not self.level
        self.level = level

    def take_rises(self) -> int:
        rises, self.rises = self.rises, 0
        return rises


class Ports:
    """A bus as a driver writes of it: inb, outb and their wider sisters."""

    def __init__(self, *devices: Device) -> None:
        self.bus = Bus()
        for device in devices:
            self.bus.add(device)

    def inb(self, port: int) -> int:
        return self.bus.port_in(port, 1)

    def inw(self, port: int) -> int:
        return self.bus.port_in(port, 2)

    def inl(self, port: int) -> int:
        return self.bus.port_in(port, 4)

    def outb(self, port: int, value: int) -> None:
        self.bus.port_out(port, 1, value)

    def outw(self, port: int, value: int) -> None:
        self.bus.port_out(port, 2, value)

    def outl(self, port: int, value: int) -> None:
        self.bus.port_out(port, 4, value)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def line() -> TestLine:
    return TestLine()


@pytest.fixture
def ports() -> type[Ports]:
    return Ports
