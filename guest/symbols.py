"""Names for addresses: of the kernel's own text and data, and of the loaded programs with their source lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from guest.calls import STUB_SIZE, TABLE
from guest.dwarf import DebugInfo
from guest.elffile import SHF_ALLOC
from guest.module import Loaded
from guest.types import Types
from mm.errors import KernelFault
from mm.layout import TEXT_START, Layout
from mm.maccess import KernelMemory

# The kernel's own instructions, at the start of its text.
KERNEL_RETURN = TEXT_START  # hlt: where a function that the kernel calls returns to
KERNEL_WP_TEST = TEXT_START + 0x10  # mov [FIX_WP_TEST], al

_AROUND = 4  # instructions shown before and behind the one at fault


@dataclass(frozen=True, slots=True)
class SymbolEntry:
    """A symbol. kind: "T" text, "D" data, "B" bss, as nm says. program: "" for one of the kernel's. size: 0 where
    nobody says.
    """

    va: int
    kind: str
    name: str
    size: int
    program: str


class Symbols:
    """The symbol table of a running kernel. It is what the host knows of the programs: no kernel state."""

    def __init__(self, layout: Layout, vm: KernelMemory) -> None:
        self._vm = vm
        self._layout = layout
        self._types: Types | None = None
        table = {call.name: (call.address, STUB_SIZE) for call in TABLE}
        table |= {symbol.name: (symbol.va, symbol.size) for symbol in layout.symbols.values() if symbol.size}
        table |= {"ret_from_call": (KERNEL_RETURN, 16), "do_test_wp_bit": (KERNEL_WP_TEST, 16)}
        self._kernel = {name: va for name, (va, _) in table.items()}
        self._sorted = sorted((va, name, size) for name, (va, size) in table.items())
        self._programs: list[tuple[Loaded, DebugInfo]] = []
        self._newest: DebugInfo | None = None  # kept for a program that is run again and again

    def add(self, loaded: Loaded) -> None:
        """Know a program's names too, before those of earlier ones at the same place."""
        if self._newest is None or not self._newest.is_of(loaded.program, loaded.image):
            self._newest = DebugInfo(loaded.program, loaded.image)
        self._programs.insert(0, (loaded, self._newest))
        self._types = None

    @property
    def types(self) -> Types:
        """The C types of the kernel and of the programs, the newest program's first."""
        if self._types is None:
            self._types = Types(self._layout, [debug for _, debug in self._programs])
        return self._types

    def each(self) -> Iterator[SymbolEntry]:
        """Every symbol: the programs', the newest program's first, then the kernel's; by address each."""
        for loaded, _ in self._programs:
            program = PurePath(loaded.image.name).name.partition(".")[0]
            for s in loaded.image.symbols:
                yield SymbolEntry(s.va, "T" if s.is_function else "D", s.name, s.size, program)
        sections = {".text": "T", ".bss": "B"}
        kinds = {symbol.name: sections.get(symbol.section, "D") for symbol in self._layout.symbols.values()}
        for va, name, size in self._sorted:
            yield SymbolEntry(va, kinds.get(name, "T"), name, size, "")

    def kernel(self) -> list[tuple[int, str, int]]:
        """(address, name, size) of the kernel's own functions and variables, ascending."""
        return list(self._sorted)

    def programs(self) -> list[Loaded]:
        """Every program that was loaded, the newest first."""
        return [loaded for loaded, _ in self._programs]

    def debug(self) -> list[DebugInfo]:
        """The debug information of every program, the newest program's first."""
        return [debug for _, debug in self._programs]

    def keep(self, programs: list[Loaded]) -> None:
        """Forget every program but those."""
        self._programs = [row for row in self._programs if row[0] in programs]
        self._types = None

    def address(self, name: str) -> int | None:
        """Virtual address of a symbol, the newest program's first; None where no one knows it."""
        for loaded, _ in self._programs:
            for symbol in loaded.image.symbols:
                if symbol.name == name:
                    return symbol.va
        return self._kernel.get(name)

    def symbol(self, va: int) -> tuple[str, int, int] | None:
        """(name, offset, size) of the function or variable that `va` lies in, None outside of all."""
        for _, debug in self._programs:
            if found := debug.symbol(va):
                return found
        at = bisect_right(self._sorted, va, key=lambda row: row[0]) - 1
        if at < 0:
            return None
        start, name, size = self._sorted[at]
        return (name, va - start, size) if va - start < size else None

    def section(self, va: int) -> str:
        """The section of a program's file that `va` lies in, "" where no program says."""
        for loaded, _ in self._programs:
            program, image = loaded.program, loaded.image
            if image.base <= va < image.base + image.size:
                for s in program.file.sections:
                    start = image.base + program.offsets.get(s.index, image.size) if program.relocatable else s.addr
                    if s.flags & SHF_ALLOC and start <= va < start + s.size:
                        return s.name
                return ""
        return ""

    def line(self, va: int) -> tuple[str, int] | None:
        """Source file and line of the code at `va`, None where no DWARF tells."""
        return next((found for _, debug in self._programs if (found := debug.line(va))), None)

    def explain(self, eip: int) -> Iterator[str]:
        """The source line at `eip` and the instructions around it."""
        if found := self.line(eip):
            yield f"Source: {found[0]}:{found[1]}"
        yield from self._disassemble(eip)

    def _disassemble(self, eip: int) -> Iterator[str]:
        import capstone  # type: ignore[import-untyped]  # 40 ms: only for an oops

        found = self.symbol(eip)
        start = eip - found[1] if found else eip
        code = b""
        for end in range(eip + 16 * _AROUND, eip, -16):
            try:
                code = self._vm.read(start, end - start)
                break
            except KernelFault:
                continue
        engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
        rows = [(i.address, f"{i.mnemonic} {i.op_str}".rstrip()) for i in engine.disasm(code, start)]
        at = next((n for n, (address, _) in enumerate(rows) if address == eip), None)
        if at is not None:
            for address, text in rows[max(0, at - _AROUND) : at + _AROUND + 1]:
                yield f"{'=>' if address == eip else '  '} {address:08x}: {text}"
