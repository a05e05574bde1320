"""The bus of the PC: devices, the I/O ports and the windows of physical memory at which they answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from hw.errors import DeviceError

PORTS = 0x1_0000

#: Drives an interrupt line: True asserts it, False lets it go.
Line = Callable[[bool], None]


def no_line(_level: bool) -> None:
    """An interrupt line that leads nowhere."""


class Saved:
    """Something whose state is written to a saved machine: the attributes that ``saved`` names.

    They are integers, strings, None, bytearrays (of a length that does not change), such objects again, or
    lists of these.
    """

    saved: ClassVar[tuple[str, ...]] = ()

    def state(self) -> dict[str, object]:
        """The state as JSON can hold it."""
        return {name: _pack(getattr(self, name)) for name in self.saved}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what ``state`` returned, on this or another machine. DeviceError when it does not fit.

        The clock shows the time of the saved machine before its devices are loaded.
        """
        if set(state) != set(self.saved):
            raise DeviceError(f"no state of a {type(self).__name__}: it has {', '.join(state) or 'nothing'}")
        for name in self.saved:
            setattr(self, name, _unpack(name, getattr(self, name), state[name]))


def _pack(value: object) -> object:
    if isinstance(value, Saved):
        return value.state()
    if isinstance(value, bytearray):
        return value.hex()
    if isinstance(value, list):
        return [_pack(each) for each in value]
    return value


def _unpack(name: str, old: object, new: object) -> object:
    """``new`` from a saved state in the type of ``old``, the value that it replaces."""
    if isinstance(old, Saved):
        if isinstance(new, Mapping):
            old.load_state(new)
            return old
    elif isinstance(old, bytearray):
        if isinstance(new, str) and len(new) == 2 * len(old):
            try:
                return bytearray.fromhex(new)
            except ValueError:
                pass
    elif isinstance(old, list) and isinstance(new, list):
        if not any(isinstance(each, Saved | Mapping) for each in old + new):
            return new
        if len(old) == len(new):
            return [_unpack(name, was, each) for was, each in zip(old, new)]
    elif type(old) is type(new) or isinstance(old, int | None) and isinstance(new, int | None):
        return new
    raise DeviceError(f"the saved {name} does not fit")


class Device(Saved):
    """A device on the bus: override what it needs. By default reads give all ones and writes are lost.

    >>> class Adder(Device):
    ...     '''Port 0x300 takes a number, port 0x301 reads the sum of all so far, in one byte.'''
    ...     name = "adder"
    ...     ports = ((0x300, 2),)
    ...     saved = ("sum",)
    ...
    ...     def reset(self) -> None:
    ...         self.sum = 0
    ...
    ...     def port_read(self, port: int, size: int) -> int:
    ...         return self.sum if port == 0x301 else 0xFF
    ...
    ...     def port_write(self, port: int, size: int, value: int) -> None:
    ...         if port == 0x300:
    ...             self.sum = self.sum + value & 0xFF
    >>> bus = Bus()
    >>> bus.add(Adder())
    >>> bus.port_out(0x300, 1, 40)
    >>> bus.port_out(0x300, 1, 2)
    >>> bus.port_in(0x301, 1)
    42
    """

    #: What reports call it.
    name: str = "device"
    #: (first port, count) pairs that Bus.add gives it.
    ports: tuple[tuple[int, int], ...] = ()
    #: (physical address, size) pairs that Bus.add gives it.
    windows: tuple[tuple[int, int], ...] = ()

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The state after power-on."""

    def port_width(self, port: int) -> int:
        """Bytes of the widest access that the register at ``port`` takes at once: 1, 2 or 4."""
        return 1

    def port_read(self, port: int, size: int) -> int:
        """What an `in` of ``size`` bytes (at most port_width) gives; ``port`` is the absolute number."""
        return (1 << 8 * size) - 1

    def port_write(self, port: int, size: int, value: int) -> None:
        """An `out` of ``size`` bytes."""

    def mmio_read(self, offset: int, size: int) -> int:
        """What a load of ``size`` bytes gives, ``offset`` bytes inside the window."""
        return (1 << 8 * size) - 1

    def mmio_write(self, offset: int, size: int, value: int) -> None:
        """A store of ``size`` bytes."""


class Bus:
    """Who answers at which port and in which window of memory.

    An access that is wider than the register is done in halves, down to bytes, at consecutive ports, as the
    ISA bus does it. Where nobody answers, reads give all ones, writes are lost, and ``unanswered`` counts.
    """

    def __init__(self) -> None:
        self.devices: list[Device] = []
        #: (physical address, size, device) of each window.
        self.mmio: list[tuple[int, int, Device]] = []
        self.unanswered: Counter[tuple[int, Literal["in", "out"]]] = Counter()
        self._ports: dict[int, tuple[Device, int]] = {}

    def add(self, device: Device) -> None:
        """Attach a device where it says itself, in ``ports`` and ``windows``; DeviceError as below."""
        for first, count in device.ports:
            self.add_ports(device, first, count)
        for pa, size in device.windows:
            self.add_mmio(device, pa, size)
        self._know(device)

    def add_ports(self, device: Device, first: int, count: int) -> None:
        """Let ``device`` answer at ``count`` ports. DeviceError where one is taken or there is none."""
        if not 0 <= first < first + count <= PORTS:
            raise DeviceError(f"{device.name}: no {count} I/O ports from {first:#x} on")
        for port in range(first, first + count):
            if port in self._ports:
                raise DeviceError(f"{device.name}: port {port:#x} belongs to {self._ports[port][0].name}")
        for port in range(first, first + count):
            self._ports[port] = device, device.port_width(port)
        self._know(device)

    def add_mmio(self, device: Device, pa: int, size: int) -> None:
        """Let ``device`` answer ``size`` bytes from ``pa`` on. DeviceError where one is taken."""
        if pa < 0 or size <= 0:
            raise DeviceError(f"{device.name}: no window of {size} bytes at {pa:#x}")
        for start, length, owner in self.mmio:
            if start < pa + size and pa < start + length:
                raise DeviceError(f"{device.name}: the window at {pa:#x} meets that of {owner.name}")
        self.mmio.append((pa, size, device))
        self._know(device)

    def _know(self, device: Device) -> None:
        if all(device is not other for other in self.devices):
            self.devices.append(device)

    def reset(self) -> None:
        """Reset every device, in the order in which they were attached."""
        for device in self.devices:
            device.reset()

    def owner(self, port: int) -> Device | None:
        """The device that answers at ``port``."""
        owner = self._ports.get(port)
        return owner and owner[0]

    def port_in(self, port: int, size: int) -> int:
        """What an `in` of 1, 2 or 4 bytes gives."""
        owner = self._ports.get(port)
        if owner is not None and size <= owner[1]:
            return owner[0].port_read(port, size) & (1 << 8 * size) - 1
        if size == 1 or self._nobody(port, size):
            self.unanswered[port, "in"] += 1
            return (1 << 8 * size) - 1
        half = size >> 1
        low = self.port_in(port, half)
        return low | self.port_in(port + half, half) << 8 * half

    def port_out(self, port: int, size: int, value: int) -> None:
        """An `out` of 1, 2 or 4 bytes."""
        owner = self._ports.get(port)
        if owner is not None and size <= owner[1]:
            owner[0].port_write(port, size, value & (1 << 8 * size) - 1)
        elif size == 1 or self._nobody(port, size):
            self.unanswered[port, "out"] += 1
        else:
            half = size >> 1
            self.port_out(port, half, value)
            self.port_out(port + half, half, value >> 8 * half)

    def _nobody(self, port: int, size: int) -> bool:
        return not any(each in self._ports for each in range(port, port + size))
