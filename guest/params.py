"""Parameters of modules (kernel/params.c, 2.6.20): which argument is for which, and what is wrong with it.

A module's parameters are the `struct kernel_param` of its section __param. Their `set` functions, which are C in the
start library or in the module, get the value as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guest.elf import PARAM_ENTRY_SIZE, Image, LoadError, Program
from mm.errors import KernelFault
from mm.maccess import KernelMemory

_NAME, _SET = 0, 8  # offsets in struct kernel_param
_E2BIG, _ENOSPC = 7, 28
_SHOWN = 60  # characters of a value in an error


@dataclass(frozen=True, slots=True)
class Setting:
    """A value to be set: set(value, entry). `set` is a function, `value` the address of the text or 0 where there is
    none, `entry` that of the struct kernel_param."""

    name: str
    text: str | None
    set: int
    value: int
    entry: int


def unquoted(argument: str) -> str:
    """An argument without the quotation marks that insmod takes: `name="some text"`, `"name=some text"`."""
    if argument.startswith('"'):
        argument = argument[1:].removesuffix('"')
    name, equals, value = argument.partition("=")
    if value.startswith('"'):
        value = value[1:].removesuffix('"')
    return name + equals + value


def settings(program: Program, image: Image, vm: KernelMemory, arguments: Sequence[int]) -> list[Setting]:
    """What the arguments of a module set. arguments: addresses of their texts, `name=value` or `name`.

    '-' and '_' in names are the same. Raises LoadError in 2.6.20's words for a name that no parameter has.
    """
    try:
        entries = _entries(image, vm)
    except KernelFault:
        raise LoadError(f"{program.name}: has a section __param that is no table of parameters") from None
    known = {name.replace("-", "_"): entry for name, entry in entries.items()}
    found = []
    for at in arguments:
        data = vm.string(at)
        key, equals, value = data.partition(b"=")
        name, text = _text(key), _text(value)
        entry = known.get(name.replace("-", "_"))
        if entry is None:
            there = f"it has {', '.join(entries)}" if entries else "it has none"
            raise LoadError(f"{program.name}: Unknown parameter `{_shown(name)}' ({there})")
        where = at + len(key) + 1 if equals else 0
        found.append(Setting(name, text if equals else None, vm.word(entry + _SET), where, entry))
    return found


def refused(program: Program, setting: Setting, error: int) -> LoadError:
    """The error for a value that its parameter's set function answered with -`error`."""
    types = _types(program)
    kind = types.get(setting.name.replace("-", "_"), "")
    kind = f" ({kind})" if kind else ""
    if setting.text is None:
        return LoadError(f"{program.name}: parameter `{setting.name}' needs a value{kind}: {setting.name}=...")
    verdict = {_E2BIG: "has too many values", _ENOSPC: "too large"}.get(error, "invalid")
    return LoadError(f"{program.name}: `{_shown(setting.text)}' {verdict} for parameter `{setting.name}'{kind}")


def _entries(image: Image, vm: KernelMemory) -> dict[str, int]:
    """Name -> address of its struct kernel_param."""
    start, count = image.param_table
    entries = range(start, start + count * PARAM_ENTRY_SIZE, PARAM_ENTRY_SIZE)
    return {_text(vm.string(vm.word(entry + _NAME))): entry for entry in entries}


def _types(program: Program) -> Mapping[str, str]:
    pairs = [value.partition(":") for tag, value in program.modinfo if tag == "parmtype"]
    return {name.replace("-", "_"): kind for name, _, kind in pairs}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _shown(text: str) -> str:
    """A text that fits into a line."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
