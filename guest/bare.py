"""Builds bare-metal programs: Multiboot ELF executables of C and assembly, without this project's kernel.

Each program of guest/programs/bare is one C file; bare.c and start.S go with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePath

from guest.cachedir import cache_dir, publish, scratch
from guest.compilers import FLAGS, CompileError, Progress, find_compiler, run
from guest.dwarf import DebugInfo
from guest.elf import Image, ImageSymbol
from guest.elffile import (
    PT_LOAD,
    SHN_LORESERVE,
    SHN_UNDEF,
    STT_FUNC,
    STT_NOTYPE,
    STT_OBJECT,
    ElfFile,
    LoadError,
)
from guest.symbols import SymbolEntry
from guest.types import Types

FOLDER = Path(__file__).resolve().parent / "programs" / "bare"
_SHARED = ("start.S", "bare.c")
_SCRIPT = "link.ld"


def programs() -> list[Path]:
    """The programs of this folder."""
    return [path for path in sorted(FOLDER.glob("*.c")) if path.name not in _SHARED]


def build(source: str | Path, progress: Progress | None = None) -> Path:
    """Compile and link one C file with the shared part: the path of an ELF file in the cache. CompileError."""
    source = Path(source).resolve()
    compiler = find_compiler(progress)
    shared = [FOLDER / name for name in (*_SHARED, "bare.h", _SCRIPT)]
    try:
        parts = [repr((compiler, FLAGS)).encode(), *(path.read_bytes() for path in (source, *shared))]
    except OSError as error:
        raise CompileError(f"{error.filename}: cannot be read: {error.strerror}") from error
    name = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:32]
    target = cache_dir("bare") / f"{name}.elf"
    if target.exists():
        return target
    if progress:
        progress(f"compiling {source.name}")
    with scratch() as folder:
        objects = []
        for path in (FOLDER / "start.S", FOLDER / "bare.c", source):
            made = folder / f"{path.stem}.o"
            _do([*compiler.command, *FLAGS, f"-I{FOLDER}", "-c", str(path), "-o", str(made)])
            objects.append(str(made))
        result = folder / "program.elf"
        _do([*compiler.link_exec, *objects, "-T", str(FOLDER / _SCRIPT), "-o", str(result)])
        publish(result, target)
    return target


class BareSymbols:
    """Names, lines and C types of a bare-metal program, out of its ELF file; none where the image is no ELF file."""

    def __init__(self, image: bytes, name: str) -> None:
        self._name = PurePath(name).name.partition(".")[0]
        try:
            self._file: ElfFile | None = ElfFile(image, name)
        except LoadError:
            self._file = None
        found = self._image()
        self._debug = DebugInfo(self, found) if found else None
        self._symbols = found.symbols if found else ()
        self.types = Types(None, [self._debug] if self._debug else [])

    def _image(self) -> Image | None:
        file = self._file
        loads = [s for s in file.segments if s.type == PT_LOAD and s.size] if file else []
        if not file or not loads:
            return None
        base, end = min(s.vaddr for s in loads), max(s.vaddr + s.size for s in loads)
        symbols = sorted({
            ImageSymbol(s.value, s.name, s.size, s.type == STT_FUNC)
            for s in file.symbols
            if s.type in (STT_FUNC, STT_OBJECT, STT_NOTYPE) and s.name and s.name[0] != "."
            and SHN_UNDEF < s.section < SHN_LORESERVE and base <= s.value < end
        })  # fmt: skip
        tables = ((0, 0),) * 4
        return Image(
            self._name, base, b"", end - base, "main", base, None, 0, *tables, tuple(symbols), [s.va for s in symbols]
        )  # fmt: skip

    def relocated_debug(self, base: int) -> bytes:
        """The file: it is linked."""
        return self._file.data if self._file else b""

    def debug_bias(self, base: int) -> int:
        """None: it is where it was linked to."""
        return 0

    def address(self, name: str) -> int | None:
        """Address of a symbol, None where there is none of that name."""
        return next((symbol.va for symbol in self._symbols if symbol.name == name), None)

    def symbol(self, va: int) -> tuple[str, int, int] | None:
        """(name, offset, size) of the function or variable that `va` lies in."""
        return self._debug.symbol(va) if self._debug else None

    def line(self, va: int) -> tuple[str, int] | None:
        """Source file and line of the code at `va`."""
        return self._debug.line(va) if self._debug else None

    def each(self) -> Iterator[SymbolEntry]:
        """Every symbol, by address."""
        for s in self._symbols:
            yield SymbolEntry(s.va, "T" if s.is_function else "D", s.name, s.size, "")


def _do(command: list[str]) -> None:
    result = run(command)
    if result.returncode:
        raise CompileError((result.stderr + result.stdout).strip() or f"{command[0]} failed")
