"""The local APIC and the bus between APICs (Intel SDM vol. 3, chapter "APIC"; xAPIC mode)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from hw.bus import Device, Line
from hw.clock import Timer, VirtualClock

APIC_BASE = 0xFEE0_0000
APIC_WINDOW = 0x1000
APIC_ID = 0x20  # the register, in the window
#: Version register: xAPIC (0x14), 6 entries in the local vector table.
APIC_VERSION = 0x0005_0014

#: Delivery kinds by the number in bits 10:8 of an ICR or a redirection entry, None for a reserved one.
KINDS = ("fixed", "lowest", "smi", None, "nmi", "init", "startup", "extint")
#: The same in a local vector table entry.
_LOCAL_KINDS = ("fixed", None, "smi", None, "nmi", "init", None, "extint")

ENABLED = 0x100  # of the spurious vector register
MASKED = 0x1_0000
PERIODIC = 0x2_0000
LEVEL = 0x8000
REMOTE_IRR = 0x4000
_ASSERT = 0x4000  # of the ICR
_SEND_ILLEGAL, _RECEIVE_ILLEGAL, _ILLEGAL_REGISTER = 0x20, 0x40, 0x80  # error status
_TIMER, _LINT0, _ERROR = 0, 3, 5  # entries of the local vector table
_LVT_MASKS = (0x3_00FF, 0x1_07FF, 0x1_07FF, 0x1_A7FF, 0x1_A7FF, 0x1_00FF)
_SECOND = 1_000_000_000


class EoiListener(Protocol):
    """Who hears the end of level-triggered interrupts: an I/O APIC."""

    def eoi(self, vector: int) -> None:
        """A CPU has ended ``vector``."""


class ApicBus:
    """Carries messages to local APICs, and what is more than an interrupt on to their CPUs.

    ``deliver(cpu_index, kind, vector)`` is called for "nmi", "smi", "init" and "startup" (vector: the page
    at which the CPU starts). "fixed" and "lowest" end in a local APIC and show at its output, as "extint"
    does.
    """

    def __init__(self, deliver: Callable[[int, str, int], None]) -> None:
        self.deliver = deliver
        self.apics: list[LocalApic] = []
        self.listeners: list[EoiListener] = []

    def targets(self, destination: int, logical: bool) -> list[LocalApic]:
        """The local APICs that an 8-bit destination names; 0xFF names all of them."""
        if destination == 0xFF:
            return list(self.apics)
        if logical:
            return [apic for apic in self.apics if apic.matches(destination)]
        return [apic for apic in self.apics if apic.id == destination]

    def send(self, kind: str, vector: int, level: bool, targets: list[LocalApic]) -> bool:
        """Deliver one message; whether any APIC took it. Of several, the least busy takes a "lowest" one."""
        if kind == "lowest":
            ready = [apic for apic in targets if apic.svr & ENABLED]
            targets = [min(ready, key=lambda apic: apic.ppr)] if ready else []
        taken = False
        for apic in targets:
            if kind in ("fixed", "lowest"):
                taken |= apic.accept(vector, level)
            elif kind == "extint":
                apic.accept_external()
                taken = True
            else:
                if kind == "init":
                    apic.init()
                self.deliver(apic.cpu_index, kind, vector)
                taken = True
        return taken

    def eoi(self, vector: int) -> None:
        """Tell every I/O APIC that a level-triggered interrupt is over."""
        for listener in self.listeners:
            listener.eoi(vector)


class LocalApic(Device):
    """The interrupt controller of one CPU. Its registers are 32 bits wide, one every 16 bytes.

    ``output`` is the CPU's INTR; with it high, ``acknowledge`` gives the vector. ``external`` acknowledges
    the 8259 for an ExtINT. The timer runs at ``hertz`` of virtual time before it is divided. The APIC ID is
    the CPU's index until the guest changes it. Each CPU sees its own in the same window: it has no window on
    the Bus.
    """

    name = "lapic"
    saved = ("id", "tpr", "ldr", "dfr", "svr", "isr", "tmr", "irr", "esr", "errors", "icr_low", "icr_high", "lvt",
             "initial", "divide", "started", "stopped", "lines", "ext", "on",
             "base")

    def __init__(self, cpu_index: int, clock: VirtualClock, bus: ApicBus, output: Line,
                 external: Callable[[], int] | None = None, hertz: int = _SECOND) -> None:
        self.cpu_index = cpu_index
        self.name = f"lapic{cpu_index}"
        self.clock = clock
        self.bus = bus
        self.output = output
        self.external = external
        self.hertz = hertz
        self.lines = 0
        self._timer: Timer | None = None
        bus.apics.append(self)
        self.reset()

    def reset(self) -> None:
        """As after power-on: disabled by software, everything masked."""
        self.id = self.cpu_index
        self.on = True
        self.base = APIC_BASE
        self.init()

    def init(self) -> None:
        """As after an INIT: a reset that keeps the APIC ID."""
        self.tpr = self.ldr = self.esr = self.errors = self.icr_low = self.icr_high = 0
        self.isr = self.tmr = self.irr = 0  # bit n: vector n
        self.dfr = 0xFFFF_FFFF
        self.svr = 0xFF
        self.lvt = [MASKED] * 6
        self.initial = self.divide = self.started = 0
        self.stopped = False  # a count that has run out stays at 0 when its mode becomes periodic
        self.ext = False
        self._arm()
        self._update()

    def switch(self, on: bool) -> None:
        """IA32_APIC_BASE bit 11. While off it answers nowhere, and the 8259 leads straight to the CPU."""
        if on != self.on:
            base = self.base
            self.reset()
            self.on, self.base = on, base
            self._update()

    def virtual_wire(self) -> None:
        """As firmware leaves the first CPU: enabled, LINT0 takes the 8259's interrupts, LINT1 NMIs."""
        self.svr = ENABLED | 0xFF
        self.lvt[_LINT0] = LEVEL | 0x700
        self.lvt[_LINT0 + 1] = 0x400
        self._update()

    def load_state(self, state: Mapping[str, object]) -> None:
        super().load_state(state)
        self._arm()
        self._update()

    # Interrupts

    @property
    def ppr(self) -> int:
        """Processor priority: the task priority or that of the interrupt in service."""
        serving = self.isr.bit_length() - 1 & 0xF0 if self.isr else 0
        return self.tpr if self.tpr & 0xF0 >= serving else serving

    def pending(self) -> int | None:
        """The vector that the CPU would get now, spurious and ExtINT apart."""
        if not self.irr or not self.svr & ENABLED:
            return None
        vector = self.irr.bit_length() - 1
        return vector if vector & 0xF0 > self.ppr & 0xF0 else None

    def accept(self, vector: int, level: bool = False) -> bool:
        """Request ``vector`` 16 to 255; False while disabled. A request twice is a request once."""
        if not self.svr & ENABLED:
            return False
        if vector < 16:
            self._error(_RECEIVE_ILLEGAL)
            return False
        bit = 1 << vector
        self.irr |= bit
        self.tmr = self.tmr | bit if level else self.tmr & ~bit
        self._update()
        return True

    def accept_external(self) -> None:
        """An ExtINT message: the CPU shall ask the 8259 for the vector, once."""
        self.ext = True
        self._update()

    def acknowledge(self) -> int:
        """The CPU takes an interrupt: its vector, now in service; the spurious one when none is left."""
        vector = self.pending()
        if vector is not None:
            self.irr &= ~(1 << vector)
            self.isr |= 1 << vector
        elif self.external is not None and self._external():
            self.ext = False
            vector = self.external()
        else:
            vector = self.svr & 0xFF
        self._update()
        return vector

    def _external(self) -> bool:
        """Whether the 8259 asks, through LINT0 or LINT1 as ExtINT or by a message."""
        if not self.on:
            return bool(self.lines & 1)
        return self.ext or any(self.lines >> pin & 1 and self.lvt[_LINT0 + pin] & (MASKED | 0x700) == 0x700
                               for pin in (0, 1))

    def _update(self) -> None:
        self.output(self.pending() is not None or self._external())

    def _eoi(self) -> None:
        if not self.isr:
            return
        vector = self.isr.bit_length() - 1
        self.isr &= ~(1 << vector)
        if self.tmr >> vector & 1:
            for pin in (0, 1):
                if self.lvt[_LINT0 + pin] & 0xFF == vector:
                    self.lvt[_LINT0 + pin] &= ~REMOTE_IRR
                    self._lint(pin, rises=False)
            self.bus.eoi(vector)
        self._update()

    def _error(self, bit: int) -> None:
        self.errors |= bit
        self._fire(_ERROR)

    def _fire(self, entry: int, level: bool = False) -> None:
        """An event of the local vector table."""
        lvt = self.lvt[entry]
        if lvt & MASKED:
            return
        kind = _LOCAL_KINDS[lvt >> 8 & 7] if entry not in (_TIMER, _ERROR) else "fixed"
        if kind == "fixed":
            if lvt & 0xFF >= 16 or entry != _ERROR:  # an illegal vector there would fire itself for ever
                self.accept(lvt & 0xFF, level)
        elif kind is not None and kind != "extint":
            self.bus.send(kind, lvt & 0xFF, False, [self])

    def lint(self, pin: int) -> Line:
        """The setter of local interrupt pin 0 or 1."""
        if pin not in (0, 1):
            raise ValueError(f"no pin LINT{pin}")

        def set_line(asserted: bool) -> None:
            rises = asserted and not self.lines >> pin & 1
            self.lines = self.lines & ~(1 << pin) | asserted << pin
            self._lint(pin, rises)
            self._update()

        return set_line

    def _lint(self, pin: int, rises: bool) -> None:
        lvt = self.lvt[_LINT0 + pin]
        if lvt & (LEVEL | 0x700) == LEVEL:  # fixed and level-triggered
            if self.lines >> pin & 1 and not lvt & (MASKED | REMOTE_IRR) and self.svr & ENABLED:
                self.lvt[_LINT0 + pin] |= REMOTE_IRR
                self._fire(_LINT0 + pin, level=True)
        elif rises:
            self._fire(_LINT0 + pin)

    def matches(self, destination: int) -> bool:
        """Whether a logical destination names this APIC, in the flat or the cluster model."""
        logical = self.ldr >> 24
        if self.dfr >> 28 == 0xF:
            return bool(logical & destination)
        return destination >> 4 in (logical >> 4, 0xF) and bool(logical & destination & 0xF)

    def _send(self) -> None:
        """The low half of the ICR was written: send what it says."""
        command = self.icr_low
        kind = KINDS[command >> 8 & 7]
        vector = command & 0xFF
        shorthand = command >> 18 & 3
        if kind is None or kind == "extint" or kind == "init" and command & LEVEL and not command & _ASSERT:
            return  # the last is INIT level de-assert, which today's CPUs do not look at
        if kind in ("fixed", "lowest") and vector < 16:
            self._error(_SEND_ILLEGAL)
            return
        if shorthand == 0:
            targets = self.bus.targets(self.icr_high >> 24, bool(command & 0x800))
        elif shorthand == 1:
            targets = [self]
        else:
            targets = [apic for apic in self.bus.apics if shorthand == 2 or apic is not self]
        self.bus.send(kind, vector, False, targets)

    # The timer

    @property
    def _divisor(self) -> int:
        code = self.divide & 3 | self.divide >> 1 & 4
        return 1 << (code + 1 & 7)

    def _counts(self) -> int:
        """Counts since the timer was loaded."""
        return (self.clock.now - self.started) * self.hertz // (_SECOND * self._divisor)

    def current_count(self) -> int:
        """The timer's current count."""
        if not self.initial or self.stopped:
            return 0
        counts = self._counts()
        if self.lvt[_TIMER] & PERIODIC:
            return self.initial - counts % self.initial
        return max(self.initial - counts, 0)

    def _arm(self) -> None:
        """Arm the clock for the moment at which the count is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.initial or self.stopped:
            return
        periods = self._counts() // self.initial
        if periods and not self.lvt[_TIMER] & PERIODIC:
            return
        counts = (periods + 1) * self.initial * self._divisor
        self._timer = self.clock.at(self.started - -counts * _SECOND // self.hertz, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._arm()
        self._fire(_TIMER)

    def _rebase(self, done: int) -> None:
        """Go on after ``done`` counts, with a new divisor or in a new mode."""
        self.started = self.clock.now - done * self._divisor * _SECOND // self.hertz
        self._arm()

    # Registers

    def mmio_read(self, offset: int, size: int) -> int:
        if not self.on:
            return 0xFFFF_FFFF
        return self._read(offset & 0xFF0) >> 8 * (offset & 3) if offset & 0xC == 0 else 0

    def _read(self, register: int) -> int:
        if register == 0x20:
            return self.id << 24
        if register == 0x30:
            return APIC_VERSION
        if register == 0x80:
            return self.tpr
        if register in (0x90, 0xA0):
            return self.ppr
        if register == 0xD0:
            return self.ldr
        if register == 0xE0:
            return self.dfr
        if register == 0xF0:
            return self.svr
        if 0x100 <= register < 0x280:
            bits = (self.isr, self.tmr, self.irr)[(register >> 7) - 2]
            return bits >> (register >> 4 & 7) * 32 & 0xFFFF_FFFF
        if register == 0x280:
            return self.esr
        if register == 0x300:
            return self.icr_low
        if register == 0x310:
            return self.icr_high
        if 0x320 <= register <= 0x370:
            return self.lvt[(register >> 4) - 0x32]
        if register == 0x380:
            return self.initial
        if register == 0x390:
            return self.current_count()
        if register == 0x3E0:
            return self.divide
        if register not in (0xB0, 0xC0):
            self._error(_ILLEGAL_REGISTER)
        return 0

    def mmio_write(self, offset: int, size: int, value: int) -> None:
        """Only whole aligned registers can be written."""
        if offset & 0xF == 0 and size == 4 and self.on:
            self._write(offset & 0xFF0, value)

    def _write(self, register: int, value: int) -> None:
        if register == 0xB0:
            self._eoi()
        elif register == 0x300:
            self.icr_low = value & 0xC_CFFF
            self._send()
        elif register == 0x310:
            self.icr_high = value & 0xFF00_0000
        elif register == 0x80:
            self.tpr = value & 0xFF
            self._update()
        elif 0x320 <= register <= 0x370:
            self._write_lvt((register >> 4) - 0x32, value)
        elif register == 0x380:
            self.initial = value
            self.started = self.clock.now
            self.stopped = False
            self._arm()
        elif register == 0x3E0:
            done = self.initial - self.current_count()
            self.divide = value & 0xB
            self._rebase(done)
        elif register == APIC_ID:
            self.id = value >> 24
        elif register == 0xD0:
            self.ldr = value & 0xFF00_0000
        elif register == 0xE0:
            self.dfr = value | 0x0FFF_FFFF
        elif register == 0xF0:
            self.svr = value & 0x1FF
            if not value & ENABLED:
                self.lvt = [entry | MASKED for entry in self.lvt]
            self._update()
        elif register == 0x280:
            self.esr, self.errors = self.errors, 0
        elif register not in (0x30, 0x90, 0xA0, 0xC0, 0x390) and not 0x100 <= register < 0x280:
            self._error(_ILLEGAL_REGISTER)

    def _write_lvt(self, entry: int, value: int) -> None:
        value = value & _LVT_MASKS[entry] | self.lvt[entry] & REMOTE_IRR
        if value & (LEVEL | 0x700) != LEVEL:
            value &= ~REMOTE_IRR
        was, done = self.lvt[entry], self.initial - self.current_count()
        self.lvt[entry] = value if self.svr & ENABLED else value | MASKED
        if entry == _TIMER and (was ^ value) & PERIODIC:
            self.stopped |= done == self.initial > 0
            self._rebase(done)
        elif entry in (_LINT0, _LINT0 + 1):
            self._lint(entry - _LINT0, rises=False)
            self._update()
