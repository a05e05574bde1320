"""C types: those of the kernel, made from its Layout, and those of programs, read from their DWARF (4 and 5).

One model for both. A type that several names lead to (typedef, const) is followed by `CType.plain`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from guest.dwarf import DebugInfo
from mm.layout import Field, Layout

Value = Any
"""A C value in Python: int (of pointers and enums too), float, str (an array of char), list, dict of members."""

_POINTER_SIZE = 4
_MOST_DIES = 1 << 20


class Kind(StrEnum):
    """What a type is. VOID also stands for what the debug information does not say."""

    VOID = "void"
    INT = "int"
    CHAR = "char"
    BOOL = "bool"
    FLOAT = "float"
    ENUM = "enum"
    POINTER = "pointer"
    ARRAY = "array"
    STRUCT = "struct"
    UNION = "union"
    TYPEDEF = "typedef"
    FUNCTION = "function"


class Member(NamedTuple):
    """A member. offset: in bytes. bit_size: of a bit-field, else None; bit_offset: its lowest bit in the byte there."""

    name: str
    type: CType
    offset: int
    bit_offset: int = 0
    bit_size: int | None = None


class CType:
    """A C type. size in bytes, 0 for an incomplete one; name without `struct`, "" for one that has none.

    target: of a pointer, an array, a typedef, or what a function returns. count: elements of an array, None where open.
    enumerators: names by value. parameters: of a function.
    """

    def __init__(
        self, kind: Kind, name: str = "", size: int = 0, *, signed: bool = False, target: CType | None = None,
        count: int | None = None, complete: bool = True,
    ) -> None:  # fmt: skip
        self.kind = kind
        self.name = name
        self.size = size
        self.signed = signed
        self.count = count
        self.complete = complete
        self.members: list[Member] = []
        self.enumerators: dict[int, str] = {}
        self.parameters: list[CType] = []
        self._target = target

    @property
    def target(self) -> CType:
        """The type that this one is made of; VOID where there is none."""
        return self._target or _VOID

    @target.setter
    def target(self, target: CType) -> None:
        self._target = target

    @property
    def plain(self) -> CType:
        """The type behind the typedefs."""
        ctype, steps = self, 0
        while ctype.kind is Kind.TYPEDEF and steps < 64:
            ctype, steps = ctype.target, steps + 1
        return ctype

    @property
    def is_aggregate(self) -> bool:
        """Whether it has members."""
        return self.plain.kind in (Kind.STRUCT, Kind.UNION)

    def declaration(self, name: str = "") -> str:
        """How C declares a `name` of this type: 'struct list_head *next', 'void (*func)(int)', 'char comm[16]'."""
        match self.kind:
            case Kind.POINTER:
                inner = f"*{name}"
                if self.target.kind in (Kind.ARRAY, Kind.FUNCTION):
                    inner = f"({inner})"
                return self.target.declaration(inner)
            case Kind.ARRAY:
                return self.target.declaration(f"{name}[{'' if self.count is None else self.count}]")
            case Kind.FUNCTION:
                return self.target.declaration(f"{name}({', '.join(map(str, self.parameters)) or 'void'})")
            case Kind.STRUCT | Kind.UNION | Kind.ENUM:
                text = f"{self.kind} {self.name}" if self.name else f"{self.kind} {{...}}"
            case _:
                text = self.name or self.kind
        return f"{text} {name}" if name else text

    def __str__(self) -> str:
        """'struct page *': its name in C."""
        text = self.declaration()
        return re.sub(r"(?<=\w)(?=[*\[(])", " ", text, count=1)

    def members_flat(self) -> Iterator[Member]:
        """The members, those of nameless structs and unions among them."""
        for member in self.plain.members:
            if not member.name and member.type.is_aggregate:
                for inner in member.type.members_flat():
                    yield inner._replace(offset=member.offset + inner.offset)
            else:
                yield member

    def find(self, path: str) -> Member:
        """The member that `path` leads to ("lru.next", "free_area[3].nr_free"), its offset from the start of this type.

        LookupError says what there is not.
        """
        found = Member("", self, 0)
        for name, index in _PATH.findall(path):
            if index:
                array = found.type.plain
                if array.kind is not Kind.ARRAY:
                    raise LookupError(f"{found.name or self} is no array")
                number = int(index, 0)
                if array.count is not None and number >= max(array.count, 1):
                    raise LookupError(f"{found.name} has {array.count} elements, no [{number}]")
                found = Member(f"{found.name}[{index}]", array.target, found.offset + number * array.target.size)
                continue
            member = next((m for m in found.type.members_flat() if m.name == name), None)
            if member is None:
                raise LookupError(f"{found.type} has no member {name}")
            found = member._replace(offset=found.offset + member.offset)
        return found

    def value(self, data: bytes | memoryview, offset: int = 0) -> Value:
        """What bytes mean as this type; `data` has at least `offset + size` of them."""
        ctype = self.plain
        if ctype.is_aggregate:
            return {
                member.name or f"<{member.offset}>": member_value(member, data, offset) for member in ctype.members
            }
        if ctype.kind is Kind.ARRAY:
            if ctype.target.plain.name == "char":
                return bytes(data[offset : offset + ctype.size]).split(b"\0")[0].decode("latin-1")
            size = ctype.target.size
            return [ctype.target.value(data, offset + n * size) for n in range(ctype.count or 0)]
        if ctype.kind is Kind.FLOAT:
            form = {4: "<f", 8: "<d"}.get(ctype.size)
            return struct.unpack_from(form, data, offset)[0] if form else None
        return int.from_bytes(data[offset : offset + ctype.size], "little", signed=ctype.signed)


_PATH = re.compile(r"(?:\.|^|(?<=\]))(\w+)|\[(\w+)\]")
_VOID = CType(Kind.VOID)


def member_value(member: Member, data: bytes | memoryview, offset: int = 0) -> Value:
    """The value of a member of the struct that begins at `offset` in `data`."""
    at = offset + member.offset
    if member.bit_size is None:
        return member.type.value(data, at)
    size = member.bit_offset + member.bit_size + 7 >> 3
    bits = int.from_bytes(data[at : at + size], "little") >> member.bit_offset & (1 << member.bit_size) - 1
    return bits - (1 << member.bit_size) if member.type.plain.signed and bits >> member.bit_size - 1 else bits


def pointer_to(target: CType) -> CType:
    """`target *`."""
    return CType(Kind.POINTER, size=_POINTER_SIZE, target=target)


def array_of(target: CType, count: int | None) -> CType:
    """`target[count]`."""
    return CType(Kind.ARRAY, size=target.size * (count or 0), target=target, count=count)


# the kernel's


def _int(name: str, size: int) -> CType:
    signed = not name.startswith("unsigned")
    return CType(Kind.CHAR if name.endswith("char") else Kind.INT, name, size, signed=signed)


_BASE = {
    name: _int(name, size)
    for name, size in (
        ("char", 1), ("signed char", 1), ("unsigned char", 1), ("short", 2), ("unsigned short", 2), ("int", 4),
        ("unsigned int", 4), ("long", 4), ("unsigned long", 4), ("long long", 8), ("unsigned long long", 8),
    )
} | {"void": _VOID, "float": CType(Kind.FLOAT, "float", 4), "double": CType(Kind.FLOAT, "double", 8)}  # fmt: skip


class LayoutTypes:
    """The types that a Layout declares."""

    def __init__(self, layout: Layout) -> None:
        self.structs = {name: CType(Kind.STRUCT, name, each.size) for name, each in layout.structs.items()}
        lock = 4 if layout.smp else 0
        self.typedefs = {
            "atomic_t": _typedef("atomic_t", 4, [Member("counter", _BASE["int"], 0)]),
            "spinlock_t": _typedef("spinlock_t", lock, [Member("slock", _BASE["unsigned int"], 0)] if lock else []),
            "rwlock_t": _typedef("rwlock_t", lock, [Member("lock", _BASE["unsigned int"], 0)] if lock else []),
        }
        self.variables = {symbol.name: symbol.ctype for symbol in layout.symbols.values() if symbol.ctype}
        self._opaque: dict[str, CType] = {}
        for name, each in layout.structs.items():
            self.structs[name].members = [self._member(field) for field in each.fields.values()]

    def _member(self, field: Field) -> Member:
        ctype = self._named(field.ctype.rstrip("*").strip())
        for _ in range(field.ctype.count("*")):
            ctype = pointer_to(ctype)
        return Member(field.name, array_of(ctype, field.count) if field.is_array else ctype, field.offset)

    def _named(self, name: str) -> CType:
        if not name.startswith("struct "):
            return self.typedefs.get(name) or _BASE[name]
        name = name.removeprefix("struct ")
        if name in self.structs:
            return self.structs[name]
        return self._opaque.setdefault(name, CType(Kind.STRUCT, name, complete=False))


def _typedef(name: str, size: int, members: list[Member]) -> CType:
    inner = CType(Kind.STRUCT, "", size)
    inner.members = members
    return CType(Kind.TYPEDEF, name, size, target=inner)


# a program's

_TAGS = {
    "DW_TAG_structure_type": Kind.STRUCT, "DW_TAG_class_type": Kind.STRUCT, "DW_TAG_union_type": Kind.UNION,
    "DW_TAG_enumeration_type": Kind.ENUM, "DW_TAG_typedef": Kind.TYPEDEF, "DW_TAG_base_type": Kind.INT,
}  # fmt: skip
_TRANSPARENT = ("DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type", "DW_TAG_atomic_type")
_ENCODINGS = {2: Kind.BOOL, 4: Kind.FLOAT, 6: Kind.CHAR, 8: Kind.CHAR}
_SIGNED = (5, 6, 13)


class DwarfTypes:
    """The types, and the types of the variables, that a program's debug information tells of; read when asked for.

    Damaged information gives fewer types, never an error.
    """

    def __init__(self, debug: DebugInfo) -> None:
        self._debug = debug
        self._made: dict[int, CType] = {}

    @property
    def program(self) -> str:
        """The program's name."""
        return self._debug.name

    def find(self, kind: Kind | None, name: str) -> CType | None:
        """The type of that name; kind: STRUCT, UNION or ENUM for a tag, None for a typedef or base type."""
        tag = kind or Kind.TYPEDEF
        entry = self._index[0].get((tag, name))
        return self._guarded(entry) if entry is not None else None

    def variable(self, name: str) -> CType | None:
        """The type of a variable outside of functions."""
        entry = self._index[1].get(name)
        return self._guarded(entry) if entry is not None else None

    def names(self) -> list[tuple[Kind, str]]:
        """The types that have a name."""
        return list(self._index[0])

    def _guarded(self, die: Any) -> CType | None:
        try:
            return self._type(die)
        except Exception:  # whatever a foreign parser makes of foreign bytes
            return None

    @cached_property
    def _index(self) -> tuple[dict[tuple[Kind, str], Any], dict[str, Any]]:
        """Entries of types by kind and name, and of the types of variables by name."""
        types: dict[tuple[Kind, str], Any] = {}
        variables: dict[str, Any] = {}
        info, count = self._debug.dwarf, 0
        try:
            for unit in info.iter_CUs() if info else ():
                for die in unit.iter_DIEs():
                    count += 1
                    if count > _MOST_DIES:
                        return types, variables
                    self._enter(die, types, variables)
        except Exception:  # what was read so far
            pass
        return types, variables

    @staticmethod
    def _enter(die: Any, types: dict[tuple[Kind, str], Any], variables: dict[str, Any]) -> None:
        if die.tag is None or "DW_AT_name" not in die.attributes or "DW_AT_declaration" in die.attributes:
            return
        name = die.attributes["DW_AT_name"].value.decode("utf-8", "backslashreplace")
        if kind := _TAGS.get(die.tag):
            tag = kind if kind in (Kind.STRUCT, Kind.UNION, Kind.ENUM) else Kind.TYPEDEF
            types.setdefault((tag, _usual(name) if tag is Kind.TYPEDEF else name), die)
        elif die.tag == "DW_TAG_variable" and die.get_parent().tag == "DW_TAG_compile_unit":
            if "DW_AT_type" in die.attributes:
                variables.setdefault(name, die.get_DIE_from_attribute("DW_AT_type"))

    def _target(self, die: Any) -> CType:
        return self._type(die.get_DIE_from_attribute("DW_AT_type")) if "DW_AT_type" in die.attributes else _VOID

    def _type(self, die: Any) -> CType:
        if (made := self._made.get(die.offset)) is not None:
            return made
        if die.tag in _TRANSPARENT:
            return self._target(die)
        name = die.attributes["DW_AT_name"].value.decode("utf-8", "backslashreplace") if _has(die, "name") else ""
        size = _number(die, "byte_size") or 0
        if kind := _TAGS.get(die.tag):
            ctype = CType(kind, name, size, complete=not _has(die, "declaration"))
        elif die.tag == "DW_TAG_pointer_type":
            ctype = CType(Kind.POINTER, size=size or _POINTER_SIZE)
        elif die.tag == "DW_TAG_subroutine_type":
            ctype = CType(Kind.FUNCTION)
        else:
            ctype = CType(Kind.VOID, name)
        if die.tag == "DW_TAG_array_type":
            ctype = self._array(die)
        self._made[die.offset] = ctype  # before what it refers to, which may refer to it
        self._complete(die, ctype)
        return ctype

    def _complete(self, die: Any, ctype: CType) -> None:
        """Fill in what another type may be needed for."""
        if ctype.kind in (Kind.STRUCT, Kind.UNION):
            if not ctype.complete and (whole := self._index[0].get((ctype.kind, ctype.name))) is not None:
                ctype.size, ctype.complete, die = _number(whole, "byte_size") or 0, True, whole
            ctype.members = [self._member(child) for child in die.iter_children() if child.tag == "DW_TAG_member"]
        elif ctype.kind is Kind.ENUM:
            ctype.enumerators = {
                child.attributes["DW_AT_const_value"].value: child.attributes["DW_AT_name"].value.decode()
                for child in die.iter_children()
                if child.tag == "DW_TAG_enumerator"
            }
            ctype.signed = any(value < 0 for value in ctype.enumerators)
        elif ctype.kind is Kind.INT:
            encoding = _number(die, "encoding") or 0
            ctype.kind = _ENCODINGS.get(encoding, Kind.INT)
            ctype.signed = encoding in _SIGNED
            ctype.name = _usual(ctype.name)
        elif ctype.kind is not Kind.ARRAY:
            ctype.target = self._target(die)
            if ctype.kind is Kind.TYPEDEF:
                ctype.size = ctype.target.size
            elif ctype.kind is Kind.FUNCTION:
                children = (child for child in die.iter_children() if child.tag == "DW_TAG_formal_parameter")
                ctype.parameters = [self._target(child) for child in children]

    def _array(self, die: Any) -> CType:
        counts = []
        for child in die.iter_children():
            if child.tag == "DW_TAG_subrange_type":
                bound = _number(child, "upper_bound")
                count = _number(child, "count")
                counts.append(count if count is not None else None if bound is None else bound + 1)
        ctype = self._target(die)
        for count in reversed(counts):
            ctype = array_of(ctype, None if count is None or count >> 31 else count)
        return ctype

    def _member(self, die: Any) -> Member:
        name = die.attributes["DW_AT_name"].value.decode("utf-8", "backslashreplace") if _has(die, "name") else ""
        ctype, offset = self._target(die), _number(die, "data_member_location") or 0
        bits = _number(die, "bit_size")
        if bits is None:
            return Member(name, ctype, offset)
        first = _number(die, "data_bit_offset")
        if first is None:  # DWARF 2 and 3 count from the other end of a unit of storage
            storage = (_number(die, "byte_size") or ctype.size) * 8
            first = offset * 8 + storage - (_number(die, "bit_offset") or 0) - bits
        return Member(name, ctype, first >> 3, first & 7, bits)


def _has(die: Any, name: str) -> bool:
    return f"DW_AT_{name}" in die.attributes


def _number(die: Any, name: str) -> int | None:
    """An attribute that is a number; None where there is none, or an expression."""
    value: Any = die.attributes[f"DW_AT_{name}"].value if _has(die, name) else None
    if isinstance(value, list) and len(value) > 1 and value[0] == 0x23:  # DW_OP_plus_uconst
        value = sum((byte & 0x7F) << 7 * n for n, byte in enumerate(value[1:]))
    return value if isinstance(value, int) else None


def _usual(name: str) -> str:
    """One spelling for what compilers call "long unsigned int" and "unsigned long"."""
    words = name.split()
    if not words or not set(words) <= {"long", "short", "int", "unsigned", "signed", "char"}:
        return name
    size = "char" if "char" in words else " ".join(w for w in words if w in ("long", "short")) or "int"
    sign = "unsigned " if "unsigned" in words else "signed " if "signed" in words and size == "char" else ""
    return sign + size


# both

_NAME = re.compile(r"(?:(struct|union|enum)\s+)?([A-Za-z_][\w ]*?)\s*((?:\*\s*)*)((?:\[\s*\w+\s*\]\s*)*)\Z")


class Types:
    """All that a kernel and its programs declare. programs: the newest first; the kernel's own types go before theirs
    where both have a name, except with `own` set.
    """

    def __init__(self, layout: Layout | None, programs: Sequence[DebugInfo] = ()) -> None:
        self._layout = LayoutTypes(layout) if layout else None
        self.programs = [DwarfTypes(debug) for debug in programs]

    def find(self, text: str, own: bool = False) -> CType | None:
        """The type that C's words name: "struct page", "page", "gfp_t", "unsigned long", "struct page *", "int[4]"."""
        match = _NAME.match(text.strip())
        if not match:
            return None
        tag, name, stars, arrays = match.groups()
        ctype = self._named(Kind(tag) if tag else None, " ".join(name.split()), own)
        if ctype is None:
            return None
        for _ in range(stars.count("*")):
            ctype = pointer_to(ctype)
        for count in reversed(re.findall(r"\w+", arrays)):
            if not count.isdigit():
                return None
            ctype = array_of(ctype, int(count))
        return ctype

    def _named(self, tag: Kind | None, name: str, own: bool) -> CType | None:
        sources = [self._of_kernel, self._of_programs]
        for source in reversed(sources) if own else sources:
            if (found := source(tag, name)) is not None:
                return found
        return None

    def _of_kernel(self, tag: Kind | None, name: str) -> CType | None:
        if self._layout is None:
            return None
        if tag in (None, Kind.STRUCT) and (found := self._layout.structs.get(name)):
            return found
        return None if tag else self._layout.typedefs.get(name) or _BASE.get(_usual(name))

    def _of_programs(self, tag: Kind | None, name: str) -> CType | None:
        for program in self.programs:
            tags: tuple[Kind | None, ...] = (tag,) if tag else (None, Kind.STRUCT, Kind.UNION, Kind.ENUM)
            for each in tags:
                if found := program.find(each, name if each else _usual(name)):
                    return found
        return None if tag else _BASE.get(_usual(name))

    def variable(self, name: str) -> CType | None:
        """The type of a variable: of the program that has one of that name, or of the kernel."""
        found = next((found for program in self.programs if (found := program.variable(name))), None)
        if found is None and self._layout and name in self._layout.variables:
            return self.find(self._layout.variables[name])
        return found

    def names(self) -> list[str]:
        """Every name that `find` understands, sorted."""
        found = {name for program in self.programs for _, name in program.names()}
        if self._layout:
            found |= {*self._layout.structs, *self._layout.typedefs}
        return sorted(found)


