"""What holds for every device: any access is answered, a reset is a new machine, a saved one goes on the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.bus import Bus, Device
from hw.clock import VirtualClock
from hw.devices import (
    I8042,
    ApicBus,
    Cmos,
    DebugConsole,
    DebugExit,
    Disk,
    FwCfg,
    IdeChannel,
    IoApic,
    LocalApic,
    PciHost,
    Pic8259Pair,
    Pit8254,
    PostPort,
    ResetControl,
    SystemControl,
    Uart16550,
    Vga,
)

Log = list[tuple[str, object]]


class World:
    """A device with all that it stands on; everything that it does to the outside is in ``log``."""

    def __init__(self, make: Callable[[World], Device]) -> None:
        self.log: Log = []
        self.clock = VirtualClock()
        self.lines: dict[str, object] = {}
        self.device = make(self)
        self.bus = Bus()
        self.bus.add(self.device)
        self.windows = self.device.windows or (((0, 0x400),) if isinstance(self.device, LocalApic) else ())

    def said(self, name: str) -> Callable[..., None]:
        """A callable that logs its calls; a line logs its changes only."""
        def call(*values: object) -> None:
            if self.lines.get(name) != values or not isinstance(values[0], bool):
                self.lines[name] = values
                self.log.append((name, values))
        return call

    def do(self, steps: list[tuple[int, int, int, int]]) -> list[int]:
        """Accesses and pauses: (kind, where, size, value)."""
        answers = []
        ports = [first + at for first, count in self.device.ports for at in range(count)]
        for kind, where, size, value in steps:
            if kind == 0:
                self.clock.advance(self.clock.now + value % 100_000_000)
            elif kind < 4 and ports:
                port = ports[where % len(ports)]
                if kind == 1:
                    answers.append(self.bus.port_in(port, size))
                else:
                    self.bus.port_out(port, size, value & (1 << 8 * size) - 1)
            elif self.windows:
                offset = where * 16 % self.windows[0][1]
                if kind == 4:
                    answers.append(self.device.mmio_read(offset, size))
                else:
                    self.device.mmio_write(offset, size, value & (1 << 8 * size) - 1)
        return answers


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("disks") / "disk"
    path.write_bytes(bytes(range(256)) * 200)
    return path


MAKERS: dict[str, Callable[[World, Path], Device]] = {
    "pic": lambda world, disk: Pic8259Pair(world.said("intr")),
    "pit": lambda world, disk: Pit8254(world.clock, world.said("irq0")),
    "lapic": lambda world, disk: LocalApic(0, world.clock, ApicBus(world.said("deliver")), world.said("intr")),
    "ioapic": lambda world, disk: IoApic(ApicBus(world.said("deliver"))),
    "uart": lambda world, disk: Uart16550(world.said("sent"), world.said("irq4")),
    "cmos": lambda world, disk: Cmos(world.clock, world.said("irq8")),
    "i8042": lambda world, disk: I8042(world.said("irq1"), world.said("irq12"), world.said("a20"),
                                       lambda: world.log.append(("restart", None))),
    "vga": lambda world, disk: Vga(),
    "exit": lambda world, disk: DebugExit(world.said("exit")),
    "console": lambda world, disk: DebugConsole(world.said("sent")),
    "post": lambda world, disk: PostPort(),
    "fw_cfg": lambda world, disk: FwCfg(1 << 30),
    "ide": lambda world, disk: IdeChannel(world.said("irq14"), Disk(disk, "snapshot"), Disk(disk, "ro")),
    "port92": lambda world, disk: SystemControl(world.said("a20"), lambda: world.log.append(("restart", None))),
    "cf9": lambda world, disk: ResetControl(lambda: world.log.append(("restart", None))),
    "pci": lambda world, disk: PciHost(),
}
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 255), st.sampled_from([1, 2, 4]),
                           st.one_of(st.integers(0, 255), st.integers(0, (1 << 32) - 1))), max_size=60)


def world(name: str, disk: Path) -> World:
    return World(lambda made: MAKERS[name](made, disk))


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=30, deadline=None)
@given(before=STEPS, after=STEPS)
def test_any_access_and_a_saved_machine(name: str, disk: Path, before, after) -> None:
    one, two = world(name, disk), world(name, disk)
    answers = one.do(before)
    assert all(0 <= answer < 1 << 32 for answer in answers)
    state = one.device.state()
    two.clock.advance(one.clock.now)
    two.device.load_state(json.loads(json.dumps(state)))
    assert two.device.state() == state == one.device.state()
    one.log.clear()
    two.log.clear()
    two.lines = dict(one.lines)
    assert one.do(after) == two.do(after)
    assert one.log == two.log and one.device.state() == two.device.state()


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "cmos"])  # its time goes on
@settings(max_examples=10, deadline=None)
@given(before=STEPS, after=STEPS)
def test_a_reset_is_a_new_device(name: str, disk: Path, before, after) -> None:
    one, two = world(name, disk), world(name, disk)
    one.do(before)
    if name == "ide":  # the medium keeps what was written
        two.device.load_state(one.device.state())
    one.device.reset()
    two.clock.advance(one.clock.now)
    two.device.reset()
    assert one.device.state() == two.device.state() and one.do(after) == two.do(after)
