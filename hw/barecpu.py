"""A CPU of a machine without a Python kernel: ports, exceptions through the IDT, stops at exact instructions.

A device may ask for attention in the middle of an instruction: an interrupt, a timer, another CPU to start. The
engine leaves the instruction with its access done but not its result: it is run once more, and the access is
answered from memory.

IF becomes 1 without a word to us. So, from the first interrupt on that had to wait, blocks of code that end in
STI, POPF or IRET call back, and so do those with a RDMSR or WRMSR, of which the engine knows too few to refuse the
others, or with a MOV of debug registers or to CR0 or CR4, which it lets pass with any value. The engine reports each
block that it translates, and the rest costs nothing.
"""

from __future__ import annotations

import ctypes
import mmap
import re
import threading
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any

from hw.access_checks import AccessChecks
from hw.constant import ConstantRegister
from hw.cpu import CPU, DEBUG, ReadHandler, WriteHandler
from hw.delivery import DR6_STEP, GENERAL, GENERAL_DETECT, IF, RF, VM, Delivery, Event
from hw.engine import (
    ERR_FETCH_PROT,
    ERR_FETCH_UNMAPPED,
    HOOK_BLOCK,
    HOOK_CODE,
    HOOK_TRANSLATED,
    INSN_CPUID,
    INSN_IN,
    INSN_OUT,
    INSN_RDTSC,
    NOWHERE,
    REGISTERS,
    Engine,
    HookBlock,
    HookIn,
    HookOut,
    HookSkip,
    HookTranslated,
)
from hw.errors import EngineError, PhysicalError
from hw.frame import ExceptionFrame
from hw.ram import RAM
from hw.state import BASE, CS, HF2_NMI, HF_CPL, HF_INHIBIT, HF_TF, STRIDE, State, state

_EIP = REGISTERS["eip"]
_ENDS = frozenset((0xFB, 0x9D, 0xCF))  # STI, POPF, IRET: the last byte of their blocks
#: Behind one of these such a byte is where a loop goes back to: a call back at each round would cost 1 us. Where it
#: is none after all, an interrupt waits until the run is over.
_SHORT_JUMPS = frozenset(bytes((code,)) for code in (*range(0x70, 0x80), 0xE0, 0xE1, 0xE2, 0xE3, 0xEB))
_INS = frozenset((0x6C, 0x6D))
_PREFIXES = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3))
_MSR_TSC, _MSR_APIC_BASE = 0x10, 0x1B
#: WRMSR, RDMSR, MOV to and from debug registers, MOV to CR0 and CR4.
_LOOKED_AT = re.compile(rb"\x0f(?:[\x30\x32\x21\x23]|\x22[\xc0-\xc7\xe0-\xe7])", re.DOTALL)
_A20 = 1 << 20
#: MSRs that the engine keeps.
_ENGINE_MSRS = frozenset((
    0x3A, 0x8B, 0xFE, 0x174, 0x175, 0x176, 0x179, 0x17A, 0x17B, 0x198, 0x1A0, *range(0x200, 0x210), 0x250, 0x258, 0x259,
    *range(0x268, 0x270), 0x277, 0x2FF, *range(0x400, 0x428), 0xC000_0080, 0xC000_0081, 0xC000_0082, 0xC000_0083,
    0xC000_0084, 0xC000_0100, 0xC000_0101, 0xC000_0102, 0xC000_0103,
))
_ADDRESS_MSRS = frozenset((0xC000_0082, 0xC000_0083, 0xC000_0100, 0xC000_0101, 0xC000_0102))
_BANKS = range(0x400, 0x428)  # four MSRs for each bank of machine checks: CTL, STATUS, ADDR, MISC
_PE, _AM, _NW, _CD, _PG = 1, 1 << 18, 1 << 29, 1 << 30, 1 << 31  # of CR0
#: Bits of CR4 that a feature brings: leaf of CPUID, register (0 EAX to 3 EDX), its bit there.
_CR4_FEATURES = (
    (0x3, 1, 3, 1), (0x4, 1, 3, 4), (0x8, 1, 3, 2), (0x10, 1, 3, 3), (0x20, 1, 3, 6), (0x40, 1, 3, 7),
    (0x80, 1, 3, 13), (0x200, 1, 3, 24), (0x400, 1, 3, 25), (0x800, 7, 2, 2), (0x2000, 1, 2, 5), (0x4000, 1, 2, 6),
    (1 << 16, 7, 1, 0), (1 << 17, 1, 2, 17), (1 << 18, 1, 2, 26), (1 << 20, 7, 1, 7), (1 << 21, 7, 1, 20),
    (1 << 22, 7, 2, 3),
)
_NO_MEMORY = 0xFFFF_F000  # physical: page tables there map nothing
_STEPS = 4096  # more than a block of code has

PortIn = Callable[[int, int], int]
PortOut = Callable[[int, int, int], None]


class End(StrEnum):
    """How a run of instructions ended."""

    HALTED = "halted"
    COUNTED = "counted"
    STOPPED = "stopped"
    LOST = "lost"  # a fetch from where there is no memory


class BareCPU(CPU):
    """An i386 as after reset of a PC, exceptions through the IDT, ports to ``port_in`` and ``port_out``."""

    def __init__(self, ram: RAM, index: int, model: str | None, port_in: PortIn, port_out: PortOut,
                 shutdown: Callable[[list[Event]], None], time: Callable[[], int], count: int = 1) -> None:
        """``time`` gives what RDTSC is to give; ``count``: CPUs of the machine, for CPUID."""
        super().__init__(ram, index, model)
        self.open_bus = True
        self._engine.run_for_ever()
        self._state = state()
        self._model = model
        self._cr4_bits = _cr4_bits(model)
        self.delivery = Delivery(self, shutdown)
        self.on_exception = self.delivery.exception
        self._w = self.frame._words
        self._own = self._engine.own_words()
        self._counting = False
        self._limit = 0
        self._stop_wanted = False
        self._again: tuple[int, int, int | None] | None = None  # address, size, value of a read, None for a write
        self._replay: tuple[int, int, int | None] | None = None
        self._again_in: tuple[int, int, int] | None = None  # EIP, port and value of an INS
        self._denied = self._engine.context()
        self._denying = False  # a port that the code may not use
        self._watching = self._shares = False
        self._checks = AccessChecks(self._engine, ram, self.delivery, self.attention)
        self._sites: set[tuple[int, int]] = set()  # blocks that call back: from where, and their end
        self._always_sites: set[int] = set()  # those with an instruction to be looked at
        self._rf_sites: set[int] = set()  # to be stepped over while RF is set, see ``_resumes``
        self._ends_of: dict[int, int] = {}  # from where a hook is to where stepping ends
        self._new_sites: list[tuple[int, int, int]] = []  # begin of the block, first and last address of the hook
        self._site_hooks: list[int] = []
        self._site: tuple[int, int] | None = None
        self.msrs = {_MSR_APIC_BASE: 0xFEE0_0800 | (0x100 if index == 0 else 0)}
        self.apic_base: Callable[[int], bool] = lambda _value: True  # told of a WRMSR to it; False gives #GP
        self._time = time
        self._tsc_offset = 0
        self._code_pages: dict[int, bytes] = {}
        self.waits = False  # an interrupt waits for IF
        self._hook_ports(port_in, port_out)
        self._hook_cpuid(model, count)
        self._hook_tsc()
        self._hook_translations()
        self._run_first_block()

    def close(self) -> None:
        self._own.release()
        super().close()

    def _run_first_block(self) -> None:
        """The engine reports no block before one has run to its end: let that be one of ours."""
        memory = self._ram.bytes
        old = bytes(memory[:3])
        memory[:3] = b"\xeb\x00\xf4"  # jmp +0; hlt
        self._engine.start(0, NOWHERE)
        memory[:3] = old
        self._engine.flush_code()

    @property
    def layout(self) -> State:
        """Where the words of ``frame`` are."""
        return self._state

    @property
    def features(self) -> tuple[int, int]:
        """EAX and EDX of CPUID leaf 1."""
        eax, _, _, edx = _features(self._model)
        return eax, edx | 1 << 9

    @property
    def nmi_blocked(self) -> bool:
        """After ``look``: whether an NMI has to wait for an IRET."""
        return bool(self._w[self._state.hflags2] & HF2_NMI)

    # -- running

    @property
    def counting(self) -> bool:
        """Whether a run is under way that counts."""
        return self._depth == 1 and self._limit > 0

    @property
    def executed(self) -> int:
        """Basic blocks of the present run, or of the last one; 0 where they were not counted."""
        if not self._limit:
            return 0
        return min(int(self._own[self._state.counter]), self._limit)

    def resume(self, count: int = 0) -> End:
        """Go on from CS:EIP: for ever, or with ``count`` for so many basic blocks.

        Raises what a callback raised. While a halt is in force the answer is STOPPED at once.
        """
        if self._halted:
            return End.STOPPED
        engine = self._engine
        if count and not self._counting:
            # with a counting hook in place the engine adds none of its own, which would count instructions
            self._own[self._state.counter - 1] = engine.hook_native(HOOK_BLOCK, self._state.count_function)
            self._forget_sites()
            engine.flush_code()
        self._counting = bool(count)  # without a count the engine removes the hook itself
        self._thread = threading.get_ident()
        self._limit = count
        self._stop_wanted = self._stopping = False
        self._replay, self._again = self._again, None
        self._active = None
        self._depth = 1
        self._frame = self.frame
        try:
            error = engine.start(engine.read_register(_EIP), NOWHERE, count)
        finally:
            self._depth = 0
            self._frame = self._frames[0]
        raised, self._error = self._error, None
        if isinstance(raised, PhysicalError):  # with ``open_bus`` a fetch alone
            return End.LOST
        if raised is not None:
            raise raised
        if self._new_sites:
            self._add_sites()
        self._checks.hook_memory()
        if error in (ERR_FETCH_UNMAPPED, ERR_FETCH_PROT):
            return End.LOST
        if error:
            raise EngineError(f"the CPU gave up at EIP {engine.read_register(_EIP):#010x}: "
                              f"{engine.library.words(error)}")
        if self._stopping or self._stop_wanted or self._halted:
            return End.STOPPED
        if count and self._own[self._state.counter] > self._own[self._state.counter + 1]:
            return End.COUNTED
        return End.HALTED

    def step(self) -> End:
        """Run one instruction, or deliver the exception it raises."""
        context, w, at = self.frame._context, self._w, self._state
        context.save()
        self._keep_status()
        w[at.hflags] |= HF_TF
        w[self._offsets.old_exception] = 0xFFFF_FFFF
        context.restore()
        self.delivery.stepping = True
        end = self.resume(self._counting * _STEPS)
        if self.delivery.stepping:  # HLT ends a run before the step is reported
            self.delivery.stepping = False
            context.save()
            w[at.hflags] &= ~HF_TF
            w[at.dr6] |= self.delivery.status
            context.restore()
        self._checks.follow_debug_registers()
        self.settle()
        return end

    def _keep_status(self) -> None:
        """Before a step of ours, which changes BS and B0 to B3 of DR6: note what the guest is to find there."""
        w, at, peek = self._w, self._state, self.delivery.peek
        linear = w[at.segments + STRIDE * CS + BASE] + w[self._offsets.eip]
        status = w[at.dr6]
        second = peek(linear + 1) if peek(linear) == 0x0F else None
        if second == 0x23 and not w[at.hflags] & HF_CPL:
            modrm = peek(linear + 2) or 0
            if modrm >> 3 & 7 in (4, 6):
                status = w[getattr(self._offsets, GENERAL[modrm & 7])]
        self.delivery.status = status & (DR6_STEP | 0xF)
        if second != 0x21:  # which may read it
            w[at.dr6] &= ~DR6_STEP

    def attention(self) -> None:
        """From a device's callback: end the run behind this instruction."""
        if self._depth == 1:
            self._stop_wanted = True
            self._engine.stop()

    @property
    def unfinished(self) -> bool:
        """Whether the instruction at EIP has done its access already: it must run before anything else."""
        return self._again is not None or self._again_in is not None

    def settle(self) -> bool:
        """After a run: deliver what it was stopped for, if that was for an exception; whether it was.

        #GP for a port that the code may not use, #AC, #DB for a breakpoint on data.
        """
        checks, delivery = self._checks, self.delivery
        if self._denying:
            self._denied.restore()
            self._allow()
            delivery.fault(13, 0)
        elif checks.misaligned is not None:
            checks.undo()
            delivery.fault(17, 0)
        elif checks.cut:
            checks.cut, delivery.breaks = False, 0
            self.step()
        elif delivery.breaks:
            delivery.fault(1, None)
        else:
            return False
        return True

    def look(self) -> tuple[bool, bool]:
        """Outside of runs: whether IF is set, and whether the shadow of an instruction forbids interrupts."""
        self.frame._context.save()
        w, at = self._w, self._state
        return bool(w[at.eflags] & IF), bool(w[at.hflags] & HF_INHIBIT)

    def open_a20(self, is_open: bool) -> None:
        """The gate of address line 20: while it is shut, bit 20 of physical addresses is 0. In port callbacks too."""
        context = self.frame._context
        context.save()
        self._w[self._state.a20] = 0xFFFF_FFFF if is_open else 0xFFFF_FFFF & ~_A20
        context.restore()
        self.flush_tlb()

    def __setitem__(self, name: str, value: int) -> None:
        super().__setitem__(name, value)
        if name in DEBUG and not self._depth:
            self.frame._context.save()
            self._checks.follow_debug_registers()

    # -- translated code

    def watch(self) -> None:
        """An interrupt waits: have runs stop where IF becomes 1 or NMIs are let in, or before."""
        self.waits = True
        if not self._watching:
            self._watching = True
            self._engine.flush_code()

    def leave_site(self) -> End:
        """After a stop at such a place: step over it; how the last step ended, where it did not go on."""
        if self._site is None:
            return End.STOPPED
        (site, end), self._site = self._site, None
        for _ in range(_STEPS):
            self.frame._context.save()
            w, at = self._w, self._state
            linear = w[at.segments + STRIDE * CS + BASE] + w[self._offsets.eip] & 0xFFFF_FFFF
            if not site <= linear < end or self._halted:
                break
            if site in self._always_sites and (self._msr(linear) or self._refuses(linear)):
                continue
            if (stepped := self.step()) in (End.HALTED, End.LOST):
                return stepped
        return End.STOPPED

    def _msr(self, linear: int) -> bool:
        """Do a RDMSR or WRMSR of ring 0 that is no matter of the engine; whether that was one."""
        w, at, places = self._w, self._state, self._offsets
        if self.delivery.peek(linear) != 0x0F or (second := self.delivery.peek(linear + 1)) not in (0x30, 0x32):
            return False
        number = w[places.ecx]
        if w[at.cr0] & 1 and (w[at.hflags] & HF_CPL or w[at.eflags] & VM):
            return False
        if number in _ENGINE_MSRS:
            if second == 0x32 or _is_legal(number, w[places.edx] << 32 | w[places.eax]):
                return False
            self.delivery.fault(13, 0)
            return True
        if second == 0x32:
            value = self.tsc() if number == _MSR_TSC else self.msrs.get(number)
        else:
            value = w[places.edx] << 32 | w[places.eax] if number == _MSR_TSC or number in self.msrs else None
            if value is not None and number == _MSR_APIC_BASE and not self.apic_base(value):
                value = None
        if value is None:
            self.delivery.fault(13, 0)
            return True
        if second == 0x32:
            w[places.eax], w[places.edx] = value & 0xFFFF_FFFF, value >> 32 & 0xFFFF_FFFF
        elif number == _MSR_TSC:
            self._tsc_offset += value - self.tsc()
        else:
            self.msrs[number] = value
        w[places.eip] = w[places.eip] + 2 & 0xFFFF_FFFF
        self.frame._context.restore()
        return True

    def _refuses(self, linear: int) -> bool:
        """Deliver the fault of a MOV of a debug or control register in ring 0 that the engine would do; whether so."""
        w, at, places, peek = self._w, self._state, self._offsets, self.delivery.peek
        second, modrm = peek(linear + 1), peek(linear + 2)
        if peek(linear) != 0x0F or second not in (0x21, 0x22, 0x23) or modrm is None:
            return False
        if w[at.cr0] & _PE and (w[at.hflags] & HF_CPL or w[at.eflags] & VM):
            return False
        if second != 0x22:
            if not w[at.dr7] & GENERAL_DETECT:
                return False
            self.delivery.breaks = GENERAL_DETECT
            self.delivery.fault(1, None)
            return True
        number, value = modrm >> 3 & 7, w[getattr(places, GENERAL[modrm & 7])]
        if number == 0:
            bad = bool(value & _PG and not value & _PE or value & _NW and not value & _CD)
            if value & ~w[at.cr0] & _AM and not bad:
                self._engine.flush_code()  # translated as code whose alignment nobody checks
        else:
            bad = number == 4 and bool(value & ~self._cr4_bits)
        if bad:
            self.delivery.fault(13, 0)
        return bad

    def tsc(self) -> int:
        """The time-stamp counter."""
        return self._time() + self._tsc_offset & 0xFFFF_FFFF_FFFF_FFFF

    def share_code(self) -> None:
        """Other CPUs run too: what they store into code that is translated here must be noticed.

        The engine notices its own stores alone. ``drop_changed_code`` compares the pages.
        """
        self._shares = True
        self._engine.flush_code()

    def drop_changed_code(self) -> None:
        """Before a run: forget translated code of pages whose contents another CPU has changed."""
        memory = self._ram.bytes
        changed = [page for page, data in self._code_pages.items() if bytes(memory[page:page + 4096]) != data]
        if not changed:
            return
        context = self.frame._context
        context.save()
        self._engine.write_register(REGISTERS["cr0"], 0x11)  # without paging the engine takes physical addresses
        for page in changed:
            del self._code_pages[page]
            if page < 1 << 32:
                self._engine.remove_code(page, page + 4096)
            else:
                self._engine.flush_code()
        self._w[self._offsets.old_exception] = 0xFFFF_FFFF
        context.restore()
        self.flush_tlb()

    def forget_code(self) -> None:
        """Drop all translated code: after the host has changed some. Not in a run."""
        self._engine.flush_code()

    def _hook_translations(self) -> None:
        delivery, sites, pages, memory = self.delivery, self._sites, self._code_pages, self._ram.bytes
        w, at, checks = self._w, self._state, self._checks

        def on_translated(_handle: int, block: Any, _before: Any, _data: int) -> None:
            try:
                pc, size = block[0].pc, block[0].size
                code = bytearray()
                for linear in sorted({pc & -4096, pc + size - 1 & -4096}):
                    page = delivery.locate(linear)
                    if page is None:
                        return
                    code += memory[page + max(pc - linear, 0):page + min(pc + size - linear, 4096)]
                    if self._shares:
                        pages[page] = bytes(memory[page:page + 4096])
                end = pc + size
                if checks.begin_alignment():
                    self._stopping = True
                    self._engine.stop()
                always = _LOOKED_AT.search(code) is not None
                resumed = checks.code_breaks and bool(w[at.eflags] & RF)
                if always or resumed or self._watching and code[-1] in _ENDS and bytes(code[-2:-1]) not in _SHORT_JUMPS:
                    if always:
                        self._always_sites.add(pc)
                    if resumed:
                        self._rf_sites.add(pc)
                    # Of the hooks of blocks every one costs time at every block that is counted: there the
                    # instruction is hooked, which with a prefix has two bytes.
                    at_once = always or resumed or not self._counting
                    first, last = (pc, pc) if at_once else (max(pc, end - 2), end - 1)
                    for linear in range(first, last + 1):
                        self._ends_of[linear] = end
                    if (first, end) not in sites and not delivery.stepping:
                        sites.add((first, end))
                        self._new_sites.append((pc, first, last))
                        self._stopping = True
                        self._engine.stop()
            except BaseException as error:
                self._fail(error)

        def on_site(_handle: int, linear: int, _size: int, _data: int) -> None:
            if delivery.stepping:
                return
            if self.waits or linear in self._always_sites or linear in self._rf_sites and self._resumes():
                self._site = linear, self._ends_of[linear]
                self._stopping = True
                self._engine.stop()

        self._on_site = HookBlock(on_site)
        self._engine.hook(HOOK_TRANSLATED, HookTranslated(on_translated))

    def _resumes(self) -> bool:
        """Whether RF is set. Here it holds for one instruction; the engine keeps it up to the next RET or so."""
        return self._checks.code_breaks and bool(self._engine.read_register(REGISTERS["eflags"]) & RF)

    def _add_sites(self) -> None:
        kind = HOOK_CODE if self._counting else HOOK_BLOCK
        for pc, first, last in self._new_sites:
            self._site_hooks.append(self._engine.hook(kind, self._on_site, first, last))
            self._engine.remove_code(pc, pc + 1)
        self._new_sites.clear()

    def _forget_sites(self) -> None:
        """They are found again when their code is translated again."""
        for hook in self._site_hooks:
            self._engine.unhook(hook)
        self._site_hooks.clear()
        self._sites.clear()
        self._always_sites.clear()
        self._rf_sites.clear()

    @property
    def must_count(self) -> bool:
        """Whether runs have to go on counting: hooks of instructions are exact only with that of blocks."""
        return self._counting and bool(self._site_hooks)

    # -- devices

    def map_mmio(self, pa: int, size: int, read: ReadHandler, write: WriteHandler,
                 constant: ConstantRegister | None = None) -> None:
        """As CPU.map_mmio; an access that asks for attention is not done again with its instruction."""

        def read_once(offset: int, width: int) -> int:
            if constant is not None and offset == constant.offset and width == 4:
                return constant.value
            if self._replay is not None:
                (address, size, value), self._replay = self._replay, None
                if address == pa + offset and size == width and value is not None:
                    return value
            value = read(offset, width)
            if self._stop_wanted:
                self._again = pa + offset, width, value
            return value

        def write_once(offset: int, width: int, value: int) -> None:
            if self._replay is not None:
                (address, size, old), self._replay = self._replay, None
                if address == pa + offset and size == width and old is None:
                    return
            write(offset, width, value)
            if self._stop_wanted:
                self._again = pa + offset, width, None

        super().map_mmio(pa, size, read_once, write_once, constant)

    def _hook_ports(self, port_in: PortIn, port_out: PortOut) -> None:
        allowed = self.delivery.may_use_port

        def on_in(_handle: int, port: int, size: int, _data: int) -> int:
            try:
                if self._denying or not allowed(port, size):
                    self._deny()
                    return 0
                if self._again_in is not None:
                    (_, again, value), self._again_in = self._again_in, None
                    if again == port:
                        return value
                value = port_in(port, size)
                if self._stop_wanted:
                    self._note_ins(port, value)
                return value
            except BaseException as error:
                self._fail(error)
                return 0

        def on_out(_handle: int, port: int, size: int, value: int, _data: int) -> None:
            try:
                if self._denying or not allowed(port, size):
                    self._deny()
                else:
                    port_out(port, size, value)
            except BaseException as error:
                self._fail(error)

        self._engine.hook_instruction(INSN_IN, HookIn(on_in))
        self._engine.hook_instruction(INSN_OUT, HookOut(on_out))

    def _deny(self) -> None:
        """The engine goes on to the end of the block or the next access to memory: let that one lead nowhere.

        Nor does any port in between.
        """
        if self._denying:
            return
        self._denying = True
        self._denied.save()
        self._engine.write_register(REGISTERS["cr3"], _NO_MEMORY)
        self._engine.write_register(REGISTERS["cr0"], 0x8000_0011)
        self.on_exception = self._refused
        self.attention()

    def _refused(self, frame: ExceptionFrame) -> None:
        self._w[:] = self._denied.words
        self._w[self._offsets.old_exception] = 0xFFFF_FFFF
        self._allow()
        self.delivery.raise_fault(13, 0)

    def _allow(self) -> None:
        self.flush_tlb()
        self._denying = False
        self.on_exception = self.delivery.exception

    def _note_ins(self, port: int, value: int) -> None:
        """IN is over with its access; INS still has to store, and is stopped there."""
        w, at = self._w, self._state  # may_use_port has saved the context
        eip = w[self._offsets.eip]
        linear = w[at.segments + STRIDE * CS + BASE] + eip
        for index in range(15):
            byte = self.delivery.peek(linear + index & 0xFFFF_FFFF)
            if byte in _INS:
                self._again_in = eip, port, value
            if byte not in _PREFIXES:
                return

    # -- what is asked of the machine

    def _hook_cpuid(self, model: str | None, count: int) -> None:
        eax, ebx, ecx, edx = _features(model)
        ebx = ebx & 0xFFFF | self.index << 24 | (count << 16 if count > 1 else 0)
        edx = edx | 1 << 9 | (1 << 28 if count > 1 else 0)  # APIC, HTT
        registers = tuple(REGISTERS[name] for name in ("eax", "ebx", "ecx", "edx"))
        engine = self._engine

        def on_cpuid(_handle: int, _data: int) -> int:
            try:
                if engine.read_register(registers[0]) != 1:
                    return 0
                cr4 = engine.read_register(REGISTERS["cr4"])
                apic = self.msrs[_MSR_APIC_BASE] >> 2 & 1 << 9  # bit 9 of EDX follows bit 11
                values = (eax, ebx, ecx & ~(1 << 27) | (1 << 27 if cr4 & 1 << 18 else 0),  # OSXSAVE follows CR4
                          edx & ~(1 << 9) | apic)
                for register, value in zip(registers, values):
                    engine.write_register(register, value)
            except BaseException as error:
                self._fail(error)
            return 1

        engine.hook_instruction(INSN_CPUID, HookSkip(on_cpuid))

    def _hook_tsc(self) -> None:
        engine = self._engine

        def on_rdtsc(_handle: int, _data: int) -> int:
            try:
                value = self.tsc()
                engine.write_register(REGISTERS["eax"], value)
                engine.write_register(REGISTERS["edx"], value >> 32)
            except BaseException as error:
                self._fail(error)
            return 1

        engine.hook_instruction(INSN_RDTSC, HookSkip(on_rdtsc))


def _is_legal(number: int, value: int) -> bool:
    """Whether an MSR that the engine keeps takes a value: it does not ask."""
    if number in _ADDRESS_MSRS:
        return value >> 47 in (0, 0x1_FFFF)
    if number in _BANKS:
        return (value in (0, (1 << 64) - 1), value == 0, True, True)[number & 3]
    return True


@cache
def _cr4_bits(model: str | None) -> int:
    """The bits of CR4 that a model has."""
    leaves = _cpuid(model)
    bits = 1 << 8  # PCE
    for mask, leaf, register, bit in _CR4_FEATURES:
        if leaf <= leaves[0][0] and leaves[leaf][register] >> bit & 1:
            bits |= mask
    return bits


def _features(model: str | None) -> tuple[int, int, int, int]:
    """What CPUID leaf 1 of a model gives."""
    return _cpuid(model)[1]


@cache
def _cpuid(model: str | None) -> dict[int, tuple[int, int, int, int]]:
    """EAX, EBX, ECX and EDX of the leaves 0, 1 and 7 of a model's CPUID."""
    memory = mmap.mmap(-1, 4096)
    engine = Engine(model)
    leaves = {}
    try:
        engine.map_ptr(0, 4096, ctypes.addressof(ctypes.c_char.from_buffer(memory)))
        memory[:3] = b"\x0f\xa2\xf4"  # cpuid; hlt
        for leaf in (0, 1, 7):
            engine.write_register(REGISTERS["eax"], leaf)
            engine.write_register(REGISTERS["ecx"], 0)
            engine.start(0, NOWHERE)
            eax, ebx, ecx, edx = (engine.read_register(REGISTERS[name]) for name in ("eax", "ebx", "ecx", "edx"))
            leaves[leaf] = eax, ebx, ecx, edx
        return leaves
    finally:
        engine.close()
        memory.close()
