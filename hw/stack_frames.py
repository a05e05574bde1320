"""Where functions make room on the stack for variables: those are FRAME in the shadow until somebody writes to them.

A hook over all code asks a table by the instruction's address. It is machine code: on a host that cannot run it, what
is on a stack counts as written.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from typing import Any

from hw.cpu import CPU
from hw.engine import HOOK_CODE
from hw.native import x86_64

_ENTRIES = 1 << 16  # by the low half of an address: a program of 64 kB finds each of its own
_LARGEST = 0x2000  # bytes: a stack

# SUB ESP, ADD ESP of a negative number, LEA ESP, [ESP - ...]: with numbers of 8 bits and of 32.
_MAKES_ROOM = re.compile(
    rb"(?=\x83\xec(?P<sub8>.)|\x81\xec(?P<sub32>.{4})|\x83\xc4(?P<add8>.)|\x81\xc4(?P<add32>.{4})"
    rb"|\x8d\x64\x24(?P<lea8>.)|\x8d\xa4\x24(?P<lea32>.{4}))",
    re.DOTALL,
)

# A code hook in x86-64 code: RDI is the engine, ESI the address. What it reads are the words of _Table.
_CODE = bytes.fromhex(
    "49b98888888888888888"  # mov r9, the table
    "0fb7c6 498d44c120"  # movzx eax, si; lea rax, [r9 + 8 rax + 32]
    "3930 754d"  # cmp [rax], esi; jne done
    "4151 8b4004 50 4883ec08"  # push r9; mov eax, [rax + 4]; push rax; sub rsp, 8
    "be1e000000 498d5118 41ff5110"  # mov esi, ESP; lea rdx, [r9 + 24]; call [r9 + 16]: uc_reg_read
    "4883c408 59 4159"  # add rsp, 8; pop rcx: the size; pop r9
    "418b7918 29cf 81ef000000c0"  # mov edi, [r9 + 24]; sub edi, ecx; sub edi, 0xc0000000: physical
    "488d040f 493b4108 7719"  # lea rax, [rdi + rcx]; cmp rax, [r9 + 8]; ja done: behind memory
    "490339"  # add rdi, [r9]
    "8a07 2c03 3c02 770e"  # mov al, [rdi]; sub al, STACK; cmp al, FRAME - STACK; ja done: its first byte is no stack's
    "8a440fff 2c03 3c02 7704"  # the same of its last
    "b005 f3aa"  # mov al, FRAME; rep stosb
    "c3"
)


class _Table(ctypes.Structure):
    """entries: address of an instruction and how many bytes it makes room for, by the address's low half."""

    _fields_ = (
        ("shadow", ctypes.c_uint64), ("limit", ctypes.c_uint64), ("reg_read", ctypes.c_void_p),
        ("esp", ctypes.c_uint64), ("entries", ctypes.c_uint32 * (2 * _ENTRIES)),
    )  # fmt: skip

    entries: Any


class StackFrames:
    """Marks the frames of functions that begin in `shadow`. To be made outside of runs."""

    def __init__(self, cpus: Sequence[CPU], shadow: memoryview) -> None:
        library = cpus[0]._engine.library.run
        self._table = _Table(
            ctypes.addressof(ctypes.c_char.from_buffer(shadow)), len(shadow),
            ctypes.cast(library.uc_reg_read, ctypes.c_void_p).value,
        )  # fmt: skip
        self._code = x86_64(_CODE.replace(b"\x88" * 8, ctypes.addressof(self._table).to_bytes(8, "little")))
        if self._code is not None:
            for cpu in cpus:
                cpu._engine._kept.append(self)
                cpu._engine.hook_native(HOOK_CODE, ctypes.addressof(self._code))
                cpu._engine.flush_code()

    def learn(self, linear: int, code: bytes) -> None:
        """From now on this code is at a linear address. What only looks like an instruction does not run, and what was
        there before does no harm: below the stack pointer nothing is written.
        """
        entries = self._table.entries
        for match in _MAKES_ROOM.finditer(code):
            kind = match.lastgroup or ""
            number = int.from_bytes(match[kind], "little", signed=True)
            size = number if kind.startswith("sub") else -number
            if 0 < size < _LARGEST:
                at = linear + match.start()
                entry = 2 * (at & _ENTRIES - 1)
                entries[entry : entry + 2] = at, size
