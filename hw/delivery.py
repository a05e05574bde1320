"""Exceptions and interrupts through the guest's own IDT: what Unicorn leaves to its user.

SDM vol. 3, chapter 6 (gates, error codes, #DF), 7 (task switches), 20 (real mode and virtual-8086 mode). All
is done in the words of the saved context: no register goes through the API on the way of an exception, which
takes about 10 us with the return.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hw.cpu import CPU, MSR_EFER
from hw.engine import REGISTERS
from hw.frame import VECTOR_NAMES, ExceptionFrame
from hw.paging import CR4_PAE, CR4_SMAP, EFER_NXE, Access, walk
from hw.segments import AVAILABLE_TSS32, PRESENT, TASK_GATE, segment_base, segment_limit
from hw.state import (
    BASE,
    CS,
    DS,
    ES,
    FLAGS,
    GS,
    HF2_NMI,
    HF_ADDSEG,
    HF_CPL,
    HF_CS32,
    HF_INHIBIT,
    HF_SS32,
    HF_TF,
    HF_TS,
    LDTR,
    LIMIT,
    SS,
    STRIDE,
    TR,
    state,
)

TF, IF, NT, RF, VM, AC, IOPL = 1 << 8, 1 << 9, 1 << 14, 1 << 16, 1 << 17, 1 << 18, 3 << 12
ARITHMETIC = 0x8D5  # OF SF ZF AF PF CF
DF = 1 << 10
_ALL_FLAGS = 0x3F_7FD5
_DB, _NMI, _UD, _DF, _TS, _NP, _SS, _GP, _PF = 1, 2, 6, 8, 10, 11, 12, 13, 14
_INT1 = 0xF1  # an opcode that the engine does not know
GENERAL_DETECT = 1 << 13  # DR7.GD, and DR6.BD
_WITH_CODE = frozenset((_DF, _TS, _NP, _SS, _GP, _PF, 17))
_CONTRIBUTORY = frozenset((0, _TS, _NP, _SS, _GP))
#: Vectors whose saved EFLAGS has RF set: faults other than #DB (SDM vol. 3, 17.3.1.1).
_RESUME = frozenset((0, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19))

_S, _CODE, _CONFORMING, _WRITABLE, _ACCESSED, _BIG = 1 << 12, 1 << 11, 1 << 10, 1 << 9, 1 << 8, 1 << 22
_DOWN = 1 << 10  # of a data segment
_TSS_BUSY = 1 << 9
_REAL_FLAGS = PRESENT | _S | _WRITABLE | _ACCESSED
_VM86_FLAGS = _REAL_FLAGS | 3 << 13
DR6_STEP = 1 << 14
GENERAL = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")


class Event(NamedTuple):
    """Something that was to be delivered: for the report of a triple fault."""

    vector: int
    error_code: int | None
    eip: int
    cr2: int

    def __str__(self) -> str:
        name = VECTOR_NAMES.get(self.vector, f"interrupt {self.vector:#x}")
        code = "" if self.error_code is None else f"({self.error_code:#x})"
        at = f" for {self.cr2:#010x}" if self.vector == _PF else ""
        return f"{name}{code}{at} at EIP {self.eip:#010x}"


class _Fault(Exception):
    """A fault in the course of a delivery."""

    def __init__(self, vector: int, code: int) -> None:
        self.vector = vector
        self.code = code


class Delivery:
    """Takes the exceptions of one CPU and enters the guest's handlers. Install it as ``cpu.on_exception``.

    ``shutdown(events)`` is called at a triple fault, with the exceptions that led to it, the first first.
    """

    def __init__(self, cpu: CPU, shutdown: Callable[[list[Event]], None]) -> None:
        self.cpu = cpu
        self.shutdown = shutdown
        #: called with each event that is delivered, before it is; None costs nothing
        self.listener: Callable[[Event], None] | None = None
        self._frame = cpu.frame
        self._w = cpu.frame._words
        self._at = cpu.frame._at
        self._st = state()
        self._ram = cpu.ram
        self._words = cpu.ram.words
        self._bytes = cpu.ram.bytes
        # below, nothing but RAM; elsewhere each access looks
        self._plain = min(end for start, end in cpu.ram.ranges if start == 0)
        self._main = next(((start, end) for start, end in cpu.ram.ranges if start == 1 << 20), (0, 0))
        self.stepping = False
        #: while stepping: BS and B0 to B3 of DR6 as the guest is to find them
        self.status = 0
        #: bits of DR6: breakpoints on data that the present instruction has met
        self.breaks = 0

    # -- what arrives

    def exception(self, frame: ExceptionFrame) -> None:
        """For ``cpu.on_exception``: deliver what the engine has raised."""
        w, at, vector = self._w, self._at, frame.vector
        breaks, self.breaks = self.breaks, 0
        if self.stepping:
            self.stepping = False
            w[self._st.hflags] &= ~HF_TF
            self.cpu.stop()
            if vector == _DB and not w[self._st.eflags] & TF and w[self._st.dr6] & DR6_STEP:
                w[self._st.dr6] = w[self._st.dr6] & ~(DR6_STEP | 0xF) | self.status
                self.breaks = breaks
                return
            w[self._st.dr6] |= self.status & DR6_STEP
        if vector == _DB and w[at.is_int] != 1:
            w[self._st.dr6] |= breaks
            if not w[self._st.dr6] & DR6_STEP and not w[self._st.dr7] & 0xFF and not w[self._st.eflags] & TF:
                w[self._st.eflags] |= RF  # the engine keeps a breakpoint that a reset or a task switch has disabled
                return
        if w[at.is_int] == 1 and vector != _UD:
            self._deliver(vector, None, True, 0)
        elif vector in (_TS, _NP, _SS) and self._half_switched():
            self._finish_switch()
        elif vector == _UD and self._code(w[self._segment(CS) + BASE] + w[at.eip]) == _INT1:
            w[at.eip] = w[at.eip] + 1 & 0xFFFF_FFFF
            self._deliver(_DB, None, False, 1)
        else:
            self._deliver(vector, w[at.error_code] if vector in _WITH_CODE else None, False, 1)

    def interrupt(self, vector: int) -> None:
        """Outside of runs: deliver an external interrupt. The caller has seen to IF and the shadow."""
        self._outside(vector, False)

    def nmi(self) -> None:
        """Outside of runs: deliver an NMI; more of them wait until the next IRET."""
        self._outside(_NMI, True)

    def fault(self, vector: int, code: int | None) -> None:
        """Outside of runs: deliver a fault at the present EIP, or #DB with ``breaks``."""
        self._frame._context.save()
        w, breaks, self.breaks = self._w, self.breaks, 0
        w[self._at.old_exception] = 0xFFFF_FFFF
        if vector == _DB:
            w[self._st.dr6] |= breaks
        self.raise_fault(vector, code)
        self._frame._context.restore()

    def raise_fault(self, vector: int, code: int | None) -> None:
        """Inside ``on_exception``: deliver a fault in the place of what was raised."""
        self._deliver(vector, code, False, 1)

    def _outside(self, vector: int, nmi: bool) -> None:
        self._frame._context.save()
        if nmi:
            self._w[self._st.hflags2] |= HF2_NMI
        self._w[self._st.hflags] &= ~HF_INHIBIT
        self._deliver(vector, None, False, 1, external=True)
        self._frame._context.restore()

    def _deliver(self, vector: int, code: int | None, soft: bool, ext: int, external: bool = False) -> None:
        """Enter the handler; what goes wrong on the way is delivered in its place (SDM vol. 3, table 6-5)."""
        w, at = self._w, self._at
        events: list[Event] = []
        first = None if soft or external else vector
        if soft:
            ext = 0
        elif vector == _DB:
            w[self._st.dr7] &= ~GENERAL_DETECT
        resume = first in _RESUME
        while True:
            cr2 = w[self._st.cr2]
            if self.listener is not None:
                self.listener(Event(vector, code, w[at.eip], cr2))
            try:
                self._enter(vector, code, soft, ext, resume)
                return
            except _Fault as fault:
                if not events or vector == _DF:
                    events.append(Event(vector, code, w[at.eip], cr2))
                events.append(Event(fault.vector, fault.code, w[at.eip], w[self._st.cr2]))
                if first == _DF:
                    self.shutdown(events)
                    return
                if soft:
                    w[at.eip] = self._instruction_before(w[at.eip], vector)
                contributes = fault.vector in _CONTRIBUTORY
                if first in _CONTRIBUTORY and contributes or first == _PF and (contributes or fault.vector == _PF):
                    vector, code, first, resume = _DF, 0, _DF, False
                else:
                    vector, code, first, resume = fault.vector, fault.code, fault.vector, True
                soft, external, ext = False, False, 1

    def _instruction_before(self, eip: int, vector: int) -> int:
        """Where the INT n, INT3 or INTO begins that ends at ``eip``."""
        last = self._code(self._w[self._segment(CS) + BASE] + eip - 1)
        return eip - (1 if (vector, last) in ((3, 0xCC), (4, 0xCE)) else 2) & 0xFFFF_FFFF

    # -- memory, as the CPU's own accesses see it

    def _segment(self, number: int) -> int:
        return self._st.segments + STRIDE * number

    def _translate(self, linear: int, write: bool) -> int:
        """The physical address for an access of the CPU's own: that of a supervisor, at any CPL."""
        w, st = self._w, self._st
        cr0 = w[st.cr0]
        if not cr0 & 0x8000_0000:
            return linear & w[st.a20]
        cr4 = w[st.cr4]
        if cr4 & CR4_PAE:
            return self._translate_pae(linear, write)
        words = self._words
        pde_at = (w[st.cr3] & 0xFFFF_F000) + (linear >> 20 & 0xFFC) >> 2
        pde = words[pde_at] if pde_at < len(words) else 0
        if not pde & 1:
            self._page_fault(linear, write, 0)
        if pde & 0x80 and cr4 & 0x10:
            if pde & 1 << 21:
                self._page_fault(linear, write, 9)
            rights, leaf, leaf_at = pde, pde, pde_at
            pa = pde & 0xFFC0_0000 | (pde & 0x1F_E000) << 19 | linear & 0x3F_FFFF
        else:
            leaf_at = (pde & 0xFFFF_F000) + (linear >> 10 & 0xFFC) >> 2
            leaf = words[leaf_at] if leaf_at < len(words) else 0
            if not leaf & 1:
                self._page_fault(linear, write, 0)
            rights = pde & leaf
            pa = leaf & 0xFFFF_F000 | linear & 0xFFF
        if write and not rights & 2 and cr0 & 0x1_0000 or rights & 4 and cr4 & CR4_SMAP:
            self._page_fault(linear, write, 1)
        if not pde & 0x20:
            words[pde_at] |= 0x20
        if leaf & 0x60 != 0x60 and (write or not leaf & 0x20):
            words[leaf_at] |= 0x60 if write else 0x20
        return pa & w[st.a20]

    def _translate_pae(self, linear: int, write: bool) -> int:
        w, st = self._w, self._st
        access = Access.WRITE if write else Access.READ
        cr3, cr0, cr4 = w[st.cr3], w[st.cr0], w[st.cr4] & ~CR4_SMAP
        verdict = walk(self._words, cr3, linear, cr0=cr0, cr4=cr4, access=access, efer=EFER_NXE)
        if any(level.entry >> 63 for level in verdict.levels):  # then EFER matters, which is slow to read
            verdict = walk(self._words, cr3, linear, cr0=cr0, cr4=cr4, access=access, efer=self.cpu.read_msr(MSR_EFER))
        if verdict.pa is None:
            self._page_fault(linear, write, (verdict.error_code or 0) & ~6)
        if verdict.user and w[st.cr4] & CR4_SMAP:
            self._page_fault(linear, write, 1)
        for level in verdict.levels[1:]:  # a PDPTE has no A
            self._words[level.address >> 2] |= 0x60 if write and level is verdict.levels[-1] else 0x20
        assert verdict.pa is not None
        return verdict.pa & (w[st.a20] | ~0xFFFF_FFFF)

    def _page_fault(self, linear: int, write: bool, code: int) -> None:
        self._w[self._st.cr2] = linear
        raise _Fault(_PF, code | (2 if write else 0))

    def _is_ram(self, pa: int) -> bool:
        return pa < self._plain or self._main[0] <= pa < self._main[1] or self._ram.has(pa)

    def peek(self, linear: int) -> int | None:
        """The byte of code at a linear address, None where no RAM is mapped. In a run or outside of one."""
        self._frame._context.save()
        return self._code(linear)

    def locate(self, linear: int) -> int | None:
        """The physical address of code, None where no RAM is mapped; nothing changes but A bits."""
        self._frame._context.save()
        return self._locate(linear)

    def _code(self, linear: int) -> int | None:
        pa = self._locate(linear & 0xFFFF_FFFF)
        return None if pa is None else int(self._bytes[pa])

    def _locate(self, linear: int) -> int | None:
        w, st = self._w, self._st
        cr2, cr4 = w[st.cr2], w[st.cr4]
        w[st.cr4] = cr4 & ~CR4_SMAP  # a fetch is no access to data
        try:
            pa = self._translate(linear, False)
        except _Fault:
            return None
        finally:
            w[st.cr2], w[st.cr4] = cr2, cr4
        return pa if self._is_ram(pa) else None

    def _read_byte(self, linear: int) -> int:
        pa = self._translate(linear, False)
        return self._bytes[pa] if self._is_ram(pa) else 0xFF

    def _read(self, linear: int, size: int = 4) -> int:
        linear &= 0xFFFF_FFFF
        if not linear & 3 and size == 4:
            pa = self._translate(linear, False)
            return self._words[pa >> 2] if self._is_ram(pa) else 0xFFFF_FFFF
        return sum(self._read_byte(linear + index & 0xFFFF_FFFF) << 8 * index for index in range(size))

    def _read_pair(self, linear: int) -> tuple[int, int]:
        """Two words, as of a descriptor."""
        if not linear & 3 and linear & 0xFFF <= 0xFF8:
            pa = self._translate(linear, False)
            if self._is_ram(pa):
                return self._words[pa >> 2], self._words[(pa >> 2) + 1]
        return self._read(linear), self._read(linear + 4)

    def _write(self, linear: int, value: int, size: int = 4) -> None:
        """Store; a store that faults has stored nothing."""
        linear &= 0xFFFF_FFFF
        pa = self._translate(linear, True)
        if not linear & 3 and size == 4:
            if self._is_ram(pa):
                self._words[pa >> 2] = value & 0xFFFF_FFFF
            return
        places = [pa, *(self._translate(linear + index & 0xFFFF_FFFF, True) for index in range(1, size))]
        for index, place in enumerate(places):
            if self._is_ram(place):
                self._bytes[place] = value >> 8 * index & 0xFF

    # -- entering a handler

    def _flags(self) -> int:
        """EFLAGS as PUSHF sees them."""
        w, st = self._w, self._st
        if w[st.cc_op] == 1:  # nothing is pending in the engine's lazy flags
            return w[st.eflags] & ~(ARITHMETIC | DF) | w[st.cc_src] & ARITHMETIC | w[st.df] & DF | 2
        return self._frame._context.read_register(REGISTERS["eflags"])

    def _set_flags(self, value: int) -> None:
        w, st = self._w, self._st
        w[st.eflags] = value & _ALL_FLAGS | 2
        w[st.cc_op], w[st.cc_src] = 1, value & ARITHMETIC
        w[st.df] = 0xFFFF_FFFF if value & DF else 1

    def _enter(self, vector: int, code: int | None, soft: bool, ext: int, resume: bool) -> None:
        w, at, st = self._w, self._at, self._st
        if not w[st.cr0] & 1:
            self._enter_real(vector)
            return
        if w[st.idt + LIMIT] < vector * 8 + 7:
            raise _Fault(_GP, vector * 8 + 2 + ext)
        low, high = self._read_pair(w[st.idt + BASE] + vector * 8 & 0xFFFF_FFFF)
        kind = high >> 8 & 0x1F
        if kind not in (5, 6, 7, 14, 15):
            raise _Fault(_GP, vector * 8 + 2 + ext)
        eflags = w[st.eflags]
        cpl = 3 if eflags & VM else w[st.hflags] & HF_CPL
        if soft and high >> 13 & 3 < cpl:
            raise _Fault(_GP, vector * 8 + 2)
        if not high & PRESENT:
            raise _Fault(_NP, vector * 8 + 2 + ext)
        if kind == TASK_GATE:
            self._task_gate(low >> 16, code, ext, resume)
            return
        selector = low >> 16
        code_low, code_high, code_at = self._descriptor(selector, _GP, ext)
        dpl = code_high >> 13 & 3
        if code_high & (_S | _CODE) != _S | _CODE or dpl > cpl:
            raise _Fault(_GP, (selector & 0xFFFC) + ext)
        if not code_high & PRESENT:
            raise _Fault(_NP, (selector & 0xFFFC) + ext)
        wide = kind & 8
        offset = low & 0xFFFF | high & 0xFFFF_0000 if wide else low & 0xFFFF
        limit = segment_limit(code_low, code_high)
        segments = st.segments
        cs, ss = segments + STRIDE * CS, segments + STRIDE * SS
        flags = self._flags() & ~RF | (RF if resume else 0)  # the engine may keep an old RF up to the next RET
        frame = [flags, w[cs], w[at.eip]] if code is None else [flags, w[cs], w[at.eip], code]
        if not code_high & _CONFORMING and dpl < cpl:
            if eflags & VM and dpl:
                raise _Fault(_GP, (selector & 0xFFFC) + ext)
            stack, esp, stack_low, stack_high = self._inner_stack(dpl, ext)
            stack_base, stack_limit = segment_base(stack_low, stack_high), segment_limit(stack_low, stack_high)
            frame[:0] = (w[ss], w[at.esp])
            if eflags & VM:
                frame[:0] = [w[segments + STRIDE * number] for number in (GS, GS - 1, DS, ES)]
            if offset > limit:
                raise _Fault(_GP, ext)
            new_esp = self._push(frame, 4 if wide else 2, esp, stack_base, stack_limit, stack_high, stack, ext)
            if eflags & VM:
                for number in (ES, DS, GS - 1, GS):
                    self._load(number, 0, 0, 0, 0)
            self._load(SS, stack, stack_base, stack_limit, stack_high)
        else:
            if eflags & VM:
                raise _Fault(_GP, (selector & 0xFFFC) + ext)
            if offset > limit:
                raise _Fault(_GP, ext)
            new_esp = self._push(frame, 4 if wide else 2, w[at.esp], w[ss + BASE], w[ss + LIMIT], w[ss + FLAGS], 0, ext)
            if code_high & _CONFORMING:
                dpl = cpl
        if not code_high & _ACCESSED:
            code_high |= _ACCESSED
            self._write(code_at + 4, code_high)
        w[cs] = selector & 0xFFFC | dpl
        w[cs + BASE] = segment_base(code_low, code_high)
        w[cs + LIMIT] = limit
        w[cs + FLAGS] = code_high
        w[at.esp] = new_esp
        w[at.eip] = offset
        w[st.eflags] = eflags & ~(TF | NT | RF | VM | (0 if kind & 1 else IF))
        self._update_hflags(dpl)

    def _update_hflags(self, cpl: int) -> None:
        """What the translator goes by, from the segments loaded; protected mode."""
        w, st = self._w, self._st
        segments = st.segments
        ss_flags = w[segments + STRIDE * SS + FLAGS]
        code32 = w[segments + STRIDE * CS + FLAGS] & _BIG
        hflags = w[st.hflags] & ~(HF_CPL | HF_CS32 | HF_SS32 | HF_ADDSEG | HF_INHIBIT) | cpl
        if code32:
            hflags |= HF_CS32
        if ss_flags & _BIG:
            hflags |= HF_SS32
        if not code32 or (w[segments + STRIDE * DS + BASE] | w[segments + STRIDE * ES + BASE]
                          | w[segments + STRIDE * SS + BASE]):
            hflags |= HF_ADDSEG
        w[st.hflags] = hflags

    def _load(self, number: int, selector: int, base: int, limit: int, flags: int) -> None:
        w, first = self._w, self._segment(number)
        w[first], w[first + BASE], w[first + LIMIT], w[first + FLAGS] = selector, base, limit, flags

    def _descriptor(self, selector: int, vector: int, ext: int) -> tuple[int, int, int]:
        """Two words of a descriptor and its linear address; a fault ``vector`` where there is none."""
        w, st = self._w, self._st
        if selector & 0xFFFC == 0:
            raise _Fault(vector, ext)
        first = st.segments + STRIDE * LDTR if selector & 4 else st.gdt
        if selector | 7 > w[first + LIMIT]:
            raise _Fault(vector, (selector & 0xFFFC) + ext)
        linear = w[first + BASE] + (selector & 0xFFF8) & 0xFFFF_FFFF
        return *self._read_pair(linear), linear

    def _inner_stack(self, dpl: int, ext: int) -> tuple[int, int, int, int]:
        """SS, ESP and the descriptor's words, from the TSS (SDM vol. 3, 6.12.1)."""
        w = self._w
        tr = self._segment(TR)
        wide = w[tr + FLAGS] >> 8 & 8
        first = 4 + 8 * dpl if wide else 2 + 4 * dpl
        if first + (7 if wide else 3) > w[tr + LIMIT]:
            raise _Fault(_TS, (w[tr] & 0xFFFC) + ext)
        linear = w[tr + BASE] + first & 0xFFFF_FFFF
        if wide:
            esp, selector = self._read_pair(linear)
            selector &= 0xFFFF
        else:
            esp, selector = self._read(linear, 2), self._read(linear + 2, 2)
        low, high, _ = self._descriptor(selector, _TS, ext)
        if selector & 3 != dpl or high >> 13 & 3 != dpl or high & (_S | _CODE | _WRITABLE) != _S | _WRITABLE:
            raise _Fault(_TS, (selector & 0xFFFC) + ext)
        if not high & PRESENT:
            raise _Fault(_SS, (selector & 0xFFFC) + ext)
        return selector, esp, low, high

    def _push(self, values: list[int], size: int, esp: int, base: int, limit: int, flags: int, selector: int,
              ext: int) -> int:
        """Store ``values`` below ``esp``, the first highest; the new ESP. #SS(selector) beyond the limit."""
        room = size * len(values)
        mask = 0xFFFF_FFFF if flags & _BIG else 0xFFFF
        top = esp & mask
        lowest = top - room
        if lowest >= 0 and limit == 0xFFFF_FFFF and not flags & _DOWN and size == 4:
            first = base + lowest & 0xFFFF_FFFF
            if not first & 3 and first & 0xFFF <= 0x1000 - room:
                pa = self._translate(first + room - 4, True)  # the first store is the one to fault
                if self._is_ram(pa):
                    at = (pa >> 2) + 1
                    words = self._words
                    for value in values:
                        at -= 1
                        words[at] = value
                return esp & ~mask | lowest
        for index, value in enumerate(values, 1):
            offset = top - size * index & mask
            last = offset + size - 1
            if (offset <= limit or last > mask) if flags & _DOWN and flags & _S else last > limit:
                raise _Fault(_SS, (selector & 0xFFFC) + ext)
            self._write(base + offset, value, size)
        return esp & ~mask | lowest & mask

    def _enter_real(self, vector: int) -> None:
        """Real mode: the interrupt vector table at the IDTR's base; three words are pushed (SDM vol. 3, 20.1.4)."""
        w, at, st = self._w, self._at, self._st
        if w[st.idt + LIMIT] < vector * 4 + 3:
            raise _Fault(_GP, 0)
        entry = w[st.idt + BASE] + vector * 4
        offset, selector = self._read(entry, 2), self._read(entry + 2, 2)
        cs, ss = self._segment(CS), self._segment(SS)
        w[at.esp] = self._push([self._flags(), w[cs], w[at.eip]], 2, w[at.esp], w[ss + BASE], w[ss + LIMIT],
                               w[ss + FLAGS], 0, 0)
        w[cs], w[cs + BASE], w[at.eip] = selector, selector << 4, offset
        w[st.eflags] &= ~(IF | TF | AC | RF)

    # -- tasks

    def _task_gate(self, selector: int, code: int | None, ext: int, resume: bool) -> None:
        if selector & 4:
            raise _Fault(_GP, (selector & 0xFFFC) + ext)
        low, high, linear = self._descriptor(selector, _GP, ext)
        if high >> 8 & 0x1F not in (1, 9):
            raise _Fault(_GP, (selector & 0xFFFC) + ext)
        if not high & PRESENT:
            raise _Fault(_NP, (selector & 0xFFFC) + ext)
        wide = self._switch_task(selector, low, high, linear, ext, resume)
        if code is not None:
            w, ss = self._w, self._segment(SS)
            w[self._at.esp] = self._push([code], 4 if wide else 2, w[self._at.esp], w[ss + BASE], w[ss + LIMIT],
                                         w[ss + FLAGS], 0, ext)
        if self._w[self._at.eip] > self._w[self._segment(CS) + LIMIT]:
            raise _Fault(_GP, ext)

    def _switch_task(self, selector: int, low: int, high: int, linear: int, ext: int, resume: bool) -> bool:
        """To the task of a TSS, nested in the present one; whether its TSS has 32 bits (SDM vol. 3, 7.3)."""
        w, at, st = self._w, self._at, self._st
        wide = bool(high >> 8 & 8)
        base, limit = segment_base(low, high), segment_limit(low, high)
        if limit < (103 if wide else 43):
            raise _Fault(_TS, (selector & 0xFFFC) + ext)
        tr = self._segment(TR)
        old_base, old_wide = w[tr + BASE], w[tr + FLAGS] >> 8 & 8
        # Everything that may fault as part of the old task comes before the first change.
        new = self._read_tss(base, wide)
        self._translate(base & 0xFFFF_FFFF, True)
        size = 4 if old_wide else 2
        flags = self._flags() | (RF if resume else 0)
        saved = [w[at.eip], flags, *(w[getattr(at, name)] for name in GENERAL),
                 *(w[self._segment(number)] for number in range(GS + 1 if old_wide else DS + 1))]
        first = old_base + (0x20 if old_wide else 0x0E)
        for place in (first, first + size * len(saved) - 1):
            self._translate(place & 0xFFFF_FFFF, True)
        for index, value in enumerate(saved):
            self._write(first + size * index, value, size if index < 10 else 2)
        self._write(base, w[tr], 2)
        self._write(linear + 4, high | _TSS_BUSY)
        w[tr], w[tr + BASE], w[tr + LIMIT], w[tr + FLAGS] = selector, base, limit, high | _TSS_BUSY
        w[st.cr0] |= 8
        w[st.hflags] |= HF_TS
        w[st.dr7] &= ~0x155  # the local breakpoints of DR7
        if wide and w[st.cr0] & 0x8000_0000 and w[st.cr3] != new[0]:
            w[st.cr3] = new[0]
            self.cpu.flush_tlb()
        eip, flags = new[1], new[2] | NT
        if not wide:
            flags = flags & 0xFFFF | w[st.eflags] & 0xFFFF_0000 & ~(VM | RF)
        self._set_flags(flags)
        w[at.eip] = eip
        for name, value in zip(GENERAL, new[3:11]):
            w[getattr(at, name)] = value if wide else value | 0xFFFF_0000
        self._load_task_segments(new[11:17], new[17], bool(flags & VM), ext)
        return wide

    def _half_switched(self) -> bool:
        """Whether the engine has broken a task switch of its own off: it refuses conforming segments of inner rings."""
        w = self._w
        return not w[self._segment(CS) + FLAGS] or not w[self._segment(SS) + FLAGS]

    def _finish_switch(self) -> None:
        """CALL, JMP or IRET has led to a task: all is loaded but EIP and the segments, which may fault there."""
        w, tr = self._w, self._segment(TR)
        wide = bool(w[tr + FLAGS] >> 8 & 8)
        try:
            new = self._read_tss(w[tr + BASE], wide)
            w[self._at.eip] = new[1]
            self._load_task_segments(new[11:17], new[17], False, 0)
            if new[1] > w[self._segment(CS) + LIMIT]:
                raise _Fault(_GP, 0)
        except _Fault as fault:
            self._deliver(fault.vector, fault.code, False, 0)

    def _read_tss(self, base: int, wide: bool) -> list[int]:
        """CR3, EIP, EFLAGS, eight registers, ES to GS, LDTR."""
        if wide:
            words = [self._read(base + 0x1C + 4 * index) for index in range(18)]
            return [*words[:11], *(word & 0xFFFF for word in words[11:])]
        words = [self._read(base + 0x0E + 2 * index, 2) for index in range(15)]
        return [0, *words[:14], 0, 0, words[14]]

    def _load_task_segments(self, selectors: list[int], ldt: int, virtual: bool, ext: int) -> None:
        """The new task's LDT and segments; a fault here belongs to it: #TS, or #NP and #SS."""
        w, st = self._w, self._st
        cpl = 3 if virtual else selectors[CS] & 3
        w[st.hflags] = w[st.hflags] & ~(HF_CPL | HF_INHIBIT) | cpl
        self._load(LDTR, ldt, 0, 0, 0)
        for number, selector in enumerate(selectors):
            self._load(number, selector, selector << 4 if virtual else 0, 0xFFFF if virtual else 0,
                       _VM86_FLAGS if virtual else 0)
        if ldt & 0xFFFC:
            low, high, _ = self._descriptor(ldt & ~4, _TS, ext)
            if ldt & 4 or high >> 8 & 0x1F != 2 or not high & PRESENT:
                raise _Fault(_TS, (ldt & 0xFFFC) + ext)
            self._load(LDTR, ldt, segment_base(low, high), segment_limit(low, high), high)
        if virtual:
            w[st.hflags] |= HF_ADDSEG
            w[st.hflags] &= ~(HF_CS32 | HF_SS32)
            return
        for number in (CS, SS, DS, ES, GS - 1, GS):
            self._load_task_segment(number, selectors[number], cpl, ext)
        self._update_hflags(cpl)

    def _load_task_segment(self, number: int, selector: int, cpl: int, ext: int) -> None:
        if not selector & 0xFFFC:
            if number in (CS, SS):
                raise _Fault(_TS, ext)
            return
        low, high, linear = self._descriptor(selector, _TS, ext)
        dpl, rpl = high >> 13 & 3, selector & 3
        code, conforming = high & _CODE, high & _CODE and high & _CONFORMING
        if number == CS:
            bad = not code or (dpl > rpl if conforming else dpl != rpl)
        elif number == SS:
            bad = bool(code) or not high & _WRITABLE or dpl != cpl or rpl != cpl
        else:
            bad = bool(code) and not high & _WRITABLE or not conforming and dpl < max(cpl, rpl)
        if bad or not high & _S:
            raise _Fault(_TS, (selector & 0xFFFC) + ext)
        if not high & PRESENT:
            raise _Fault(_SS if number == SS else _NP, (selector & 0xFFFC) + ext)
        if not high & _ACCESSED:
            high |= _ACCESSED
            self._write(linear + 4, high)
        self._load(number, selector, segment_base(low, high), segment_limit(low, high), high)
        if number == CS:
            self._update_hflags(cpl)

    # -- ports

    def may_use_port(self, port: int, size: int) -> bool:
        """Whether the running code may use ``size`` ports: IOPL, then the TSS's bitmap (SDM vol. 1, 18.5)."""
        self._frame._context.save()
        w, st = self._w, self._st
        flags = w[st.eflags]
        if not w[st.cr0] & 1 or not flags & VM and w[st.hflags] & HF_CPL <= (flags & IOPL) >> 12:
            return True
        tr = self._segment(TR)
        if w[tr + FLAGS] >> 8 & 0xD != AVAILABLE_TSS32 or w[tr + LIMIT] < 103:  # the engine may not show it busy
            return False
        try:
            first = self._read(w[tr + BASE] + 0x66, 2) + (port >> 3)
            if first + 1 > w[tr + LIMIT]:
                return False
            bits = self._read(w[tr + BASE] + first, 2)
        except _Fault:
            return False
        return not bits >> (port & 7) & (1 << size) - 1
