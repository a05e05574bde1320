"""RAM, CPUs and devices wired to one machine, which can be saved and loaded."""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import BinaryIO

from hw.cpu import CPU, ReadHandler, WriteHandler
from hw.e820 import E820Entry, E820Map
from hw.errors import EngineError, HighmemError, ImageError
from hw.ram import RAM

#: The page in the PCI hole that hypercall stubs store to (4 KB).
TRAP_WINDOW = 0xFEBF_F000
TRAP_WINDOW_SIZE = 0x1000

_MAGIC = b"highmem machine 1\n"
_CHUNK = 1 << 20
_RECORD = struct.Struct("<QII")  # physical address, bytes of memory, bytes in the file
_TRAILER = struct.Struct("<I")
_HEADER_LIMIT = 1 << 24


class Machine:
    """A PC: one RAM, ``cpus`` engines over it. Use it as a context manager, or call ``close``."""

    def __init__(self, e820: E820Map, cpus: int = 1) -> None:
        """Build it with empty RAM. Raises EngineError when Unicorn or the host cannot."""
        if cpus < 1:
            raise EngineError(f"a machine has at least one CPU, not {cpus}")
        self.ram = RAM(e820)
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write map, registers and touched memory to ``path``, replacing it as a whole.

        Raises OSError as file work does, EngineError within a run. Devices are not saved: who loads the
        machine maps them again.
        """
        if any(cpu.depth for cpu in self.cpus):
            raise EngineError("a machine cannot be saved while it runs")
        header = json.dumps({
            "e820": [list(entry) for entry in self.e820.entries],
            "cpus": [cpu.registers() for cpu in self.cpus],
        }, separators=(",", ":")).encode()
        temporary = f"{os.fspath(path)}.{os.getpid()}.tmp"
        try:
            with open(temporary, "wb") as file:
                self._write(_Summing(file), header)
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise

    def _write(self, file: _Summing, header: bytes) -> None:
        file.write(_MAGIC)
        file.write(struct.pack("<I", len(header)))
        file.write(header)
        for start, end in self.ram.extents():
            for pa in range(start, end, _CHUNK):
                data = self.ram.bytes[pa:min(pa + _CHUNK, end)]
                packed = zlib.compress(data, 1)
                file.write(_RECORD.pack(pa, len(data), len(packed)))
                file.write(packed)
        file.write(_RECORD.pack(0, 0, 0))
        file.file.write(_TRAILER.pack(file.sum))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Machine:
        """The machine that ``save`` wrote. ImageError for a foreign or damaged file, OSError for file work."""
        with open(path, "rb") as raw:
            file = _Summing(raw)
            if raw.read(len(_MAGIC)) != _MAGIC:
                raise ImageError(f"{os.fspath(path)} is no saved machine of this version of highmem")
            file.sum = zlib.crc32(_MAGIC)
            try:
                return cls._read(file)
            except (struct.error, ValueError, KeyError, TypeError, EOFError, zlib.error,
                    OverflowError, RecursionError, HighmemError) as error:
                raise ImageError(f"{os.fspath(path)} is damaged: {error or type(error).__name__}") from None

    @classmethod
    def _read(cls, file: _Summing) -> Machine:
        size, = struct.unpack("<I", file.read(4))
        if size > _HEADER_LIMIT:
            raise EOFError("its header is too long")
        header = json.loads(file.read(size))
        entries = [E820Entry(int(start), int(end), int(kind)) for start, end, kind in header["e820"]]
        registers: list[dict[str, int]] = header["cpus"]
        machine = cls(E820Map(entries), len(registers))
        try:
            while True:
                pa, length, packed = _RECORD.unpack(file.read(_RECORD.size))
                if not length:
                    break
                if packed > 2 * _CHUNK or length > _CHUNK:
                    raise EOFError("a piece of memory is too long")
                data = zlib.decompress(file.read(packed))
                if len(data) != length or pa + length > machine.ram.size:
                    raise EOFError("a piece of memory has the wrong size")
                machine.ram.bytes[pa:pa + length] = data
            total = file.sum
            if _TRAILER.unpack(file.read(_TRAILER.size))[0] != total:
                raise EOFError("its checksum is wrong")
            for cpu, values in zip(machine.cpus, registers, strict=True):
                cpu.load_registers({str(name): int(value) for name, value in values.items()})
        except BaseException:
            machine.close()
            raise
        return machine


class _Summing:
    """A binary file with a CRC over what passes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sum = 0

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.sum = zlib.crc32(data, self.sum)

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        if len(data) != size:
            raise EOFError("it ends too early")
        self.sum = zlib.crc32(data, self.sum)
        return data
