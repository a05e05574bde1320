"""The boot parameters, and with them what kind of kernel this memory holds."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from hw.e820 import E820Map
from hw.errors import HighmemError
from hw.ram import RAM
from mm.fsck.report import Damage
from mm.layout import (
    BOOT_PARAMS,
    E820MAX,
    EXPORT_PAGE,
    EXPORTED_VARIABLES,
    PAGE_OFFSET,
    PAGE_SHIFT,
    PAGE_SIZE,
    SLAB_DEBUG_SLABS_LEN,
    Layout,
    layout_for,
)  # fmt: skip
from mm.setup import BootOptions, MemoryLimits, find_limits, read_boot_params
from mm.slab_geometry import DEBUG_LETTERS, debug_option

_TITLE = "boot_params"
# Documentation/i386/zero-page.txt; the command line's place is ours.
_E820_COUNT, _HEADER, _E820_MAP, _COMMAND_LINE = 0x1E8, 0x202, 0x2D0, 0xE00
_ENTRY = struct.Struct("<QQI")


@dataclass(frozen=True, slots=True)
class Kernel:
    """What was booted: its options and layout, where memory ends, the usable RAM as [start, end) frames."""

    options: BootOptions
    layout: Layout
    limits: MemoryLimits
    usable: list[tuple[int, int]]


def render(options: BootOptions, e820: E820Map) -> bytes:
    """The page of boot parameters that a boot loader would write."""
    page = bytearray(PAGE_SIZE)
    page[_E820_COUNT] = min(len(e820.entries), E820MAX)
    page[_HEADER : _HEADER + 6] = b"HdrS\x04\x02"
    for i, entry in enumerate(e820.entries[:E820MAX]):
        _ENTRY.pack_into(page, _E820_MAP + i * _ENTRY.size, entry.start, entry.end - entry.start, entry.type)
    line = options.command_line().encode()
    page[_COMMAND_LINE : _COMMAND_LINE + len(line)] = line
    return bytes(page)


def identify(ram: RAM, damages: list[Damage]) -> Kernel | None:
    """The kernel in this memory; None (and a damage) where there is none that could be checked.

    Where the boot parameters are damaged, the kernel's strings give its configuration away: they lie elsewhere, or
    say something else, in every other one.
    """
    options = _read(ram, damages)
    layout = options.layout if options is not None and _signed(ram, options.layout) else None
    if layout is None:
        layout = _search(ram)
    if layout is None and options is not None:
        layout = options.layout  # the strings are the damaged ones
    if layout is None:
        damages.append(Damage(_TITLE, BOOT_PARAMS, "", "tell of no kernel, and no trace of one is found"))
        return None
    limits, usable, mem = _limits(ram, options)
    if layout.va("_end") - PAGE_OFFSET > limits.max_low_pfn << PAGE_SHIFT:
        damages.append(Damage(_TITLE, BOOT_PARAMS, "", "tell of less RAM than the kernel itself takes"))
        return None
    options = replace(
        options or BootOptions(), e820=ram.e820, mem=mem, nr_cpus=layout.nr_cpus, page_owner=layout.page_owner,
        l1=layout.l1, slab_debug=_slab_debug(ram, layout, options),
    )  # fmt: skip
    _compare(ram, options, damages)
    return Kernel(options, layout, limits, usable)


def _read(ram: RAM, damages: list[Damage]) -> BootOptions | None:
    try:
        return read_boot_params(ram)
    except (HighmemError, ValueError, ArithmeticError, LookupError) as error:
        damages.append(Damage(_TITLE, BOOT_PARAMS, "", f"cannot be read: {error}"))
        return None


def _signed(ram: RAM, layout: Layout) -> bool:
    start = layout.va("kernel_strings") - PAGE_OFFSET
    expected = b"".join(text.encode() + b"\0" for text in layout.strings)
    return ram.has(start, len(expected)) and ram.read(start, len(expected)) == expected


def _search(ram: RAM) -> Layout | None:
    for nr_cpus in range(1, 33):
        for page_owner in (True, False):
            for l1 in (32, 64, 128):
                for slab_debug in (False, True):
                    if _signed(ram, Layout(nr_cpus, page_owner, l1, slab_debug)):
                        return layout_for(nr_cpus, page_owner, l1, slab_debug)
    return None


def _slab_debug(ram: RAM, layout: Layout, options: BootOptions | None) -> str | None:
    """--slab-debug by the command line; where that is damaged, as the kernel has noted it."""
    if not layout.slab_debug:
        return None
    if options is not None and options.slab_debug is not None:
        return options.slab_debug
    start = layout.va("slab_debug_flags") - PAGE_OFFSET
    flags = int.from_bytes(ram.read(start, 4), "little")
    slabs = ram.read(start + 4, SLAB_DEBUG_SLABS_LEN).split(b"\0")[0].decode("latin-1")
    text = "".join(letter for letter, flag in DEBUG_LETTERS.items() if flags & flag) + (f",{slabs}" if slabs else "")
    try:
        debug_option(text)
    except ValueError:
        return ""
    return text


def _limits(ram: RAM, options: BootOptions | None) -> tuple[MemoryLimits, list[tuple[int, int]], int | None]:
    """Where memory ends, by the map and `mem=`; where four variables agree on something else, as they say."""
    known = options or BootOptions()
    whole = find_limits(ram.e820, known)
    mem = options.mem if options is not None else None
    try:
        usable = ram.e820 if mem is None else ram.e820.clip(mem)
    except HighmemError:
        usable, mem = ram.e820, None
    limits = find_limits(usable, known)
    start = EXPORT_PAGE - PAGE_OFFSET
    if ram.has(start, PAGE_SIZE):
        said = {name: ram.words[(start >> 2) + i] for i, name in enumerate(EXPORTED_VARIABLES)}
        end = said["max_pfn"]
        if end == said["num_physpages"] == said["max_mapnr"] != limits.max_pfn and 256 < end <= whole.max_pfn:
            limits = MemoryLimits(min(end, whole.max_low_pfn), end, limits.clipped)
            mem = None if end == whole.max_pfn else end << PAGE_SHIFT
            usable = ram.e820 if mem is None else ram.e820.clip(mem)
    ranges = [
        (first >> PAGE_SHIFT, min(last >> PAGE_SHIFT, limits.max_pfn))
        for first, last in usable.ram_ranges()
    ]
    return limits, [(first, last) for first, last in ranges if first < last], mem


def _compare(ram: RAM, options: BootOptions, damages: list[Damage]) -> None:
    """Compare the page byte for byte with what these options are written as."""
    actual, expected = ram.read(BOOT_PARAMS - PAGE_OFFSET, PAGE_SIZE), render(options, ram.e820)
    if actual == expected:
        return
    at = next(i for i in range(PAGE_SIZE) if actual[i] != expected[i])
    if _COMMAND_LINE <= at < _COMMAND_LINE + 256:
        line = actual[_COMMAND_LINE : _COMMAND_LINE + 256].split(b"\0")[0].decode("latin-1")
        field, text = "command_line", f"is {line!r}, should be {options.command_line()!r}"
    elif _E820_MAP <= at < _E820_MAP + E820MAX * _ENTRY.size:
        i = (at - _E820_MAP) // _ENTRY.size
        base, size, kind = _ENTRY.unpack_from(actual, _E820_MAP + i * _ENTRY.size)
        field = f"e820_map[{i}]"
        text = f"is {base:#x} + {size:#x} type {kind}, the machine's map has "
        text += f"{ram.e820.lines()[i].partition(':')[2].strip()}" if i < len(ram.e820.entries) else "no such entry"
    else:
        field, text = f"byte {at:#x}", f"is {actual[at]:#04x}, should be {expected[at]:#04x}"
    damages.append(Damage(_TITLE, BOOT_PARAMS, field, text))
