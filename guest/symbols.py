"""Names for addresses: of the kernel's own text and data, and of the loaded programs with their source lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from guest.calls import STUB_SIZE, TABLE
from guest.dwarf import DebugInfo
from guest.module import Loaded
from mm.errors import KernelFault
from mm.layout import TEXT_START, Layout
from mm.maccess import KernelMemory

# The kernel's own instructions, at the start of its text.
KERNEL_RETURN = TEXT_START  # hlt: where a function that the kernel calls returns to
KERNEL_WP_TEST = TEXT_START + 0x10  # mov [FIX_WP_TEST], al

_AROUND = 4  # instructions shown before and behind the one at fault


class Symbols:
    """The symbol table of a running kernel. It is what the host knows of the programs: no kernel state."""

    def __init__(self, layout: Layout, vm: KernelMemory) -> None:
        self._vm = vm
        table = {call.name: (call.address, STUB_SIZE) for call in TABLE}
        table |= {symbol.name: (symbol.va, symbol.size) for symbol in layout.symbols.values() if symbol.size}
        table |= {"ret_from_call": (KERNEL_RETURN, 16), "do_test_wp_bit": (KERNEL_WP_TEST, 16)}
        self._kernel = {name: va for name, (va, _) in table.items()}
        self._sorted = sorted((va, name, size) for name, (va, size) in table.items())
        self._programs: list[tuple[Loaded, DebugInfo]] = []

    def add(self, loaded: Loaded) -> None:
        """Know a program's names too, before those of earlier ones at the same place."""
        self._programs.insert(0, (loaded, DebugInfo(loaded.program, loaded.image)))

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
