"""A model of one CPU's TLB: which translations it may hold, and which of them the page tables no longer give.

Rules: SDM vol. 3, 4.10. Translations with their rights (4.10.2), global ones (4.10.2.4), the caches of PDEs and
PDPTEs (4.10.3, 4.4.1), what drops them (4.10.4.1), and what software may leave undropped (4.10.4.3): an entry that
was not present was never cached; wider rights give at most a fault, and that drops the entry; a cleared A flag does
no harm. A cleared D flag does: a cached translation that was written through does not set it again. And a global
translation may be used in an address space whose tables do not map the page (yet), as long as its own entries stand.

An entry is filled by an access, never ahead of one; with a capacity the oldest goes for a new one (FIFO), without one
all stay. The caches of PDEs and PDPTEs have no bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from hw.paging import (
    AVL,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    CR4_PSE,
    CR4_SMEP,
    ERROR_PRESENT,
    NX,
    PAGE_SIZE,
    PAT,
    PAT_LARGE,
    PCD,
    PHYSICAL_BITS,
    PS,
    PWT,
    RW,
    US,
    A,
    Access,
    D,
    G,
    Level,
    P,
    Walk,
    large_pa,
    paging_format,
)

_SIZES = (PAGE_SIZE, 1 << 21, 1 << 22)
_ADDRESS = (1 << PHYSICAL_BITS) - PAGE_SIZE
_NO_MATTER = A | AVL
#: What makes a CPU drop everything, global or not, when MOV to CR4 changes it.
_CR4_DROPS = CR4_PGE | CR4_PAE | CR4_PSE


@dataclass(slots=True, eq=False)
class Cached:
    """A translation as a CPU holds it: ``size`` bytes from ``linear`` lead to ``pa``, by the entries of ``levels``.

    The rights are those of all levels together. ``type_``: PWT, PCD and PAT of the page. ``dirty``: D is known to be
    set. ``reported``: the way that the tables went when this was found stale, so that it is told once.
    """

    linear: int
    size: int
    pa: int
    levels: tuple[Level, ...]
    writable: bool
    user: bool
    executable: bool
    global_: bool
    type_: int
    dirty: bool
    reported: tuple[tuple[int, int], ...] = ()

    def allows(self, access: Access, from_user: bool, cr0: int, cr4: int) -> bool:
        """Whether the CPU would do such an access through it, without looking at the tables."""
        if access is Access.FETCH and not self.executable:
            return False
        if from_user:
            return self.user and (self.writable or access is not Access.WRITE)
        if access is Access.FETCH:
            return not (self.user and cr4 & CR4_SMEP)
        return self.writable or access is not Access.WRITE or not cr0 & CR0_WP

    def agrees(self, walk: Walk, write: bool) -> bool:
        """Whether an access through it comes to what the tables say: same byte, memory type and, written, D flag."""
        if walk.pa != self.pa + walk.linear - self.linear:
            return False
        leaf = walk.levels[-1]
        return _type(leaf) == self.type_ and not (write and self.dirty and not leaf.entry & D)


class Stale(NamedTuple):
    """A translation that a CPU may hold, and what the tables say now."""

    cached: Cached
    now: Walk


@dataclass(slots=True)
class Tlb:
    """The TLB of one CPU. ``words`` is RAM.words; ``capacity``: translations that it holds, None for no limit."""

    words: memoryview
    capacity: int | None = None
    evicted: bool = False  # set where a translation had to go for another
    _entries: dict[tuple[int, int], Cached] = field(default_factory=dict)  # by linear address and size, oldest first
    _upper: dict[tuple[str, int], Level] = field(default_factory=dict)  # by name of the level and what it maps

    def __iter__(self) -> Iterator[Cached]:
        """Every translation held, the oldest first."""
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def empty(self) -> bool:
        """Whether nothing is cached."""
        return not self._entries and not self._upper

    def find(self, linear: int) -> Cached | None:
        """The translation held for a linear address."""
        for size in _SIZES:
            if found := self._entries.get((linear & -size, size)):
                return found
        return None

    # -- accesses

    def access(self, walk: Walk, cr0: int, cr4: int) -> Stale | None:
        """An access, with the walk that the tables give for it now: fill, and tell what stale translation it could use.

        One is told once for each change of the tables.
        """
        if not walk.levels:
            return None
        write = walk.access is Access.WRITE
        entry, held = self.find(walk.linear), True
        if entry is None:
            entry, held = self._by_upper(walk, cr4), False
        if entry is None or not entry.allows(walk.access, walk.from_user, cr0, cr4):
            # Not held; or a fault drops it, and the second try finds what the tables say.
            self.page_fault(walk.linear)
            self._fill(walk, cr4)
            return None
        if not self.contradicts(entry, walk, write):
            if held:
                entry.dirty |= write
                entry.reported = ()
            else:
                self._fill(walk, cr4)
            return None
        way = tuple((level.address, level.entry & ~(_NO_MATTER | D)) for level in walk.levels)
        if entry.reported == way:
            return None
        entry.reported = way
        if not held:
            self._insert(entry)
        return Stale(entry, walk)

    def contradicts(self, entry: Cached, walk: Walk, write: bool) -> bool:
        """Whether an access through a translation that is held would be wrong; see ``Cached.agrees``."""
        if entry.agrees(walk, write):
            return False
        absent = walk.error_code is not None and not walk.error_code & ERROR_PRESENT
        return not (absent and entry.global_) or changed_entry(self.words, entry) is not None

    def _fill(self, walk: Walk, cr4: int) -> None:
        """Cache what a walk went through. Of the entries in front of the last only those are held that lead on."""
        size = paging_format(cr4).large_page_size
        for level in walk.levels[:-1]:
            self._upper[level.name, walk.linear >> 30 if level.name == "PDPTE" else walk.linear & -size] = level
        if walk.pa is not None:
            base = walk.linear & -walk.page_size
            leaf = walk.levels[-1]
            dirty = leaf.entry & D != 0 or walk.access is Access.WRITE
            self._insert(Cached(base, walk.page_size, walk.pa - (walk.linear - base), walk.levels, walk.writable,
                                walk.user, walk.executable, walk.global_, _type(leaf), dirty))

    def _insert(self, entry: Cached) -> None:
        entries = self._entries
        if self.capacity is not None and len(entries) >= self.capacity:
            del entries[next(iter(entries))]
            self.evicted = True
        entries[entry.linear, entry.size] = entry

    def _by_upper(self, walk: Walk, cr4: int) -> Cached | None:
        """The translation that a cached PDE or PDPTE leads to, where the tables have another one in its place."""
        size = paging_format(cr4).large_page_size
        before: list[Level] = []
        for level in walk.levels:
            key = walk.linear >> 30 if level.name == "PDPTE" else walk.linear & -size
            held = self._upper.get((level.name, key))
            if held and (held.address, held.entry & ~_NO_MATTER) != (level.address, level.entry & ~_NO_MATTER):
                return self._descend([*before, held], walk.linear, cr4)
            before.append(level)
        return None

    def _descend(self, levels: list[Level], linear: int, cr4: int) -> Cached | None:
        """Go on from the last of ``levels`` to the page; None where there is none."""
        pae = bool(cr4 & CR4_PAE)
        while levels[-1].name != "PTE" and not levels[-1].large:
            above = levels[-1]
            name, shift = ("PDE", 21) if above.name == "PDPTE" else ("PTE", 12)
            if pae:
                address = (above.entry & _ADDRESS) + (linear >> shift & 511) * 8
            else:
                address = (above.entry & 0xFFFF_F000) + (linear >> 12 & 1023) * 4
            entry = read_entry(self.words, address, pae)
            if not entry & P:
                return None
            levels.append(Level(name, entry, address, bool(name == "PDE" and entry & PS)))
        leaf = levels[-1]
        rights, nx = RW | US, 0
        for level in levels:
            if level.name != "PDPTE":
                rights &= level.entry
                nx |= level.entry & NX
        size = paging_format(cr4).large_page_size if leaf.large else PAGE_SIZE
        pa = leaf.entry & _ADDRESS & -size if pae or not leaf.large else large_pa(leaf.entry)
        return Cached(linear & -size, size, pa, tuple(levels), bool(rights & RW), bool(rights & US), not nx,
                      bool(leaf.entry & G and cr4 & CR4_PGE), _type(leaf), bool(leaf.entry & D))

    # -- what drops entries (4.10.4.1)

    def flush_all(self) -> None:
        """Drop everything, global translations too."""
        self._entries.clear()
        self._upper.clear()

    def load_cr3(self) -> None:
        """MOV to CR3: drop all but global translations, and the caches of PDEs and PDPTEs."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.global_}
        self._upper.clear()

    def load_cr0(self, old: int, new: int) -> None:
        """MOV to CR0: everything goes when paging is switched off."""
        if old & ~new & CR0_PG:
            self.flush_all()

    def load_cr4(self, old: int, new: int) -> None:
        """MOV to CR4: everything goes when PGE, PAE or PSE is changed, or SMEP set."""
        if (old ^ new) & _CR4_DROPS or new & ~old & CR4_SMEP:
            self.flush_all()

    def invlpg(self, linear: int) -> None:
        """INVLPG: the translation of the page, global or not, and every cached PDE. (PDPTEs are registers.)"""
        self._drop(linear)
        self._upper = {key: level for key, level in self._upper.items() if key[0] == "PDPTE"}

    def page_fault(self, linear: int) -> None:
        """A page fault drops what would translate its address."""
        self._drop(linear)
        for size in _SIZES[1:]:
            self._upper.pop(("PDE", linear & -size), None)

    def _drop(self, linear: int) -> None:
        for size in _SIZES:
            self._entries.pop((linear & -size, size), None)


def read_entry(words: memoryview, address: int, pae: bool) -> int:
    """The entry at a physical address; 0 outside of RAM."""
    at = address >> 2
    if at + pae >= len(words):
        return 0
    return words[at] | words[at + 1] << 32 if pae else words[at]


def changed_entry(words: memoryview, cached: Cached) -> tuple[Level, int] | None:
    """The first entry, as it was cached, that has another value now, and that value; an A flag does not count.

    D counts where nothing else has changed: the CPU may have set it since.
    """
    pae = cached.levels[0].name == "PDPTE"
    now = [read_entry(words, level.address, pae) for level in cached.levels]
    for level, entry in zip(cached.levels, now, strict=True):
        if (level.entry ^ entry) & ~(_NO_MATTER | D):
            return level, entry
    return (cached.levels[-1], now[-1]) if cached.dirty and not now[-1] & D else None


def _type(leaf: Level) -> int:
    """Bits of the memory type, PAT at its place in a PTE."""
    pat = leaf.entry & PAT_LARGE and PAT if leaf.large else leaf.entry & PAT
    return leaf.entry & (PWT | PCD) | pat
