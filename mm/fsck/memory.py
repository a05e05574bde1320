"""Reading structures that may be damaged: bounds, lists, and who claims which frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from hw.ram import RAM
from mm.fsck.report import KINDS, Damage
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.setup import MemoryLimits

Words = NDArray[np.uint32]
Frames = NDArray[np.int64]

#: Damages of one kind that are named one by one; the rest are counted.
MOST = 20


class Memory:
    """RAM under examination: what has been found wrong, and the claims to frames."""

    def __init__(self, ram: RAM, layout: Layout, limits: MemoryLimits, damages: list[Damage]) -> None:
        self.ram = ram
        self.layout = layout
        self.limits = limits
        self.low_bytes = limits.max_low_pfn << PAGE_SHIFT
        self.w = ram.words
        self.words: Words = np.frombuffer(ram.words, dtype=np.uint32)
        self.damages = damages
        self.kinds: NDArray[np.uint8] = np.zeros(limits.max_pfn, dtype=np.uint8)
        self._claims: list[tuple[Frames, int, str]] = []
        self.cpus = 1  # that are online; set when the boot parameters are known
        self.slab_debug: tuple[int, str] = 0, "*"  # flags and names by --slab-debug; set like `cpus`
        self.mem_map = 0  # set when the boot-time allocations are known
        self.page_size = layout["page"].size
        self._paths: dict[tuple[str, str], int] = {}

    # words

    def has(self, va: int, size: int = 4) -> bool:
        """Whether `va` is a 4-byte aligned direct-map address of `size` bytes."""
        return not va & 3 and PAGE_OFFSET <= va and va + size <= PAGE_OFFSET + self.low_bytes

    def word(self, va: int) -> int:
        """The word at a direct-map address, which must be one."""
        return self.w[(va - PAGE_OFFSET) >> 2]

    def variable(self, name: str) -> int:
        """The value of a kernel variable."""
        return self.word(self.layout.va(name))

    def block(self, va: int, words: int) -> Words:
        """A view of `words` words from a direct-map address."""
        i = (va - PAGE_OFFSET) >> 2
        return self.words[i : i + words]

    def offset(self, struct: str, path: str) -> int:
        """Byte offset of a member; a path may have indexes: "pageset[1].pcp[0].count"."""
        key = (struct, path)
        found = self._paths.get(key)
        if found is None:
            found, inner = 0, self.layout[struct]
            for part in path.split("."):
                name, _, index = part.rstrip("]").partition("[")
                field = inner.fields[name]
                found += field.offset + int(index or 0) * field.size
                if field.struct is not None:
                    inner = field.struct
            self._paths[key] = found
        return found

    # damages

    def damage(self, structure: str, address: int, field: str, text: str) -> None:
        """Note what is wrong."""
        self.damages.append(Damage(structure, address, field, text))

    # pages and frames

    def page(self, pfn: int) -> int:
        """Address of the `struct page` of a frame."""
        return self.mem_map + pfn * self.page_size

    def pfn(self, page: int) -> int | None:
        """The frame that a `struct page` pointer names, None where it names none."""
        pfn, rest = divmod(page - self.mem_map, self.page_size)
        return pfn if not rest and 0 <= pfn < self.limits.max_pfn else None

    def column(self, field: str) -> Words:
        """One member of every `struct page`, by frame number."""
        start = (self.mem_map - PAGE_OFFSET >> 2) + self.layout["page"].word(field)
        step = self.page_size >> 2
        return self.words[start : start + (self.limits.max_pfn - 1) * step + 1 : step]

    def page_damage(self, pfn: int, field: str, text: str) -> None:
        """Note what is wrong with a `struct page`."""
        self.damage(f"struct page of frame {pfn:#x}", self.page(pfn), field, text)

    def claim(self, pfns: Frames, order: int, kind: int, who: str) -> None:
        """Claim blocks of 2^order frames from each of `pfns` on for `who`; a frame claimed before is a damage."""
        if not len(pfns):
            return
        frames = pfns if not order else (pfns[:, None] + np.arange(1 << order)).ravel()
        frames = frames[frames < self.limits.max_pfn]
        taken = self.kinds[frames]
        twice = frames[taken != 0]
        values, counts = np.unique(pfns, return_counts=True)
        if len(values) < len(pfns):
            twice = np.union1d(twice, values[counts > 1])
        self._twice(twice, who)
        self.kinds[frames[taken == 0]] = kind
        self._claims.append((pfns, 1 << order, who))

    def claim_run(self, first: int, last: int, kind: int, who: str) -> None:
        """Claim the frames [first, last)."""
        if last <= first:
            return
        run = self.kinds[first:last]
        self._twice(np.flatnonzero(run) + first, who)
        run[run == 0] = kind
        self._claims.append((np.array([first]), last - first, who))

    def _twice(self, frames: Frames, who: str) -> None:
        for pfn in frames[:MOST].tolist():
            other = self.claimant(pfn) or who
            self.damage(f"frame {pfn:#x}", self.page(pfn), "", f"is claimed twice: by {other} and by {who}")
        if len(frames) > MOST:
            text = f"{len(frames) - MOST} more are claimed twice, the last time by {who}"
            self.damage("frames", self.page(int(frames[MOST])), "", text)

    def claimant(self, pfn: int) -> str:
        """Who claimed a frame first, "" for nobody."""
        for pfns, size, who in self._claims:
            if bool(((pfns <= pfn) & (pfn < pfns + size)).any()):
                return who
        return ""

    def is_ram(self, pfn: int) -> bool:
        """Whether a frame exists and is no hole."""
        return 0 <= pfn < self.limits.max_pfn and KINDS[self.kinds[pfn]] != "hole"

    # lists

    def walk(
        self, head: int, owner: tuple[str, int, str], valid: Callable[[int], bool],
        name: Callable[[int], tuple[str, int, str]],
    ) -> list[int]:  # fmt: skip
        """The entries of a doubly linked list, each a `struct list_head` address for which `valid` holds.

        owner: structure, address and field of the head; `name` gives the same of an entry. Both directions are
        compared. Where the way forward is broken the rest is found backwards, so that one wrong word costs no entry.
        """
        nodes: list[int] = []
        seen = {head}
        at = head
        while True:
            following = self.word(at)
            good = following == head or (following not in seen and valid(following))
            if good and (before := self.word(following + 4)) != at:
                onward = self.word(following)
                linked = (onward == head or valid(onward)) and self.word(onward + 4) == following
                # A head's second word leads to the only entry, too.
                if (before == head or before != head + 4 and valid(before)) and self.word(before) == following:
                    good = False  # `following` has another predecessor, which agrees
                elif following != head and not linked:
                    good = False  # `following` is no entry of any list
                else:
                    self._link(following, head, owner, name, "prev", before, at)
            if not good:
                break
            if following == head:
                return nodes
            seen.add(following)
            nodes.append(following)
            at = following
        return nodes + self._walk_back(head, at, seen, owner, valid, name)

    def _walk_back(
        self, head: int, last: int, seen: set[int], owner: tuple[str, int, str], valid: Callable[[int], bool],
        name: Callable[[int], tuple[str, int, str]],
    ) -> list[int]:  # fmt: skip
        """The entries behind `last`, whose way forward is broken, from the end of the list."""
        wrong = self.word(last)
        tail: list[int] = []
        at = head
        while (before := self.word(at + 4)) != last:
            if before in seen or not valid(before):
                structure, address, field = owner if last == head else name(last)
                self.damage(structure, address, f"{field}.next", f"is {wrong:08x}, which is no entry of its list; the "
                            "entries behind it are lost")  # fmt: skip
                self._link(at, head, owner, name, "prev", before, None)
                return tail[::-1]
            if (forward := self.word(before)) != at:
                self._link(before, head, owner, name, "next", forward, at)
            seen.add(before)
            tail.append(before)
            at = before
        self._link(last, head, owner, name, "next", wrong, at)
        return tail[::-1]

    def _link(
        self, at: int, head: int, owner: tuple[str, int, str], name: Callable[[int], tuple[str, int, str]], way: str,
        value: int, right: int | None,
    ) -> None:  # fmt: skip
        structure, address, field = owner if at == head else name(at)
        should = f"the list goes on at {right:08x}" if right is not None else "which is no entry of its list"
        self.damage(structure, address, f"{field}.{way}", f"is {value:08x}, {should}")


class View:
    """One struct in guest memory: its members compared with what they should be.

    Every word must be checked, or named as free by nature, or zero: `rest_zero` sees to that.
    """

    def __init__(self, memory: Memory, struct: str, va: int, title: str) -> None:
        self._memory = memory
        self._struct = struct
        self.va = va
        self.title = title
        self._checked: set[int] = set()

    def __getitem__(self, path: str) -> int:
        return self._memory.word(self.va + (self._memory.offset(self._struct, path) & -4))

    def address(self, path: str) -> int:
        """Virtual address of a member."""
        return self.va + self._memory.offset(self._struct, path)

    def bad(self, field: str, text: str) -> None:
        """Note that a member is wrong."""
        self._memory.damage(self.title, self.va, field, text)

    def want(self, path: str, expected: int, why: str = "should be") -> bool:
        """Compare a member of one word with what it must be."""
        offset = self._memory.offset(self._struct, path)
        self._checked.add(offset >> 2)
        value = self._memory.word(self.va + (offset & -4))
        if value == expected:
            return True
        self.bad(path, f"is {shown(value)}, {why} {shown(expected)}")
        return False

    def within(self, path: str, low: int, high: int, why: str = "should be in") -> bool:
        """Check low <= member <= high."""
        value = self[path]
        self._checked.add(self._memory.offset(self._struct, path) >> 2)
        if low <= value <= high:
            return True
        self.bad(path, f"is {shown(value)}, {why} {shown(low)}..{shown(high)}")
        return False

    def free(self, *paths: str, words: int = 1) -> None:
        """Say that members are checked elsewhere or can have any value."""
        for path in paths:
            start = self._memory.offset(self._struct, path) >> 2
            self._checked.update(range(start, start + words))

    def list_head(self, path: str, empty: bool) -> None:
        """Check that a list head is empty, or (the list was walked) take its two words as checked."""
        self.free(path, words=2)
        if empty:
            self.want(f"{path}.next", self.address(path))
            self.want(f"{path}.prev", self.address(path))

    def rest_zero(self) -> None:
        """Check that all words that no one has asked for are zero."""
        fields = self._memory.layout[self._struct]
        block = self._memory.block(self.va, fields.words)
        for i in np.flatnonzero(block).tolist():
            if i not in self._checked:
                name = next(
                    (f.name for f in fields.fields.values() if f.offset <= 4 * i < f.offset + max(4, f.size * f.count)),
                    f"padding at {4 * i}",
                )
                self.bad(name, f"is {shown(int(block[i]))} (offset {4 * i}), should be 0")


def shown(value: int) -> str:
    """A value for a person: small numbers in decimal, addresses and flags in hexadecimal."""
    return str(value) if value < 1 << 20 else f"{value:#x}"


def runs(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as [first, last) runs."""
    found: list[tuple[int, int]] = []
    for frame in frames:
        if found and found[-1][1] == frame:
            found[-1] = (found[-1][0], frame + 1)
        else:
            found.append((frame, frame + 1))
    return found


def pages_up(size: int) -> int:
    """Bytes as whole pages."""
    return (size + PAGE_SIZE - 1) >> PAGE_SHIFT
