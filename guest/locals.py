"""Which function's local variable a byte of a stack is: by the frame pointers, and the program's DWARF for its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from guest.dwarf import DebugInfo
from guest.source import attribute
from guest.symbols import Symbols
from mm.errors import KernelFault
from mm.layout import THREAD_SIZE
from mm.maccess import KernelMemory
from mm.oops import Oops

_FBREG, _CALL_FRAME_CFA, _REG5 = 0x91, 0x9C, 0x55


class Local(NamedTuple):
    """function: in whose frame it is; variable: its name, "" where it has none, or nobody tells."""

    function: str
    variable: str


def local_at(
    symbols: Symbols, vm: KernelMemory, oops: Oops, va: int, eip: int, esp: int, ebp: int
) -> Local | None:
    """The local variable that is at `va` of a stack, on which a function runs at `eip` with these registers.

    None where it is in no frame: below them all, or where there are no frame pointers.
    """
    end = (esp & -THREAD_SIZE) + THREAD_SIZE
    low = esp
    try:
        if slot := oops.frameless(eip, esp, ebp):
            eip, low = vm.word(slot) - 1, slot + 4
        while low <= va < end and low - 8 <= ebp <= end - 8:
            if va < ebp + 8:
                return _local(symbols, va, eip, ebp)
            eip, low, ebp = vm.word(ebp + 4) - 1, ebp + 8, vm.word(ebp)
    except KernelFault:
        pass
    return None


def _local(symbols: Symbols, va: int, eip: int, ebp: int) -> Local | None:
    found = symbols.symbol(eip)
    debug = next((debug for debug in symbols.debug() if debug.symbol(eip)), None)
    if found is None or debug is None:
        return None
    try:
        below = [(place, name) for place, name in _variables(debug, eip) if place <= va - ebp]
    except Exception:  # whatever a foreign parser makes of foreign bytes
        below = []
    return Local(found[0], max(below)[1] if below else "")


def _variables(debug: DebugInfo, eip: int) -> Iterator[tuple[int, str]]:
    """Offset from EBP and name of the variables that have a place in the frame of a function."""
    info = debug.dwarf
    pc = eip - debug.bias
    for unit in info.iter_CUs() if info else ():
        for die in unit.get_top_DIE().iter_children():
            if die.tag == "DW_TAG_subprogram" and _covers(die, pc):
                base = {_CALL_FRAME_CFA: 8, _REG5: 0}[die.attributes["DW_AT_frame_base"].value[0]]
                for variable in _below(die):
                    place, name = _offset(variable), attribute(variable, "DW_AT_name")
                    if place is not None and name:
                        yield base + place, name.value.decode()
                return


def _covers(die: Any, pc: int) -> bool:
    low, high = die.attributes.get("DW_AT_low_pc"), die.attributes.get("DW_AT_high_pc")
    if low is None or high is None:
        return False
    end = high.value if high.form == "DW_FORM_addr" else low.value + high.value
    return bool(low.value <= pc < end)


def _below(die: Any) -> Iterator[Any]:
    for child in die.iter_children():
        if child.tag in ("DW_TAG_variable", "DW_TAG_formal_parameter"):
            yield child
        elif child.tag in ("DW_TAG_lexical_block", "DW_TAG_inlined_subroutine"):
            yield from _below(child)


def _offset(die: Any) -> int | None:
    """From the frame's base in bytes; None where it does not stay in one place of the frame."""
    place = die.attributes.get("DW_AT_location")
    if place is None or not isinstance(place.value, list) or not place.value or place.value[0] != _FBREG:
        return None
    number = shift = 0
    for byte in place.value[1:]:
        number |= (byte & 0x7F) << shift
        shift += 7
    return number - (1 << shift) if number >> shift - 1 & 1 else number

