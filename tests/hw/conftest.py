"""A bare paged machine to try the CPU on, without any kernel."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from hw import TRAP_WINDOW, TRAP_WINDOW_SIZE, E820Map, Machine

DIRECTORY = 0x10_0000
TABLES = 0x10_1000
GDT = 0x7000
CODE = 0x1000
STACK = 0x9000
TRAP_LINEAR = 0xFFFF_E000
P, RW, US, PS = 1, 2, 4, 0x80
SCRATCH = 0x4000_0000  # linear; entries there are for the test to set


def descriptor(base: int, limit: int, access: int, flags: int = 0xC) -> bytes:
    """A segment descriptor, SDM vol. 3 figure 3-8; flat code/data have limit 0xFFFFF and flags G, D."""
    return struct.pack("<HHBBBB", limit & 0xFFFF, base & 0xFFFF, base >> 16 & 0xFF, access,
                       limit >> 16 & 0xF | flags << 4, base >> 24)


class Bench:
    """Any machine; linear 0-4 MB mapped one to one, the trap window at TRAP_LINEAR, paging and WP on."""

    DIRECTORY, CODE, STACK, TRAP, SCRATCH = DIRECTORY, CODE, STACK, TRAP_LINEAR, SCRATCH

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.ram = machine.ram
        self.cpu = machine.cpus[0]
        self.words = machine.ram.words
        self.next_table = TABLES
        self.on_write: Callable[[int, int, int], None] = lambda offset, size, value: None
        machine.map_mmio(TRAP_WINDOW, TRAP_WINDOW_SIZE,
                         lambda offset, size: offset, lambda *access: self.on_write(*access))
        for page in range(0, 0x40_0000, 0x1000):
            self.map(page, page | P | RW)
        self.map(TRAP_LINEAR, TRAP_WINDOW | P | RW)
        flat = [bytes(8)] * 32
        flat[12], flat[13] = descriptor(0, 0xFFFFF, 0x9A), descriptor(0, 0xFFFFF, 0x92)
        flat[14], flat[15] = descriptor(0, 0xFFFFF, 0xFA), descriptor(0, 0xFFFFF, 0xF2)
        self.code(GDT, b"".join(flat))
        for cpu in machine.cpus:
            cpu["cr3"] = DIRECTORY
            cpu["cr4"] = 0x90
            cpu["cr0"] = 0x8001_0033
            cpu.set_gdt(GDT, 255)
            cpu.load_segments(cs=0x60, ss=0x68, ds=0x7B, es=0x7B, fs=0, gs=0)
            cpu["esp"] = STACK

    def table(self, linear: int) -> int:
        """The physical address of the page table for ``linear``, made where there is none."""
        at = (DIRECTORY >> 2) + (linear >> 22)
        if not self.words[at] & P:
            self.words[at] = self.next_table | P | RW | US
            self.next_table += 0x1000
        return self.words[at] & ~0xFFF

    def map(self, linear: int, entry: int) -> None:
        self.words[(self.table(linear) >> 2) + (linear >> 12 & 1023)] = entry

    def code(self, pa: int, code: bytes) -> None:
        self.ram.write(pa, code)

    def start(self, code: bytes, eip: int = CODE) -> str:
        """Run ``code`` from a fresh place up to its end."""
        self.code(eip, code + b"\x90" * 4)
        self.cpu.invalidate_code(eip, len(code) + 4)
        return self.cpu.run(eip, eip + len(code))

    @staticmethod
    def store(address: int, register: str = "eax") -> bytes:
        """mov [address], register"""
        if register == "eax":
            return b"\xa3" + address.to_bytes(4, "little")
        number = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi").index(register)
        return bytes((0x89, number << 3 | 5)) + address.to_bytes(4, "little")

    @staticmethod
    def load(address: int) -> bytes:
        """mov eax, [address]"""
        return b"\xa1" + address.to_bytes(4, "little")

    @staticmethod
    def loop(count: int, body: bytes) -> bytes:
        """``body`` so many times (it keeps ECX, and has at most 120 bytes)"""
        return b"\xb9" + count.to_bytes(4, "little") + body + b"\x49\x75" + bytes((256 - len(body) - 3,))

    def enter_ring3(self, eip: int, at: int = 0x3000) -> None:
        """Be in ring 3, about to execute ``eip``: by an IRET at ``at``."""
        top = self.cpu["esp"]
        for index, word in enumerate((eip, 0x73, 0x202, top, 0x7B)):
            self.words[(top - 20 >> 2) + index] = word
        self.cpu["esp"] = top - 20
        self.ram.write(at, b"\xcf")
        if self.cpu.run(at, eip) != "until":
            raise AssertionError("IRET did not arrive")


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    """Makes a Bench over a machine with so many MB of RAM (default 16) and CPUs (default 1)."""
    with ExitStack() as stack:
        yield lambda megabytes=16, cpus=1: Bench(
            stack.enter_context(Machine(E820Map.pc(megabytes << 20), cpus)))


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
