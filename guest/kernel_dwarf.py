"""The kernel's types and variables as DWARF 4, for gdb, drgn and whoever reads such.

Types are those of mm.layout; a struct that is only pointed to is declared and not defined, as in a header.
"""

from __future__ import annotations

import re
import struct

from mm.layout import SCALARS, Layout, Struct

# DWARF 4, section 7: tags, attributes, forms, encodings.
_COMPILE_UNIT, _BASE, _POINTER, _STRUCT, _MEMBER, _ARRAY, _SUBRANGE, _VARIABLE, _TYPEDEF = (
    0x11, 0x24, 0x0F, 0x13, 0x0D, 0x01, 0x21, 0x34, 0x16
)  # fmt: skip
_NAME, _SIZE, _LANGUAGE, _PRODUCER, _UPPER, _COUNT, _ENCODING, _LOCATION, _OFFSET, _TYPE, _EXTERNAL, _DECLARATION = (
    0x03, 0x0B, 0x13, 0x25, 0x2F, 0x37, 0x3E, 0x02, 0x38, 0x49, 0x3F, 0x3C
)  # fmt: skip
_STRING, _UDATA, _REF4, _EXPRLOC, _PRESENT = 0x08, 0x0F, 0x13, 0x18, 0x19
_C89, _OP_ADDR = 1, 3
_SIGNED, _SIGNED_CHAR, _UNSIGNED, _UNSIGNED_CHAR = 5, 6, 7, 8
#: abbreviations: number -> tag, has children, [attribute, form]; a number is the place in this table, from 1
_ABBREVIATIONS: list[tuple[int, bool, list[tuple[int, int]]]] = [
    (_COMPILE_UNIT, True, [(_NAME, _STRING), (_PRODUCER, _STRING), (_LANGUAGE, _UDATA)]),
    (_BASE, False, [(_NAME, _STRING), (_SIZE, _UDATA), (_ENCODING, _UDATA)]),
    (_POINTER, False, [(_SIZE, _UDATA), (_TYPE, _REF4)]),
    (_POINTER, False, [(_SIZE, _UDATA)]),
    (_STRUCT, True, [(_NAME, _STRING), (_SIZE, _UDATA)]),
    (_STRUCT, False, [(_NAME, _STRING), (_DECLARATION, _PRESENT)]),
    (_STRUCT, True, [(_SIZE, _UDATA)]),
    (_MEMBER, False, [(_NAME, _STRING), (_TYPE, _REF4), (_OFFSET, _UDATA)]),
    (_ARRAY, True, [(_TYPE, _REF4)]),
    (_SUBRANGE, False, [(_TYPE, _REF4), (_COUNT, _UDATA)]),
    (_VARIABLE, False, [(_NAME, _STRING), (_TYPE, _REF4), (_EXTERNAL, _PRESENT), (_LOCATION, _EXPRLOC)]),
    (_TYPEDEF, False, [(_NAME, _STRING), (_TYPE, _REF4)]),
]
(_A_UNIT, _A_BASE, _A_POINTER, _A_VOID_POINTER, _A_STRUCT, _A_OPAQUE, _A_UNNAMED, _A_MEMBER, _A_ARRAY, _A_SUBRANGE,
 _A_VARIABLE, _A_TYPEDEF) = range(1, len(_ABBREVIATIONS) + 1)  # fmt: skip
_UNIT_HEADER = 11
_CTYPE = re.compile(r"(?P<base>[\w ]+?) *(?P<stars>\**)(?:\[(?P<count>\d+)\])?\Z")


def _leb(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


class KernelDwarf:
    """.debug_info and .debug_abbrev of one compilation unit."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._info = bytearray(_UNIT_HEADER)
        self._types: dict[str, int] = {}  # by C's words: offset of the entry
        self._later: dict[int, str] = {}  # places of references to types that were not written then
        self._entry(_A_UNIT, "vmlinux", "highmem", _C89)
        for name in layout.structs:
            self._type(f"struct {name}")
        for symbol in layout.symbols.values():
            if symbol.ctype:
                location = bytes((5, _OP_ADDR)) + symbol.va.to_bytes(4, "little")
                self._entry(_A_VARIABLE, symbol.name, self._type(symbol.ctype), location)
        while self._later:
            for at, ctype in list(self._later.items()):
                del self._later[at]
                self._info[at : at + 4] = self._type(ctype).to_bytes(4, "little")
        self._info += b"\0"
        self._info[:_UNIT_HEADER] = struct.pack("<IHIB", len(self._info) - 4, 4, 0, 4)

    def info(self, abbreviations_at: int = 0) -> bytes:
        """.debug_info; its abbreviations begin at that offset."""
        self._info[6:10] = abbreviations_at.to_bytes(4, "little")
        return bytes(self._info)

    @property
    def abbreviations(self) -> bytes:
        """.debug_abbrev."""
        out = bytearray()
        for number, (tag, children, attributes) in enumerate(_ABBREVIATIONS, 1):
            out += _leb(number) + _leb(tag) + bytes((children,))
            for attribute, form in (*attributes, (0, 0)):
                out += _leb(attribute) + _leb(form)
        return bytes(out) + b"\0"

    def _entry(self, number: int, *values: str | int | bytes) -> int:
        """Write an entry; where a form is REF4 an int is an offset, a str the C words of a type to be filled in."""
        at = len(self._info)
        self._info += _leb(number)
        forms = [form for _, form in _ABBREVIATIONS[number - 1][2] if form != _PRESENT]
        for form, value in zip(forms, values, strict=True):
            if form == _REF4:
                if isinstance(value, str):
                    self._later[len(self._info)] = value
                    value = 0
                assert isinstance(value, int)
                self._info += value.to_bytes(4, "little")
            elif isinstance(value, str):
                self._info += value.encode() + b"\0"
            elif isinstance(value, int):
                self._info += _leb(value)
            else:
                self._info += value
        return at

    def _type(self, ctype: str) -> int:
        """The entry of a type, written if it is not there yet."""
        known = self._types.get(ctype)
        if known is None:
            known = self._types[ctype] = self._write_type(ctype)
        return known

    def _write_type(self, ctype: str) -> int:
        match = _CTYPE.match(ctype)
        assert match, ctype
        base, stars, count = match["base"], match["stars"], match["count"]
        if count:
            element = self._type(f"{base} {stars}".rstrip())
            index = self._type("unsigned int")
            at = self._entry(_A_ARRAY, element)
            self._entry(_A_SUBRANGE, index, int(count))
            self._info += b"\0"
            return at
        if stars:
            pointed = f"{base} {stars[1:]}".rstrip()
            if pointed == "void":
                return self._entry(_A_VOID_POINTER, 4)
            return self._entry(_A_POINTER, 4, pointed)
        if base.startswith("struct "):
            known = self._layout.structs.get(base[7:])
            return self._struct(known) if known else self._entry(_A_OPAQUE, base[7:])
        if base in _WRAPPED:
            return self._wrapped(base)
        size = SCALARS[base]
        encoding = _UNSIGNED if base.startswith("unsigned") else _SIGNED
        if size == 1:
            encoding = _UNSIGNED_CHAR if base.startswith("unsigned") else _SIGNED_CHAR
        return self._entry(_A_BASE, base, size, encoding)

    def _struct(self, known: Struct) -> int:
        at = self._entry(_A_STRUCT, known.name, known.size)
        self._types[f"struct {known.name}"] = at
        for field in known.fields.values():
            array = f"[{field.count}]" if field.is_array else ""
            self._entry(_A_MEMBER, field.name, field.ctype + array, field.offset)
        self._info += b"\0"
        return at

    def _wrapped(self, name: str) -> int:
        """atomic_t and the locks: a typedef of a struct of one word; of none where a lock takes no room."""
        member, ctype = _WRAPPED[name]
        size = 4 if name == "atomic_t" or self._layout.smp else 0
        inner = self._entry(_A_UNNAMED, size)
        if size:
            self._entry(_A_MEMBER, member, ctype, 0)
        self._info += b"\0"
        return self._entry(_A_TYPEDEF, name, inner)


_WRAPPED = {
    "atomic_t": ("counter", "int"), "spinlock_t": ("slock", "unsigned int"), "rwlock_t": ("lock", "unsigned int"),
}  # fmt: skip
