"""What the CPU knows at an exception: vector, error code, CR2 and registers, out of the saved context."""

from __future__ import annotations

from hw.calibrate import NO_EXCEPTION, Offsets
from hw.engine import REGISTERS, Context

#: Intel's mnemonics, SDM vol. 3 table 6-1
VECTOR_NAMES = {
    0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS",
    11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM",
}
_WITH_ERROR_CODE = frozenset((8, 10, 11, 12, 13, 14, 17))

PF_PRESENT, PF_WRITE, PF_USER, PF_RESERVED, PF_FETCH = 1, 2, 4, 8, 16


class ExceptionFrame:
    """One exception, valid while its callback runs. What is set here is in force when the callback returns.

    At a fault ``eip`` is the instruction at fault, at INT n the one behind it.
    """

    __slots__ = ("_at", "_context", "_words", "vector")

    def __init__(self, context: Context, offsets: Offsets) -> None:
        self._context = context
        self._words = context.words
        self._at = offsets
        self.vector = 0

    def __repr__(self) -> str:
        return (f"<{VECTOR_NAMES.get(self.vector, f'vector {self.vector}')} error_code={self.error_code:#x} "
                f"eip={self.eip:#010x} cr2={self.cr2:#010x}>")

    @property
    def error_code(self) -> int:
        """The error code that the CPU pushes, 0 for vectors that have none (SDM vol. 3, 6.13)."""
        if self.vector not in _WITH_ERROR_CODE:
            return 0
        return self._words[self._at.error_code]

    @property
    def has_error_code(self) -> bool:
        """Whether the CPU pushes one."""
        return self.vector in _WITH_ERROR_CODE and not self.is_int

    @property
    def is_int(self) -> bool:
        """Whether an INT n, INT3 or INTO instruction raised it."""
        return self.vector != 6 and self._words[self._at.is_int] == 1

    @property
    def cr2(self) -> int:
        """The linear address of the last page fault."""
        return self._words[self._at.cr2]

    @property
    def eip(self) -> int:
        return self._words[self._at.eip]

    @eip.setter
    def eip(self, value: int) -> None:
        self._words[self._at.eip] = value & 0xFFFF_FFFF

    @property
    def eax(self) -> int:
        return self._words[self._at.eax]

    @eax.setter
    def eax(self, value: int) -> None:
        self._words[self._at.eax] = value & 0xFFFF_FFFF

    @property
    def esp(self) -> int:
        return self._words[self._at.esp]

    @esp.setter
    def esp(self, value: int) -> None:
        self._words[self._at.esp] = value & 0xFFFF_FFFF

    def get(self, name: str) -> int:
        """Any general register, eip, eflags or selector, by its name in lower case; KeyError for another."""
        if name in Offsets._fields[:9]:
            return int(self._words[getattr(self._at, name)])
        return self._context.read_register(REGISTERS[name])

    def set(self, name: str, value: int) -> None:
        """Set a general register, eip or eflags (not a selector); KeyError for another name."""
        if name in Offsets._fields[:9]:
            self._words[getattr(self._at, name)] = value & 0xFFFF_FFFF
        elif name == "eflags":
            self._context.write_register(REGISTERS[name], value)
        else:
            raise KeyError(name)

    def _register(name: str) -> property:  # type: ignore[misc]
        return property(lambda self: self.get(name), lambda self, value: self.set(name, value))

    ebx, ecx, edx, esi, edi, ebp, eflags = map(_register, ("ebx", "ecx", "edx", "esi", "edi", "ebp", "eflags"))
    cs, ss, ds, es, fs, gs = map(_register, ("cs", "ss", "ds", "es", "fs", "gs"))
    del _register

    def _take(self, vector: int) -> None:
        """Fill the frame from the engine, and end the exception as far as the engine is concerned."""
        self._context.save()
        self._words[self._at.old_exception] = NO_EXCEPTION
        self.vector = vector
