"""How the state "never written" goes through instructions: for hw.uninit, which follows it in a CPU.

A mask has a bit for each bit of a value that nobody has set. Copies carry masks along; AND and OR with what is known
clear bits of them; a sum's mask reaches from its lowest bit upwards. Instructions that are not told apart here give
all of their results, where anything that they read is not set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any, NamedTuple

GENERAL = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
EAX, ECX, EDX, ESP, EBP = 0, 1, 2, 4, 5
_ALL = 0xFFFF_FFFF


class Place(NamedTuple):
    """A register or a part of one: `size` bytes from bit `shift` of general register `number` up."""

    number: int
    shift: int
    size: int


PLACES: dict[str, Place] = {}
for _number, _name in enumerate(GENERAL):
    PLACES[_name] = Place(_number, 0, 4)
    PLACES[_name[1:]] = Place(_number, 0, 2)
for _number, _letter in enumerate("acdb"):
    PLACES[f"{_letter}l"], PLACES[f"{_letter}h"] = Place(_number, 0, 1), Place(_number, 8, 1)


class Op(Enum):
    """What becomes of masks."""

    NOTHING = auto()  # no result, no flags
    COPY = auto()
    SIGN = auto()  # a copy that is extended by its sign
    CONDITION = auto()  # 0 or 1, by the flags
    MAYBE = auto()  # a copy or none, by the flags
    AND = auto()
    OR = auto()
    EITHER = auto()  # the bits of both: XOR, NOT
    SUM = auto()
    SHIFT = auto()
    SWAP = auto()  # XCHG
    ALL = auto()


class Decides(Enum):
    """What an unset value decides in an instruction."""

    NOTHING = auto()
    FLAGS = auto()  # a branch, by the flags
    COUNT = auto()  # a branch, by ECX
    REPEAT = auto()  # by ECX, and afterwards by the flags
    TARGET = auto()  # where the program goes on


@dataclass(frozen=True, slots=True)
class Rule:
    """An instruction. to: its result; None where that goes to memory, or nowhere. sources: registers that are read as
    values; immediate: a constant that is, None without one. addresses: registers that make an address of an access.
    flags: whether it sets them, from its result. loads, stores: bytes of an operand in memory, 0 for none. more:
    further registers that get the result. clean: the result depends on nothing. holds: of MAYBE, the condition.
    """

    op: Op
    to: Place | None = None
    sources: tuple[Place, ...] = ()
    immediate: int | None = None
    addresses: tuple[int, ...] = ()
    flags: bool = False
    takes_flags: bool = False
    width: int = 4
    source_width: int = 4
    loads: bool = False
    more: tuple[Place, ...] = ()
    decides: Decides = Decides.NOTHING
    shift: Callable[[int, int, int], int] | None = None
    holds: str = ""


_ARITHMETIC = {
    "add": Op.SUM, "sub": Op.SUM, "cmp": Op.SUM, "and": Op.AND, "test": Op.AND, "or": Op.OR, "xor": Op.EITHER,
}  # fmt: skip
_UNARY = {"inc": Op.SUM, "dec": Op.SUM, "neg": Op.SUM, "not": Op.EITHER}
_STRINGS = ("movs", "lods", "stos", "scas", "cmps")
_IMPLIED = {"cmpxchg": ("eax",), "cmpxchg8b": ("eax", "edx")}
_LOOPS = ("loop", "loope", "loopne", "jecxz", "jcxz")


def _rotate(mask: int, by: int, bits: int) -> int:
    by %= bits
    return (mask << by | mask >> bits - by) & (1 << bits) - 1


def _sar(mask: int, by: int, bits: int) -> int:
    filled = mask | (_ALL << bits if mask >> bits - 1 else 0)
    return filled >> by & (1 << bits) - 1


_SHIFTS: dict[str, Callable[[int, int, int], int]] = {
    "shl": lambda mask, by, bits: mask << by & (1 << bits) - 1,
    "sal": lambda mask, by, bits: mask << by & (1 << bits) - 1,
    "shr": lambda mask, by, bits: mask >> by,
    "sar": _sar,
    "rol": _rotate,
    "ror": lambda mask, by, bits: _rotate(mask, -by, bits),
}

#: bits of EFLAGS, and how a condition's letters go by them
_CF, _PF, _ZF, _SF, _OF = 1, 4, 0x40, 0x80, 0x800


def condition_holds(letters: str, eflags: int) -> bool:
    """Whether a condition ("ne", "be", ...) holds."""
    c, p, z, s, o = (bool(eflags & bit) for bit in (_CF, _PF, _ZF, _SF, _OF))
    base = {
        "o": o, "b": c, "ae": not c, "e": z, "be": c or z, "s": s, "p": p, "l": s != o, "le": z or s != o,
        "a": not (c or z), "g": not z and s == o, "ge": s == o,
    }  # fmt: skip
    if letters in base:
        return base[letters]
    return not base.get(letters.removeprefix("n"), False)


@cache
def _capstone() -> tuple[Any, Any]:
    import capstone  # type: ignore[import-untyped]  # 40 ms

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    engine.detail = True
    return engine, capstone.x86


def decode(code: bytes, address: int) -> Rule | None:
    """The rule of the instruction that `code` begins with; None where it is none."""
    engine, x86 = _capstone()
    found = next(engine.disasm(code, address, 1), None)
    return None if found is None else _Decoder(found, x86).rule()


class _Decoder:
    def __init__(self, instruction: Any, x86: Any) -> None:
        self._i = instruction
        self._operands = instruction.operands
        self._memory, self._register, self._constant = x86.X86_OP_MEM, x86.X86_OP_REG, x86.X86_OP_IMM
        words = instruction.mnemonic.split()
        self._name, self._repeats = words[-1], len(words) > 1 and words[0].startswith("rep")

    def _place(self, operand: Any) -> Place | None:
        return PLACES.get(self._i.reg_name(operand.reg)) if operand.type == self._register else None

    def _addresses(self) -> tuple[int, ...]:
        numbers = []
        for operand in self._operands:
            if operand.type == self._memory:
                for register in (operand.mem.base, operand.mem.index):
                    if register and (place := PLACES.get(self._i.reg_name(register))):
                        numbers.append(place.number)
        return tuple(dict.fromkeys(numbers))

    def rule(self) -> Rule:
        name, operands = self._name, self._operands
        addresses = self._addresses()
        loads = any(operand.type == self._memory for operand in operands)
        first = self._place(operands[0]) if operands else None
        second = self._place(operands[1]) if len(operands) > 1 else None
        width = operands[0].size if operands else 4
        source_width = operands[1].size if len(operands) > 1 else width
        immediate = None
        if operands and operands[-1].type == self._constant:
            immediate = operands[-1].imm & (1 << 8 * width) - 1
        common: dict[str, Any] = {
            "addresses": addresses, "loads": loads, "width": width, "source_width": source_width,
        }  # fmt: skip
        both = tuple(place for place in (first, second) if place is not None)

        if name[:4] in _STRINGS and name[4:] in ("b", "w", "d") and not any(
            operand.type == self._register and operand.reg and self._i.reg_name(operand.reg).startswith("xmm")
            for operand in operands
        ):
            return self._string(common)
        if name in ("mov", "movzx", "movsx", "movabs"):
            if (operands[0].type == self._register and first is None) or (
                operands[1].type == self._register and second is None
            ):  # a segment or control register
                return Rule(Op.COPY, first, (), **common) if first else Rule(Op.NOTHING, **common)
            op = Op.SIGN if name == "movsx" else Op.COPY
            return Rule(op, first, (second,) if second else (), immediate, **common)
        if name in ("push", "pop"):
            source = (first,) if name == "push" and first else ()
            return Rule(Op.COPY, first if name == "pop" else None, source, immediate, **(common | {"loads": True}))
        if name == "lea":
            sources = tuple(Place(number, 0, 4) for number in addresses)
            return Rule(Op.SUM, first, sources, **(common | {"addresses": (), "loads": False}))
        if name == "xor" or name == "sub":
            if first is not None and first == second:
                return Rule(Op.COPY, first, (), 0, flags=True, **common)
        if name == "sbb" and first is not None and first == second:
            return Rule(Op.ALL, first, (), flags=True, takes_flags=True, **common)
        if name in _ARITHMETIC:
            to = None if name in ("cmp", "test") else first
            return Rule(_ARITHMETIC[name], to, both, immediate, flags=True, **common)
        if name in ("adc", "sbb"):
            return Rule(Op.SUM, first, both, immediate, flags=True, takes_flags=True, **common)
        if name in _UNARY:
            return Rule(_UNARY[name], first, both, flags=name != "not", **common)
        if name in _SHIFTS:
            count = None if second else 1 if len(operands) == 1 else immediate
            return Rule(
                Op.SHIFT, first, both, None if count is None else count & 31, flags=True, shift=_SHIFTS[name], **common
            )  # fmt: skip
        if name == "xchg":
            return Rule(Op.SWAP, first or second, both, **common)
        if name.startswith("set"):
            return Rule(Op.CONDITION, first, (), takes_flags=True, **common)
        if name.startswith("cmov"):
            return Rule(Op.MAYBE, first, both, takes_flags=True, holds=name[4:], **common)
        if name in _LOOPS:
            return Rule(Op.NOTHING, decides=Decides.COUNT)
        if name == "jmp" or name == "call" or name.startswith("ret"):
            return Rule(Op.COPY, None, (), decides=Decides.TARGET, addresses=(
                *addresses, *((first.number,) if first else ())), loads=loads or name.startswith("ret"))  # fmt: skip
        if name.startswith("j"):
            return Rule(Op.NOTHING, decides=Decides.FLAGS)
        if name == "leave":
            return Rule(Op.COPY, Place(EBP, 0, 4), (), loads=True)
        if name in ("cwde", "cbw"):
            size = 2 if name == "cwde" else 1
            return Rule(Op.SIGN, Place(EAX, 0, 2 * size), (Place(EAX, 0, size),), width=2 * size, source_width=size)
        if name in ("nop", "cpuid", "rdtsc", "cli", "sti", "cld", "std", "hlt", "int", "int3", "ud2", "pause"):
            return Rule(Op.NOTHING)
        return self._other(common)

    def _string(self, common: dict[str, Any]) -> Rule:
        kind, size = self._name[:4], {"b": 1, "w": 2, "d": 4}[self._name[4]]
        common |= {"width": size, "source_width": size, "loads": kind != "stos"}
        accumulator = Place(EAX, 0, size)
        count = Decides.COUNT if self._repeats else Decides.NOTHING
        match kind:
            case "movs":
                return Rule(Op.COPY, decides=count, **common)
            case "lods":
                return Rule(Op.COPY, accumulator, decides=count, **common)
            case "stos":
                return Rule(Op.COPY, None, (accumulator,), decides=count, **common)
        sources = (accumulator,) if kind == "scas" else ()
        decides = Decides.REPEAT if self._repeats else Decides.NOTHING
        return Rule(Op.SUM, None, sources, flags=True, decides=decides, **common)

    def _other(self, common: dict[str, Any]) -> Rule:
        read, written = ([self._i.reg_name(number) for number in numbers] for numbers in self._i.regs_access())
        implied = _IMPLIED.get(self._name, ())
        read, written = [*read, *implied], [*written, *implied]
        sources = tuple(PLACES[name] for name in read if name in PLACES and name != "esp")
        to = [PLACES[name] for name in written if name in PLACES and name != "esp"]
        sources = tuple(place for place in sources if place.number not in common["addresses"])
        return Rule(
            Op.ALL, to[0] if to else None, sources, flags="eflags" in written, takes_flags="eflags" in read,
            more=tuple(to[1:]), **common,
        )  # fmt: skip


class Values(NamedTuple):
    """What a rule asks of the moment before its instruction."""

    register: Callable[[int], int]
    eflags: Callable[[], int]


def result(rule: Rule, masks: list[int], unset_flags: bool, loaded: int, value: int, values: Values) -> int:
    """The mask of an instruction's result, before it has run.

    masks: of the general registers. loaded, value: mask and value of its operand in memory, 0 without one.
    """
    bits = 8 * rule.width
    whole = (1 << bits) - 1
    source_bits = (1 << 8 * rule.source_width) - 1
    of = [masks[p.number] >> p.shift & (1 << 8 * p.size) - 1 for p in rule.sources]
    if not (loaded or any(of) or rule.takes_flags and unset_flags):
        return 0
    match rule.op:
        case Op.COPY:
            return (of[-1] if of else loaded) & source_bits if rule.immediate is None else 0
        case Op.SIGN:
            mask = (of[-1] if of else loaded) & source_bits
            return (mask | ~source_bits) & whole if mask & source_bits + 1 >> 1 else mask
        case Op.CONDITION:
            return 1
        case Op.MAYBE:
            mask = of[1] if len(of) > 1 else loaded
            if unset_flags:
                return whole
            return mask if condition_holds(rule.holds, values.eflags()) else of[0]
        case Op.AND | Op.OR:
            return _masked(rule, of, loaded, value, values) & whole
        case Op.EITHER:
            return _union(of, loaded) & whole
        case Op.SUM:
            mask = _union(of, loaded) | (rule.takes_flags and unset_flags)
            return (mask | -mask) & whole
        case Op.SHIFT:
            if rule.immediate is None:
                if of[-1]:
                    return whole
                by = values.register(ECX) & 31
            else:
                by = rule.immediate
            assert rule.shift is not None
            return rule.shift((of[0] if of and rule.to else loaded) & whole, by, bits)
        case Op.SWAP:
            return loaded if len(of) == 1 else of[1]
        case Op.ALL:
            return whole
    return 0


def _union(masks: list[int], loaded: int) -> int:
    for mask in masks:
        loaded |= mask
    return loaded


def _masked(rule: Rule, of: list[int], loaded: int, value: int, values: Values) -> int:
    """AND and OR: a bit is known where one side's is, and decides."""
    sides = [(mask, values.register(p.number) >> p.shift) for mask, p in zip(of, rule.sources, strict=True)]
    if rule.loads:
        sides.append((loaded, value))
    if rule.immediate is not None:
        sides.append((0, rule.immediate))
    if len(sides) < 2:
        return _union(of, loaded)
    (a, x), (b, y) = sides[:2]
    if rule.op is Op.OR:
        x, y = ~x, ~y
    return a & b | a & y | b & x
