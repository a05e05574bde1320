"""From C to ELF: compiles guest programs, with the headers and the start library of this folder.

Everything made is kept in the cache under a name that its inputs decide: source, every header that was read, flags,
compiler and the kernel's configuration. So the second build of a program starts no compiler at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

from guest.cachedir import cache_dir, publish, read_json, scratch, write_json
from guest.compilers import FLAGS, CompileError, Compiler, Progress, find_compiler, run
from guest.elffile import SHN_UNDEF, STB_LOCAL, STB_WEAK, ElfFile, LoadError

__all__ = ["CompileError", "Compiler", "build", "find_compiler"]

HERE = Path(__file__).resolve().parent
INCLUDE = HERE / "include"
LIBRARY = HERE / "lib"
TREE = HERE / "tree"
"""What a file of the kernel's own folders includes by a path from there, as "../mm/slab.h"."""
PROGRAMS = HERE / "programs"

EXEC_BASE = 0xF9000000
"""Where executables are linked to: inside the vmalloc area of every machine."""

OBJECT_SUFFIXES = (".o", ".ko")
SOURCE_SUFFIXES = (".c", ".S", ".s")
_ALWAYS = "start.c"  # the part of the library that every program gets

Output = Literal["rel", "exec"]


class Configuration(Protocol):
    """What a build needs to know of the kernel: `mm.layout.Layout` is one."""

    def c_config(self) -> str:
        """Text of generated/autoconf.h."""

    def c_header(self) -> str:
        """Text of generated/structs.h."""

    def c_device(self) -> str:
        """Text of generated/device.h."""


def build(
    sources: Sequence[str | Path],
    layout: Configuration,
    output: Output = "rel",
    *,
    progress: Progress | None = None,
    diagnostics: Callable[[str], None] | None = None,
) -> Path:
    """Compiles and links C files (and relocatable objects) with the start library: the path of an ELF file.

    "rel": one relocatable object that the loader places anywhere. "exec": an executable linked at EXEC_BASE to
    the fixed addresses of the exported calls. `progress` gets a line before each longer step, `diagnostics` the
    compiler's warnings. Raises CompileError (with the compiler's own words) and CacheError.
    """
    if not sources:
        raise CompileError("no source file was given")
    paths = [_checked(Path(source)) for source in sources]
    compiler = find_compiler(progress)
    builder = _Builder(compiler, layout, progress, diagnostics)
    objects = [path if path.suffix in OBJECT_SUFFIXES else builder.compile(path) for path in paths]
    objects += _needed(objects, builder.library())
    name = re.sub(r"[^\w.-]", "_", paths[0].stem)
    relocatable = builder.link(objects, name)
    return relocatable if output == "rel" else builder.link_executable(relocatable, name)


def _checked(path: Path) -> Path:
    if path.suffix not in (*SOURCE_SUFFIXES, *OBJECT_SUFFIXES):
        raise CompileError(f"{path}: is no C source (.c), assembler source (.S) or object (.o)")
    if not path.is_file():
        raise CompileError(f"{path}: {'is no file' if path.exists() else 'no such file'}")
    return path


class _Builder:
    def __init__(
        self,
        compiler: Compiler,
        layout: Configuration,
        progress: Progress | None,
        diagnostics: Callable[[str], None] | None,
    ) -> None:
        self._compiler = compiler
        self._say: Progress = progress or (lambda line: None)
        self._warn = diagnostics or (lambda text: None)
        self._generated = _generated_headers(layout)
        self._key = _digest(repr(compiler), repr(FLAGS), self._generated.name)

    # compiling

    def compile(self, source: Path) -> Path:
        """The object of one source file, from the cache where nothing that it was made of has changed."""
        record = cache_dir("obj") / f"{_digest(self._key, str(source), str(source.resolve()))}.json"
        known = read_json(record)
        if isinstance(known, dict) and _unchanged(known["inputs"]):
            target = record.parent / str(known["object"])
            if target.exists():
                return target
        self._say(f"compiling {source} ({self._compiler.name})")
        with scratch() as folder:
            target, rules = folder / "object.o", folder / "object.d"
            dependencies = ["-MD", "-MF", str(rules), "-MT", "object"]
            result = run([*self._command(source), *dependencies, "-c", str(source), "-o", str(target)])
            text = result.stderr + result.stdout
            if result.returncode or not target.exists():
                raise CompileError(f"{text.rstrip()}\n{source}: does not compile ({self._compiler})".lstrip())
            if text.strip():
                self._warn(text)
            inputs = {str(path): _file_digest(path) for path in _dependencies(rules)}
            made = publish(target, record.parent / f"{_digest(self._key, _file_digest(target))}.o")
            write_json(record, {"object": made.name, "inputs": inputs})
        return made

    def _command(self, source: Path) -> list[str]:
        name = re.sub(r"\W", "_", source.stem)
        return [
            *self._compiler.command, *FLAGS,
            "-iquote", str(TREE / "lib"), "-iquote", str(TREE / "lib" / "kunit"),
            "-I", str(INCLUDE), "-I", str(self._generated),
            "-D__KERNEL__", "-DMODULE", f'-DKBUILD_MODNAME="{name}"',
            "-include", "generated/autoconf.h", f"-ffile-prefix-map={HERE}=guest", f"-fdebug-prefix-map={Path.cwd()}=.",
        ]  # fmt: skip

    def library(self) -> list[Path]:
        """The objects of the start library for this configuration."""
        return [self.compile(path) for path in sorted(LIBRARY.glob("*.c"))]

    # linking

    def link(self, objects: list[Path], name: str) -> Path:
        """One relocatable object of several."""
        key = _digest(self._key, "rel", *map(_file_digest, objects))
        target = cache_dir("out") / f"{name}-{key[:20]}.o"
        if not target.exists():
            self._link([*self._compiler.link_rel, *map(str, objects)], target)
        return target

    def link_executable(self, relocatable: Path, name: str) -> Path:
        """An executable at EXEC_BASE. Raises CompileError that names every undefined symbol."""
        from guest.calls import SYMBOLS

        file = _read(relocatable)
        undefined = sorted(_undefined(file))
        unknown = [symbol for symbol in undefined if symbol not in SYMBOLS]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            raise CompileError(
                f"{name}: Unknown symbol{plural} {', '.join(unknown)}: "
                "neither defined in the program nor exported by the kernel"
            )
        entry = "main" if "main" in _defined(file) else "init_module"
        if entry not in _defined(file):
            raise CompileError(f"{name}: has no `int main(int argc, char **argv)` and no module_init()")
        script = _SCRIPT.format(entry=entry, base=EXEC_BASE)
        script += "".join(f"{symbol} = {SYMBOLS[symbol]:#x};\n" for symbol in undefined)
        target = cache_dir("out") / f"{name}-{_digest(self._key, script, _file_digest(relocatable))[:20]}.elf"
        if not target.exists():
            with scratch() as folder:
                (folder / "link.ld").write_text(script)
                self._link(
                    [*self._compiler.link_exec, "-T", str(folder / "link.ld"), str(relocatable)], target
                )
        return target

    def _link(self, command: list[str], target: Path) -> None:
        with scratch() as folder:
            made = folder / "linked"
            result = run([*command, "-o", str(made)])
            if result.returncode or not made.exists():
                text = (result.stderr + result.stdout).rstrip()
                raise CompileError(f"{text}\n{target.stem}: does not link ({self._compiler})".lstrip())
            publish(made, target)


_SCRIPT = """ENTRY({entry})
PHDRS {{ code PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }}
SECTIONS
{{
	. = {base:#x};
	.text : {{ *(.text .text.* .init.text .exit.text .fixup) }} :code
	.rodata : {{ *(.rodata .rodata.* .init.rodata) }} :code
	__bug_table : {{ *(__bug_table) }} :code
	__ex_table : {{ *(__ex_table) }} :code
	. = ALIGN(16);
	.data : {{ *(.data .data.* .init.data .exit.data) }} :data
	__param : {{ *(__param) }} :data
	__percpu : {{ *(__percpu) }} :data
	.bss : {{ *(.bss .bss.* COMMON) }} :data
	.modinfo 0 (INFO) : {{ *(.modinfo) }}
	/DISCARD/ : {{ *(.note.* .eh_frame .comment .llvm_addrsig) }}
}}
"""


def _generated_headers(layout: Configuration) -> Path:
    """The folder with generated/*.h for a configuration, written once."""
    from guest.calls import HEADERS, header_text

    files = {"autoconf.h": layout.c_config(), "structs.h": layout.c_header(), "device.h": layout.c_device()}
    files |= {f"calls/{name}.h": header_text(name) for name in HEADERS}
    target = cache_dir("include") / _digest(*(f"{name}\n{text}" for name, text in sorted(files.items())))[:32]
    if not target.exists():
        with scratch() as folder:
            made = folder / "include"
            for name, text in files.items():
                path = made / "generated" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            publish(made, target)
    return target


# symbols: which parts of the library a program needs


def _read(path: Path) -> ElfFile:
    try:
        return ElfFile(path.read_bytes(), str(path))
    except LoadError as error:
        raise CompileError(str(error)) from error
    except OSError as error:
        raise CompileError(f"{path}: cannot be read: {error.strerror}") from error


def _defined(file: ElfFile) -> set[str]:
    return {s.name for s in file.symbols if s.section != SHN_UNDEF and s.bind != STB_LOCAL}


def _undefined(file: ElfFile) -> set[str]:
    return {s.name for s in file.symbols if s.section == SHN_UNDEF and s.bind not in (STB_LOCAL, STB_WEAK) and s.name}


@lru_cache(maxsize=256)
def _interface(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    file = _read(path)
    return frozenset(_defined(file)), frozenset(_undefined(file))


def _needed(objects: list[Path], library: list[Path]) -> list[Path]:
    """The objects of the library that define what the program leaves open, and what they leave open in turn."""
    defined: set[str] = set()
    wanted: set[str] = set()
    for path in objects:
        one, two = _interface(path)
        defined |= one
        wanted |= two
    first = sorted(LIBRARY.glob("*.c")).index(LIBRARY / _ALWAYS)
    chosen = [library[first]]
    rest = [path for path in library if path != chosen[0]]
    while True:
        found = next((path for path in rest if _interface(path)[0] & (wanted - defined)), None)
        if found is None:
            return chosen
        rest.remove(found)
        chosen.append(found)
        defined |= _interface(found)[0]
        wanted |= _interface(found)[1]


# names by content


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _file_digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CompileError(f"{path}: cannot be read: {error.strerror}") from error


def _unchanged(inputs: dict[str, str]) -> bool:
    try:
        return all(_content(path) == digest for path, digest in inputs.items())
    except OSError:
        return False


def _content(path: str) -> str:
    status = Path(path).stat()
    return _content_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _content_of(path: str, mtime_ns: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _dependencies(rules: Path) -> list[Path]:
    """The files that a compiler's make rule names: "target: file file \\\\\\n file"."""
    text = rules.read_text(errors="surrogateescape").replace("\\\n", " ").partition(":")[2]
    names = re.findall(r"(?:\\.|[^\s\\])+", text)
    return [Path(re.sub(r"\\(.)", r"\1", name).replace("$$", "$")).resolve() for name in names]
