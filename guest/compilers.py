"""Which C compiler makes programs for this machine: each candidate is tried for real.

A compiler that is there may still not do: `gcc -m32` without its 32-bit parts, a clang without a linker. So each
compiles, links and divides 64-bit numbers before it is taken, in the order `$HIGHMEM_CC`, `gcc -m32`,
`clang --target=i386`, ziglang. The verdict is kept in the cache until a candidate's file changes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from guest.cachedir import cache_dir, read_json, scratch, write_json
from guest.elf import read as read_elf
from guest.elffile import LoadError
from hw.errors import HighmemError

Progress = Callable[[str], None]

TIMEOUT = 300
"""Seconds for one run of a compiler."""

FLAGS = (
    "-ffreestanding", "-nostdinc", "-O1", "-g", "-std=gnu11", "-fgnu89-inline",
    "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",  # call traces
    "-fno-builtin", "-fno-strict-aliasing", "-fno-delete-null-pointer-checks",  # what is wrong must stay wrong
    "-fno-stack-protector", "-fno-pic", "-fno-pie", "-fno-common",
    "-fno-asynchronous-unwind-tables", "-fno-unwind-tables",
    "-mno-sse", "-mno-mmx",
    "-Wall", "-Wno-pointer-sign", "-Wno-main", "-Wno-unused-function", "-Werror=implicit-function-declaration",
)  # fmt: skip
_GCC_FLAGS = (
    "-fno-toplevel-reorder", "-fno-shrink-wrap",  # arguments on the stack and frames for static functions too
    "-fno-defer-pop",  # two calls of a function with the same arguments have their frames at the same place
    "-m32", "-march=i586", "-mno-80387", "-mpreferred-stack-boundary=2", "-fcf-protection=none",
    "-ftrack-macro-expansion=0", "-fno-diagnostics-color",
)  # fmt: skip
_CLANG_FLAGS = (
    "-mno-omit-leaf-frame-pointer", "-mno-x87", "-mstack-alignment=4",
    "-fno-sanitize=undefined", "-fmacro-backtrace-limit=1", "-fno-color-diagnostics",
)  # fmt: skip
_ZIG_FLAGS = ("-target", "x86-freestanding-none", "-mcpu=i586")
_CLANG_TARGET = ("--target=i386-pc-linux-gnu", "-march=i586")
_LLD = ("-m", "elf_i386", "--build-id=none")

_PROBE = """
int main(int argc, char **argv)
{
	unsigned long long big = argc * 1000000000000ULL;
	return big / (argc + 6ULL) + argv[0][0];
}
"""
_PROBE_DIVISION = """
unsigned long long __udivdi3(unsigned long long n, unsigned long long d) { return n > d; }
"""
_PROBE_SCRIPT = "ENTRY(main) SECTIONS { . = 0xF9000000; .text : { *(.text .text.*) } }\n"


class CompileError(HighmemError):
    """No compiler works, or a program does not compile; str() has the compiler's own words."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler that was seen to work. `link_rel` and `link_exec` are command lines without files and `-o`."""

    name: str
    version: str
    command: tuple[str, ...]
    link_rel: tuple[str, ...]
    link_exec: tuple[str, ...]

    def __str__(self) -> str:
        return self.version if self.version.startswith(self.name) else f"{self.name}: {self.version}"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Something to try: `why_not` says why it cannot even be started."""

    name: str
    command: tuple[str, ...] = ()
    why_not: str = ""


def find_compiler(progress: Progress | None = None) -> Compiler:
    """The first compiler that works. Raises CompileError that says of each what it was and why it failed."""
    candidates = list(_candidates())
    key = "|".join([repr((FLAGS, _GCC_FLAGS, _CLANG_FLAGS, _ZIG_FLAGS, _LLD)), *map(_identity, candidates)])
    memory = cache_dir("compiler") / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.json"
    known = read_json(memory)
    if isinstance(known, dict):
        if progress and known["note"]:
            progress(known["note"])
        return _from_json(known["compiler"])
    failures = []
    for candidate in candidates:
        if candidate.why_not:
            failures.append(f"  {candidate.name}: {candidate.why_not}")
            continue
        if progress:
            progress(f"trying the C compiler {candidate.name}")
        found = _try(candidate)
        if isinstance(found, Compiler):
            note = ""
            if (
                os.environ.get("HIGHMEM_CC") and failures
            ):  # somebody's explicit wish is not passed over in silence
                note = f"{failures[0].strip()}; taking {found}"
                if progress:
                    progress(note)
            write_json(memory, {"note": note, "compiler": asdict(found)})
            return found
        failures.append(f"  {candidate.name}: {found}")
    raise CompileError(
        "\n".join(
            [
                "no C compiler for the i386 works here; tried were",
                *failures,
                "`pip install ziglang` gives one",
            ]
        )
    )


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a compiler or linker, with its caches in ours. Raises CompileError where it cannot be run at all."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CPATH", "C_INCLUDE_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH", "DEPENDENCIES_OUTPUT")
    }
    zig = str(cache_dir("zig"))
    environment |= {"ZIG_GLOBAL_CACHE_DIR": zig, "ZIG_LOCAL_CACHE_DIR": zig}
    try:
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False,
            text=True, errors="backslashreplace",
        )  # fmt: skip
    except OSError as error:
        raise CompileError(f"{command[0]}: cannot be run: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise CompileError(f"{command[0]}: took more than {TIMEOUT} seconds") from error


def _from_json(fields: dict[str, Any]) -> Compiler:
    return Compiler(
        name=fields["name"],
        version=fields["version"],
        command=tuple(fields["command"]),
        link_rel=tuple(fields["link_rel"]),
        link_exec=tuple(fields["link_exec"]),
    )


def _candidates() -> Iterator[_Candidate]:
    chosen = os.environ.get("HIGHMEM_CC", "").strip()
    if chosen:
        try:
            words = tuple(shlex.split(chosen))
            yield _program(f"$HIGHMEM_CC ({chosen})", words)
        except ValueError as error:
            yield _Candidate(f"$HIGHMEM_CC ({chosen})", why_not=f"cannot be understood: {error}")
    else:
        yield _Candidate("$HIGHMEM_CC", why_not="not set")
    yield _program("gcc -m32", ("gcc",))
    yield _program("clang --target=i386", ("clang",))
    spec = importlib.util.find_spec("ziglang")
    folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    if folder is None:
        yield _Candidate("ziglang", why_not="not installed in this Python's environment")
    else:
        yield _program("ziglang", (str(Path(folder) / ("zig.exe" if os.name == "nt" else "zig")), "cc"))


def _program(name: str, words: tuple[str, ...]) -> _Candidate:
    path = shutil.which(words[0])
    if path is None:
        return _Candidate(name, why_not="not found" if os.sep in words[0] else "not found on the PATH")
    return _Candidate(name, (path, *words[1:]))


def _identity(candidate: _Candidate) -> str:
    if not candidate.command:
        return candidate.why_not
    try:
        status = os.stat(candidate.command[0])
    except OSError:
        return "gone"
    return f"{shlex.join(candidate.command)} {status.st_mtime_ns} {status.st_size}"


def _variants(candidate: _Candidate, version: str) -> Iterator[Compiler]:
    """The ways to use a candidate: by what it is, and with which linker."""
    command = candidate.command
    if command[-1] == "cc" and "zig" in " ".join(command):
        linker = (*command[:-1], "ld.lld", *_LLD)
        yield Compiler("zig cc", version, (*command, *_ZIG_FLAGS, *_CLANG_FLAGS), (*linker, "-r"), linker)
    elif "clang" in version:
        target = () if any(word.startswith(("--target", "-target")) for word in command) else _CLANG_TARGET
        name = "clang"
        for linker_name in ("ld.lld", "ld"):
            path = shutil.which(
                linker_name, path=f"{os.path.dirname(command[0])}{os.pathsep}{os.environ.get('PATH')}"
            )
            if path:
                linker = (path, *_LLD)
                yield Compiler(name, version, (*command, *target, *_CLANG_FLAGS), (*linker, "-r"), linker)
    else:
        common = (*command, "-m32", "-nostdlib", "-Wl,--build-id=none")
        link_exec = (*common, "-static", "-no-pie")
        yield Compiler("gcc", version, (*command, *_GCC_FLAGS), (*common, "-r"), link_exec)


def _try(candidate: _Candidate) -> Compiler | str:
    """The compiler, if it does all that is asked of it; else what went wrong, in a line."""
    try:
        result = run([*candidate.command, "--version"])
        version = (result.stdout.strip() or result.stderr.strip()).split("\n")[0]
        if result.returncode:
            return f"`--version` fails: {version or f'exit status {result.returncode}'}"
        failure = "there is no linker for it (ld.lld)"
        for compiler in _variants(candidate, version):
            failure = _probe(compiler)
            if not failure:
                return compiler
        return failure
    except CompileError as error:
        return str(error)


def _probe(compiler: Compiler) -> str:
    with scratch() as folder:
        (folder / "probe.c").write_text(_PROBE)
        (folder / "division.c").write_text(_PROBE_DIVISION)
        script = folder / "probe.ld"
        script.write_text(_PROBE_SCRIPT)
        objects = []
        for name in ("probe", "division"):
            target = folder / f"{name}.o"
            result = run([*compiler.command, *FLAGS, "-c", str(folder / f"{name}.c"), "-o", str(target)])
            if result.returncode:
                return f"does not compile: {_first_error(result)}"
            objects.append(str(target))
        for what, command in (
            ("an object", [*compiler.link_rel, *objects, "-o", str(folder / "probe.rel")]),
            (
                "an executable",
                [*compiler.link_exec, *objects, "-T", str(script), "-o", str(folder / "probe.elf")],
            ),
        ):
            result = run(command)
            if result.returncode:
                return f"does not link {what}: {_first_error(result)}"
        for made in ("probe.rel", "probe.elf"):
            try:
                program = read_elf(folder / made, made)
                program.link(program.base or 0xF9000000)
            except LoadError as error:
                return f"made what cannot be loaded: {error}"
    return ""


def _first_error(result: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (result.stderr + "\n" + result.stdout).splitlines() if line.strip()]
    best = next((line for line in lines if "error" in line.lower() or "cannot" in line), None)
    return best or (lines[0] if lines else f"exit status {result.returncode}")
