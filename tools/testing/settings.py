"""How a guest test is to be run: options in a comment at its head, in an ELF note, or in pyproject.toml.

    /* highmem: --ram 64M --cpus 2 --slab-debug FZP --no-check leaks */

What stands nearer to the test wins: the command line, then the file, then pyproject.toml's [tool.highmem.test] options.
"""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib
from pathlib import Path
from typing import NoReturn

from guest.elf import Program
from guest.testing import CHECKS, Setup
from hw.errors import HighmemError
from mm.fault_inject import Plan
from tools.options import boot_options, machine_options, with_values
from tools.testing.options import TIMEOUT, add_failing, add_judging

DEFAULT_RAM = 64 << 20
_HEAD = 4096  # bytes of a source in which its options stand
_OPTIONS = re.compile(r"^[\s/*#;]*highmem:[ \t]*(?P<options>[^\n]*?)[ \t]*(?:\*/)?$", re.MULTILINE)
_SECTION = ".note.highmem"
_NOTE_PREFIX = "highmem: "


class SettingsError(HighmemError):
    """Options of a test that cannot be; says where they stand."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(message)


def options_parser() -> argparse.ArgumentParser:
    """What a test may ask for: a machine, and how it is judged."""
    parser = _Parser(add_help=False, parents=[machine_options()], allow_abbrev=False)
    add_judging(parser)
    add_failing(parser)
    return parser


def plan(options: argparse.Namespace) -> Plan | None:
    """What those options ask for; None for nothing."""
    if not options.fail_nth and not options.fail_every:
        return None
    return Plan(options.fail_nth or 0, options.fail_every or 0, deep=options.fail_deep)


def setup_for(path: Path, program: Program | None, more: list[str]) -> Setup:
    """How the test in a file is run. more: the command line's options. Raises SettingsError."""
    words: list[str] = []
    for where, options in (
        (_pyproject(path), "pyproject.toml"), (in_source(path), str(path)), (_note(program), str(path)),
        (more, "the command line"),
    ):  # fmt: skip
        _read(where, options)  # so that an error says where
        words += where
    found = _read(words, str(path))
    if found.ram is None and not found.e820:
        found.ram = DEFAULT_RAM
    return Setup(
        boot_options(found), frozenset(found.no_check), found.timeout or TIMEOUT, tuple(found.args or ()),
        tuple(found.sysctl), plan(found), found.fail or "", check_access=found.check_access,
        check_uninit=found.check_uninit, check_tlb=found.check_tlb, expect=tuple(found.expect),
    )  # fmt: skip


def _read(words: list[str], where: str) -> argparse.Namespace:
    try:
        found = options_parser().parse_args(with_values(words))
        wrong = [name for name in found.no_check if name not in CHECKS]
        if wrong:
            raise SettingsError(f"no check is called {wrong[0]!r}; there are {', '.join(CHECKS)}")
    except (SettingsError, ValueError) as error:
        raise SettingsError(f"{where}: the options of a test, 'highmem: {shlex.join(words)}': {error}") from None
    return found


def in_source(path: Path) -> list[str]:
    """The options in a source's head comment, none where there is no such comment."""
    if path.suffix not in (".c", ".S", ".s"):
        return []
    with open(path, encoding="utf-8", errors="replace") as file:
        head = file.read(_HEAD)
    return [word for match in _OPTIONS.finditer(head) for word in _split(match["options"], path)]


def says_highmem(path: Path) -> bool:
    """Whether a source names highmem in its head, with options or without."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return _OPTIONS.search(file.read(_HEAD)) is not None


def _split(text: str, path: Path) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"{path}: the options of a test, 'highmem: {text}': {error}") from None


def _note(program: Program | None) -> list[str]:
    """The options in an ELF note: text "highmem: ..." in the section .note.highmem."""
    section = program.file.section(_SECTION) if program else None
    if program is None or section is None:
        return []
    text = program.file.contents(section).decode("utf-8", "replace")
    _, found, options = text.partition(_NOTE_PREFIX)
    return _split(options.partition("\0")[0].strip(), Path(program.name)) if found else []


def project(path: Path) -> tuple[Path, dict[str, object]] | None:
    """The folder of the nearest pyproject.toml that has [tool.highmem.test], and what stands there."""
    for folder in (path.resolve(), *path.resolve().parents):
        file = folder / "pyproject.toml"
        if not file.is_file():
            continue
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{file}: {error}") from None
        found = table.get("tool", {}).get("highmem", {}).get("test")
        return (folder, found) if isinstance(found, dict) else None
    return None


def _pyproject(path: Path) -> list[str]:
    found = project(path)
    options = found[1].get("options", "") if found else ""
    if not isinstance(options, str):
        raise SettingsError("pyproject.toml: [tool.highmem.test] options must be a text such as '--ram 64M'")
    return _split(options, Path("pyproject.toml"))


def in_test_folder(path: Path) -> bool:
    """Whether a file lies in one of the folders that pyproject.toml's [tool.highmem.test] paths names."""
    found = project(path)
    if found is None:
        return False
    folder, table = found
    paths = table.get("paths", [])
    if not isinstance(paths, list):
        raise SettingsError("pyproject.toml: [tool.highmem.test] paths must be a list of folders")
    return any(path.resolve().is_relative_to((folder / str(each)).resolve()) for each in paths)
