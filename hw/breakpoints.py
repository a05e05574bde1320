"""Calls from chosen instructions and accesses of a CPU: what breakpoints, watchpoints and single steps are made of.

A Probe puts hooks over all addresses into the engine that do nothing, so that all code asks for hooks at every
instruction and every access. A hook of ours is then in force from the moment its range is set, in the middle of a
run and from any thread, and no translated code need be dropped. With a probe code takes two to three times as long.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from enum import Flag
from functools import cache
from typing import Any, NamedTuple

from hw.cpu import CPU, GENERAL
from hw.engine import HOOK_CODE, HOOK_MEM_READ, HOOK_MEM_WRITE, HookCode, HookMemory
from hw.errors import EngineError

#: No access of an i386 is longer, in bytes.
LONGEST_ACCESS = 16

_NOWHERE = (1 << 64) - 1
_EVERYWHERE = 0  # as the end of a range that begins at _NOWHERE
_MARK = 0x5EA7_0DE5_0000_0001  # no address of an i386


class Kind(Flag):
    """Of an access to memory."""

    READ = 1
    WRITE = 2
    ACCESS = 3


_HOOKS = {Kind.READ: HOOK_MEM_READ, Kind.WRITE: HOOK_MEM_WRITE}


class Touch(NamedTuple):
    """An access at physical ``pa`` of ``size`` bytes. A write has not been done yet: memory has the old bytes."""

    pa: int
    size: int
    kind: Kind


class Probe:
    """One CPU's hooks. Made and closed outside of runs; the rest may be done at any time, in any thread.

    ``on_instruction(linear)`` is called before an instruction at one of the points, or before every one while
    ``every`` is set. Registers, EIP too, may be read and set there. ``on_touch`` is called in the middle of an
    instruction: it may look at registers and memory, and set nothing. What they raise comes out of ``CPU.run``.
    """

    def __init__(self, cpu: CPU, on_instruction: Callable[[int], None], on_touch: Callable[[Touch], None]) -> None:
        self.cpu = cpu
        self._on_instruction = on_instruction
        self._on_touch = on_touch
        self._engine = engine = cpu._engine
        self._hooks: list[int] = []
        self._points: dict[int, _Range] = {}
        self._areas: dict[tuple[int, int, Kind], _Range] = {}
        self._free: dict[int, list[_Range]] = {HOOK_CODE: [], HOOK_MEM_READ: [], HOOK_MEM_WRITE: []}
        self._answered = -1
        self._code, self._point = HookCode(self._step), HookCode(self._arrive)
        nothing = ctypes.cast(engine.library.run.uc_arch_supported, ctypes.c_void_p).value or 0
        for kind in (HOOK_CODE, HOOK_CODE, HOOK_MEM_READ, HOOK_MEM_WRITE):  # one alone would be called directly
            self._hooks.append(engine.hook_native(kind, nothing))
        self._every = self._new(HOOK_CODE, self._code)
        engine.flush_code()

    def close(self) -> None:
        """Take all hooks away."""
        for hook in self._hooks:
            self._engine.unhook(hook)
        self._hooks.clear()
        self._engine.flush_code()

    @property
    def every(self) -> bool:
        """Whether every instruction calls."""
        return self._every.words[self._every.at + 1] == _EVERYWHERE

    @every.setter
    def every(self, wanted: bool) -> None:
        self._every.words[self._every.at + 1] = _EVERYWHERE if wanted else _NOWHERE

    def add_point(self, linear: int) -> None:
        """Have the instruction at a linear address call."""
        if linear not in self._points:
            self._points[linear] = self._take(HOOK_CODE, self._point, linear, linear)

    def remove_point(self, linear: int) -> None:
        """No longer."""
        self._give(HOOK_CODE, self._points.pop(linear, None))

    def watch(self, pa: int, size: int, kind: Kind) -> None:
        """Have accesses to physical [pa, pa + size) call, through whatever linear address.

        Of an access that crosses from one page into another the engine tells the first page's part only.
        """
        if (pa, size, kind) not in self._areas:
            area = self._take(_HOOKS[kind], None, max(0, pa - LONGEST_ACCESS + 1), pa + size - 1)
            area.watched = pa, size
            self._areas[pa, size, kind] = area

    def unwatch(self, pa: int, size: int, kind: Kind) -> None:
        """No longer."""
        self._give(_HOOKS[kind], self._areas.pop((pa, size, kind), None))

    @property
    def areas(self) -> set[tuple[int, int, Kind]]:
        """What is watched."""
        return set(self._areas)

    # hooks are never deleted, in a run that is not safe: they are given new ranges

    def _new(self, kind: int, callback: object) -> _Range:
        area = _Range()
        hook = self._engine.hook(kind, callback or HookMemory(self._toucher(area, kind)), _MARK, _MARK + 1)
        self._hooks.append(hook)
        area.find(hook)
        return area

    def _take(self, kind: int, callback: object, first: int, last: int) -> _Range:
        free = self._free[kind]
        taken = free.pop() if free else self._new(kind, callback)
        taken.set(first, last)
        return taken

    def _give(self, kind: int, used: _Range | None) -> None:
        if used is not None:
            used.set(_NOWHERE, _NOWHERE)
            self._free[kind].append(used)

    # what the engine calls

    def _step(self, _handle: int, linear: int, _size: int, _data: int) -> None:
        try:
            self._answered = linear if linear in self._points else -1  # its own hook calls next
            self._on_instruction(linear)
        except BaseException as error:
            self.cpu._fail(error)

    def _arrive(self, _handle: int, linear: int, _size: int, _data: int) -> None:
        answered, self._answered = self._answered, -1
        if answered == linear:
            return
        try:
            self._on_instruction(linear)
        except BaseException as error:
            self.cpu._fail(error)

    def _toucher(self, area: _Range, hook: int) -> Callable[..., bool]:
        kind = Kind.READ if hook == HOOK_MEM_READ else Kind.WRITE

        def on_access(_handle: int, _kind: int, pa: int, size: int, _value: int, _data: int) -> bool:
            start, length = area.watched
            if start < pa + size and pa < start + length:
                try:
                    self._on_touch(Touch(pa, size, kind))
                except BaseException as error:
                    self.cpu._fail(error)
            return True

        return on_access


class _Range:
    """The range of a hook, in the engine's own structure: in force at once. watched: address and size within it."""

    watched = 0, 0

    def find(self, hook: int) -> None:
        """Find it in a new hook, and end it there."""
        self.words = (ctypes.c_uint64 * 8).from_address(hook)
        found = [at for at in range(7) if (self.words[at], self.words[at + 1]) == (_MARK, _MARK + 1)]
        if len(found) != 1:
            raise EngineError("this Unicorn's hooks are not as measured: breakpoints cannot be made")
        self.at = found[0]
        self.set(_NOWHERE, _NOWHERE)

    def set(self, first: int, last: int) -> None:
        """Call for [first, last]."""
        self.words[self.at], self.words[self.at + 1] = first, last


@cache
def _disassembler() -> tuple[Any, int]:
    """capstone's, and its number for an operand in memory."""
    import capstone  # type: ignore[import-untyped]  # 40 ms

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    engine.detail = True
    return engine, capstone.x86.X86_OP_MEM


def decode_access(cpu: CPU, code: bytes, linear: int, kind: Kind) -> list[int]:
    """Where the 32-bit instruction at ``linear`` may read or write, as the registers are before it; segments flat."""
    engine, in_memory = _disassembler()
    found: Any = next(engine.disasm(code, linear, 1), None)
    if found is None:
        return []

    def register(number: int) -> int:
        name = found.reg_name(number) if number else ""
        return cpu[name] if name in GENERAL else 0

    result = []
    for operand in found.operands:
        if operand.type == in_memory and (not operand.access or operand.access & kind.value):
            place = operand.mem
            result.append(register(place.base) + register(place.index) * place.scale + place.disp & 0xFFFF_FFFF)
    name = found.mnemonic
    if name.startswith(("push", "call", "enter")) and Kind.WRITE in kind:
        result.append(cpu["esp"] - (32 if name.startswith("pusha") else 4) & 0xFFFF_FFFF)
    elif name.startswith(("pop", "ret", "iret")) and Kind.READ in kind:
        result.append(cpu["esp"])
    return result
