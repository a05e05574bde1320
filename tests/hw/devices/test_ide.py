"""The IDE channel as its drivers probe and use it, over files of the host."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.devices.disk import Disk
from hw.devices.ide import IdeChannel
from hw.errors import DeviceError

DATA, ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS = range(0x1F0, 0x1F8)
CONTROL = 0x3F6
ERR, DRQ, READY, FAULT, BSY = 0x01, 0x08, 0x50, 0x20, 0x80
ABRT, IDNF, UNC = 0x04, 0x10, 0x40
READ, WRITE, READ_MULTIPLE, WRITE_MULTIPLE, SET_MULTIPLE, IDENTIFY = 0x20, 0x30, 0xC4, 0xC5, 0xC6, 0xEC
SIZE = 4000  # sectors


def sector(number: int) -> bytes:
    return struct.pack("<I", number) * 128


class Pc:
    def __init__(self, ports, line, master: Disk | None, slave: Disk | None = None) -> None:
        self.irq14 = line
        self.ide = IdeChannel(line, master, slave)
        bus = ports(self.ide)
        self.inb, self.inw, self.inl = bus.inb, bus.inw, bus.inl
        self.outb, self.outw, self.outl = bus.outb, bus.outw, bus.outl

    def command(self, code: int, lba: int = 0, count: int = 1, drive: int = 0, feature: int = 0) -> int:
        """Start a command with an LBA; the alternate status after it."""
        self.outb(DEVICE, 0xE0 | drive << 4 | lba >> 24)
        for port, value in ((ERROR, feature), (COUNT, count), (LOW, lba), (MID, lba >> 8), (HIGH, lba >> 16)):
            self.outb(port, value & 0xFF)
        self.outb(STATUS, code)
        return self.inb(CONTROL)

    def chs(self, code: int, cylinder: int, head: int, first: int, count: int = 1) -> int:
        for port, value in ((DEVICE, 0xA0 | head), (COUNT, count), (LOW, first), (MID, cylinder & 0xFF),
                            (HIGH, cylinder >> 8), (STATUS, code)):
            self.outb(port, value)
        return self.inb(CONTROL)

    def lba(self) -> int:
        return self.inb(LOW) | self.inb(MID) << 8 | self.inb(HIGH) << 16 | (self.inb(DEVICE) & 15) << 24

    def get(self, sectors: int = 1) -> bytes:
        return b"".join(struct.pack("<I", self.inl(DATA)) for _ in range(128 * sectors))

    def put(self, data: bytes) -> None:
        for value, in struct.iter_unpack("<I", data):
            self.outl(DATA, value)

    def identify(self, drive: int = 0) -> tuple[int, ...]:
        assert self.command(IDENTIFY, drive=drive) == READY | DRQ
        return struct.unpack("<256H", self.get())


@pytest.fixture
def path(tmp_path) -> Path:
    file = tmp_path / "disk"
    file.write_bytes(b"".join(map(sector, range(SIZE))) + b"a rest")
    return file


@pytest.fixture
def pc(ports, line, path):
    disk = Disk(path)
    yield Pc(ports, line, disk)
    disk.close()


def text(words: tuple[int, ...]) -> str:
    return b"".join(struct.pack(">H", word) for word in words).decode()


def test_identify(pc) -> None:
    words = pc.identify()
    assert text(words[27:47]) == "HIGHMEM DISK".ljust(40) and text(words[10:20]) == "HM01F00".ljust(20)
    assert words[0] == 0x40 and words[60] | words[61] << 16 == SIZE
    assert (words[1], words[3], words[6]) == (SIZE // 1008, 16, 63) == tuple(words[54:57])
    assert words[57] | words[58] << 16 == SIZE // 1008 * 1008
    assert words[49] & 0x300 == 0x200, "LBA, no DMA"
    assert words[47] & 0xFF == 16 and words[59] == 0 and words[83] >> 14 == 1
    assert pc.irq14.take_rises() == 1 and pc.inb(STATUS) == READY and not pc.irq14.level
    pc.command(SET_MULTIPLE, count=8)
    assert pc.identify()[59] == 0x108


def test_reading_sectors_with_interrupts(pc) -> None:
    assert pc.command(READ, lba=SIZE - 3, count=3) == READY | DRQ
    for index in range(3):
        assert pc.irq14.take_rises() == 1 and pc.inb(STATUS) == READY | DRQ and not pc.irq14.level
        assert pc.get() == sector(SIZE - 3 + index)
    assert pc.irq14.rises == 0 and pc.inb(STATUS) == READY and pc.lba() == SIZE - 1 and pc.inb(COUNT) == 0
    assert pc.inw(DATA) == 0xFFFF


def test_a_count_of_zero_is_256(pc) -> None:
    pc.command(READ, lba=5, count=0)
    assert pc.get(256) == b"".join(map(sector, range(5, 261))) and pc.inb(STATUS) == READY


def test_widths_of_the_data_port(pc) -> None:
    pc.command(READ, lba=0x123)
    assert pc.inl(DATA) == 0x123 and pc.inw(DATA) == 0x123 and pc.inb(DATA) == 0 and pc.inb(DATA) == 0
    assert [pc.inw(DATA) for _ in range(252)] == [0x123, 0] * 126 and pc.inb(STATUS) == READY


def test_chs_and_its_translation(pc) -> None:
    assert pc.chs(READ, 2, 3, 4) == READY | DRQ
    assert pc.get() == sector((2 * 16 + 3) * 63 + 3)
    assert pc.chs(READ, 0, 15, 63, count=2) == READY | DRQ
    assert pc.get(2) == sector(1007) + sector(1008)
    assert (pc.inb(LOW), pc.inb(MID), pc.inb(HIGH), pc.inb(DEVICE) & 15) == (1, 1, 0, 0)
    for cylinder, head, first in ((3, 0, 1), (0, 0, 0), (0, 0, 64), (0xFFFF, 0, 1)):
        assert pc.chs(READ, cylinder, head, first) == READY | ERR and pc.inb(ERROR) == IDNF
    assert pc.chs(0x91, 0, 3, 0, count=10) == READY, "4 heads, 10 sectors"
    assert pc.chs(READ, 1, 1, 1) == READY | DRQ and pc.get() == sector(50)
    assert pc.chs(READ, 0, 4, 1) == READY | ERR
    assert pc.identify()[54:57] == (100, 4, 10)


def test_the_end_of_the_disk(pc) -> None:
    assert pc.command(READ, lba=SIZE) == READY | ERR and pc.inb(ERROR) == IDNF and pc.lba() == SIZE
    assert pc.irq14.level
    assert pc.command(READ, lba=SIZE - 1, count=2) == READY | DRQ
    assert pc.get() == sector(SIZE - 1)
    assert pc.inb(STATUS) == READY | ERR and pc.inb(ERROR) == IDNF and pc.lba() == SIZE and pc.inb(COUNT) == 1
    assert pc.command(0x40, lba=SIZE - 5, count=5) == READY
    assert pc.command(0x40, lba=SIZE - 5, count=6) == READY | ERR and pc.lba() == SIZE
    assert pc.command(READ, lba=0xFFF_FFFF) == READY | ERR
    assert pc.command(0x70, lba=SIZE) == READY | ERR and pc.command(0x70, lba=SIZE - 1) == READY
    assert pc.command(WRITE, lba=SIZE) == READY | ERR and pc.inb(ERROR) == IDNF
    assert pc.command(READ, lba=0) == READY | DRQ and pc.inb(ERROR) == 0, "and it goes on"


def test_writing(pc, path) -> None:
    assert pc.command(WRITE, lba=10, count=2) == READY | DRQ and not pc.irq14.level, "none for the first block"
    pc.put(b"A" * 512)
    assert pc.irq14.take_rises() == 1 and pc.inb(STATUS) == READY | DRQ
    for _ in range(128):
        pc.outl(DATA, 0x42424242)
    assert pc.irq14.take_rises() == 1 and pc.inb(STATUS) == READY and pc.inb(COUNT) == 0 and pc.lba() == 11
    assert pc.command(0xE7) == READY
    data = path.read_bytes()
    assert data[9 * 512:12 * 512] == sector(9) + b"A" * 512 + b"B" * 512 and len(data) == SIZE * 512 + 6
    pc.outw(DATA, 1)
    assert path.read_bytes() == data


def test_writing_over_the_end(pc, path) -> None:
    pc.command(WRITE, lba=SIZE - 1, count=2)
    pc.put(b"X" * 512)
    assert pc.inb(STATUS) == READY | DRQ
    pc.put(b"Y" * 512)
    assert pc.inb(STATUS) == READY | ERR and pc.inb(ERROR) == IDNF and pc.lba() == SIZE
    assert path.read_bytes()[(SIZE - 1) * 512:] == b"X" * 512 + b"a rest"


def test_multiple(pc, path) -> None:
    for code in (READ_MULTIPLE, WRITE_MULTIPLE):
        assert pc.command(code) == READY | ERR and pc.inb(ERROR) == ABRT
    assert pc.command(SET_MULTIPLE, count=3) == READY | ERR and pc.command(SET_MULTIPLE, count=32) == READY | ERR
    assert pc.command(SET_MULTIPLE, count=4) == READY
    pc.inb(STATUS)
    pc.irq14.take_rises()
    pc.command(READ_MULTIPLE, lba=100, count=6)
    data = b""
    for sectors in (4, 2):
        assert pc.irq14.take_rises() == 1 and pc.inb(STATUS) == READY | DRQ
        data += pc.get(sectors)
    assert data == b"".join(map(sector, range(100, 106))) and pc.inb(STATUS) == READY and not pc.irq14.rises
    pc.command(WRITE_MULTIPLE, lba=200, count=5)
    pc.put(b"C" * 512 * 4)
    assert pc.irq14.take_rises() == 1 and pc.inb(STATUS) == READY | DRQ
    pc.put(b"D" * 512)
    assert pc.irq14.take_rises() == 1 and pc.inb(STATUS) == READY
    assert path.read_bytes()[200 * 512:205 * 512] == b"C" * 2048 + b"D" * 512
    pc.command(READ_MULTIPLE, lba=SIZE - 2, count=4)
    assert pc.get(2) == sector(SIZE - 2) + sector(SIZE - 1)
    assert pc.inb(STATUS) == READY | ERR and pc.inb(ERROR) == IDNF and pc.lba() == SIZE


def test_small_commands(pc) -> None:
    for code in (0x10, 0xE0, 0xE1, 0xE2, 0xE3, 0xE6, 0xE7):
        assert pc.command(code) == READY, hex(code)
    assert pc.command(0xE5, count=0) == READY and pc.inb(COUNT) == 0xFF
    assert pc.command(0xF8) == READY and pc.lba() == SIZE - 1
    for code in (0x00, 0x08, 0xA0, 0xA1, 0xC8, 0xCA, 0x24, 0xEA, 0xFF):
        assert pc.command(code) == READY | ERR and pc.inb(ERROR) == ABRT, hex(code)
        assert pc.irq14.level and pc.inb(STATUS) == READY | ERR and not pc.irq14.level
    for feature, count in ((0x03, 0x08), (0x03, 0x0C), (0x03, 0), (0x82, 0), (0x02, 0), (0xAA, 0), (0x55, 0)):
        assert pc.command(0xEF, feature=feature, count=count) == READY
    for feature, count in ((0x03, 0x22), (0x03, 0x45), (0x99, 0)):
        assert pc.command(0xEF, feature=feature, count=count) == READY | ERR
    pc.command(0xEF, feature=0x82)
    assert not pc.identify()[85] & 0x20


def test_reset_and_diagnostic_show_the_signature(pc) -> None:
    def signature():
        return [pc.inb(port) for port in (ERROR, COUNT, LOW, MID, HIGH)] + [pc.inb(DEVICE) & 0x1F]

    pc.command(READ, lba=77)
    pc.outb(CONTROL, 4)
    assert pc.inb(STATUS) == BSY == pc.inb(CONTROL) and not pc.inb(CONTROL) & DRQ
    pc.outb(STATUS, READ)
    pc.outb(CONTROL, 0)
    assert pc.inb(STATUS) == READY and signature() == [1, 1, 1, 0, 0, 0] and not pc.irq14.level
    pc.outb(DEVICE, 0xF0)
    pc.outb(STATUS, 0x90)
    assert pc.irq14.level and signature() == [1, 1, 1, 0, 0, 0] and pc.inb(STATUS) == READY
    pc.command(SET_MULTIPLE, count=2)
    pc.outb(CONTROL, 4)
    pc.outb(CONTROL, 0)
    assert pc.identify()[59] == 0x102, "a soft reset keeps the settings"
    pc.ide.reset()
    assert pc.identify()[59] == 0


def test_interrupt_enable(pc) -> None:
    pc.outb(CONTROL, 2)
    pc.command(READ)
    assert not pc.irq14.level
    pc.outb(CONTROL, 0)
    assert pc.irq14.level, "it was pending"
    assert pc.inb(CONTROL) & DRQ and pc.irq14.level and pc.inb(STATUS) & DRQ and not pc.irq14.level


def test_each_command_is_an_edge(pc) -> None:
    for _ in range(3):
        pc.command(0xE7)
    assert pc.irq14.take_rises() == 3
    pc.outb(STATUS, 0x90)
    assert pc.irq14.level


def test_an_absent_slave(pc) -> None:
    pc.outb(DEVICE, 0xF0)
    assert pc.inb(STATUS) == 0 == pc.inb(CONTROL)
    pc.outb(COUNT, 0x55)
    assert pc.inb(COUNT) == 0x55, "the master answers in its place"
    pc.outb(STATUS, IDENTIFY)
    assert pc.inb(STATUS) == 0 and not pc.irq14.level and pc.inw(DATA) == 0xFFFF
    pc.outw(DATA, 1)
    pc.outb(DEVICE, 0xE0)
    assert pc.inb(STATUS) == READY


def test_no_disk_at_all(ports, line) -> None:
    pc = Pc(ports, line, None)
    pc.outb(DEVICE, 0xA0)
    pc.outb(STATUS, 0x90)
    assert pc.inb(STATUS) == 0xFF == pc.inb(COUNT) and not line.level


def test_two_disks(ports, line, path, tmp_path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"second" + bytes(1018))
    pc = Pc(ports, line, Disk(path), Disk(other))
    assert pc.identify(0)[60] == SIZE and pc.identify(1)[60] == 2
    assert pc.command(READ, lba=0, drive=1) == READY | DRQ and pc.get()[:6] == b"second"
    pc.inb(STATUS)
    pc.command(READ, lba=1, drive=1)
    pc.outb(DEVICE, 0xE0)
    pc.inb(STATUS)
    assert not line.level, "the line is that of the selected drive"
    pc.outb(DEVICE, 0xF0)
    assert line.level and pc.inb(DEVICE) == 0xF0
    pc = Pc(ports, line, None, Disk(other))
    assert pc.inb(STATUS) == 0 and pc.identify(1)[60] == 2


def test_a_disk_that_cannot_be_written(ports, line, path) -> None:
    before = path.read_bytes()
    pc = Pc(ports, line, Disk(path, "ro"))
    assert pc.command(WRITE, lba=3) == READY | ERR and pc.inb(ERROR) == ABRT and pc.inb(CONTROL) & DRQ == 0
    pc.put(b"Z" * 512)
    assert path.read_bytes() == before
    assert pc.command(0xE7) == READY


def test_a_snapshot_and_its_state(ports, line, path) -> None:
    before = path.read_bytes()
    pc = Pc(ports, line, Disk(path, "snapshot"))
    pc.command(WRITE, lba=3)
    pc.put(b"Z" * 512)
    pc.command(READ, lba=2, count=2)
    assert pc.get(1) == sector(2)
    state = json.loads(json.dumps(pc.ide.state()))
    other = Pc(ports, line, Disk(path, "snapshot"))
    other.ide.load_state(state)
    for each in (pc, other):
        assert each.get() == b"Z" * 512 and each.inb(STATUS) == READY
    assert path.read_bytes() == before
    for wrong in (Pc(ports, line, None), Pc(ports, line, Disk(path), Disk(path, "ro"))):
        with pytest.raises(DeviceError):
            wrong.ide.load_state(state)
    path.write_bytes(bytes(512))
    with pytest.raises(DeviceError):
        Pc(ports, line, Disk(path)).ide.load_state(state)


def test_a_host_that_fails(pc, path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no room")

    os.truncate(path, 512)
    assert pc.command(READ, lba=9) == READY | ERR and pc.inb(ERROR) == UNC and pc.lba() == 9
    monkeypatch.setattr(Disk, "write", fail)
    monkeypatch.setattr(Disk, "flush", fail)
    pc.command(WRITE, lba=0)
    pc.put(bytes(512))
    assert pc.inb(STATUS) == READY | FAULT | ERR and pc.inb(ERROR) == ABRT
    assert pc.command(0xE7) == READY | FAULT | ERR


def test_what_is_no_disk(tmp_path) -> None:
    small = tmp_path / "small"
    small.write_bytes(bytes(511))
    with pytest.raises(DeviceError):
        Disk(small)
    with pytest.raises(OSError):
        Disk(tmp_path / "none")
    small.write_bytes(bytes(512))
    small.chmod(0o400)
    disk = Disk(small, "ro")
    assert disk.sectors == 1 and not disk.writable
    disk.close()
    disk.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 70), st.integers(1, 20), st.sampled_from([1, 2, 8, 16])),
                max_size=8))
def test_the_disk_is_an_array(ports, line, tmp_path, steps) -> None:
    path = tmp_path / "array"
    model = [bytes(512)] * 64
    path.write_bytes(b"".join(model))
    disk = Disk(path)
    pc = Pc(ports, line, disk)
    for number, (writing, lba, count, multiple) in enumerate(steps):
        pc.command(SET_MULTIPLE, count=multiple)
        status = pc.command(WRITE_MULTIPLE if writing else READ_MULTIPLE, lba, count)
        at = lba
        while status & DRQ:
            sectors = min(multiple, lba + count - at)
            if writing:
                data = [bytes([number + 1, at + i]) * 256 for i in range(sectors)]
                pc.put(b"".join(data))
                for i, each in enumerate(data):
                    if at + i < 64:
                        model[at + i] = each
            else:
                sectors = min(sectors, 64 - at)
                assert pc.get(sectors) == b"".join(model[at:at + sectors])
            at += sectors
            status = pc.inb(STATUS)
        assert status == (READY if lba + count <= 64 else READY | ERR)
    disk.close()
    assert path.read_bytes() == b"".join(model)
