"""Page tables of the two 32-bit formats, two-level and PAE: entries, and a walker that is a pure function.

Bits and rules: SDM vol. 3, 4.3 (32-bit paging), 4.4 (PAE paging), 4.6 (access rights), 4.7 (error codes), 4.8
(accessed and dirty flags). Where the manual leaves room, the engine is followed: MAXPHYADDR is 40, so bits 20:13
of a 4 MB PDE are address bits 39:32 (PSE-36), bit 21 is reserved; a table outside RAM reads as zero, so nothing
is present in it. (The engine would ask a device whose window a table lies in; the walker does not.)

The engine differs from the manual in the four PDPTEs, and the walker follows it: hardware loads them at MOV to
CR3, with #GP for a reserved bit; the engine reads them at every walk, ignores their bits 2:1 and 8:5, and answers
bits 63:40 with a page fault (RSVD). CR4.SMEP and CR4.SMAP are in force when set: of a CPU model that has no SMAP
(the default one), MOV to CR4 drops the bit, but a CR4 that the host sets keeps it, without any effect.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hw.ram import RAM

if TYPE_CHECKING:
    import numpy
    import numpy.typing

P, RW, US, PWT, PCD, A, D, PS, G = 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100
PAT = 0x80  # bit 7 of a PTE; a large page's PDE has it at bit 12
PAT_LARGE = 0x1000
AVL = 0xE00
NX = 1 << 63  # PAE with EFER.NXE only

CR0_PE, CR0_WP, CR0_PG = 1 << 0, 1 << 16, 1 << 31
CR4_PSE, CR4_PAE, CR4_PGE, CR4_SMEP, CR4_SMAP = 1 << 4, 1 << 5, 1 << 7, 1 << 20, 1 << 21
EFER_NXE = 1 << 11
EFLAGS_AC = 1 << 18

PAGE_SIZE = 1 << 12
LARGE_PAGE_SIZE = 1 << 22
PAE_LARGE_PAGE_SIZE = 1 << 21
#: MAXPHYADDR: physical address bits that an entry can hold.
PHYSICAL_BITS = 40

ERROR_PRESENT, ERROR_WRITE, ERROR_USER, ERROR_RESERVED, ERROR_FETCH = 1, 2, 4, 8, 16

_NAMES = ((P, "P"), (RW, "RW"), (US, "US"), (PWT, "PWT"), (PCD, "PCD"), (A, "A"), (D, "D"))
_LARGE_RESERVED = 1 << 21
_LARGE_HIGH = 0x1F_E000
_PAE_ADDRESS = (1 << PHYSICAL_BITS) - PAGE_SIZE
_PAE_LARGE_ADDRESS = (1 << PHYSICAL_BITS) - PAE_LARGE_PAGE_SIZE
_PAE_HIGH = NX - (1 << PHYSICAL_BITS)  # reserved in every entry
_PAE_LARGE_LOW = 0x1F_E000  # reserved in a 2 MB PDE


class Access(StrEnum):
    """What an instruction does with an address."""

    READ = "read"
    WRITE = "write"
    FETCH = "fetch"


class Level(NamedTuple):
    """One step of a walk: the entry's value, and the physical address it was read from."""

    name: str
    entry: int
    address: int
    large: bool

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the flag bits that are set, in the order of the bits."""
        return decode(self.entry, self.name, large=self.large)


class Walk(NamedTuple):
    """The verdict on one access to one linear address.

    ``pa`` is None and ``error_code`` a number when it faults, the other way round when it does not.
    ``writable``, ``user`` and ``executable`` are the page's rights: of all levels together, as far as the walk
    came (False where nothing is mapped), apart from CR0.WP, CR4.SMEP and CR4.SMAP. ``page_size`` in bytes, 0
    where nothing is mapped. ``deciding`` is the level whose bit settled it, None when all allow or when it is
    no entry's doing.
    """

    linear: int
    access: Access
    from_user: bool
    pa: int | None
    error_code: int | None
    levels: tuple[Level, ...]
    writable: bool
    user: bool
    executable: bool
    page_size: int
    global_: bool
    reason: str
    deciding: Level | None


def decode(entry: int, name: str = "PTE", *, large: bool = False) -> tuple[str, ...]:
    """Names of the flags set in an entry; ``name`` is its level (Level.name), ``large`` marks a large page's PDE."""
    if name == "PDPTE":
        return tuple(word for bit, word in ((P, "P"), (PWT, "PWT"), (PCD, "PCD")) if entry & bit)
    names = [word for bit, word in _NAMES if entry & bit and not (bit == D and name == "PDE" and not large)]
    if entry & PS:
        names.append("PAT" if name == "PTE" else "PS")
    if entry & G and (large or name == "PTE"):
        names.append("G")
    if large and entry & PAT_LARGE:
        names.append("PAT")
    if entry & NX:
        names.append("NX")
    return tuple(names)


def pte(pa: int, flags: int) -> int:
    """The PTE of the 4 KB page at ``pa``; ValueError for one out of reach or not on a page boundary."""
    if pa & 0xFFF or not 0 <= pa < 1 << 32 or flags & ~0xFFF:
        raise ValueError(f"no PTE can map {pa:#x} with flags {flags:#x}")
    return pa | flags


def pde(table_pa: int, flags: int) -> int:
    """The PDE of the page table at ``table_pa``; ValueError as for ``pte``, and for the PS flag."""
    if flags & PS:
        raise ValueError("a PDE with PS set maps a page, not a table")
    return pte(table_pa, flags)


def pde_large(pa: int, flags: int) -> int:
    """The PDE of the 4 MB page at ``pa`` (below 1 TB, by PSE-36); PS is added. ValueError as for ``pte``."""
    if pa & LARGE_PAGE_SIZE - 1 or not 0 <= pa < 1 << 40 or flags & ~(0xFFF | PAT_LARGE):
        raise ValueError(f"no 4 MB PDE can map {pa:#x} with flags {flags:#x}")
    return pa & 0xFFFF_FFFF | pa >> 32 << 13 | flags | PS


def large_pa(entry: int) -> int:
    """The physical address of the 4 MB page that a PDE maps."""
    return entry & 0xFFC0_0000 | (entry & _LARGE_HIGH) << 19


def pae_pte(pa: int, flags: int) -> int:
    """The 64-bit PTE of the 4 KB page at ``pa``; flags may have NX. ValueError as for ``pte`` (reach: 1 TB)."""
    if pa & 0xFFF or not 0 <= pa < 1 << PHYSICAL_BITS or flags & ~(0xFFF | NX):
        raise ValueError(f"no PAE entry can hold {pa:#x} with flags {flags:#x}")
    return pa | flags


def pae_pde(table_pa: int, flags: int) -> int:
    """The 64-bit PDE of the page table at ``table_pa``; ValueError as for ``pde``."""
    if flags & PS:
        raise ValueError("a PDE with PS set maps a page, not a table")
    return pae_pte(table_pa, flags)


def pae_pde_large(pa: int, flags: int) -> int:
    """The 64-bit PDE of the 2 MB page at ``pa`` (below 1 TB); PS is added. ValueError as for ``pte``."""
    if pa & PAE_LARGE_PAGE_SIZE - 1 or not 0 <= pa < 1 << PHYSICAL_BITS or flags & ~(0xFFF | PAT_LARGE | NX):
        raise ValueError(f"no 2 MB PDE can map {pa:#x} with flags {flags:#x}")
    return pa | flags | PS


def pae_pdpte(directory_pa: int, flags: int) -> int:
    """The PDPTE of the page directory at ``directory_pa``; ValueError as for ``pte``, and for reserved flags."""
    if flags & ~(P | PWT | PCD | AVL):
        raise ValueError(f"a PDPTE cannot have flags {flags:#x}")
    return pae_pte(directory_pa, flags)


def walk(words: memoryview, cr3: int, linear: int, *, cr0: int, cr4: int, access: Access | str = Access.READ,
         user: bool = False, efer: int = 0, ac: bool = False) -> Walk:
    """Translate ``linear`` as the CPU would for this access, changing nothing (no A or D bit, no TLB).

    ``words`` is RAM.words; ``user`` means CPL 3; ``efer`` has a say under CR4.PAE only (NXE), and ``ac``
    (EFLAGS.AC) under CR4.SMAP only.
    """
    if access.__class__ is not Access:  # Access(...) costs 0.4 us even for a member
        access = Access(access)
    assert isinstance(access, Access)
    linear &= 0xFFFF_FFFF
    if not cr0 & CR0_PG:
        return Walk(linear, access, user, linear, None, (), True, True, True, PAGE_SIZE, False,
                    "paging is off (CR0.PG=0)", None)
    return paging_format(cr4).walk(words, cr3, linear, cr0, cr4, access, user, efer, ac)


def marks(verdict: Walk) -> list[tuple[int, int]]:
    """What the access of a walk writes to page tables: each entry's physical address, and A or A and D.

    SDM vol. 3, 4.8: A in each PDE and PTE that the translation went through, and in the last one, with D for a
    write, when the access is allowed. Bits that are set already are named too; PDPTEs have none.
    """
    found = [(level.address, A) for level in verdict.levels[:-1] if level.name != "PDPTE"]
    if verdict.pa is not None and verdict.levels:
        found.append((verdict.levels[-1].address, A | D if verdict.access is Access.WRITE else A))
    return found


class TwoLevel:
    """32-bit paging: 1024 PDEs at CR3, each of a page table with 1024 PTEs or (CR4.PSE) of a 4 MB page."""

    levels = ("PDE", "PTE")
    large_page_size = LARGE_PAGE_SIZE

    def walk(self, words: memoryview, cr3: int, linear: int, cr0: int, cr4: int, access: Access, user: bool,
             efer: int, ac: bool) -> Walk:
        """See the function ``walk``."""
        code = ((ERROR_WRITE if access is Access.WRITE else 0) | (ERROR_USER if user else 0)
                | (ERROR_FETCH if access is Access.FETCH and cr4 & CR4_SMEP else 0))
        address = (cr3 & 0xFFFF_F000) + (linear >> 20 & 0xFFC)
        entry = words[address >> 2] if address >> 2 < len(words) else 0
        large = entry & P and entry & PS and cr4 & CR4_PSE
        top = Level("PDE", entry, address, bool(large))
        if not entry & P:
            return _absent(linear, access, user, code, (top,))
        if large:
            if entry & _LARGE_RESERVED:
                return _reserved(linear, access, user, code, (top,), entry, 0, LARGE_PAGE_SIZE, cr4,
                                 "PDE bit 21 is reserved in a 4 MB page")
            pa = entry & 0xFFC0_0000 | (entry & _LARGE_HIGH) << 19 | linear & 0x3F_FFFF
            return _judge(linear, access, user, code, (top,), 0, entry, 0, pa, LARGE_PAGE_SIZE, cr0, cr4, ac)
        rights = entry
        address = (entry & 0xFFFF_F000) + (linear >> 10 & 0xFFC)
        entry = words[address >> 2] if address >> 2 < len(words) else 0
        levels = top, Level("PTE", entry, address, False)
        if not entry & P:
            return _absent(linear, access, user, code, levels)
        return _judge(linear, access, user, code, levels, 0, rights & entry, 0, entry & 0xFFFF_F000 | linear & 0xFFF,
                      PAGE_SIZE, cr0, cr4, ac)

    def leaves(self, words: numpy.typing.NDArray[Any], cr3: int, cr4: int, efer: int) -> numpy.typing.NDArray[Any]:
        """Every page mapped, as rows of ROW_FIELDS in ascending linear order, not merged."""
        import numpy as np

        directory = cr3 >> 12 << 10
        if directory + 1024 > len(words):
            return np.empty(0, ROW_FIELDS)
        pdes = words[directory:directory + 1024].astype(np.int64)
        present = pdes & P != 0
        is_large = present & (pdes & PS != 0) if cr4 & CR4_PSE else np.zeros(1024, bool)
        table_slots = np.flatnonzero(present & ~is_large)
        first_word = pdes[table_slots] >> 12 << 10
        inside = first_word + 1024 <= len(words)
        table_slots, first_word = table_slots[inside], first_word[inside]

        tables = words[first_word[:, None] + np.arange(1024)]
        which, slot = np.nonzero(tables & P)
        ptes = tables[which, slot].astype(np.int64)
        small = _rows(table_slots[which] << 22 | slot << 12, PAGE_SIZE, ptes & 0xFFFF_F000, ptes & 0x1FF,
                      ptes & pdes[table_slots[which]])
        large_slots = np.flatnonzero(is_large & (pdes & _LARGE_RESERVED == 0))
        entries = pdes[large_slots]
        large = _rows(large_slots << 22, LARGE_PAGE_SIZE, entries & 0xFFC0_0000 | (entries & _LARGE_HIGH) << 19,
                      entries & 0x17F | (entries & PAT_LARGE) >> 5, entries)
        return _in_order(small, large)


class ThreeLevel:
    """PAE paging: 4 PDPTEs at CR3, of 512 PDEs each, each of 512 PTEs or of a 2 MB page; entries of 64 bits."""

    levels = ("PDPTE", "PDE", "PTE")
    large_page_size = PAE_LARGE_PAGE_SIZE

    def walk(self, words: memoryview, cr3: int, linear: int, cr0: int, cr4: int, access: Access, user: bool,
             efer: int, ac: bool) -> Walk:
        """See the function ``walk``."""
        nxe = efer & EFER_NXE
        code = ((ERROR_WRITE if access is Access.WRITE else 0) | (ERROR_USER if user else 0)
                | (ERROR_FETCH if access is Access.FETCH and (nxe or cr4 & CR4_SMEP) else 0))
        end = len(words)
        address = (cr3 & 0xFFFF_FFE0) + (linear >> 27 & 0x18)
        at = address >> 2
        entry = words[at] | words[at + 1] << 32 if at < end else 0
        pointer = Level("PDPTE", entry, address, False)
        if not entry & P:
            return _absent(linear, access, user, code, (pointer,))
        if entry >> PHYSICAL_BITS:
            return _reserved(linear, access, user, code, (pointer,), 0, 0, 0, cr4,
                             f"PDPTE {_first_bit(entry & (_PAE_HIGH | NX))} is reserved")
        address = (entry & _PAE_ADDRESS) + (linear >> 18 & 0xFF8)
        at = address >> 2
        entry = words[at] | words[at + 1] << 32 if at < end else 0
        large = entry & P and entry & PS
        top = Level("PDE", entry, address, bool(large))
        if not entry & P:
            return _absent(linear, access, user, code, (pointer, top))
        nx = entry & NX
        reserved = _PAE_HIGH if nxe else _PAE_HIGH | NX
        if large:
            if entry & (reserved | _PAE_LARGE_LOW):
                return _reserved(linear, access, user, code, (pointer, top), entry, nx, PAE_LARGE_PAGE_SIZE, cr4,
                                 _reserved_words(top, reserved))
            pa = entry & _PAE_LARGE_ADDRESS | linear & 0x1F_FFFF
            return _judge(linear, access, user, code, (pointer, top), 1, entry, nx, pa, PAE_LARGE_PAGE_SIZE,
                          cr0, cr4, ac)
        if entry & reserved:
            return _reserved(linear, access, user, code, (pointer, top), 0, 0, 0, cr4, _reserved_words(top, reserved))
        rights = entry
        address = (entry & _PAE_ADDRESS) + (linear >> 9 & 0xFF8)
        at = address >> 2
        entry = words[at] | words[at + 1] << 32 if at < end else 0
        leaf = Level("PTE", entry, address, False)
        levels = pointer, top, leaf
        if not entry & P:
            return _absent(linear, access, user, code, levels)
        nx |= entry & NX
        if entry & reserved:
            return _reserved(linear, access, user, code, levels, rights & entry, nx, PAGE_SIZE, cr4,
                             _reserved_words(leaf, reserved))
        return _judge(linear, access, user, code, levels, 1, rights & entry, nx, entry & _PAE_ADDRESS | linear & 0xFFF,
                      PAGE_SIZE, cr0, cr4, ac)

    def leaves(self, words: numpy.typing.NDArray[Any], cr3: int, cr4: int, efer: int) -> numpy.typing.NDArray[Any]:
        """Every page mapped, as rows of ROW_FIELDS in ascending linear order, not merged."""
        import numpy as np

        entries = words.view("<u8")
        reserved = _PAE_HIGH if efer & EFER_NXE else _PAE_HIGH | NX
        linear = np.zeros(1, np.int64)
        tables = np.array([(cr3 & 0xFFFF_FFE0) >> 3], np.int64)
        rights = np.array([NX - 1], np.uint64)
        no_exec = np.zeros(1, np.uint64)
        pages = [np.empty(0, ROW_FIELDS)]
        for level, shift, count in (("PDPTE", 30, 4), ("PDE", 21, 512), ("PTE", 12, 512)):
            inside = tables + count <= len(entries)
            linear, tables, rights, no_exec = linear[inside], tables[inside], rights[inside], no_exec[inside]
            found = entries[tables[:, None] + np.arange(count)]
            present = (found & P).astype(bool) & (found & (_PAE_HIGH | NX if level == "PDPTE" else reserved) == 0)
            which, slot = np.nonzero(present)
            found = found[which, slot]
            linear = linear[which] | slot << shift
            rights, no_exec = rights[which], no_exec[which]
            if level != "PDPTE":
                rights, no_exec = rights & found, no_exec | found & NX
            if level == "PTE":
                flags = found & 0x1FF | no_exec >> 32
                pages.append(_rows(linear, PAGE_SIZE, found & _PAE_ADDRESS, flags, rights))
            elif level == "PDE":
                is_large = (found & PS).astype(bool)
                page = is_large & (found & _PAE_LARGE_LOW == 0)
                flags = found & 0x17F | (found & PAT_LARGE) >> 5 | no_exec >> 32
                pages.append(_rows(linear[page], PAE_LARGE_PAGE_SIZE, found[page] & _PAE_LARGE_ADDRESS, flags[page],
                                   rights[page]))
                table = ~is_large
                found, linear, rights, no_exec = found[table], linear[table], rights[table], no_exec[table]
            tables = ((found & _PAE_ADDRESS) >> 3).astype(np.int64)
        return _in_order(pages[2], pages[1])


def _first_bit(bits: int) -> str:
    return f"bit {(bits & -bits).bit_length() - 1}"


def _reserved_words(level: Level, reserved: int) -> str:
    """Which bit of a PAE entry makes it a reserved one."""
    if level.entry & reserved & _PAE_HIGH:
        return f"{level.name} {_first_bit(level.entry & _PAE_HIGH)} is reserved"
    if level.entry & reserved:
        return f"{level.name}.NX=1, which is reserved with EFER.NXE=0"
    return f"{level.name} {_first_bit(level.entry & _PAE_LARGE_LOW)} is reserved in a 2 MB page"


def _absent(linear: int, access: Access, user: bool, code: int, levels: tuple[Level, ...]) -> Walk:
    """The walk ends at an entry with P=0."""
    last = levels[-1]
    return Walk(linear, access, user, None, code, levels, False, False, False, 0, False, f"{last.name}.P=0", last)


def _reserved(linear: int, access: Access, user: bool, code: int, levels: tuple[Level, ...], rights: int, nx: int,
              size: int, cr4: int, reason: str) -> Walk:
    """The walk ends at an entry with a reserved bit; size 0 where it is no page's."""
    last = levels[-1]
    return Walk(linear, access, user, None, code | ERROR_PRESENT | ERROR_RESERVED, levels, rights & RW != 0,
                rights & US != 0, size != 0 and not nx, size, bool(size and last.entry & G and cr4 & CR4_PGE), reason,
                last)


def _judge(linear: int, access: Access, user: bool, code: int, levels: tuple[Level, ...], first: int, rights: int,
           nx: int, pa: int, size: int, cr0: int, cr4: int, ac: bool) -> Walk:
    """Access rights to a present page (SDM vol. 3, 4.6.1). rights: RW and US of all levels; nx: of any.

    levels[first:] are those that have rights.
    """
    writable = rights & RW != 0
    user_page = rights & US != 0
    bit, text = 0, ""
    if access is Access.FETCH and nx:
        bit, text = NX, ".NX=1"
    elif user:
        if not user_page:
            bit, text = US, ".US=0 and the access is from ring 3"
        elif not writable and access is Access.WRITE:
            bit, text = RW, ".RW=0 and the access is from ring 3"
    elif access is Access.FETCH:
        if user_page and cr4 & CR4_SMEP:
            text = "US=1 in every level and CR4.SMEP=1"
    elif user_page and cr4 & CR4_SMAP and not ac:
        text = "US=1 in every level, CR4.SMAP=1 and EFLAGS.AC=0"
    elif not writable and access is Access.WRITE and cr0 & CR0_WP:
        bit, text = RW, ".RW=0 and CR0.WP=1"
    global_ = levels[-1].entry & G != 0 and cr4 & CR4_PGE != 0
    if text:
        deciding = None
        if bit:
            deciding = _decider(levels[first:], bit)
            text = deciding.name + text
        return Walk(linear, access, user, None, code | ERROR_PRESENT, levels, writable, user_page, not nx, size,
                    global_, text, deciding)
    if not writable and access is Access.WRITE:
        deciding = _decider(levels[first:], RW)
        return Walk(linear, access, user, pa, None, levels, writable, user_page, not nx, size, global_,
                    f"{deciding.name}.RW=0 but CR0.WP=0", deciding)
    return Walk(linear, access, user, pa, None, levels, writable, user_page, not nx, size, global_,
                "every level allows it", None)


def _decider(levels: tuple[Level, ...], bit: int) -> Level:
    """The first level in which the bit refuses: set for NX, clear for the others."""
    refusing = bit if bit == NX else 0
    return next(level for level in levels if level.entry & bit == refusing)


_TWO_LEVEL = TwoLevel()
_THREE_LEVEL = ThreeLevel()


def paging_format(cr4: int) -> TwoLevel | ThreeLevel:
    """The format that CR4 selects by its PAE bit."""
    return _THREE_LEVEL if cr4 & CR4_PAE else _TWO_LEVEL


#: Rows of ``walk_all``: linear [start, end), physical address of start, flags, page size in bytes.
#: flags are the leaf's bits 0-8, RW and US those of all levels together; bit 7 is PAT for either page size; and
#: ROW_NX, set when any level has NX.
ROW_FIELDS = [("start", "<u8"), ("end", "<u8"), ("pa", "<u8"), ("flags", "<u4"), ("page_size", "<u4")]
ROW_NX = 1 << 31


def walk_all(ram: RAM, cr3: int, cr0: int, cr4: int, efer: int = 0) -> numpy.typing.NDArray[Any]:
    """Everything that is mapped, as rows of ROW_FIELDS, ascending.

    Neighbours are one row when linear and physical addresses go on and flags and page size are equal. Only the
    tables are read. With paging off: one row for all 4 GB. ``efer`` as for ``walk``.
    """
    import numpy as np

    if not cr0 & CR0_PG:
        return np.array([(0, 1 << 32, 0, P | RW | US, PAGE_SIZE)], ROW_FIELDS)
    words = np.frombuffer(ram.words, "<u4")
    return merge_runs(paging_format(cr4).leaves(words, cr3, cr4, efer))


def _rows(start: numpy.typing.NDArray[Any], size: int, pa: numpy.typing.NDArray[Any],
          flags: numpy.typing.NDArray[Any], rights: numpy.typing.NDArray[Any]) -> numpy.typing.NDArray[Any]:
    """Rows of pages of one size; RW and US of the flags are taken from ``rights``."""
    import numpy as np

    rows = np.empty(len(start), ROW_FIELDS)
    rows["start"] = start
    rows["end"] = rows["start"] + size
    rows["pa"] = pa
    rows["flags"] = flags & (0xFFFF_FFFF ^ (RW | US)) | rights & (RW | US)
    rows["page_size"] = size
    return rows


def _in_order(small: numpy.typing.NDArray[Any], large: numpy.typing.NDArray[Any]) -> numpy.typing.NDArray[Any]:
    """The rows of both, ascending; ``small`` is so already."""
    import numpy as np

    if not len(large):
        return small
    rows = np.concatenate((small, large))
    return rows[np.argsort(rows["start"], kind="stable")]


def merge_runs(rows: numpy.typing.NDArray[Any],
               by: Literal["all", "permission", "pa", "flags"] = "all") -> numpy.typing.NDArray[Any]:
    """Merge rows that touch. ``by`` says what must agree further: "permission" (RW and US: `info mem`),
    "pa" (physical addresses go on: `info tab`), "flags" (every flag, and page size), or "all" (both of these).

    What did not have to agree is taken from the first row of a run.
    """
    import numpy as np

    if len(rows) < 2:
        return rows.copy()
    before, after = rows[:-1], rows[1:]
    breaks = before["end"] != after["start"]
    if by == "permission":
        breaks |= (before["flags"] ^ after["flags"]) & (RW | US) != 0
    else:
        if by != "flags":
            breaks |= before["pa"] + (before["end"] - before["start"]) != after["pa"]
        if by != "pa":
            breaks |= before["flags"] != after["flags"]
            breaks |= before["page_size"] != after["page_size"]
    last = np.flatnonzero(np.append(breaks, True))
    first = np.concatenate((np.zeros(1, last.dtype), last[:-1] + 1))
    merged = rows[first]
    merged["end"] = rows["end"][last]
    return merged
