"""An IDE channel with up to two disks, by PIO and 28-bit addresses (ATA/ATAPI-4, ANSI NCITS 317)."""

from __future__ import annotations

import struct

from hw.bus import Device, Line, Saved, no_line
from hw.devices.disk import SECTOR, Disk

HEADS, SECTORS = 16, 63
MAX_MULTIPLE = 16
LBA_LIMIT = 1 << 28

_ERR, _DRQ, _DSC, _FAULT, _DRDY, _BSY = 0x01, 0x08, 0x10, 0x20, 0x40, 0x80  # status
_PASSED, _ABORTED, _NOT_FOUND, _BAD_DATA = 0x01, 0x04, 0x10, 0x40  # error
_LBA, _SLAVE = 0x40, 0x10  # device register
_DATA, _DEVICE, _COMMAND = 0, 6, 7
_NAMES = ("", "features", "count", "low", "mid", "high", "device")  # the registers between, as a Drive has them
_NO_INTERRUPT, _SOFT_RESET = 0x02, 0x04  # device control


class Drive(Saved):
    """One disk of the channel: its task file and the transfer under way. It is never seen busy."""

    saved = ("features", "error", "count", "low", "mid", "high", "device", "status", "heads", "sectors", "multiple",
             "cache", "writing", "next", "left", "group", "buffer", "at", "end", "waits", "medium")

    def __init__(self, medium: Disk, serial: str) -> None:
        self.medium = medium
        self.serial = serial
        self.buffer = bytearray(MAX_MULTIPLE * SECTOR)
        self.reset()

    def reset(self) -> None:
        """As after power-on."""
        self.heads, self.sectors = HEADS, SECTORS  # of the present translation
        self.multiple = 0  # sectors of a block of READ and WRITE MULTIPLE, 0: not set
        self.cache = True
        self.soft_reset()

    def soft_reset(self) -> None:
        """Break off, pass the self test and show the signature of a disk."""
        self.features = self.mid = self.high = self.device = 0
        self.error = _PASSED
        self.count = self.low = 1
        self.status = _DRDY | _DSC
        self.writing = self.waits = False  # waits: an interrupt is pending
        self.next = self.left = 0  # the first sector of this block, sectors still to move
        self.group = 1  # sectors of a block
        self.at = self.end = 0  # the place in the buffer, the end of its data

    # Addresses

    @property
    def cylinders(self) -> int:
        """Cylinders of the present translation."""
        return min(self.medium.sectors // (self.heads * self.sectors), 16383)

    def _address(self) -> int:
        """The sector that the task file names; one behind the last where there is none of that name."""
        if self.device & _LBA:
            return (self.device & 15) << 24 | self.high << 16 | self.mid << 8 | self.low
        cylinder, head = self.high << 8 | self.mid, self.device & 15
        if not 0 < self.low <= self.sectors or head >= self.heads or cylinder >= self.cylinders:
            return LBA_LIMIT
        return (cylinder * self.heads + head) * self.sectors + self.low - 1

    def _show(self, sector: int) -> None:
        """Let the task file name ``sector``."""
        if self.device & _LBA:
            high, low = sector >> 24 & 15, sector & 0xFF
            cylinder = sector >> 8
        else:
            track, low = divmod(sector, self.sectors)
            low += 1
            cylinder, high = divmod(track, self.heads)
        self.low, self.mid, self.high = low, cylinder & 0xFF, cylinder >> 8 & 0xFF
        self.device = self.device & 0xF0 | high

    def _has(self, sector: int) -> bool:
        return sector < min(self.medium.sectors, LBA_LIMIT)

    # Commands

    def command(self, code: int) -> None:
        """Carry a command out as far as it goes without data from the host."""
        self.status = _DRDY | _DSC
        self.error = self.at = self.end = self.left = 0
        self.writing = False
        if code in (0x20, 0x21, 0x30, 0x31):
            self._transfer(bool(code & 0x10), 1)
        elif code in (0xC4, 0xC5) and self.multiple:
            self._transfer(bool(code & 1), self.multiple)
        elif code == 0xEC:
            self._offer(self._identity())
        elif code in (0x40, 0x41):
            self._verify()
        elif 0x70 <= code < 0x80:
            self._finish(0 if self._has(self._address()) else _NOT_FOUND)
        elif code == 0x91:
            self.sectors, self.heads = self.count or 256, (self.device & 15) + 1
            self._finish()
        elif code == 0xC6 and self.count in (0, 1, 2, 4, 8, MAX_MULTIPLE):
            self.multiple = self.count
            self._finish()
        elif code == 0xE7:
            self._flush()
        elif code == 0xEF:
            self._set_features()
        elif code == 0xF8 and self.device & _LBA:
            self._show(min(self.medium.sectors, LBA_LIMIT) - 1)
            self._finish()
        elif 0x10 <= code < 0x20 or code in (0xE0, 0xE1, 0xE2, 0xE3, 0xE5, 0xE6):  # recalibrate, power
            if code == 0xE5:
                self.count = 0xFF  # active
            self._finish()
        else:
            self._finish(_ABORTED)

    def _finish(self, error: int = 0, fault: int = 0) -> None:
        """The command is over: interrupt."""
        self.at = self.end = self.left = 0
        self.writing = False
        self.error = error
        self.status = _DRDY | _DSC | fault | (_ERR if error else 0)
        self.waits = True

    def _transfer(self, writing: bool, group: int) -> None:
        if writing and not self.medium.writable:
            self._finish(_ABORTED)
            return
        self.writing, self.group = writing, group
        self.next, self.left = self._address(), self.count or 256
        if not self._has(self.next):
            self._finish(_NOT_FOUND)
        elif writing:
            self._ask()
        else:
            self._read_block()

    def _offer(self, data: bytes) -> None:
        """Let the host read ``data``: DRQ and an interrupt."""
        self.at, self.end = 0, len(data)
        self.buffer[:self.end] = data
        self.status = _DRDY | _DSC | _DRQ
        self.waits = True

    def _read_block(self) -> None:
        """Offer the next block, up to the first sector that cannot be read; fail where that is the first."""
        data = b""
        error = 0
        for sector in range(self.next, self.next + min(self.group, self.left)):
            if not self._has(sector):
                error = _NOT_FOUND
                break
            try:
                data += self.medium.read(sector)
            except OSError:
                error = _BAD_DATA
                break
        self._show(self.next)
        if data:
            self._offer(data)
        else:
            self._finish(error)

    def _ask(self) -> None:
        """Let the host write the next block."""
        self.at, self.end = 0, min(self.group, self.left) * SECTOR
        self.status = _DRDY | _DSC | _DRQ

    def _moved(self) -> None:
        """The block in the buffer has passed the data port."""
        sectors = self.end // SECTOR
        self.status = _DRDY | _DSC
        if not self.left:  # IDENTIFY DEVICE
            self.at = self.end = 0
            return
        if self.writing and not self._store(sectors):
            return
        self.next += sectors
        self.left -= sectors
        self.count = self.left & 0xFF
        if self.left and self.writing:
            self._ask()
            self.waits = True
        elif self.left:
            self._read_block()
        else:
            self._show(self.next - 1)
            self.waits = self.writing
            self.writing = False
            self.at = self.end = 0

    def _store(self, sectors: int) -> bool:
        """Write the block in the buffer; at the first sector that fails the command ends."""
        for index in range(sectors):
            sector = self.next + index
            try:
                if not self._has(sector):
                    self._show(sector)
                    self._finish(_NOT_FOUND)
                    return False
                self.medium.write(sector, bytes(self.buffer[index * SECTOR:(index + 1) * SECTOR]))
            except OSError:
                self._show(sector)
                self._finish(_ABORTED, _FAULT)
                return False
        return True

    def read_data(self, size: int) -> int:
        """A read of the data port."""
        if not self.status & _DRQ or self.writing:
            return (1 << 8 * size) - 1
        at = self.at
        self.at = at + size
        value = int.from_bytes(self.buffer[at:min(self.at, self.end)], "little")
        if self.at >= self.end:
            self._moved()
        return value

    def write_data(self, size: int, value: int) -> None:
        """A write of the data port."""
        if not self.status & _DRQ or not self.writing:
            return
        at = self.at
        self.at = min(at + size, self.end)
        self.buffer[at:self.at] = value.to_bytes(size, "little")[:self.at - at]
        if self.at == self.end:
            self._moved()

    def _verify(self) -> None:
        first, count = self._address(), self.count or 256
        bad = next((sector for sector in range(first, first + count) if not self._has(sector)), None)
        if bad is not None and self._has(first):
            self._show(bad)
        self._finish(0 if bad is None else _NOT_FOUND)

    def _flush(self) -> None:
        try:
            self.medium.flush()
        except OSError:
            self._finish(_ABORTED, _FAULT)
        else:
            self._finish()

    def _set_features(self) -> None:
        if self.features in (0x02, 0x82):
            self.cache = self.features == 0x02
        elif self.features == 0x03:  # transfer mode: PIO only
            if self.count not in (0x00, 0x01, *range(0x08, 0x0D)):
                self._finish(_ABORTED)
                return
        elif self.features not in (0x55, 0xAA, 0x66, 0xCC):
            self._finish(_ABORTED)
            return
        self._finish()

    def _identity(self) -> bytes:
        """The 256 words of IDENTIFY DEVICE. In its texts the first character is the high byte of a word."""
        words = [0] * 256
        total = min(self.medium.sectors, LBA_LIMIT - 1)
        default_cylinders = min(self.medium.sectors // (HEADS * SECTORS), 16383)
        words[0], words[1], words[3], words[6] = 0x0040, default_cylinders, HEADS, SECTORS
        for first, length, text in ((10, 20, self.serial), (23, 8, "1.0"), (27, 40, "HIGHMEM DISK")):
            words[first:first + length // 2] = struct.unpack(f">{length // 2}H", text.ljust(length).encode())
        words[47] = 0x8000 | MAX_MULTIPLE
        words[49] = 0x0200  # LBA
        words[51] = 0x0200
        words[53] = 0x0003
        capacity = self.cylinders * self.heads * self.sectors
        words[54:59] = [self.cylinders, self.heads, self.sectors, capacity & 0xFFFF, capacity >> 16]
        words[59] = 0x0100 | self.multiple if self.multiple else 0
        words[60:62] = [total & 0xFFFF, total >> 16]
        words[64], words[67], words[68] = 0x0003, 120, 120  # PIO modes 3 and 4, their cycle in ns
        words[80] = 0x001E  # ATA-1 to ATA-4
        words[82:85] = [0x0020, 0x5000, 0x4000]  # write cache, FLUSH CACHE
        words[85:88] = [0x0020 if self.cache else 0, 0x1000, 0x4000]
        return struct.pack("<256H", *words)


class IdeChannel(Device):
    """The primary channel, ports 0x1F0 to 0x1F7 and 0x3F6, on IRQ 14; or another one at other ports.

    Without any disk its ports float. An absent slave beside a master reads as status 0 and takes no command.
    """

    name = "ide"
    saved = ("select", "control", "drives")

    def __init__(self, irq: Line = no_line, master: Disk | None = None, slave: Disk | None = None,
                 base: int = 0x1F0, control: int = 0x3F6) -> None:
        self.irq = irq
        self.base = base
        self.ports = ((base, 8), (control, 1))
        self.drives = [None if disk is None else Drive(disk, f"HM{base:04X}{index}")
                       for index, disk in enumerate((master, slave))]
        self.reset()

    def reset(self) -> None:
        for drive in self.drives:
            if drive is not None:
                drive.reset()
        self.select = 0
        self.control = 0
        self._update()

    def port_width(self, port: int) -> int:
        return 4 if port == self.base else 1

    def _update(self) -> None:
        drive = self.drives[self.select]
        self.irq(drive is not None and drive.waits and not self.control & _NO_INTERRUPT)

    def port_read(self, port: int, size: int) -> int:
        register = port - self.base
        drive = self.drives[self.select]
        if register == _DATA:
            if drive is None:
                return (1 << 8 * size) - 1
            value = drive.read_data(size)
            if not drive.at:  # a block ended
                self._update()
            return value
        present = drive or self.drives[0] or self.drives[1]
        if present is None:
            return 0xFF
        if not 0 < register < _COMMAND:
            if self.control & _SOFT_RESET:
                return _BSY
            if drive is None:
                return 0
            if register == _COMMAND:  # the alternate status leaves the interrupt pending
                drive.waits = False
                self._update()
            return drive.status
        return (present.error, present.count, present.low, present.mid, present.high,
                present.device & 0xEF | self.select << 4 | 0xA0)[register - 1]

    def port_write(self, port: int, size: int, value: int) -> None:
        register = port - self.base
        drive = self.drives[self.select]
        if register == _DATA:
            if drive is not None:
                drive.write_data(size, value)
                if not drive.at:
                    self._update()
            return
        if 0 < register < _COMMAND:
            self._write_task_file(register, value)
        elif register == _COMMAND:
            if value == 0x90:
                self._diagnose()
            elif drive is not None and not self.control & _SOFT_RESET:
                drive.waits = False
                self._update()  # lets the line fall: what comes is a new edge
                drive.command(value)
        else:
            fell = self.control & _SOFT_RESET and not value & _SOFT_RESET
            self.control = value & (_NO_INTERRUPT | _SOFT_RESET)
            if fell:
                self._soft_reset()
        self._update()

    def _write_task_file(self, register: int, value: int) -> None:
        """Both drives hear it."""
        for drive in self.drives:
            if drive is not None:
                setattr(drive, _NAMES[register], value)
        if register == _DEVICE:
            self.select = 1 if value & _SLAVE else 0

    def _soft_reset(self) -> None:
        for drive in self.drives:
            if drive is not None:
                drive.soft_reset()
        self.select = 0

    def _diagnose(self) -> None:
        """EXECUTE DEVICE DIAGNOSTIC: both drives do it, the master answers."""
        self._soft_reset()
        if self.drives[0] is not None:
            self.drives[0].waits = True
