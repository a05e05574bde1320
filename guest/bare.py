"""Builds bare-metal programs: Multiboot ELF executables of C and assembly, without this project's kernel.

Each program of guest/programs/bare is one C file; bare.c and start.S go with it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from guest.cachedir import cache_dir, publish, scratch
from guest.compilers import FLAGS, CompileError, Progress, find_compiler, run

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


def _do(command: list[str]) -> None:
    result = run(command)
    if result.returncode:
        raise CompileError((result.stderr + result.stdout).strip() or f"{command[0]} failed")
