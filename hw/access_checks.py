"""What the engine does not look at when memory is accessed: breakpoints on data, and alignment (#AC).

SDM vol. 3, 17.2 and 6.15. A memory hook does it, which makes each access take about 1 us. It is there only while
DR7 enables a breakpoint on data, and from the first code on that runs in ring 3 with CR0.AM and EFLAGS.AC set.
A run that a hook stops ends at the instruction: what it reads is not read, what it stores is stored.
"""

from __future__ import annotations

from collections.abc import Callable

from hw.delivery import AC, Delivery
from hw.engine import HOOK_MEM_READ, HOOK_MEM_WRITE, Engine, HookMemory
from hw.ram import RAM
from hw.state import HF_CPL, state

_CR0_AM = 1 << 18
_WRITE = 17  # the kind of an access, to a hook
_SIZES = (1, 2, 8, 4)  # bytes, by LEN of DR7


class AccessChecks:
    """The checks of one CPU. ``attention`` ends its run; the CPU then looks at ``misaligned`` and ``cut``."""

    def __init__(self, engine: Engine, ram: RAM, delivery: Delivery, attention: Callable[[], None]) -> None:
        self._engine = engine
        self._ram = ram
        self._delivery = delivery
        self._attention = attention
        self._state = state()
        self._context = delivery.cpu.frame._context
        self._w = self._context.words
        self._debug = b""
        self._data_breaks: list[tuple[int, int, int, bool]] = []  # bit of DR6, linear address, size, reads count too
        self._aligns = False
        self._hook = 0
        self._on_access = HookMemory(self._access)
        #: DR7 enables a breakpoint on execution (of which the engine takes care)
        self.code_breaks = False
        #: a breakpoint was met: its instruction has to be stepped over, and ``delivery.breaks`` is gathered anew
        self.cut = False
        #: an access that #AC forbids was met: where, and what was there before a store
        self.misaligned: tuple[int, bytes] | None = None

    def follow_debug_registers(self) -> None:
        """Outside of runs, with the context saved: do what DR0-DR7 say now."""
        w, at = self._w, self._state
        debug = bytes(w[at.dr0:at.dr7 + 1])
        if debug == self._debug:
            return
        self._debug = debug
        self._data_breaks.clear()
        code_breaks = False
        dr7 = w[at.dr7]
        for number in range(4):
            kind = dr7 >> 16 + 4 * number & 3
            if not dr7 >> 2 * number & 3:
                continue
            if kind & 1:
                size = _SIZES[dr7 >> 18 + 4 * number & 3]
                self._data_breaks.append((1 << number, w[at.dr0 + 2 * number] & -size, size, kind == 3))
            elif not kind:
                code_breaks = True
        if code_breaks and not self.code_breaks:
            self._engine.flush_code()
        self.code_breaks = code_breaks
        self.hook_memory()

    def begin_alignment(self) -> bool:
        """When code was translated, with the context saved: whether accesses are to be checked from now on.

        Code is translated anew for each combination of AC and ring.
        """
        if self._aligns or not self._must_align():
            return False
        self._aligns = True
        return True

    def hook_memory(self) -> None:
        """Outside of runs: have accesses call back, or no more."""
        wanted = self._aligns or bool(self._data_breaks)
        if wanted == bool(self._hook):
            return
        if wanted:
            self._hook = self._engine.hook(HOOK_MEM_READ | HOOK_MEM_WRITE, self._on_access)
        else:
            self._engine.unhook(self._hook)
            self._hook = 0
        self._engine.flush_code()

    def undo(self) -> None:
        """Take back the store that was not aligned. (What lies in the page behind stays.)"""
        assert self.misaligned is not None
        (pa, old), self.misaligned = self.misaligned, None
        self._ram.bytes[pa:pa + len(old)] = old
        self._delivery.breaks = 0

    def _must_align(self) -> bool:
        w, at = self._w, self._state
        return bool(w[at.cr0] & _CR0_AM and w[at.eflags] & AC) and w[at.hflags] & HF_CPL == 3

    def _access(self, _handle: int, kind: int, pa: int, size: int, _value: int, _data: int) -> bool:
        try:
            if self._aligns and pa & size - 1:
                self._context.save()
                if self._must_align():
                    end = min(pa + size, (pa | 0xFFF) + 1)
                    stored = kind == _WRITE and self._ram.has(pa, end - pa)
                    self.misaligned = pa, bytes(self._ram.bytes[pa:end]) if stored else b""
                    self._attention()
                    return True
            if self._data_breaks and (hits := self._met(pa, size, kind == _WRITE)):
                self._delivery.breaks |= hits
                if not self._delivery.stepping:
                    self.cut = True
                    self._attention()
        except BaseException as error:
            self._delivery.cpu._fail(error)
        return True

    def _met(self, pa: int, size: int, write: bool) -> int:
        """Bits of DR6 for an access, of which the engine tells the physical address: an alias counts too."""
        hits = 0
        for bit, linear, length, reads in self._data_breaks:
            if not write and not reads:
                continue
            page = linear & -4096 | pa & 0xFFF
            for start in (page, page - 4096 & 0xFFFF_FFFF):  # the second for an access that goes on in this page
                if start < linear + length and linear < start + size and self._delivery.locate(start) == pa:
                    hits |= bit
        return hits
