"""The real-time clock and its battery-backed memory (Motorola MC146818; memory sizes as SeaBIOS reads them)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from hw.bus import Device, Line, no_line
from hw.clock import Timer, VirtualClock

INDEX, DATA = 0x70, 0x71
#: The first moment of 2000-01-01, in seconds since 1970: when the machine starts, unless it is told otherwise.
EPOCH = 946_684_800

_SECOND = 1_000_000_000
_CRYSTAL = 32_768
_DAY = 86_400
#: The time registers cannot be read from 244 us before an update until its end, 1984 us later.
_UPDATE_NS = 2_228_000
_SECONDS, _MINUTES, _HOURS, _WEEKDAY, _DATE, _MONTH, _YEAR = 0, 2, 4, 6, 7, 8, 9
_A, _B, _C, _D, SHUTDOWN, _CENTURY = 0x0A, 0x0B, 0x0C, 0x0D, 0x0F, 0x32
_TIME = (_SECONDS, _MINUTES, _HOURS, _WEEKDAY, _DATE, _MONTH, _YEAR, _CENTURY)
_SET, _BINARY, _HOURS_24 = 0x80, 0x04, 0x02  # of register B
_PERIODIC, _ALARM, _UPDATE = 0x40, 0x20, 0x10  # enable bits of B and flags of C
_ANY = 0xC0  # an alarm byte with both bits set matches always


class Cmos(Device):
    """128 bytes of memory, the first 14 a clock that follows virtual time. It drives IRQ 8.

    The clock is armed while an interrupt of it is enabled. ``nmi_masked`` is bit 7 of port 0x70.
    """

    name = "cmos"
    ports = ((INDEX, 2),)
    saved = ("index", "nmi_masked", "memory", "zero", "weekday", "looked")

    def __init__(self, clock: VirtualClock, irq: Line = no_line, below_4g: int = 16 << 20, above_4g: int = 0,
                 cpus: int = 1, epoch: int = EPOCH) -> None:
        """``below_4g``, ``above_4g``: where RAM ends below 4 GB, and bytes of it above.

        ``epoch``: what the clock shows at virtual time 0, seconds since 1970-01-01 00:00.
        """
        self.clock = clock
        self.irq = irq
        self._epoch = epoch
        self._sizes = below_4g, above_4g, cpus
        self._timer: Timer | None = None
        self.reset()

    def reset(self) -> None:
        """As firmware sets it up: BCD, 24 hours, no interrupts, memory sizes filled in."""
        self.index = 0
        self.nmi_masked = False
        self.memory = bytearray(128)
        self.memory[_A], self.memory[_B] = 0x26, _HOURS_24
        self.zero = self._epoch * _SECOND  # ns since 1970 at virtual time 0
        self.weekday = 0  # by how much the day of the week is not that of the date
        self.looked = self.clock.now  # until when the flags of register C are up to date
        below, above, cpus = self._sizes
        extended = max(min((below >> 10) - 1024, 0xFFFF), 0)
        above_16m = max(min((below >> 16) - 256, 0xFFFF), 0)
        for index, size, value in ((0x15, 2, 640), (0x17, 2, extended), (0x30, 2, extended), (0x34, 2, above_16m),
                                   (0x5B, 3, above >> 16), (0x5F, 1, cpus - 1), (0x14, 1, 0x02)):
            self.memory[index:index + size] = value.to_bytes(size, "little")
        self._update()

    def state(self) -> dict[str, object]:
        self._look()
        return super().state()

    def load_state(self, state: Mapping[str, object]) -> None:
        super().load_state(state)
        self._update()

    @property
    def shutdown_code(self) -> int:
        """What the program wants from the next reset, register 0x0F."""
        return self.memory[SHUTDOWN]

    # Time

    @property
    def _stopped(self) -> bool:
        """Whether SET holds the clock: its registers are then like memory."""
        return bool(self.memory[_B] & _SET)

    def _now(self) -> int:
        """The clock's time in ns since 1970."""
        return self.clock.now + self.zero

    def _encode(self, value: int) -> int:
        return value if self.memory[_B] & _BINARY else value // 10 << 4 | value % 10

    def _decode(self, value: int) -> int:
        return value if self.memory[_B] & _BINARY else (value >> 4) * 10 + (value & 15)

    def _encode_hour(self, hour: int) -> int:
        if self.memory[_B] & _HOURS_24:
            return self._encode(hour)
        return self._encode((hour + 11) % 12 + 1) | (hour >= 12) << 7

    def _decode_hour(self, value: int) -> int:
        if self.memory[_B] & _HOURS_24:
            return self._decode(value)
        return self._decode(value & 0x7F) % 12 + (12 if value & 0x80 else 0)

    def _read_time(self) -> dict[int, int]:
        """The time registers as they are now."""
        date = datetime(1970, 1, 1) + timedelta(seconds=self._now() // _SECOND)
        fields = {_SECONDS: date.second, _MINUTES: date.minute, _DATE: date.day, _MONTH: date.month,
                  _YEAR: date.year % 100, _CENTURY: date.year // 100,
                  _WEEKDAY: (date.isoweekday() + self.weekday) % 7 + 1}
        return {_HOURS: self._encode_hour(date.hour)} | {at: self._encode(value) for at, value in fields.items()}

    def _set_time(self, registers: Mapping[int, int]) -> None:
        """Go on from what the registers say; what is no date (a 31st of February) is the day that it counts to."""
        fields = {register: self._decode(value) for register, value in registers.items()}
        year = min(max(fields[_CENTURY] * 100 + fields[_YEAR], 1), 9900)
        date = datetime(year, min(max(fields[_MONTH], 1), 12), 1) + timedelta(
            days=max(fields[_DATE], 1) - 1, hours=self._decode_hour(registers[_HOURS]), minutes=fields[_MINUTES],
            seconds=fields[_SECONDS])
        seconds = (date - datetime(1970, 1, 1)) // timedelta(seconds=1)
        self.zero = seconds * _SECOND + self._now() % _SECOND - self.clock.now
        self.weekday = (fields[_WEEKDAY] - 1 - date.isoweekday()) % 7

    # Interrupts

    def _period(self) -> int:
        """Crystal clocks from one periodic interrupt to the next, 0 for never."""
        rate = self.memory[_A] & 15
        if rate == 0 or self.memory[_A] & 0x70 != 0x20:
            return 0
        return 1 << (rate - 1 if rate > 2 else rate + 6)

    def _next_periodic(self, ns: int) -> int | None:
        """The first moment of virtual time after ``ns`` with a periodic interrupt."""
        period = self._period()
        if not period:
            return None
        count = (ns * _CRYSTAL // _SECOND // period + 1) * period
        return -(-count * _SECOND // _CRYSTAL)

    def _next_update(self, ns: int) -> int | None:
        if self._stopped or self.memory[_A] & 0x70 != 0x20:
            return None
        return ((ns + self.zero) // _SECOND + 1) * _SECOND - self.zero

    def _next_alarm(self, ns: int) -> int | None:
        first = self._next_update(ns)
        if first is None:
            return None
        start = (first + self.zero) // _SECOND
        hours, minutes, seconds = (
            range(limit) if value & _ANY == _ANY else [decode(value)]
            for limit, value, decode in ((24, self.memory[5], self._decode_hour), (60, self.memory[3], self._decode),
                                         (60, self.memory[1], self._decode)))
        time = start % _DAY
        for day in (0, _DAY):
            for hour in hours:
                for minute in minutes:
                    at = day + hour * 3600 + minute * 60
                    if at + 59 < time:
                        continue
                    for second in seconds:
                        if at + second >= time and hour < 24 and minute < 60 and second < 60:
                            return (start - time + at + second) * _SECOND - self.zero
        return None

    def _events(self) -> list[tuple[int, Callable[[int], int | None]]]:
        return [(_PERIODIC, self._next_periodic), (_ALARM, self._next_alarm), (_UPDATE, self._next_update)]

    def _look(self) -> None:
        """Set the flags of what has happened since the last look."""
        now = self.clock.now
        for flag, following in self._events():
            if not self.memory[_C] & flag:
                at = following(self.looked)
                if at is not None and at <= now:
                    self.memory[_C] |= flag
        self.looked = now

    def _update(self) -> None:
        """Show the interrupt line as the flags are and arm the clock for the next enabled event."""
        self._look()
        active = self.memory[_B] & self.memory[_C] & 0x70
        self.memory[_C] = self.memory[_C] & 0x70 | (0x80 if active else 0)
        self.irq(bool(active))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = [following(self.looked) for flag, following in self._events()
                if self.memory[_B] & flag and not self.memory[_C] & flag]
        deadline = min((end for end in ends if end is not None), default=None)
        if deadline is not None:
            self._timer = self.clock.at(deadline, self._update)

    # Registers

    def port_read(self, port: int, size: int) -> int:
        if port == INDEX:
            return 0xFF
        if self.index in _TIME and not self._stopped:
            return self._read_time()[self.index]
        if self.index == _A:
            until = -self._now() % _SECOND  # ns until the update has ended
            return self.memory[_A] | (0x80 if 0 < until <= _UPDATE_NS and not self._stopped else 0)
        if self.index == _C:
            self._update()
            flags = self.memory[_C]
            self.memory[_C] = 0
            self._update()
            return flags
        return 0x80 if self.index == _D else self.memory[self.index]

    def port_write(self, port: int, size: int, value: int) -> None:
        if port == INDEX:
            self.index = value & 0x7F
            self.nmi_masked = bool(value & 0x80)
            return
        if self.index in (_C, _D):
            return
        self._look()
        if self.index in _TIME and not self._stopped:
            self._set_time(self._read_time() | {self.index: value})
        elif self.index == _B:
            self._set_mode(value)
        else:
            self.memory[self.index] = value & 0x7F if self.index == _A else value
        self._update()

    def _set_mode(self, value: int) -> None:
        was = self._stopped
        if value & _SET and not was:
            for register, byte in self._read_time().items():
                self.memory[register] = byte
        self.memory[_B] = value & ~_UPDATE if value & _SET else value
        if was and not value & _SET:
            self._set_time({register: self.memory[register] for register in _TIME})
