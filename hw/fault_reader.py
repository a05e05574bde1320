"""Makes the record of an exception (hw.fault), inside its callback: from the saved state, the code and the page tables.

Nothing in the machine changes by it. A record takes about 0.1 ms. It has the error code of the walker beside the CPU's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hw.cpu import CPU, MSR_EFER
from hw.errors import PhysicalError
from hw.fault import (
    GENERAL,
    PAGE_FAULT,
    PUSH_A_CODE,
    FaultRecord,
    MemoryAccess,
    Operand,
    Term,
    deciding,
    entries,
    error_bits,
    operand_text,
)
from hw.frame import PF_FETCH, PF_WRITE, VECTOR_NAMES, ExceptionFrame
from hw.paging import CR4_PAE, EFLAGS_AC, PAGE_SIZE, Access, Walk, walk
from hw.state import BASE, CS, DS, ES, FS, GS, HF_CPL, HF_CS32, LIMIT, SS, STRIDE, TR, State, state

_LONGEST_INSTRUCTION = 15
_SEGMENTS = {"es": ES, "cs": CS, "ss": SS, "ds": DS, "fs": FS, "gs": GS}
# What instructions push and pop besides their operands, in units of the operand size.
_STACK_WRITES = {"push": 1, "pushal": 8, "pushaw": 8, "pushfd": 1, "pushf": 1, "call": 1, "lcall": 2, "enter": 1}
_STACK_READS = {
    "pop": 1, "popal": 8, "popaw": 8, "popfd": 1, "popf": 1, "ret": 1, "retf": 2, "iretd": 3, "iret": 3,
}  # fmt: skip
_NO_ACCESS = frozenset(("lea", "nop", "invlpg", "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2"))


class FaultReader:
    """Makes the records of one CPU."""

    def __init__(self, cpu: CPU) -> None:
        import capstone  # type: ignore[import-untyped]  # 40 ms: only for who wants records

        self._cpu = cpu
        self._ram = cpu.ram
        self._words = cpu.ram.words
        self._state: State = state()
        self._engines = {}
        for mode, bits in ((capstone.CS_MODE_32, 32), (capstone.CS_MODE_16, 16)):
            self._engines[bits] = capstone.Cs(capstone.CS_ARCH_X86, mode)
            self._engines[bits].detail = True
        self._memory_operand = capstone.x86.X86_OP_MEM

    def translate(
        self, linear: int, access: Access = Access.READ, user: bool = False, ac: bool | None = None
    ) -> Walk:
        """The walk under the CPU's page tables as they are now. ac: in the place of EFLAGS.AC."""
        cpu = self._cpu
        cr4 = cpu["cr4"]
        if ac is None:
            ac = bool(cpu["eflags"] & EFLAGS_AC)
        return walk(
            self._words, cpu["cr3"], linear, cr0=cpu["cr0"], cr4=cr4, access=access, user=user,
            efer=cpu.read_msr(MSR_EFER) if cr4 & CR4_PAE else 0, ac=ac,
        )  # fmt: skip

    def read(self, frame: ExceptionFrame, vector: int, error_code: int | None) -> FaultRecord:
        """The record of an exception, inside its callback. frame: the state that it interrupted."""
        w, at = frame._words, self._state
        hflags = w[at.hflags]
        registers = {name: frame.get(name) for name in (*GENERAL, "eip", "eflags", *_SEGMENTS)}
        bases = {name: w[at.segments + STRIDE * number + BASE] for name, number in _SEGMENTS.items()}
        tables = {
            name: (w[first + BASE], w[first + LIMIT])
            for name, first in (("GDT", at.gdt), ("IDT", at.idt), ("TSS", at.segments + STRIDE * TR))
        }
        machine = _Moment(registers, bases, tables, hflags & HF_CPL, 32 if hflags & HF_CS32 else 16)
        is_int = frame.is_int and vector not in PUSH_A_CODE  # else what the INT itself has met
        cr2 = frame.cr2 if vector == PAGE_FAULT and error_code is not None else None
        return self._record(vector, error_code, cr2, is_int, machine)

    def read_host_access(self, registers: dict[str, int], linear: int, write: bool) -> FaultRecord:
        """The record of a page fault that host code met when it stood in for code of ring 0, in a device callback."""
        machine = _Moment(registers, dict.fromkeys(_SEGMENTS, 0), {}, 0, 32)
        return self._record(PAGE_FAULT, PF_WRITE if write else 0, linear, False, machine, by_host=True)

    def _record(
        self, vector: int, code: int | None, cr2: int | None, is_int: bool, at: _Moment, by_host: bool = False
    ) -> FaultRecord:  # fmt: skip
        registers, user = at.registers, at.cpl == 3
        pc = at.bases["cs"] + registers["eip"] & 0xFFFF_FFFF
        control = {name: self._cpu[name] for name in ("cr0", "cr3", "cr4")}
        if control["cr4"] & CR4_PAE:
            control["efer"] = self._cpu.read_msr(MSR_EFER)
        data = self._fetch(pc)
        found = next(self._engines[at.bits].disasm(data, registers["eip"], 1), None)
        access = verdict = None
        if cr2 is not None:
            assert code is not None
            if by_host:
                access = MemoryAccess("write" if code & PF_WRITE else "read", cr2, cr2, 0, None, "")
            else:
                access = self._access(cr2, code, pc, data, found, at)
            verdict = self.translate(cr2, Access(access.kind), user and not access.by)
        level, bit = deciding(verdict) if verdict else ("", "")
        return FaultRecord(
            vector, VECTOR_NAMES.get(vector, f"vector {vector}"), code, error_bits(vector, code or 0), cr2, is_int,
            at.cpl, registers["cs"], registers["eip"], pc, registers["ss"], registers["esp"], registers, control,
            data[: found.size] if found else data, f"{found.mnemonic} {found.op_str}".rstrip() if found else "",
            access, entries(verdict) if verdict else [], level, bit, verdict.reason if verdict else "",
            verdict.error_code if verdict else None, by_host,
        )  # fmt: skip

    def _fetch(self, pc: int) -> bytes:
        """The bytes at a linear address, up to an instruction's length, as far as they are mapped to RAM."""
        data = b""
        while len(data) < _LONGEST_INSTRUCTION:
            pa = self.translate(pc + len(data), ac=True).pa
            if pa is None:
                break
            try:
                data += self._ram.read(pa, min(_LONGEST_INSTRUCTION - len(data), PAGE_SIZE - pa % PAGE_SIZE))
            except PhysicalError:
                break
        return data

    def _access(self, cr2: int, code: int, pc: int, data: bytes, found: Any, at: _Moment) -> MemoryAccess:
        if code & PF_FETCH or not code & PF_WRITE and cr2 == pc + len(data) & 0xFFFF_FFFF and found is None:
            return MemoryAccess("fetch", cr2, pc, 0, None, "")
        write = bool(code & PF_WRITE)
        kind = "write" if write else "read"
        near = None
        # What is known to do this comes first: of some instructions, as FSTP, capstone says the wrong thing.
        operands = self._operands(found, at) if found else ()
        for operand in sorted(operands, key=lambda operand: not (operand.writes if write else operand.reads)):
            if cr2 - operand.linear & 0xFFFF_FFFF < operand.size:
                return MemoryAccess(kind, cr2, operand.linear, operand.size, _that(operand, write), "")
            if near is None and (cr2 ^ operand.linear) < PAGE_SIZE:
                near = operand
        if near is not None:
            return MemoryAccess(kind, cr2, cr2, 0, _that(near, write), "")
        if found is None and cr2 - pc & 0xFFFF_FFFF < PAGE_SIZE:
            return MemoryAccess("fetch", cr2, pc, 0, None, "")
        by = next((name for name, (base, limit) in at.tables.items() if cr2 - base & 0xFFFF_FFFF <= limit), "")
        return MemoryAccess(kind, cr2, cr2, 0, None, by)

    def _operands(self, found: Any, at: _Moment) -> Iterator[Operand]:
        """What an instruction accesses: the operands that it names, then those that it implies."""
        name = found.mnemonic.split()[-1]
        if name in _NO_ACCESS:
            return
        for operand in found.operands:
            if operand.type != self._memory_operand:
                continue
            place = operand.mem
            base, index = (found.reg_name(number) if number else "" for number in (place.base, place.index))
            segment = found.reg_name(place.segment) if place.segment else "ss" if base in ("ebp", "esp", "bp") else "ds"
            terms = [Term(base, 1, at.value(base))] if base else []
            if index:
                terms.append(Term(index, place.scale, at.value(index)))
            effective = sum(term.value * term.scale for term in terms) + place.disp
            reads, writes = bool(operand.access & 1) or not operand.access, bool(operand.access & 2)
            text = operand_text(segment if place.segment else "", terms, place.disp)
            mask = 0xFFFF if found.addr_size == 2 else 0xFFFF_FFFF
            offset = at.bases[segment]
            linear = offset + (effective & mask) & 0xFFFF_FFFF
            yield Operand(text, False, segment, offset, terms, place.disp, linear, operand.size, reads, writes)
        wide = (at.bits == 32) != (0x66 in found.prefix)
        unit = 4 if wide else 2
        if count := _STACK_WRITES.get(name):
            yield at.stack("esp", -unit * count, unit * count, write=True)
        elif count := _STACK_READS.get(name):
            yield at.stack("esp", 0, unit * count, write=False)
        elif name == "leave":
            yield at.stack("ebp", 0, unit, write=False)
        elif name == "xlatb":
            terms = [Term("ebx", 1, at.registers["ebx"]), Term("al", 1, at.value("al"))]
            linear = at.bases["ds"] + terms[0].value + terms[1].value & 0xFFFF_FFFF
            yield Operand("[ebx + al]", True, "ds", at.bases["ds"], terms, 0, linear, 1, True, False)


def _that(operand: Operand, write: bool) -> Operand:
    """An operand that has just been read, or written."""
    if operand.writes if write else operand.reads:
        return operand
    return replace(operand, reads=not write, writes=write)


class _Moment:
    """The state of a CPU at an exception. bits: size of its code. tables: base and limit of what it reads by itself."""

    def __init__(
        self, registers: dict[str, int], bases: dict[str, int], tables: dict[str, tuple[int, int]], cpl: int, bits: int
    ) -> None:  # fmt: skip
        self.registers = registers
        self.bases = bases
        self.tables = tables
        self.cpl = cpl
        self.bits = bits

    def value(self, name: str) -> int:
        """A register or a part of one."""
        if name in self.registers:
            return self.registers[name]
        if name == "eiz":
            return 0
        whole = self.registers.get("e" + (name if name[-1] in "xip" else name[0] + "x"), 0)
        return whole >> 8 & 0xFF if name[-1] == "h" else whole & (0xFF if name[-1] == "l" else 0xFFFF)

    def stack(self, register: str, offset: int, size: int, write: bool) -> Operand:
        """An operand on the stack that the instruction does not name."""
        terms = [Term(register, 1, self.registers[register])]
        linear = self.bases["ss"] + terms[0].value + offset & 0xFFFF_FFFF
        text = operand_text("", terms, offset)
        return Operand(text, True, "ss", self.bases["ss"], terms, offset, linear, size, not write, write)
