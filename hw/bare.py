"""A PC of its own: RAM, CPUs and devices that run a bare-metal program, with no Python kernel.

Virtual time: a basic block of code takes 5 ns (about one for an instruction), a device's port 1 us, its memory
window 100 ns (the APIC's ID nothing), RDTSC as long; when every CPU is halted, time jumps to the next deadline.
Blocks are counted only while a timer is armed or more than one CPU runs; each then takes about 3 ns of the host's more.
"""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from hw.barecpu import BareCPU, End
from hw.bus import Bus, Line
from hw.clock import VirtualClock
from hw.constant import ConstantRegister
from hw.delivery import Event
from hw.devices.cmos import Cmos
from hw.devices.control import ResetControl, SystemControl
from hw.devices.debug_console import DebugConsole, PostPort
from hw.devices.debug_exit import DebugExit
from hw.devices.disk import Disk
from hw.devices.fw_cfg import FwCfg
from hw.devices.i8042 import I8042
from hw.devices.ide import IdeChannel
from hw.devices.ioapic import PINS, IoApic
from hw.devices.irq_lines import IrqLines
from hw.devices.lapic import APIC_BASE, APIC_ID, APIC_WINDOW, ApicBus, LocalApic
from hw.devices.mptable import mp_table
from hw.devices.pic import Pic8259Pair
from hw.devices.pit import Pit8254
from hw.devices.uart import Uart16550
from hw.devices.vga import TEXT_BASE, TEXT_SIZE, Screen, Vga
from hw.e820 import E820Map
from hw.multiboot import GDT, Module, Start, load
from hw.ram import RAM
from hw.state import (
    BASE,
    CS,
    FLAGS,
    HF2_NMI,
    HF_ADDSEG,
    HF_CPL,
    HF_CS32,
    HF_INHIBIT,
    HF_PE,
    HF_SS32,
    HF_TF,
    LDTR,
    LIMIT,
    SS,
    STRIDE,
    TR,
)
from hw.watchdog import Watchdog

BLOCK_NS, PORT_NS, WINDOW_NS, TSC_NS = 5, 1000, 100, 100
BYTE_NS = 86_806  # on the serial line, at 115200 baud
#: Blocks of code that a CPU runs before the next one does, which costs 30 us: half as much to half as much again, by a
#: chance that is the same each time. With turns all alike one CPU may find the lock of another taken for ever.
QUANTUM = 5_000
#: The same after a message between CPUs: one may spin until the other has answered. It doubles with each round.
_TALK = 500
#: Blocks that are still counted after the last timer is gone.
_LINGER = 10_000_000
_SLICE = 2_000_000
_EBDA = 0x9_FC00
_APIC_BASE_BITS = 0xF_FFFF_F900  # the others are reserved without x2APIC, with 36 address bits
_IDLE_SECONDS = 0.01
#: With every CPU halted and deaf to interrupts only an NMI could go on: how long it is waited for.
_DEAF_NS = 10_000_000_000
#: Reads of ports after which the host is asked for input.
_READS = 256


class Report(NamedTuple):
    """How a run ended: ``kind`` is exit, triple-fault, halted, reset, timeout or interrupted."""

    kind: str
    #: of the debug-exit port
    status: int | None
    #: for people, without line ends
    lines: tuple[str, ...]


class Processor:
    """A CPU with its pins."""

    def __init__(self, cpu: BareCPU) -> None:
        self.cpu = cpu
        self.on = False
        self.halted = False
        self.enabled = False  # IF at its HLT
        self.deaf = False  # at its HLT NMIs were waiting for an IRET
        self.intr = False
        self.nmi = 0  # that wait: two may come before the CPU has its turn, while it serves one a second waits
        self.startup: int | None = None  # page of a SIPI
        self.reset = False  # an INIT came

    @property
    def state(self) -> str:
        """off, halted or running."""
        return "off" if not self.on else "halted" if self.halted else "running"

    @property
    def runs(self) -> bool:
        """Whether it has something to do."""
        wakes = self.nmi > 0 and not self.deaf or self.intr and self.enabled
        return self.on and (not self.halted or wakes) or self.reset or self.startup is not None


class BarePC:
    """The machine. Use it as a context manager: ``load`` an image, then ``run``.

    ``serial`` gets the bytes of the first serial port; ``serial_in`` is a file descriptor that feeds it.
    """

    def __init__(self, e820: E820Map, cpus: int = 1, model: str | None = None, *,
                 serial: Callable[[bytes], None], console: Callable[[bytes], None] | None = None,
                 serial_in: int | None = None, disks: Sequence[Disk] = ()) -> None:
        """``console`` gets port 0xE9. EngineError when Unicorn or the host cannot."""
        self.ram = RAM(e820)
        self.clock = VirtualClock()
        self.bus = Bus()
        self.processors: list[Processor] = []
        self._serial_in = serial_in
        self._typed = bytearray()
        self._reads = 0
        #: called between the turns of the CPUs
        self.on_round: Callable[[], None] | None = None
        self._report: Report | None = None
        self._running: Processor | None = None
        self._linger = 0
        self._several = False  # more than one CPU has run
        self._last = 0  # the CPU that ran last
        self._quantum = QUANTUM
        self._chance = Random(0).random
        self._busy_at = 0  # when a CPU last had something to do
        try:
            self._apic_bus = ApicBus(self._deliver)
            for index in range(cpus):
                self.processors.append(Processor(BareCPU(
                    self.ram, index, model, self._port_in, self._port_out, self._shutdown(index), self._tsc, cpus)))
            self._wire(e820, cpus, serial, console or serial, disks)
        except BaseException:
            self.close()
            raise

    @property
    def cpus(self) -> list[BareCPU]:
        """The CPUs, whether they run or not."""
        return [processor.cpu for processor in self.processors]

    def close(self) -> None:
        """Free engines and memory."""
        for processor in self.processors:
            processor.cpu.close()
        self.processors.clear()
        self.ram.close()

    def __enter__(self) -> BarePC:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def screen(self) -> Screen:
        """What the VGA shows: its text memory is RAM."""
        self.vga.memory[:] = self.ram.read(TEXT_BASE, TEXT_SIZE)
        return self.vga.screen()

    # -- wiring

    def _wire(self, e820: E820Map, cpus: int, serial: Callable[[bytes], None], console: Callable[[bytes], None],
              disks: Sequence[Disk]) -> None:
        bus, clock = self.bus, self.clock
        self.lapics = [
            LocalApic(index, clock, self._apic_bus, self._intr(processor), self._external)
            for index, processor in enumerate(self.processors)
        ]
        self.pic = Pic8259Pair(self.lapics[0].lint(0))
        self.ioapic = IoApic(self._apic_bus, cpus)
        self.uart = Uart16550(serial, self._irq(4))
        self.vga = Vga()
        self.ram.write(TEXT_BASE, self.vga.memory)
        self.keyboard = I8042(self._irq(1), self._irq(12), self._a20, self._restart)
        above = sum(end - start for start, end in e820.ram_ranges() if start >= 1 << 32)
        below = max(end for start, end in e820.ram_ranges() if start < 1 << 32)
        drives = [*disks[:4], *[None] * 4]
        for device in (
            self.pic, Pit8254(clock, self._irq(0)), self.uart, self.keyboard, self.vga, self.ioapic,
            Cmos(clock, self._irq(8), below, above, cpus), FwCfg(below + above, cpus, e820=e820.entries),
            DebugExit(self._exit), DebugConsole(console), PostPort(), SystemControl(self._a20, self._restart),
            ResetControl(self._restart), IdeChannel(self._irq(14), drives[0], drives[1]),
            IdeChannel(self._irq(15), drives[2], drives[3], base=0x170, control=0x376),
            IrqLines([self._irq(pin) if pin < 16 and pin != 2 else self.ioapic.irq(pin) for pin in range(PINS)]),
        ):
            bus.add(device)
        self.lapics[0].virtual_wire()
        for processor, lapic in zip(self.processors, self.lapics):
            processor.cpu.apic_base = self._apic_base(processor.cpu, lapic)
            for pa, size, window in bus.mmio:
                if self.ram.has(pa, size):  # the text memory of the VGA
                    continue
                processor.cpu.map_mmio(pa, size, self._timed_read(window.mmio_read),
                                       self._timed_write(window.mmio_write))
        clock.armed = self._armed

    def _map_apic(self, cpu: BareCPU, lapic: LocalApic, base: int) -> Callable[[], None]:
        """Show a local APIC to its CPU at ``base``, as long as ``lapic.base`` is that; to be called when that changes.

        Kernels ask for the ID at each lock.
        """
        constant = ConstantRegister()

        def refresh() -> None:
            if lapic.base == base and lapic.on:
                constant.show(APIC_ID, lapic.id << 24)
            else:
                constant.hide()

        def read(offset: int, size: int) -> int:
            return lapic.mmio_read(offset, size) if lapic.base == base else 0xFFFF_FFFF

        def write(offset: int, size: int, value: int) -> None:
            if lapic.base == base:
                lapic.mmio_write(offset, size, value)
                if offset == APIC_ID:
                    refresh()

        cpu.map_mmio(base, APIC_WINDOW, self._timed_read(read), self._timed_write(write), constant)
        refresh()
        return refresh

    def _apic_base(self, cpu: BareCPU, lapic: LocalApic) -> Callable[[int], bool]:
        """What serves WRMSR to IA32_APIC_BASE (SDM vol. 3, "Local APIC Status and Location")."""
        windows = {APIC_BASE: self._map_apic(cpu, lapic, APIC_BASE)}

        def write(value: int) -> bool:
            if value & ~_APIC_BASE_BITS:
                return False
            base = value & -APIC_WINDOW
            lapic.base = base
            lapic.switch(bool(value & 0x800))
            if base not in windows and not self.ram.has(base, APIC_WINDOW) and not any(
                    pa < base + APIC_WINDOW and base < pa + size for pa, size, _ in self.bus.mmio):
                windows[base] = self._map_apic(cpu, lapic, base)
            for refresh in windows.values():
                refresh()
            return True

        return write

    def _irq(self, number: int) -> Line:
        """The line of an ISA interrupt: to the 8259s, and to the I/O APIC, where IRQ 0 is pin 2."""
        pic, pin = self.pic.irq(number), self.ioapic.irq(number or 2)

        def line(level: bool) -> None:
            pic(level)
            pin(level)

        return line

    def _intr(self, processor: Processor) -> Line:
        def line(level: bool) -> None:
            rises = level and not processor.intr
            processor.intr = level
            running = self._running
            if rises and running is not None:
                if running is not processor:
                    self._quantum = _TALK
                running.cpu.attention()

        return line

    def _external(self) -> int:
        return self.pic.acknowledge()

    def _deliver(self, index: int, kind: str, vector: int) -> None:
        """A message of the APICs beyond an interrupt."""
        processor = self.processors[index]
        if kind == "nmi":
            processor.nmi = min(processor.nmi + 1, 2)
        elif kind == "init":
            processor.reset, processor.startup = True, None
        elif kind == "startup" and (processor.reset or not processor.on) and processor.startup is None:
            processor.startup = vector
        if processor is not self._running:
            self._quantum = _TALK
        self._attention()

    def _attention(self) -> None:
        if self._running is not None:
            self._running.cpu.attention()

    def _armed(self) -> None:
        """A new timer is the next to run out: the present run may be too long for it."""
        self._attention()

    # -- what CPUs ask for

    def _spend(self, nanoseconds: int) -> None:
        if self.clock.spend(nanoseconds):
            self._attention()

    def _port_in(self, port: int, size: int) -> int:
        self._spend(PORT_NS)
        if self._serial_in is not None:  # a program may do nothing but ask for input
            self._reads += 1
            if not self._reads % _READS:
                self._poll(0)
        return self.bus.port_in(port, size)

    def _port_out(self, port: int, size: int, value: int) -> None:
        self._spend(PORT_NS)
        self.bus.port_out(port, size, value)

    def _timed_read(self, read: Callable[[int, int], int]) -> Callable[[int, int], int]:
        def timed(offset: int, size: int) -> int:
            self._spend(WINDOW_NS)
            return read(offset, size)

        return timed

    def _timed_write(self, write: Callable[[int, int, int], None]) -> Callable[[int, int, int], None]:
        def timed(offset: int, size: int, value: int) -> None:
            self._spend(WINDOW_NS)
            write(offset, size, value)

        return timed

    def _tsc(self) -> int:
        self.clock.spend(TSC_NS)
        return self.clock.now

    def _shutdown(self, index: int) -> Callable[[list[Event]], None]:
        def shutdown(events: list[Event]) -> None:
            who = f"CPU {index}: " if len(self.processors) > 1 else ""
            self._end("triple-fault", None, f"{who}triple fault: the machine shuts down",
                      *(f"  {'then ' if number else ''}{event}" for number, event in enumerate(events)))

        return shutdown

    def _exit(self, status: int) -> None:
        self._end("exit", status & 0xFF, f"exit by the debug port, status {status & 0xFF}")

    def kill(self) -> None:
        """End the machine, from a callback."""
        self._end("killed", None, "killed by the debugger")

    def _restart(self) -> None:
        self._end("reset", None, "the program has reset the machine")

    def _a20(self, is_open: bool) -> None:
        """The gate of address line 20, one for all CPUs."""
        for cpu in self.cpus:
            cpu.open_a20(is_open)

    def _end(self, kind: str, status: int | None, *lines: str) -> None:
        if self._report is None:
            self._report = Report(kind, status, lines)
        if self._running is not None:
            self._running.cpu.stop()

    # -- starting

    def load(self, image: bytes, name: str, command_line: str = "", modules: Sequence[Module] = ()) -> None:
        """Put an image into memory and the first CPU at its entry. ImageError for one that cannot be loaded."""
        start = load(self.ram, image, name, command_line, modules)
        cpus = len(self.processors)
        # as firmware leaves the BIOS data area: COM1, the EBDA's segment, KB of base memory
        self.ram.write(0x400, struct.pack("<H", 0x3F8))
        self.ram.write(0x40E, struct.pack("<HHH", _EBDA >> 4, 0, _EBDA >> 10))
        cpu = self.processors[0].cpu
        signature = cpu.features
        self.ram.write(_EBDA, mp_table(cpus, _EBDA, cpus, signature[0], signature[1]))
        self._start_cpu(self.processors[0], start)

    def _start_cpu(self, processor: Processor, start: Start) -> None:
        cpu = processor.cpu
        if start.real:
            _real_mode(cpu, 0, start.eip)
        else:
            _protected_mode(cpu, start.eip)
        for name, value in (("eax", start.eax), ("ebx", start.ebx), ("edx", start.edx), ("esp", 0x7000)):
            cpu[name] = value
        processor.on, processor.halted = True, False

    # -- running

    def run(self, timeout: float | None = None) -> Report:
        """Run until the program ends the machine, or nothing can happen any more, or after ``timeout`` seconds."""
        self._report = None
        with Watchdog(self.cpus, timeout) as watchdog:
            while self._report is None:
                if watchdog.verdict is not None:
                    verdict = str(watchdog.verdict)
                    self._end(verdict, None, f"ended: {verdict}")
                    break
                self._round()
                if self.on_round is not None:
                    self.on_round()
        assert self._report is not None
        return self._report._replace(lines=(*self._report.lines, *self._unanswered()))

    def _unanswered(self) -> list[str]:
        if not self.bus.unanswered:
            return []
        ports = ", ".join(f"{kind} {port:#x} ({count})"
                          for (port, kind), count in sorted(self.bus.unanswered.items())[:8])
        return [f"ports that nobody has: {ports}"]

    def _round(self) -> None:
        """Let each CPU that has something to do run for a while."""
        after = self._last + 1
        busy = [processor for processor in (*self.processors[after:], *self.processors[:after]) if processor.runs]
        if not busy:
            self._idle()
            return
        self._busy_at = self.clock.now
        self._quantum = min(2 * self._quantum, QUANTUM)
        for processor in busy:
            if self._report is not None:
                return
            self._last = processor.cpu.index
            self._turn(processor, len(busy))
        self._poll(0)

    def _idle(self) -> None:
        deadline = self.clock.next_deadline()
        enabled = any(processor.on and processor.enabled for processor in self.processors)
        if enabled and self._poll(_IDLE_SECONDS if deadline is None else 0):
            return
        if deadline is not None:
            self.clock.advance(deadline)
            if not enabled and self.clock.now - self._busy_at > _DEAF_NS:
                self._end("halted", None, "halted for ever: with interrupts off")
        elif self._serial_in is None or not enabled:
            self._end("halted", None, "halted for ever: " + (
                "no device will ever interrupt" if enabled else "with interrupts off"))

    def _poll(self, seconds: float) -> bool:
        """Feed the serial port with what has come; whether anything has."""
        if self._serial_in is None or not select.select([self._serial_in], [], [], seconds)[0]:
            return False
        data = os.read(self._serial_in, 4096)
        if not data:
            self._serial_in = None
        if data and not self._typed:
            self._type()
        self._typed += data
        return True

    def _type(self) -> None:
        """Let a byte arrive at the serial port when it has room, one in the time of one."""
        self.clock.at(self.clock.now + BYTE_NS, self._type_one)

    def _type_one(self) -> None:
        if not self.uart.rx and self._typed:
            self.uart.feed(bytes(self._typed[:1]))
            del self._typed[:1]
        if self._typed:
            self._type()

    def _turn(self, processor: Processor, busy: int) -> None:
        cpu = processor.cpu
        if processor.reset or processor.startup is not None:
            self._restart_cpu(processor)
            return
        if processor.nmi or processor.intr:
            if not self._interrupt(processor):
                return
        else:
            cpu.waits = False
        if processor.halted:
            return
        self._run(processor, self._budget(busy), busy)

    def _interrupt(self, processor: Processor) -> bool:
        """Deliver what is pending if that can be; whether the CPU may go on now."""
        cpu = processor.cpu
        enabled, shadow = cpu.look()
        if cpu.nmi_blocked:
            processor.nmi = min(processor.nmi, 1)
        elif processor.nmi:
            if cpu.unfinished or shadow:
                self._run(processor, 0, 1, step=True)
                return False
            processor.nmi -= 1
            processor.halted = False
            cpu.delivery.nmi()
            self._await_more(processor)
            return True
        if processor.intr and enabled:
            if (shadow or cpu.unfinished) and not processor.halted:
                self._run(processor, 0, 1, step=True)
                return False
            processor.halted = False
            cpu.delivery.interrupt(self.lapics[cpu.index].acknowledge())
            self._await_more(processor)
        else:
            cpu.watch()
        return True

    def _await_more(self, processor: Processor) -> None:
        """After a delivery: what is still pending comes when the handler lets it."""
        processor.cpu.waits = False
        if processor.nmi or processor.intr:
            processor.cpu.watch()

    def _budget(self, busy: int) -> int:
        """How many blocks may run before somebody must look; 0 for any number, uncounted."""
        deadline = self.clock.next_deadline()
        if deadline is not None:
            self._linger = _LINGER
            left = max(1, -(-(deadline - self.clock.now) * busy // BLOCK_NS))
        elif self._linger > 0 or any(cpu.must_count for cpu in self.cpus):
            left = _SLICE
        elif busy > 1:
            left = self._quantum
        else:
            return 0
        return min(left, int(self._quantum * (0.5 + self._chance())) if busy > 1 else _SLICE)

    def _run(self, processor: Processor, budget: int, busy: int, *, step: bool = False) -> None:
        cpu, clock = processor.cpu, self.clock
        self._running = processor
        if self._several:
            cpu.drop_changed_code()
        if budget or step:
            clock.live = lambda: cpu.executed * BLOCK_NS // busy
            clock.most = (budget or _SLICE) * BLOCK_NS // busy
        try:
            end = cpu.step() if step else cpu.resume(budget)
        finally:
            self._running, clock.live = None, None
        executed = cpu.executed
        self._linger -= executed
        clock.advance(clock.now + executed * BLOCK_NS // busy)
        if cpu.settle():
            return
        if end is End.STOPPED:
            end = cpu.leave_site()
        if end is End.LOST:
            cpu.delivery.fault(6, None)  # the bus gives ones: FF FF is no instruction
        elif end is End.HALTED:
            processor.halted = True
            processor.enabled = cpu.look()[0]
            processor.deaf = cpu.nmi_blocked

    def _restart_cpu(self, processor: Processor) -> None:
        """INIT and SIPI (SDM vol. 3, 8.4): the first stops a CPU, the second starts it in real mode."""
        if processor.reset:
            processor.reset = processor.on = processor.halted = False
            processor.cpu.waits = False
        page, processor.startup = processor.startup, None
        if page is not None:
            if not self._several:
                self._several = True
                for each in self.cpus:
                    each.share_code()
            _real_mode(processor.cpu, page << 8, 0)
            processor.on, processor.halted = True, False


def _clear(cpu: BareCPU) -> memoryview:
    """General registers, flags, control registers and tables as after a reset."""
    for name in ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"):
        cpu[name] = 0
    for name, value in (("cr4", 0), ("cr3", 0), ("cr2", 0), ("dr7", 0x400), ("dr6", 0xFFFF_0FF0), ("eflags", 2)):
        cpu[name] = value
    cpu.write_msr(0xC000_0080, 0)
    cpu.flush_tlb()
    cpu.frame._context.save()
    w: memoryview = cpu.frame._words
    at = cpu.layout
    w[at.hflags] &= ~(HF_CPL | HF_INHIBIT | HF_CS32 | HF_SS32 | HF_ADDSEG | HF_PE | HF_TF | 0x7 << 9)
    w[at.hflags2] &= ~HF2_NMI
    return w


def _segment(w: memoryview, first: int, selector: int, base: int, limit: int, flags: int) -> None:
    w[first], w[first + BASE], w[first + LIMIT], w[first + FLAGS] = selector, base, limit, flags


def _real_mode(cpu: BareCPU, selector: int, ip: int) -> None:
    """As firmware leaves a CPU, and as after INIT: real mode, at ``selector``:``ip``; caches are on."""
    w, at = _clear(cpu), cpu.layout
    w[at.cr0] = 0x10
    w[at.hflags] |= HF_ADDSEG
    for number in range(SS + 4):
        value = selector if number == CS else 0
        _segment(w, at.segments + STRIDE * number, value, value << 4, 0xFFFF, 0x9B00 if number == CS else 0x9300)
    _tables(w, cpu, 0, 0xFFFF, 0x3FF)
    _go(cpu, ip)


def _protected_mode(cpu: BareCPU, eip: int) -> None:
    """Flat 32-bit segments out of the GDT at ``GDT``."""
    w, at = _clear(cpu), cpu.layout
    w[at.cr0] = 0x11
    w[at.hflags] |= HF_PE | HF_CS32 | HF_SS32
    for number in range(SS + 4):
        _segment(w, at.segments + STRIDE * number, 8 if number == CS else 16, 0, 0xFFFF_FFFF,
                 0xCF_9B00 if number == CS else 0xCF_9300)
    _tables(w, cpu, GDT, 23, 0)
    _go(cpu, eip)


def _tables(w: memoryview, cpu: BareCPU, gdt: int, gdt_limit: int, idt_limit: int) -> None:
    at = cpu.layout
    w[at.gdt + BASE], w[at.gdt + LIMIT] = gdt, gdt_limit
    w[at.idt + BASE], w[at.idt + LIMIT] = 0, idt_limit
    for number, flags in ((LDTR, 0x8200), (TR, 0x8B00)):
        _segment(w, at.segments + STRIDE * number, 0, 0, 0xFFFF, flags)


def _go(cpu: BareCPU, eip: int) -> None:
    cpu.frame.eip = eip
    cpu.frame._context.restore()
    cpu.flush_tlb()
