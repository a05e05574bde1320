"""The 8254 interval timer and port 0x61, which gates its third channel (Intel 8254 data sheet; IBM PC/AT)."""

from __future__ import annotations

from collections.abc import Mapping

from hw.bus import Device, Line, Saved, no_line
from hw.clock import Timer, VirtualClock

PIT_HZ = 1_193_182
_SECOND = 1_000_000_000
#: Clocks from one refresh request to the next, as firmware programs channel 1.
_REFRESH = 18


def tick_of(ns: int) -> int:
    """Input clocks of the timer that have passed at ``ns`` of virtual time."""
    return ns * PIT_HZ // _SECOND


def ns_of(tick: int) -> int:
    """The first nanosecond of that clock."""
    return -(-tick * _SECOND // PIT_HZ)


def _from_bcd(value: int) -> int:
    return sum((value >> 4 * digit & 15) * 10**digit for digit in range(4))


class Channel(Saved):
    """One counter. ``tick`` is the present time in input clocks, everywhere.

    It does not count: its value and output follow from how many clocks have ``elapsed`` since ``count`` was
    loaded at clock ``start``. ``held`` is what had elapsed when the gate stopped it, None while it counts.
    """

    saved = ("mode", "bcd", "access", "count", "start", "held", "running", "next_count", "switch", "idle", "gate",
             "low_byte", "high_next", "latch", "status")

    def __init__(self, gate: bool) -> None:
        self._gate = gate
        self.reset()

    def reset(self) -> None:
        """Nothing is loaded and nothing counts until a mode and a count are written."""
        self.mode = 3
        self.bcd = False
        self.access = 3
        self.count = self.start = 0
        self.held: int | None = None
        self.running = False
        self.next_count: int | None = None  # written, not yet taken over
        self.switch = 0  # when a running mode 2 or 3 takes it over
        self.idle = 0
        self.gate = self._gate
        self.low_byte: int | None = None
        self.high_next = False
        self.latch: list[int] = []
        self.status: int | None = None

    def elapsed(self, tick: int) -> int:
        """Clocks since the count was loaded; -1 between writing a count and the clock that loads it."""
        if self.next_count is not None and self.mode in (2, 3) and self.running and tick >= self.switch:
            low_half = self.mode == 3 and (self.switch - self.start) % self.count
            self.count, self.next_count = self.next_count, None
            self.start = self.switch - (self.count + 1 >> 1 if low_half else 0)
        return tick - self.start if self.held is None else self.held

    def value(self, tick: int) -> int:
        """The counting element, in binary."""
        if not self.running:
            return self.idle
        elapsed = self.elapsed(tick)
        modulus = 10_000 if self.bcd else 0x1_0000
        if elapsed < 0:
            return self.count % modulus
        if self.mode == 2:
            return (self.count - elapsed % self.count) % modulus
        if self.mode == 3:
            phase, high = elapsed % self.count, self.count + 1 >> 1
            return ((self.count & ~1) - 2 * (phase if phase < high else phase - high)) % modulus
        return (self.count - elapsed) % modulus

    def out(self, tick: int) -> bool:
        """The output pin."""
        if not self.running:
            return self.mode != 0
        elapsed = self.elapsed(tick)
        if self.mode == 0:
            return elapsed >= self.count
        if elapsed < 0:
            return True
        if self.mode == 1:
            return elapsed >= self.count
        if self.mode in (2, 3):
            if not self.gate:
                return True
            phase = elapsed % self.count
            return phase != self.count - 1 if self.mode == 2 else phase < self.count + 1 >> 1
        return elapsed != self.count

    def next_change(self, tick: int) -> int | None:
        """The clock after ``tick`` at which the output next rises or falls, None when it stays as it is.

        Of the one-clock pulses of mode 2 only the end is given: nobody sees more of them.
        """
        if not self.running or self.held is not None:
            return None
        elapsed = self.elapsed(tick)
        if self.mode == 0:
            changes = [self.count]
        elif self.mode == 1:
            changes = [0, self.count]
        elif self.mode == 2:
            changes = [(elapsed // self.count + 1) * self.count] if elapsed >= 0 else [self.count]
        elif self.mode == 3:
            period = max(elapsed, 0) // self.count * self.count
            changes = [period + (self.count + 1 >> 1), period + self.count]
        else:
            changes = [self.count, self.count + 1]
        return next((self.start + change for change in changes if change > elapsed), None)

    def control(self, word: int, tick: int) -> None:
        """A control word for this counter: a new mode, or (access 0) latch the count."""
        if not word & 0x30:
            self.latch_count(tick)
            return
        self.idle = self.value(tick)
        self.running = False
        self.mode = word >> 1 & 7
        if self.mode > 5:
            self.mode &= 3
        self.bcd = bool(word & 1)
        self.access = word >> 4 & 3
        self.next_count = self.low_byte = self.status = self.held = None
        self.high_next = False
        self.latch = []

    def latch_count(self, tick: int) -> None:
        """Freeze the count for reading; without effect while a frozen one is unread."""
        if not self.latch:
            value = self.value(tick)
            if self.bcd:
                value = int(str(value), 16)
            self.latch = [value & 0xFF, value >> 8][self.access == 2:None if self.access & 2 else 1]

    def latch_status(self, tick: int) -> None:
        """Freeze the status: output, null count, access, mode, BCD."""
        if self.status is None:
            null = not self.running or self.elapsed(tick) < 0 or self.next_count is not None
            self.status = (self.out(tick) << 7 | null << 6 | self.access << 4 | self.mode << 1 | self.bcd)

    def read(self, tick: int) -> int:
        """A read of the counter's port: status, then frozen count, then the live one."""
        if self.status is not None:
            status, self.status = self.status, None
            return status
        if self.latch:
            return self.latch.pop(0)
        self.latch_count(tick)
        value = self.latch[-1 if self.high_next else 0]
        self.latch = []
        self.high_next = self.access == 3 and not self.high_next
        return value

    def write(self, value: int, tick: int) -> None:
        """A byte of a new count, in the order that the access bits say."""
        if self.access == 3 and self.low_byte is None:
            self.low_byte = value
            if self.mode == 0:  # the first byte stops it
                self.idle = self.value(tick)
                self.running = False
            return
        if self.access == 3:
            value = value << 8 | (self.low_byte or 0)
            self.low_byte = None
        elif self.access == 2:
            value <<= 8
        count = (_from_bcd(value) or 10_000) if self.bcd else value or 0x1_0000
        if self.mode in (1, 5):
            self.next_count = count
        elif self.mode in (2, 3) and self.running:
            if self.next_count is None or tick < self.switch:
                ahead = max(self.elapsed(tick), 0)
                half = self.count + 1 >> 1
                period = ahead // self.count * self.count
                early = self.mode == 3 and ahead - period < half
                self.switch = self.start + period + (half if early else self.count)
            self.next_count = count
        else:
            self._load(count, tick)

    def _load(self, count: int, tick: int) -> None:
        self.count, self.next_count = count, None
        self.start = tick + 1
        self.running = True
        self.held = None if self.gate or self.mode in (1, 5) else 0

    def set_gate(self, gate: bool, tick: int) -> None:
        """Drive the gate: it stops modes 0, 2, 3 and 4, and its rise starts modes 1, 2, 3 and 5 anew."""
        rises, falls = gate and not self.gate, self.gate and not gate
        if falls and self.running and self.mode not in (1, 5):
            self.held = self.elapsed(tick)
        self.gate = gate
        if not rises:
            return
        if self.mode in (1, 5):
            if self.next_count is not None or self.running:
                self._load(self.next_count or self.count, tick)
        elif self.running and self.mode in (2, 3):
            self._load(self.next_count or self.count, tick)
        elif self.running and self.held is not None:
            self.start, self.held = tick - self.held, None


class Pit8254(Device):
    """Three channels at 1.193182 MHz of virtual time: 0 drives IRQ 0, 1 refreshes nothing, 2 the speaker.

    The clock is armed while channel 0 counts in a mode whose output still changes, and while channel 2 does
    but once. Port 0x61: bit 0 gate of channel 2, bit 1 speaker, bit 4 refresh toggle, bit 5 output of
    channel 2.
    """

    name = "8254"
    ports = ((0x40, 4), (0x61, 1))
    saved = ("channels", "control61")

    def __init__(self, clock: VirtualClock, irq: Line = no_line) -> None:
        self.clock = clock
        self.irq = irq
        self.channels = [Channel(True), Channel(True), Channel(False)]
        self._timers: list[Timer] = []
        self._due: int | None = None  # the next change of channel 0
        self.reset()

    def reset(self) -> None:
        """All three stand still: firmware that lets channel 0 run is not modelled here."""
        for channel in self.channels:
            channel.reset()
        self.control61 = 0
        self._due = None
        self._update()

    def load_state(self, state: Mapping[str, object]) -> None:
        super().load_state(state)
        self._due = None
        self._update()

    @property
    def _tick(self) -> int:
        return tick_of(self.clock.now)

    def _update(self) -> None:
        """Show the output of channel 0 as it is now and arm the clock for its next change."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        tick = self._tick
        one, _, three = self.channels
        if self._due is not None and tick >= self._due and one.mode == 2:
            self.irq(False)
        self.irq(one.out(tick))
        self._due = one.next_change(tick)
        if self._due is not None:
            self._timers.append(self.clock.at(ns_of(self._due), self._update))
        change = None if three.mode in (2, 3) else three.next_change(tick)
        if change is not None:
            self._timers.append(self.clock.at(ns_of(change), self._update))

    def port_read(self, port: int, size: int) -> int:
        tick = self._tick
        if port == 0x61:
            return self.control61 | (tick // _REFRESH & 1) << 4 | self.channels[2].out(tick) << 5
        return 0xFF if port == 0x43 else self.channels[port & 3].read(tick)

    def port_write(self, port: int, size: int, value: int) -> None:
        tick = self._tick
        if port == 0x61:
            self.control61 = value & 0x0F
            self.channels[2].set_gate(bool(value & 1), tick)
        elif port != 0x43:
            self.channels[port & 3].write(value, tick)
        elif value >> 6 < 3:
            self.channels[value >> 6].control(value, tick)
        else:  # read-back
            for index, channel in enumerate(self.channels):
                if value & 2 << index:
                    if not value & 0x20:
                        channel.latch_count(tick)
                    if not value & 0x10:
                        channel.latch_status(tick)
        self._update()
