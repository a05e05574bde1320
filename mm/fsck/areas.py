"""vmalloc's areas: their list, their pages, their mappings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mm.fsck.caches import Objects
from mm.fsck.image import variable_damage
from mm.fsck.memory import MOST, Frames, Memory, View, Words, shown
from mm.fsck.report import BUDDY, HOLE, KINDS, PER_CPU, VMALLOC
from mm.fsck.tables import Entries, Tables
from mm.ioremap import IOREMAP_PROT
from mm.layout import PAGE_SHIFT, PAGE_SIZE
from mm.page_flags import PG_reserved
from mm.pgtable import PAGE_NX, PAGE_PRESENT
from mm.vmalloc import VM_ALLOC, VM_IOREMAP, VM_IOREMAP_FLAGS_SHIFT, VM_USERMAP, VM_VPAGES

_NEXT, _ADDR, _SIZE, _FLAGS, _PAGES, _NR_PAGES, _PHYS_ADDR = range(7)
_CPU_BITS = np.uint64(0x60)  # accessed and dirty
_FRAME, _PRESENT, _NONE = np.uint64(0x000F_FFFF_FFFF_F000), np.uint64(PAGE_PRESENT), np.uint64(0xFFFF_FFFF_FFFF_FFFF)
# Kernel pages, also read-only, not cached, or not global.
_PROTECTIONS = {0x163 & ~clear | set_ for clear in (0, 0x002, 0x100, 0x102) for set_ in (0, 0x10, PAGE_NX)}
_TITLE = "struct vm_struct"


@dataclass(slots=True)
class Area:
    """An area. `frames` are its pages, once they are known; -1 where the pages array names none."""

    view: View
    addr: int
    size: int
    flags: int
    pages: int
    nr_pages: int
    frames: Frames | None = None


class Areas:
    """The checks of vmlist; they claim the frames of vmalloc."""

    def __init__(self, memory: Memory, objects: Objects, tables: Tables) -> None:
        self._memory = memory
        self._objects = objects
        self._tables = tables
        self._count: NDArray[np.int32] = memory.column("_count").view(np.int32)
        self.areas: list[Area] = []

    def check(self) -> None:
        """Check all areas and say which PTEs there must be."""
        self._read_list()
        self._check_order()
        for area in self.areas:
            self._check_fields(area)
        waiting = [area for area in self.areas if area.pages]
        while waiting:
            left = [area for area in waiting if not self._check_pages(area)]
            if len(left) == len(waiting):
                for area in left:
                    area.view.bad("pages", f"is {area.pages:08x}, where no readable array is")
                break
            waiting = left
        for area in self.areas:
            if not area.pages:
                self._check_mapping(area)
        self._check_holes()

    def find(self, addr: int) -> Area | None:
        """The area that begins at `addr`."""
        return next((area for area in self.areas if area.addr == addr), None)

    def _read_list(self) -> None:
        memory = self._memory
        size = memory.layout["vm_struct"].size
        seen: set[int] = set()
        at, before = memory.variable("vmlist"), 0
        while at:
            if at in seen or not memory.has(at, size):
                text = f"is {at:08x}, which is {'in the list already' if at in seen else 'no address of one'}"
                if before:
                    memory.damage(_TITLE, before, "next", text)
                else:
                    variable_damage(memory, "vmlist", text)
                return
            seen.add(at)
            words = memory.block(at, 7).tolist()
            user = f"the vm_struct of the area {words[_ADDR]:08x}"
            where = (_TITLE, before, "next") if before else ("variable vmlist", memory.layout.va("vmlist"), "")
            if not self._objects.use(at, self._objects.general(size), user, *where):
                return
            view = View(memory, "vm_struct", at, _TITLE)
            self.areas.append(Area(view, *words[_ADDR : _PHYS_ADDR]))
            at, before = words[_NEXT], at

    def _check_order(self) -> None:
        for area, following in zip(self.areas, self.areas[1:]):
            if area.addr + area.size > following.addr:
                text = f"{area.addr:08x} + {shown(area.size)} reaches into the next area at {following.addr:08x}"
                area.view.bad("addr", text)
                following.view.bad("addr", f"is {following.addr:08x}, before the end of the area in front of it")

    def _check_fields(self, area: Area) -> None:
        view, end = area.view, area.addr + area.size
        if area.addr & (PAGE_SIZE - 1) or area.size & (PAGE_SIZE - 1) or area.size < 2 * PAGE_SIZE:
            view.bad("addr", f"and size are {area.addr:08x} and {shown(area.size)}, no whole pages and a guard page")
        if not (self._tables.start <= area.addr and end <= self._tables.end):
            view.bad("addr", f"is {area.addr:08x} and size {shown(area.size)}, not in vmalloc space")
        if bool(area.pages) != bool(area.nr_pages):
            view.bad("pages", f"is {area.pages:08x} with nr_pages {shown(area.nr_pages)}")
        if area.nr_pages and area.nr_pages != (area.size >> PAGE_SHIFT) - 1:
            view.bad("nr_pages", f"is {shown(area.nr_pages)}, size is {shown(area.size)} with a guard page")
            by_size = max(0, (area.size >> PAGE_SHIFT) - 1)
            found = self._objects.find(area.pages)
            fits = [n for n in (area.nr_pages, by_size) if found and self._objects.general(4 * n) == found[0].name]
            area.nr_pages = fits[0] if len(fits) == 1 else min(area.nr_pages, by_size)
        if not area.flags & VM_IOREMAP:
            view.want("phys_addr", 0)
        array_of_pages = VM_VPAGES if 4 * area.nr_pages > PAGE_SIZE else 0
        if area.pages and area.flags & ~VM_USERMAP != VM_ALLOC | array_of_pages:
            view.bad("flags", f"is {area.flags:#x} with {area.nr_pages} pages, should be VM_ALLOC, and VM_VPAGES where "
                     "their array is longer than a page")  # fmt: skip

    # pages

    def _check_pages(self, area: Area) -> bool:
        """Read an area's pages array; False while the frames of the array are not known yet."""
        array = self._read_array(area)
        if array is None:
            return False
        title = f"pages array of the area {area.addr:08x}"
        pfns, rest = np.divmod(array.astype(np.int64) - self._memory.mem_map, self._memory.page_size)
        pfns[(rest != 0) | (pfns < 0) | (pfns >= self._memory.limits.max_pfn)] = -1
        ptes = self._tables.ptes(area.addr, len(pfns))
        mapped = np.where(ptes & _PRESENT, (ptes & _FRAME) >> np.uint64(PAGE_SHIFT), _NONE).astype(np.int64)
        differ = pfns != mapped
        if len(pfns) and differ.all() and self._plausible(pfns).all():
            area.view.bad("addr", f"is {area.addr:08x}, where none of its pages is mapped")
        else:
            blamed = differ & ~self._plausible(pfns) & self._plausible(mapped)
            for n in np.flatnonzero(blamed | (pfns < 0))[:MOST].tolist():
                text = f"is {int(array[n]):08x}, mapped is frame {int(mapped[n]):#x}"
                self._memory.damage(title, area.pages, f"[{n}]", text)
            pfns = np.where(blamed, mapped, pfns)
        area.frames = pfns
        known = pfns[pfns >= 0]
        self._memory.claim(known, 0, VMALLOC, f"the area {area.addr:08x}")
        right = (pfns << PAGE_SHIFT).astype(np.uint64) | self._protection(ptes)
        right[pfns < 0] = ptes[pfns < 0]
        changed = right ^ ptes  # the CPU may clear or set these two
        right = np.where((changed & ~_CPU_BITS) == 0, ptes, right)
        self._tables.expect(area.addr, right)
        return True

    def _plausible(self, pfns: Frames) -> NDArray[np.bool_]:
        """Whether frames could be an area's: nobody has claimed them, and they are in use."""
        inside: NDArray[np.bool_] = (pfns >= 0) & (pfns < self._memory.limits.max_pfn)
        safe = np.where(inside, pfns, 0)
        inside &= (self._memory.kinds[safe] == 0) & (self._count[safe] > 0)
        return inside

    def _protection(self, ptes: Entries) -> np.uint64:
        """The protection of an area's pages: what most have (__vmalloc is told one, and nothing notes it)."""
        low = ptes & ~_FRAME & ~_CPU_BITS
        values, counts = np.unique(low[(low & _PRESENT) != 0], return_counts=True)
        kernel = np.uint64(self._tables.kernel)
        if not len(values):
            return kernel
        most = values[counts.argmax()] | _CPU_BITS
        if counts.max() * 2 <= len(ptes) or (len(ptes) < 3 and int(most) not in _PROTECTIONS):
            return kernel
        return np.uint64(most)

    def _read_array(self, area: Area) -> Words | None:
        """The pages array: a kmalloc'ed one, or one in an area of its own whose frames must be known first."""
        memory, count = self._memory, area.nr_pages
        user = f"the pages array of the area {area.addr:08x}"
        if not area.flags & VM_VPAGES or 4 * count <= PAGE_SIZE and self._objects.find(area.pages):
            name = self._objects.general(4 * count)
            if not self._objects.use(area.pages, name, user, area.view.title, area.view.va, "pages"):
                return np.zeros(0, dtype=np.uint32)
            return memory.block(area.pages, count)
        other = self.find(area.pages)
        if other is None or other.frames is None or (other.frames < 0).any():
            return None
        if len(other.frames) * PAGE_SIZE < 4 * count:
            return None
        rows = memory.words[: len(memory.words) & -1024].reshape(-1, 1024)
        return rows[other.frames].ravel()[:count]

    # areas without pages of their own

    def _check_mapping(self, area: Area) -> None:
        """An area of ioremap, or one that shows pages of somebody else; it may also be only reserved."""
        ptes = self._tables.ptes(area.addr, max(0, (area.size >> PAGE_SHIFT) - 1))
        if not len(ptes):
            return
        if area.flags & VM_IOREMAP and (area.view["phys_addr"] or ptes.any()):
            right = self._io(area, ptes)
        elif ptes.any():
            right = self._borrowed(area, ptes)
        else:
            return
        changed = right ^ ptes  # the CPU may clear or set these two
        self._tables.expect(area.addr, np.where((changed & ~_CPU_BITS) == 0, ptes, right))

    def _io(self, area: Area, ptes: Entries) -> Entries:
        """The PTEs of ioremap, and whether what they show may be shown.

        Where all of several PTEs agree on something else, it is the area that is wrong.
        """
        memory, limits, view = self._memory, self._memory.limits, area.view
        flags, phys_addr = area.flags, view["phys_addr"]
        prot = IOREMAP_PROT | flags >> VM_IOREMAP_FLAGS_SHIFT
        if flags & (1 << VM_IOREMAP_FLAGS_SHIFT) - 1 & ~VM_USERMAP != VM_IOREMAP or (
            flags >> VM_IOREMAP_FLAGS_SHIFT & IOREMAP_PROT
        ):
            view.bad("flags", f"is {flags:#x} in an area of ioremap")
        steps = np.arange(len(ptes), dtype=np.int64)
        pfns = (phys_addr >> PAGE_SHIFT) + steps
        shown = ((ptes & _FRAME) >> np.uint64(PAGE_SHIFT)).astype(np.int64)
        if phys_addr & (PAGE_SIZE - 1) or (shown != pfns).all() and (shown - steps == shown[0]).all():
            view.bad("phys_addr", f"is {phys_addr:#x}, the first page shows {int(shown[0]) << PAGE_SHIFT:#x}")
            pfns = shown if len(ptes) > 1 else pfns
        prots = ptes & ~_FRAME | _CPU_BITS
        if (prots == prots[0]).all() and int(prots[0]) != prot:
            view.bad("flags", f"is {flags:#x}, and {self._tables.shown(int(ptes[0]))} is its first PTE")
            prot = int(prots[0]) if len(ptes) > 1 else prot
        low = pfns[pfns < limits.max_low_pfn]
        used = low[(memory.kinds[low] != HOLE) & (memory.column("flags")[low] & np.uint32(PG_reserved) == 0)]
        if len(used):
            view.bad("phys_addr", f"is {phys_addr:#x}, and frame {int(used[0]):#x} is lowmem in use")
        return pfns.astype(np.uint64) << np.uint64(PAGE_SHIFT) | np.uint64(prot)

    def _borrowed(self, area: Area, ptes: Entries) -> Entries:
        """The PTEs of map_vm_area, as far as they can be: RAM that is not free, all with one protection."""
        missing = np.flatnonzero((ptes & _PRESENT) == 0)
        if len(missing):
            va = area.addr + (int(missing[0]) << PAGE_SHIFT)
            area.view.bad("size", f"is {shown(area.size)}, and {va:08x} is not mapped, as others of its pages are")
        pfns = ((ptes & _FRAME) >> np.uint64(PAGE_SHIFT)).astype(np.int64)
        kinds = np.full(len(pfns), HOLE, dtype=np.uint8)
        inside = pfns < self._memory.limits.max_pfn
        kinds[inside] = self._memory.kinds[pfns[inside]]
        wrong = ((kinds == HOLE) | (kinds == PER_CPU) | (kinds >= BUDDY)) & ((ptes & _PRESENT) != 0)
        for n in np.flatnonzero(wrong)[:MOST].tolist():
            va = area.addr + (n << PAGE_SHIFT)
            area.view.bad("", f"shows at {va:08x} frame {int(pfns[n]):#x}, which is {KINDS[kinds[n]]}")
        right: Entries = ptes & _FRAME | self._protection(ptes)
        return np.where((ptes & _PRESENT) != 0, right, np.uint64(0))

    def _check_holes(self) -> None:
        """Where something is mapped that no area has, one may have been lost, or be too short."""
        at, before = self._tables.start, None
        for area in (*self.areas, None):
            end = area.addr if area else self._tables.end
            mapped = np.flatnonzero(self._tables.ptes(at, max(0, end - at >> PAGE_SHIFT)))
            if len(mapped):
                va = at + (int(mapped[0]) << PAGE_SHIFT)
                text = f"leads to what begins at {end:08x}, and {va:08x} is mapped before it"
                if before:
                    before.view.bad("next", text)
                else:
                    variable_damage(self._memory, "vmlist", text)
            if area:
                at, before = area.addr + area.size - PAGE_SIZE, area
