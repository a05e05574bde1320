"""Page tables of the two-level 32-bit format: entries, and a walker that is a pure function.

Bits and rules: SDM vol. 3, 4.3 (32-bit paging), 4.6 (access rights), 4.7 (error codes). Where the manual
leaves room, the engine is followed: bits 20:13 of a 4 MB PDE are address bits 39:32 (PSE-36), bit 21 is
reserved; a table outside RAM reads as zero, so nothing is present in it. (The engine would ask a device
whose window a table lies in; the walker does not.) CR4.SMEP is in force when set; CR4.SMAP is no feature
of this CPU model and changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hw.errors import HighmemError
from hw.ram import RAM

if TYPE_CHECKING:
    import numpy
    import numpy.typing

P, RW, US, PWT, PCD, A, D, PS, G = 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100
PAT = 0x80  # bit 7 of a PTE; a 4 MB PDE has it at bit 12
PAT_LARGE = 0x1000
AVL = 0xE00

CR0_PE, CR0_WP, CR0_PG = 1 << 0, 1 << 16, 1 << 31
CR4_PSE, CR4_PAE, CR4_PGE, CR4_SMEP = 1 << 4, 1 << 5, 1 << 7, 1 << 20
EFER_NXE = 1 << 11

PAGE_SIZE = 1 << 12
LARGE_PAGE_SIZE = 1 << 22

ERROR_PRESENT, ERROR_WRITE, ERROR_USER, ERROR_RESERVED, ERROR_FETCH = 1, 2, 4, 8, 16

_NAMES = ((P, "P"), (RW, "RW"), (US, "US"), (PWT, "PWT"), (PCD, "PCD"), (A, "A"), (D, "D"))
_LARGE_RESERVED = 1 << 21
_LARGE_HIGH = 0x1F_E000


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
    ``writable`` and ``user`` are the page's rights: of all levels together, as far as the walk came (False
    where nothing is mapped), apart from CR0.WP. ``page_size`` in bytes, 0 where nothing is mapped.
    ``deciding`` is the level whose bit settled it, None when all allow or when it is no entry's doing.
    """

    linear: int
    access: Access
    from_user: bool
    pa: int | None
    error_code: int | None
    levels: tuple[Level, ...]
    writable: bool
    user: bool
    page_size: int
    global_: bool
    reason: str
    deciding: Level | None


def decode(entry: int, name: str = "PTE", *, large: bool = False) -> tuple[str, ...]:
    """Names of the flags set in an entry; ``name`` is its level, PDE or PTE, ``large`` marks a 4 MB PDE."""
    names = [word for bit, word in _NAMES if entry & bit and not (bit == D and name == "PDE" and not large)]
    if entry & PS:
        names.append("PAT" if name == "PTE" else "PS")
    if entry & G and (large or name == "PTE"):
        names.append("G")
    if large and entry & PAT_LARGE:
        names.append("PAT")
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


def walk(words: memoryview, cr3: int, linear: int, *, cr0: int, cr4: int,
         access: Access | str = Access.READ, user: bool = False, efer: int = 0) -> Walk:
    """Translate ``linear`` as the CPU would for this access, changing nothing (no A or D bit, no TLB).

    ``words`` is RAM.words; ``user`` means CPL 3; ``efer`` has no say in the two-level format.
    Raises HighmemError when CR4.PAE selects a format that is not known here.
    """
    if access.__class__ is not Access:  # Access(...) costs 0.4 us even for a member
        access = Access(access)
    assert isinstance(access, Access)
    linear &= 0xFFFF_FFFF
    if not cr0 & CR0_PG:
        return Walk(linear, access, user, linear, None, (), True, True, PAGE_SIZE, False,
                    "paging is off (CR0.PG=0)", None)
    return paging_format(cr4).walk(words, cr3, linear, cr0, cr4, access, user, efer)


class TwoLevel:
    """32-bit paging: 1024 PDEs at CR3, each of a page table with 1024 PTEs or (CR4.PSE) of a 4 MB page."""

    levels = ("PDE", "PTE")

    def walk(self, words: memoryview, cr3: int, linear: int, cr0: int, cr4: int, access: Access, user: bool,
             efer: int) -> Walk:
        """See the function ``walk``."""
        code = ((ERROR_WRITE if access is Access.WRITE else 0) | (ERROR_USER if user else 0)
                | (ERROR_FETCH if access is Access.FETCH and cr4 & CR4_SMEP else 0))
        address = (cr3 & 0xFFFF_F000) + (linear >> 20 & 0xFFC)
        entry = words[address >> 2] if address >> 2 < len(words) else 0
        large = entry & P and entry & PS and cr4 & CR4_PSE
        top = Level("PDE", entry, address, bool(large))
        levels: tuple[Level, ...] = (top,)
        if not entry & P:
            return Walk(linear, access, user, None, code, levels, False, False, 0, False, "PDE.P=0", top)
        rights = entry
        if large:
            size = LARGE_PAGE_SIZE
            leaf = top
        else:
            size = PAGE_SIZE
            address = (entry & 0xFFFF_F000) + (linear >> 10 & 0xFFC)
            entry = words[address >> 2] if address >> 2 < len(words) else 0
            leaf = Level("PTE", entry, address, False)
            levels = (top, leaf)
            if not entry & P:
                return Walk(linear, access, user, None, code, levels, False, False, 0, False, "PTE.P=0", leaf)
            rights &= entry
        writable, user_page = bool(rights & RW), bool(rights & US)
        global_ = bool(entry & G and cr4 & CR4_PGE)
        if large and entry & _LARGE_RESERVED:
            return Walk(linear, access, user, None, code | ERROR_PRESENT | ERROR_RESERVED, levels, writable,
                        user_page, size, global_, "PDE bit 21 is reserved in a 4 MB page", top)
        refusal = _refusal(access, user, rights, cr0, cr4)
        reason, deciding = "every level allows it", None
        if refusal is not None:
            bit, text = refusal
            if bit:
                deciding = top if not top.entry & bit else leaf
                text = f"{deciding.name}{text}"
            return Walk(linear, access, user, None, code | ERROR_PRESENT, levels, writable, user_page, size,
                        global_, text, deciding)
        if access is Access.WRITE and not writable:
            deciding = top if not top.entry & RW else leaf
            reason = "PDE.RW=0 but CR0.WP=0" if deciding is top else "PTE.RW=0 but CR0.WP=0"
        base = large_pa(entry) if large else entry & 0xFFFF_F000
        return Walk(linear, access, user, base | linear & size - 1, None, levels, writable, user_page, size,
                    global_, reason, deciding)

    def leaves(self, words: numpy.typing.NDArray[Any], cr3: int, cr4: int) -> numpy.typing.NDArray[Any]:
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
        rights = ptes & pdes[table_slots[which]]
        small = np.empty(len(ptes), ROW_FIELDS)
        small["start"] = table_slots[which] << 22 | slot << 12
        small["end"] = small["start"] + PAGE_SIZE
        small["pa"] = ptes & 0xFFFF_F000
        small["flags"] = ptes & 0x1FF & ~(RW | US) | rights & (RW | US)
        small["page_size"] = PAGE_SIZE

        large_slots = np.flatnonzero(is_large & (pdes & _LARGE_RESERVED == 0))
        entries = pdes[large_slots]
        large = np.empty(len(entries), ROW_FIELDS)
        large["start"] = large_slots << 22
        large["end"] = large["start"] + LARGE_PAGE_SIZE
        large["pa"] = entries & 0xFFC0_0000 | (entries & _LARGE_HIGH) << 19
        large["flags"] = entries & 0x17F | (entries & PAT_LARGE) >> 5
        large["page_size"] = LARGE_PAGE_SIZE
        if not len(large):
            return small
        rows = np.concatenate((small, large))
        return rows[np.argsort(rows["start"], kind="stable")]


def _refusal(access: Access, user: bool, rights: int, cr0: int, cr4: int) -> tuple[int, str] | None:
    """Why a present page refuses an access: the bit that is 0 in some level (or 0), and the words for it."""
    if user:
        if not rights & US:
            return US, ".US=0 and the access is from ring 3"
        if access is Access.WRITE and not rights & RW:
            return RW, ".RW=0 and the access is from ring 3"
        return None
    if access is Access.FETCH:
        if rights & US and cr4 & CR4_SMEP:
            return 0, "US=1 in every level and CR4.SMEP=1"
        return None
    if access is Access.WRITE and not rights & RW and cr0 & CR0_WP:
        return RW, ".RW=0 and CR0.WP=1"
    return None


_TWO_LEVEL = TwoLevel()


def paging_format(cr4: int) -> TwoLevel:
    """The format that CR4 selects; HighmemError for PAE, which is not known here."""
    if cr4 & CR4_PAE:
        raise HighmemError("CR4.PAE=1: PAE page tables cannot be walked")
    return _TWO_LEVEL


#: Rows of ``walk_all``: linear [start, end), physical address of start, flags, page size in bytes.
#: flags are the leaf's bits 0-8, RW and US those of all levels together; bit 7 is PAT for either page size.
ROW_FIELDS = [("start", "<u8"), ("end", "<u8"), ("pa", "<u8"), ("flags", "<u4"), ("page_size", "<u4")]


def walk_all(ram: RAM, cr3: int, cr0: int, cr4: int) -> numpy.typing.NDArray[Any]:
    """Everything that is mapped, as rows of ROW_FIELDS, ascending.

    Neighbours are one row when linear and physical addresses go on and flags and page size are equal. Only the
    tables are read. With paging off: one row for all 4 GB. Errors as for ``walk``.
    """
    import numpy as np

    if not cr0 & CR0_PG:
        return np.array([(0, 1 << 32, 0, P | RW | US, PAGE_SIZE)], ROW_FIELDS)
    words = np.frombuffer(ram.words, "<u4")
    return merge_runs(paging_format(cr4).leaves(words, cr3, cr4))


def merge_runs(rows: numpy.typing.NDArray[Any],
               by: Literal["all", "permission", "pa"] = "all") -> numpy.typing.NDArray[Any]:
    """Merge rows that touch. ``by`` says what must agree further: "permission" (RW and US: `info mem`),
    "pa" (physical addresses go on: `info tab`), or "all" (both, every flag, and page size).

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
        breaks |= before["pa"] + (before["end"] - before["start"]) != after["pa"]
        if by == "all":
            breaks |= before["flags"] != after["flags"]
            breaks |= before["page_size"] != after["page_size"]
    last = np.flatnonzero(np.append(breaks, True))
    first = np.concatenate((np.zeros(1, last.dtype), last[:-1] + 1))
    merged = rows[first]
    merged["end"] = rows["end"][last]
    return merged
