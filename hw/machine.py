"""RAM, CPUs and devices wired to one machine, which can be saved and loaded."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from types import MappingProxyType

from hw.core import State, read_core, write_core
from hw.cpu import CPU, ReadHandler, WriteHandler
from hw.e820 import E820Entry, E820Map
from hw.errors import EngineError, HighmemError, ImageError
from hw.files import replaced
from hw.ram import RAM

#: The page in the PCI hole that hypercall stubs store to (4 KB).
TRAP_WINDOW = 0xFEBF_F000
TRAP_WINDOW_SIZE = 0x1000

_NOTHING: Mapping[int, bytes] = MappingProxyType({})


class Machine:
    """A PC: one RAM, ``cpus`` engines over it. Use it as a context manager, or call ``close``."""

    def __init__(self, e820: E820Map, cpus: int = 1) -> None:
        """Build it with empty RAM. Raises EngineError when Unicorn or the host cannot."""
        if cpus < 1:
            raise EngineError(f"a machine has at least one CPU, not {cpus}")
        self.ram = RAM(e820)
        #: what was saved with it, by the numbers of hw.core
        self.notes: dict[int, bytes] = {}
        self.cpus: list[CPU] = []
        try:
            for index in range(cpus):
                self.cpus.append(CPU(self.ram, index))
        except BaseException:
            self.close()
            raise

    @property
    def e820(self) -> E820Map:
        """The firmware's memory map."""
        return self.ram.e820

    def map_mmio(self, pa: int, size: int, read: ReadHandler, write: WriteHandler) -> None:
        """Let one device answer on every CPU; see CPU.map_mmio."""
        for cpu in self.cpus:
            cpu.map_mmio(pa, size, read, write)

    def flush_tlb(self) -> None:
        """Drop the cached translations of every CPU."""
        for cpu in self.cpus:
            cpu.flush_tlb()

    def invalidate_code(self, linear: int, size: int) -> None:
        """Forget translated code on every CPU; see CPU.invalidate_code."""
        for cpu in self.cpus:
            cpu.invalidate_code(linear, size)

    def close(self) -> None:
        """Free engines and memory."""
        for cpu in self.cpus:
            cpu.close()
        self.cpus.clear()
        self.ram.close()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def save(self, path: str | os.PathLike[str], cr3: int | None = None, notes: Mapping[int, bytes] = _NOTHING) -> None:
        """Write map, registers and touched memory to ``path``, replacing it as a whole: an ELF32 core, see hw.core.

        cr3: whose linear addresses debuggers shall see, the first CPU's by default. notes: kept for who loads it, by
        numbers from NT_USER on. Raises OSError as file work does, EngineError within a run. Devices are not saved:
        who loads the machine maps them again.
        """
        if any(cpu.depth for cpu in self.cpus):
            raise EngineError("a machine cannot be saved while it runs")
        registers = [cpu.registers() for cpu in self.cpus]
        with replaced(path) as partial, open(partial, "wb") as file:
            write_core(file, self.ram, registers, registers[0]["cr3"] if cr3 is None else cr3, notes)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Machine:
        """The machine that ``save`` wrote. ImageError for a foreign or damaged file, OSError for file work."""
        state, data = read_core(path)
        try:
            with data:
                return cls._restore(state, data)
        except (ValueError, KeyError, TypeError, OverflowError, HighmemError) as error:
            raise ImageError(f"{os.fspath(path)} is damaged: {error or type(error).__name__}") from None

    @classmethod
    def _restore(cls, state: State, data: mmap.mmap) -> Machine:
        entries = [E820Entry(int(start), int(end), int(kind)) for start, end, kind in state.e820]
        machine = cls(E820Map(entries), len(state.cpus))
        try:
            for extent in state.extents:
                if not machine.ram.has(extent.pa, extent.size) or extent.offset + extent.size > len(data):
                    raise ImageError("a piece of memory is where no memory is")
                machine.ram.write(extent.pa, memoryview(data)[extent.offset : extent.offset + extent.size])
            for cpu, values in zip(machine.cpus, state.cpus, strict=True):
                cpu.load_registers(values)
        except BaseException:
            machine.close()
            raise
        machine.notes = state.notes
        return machine
