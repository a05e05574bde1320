"""A bare PC with tables laid out by hand: each vector's handler halts, and what it found is read from memory."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hw.bare import BarePC, Report
from hw.bus import Device
from hw.e820 import E820Map
from hw.multiboot import Start

CODE, HANDLERS, GDT, LDT, IDT, TSS, STACK, INNER, USER_STACK = (
    0x10_0000, 0x2000, 0x4000, 0x4800, 0x5000, 0x1_8000, 0xA000, 0xC000, 0xE000)
#: selectors
CS0, DS0, CS3, DS3, TR, CONFORMING, TASK, TASK16, ABSENT, SMALL, SMALL_DATA = (
    0x08, 0x10, 0x1B, 0x23, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x58)
INTERRUPT, TRAP, INTERRUPT16, TASK_GATE = 0x8E, 0x8F, 0x86, 0x85
RING3 = 0x60


class Seen(NamedTuple):
    """What a handler found."""

    vector: int
    stack: list[int]  # from ESP upwards, 12 words
    esp: int
    cs: int
    ss: int
    eflags: int


class Words(Device):
    """Port 0x300 remembers what is written, and gives it back."""

    name = "words"
    ports = ((0x300, 4),)

    def reset(self) -> None:
        self.values: list[int] = []

    def port_width(self, port: int) -> int:
        return 4

    def port_read(self, port: int, size: int) -> int:
        return self.values.pop(0) if self.values else 0

    def port_write(self, port: int, size: int, value: int) -> None:
        self.values.append(value)


def descriptor(base: int, limit: int, access: int, flags: int = 0xC) -> bytes:
    """SDM vol. 3 figure 3-8."""
    return struct.pack("<HHBBBB", limit & 0xFFFF, base & 0xFFFF, base >> 16 & 0xFF, access,
                       limit >> 16 & 0xF | flags << 4, base >> 24)


class Stage:
    """Ring 0, flat, TR loaded, an interrupt gate for every vector; ``code`` runs it from CODE on."""

    def __init__(self, pc: BarePC) -> None:
        self.pc = pc
        self.ram = pc.ram
        self.words = Words()
        pc.bus.add(self.words)
        table = [bytes(8)] * 32
        for selector, data in (
            (CS0, descriptor(0, 0xFFFFF, 0x9A)), (DS0, descriptor(0, 0xFFFFF, 0x92)),
            (CS3, descriptor(0, 0xFFFFF, 0xFA)), (DS3, descriptor(0, 0xFFFFF, 0xF2)),
            (TR, descriptor(TSS, 0x20FF, 0x89, 0)), (CONFORMING, descriptor(0, 0xFFFFF, 0x9E)),
            (ABSENT, descriptor(0, 0xFFFFF, 0x1A)), (SMALL, descriptor(0, 0xFFFF, 0x9A, 0)),
            (SMALL_DATA, descriptor(0, 0xFFFF, 0x92, 0)),
        ):
            table[selector >> 3] = data
        self.ram.write(GDT, b"".join(table))
        for vector in range(256):
            self.ram.write(HANDLERS + 16 * vector, b"\xf4")  # hlt
            self.gate(vector, CS0, HANDLERS + 16 * vector)
        self.ram.write(TSS + 4, struct.pack("<II", INNER, DS0))
        self.ram.write(TSS + 0x64, struct.pack("<HH", 0, 0x68))
        self.ram.write(TSS + 0x68, b"\xff" * 0x2001)
        self.ram.write(0x100, struct.pack("<HI", 255, GDT) + bytes(2) + struct.pack("<HI", 2047, IDT))

    def gate(self, vector: int, selector: int, offset: int, access: int = INTERRUPT) -> None:
        self.ram.write(IDT + 8 * vector, struct.pack("<HHBBH", offset & 0xFFFF, selector, 0, access, offset >> 16))

    def descriptor(self, selector: int, base: int, limit: int, access: int, flags: int = 0xC) -> None:
        self.ram.write(GDT + (selector & ~7), descriptor(base, limit, access, flags))

    def access_of(self, selector: int) -> int:
        return self.ram.bytes[GDT + (selector & ~7) + 5]

    def run(self, code: bytes, ring3: bool = False, flags: int = 2, registers: dict[str, int] | None = None) -> Report:
        """Run ``code``: behind the loading of the tables, and an IRET to ring 3."""
        start = (b"\x0f\x01\x15\x00\x01\x00\x00"  # lgdt [0x100]
                 b"\x0f\x01\x1d\x08\x01\x00\x00"  # lidt [0x108]
                 b"\x66\xb8\x28\x00\x0f\x00\xd8"  # mov ax, TR; ltr ax
                 b"\xb8" + DS0.to_bytes(4, "little") +
                 b"\x8e\xd8\x8e\xc0\x8e\xd0\xbc" + STACK.to_bytes(4, "little"))
        if ring3:
            start += b"".join(b"\x68" + value.to_bytes(4, "little")
                              for value in (DS3, USER_STACK, flags, CS3, CODE)) + b"\xcf"  # iret
        else:
            start += b"\x68" + flags.to_bytes(4, "little") + b"\x9d\xe9"  # popf; jmp CODE
            start += (CODE - (0x1_0000 + len(start) + 4)).to_bytes(4, "little", signed=True)
        self.ram.bytes[GDT + TR + 5] = 0x89
        self.ram.write(0x1_0000, start)
        self.ram.write(CODE, code)
        self.cpu.forget_code()
        self.pc._start_cpu(self.pc.processors[0], Start(0x1_0000, 0, 0, 0, real=False))
        for name, value in (registers or {}).items():
            self.cpu[name] = value
        return self.pc.run(10)

    def paging(self) -> bytes:
        """Map 4 MB one to one with the tables at 0x200000; code that switches paging on."""
        self.ram.words[0x20_0000 >> 2] = 0x20_1003
        for page in range(1024):
            self.ram.words[(0x20_1000 >> 2) + page] = page << 12 | 3
        return b"\xb8\x00\x00\x20\x00\x0f\x22\xd8\x0f\x20\xc0\x0d\x00\x00\x00\x80\x0f\x22\xc0"

    @property
    def cpu(self):  # type: ignore[no-untyped-def]
        return self.pc.cpus[0]

    def seen(self) -> Seen:
        """After a run that ended in a handler."""
        cpu = self.cpu
        vector, rest = divmod(cpu["eip"] - 1 - HANDLERS, 16)
        assert not rest and 0 <= vector < 256, f"no handler at {cpu['eip']:#x}"
        esp = cpu["esp"]
        stack = [int.from_bytes(self.ram.read(esp + 4 * index, 4), "little") for index in range(12)]
        return Seen(vector, stack, esp, cpu["cs"], cpu["ss"], cpu["eflags"])

    def fault(self, code: bytes, **more: bool) -> tuple[int, int, int]:
        """Vector, error code and how far behind CODE the saved EIP is."""
        self.run(code, **more)
        seen = self.seen()
        return seen.vector, seen.stack[0], seen.stack[1] - CODE


def make_stage(megabytes: int = 16) -> Stage:
    """A machine of its own; close its ``pc``."""
    return Stage(BarePC(E820Map.pc(megabytes << 20), serial=lambda data: None))
