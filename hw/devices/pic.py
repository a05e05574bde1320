"""The two 8259A interrupt controllers of a PC (Intel 8259A data sheet; ELCR: Intel 82371 PIIX)."""

from __future__ import annotations

from hw.bus import Device, Line, Saved

CASCADE = 2
_INIT, _NEEDS_ICW4, _SINGLE, _LEVEL = 0x10, 0x01, 0x02, 0x08  # ICW1
_AUTO_EOI, _SPECIAL_NESTED = 0x02, 0x10  # ICW4
_OCW3, _POLL = 0x08, 0x04
_ROTATE, _SPECIFIC, _EOI = 0x80, 0x40, 0x20  # OCW2


class Pic8259(Saved):
    """One controller with eight inputs. It raises no line itself: who changes it asks ``level`` again."""

    saved = ("lines", "edges", "in_service", "mask", "edge_level", "base", "icw", "icw1", "icw4", "lowest",
             "rotate_auto", "special_mask", "read_in_service", "polled")

    def __init__(self, cascade: int) -> None:
        """``cascade``: a bit for each input that has another controller on it."""
        self.cascade = cascade
        self.lines = 0
        self.reset()

    def reset(self) -> None:
        """As after power-on, except for what is asserted from outside: every input is masked until ICW1."""
        self.edges = self.in_service = 0
        self.mask = 0xFF
        self.edge_level = 0
        self.base = 0
        self.icw = 0  # which initialisation word comes next, 0 none
        self.icw1 = self.icw4 = 0
        self.lowest = 7
        self.rotate_auto = self.special_mask = self.read_in_service = self.polled = False

    def set_line(self, level: int, asserted: bool) -> None:
        """Change one input. A request that goes away before it is acknowledged is lost."""
        bit = 1 << level
        if not asserted:
            self.lines &= ~bit
            self.edges &= ~bit
        elif not self.lines & bit:
            self.lines |= bit
            self.edges |= bit

    @property
    def requests(self) -> int:
        """The interrupt request register."""
        triggered = 0xFF if self.icw1 & _LEVEL else self.edge_level
        return self.edges & ~triggered | self.lines & triggered

    def _first(self, bits: int) -> int:
        """How far the highest priority of ``bits`` is from the top: 0 to 7, 8 for none."""
        turned = (bits << 8 | bits) >> self.lowest + 1 & 0xFF
        return (turned & -turned).bit_length() - 1 if turned else 8

    def level(self) -> int | None:
        """The input whose interrupt is due, None for none."""
        requests = self.requests & ~self.mask
        if not requests:
            return None
        first = self._first(requests)
        level = self.lowest + 1 + first & 7
        serving = self.in_service & ~self.mask if self.special_mask else self.in_service
        if self.icw4 & _SPECIAL_NESTED and 1 << level & self.cascade:
            serving &= ~(1 << level)
        return level if first < self._first(serving) else None

    def acknowledge(self) -> int | None:
        """Take the interrupt that is due into service; its input, None when it has gone (spurious)."""
        level = self.level()
        if level is None:
            return None
        self.edges &= ~(1 << level)
        if not self.icw4 & _AUTO_EOI:
            self.in_service |= 1 << level
        elif self.rotate_auto:
            self.lowest = level
        return level

    def command(self, value: int) -> None:
        """A write to the even port: ICW1, OCW2 or OCW3."""
        if value & _INIT:
            self.edges = self.in_service = self.mask = 0
            self.icw1, self.icw4 = value, 0
            self.lowest = 7
            self.rotate_auto = self.special_mask = self.read_in_service = self.polled = False
            self.icw = 2
        elif value & _OCW3:
            self.polled = bool(value & _POLL)
            if value & 0x02:
                self.read_in_service = bool(value & 0x01)
            if value & 0x40:
                self.special_mask = bool(value & 0x20)
        elif value & _EOI:
            self._end(value)
        elif value & _SPECIFIC:
            if value & _ROTATE:
                self.lowest = value & 7
        else:
            self.rotate_auto = bool(value & _ROTATE)

    def _end(self, command: int) -> None:
        """End of interrupt. Under special mask the non-specific one leaves masked levels in service."""
        if command & _SPECIFIC:
            level = command & 7
        else:
            first = self._first(self.in_service & ~self.mask if self.special_mask else self.in_service)
            if first == 8:
                return
            level = self.lowest + 1 + first & 7
        self.in_service &= ~(1 << level)
        if command & _ROTATE:
            self.lowest = level

    def data(self, value: int) -> None:
        """A write to the odd port: ICW2 to ICW4 while initialising, else the mask (OCW1)."""
        if self.icw == 2:
            self.base = value & 0xF8
            self.icw = 3 if not self.icw1 & _SINGLE else 4 if self.icw1 & _NEEDS_ICW4 else 0
        elif self.icw == 3:  # the wiring of the PC is fixed: what ICW3 says of it changes nothing
            self.icw = 4 if self.icw1 & _NEEDS_ICW4 else 0
        elif self.icw == 4:
            self.icw4 = value
            self.icw = 0
        else:
            self.mask = value

    def read(self, odd: int) -> int:
        """A read: the answer to a poll, the mask (odd port), the request or the in-service register."""
        if self.polled:
            self.polled = False
            level = self.acknowledge()
            return 0 if level is None else 0x80 | level
        if odd:
            return self.mask
        return self.in_service if self.read_in_service else self.requests


class Pic8259Pair(Device):
    """Master and slave, the slave at input 2 of the master; 15 interrupt requests.

    ``output`` is driven as the INTR pin of the CPU. In edge mode a request must stay asserted until it is
    acknowledged; where it does not, the CPU gets the spurious vector of IRQ 7 or, from the slave, IRQ 15.
    """

    name = "8259"
    ports = ((0x20, 2), (0xA0, 2), (0x4D0, 2))
    saved = ("master", "slave")

    def __init__(self, output: Line) -> None:
        self.output = output
        self.master = Pic8259(cascade=1 << CASCADE)
        self.slave = Pic8259(cascade=0)

    def reset(self) -> None:
        """As after power-on. What devices assert stays asserted."""
        self.master.reset()
        self.slave.reset()
        self._update()

    def irq(self, number: int) -> Line:
        """The setter of interrupt request 0 to 15; ValueError for another one and for the cascade, 2."""
        if not 0 <= number < 16 or number == CASCADE:
            raise ValueError(f"no device can have IRQ {number}")
        pic = self.slave if number & 8 else self.master

        def set_line(asserted: bool) -> None:
            pic.set_line(number & 7, asserted)
            self._update()

        return set_line

    def _update(self) -> None:
        self.master.set_line(CASCADE, self.slave.level() is not None)
        self.output(self.master.level() is not None)

    def acknowledge(self) -> int:
        """The CPU's interrupt acknowledge cycle: the vector."""
        level = self.master.acknowledge()
        if level is None:
            vector = self.master.base + 7
        elif level == CASCADE:
            level = self.slave.acknowledge()
            vector = self.slave.base + (7 if level is None else level)
            # The slave lets its output fall with the first pulse: a further request is a new edge.
            self.master.set_line(CASCADE, False)
        else:
            vector = self.master.base + level
        self._update()
        return vector

    def port_read(self, port: int, size: int) -> int:
        if port >= 0x4D0:
            return (self.slave if port & 1 else self.master).edge_level
        pic = self.slave if port & 0x80 else self.master
        if pic.polled and pic is self.slave:
            self.master.set_line(CASCADE, False)
        value = pic.read(port & 1)
        self._update()
        return value

    def port_write(self, port: int, size: int, value: int) -> None:
        if port == 0x4D0:
            self.master.edge_level = value & 0xF8
        elif port == 0x4D1:
            self.slave.edge_level = value & 0xDE
        else:
            pic = self.slave if port & 0x80 else self.master
            (pic.data if port & 1 else pic.command)(value)
        self._update()
