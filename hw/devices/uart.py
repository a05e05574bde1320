"""The 16550A serial port (National Semiconductor PC16550D data sheet)."""

from __future__ import annotations

from collections.abc import Callable

from hw.bus import Device, Line, no_line

FIFO_SIZE = 16
CLOCK_HZ = 1_843_200

_RX_READY, _OVERRUN, _TX_EMPTY = 0x01, 0x02, 0x60  # line status
_IER_RX, _IER_TX, _IER_LINE, _IER_MODEM = 1, 2, 4, 8
_LOOP = 0x10
_DLAB = 0x80
_TRIGGERS = (1, 4, 8, 14)


class Uart16550(Device):
    """A serial port whose bytes leave at once, whatever the divisor.

    What the guest sends goes to ``output``; what ``feed`` gives waits on the wire until there is room, so
    nothing is overrun (in loopback it can be). The FIFO's timeout interrupt comes without delay. The
    interrupt line does not depend on OUT2: programs of the kind that forget it are common, and emulators
    let them. A modem is connected and ready (CTS, DSR, DCD).
    """

    name = "uart"
    saved = ("rx", "waiting", "divisor", "ier", "fcr", "lcr", "mcr", "errors", "modem", "scratch", "tx_irq")

    def __init__(self, output: Callable[[bytes], None], irq: Line = no_line, base: int = 0x3F8) -> None:
        self.output = output
        self.irq = irq
        self.base = base
        self.ports = ((base, 8),)
        super().__init__()

    def reset(self) -> None:
        """Master reset: 9600 baud, FIFOs off, interrupts off; bytes that wait on the wire are dropped."""
        self.rx: list[int] = []
        self.waiting: list[int] = []
        self.divisor = 12
        self.ier = self.fcr = self.lcr = self.mcr = self.errors = self.scratch = 0
        self.modem = 0xB0
        self.tx_irq = False
        self._update()

    @property
    def baud(self) -> int:
        """The programmed rate in bits per second, 0 when the divisor is 0."""
        return CLOCK_HZ // 16 // self.divisor if self.divisor else 0

    def feed(self, data: bytes) -> None:
        """Let ``data`` arrive from outside."""
        self.waiting.extend(data)
        self._receive()
        self._update()

    def _receive(self) -> None:
        """Move what waits on the wire into the receiver; in loopback the wire is cut."""
        if self.waiting and not self.mcr & _LOOP:
            room = (FIFO_SIZE if self.fcr & 1 else 1) - len(self.rx)
            if room > 0:
                self.rx += self.waiting[:room]
                del self.waiting[:room]

    def _send(self, value: int) -> None:
        if not self.mcr & _LOOP:
            self.output(bytes([value]))
        elif self.fcr & 1 and len(self.rx) == FIFO_SIZE:
            self.errors |= _OVERRUN
        elif not self.fcr & 1 and self.rx:
            self.errors |= _OVERRUN
            self.rx[0] = value
        else:
            self.rx.append(value)
        self.tx_irq = True

    def _source(self) -> int:
        """The interrupt identification, by priority; 1 means none is pending."""
        if self.ier & _IER_LINE and self.errors:
            return 0x06
        if self.ier & _IER_RX and self.rx:
            full = not self.fcr & 1 or len(self.rx) >= _TRIGGERS[self.fcr >> 6]
            return 0x04 if full else 0x0C
        if self.ier & _IER_TX and self.tx_irq:
            return 0x02
        if self.ier & _IER_MODEM and self.modem & 0x0F:
            return 0x00
        return 0x01

    def _update(self) -> None:
        self.irq(self._source() != 1)

    def port_read(self, port: int, size: int) -> int:
        if port == self.base:
            self.irq(False)  # each byte taken or sent is a new reason to interrupt: a new edge
        value = self._read(port - self.base)
        self._update()
        return value

    def _read(self, register: int) -> int:
        if register < 2 and self.lcr & _DLAB:
            return self.divisor >> 8 * register & 0xFF
        if register == 0:
            value = self.rx.pop(0) if self.rx else 0
            self._receive()
            return value
        if register == 1:
            return self.ier
        if register == 2:
            source = self._source()
            if source == 0x02:
                self.tx_irq = False
            return source | (0xC0 if self.fcr & 1 else 0)
        if register == 3:
            return self.lcr
        if register == 4:
            return self.mcr
        if register == 5:
            value = _TX_EMPTY | self.errors | (_RX_READY if self.rx else 0)
            self.errors = 0
            return value
        if register == 6:
            value = self.modem
            self.modem &= 0xF0
            return value
        return self.scratch

    def port_write(self, port: int, size: int, value: int) -> None:
        if port == self.base:
            self.irq(False)
        self._write(port - self.base, value)
        self._update()

    def _write(self, register: int, value: int) -> None:
        if register < 2 and self.lcr & _DLAB:
            shift = 8 * register
            self.divisor = self.divisor & ~(0xFF << shift) | value << shift
        elif register == 0:
            self._send(value)
        elif register == 1:
            if value & _IER_TX and not self.ier & _IER_TX:
                self.tx_irq = True  # the transmitter is always empty
            self.ier = value & 0x0F
        elif register == 2:
            self._set_fifo(value)
        elif register == 3:
            self.lcr = value
        elif register == 4:
            self.mcr = value & 0x1F
            self._set_modem()
            self._receive()
        elif register == 7:
            self.scratch = value

    def _set_fifo(self, value: int) -> None:
        """FIFO control: switching the FIFOs on or off, or bit 1, empties the receiver."""
        if (value ^ self.fcr) & 1 or value & 3 == 3:
            self.rx.clear()
        self.fcr = value & 0xC9 if value & 1 else 0
        self._receive()

    def _set_modem(self) -> None:
        """Modem status: in loopback the four outputs DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD."""
        lines = 0xB0
        if self.mcr & _LOOP:
            lines = (self.mcr & 1) << 5 | (self.mcr & 2) << 3 | (self.mcr & 0xC) << 4
        changed = (lines ^ self.modem) >> 4
        if changed & 4 and lines & 0x40:
            changed &= ~4  # RI counts when it falls
        self.modem = lines | self.modem & 0x0F | changed
