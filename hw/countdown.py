"""Counts the instructions that a CPU runs, down to its end: a hook over all code, of machine code where that runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from hw.engine import HOOK_CODE, Engine, HookCode
from hw.native import x86_64

#: More instructions than any run has.
ENDLESS = 1 << 62

# A code hook in x86-64 code. What it reads are the words of _Words, whose address stands in place of the eights.
_CODE = bytes.fromhex(
    "49b98888888888888888"  # mov r9, the words
    "4183790800 7506"  # cmp dword [r9 + 8], 0; jne python
    "49ff09 7801 c3"  # dec qword [r9]; js python; ret
    "41ff6110"  # python: jmp [r9 + 16]
)


class _Words(ctypes.Structure):
    _fields_ = (("left", ctypes.c_int64), ("halted", ctypes.c_uint64), ("python", ctypes.c_void_p))
    left: int
    halted: int
    python: int | None


class Countdown:
    """How many instructions a CPU may still run, ``left``; below 0 when a run was ended for it."""

    def __init__(self) -> None:
        self._words = _Words(ENDLESS)
        #: hooks are there
        self.counts = False

    @property
    def left(self) -> int:
        """Instructions that may still run."""
        return self._words.left

    @left.setter
    def left(self, left: int) -> None:
        self._words.left = left

    @property
    def halted(self) -> bool:
        """Whether none may run, whatever is left."""
        return self._words.halted != 0

    @halted.setter
    def halted(self, halted: bool) -> None:
        self._words.halted = halted

    def install(self, engine: Engine, end: Callable[[], None]) -> None:
        """Begin to count. ``end`` is called before each instruction that may not run. Not in a run."""
        native = False
        words = self._words

        def ask(_handle: int, _linear: int, _size: int, _data: int) -> None:
            if not words.halted and not native:
                words.left -= 1
            if words.halted or words.left < 0:
                end()

        callback = HookCode(ask)
        words.python = ctypes.cast(callback, ctypes.c_void_p).value
        code = x86_64(_CODE.replace(b"\x88" * 8, ctypes.addressof(words).to_bytes(8, "little")))
        if code is None:
            engine.hook(HOOK_CODE, callback)
        else:
            native = True
            engine._kept += [callback, code, words]
            engine.hook_native(HOOK_CODE, ctypes.addressof(code))
        engine.flush_code()  # what is translated already does not call the hook
        self.counts = True
