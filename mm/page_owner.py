"""Who owns a page: a record of each allocation (mm/page_owner.c of later kernels, a patch in the days of 2.6.20).

The owner word of a block's first `struct page` names a `struct page_owner` in the table `page_owners`: GFP flags, order
and pid of the allocation, its call site and what called that, as far as the frame pointers lead. Equal allocations
share one; a hash finds it. A record that no block names any more stays until a new one needs its place. The first
record stands for all blocks that found no place. When a block was allocated is in `page_owner_times`, eight bytes for
each frame: the jiffy, and the nanoseconds since it began.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mm.errors import DamagedMemory
from mm.layout import (
    PAGE_OWNER_DEPTH,
    PAGE_OWNER_HASH_ORDER,
    PAGE_OWNER_RECORDS,
    THREAD_SIZE,
    ZONE_NAMES,
    Layout,
)  # fmt: skip
from mm.list import Words
from mm.page_flags import ZONES_SHIFT
from mm.time import TICK_NSEC
from mm.traps import Traps

# The words of a `struct page_owner`: next, users, and the key: gfp_mask, order, pid, nr_entries, entries.
USERS, KEY = 1, 2
KEY_WORDS = 4 + PAGE_OWNER_DEPTH
_SIZE = KEY + KEY_WORDS
_BYTES = 4 * _SIZE
_PLACES = PAGE_OWNER_RECORDS - 1  # the first record is no place for another
_SEARCH = 64
_FACTOR, _SHIFT = 0x9E3779B1, 32 - PAGE_OWNER_HASH_ORDER
_PADDING = [0] * KEY_WORDS


def hash_key(total: int) -> int:
    """The row of `page_owner_hash` for a key with the sum `total` of its words.

    One bit changed in one word of the key always gives another row: the factor has neither ten zeros nor ten ones on
    end, and its lowest bit is set.
    """
    return (total * _FACTOR & 0xFFFFFFFF) >> _SHIFT


def init_page_owner(w: Words, layout: Layout, times: int) -> None:
    """Set up at boot. times: the address of eight zeroed bytes for each frame."""
    w[(layout.va("page_owner_times") ^ 0xC0000000) >> 2] = times


class PageOwners:
    """Writes the records. A `struct page` is named by its word index, as the page allocator has it at hand."""

    def __init__(self, w: Words, layout: Layout, traps: Traps) -> None:
        self._w = w
        self._traps = traps
        self._owner = layout["page"].word("owner")
        self._task, self._pid = layout["thread_info"].word("task"), layout["task_struct"].word("pid")
        self._table = (layout.va("page_owner_hash") ^ 0xC0000000) >> 2
        self._records = layout.va("page_owners")
        self._taken = (layout.va("page_owners_taken") ^ 0xC0000000) >> 2
        self._mem_map = (w[(layout.va("mem_map") ^ 0xC0000000) >> 2] ^ 0xC0000000) >> 2
        self._times = (w[(layout.va("page_owner_times") ^ 0xC0000000) >> 2] ^ 0xC0000000) >> 2
        self._step = layout["page"].words
        self._jiffies, self._nsec = ((layout.va(name) ^ 0xC0000000) >> 2 for name in ("jiffies", "tick_nsec"))
        self.set = self._setter()

    def _setter(self) -> Callable[[int, int, int], None]:
        """What `set` is: a closure, which takes a fifth less time than a method."""
        w, traps, add, table = self._w, self._traps, self._add, self._table
        task_word, pid_word, owner_word = self._task, self._pid, self._owner
        mem_map, times, half = self._mem_map, self._times, self._step // 2
        jiffies, nsec = self._jiffies, self._nsec

        def set_page_owner(p: int, order: int, gfp_mask: int) -> None:
            esp = traps.esp
            key = [gfp_mask, order, 0, 0]
            try:
                if caller := traps.caller:
                    key.append(caller)
                    frame, last = w[((esp ^ 0xC0000000) >> 2) + 1], (esp | THREAD_SIZE - 1) - 7
                    while esp < frame <= last and not frame & 3 and len(key) < KEY_WORDS:
                        f = (frame ^ 0xC0000000) >> 2
                        esp, frame = frame, w[f]
                        if not frame:
                            break  # the outermost function: the kernel called it
                        key.append(w[f + 1])
                task = w[((esp & -THREAD_SIZE ^ 0xC0000000) >> 2) + task_word]
                key[2] = w[((task ^ 0xC0000000) >> 2) + pid_word]
            except IndexError:
                pass  # ESP is on the stack of no task
            n = len(key)
            key[3] = n - 4
            head = table + ((sum(key) * _FACTOR & 0xFFFFFFFF) >> _SHIFT)  # hash_key
            record = w[head]
            while record:
                r = (record ^ 0xC0000000) >> 2
                if w[r + KEY : r + KEY + n].tolist() == key:
                    break
                record = w[r]
            else:
                record = add(head, key)
                r = (record ^ 0xC0000000) >> 2
            w[r + USERS] += 1
            w[p + owner_word] = record
            t = times + (p - mem_map) // half
            w[t], w[t + 1] = w[jiffies], w[nsec]

        return set_page_owner

    def reset(self, p: int) -> None:
        """reset_page_owner: the page at `p` is free."""
        w, at = self._w, p + self._owner
        if record := w[at]:
            r = (record ^ 0xC0000000) >> 2
            w[r + USERS] = w[r + USERS] - 1 & 0xFFFFFFFF
            w[at] = 0

    def reset_block(self, p: int, order: int) -> None:
        """The same for 2^order pages. Only the first names a record, unless they are several blocks, freed as one."""
        first, step = p + self._owner, self._step
        for n, record in enumerate(self._w[first : first + (step << order) : step].tolist()):
            if record:
                self.reset(p + n * step)

    def _add(self, head: int, key: list[int]) -> int:
        """A new record in the hash row at word index `head`; the first of all where every place is in use."""
        w, taken = self._w, self._w[self._taken]
        if taken < _PLACES:
            place = taken
        else:
            place = self._unused(taken - _PLACES)
            if place < 0:
                return self._records
            self._unchain(self._record(place))
        w[self._taken] = place + 1 if taken < _PLACES else _PLACES + (place + 1) % _PLACES
        record = self._record(place)
        r = (record ^ 0xC0000000) >> 2
        w[r + KEY : r + KEY + KEY_WORDS] = array("I", (key + _PADDING)[:KEY_WORDS])
        w[r] = w[head]
        w[head] = record
        return record

    def _record(self, place: int) -> int:
        return self._records + _BYTES * (place + 1)

    def _unused(self, hand: int) -> int:
        """The first place from `hand` on, in a circle, whose record has no users; -1 where all have some."""
        users = ((self._record(0) ^ 0xC0000000) >> 2) + USERS
        for first, last in ((hand, _PLACES), (0, hand)):
            for start in range(first, last, _SEARCH):
                stop = min(start + _SEARCH, last)
                counts = self._w[users + start * _SIZE : users + stop * _SIZE : _SIZE].tolist()
                if 0 in counts:
                    return start + counts.index(0)
        return -1

    def _unchain(self, record: int) -> None:
        w, r = self._w, (record ^ 0xC0000000) >> 2
        at = self._table + hash_key(sum(w[r + KEY : r + KEY + KEY_WORDS].tolist()))
        while w[at] != record:
            at = (w[at] ^ 0xC0000000) >> 2
        w[at] = w[r]


# the view


@dataclass(frozen=True, slots=True)
class PageOwner:
    """The record of an allocation.

    address: its `struct page_owner`. users: the blocks that name it. pid: of the task that asked. trace: return
    addresses, the call site first; none where the kernel itself allocated, at boot or for the host.
    """

    address: int
    users: int
    gfp_mask: int
    order: int
    pid: int
    trace: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OwnedBlock:
    """A block in use. pfn: its first frame. nsec: when it was allocated, since boot. owner: None where no place was
    left for a record.
    """

    pfn: int
    zone: str
    nsec: int
    owner: PageOwner | None


class OwnerView:
    """Reads the records. Raises DamagedMemory where they cannot be what the kernel wrote.

    Times are exact for blocks that have been in use for less than 2^32 jiffies, 198 days.
    """

    def __init__(self, w: Words, layout: Layout, clock: Callable[[], int]) -> None:
        self._w = w
        self._jiffies, self._now = w[(layout.va("jiffies") ^ 0xC0000000) >> 2], clock()
        self._nsec = w[(layout.va("tick_nsec") ^ 0xC0000000) >> 2]
        self._records = layout.va("page_owners")
        page = layout["page"]
        self._step, self._owner, self._flags = page.words, page.word("owner"), page.word("flags")
        self._mem_map = (w[(layout.va("mem_map") ^ 0xC0000000) >> 2] ^ 0xC0000000) >> 2
        self._times = (w[(layout.va("page_owner_times") ^ 0xC0000000) >> 2] ^ 0xC0000000) >> 2
        self._max_pfn = w[(layout.va("max_pfn") ^ 0xC0000000) >> 2]
        self._known: dict[int, PageOwner | None] = {}

    def blocks(self) -> Iterator[OwnedBlock]:
        """Every block in use that was allocated since the boot, by ascending frame."""
        first = self._mem_map + self._owner
        words = self._w[first : first + self._max_pfn * self._step : self._step].tolist()
        for pfn, word in enumerate(words):
            if word:
                yield self._block(pfn, word)

    def block(self, pfn: int) -> OwnedBlock | None:
        """The block that a frame below max_pfn is in; None for a free one and one that is in use since the boot."""
        for head in dict.fromkeys(pfn & -1 << order for order in range(11)):
            if word := self._w[self._mem_map + head * self._step + self._owner]:
                block = self._block(head, word)
                return block if pfn - head < 1 << (block.owner.order if block.owner else 0) else None
        return None

    def _block(self, pfn: int, word: int) -> OwnedBlock:
        if word not in self._known:
            self._known[word] = self._read(pfn, word)
        jiffies, nsec = self._w[self._times + 2 * pfn], self._w[self._times + 2 * pfn + 1]
        age = (self._jiffies - jiffies & 0xFFFFFFFF) * TICK_NSEC + self._nsec - nsec
        zone = self._w[self._mem_map + pfn * self._step + self._flags] >> ZONES_SHIFT
        return OwnedBlock(pfn, ZONE_NAMES[zone], self._now - age, self._known[word])

    def _read(self, pfn: int, record: int) -> PageOwner | None:
        number, rest = divmod(record - self._records, _BYTES)
        if rest or not 0 <= number < PAGE_OWNER_RECORDS:
            raise DamagedMemory(f"the owner word of frame {pfn:#x} is {record:08x}, which is no record")
        if not number:
            return None
        r = (record ^ 0xC0000000) >> 2
        _, users, gfp_mask, order, pid, n, *entries = self._w[r : r + _SIZE].tolist()
        if n > PAGE_OWNER_DEPTH or order > 10:
            raise DamagedMemory(f"the record of a page's owner at {record:08x} is damaged")
        return PageOwner(record, users, gfp_mask, order, pid, tuple(entries[:n]))
