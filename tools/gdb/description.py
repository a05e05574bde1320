"""The registers in gdb's numbering, and the target description that says so (gdb manual, appendix G).

The first two features are gdb's own for an i386, the third has what an operating system sees: the control registers
with their bits, as QEMU's i386-32bit.xml names them.
"""

from __future__ import annotations

from typing import NamedTuple


class Register(NamedTuple):
    """A register: its size in bits, gdb's type of it, and the group that `info registers` shows it in."""

    name: str
    bits: int
    type: str
    group: str = ""

    def pack(self, value: int) -> bytes:
        """Its bytes in a packet."""
        return (value & (1 << self.bits) - 1).to_bytes(self.bits // 8, "little")


_FLAGS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "i386_eflags": tuple((name, bit, bit) for name, bit in (
        ("CF", 0), ("", 1), ("PF", 2), ("AF", 4), ("ZF", 6), ("SF", 7), ("TF", 8), ("IF", 9), ("DF", 10), ("OF", 11),
        ("NT", 14), ("RF", 16), ("VM", 17), ("AC", 18), ("VIF", 19), ("VIP", 20), ("ID", 21),
    )),
    "i386_mxcsr": tuple((name, bit, bit) for name, bit in (
        ("IE", 0), ("DE", 1), ("ZE", 2), ("OE", 3), ("UE", 4), ("PE", 5), ("DAZ", 6), ("IM", 7), ("DM", 8),
        ("ZM", 9), ("OM", 10), ("UM", 11), ("PM", 12), ("FZ", 15),
    )),
    "i386_cr0": tuple((name, bit, bit) for name, bit in (
        ("PE", 0), ("MP", 1), ("EM", 2), ("TS", 3), ("ET", 4), ("NE", 5), ("WP", 16), ("AM", 18), ("NW", 29),
        ("CD", 30), ("PG", 31),
    )),
    "i386_cr3": (("PWT", 3, 3), ("PCD", 4, 4), ("PDBR", 12, 31)),
    "i386_cr4": tuple((name, bit, bit) for name, bit in (
        ("VME", 0), ("PVI", 1), ("TSD", 2), ("DE", 3), ("PSE", 4), ("PAE", 5), ("MCE", 6), ("PGE", 7), ("PCE", 8),
        ("OSFXSR", 9), ("OSXMMEXCPT", 10), ("SMEP", 20), ("SMAP", 21),
    )),
    "i386_efer": (("SCE", 0, 0), ("LME", 8, 8), ("LMA", 10, 10), ("NXE", 11, 11)),
}  # fmt: skip

_CORE = (
    *(Register(name, 32, "int32") for name in ("eax", "ecx", "edx", "ebx")),
    Register("esp", 32, "data_ptr"), Register("ebp", 32, "data_ptr"),
    Register("esi", 32, "int32"), Register("edi", 32, "int32"),
    Register("eip", 32, "code_ptr"), Register("eflags", 32, "i386_eflags"),
    *(Register(name, 32, "int32") for name in ("cs", "ss", "ds", "es", "fs", "gs")),
    *(Register(f"st{n}", 80, "i387_ext") for n in range(8)),
    *(Register(name, 32, "int", "float")
      for name in ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")),
)  # fmt: skip
_SSE = (
    *(Register(f"xmm{n}", 128, "vec128") for n in range(8)),
    Register("mxcsr", 32, "i386_mxcsr", "vector"),
)
_CONTROL = (
    Register("cr0", 32, "i386_cr0"), Register("cr2", 32, "data_ptr"), Register("cr3", 32, "i386_cr3"),
    Register("cr4", 32, "i386_cr4"), Register("efer", 64, "i386_efer"),
)  # fmt: skip

#: Every register, at its number.
REGISTERS: tuple[Register, ...] = (*_CORE, *_SSE, *_CONTROL)
NUMBERS = {register.name: number for number, register in enumerate(REGISTERS)}

_VECTORS = """\
<vector id="v4f" type="ieee_single" count="4"/>
<vector id="v2d" type="ieee_double" count="2"/>
<vector id="v16i8" type="int8" count="16"/>
<vector id="v8i16" type="int16" count="8"/>
<vector id="v4i32" type="int32" count="4"/>
<vector id="v2i64" type="int64" count="2"/>
<union id="vec128">
<field name="v4_float" type="v4f"/>
<field name="v2_double" type="v2d"/>
<field name="v16_int8" type="v16i8"/>
<field name="v8_int16" type="v8i16"/>
<field name="v4_int32" type="v4i32"/>
<field name="v2_int64" type="v2i64"/>
<field name="uint128" type="uint128"/>
</union>
"""


def _flags(name: str, size: int = 4) -> str:
    fields = "".join(f'<field name="{n}" start="{a}" end="{b}"/>\n' for n, a, b in _FLAGS[name])
    return f'<flags id="{name}" size="{size}">\n{fields}</flags>\n'


def _feature(name: str, types: str, registers: tuple[Register, ...]) -> str:
    lines = "".join(
        f'<reg name="{r.name}" bitsize="{r.bits}" type="{r.type}" regnum="{NUMBERS[r.name]}"'
        + (f' group="{r.group}"/>\n' if r.group else "/>\n")
        for r in registers
    )
    return f'<feature name="{name}">\n{types}{lines}</feature>\n'


def target_xml() -> str:
    """The target description."""
    control = _flags("i386_cr0") + _flags("i386_cr3") + _flags("i386_cr4") + _flags("i386_efer", 8)
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n'
        "<target>\n<architecture>i386</architecture>\n"
        + _feature("org.gnu.gdb.i386.core", _flags("i386_eflags"), _CORE)
        + _feature("org.gnu.gdb.i386.sse", _VECTORS + _flags("i386_mxcsr"), _SSE)
        + _feature("org.highmem.i386.control", control, _CONTROL)
        + "</target>\n"
    )
