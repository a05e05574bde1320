"""The tunables of memory management, /proc/sys/vm (the vm table of kernel/sysctl.c, 2.6.20)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hw.errors import HighmemError
from mm.errors import DamagedMemory
from mm.layout import MAX_NR_ZONES, Layout
from mm.list import Words
from mm.watermarks import setup_per_zone_lowmem_reserve, setup_per_zone_pages_min

_INT = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)\Z")
_INT_MAX = (1 << 31) - 1


class SysctlError(HighmemError):
    """A tunable that does not exist, or a value that it does not take."""


@dataclass(frozen=True, slots=True)
class Tunable:
    """A row of the table: `count` ints at a symbol of the kernel image, the least and the greatest value of each.

    changed: what its handler does after a write.
    """

    name: str
    symbol: str
    count: int
    least: int
    changed: Callable[[Words, Layout], None]
    most: int = _INT_MAX


@dataclass(frozen=True, slots=True)
class Setting:
    """A tunable's name and its values."""

    name: str
    values: tuple[int, ...]


#: 2.6.20's table has a minimum of 0 for min_free_kbytes, which its handler forgets to check.
TABLE = {
    tunable.name: tunable
    for tunable in (
        Tunable(
            "vm.lowmem_reserve_ratio", "sysctl_lowmem_reserve_ratio", MAX_NR_ZONES - 1, -_INT_MAX - 1,
            setup_per_zone_lowmem_reserve,
        ),
        Tunable("vm.min_free_kbytes", "min_free_kbytes", 1, 0, setup_per_zone_pages_min),
        Tunable("vm.panic_on_oom", "panic_on_oom", 1, 0, lambda w, layout: None, 1),
        Tunable("vm.swappiness", "vm_swappiness", 1, 0, lambda w, layout: None, 100),
    )
}  # fmt: skip


def find(name: str) -> Tunable:
    """The tunable of a name ("vm.min_free_kbytes", "vm/min_free_kbytes"); raises SysctlError."""
    tunable = TABLE.get(name.strip().replace("/", "."))
    if tunable is None:
        raise SysctlError(f'"{name}" is an unknown key; there are {", ".join(TABLE)}')
    return tunable


def read(w: Words, layout: Layout, name: str) -> Setting:
    """A tunable's values. Raises SysctlError for an unknown one.

    2.6.20's handlers set the zones up again on a read too, to the same values; here reading changes nothing.
    """
    tunable = find(name)
    i = (layout.va(tunable.symbol) ^ 0xC0000000) >> 2
    words = w[i : i + tunable.count].tolist()
    return Setting(tunable.name, tuple(word - (1 << 32) if word >> 31 else word for word in words))


def write(w: Words, layout: Layout, name: str, text: str) -> None:
    """Set a tunable from text: ints (decimal, 0x..., 0...) with blanks between them, for all values or the first ones.

    The zones' watermarks or reserves follow at once. Raises SysctlError and changes nothing where the text is wrong,
    DamagedMemory where the zones are.
    """
    tunable = find(name)
    words = text.split()
    if not 1 <= len(words) <= tunable.count:
        many = "one value" if tunable.count == 1 else f"1 to {tunable.count} values"
        raise SysctlError(f"{tunable.name} takes {many}, not {text.strip()!r}")
    values = [_int(tunable, word) for word in words]
    i = (layout.va(tunable.symbol) ^ 0xC0000000) >> 2
    for n, value in enumerate(values):
        w[i + n] = value & 0xFFFFFFFF
    try:
        tunable.changed(w, layout)
    except ZeroDivisionError:
        raise DamagedMemory("the zones below HighMem have no pages; fsck names what is damaged") from None


def _int(tunable: Tunable, word: str) -> int:
    if not _INT.match(word) or len(word) > 24:
        raise SysctlError(f"{tunable.name}: {word!r} is no integer")
    sign, digits = (-1, word[1:]) if word[0] == "-" else (1, word)
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    value = sign * int(digits, base)
    if not tunable.least <= value <= tunable.most:
        raise SysctlError(f"{tunable.name}: {word} is out of range, {tunable.least} to {tunable.most}")
    return value


def sysctl_text(settings: list[Setting]) -> str:
    """The lines that sysctl(8) prints."""
    return "".join(f"{row.name} = " + "\t".join(map(str, row.values)) + "\n" for row in settings)
