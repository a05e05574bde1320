"""The tests of a folder that somebody named: its programs, and why its other files are none.

A C file is a program where it has a KUnit suite, a module's init function or a main(), and is no part of another file.
Objects that were made from such a file are the same test again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from guest.elffile import SHN_UNDEF, STB_LOCAL, ElfFile, LoadError
from hw.errors import HighmemError
from tools.testing.programs import OBJECTS, SOURCES, is_program, is_test

_ENTRY = re.compile(
    r"\b(?:kunit_test_suites?|kunit_test_init_section_suites?|module_init|\w*_initcall|KSTM_MODULE_LOADERS)\s*\("
    r"|\b(?:int|void)\s+(?:__init\s+)?(?:main|init_module)\s*\("
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?P<quote>["<])(?P<name>[^">\n]+)[">]', re.MULTILINE)
_COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*")', re.DOTALL)
_OF_A_HOST = re.compile(r"(?:stdio|stdlib|unistd|pthread|assert|sys/\w+)\.h\Z")
_ENTRY_SYMBOLS = {"main", "init_module"}


@dataclass(frozen=True, slots=True)
class File:
    """A file that could be a test. why_not: "" where it is one."""

    path: Path
    why_not: str = ""


@lru_cache(maxsize=64)
def look(folder: Path) -> tuple[File, ...]:
    """The C files and objects below a folder, in order."""
    paths = list(_candidates(folder))
    texts = {path: _code(path) for path in paths if path.suffix in SOURCES}
    parts = {part: path for path, text in texts.items() for part in _parts(path, text)}
    files = [File(path, _why_not(path, text, parts)) for path, text in texts.items()]
    made = {file.path.with_suffix("") for file in files if not file.why_not}
    for suffix in reversed(OBJECTS):
        objects = [File(path, _why_no_object(path, made)) for path in paths if path.suffix == suffix]
        made |= {file.path.with_suffix("") for file in objects if not file.why_not}
        files += objects
    return tuple(sorted(files, key=lambda file: paths.index(file.path)))


def left_out(folders: list[Path]) -> list[File]:
    """What is no test in those folders."""
    return [file for folder in folders for file in look(folder) if file.why_not]


def find(paths: list[str]) -> Iterator[Path]:
    """The tests among files and folders, in order. Raises HighmemError where a path is nothing of that."""
    for text in paths:
        path = Path(text)
        if path.is_dir():
            yield from (file.path for file in look(path) if not file.why_not)
        elif path.exists() and is_program(path):
            yield path
        else:
            raise HighmemError(f"{path}: {'no program' if path.exists() else 'no such file or folder'}")


def _candidates(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith((*SOURCES, *OBJECTS)) and not name.startswith("."):
                yield Path(place, name)


def _code(path: Path) -> str:
    """A source without its comments."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return _COMMENT.sub(lambda match: match[1] or " ", text)


def _parts(path: Path, text: str) -> Iterator[Path]:
    """The C files that a source includes."""
    for match in _INCLUDE.finditer(text):
        if match["name"].endswith(SOURCES):
            part = Path(os.path.normpath(path.parent / match["name"]))
            if part != path:
                yield part


def _why_not(path: Path, text: str, parts: dict[Path, Path]) -> str:
    if is_test(path, False):
        return ""
    if path in parts:
        return f"it is a part of {parts[path]}"
    for match in _INCLUDE.finditer(text):
        if match["quote"] == "<" and _OF_A_HOST.match(match["name"]):
            return f"it is a program for a C library: it includes <{match['name']}>"
    return "" if _ENTRY.search(text) else "it has no KUnit suite, no module_init() and no main()"


def _why_no_object(path: Path, made: set[Path]) -> str:
    if is_test(path, False):
        return ""
    if path.with_suffix("") in made:
        return "it is another form of a test beside it"
    try:
        if not is_program(path):
            return "it is no ELF file for i386"
        file = ElfFile(path.read_bytes(), str(path))
    except (OSError, LoadError) as error:
        return str(error)
    if {s.name for s in file.symbols if s.section != SHN_UNDEF and s.bind != STB_LOCAL} & _ENTRY_SYMBOLS:
        return ""
    return "it has no init_module() and no main()"
