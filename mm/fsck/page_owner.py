"""Who owns pages: the records, their hash rows, and the owner words and times that go with them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mm.fsck.boot import BootMap
from mm.fsck.image import variable_damage
from mm.fsck.memory import MOST, Memory, View, Words, shown
from mm.fsck.report import BUDDY, PER_CPU
from mm.layout import MAX_ORDER, PAGE_OWNER_DEPTH, PAGE_OWNER_HASH_ORDER, PAGE_OWNER_RECORDS
from mm.page_owner import KEY, hash_key
from mm.time import INITIAL_JIFFIES, TICK_NSEC, TRAP_NSEC

_TITLE = "struct page_owner"


class PageOwners:
    """The checks of `page_owners` and all that names its records."""

    def __init__(self, memory: Memory, boot: BootMap) -> None:
        self._memory = memory
        self._boot = boot
        layout = memory.layout
        self._va, self._size = layout.va("page_owners"), layout["page_owner"].size
        self._table = layout.va("page_owner_hash")
        self._count = PAGE_OWNER_RECORDS
        # The newest record is the first of its row: what lies behind has never been touched.
        newest = max(map(self._number, memory.block(self._table, 1 << PAGE_OWNER_HASH_ORDER).tolist()))
        self._count = max(newest, min(memory.variable("page_owners_taken"), PAGE_OWNER_RECORDS - 1)) + 1
        words = layout["page_owner"].words
        self._records: Words = memory.block(self._va, self._count * words).reshape(self._count, words)
        self._rows = [hash_key(total) for total in self._records[:, KEY:].sum(axis=1, dtype=np.uint64).tolist()]
        self._next: list[int] = self._records[:, 0].tolist()
        self._before: dict[int, int] = {}  # number of a record -> of the one before it, 0 for the head of its row
        self._last = [0] * (1 << PAGE_OWNER_HASH_ORDER)

    def check(self) -> None:
        """Check the rows, each record, each owner word and each time."""
        self._check_rows()
        self._check_records()
        self._check_words()
        self._check_times()

    def _number(self, va: int) -> int:
        """The number of the record at an address, 0 where none is that a row may lead to."""
        number, rest = divmod(va - self._va, self._size)
        return number if not rest and 0 < number < self._count else 0

    def _bad(self, number: int, field: str, text: str) -> None:
        self._memory.damage(_TITLE, self._va + number * self._size, field, text)

    # the rows

    def _bad_link(self, row: int, at: int, text: str) -> None:
        """Blame what leads on from record `at`, or for 0 the head of the row."""
        if at:
            self._bad(at, "next", f"is {self._next[at]:08x}, {text}")
        else:
            head = self._memory.word(self._table + 4 * row)
            self._memory.damage("page_owner_hash", self._table, f"[{row}]", f"is {head:08x}, {text}")

    def _check_rows(self) -> None:
        strays = []
        for row, va in enumerate(self._memory.block(self._table, 1 << PAGE_OWNER_HASH_ORDER).tolist()):
            if va and (stray := self._walk(row, 0, va)):
                strays.append((row, *stray))
        for row, at, number in strays:
            if number in self._before:
                self._bad_link(row, at, f"which belongs to row {self._rows[number]}")
                continue
            self._bad(number, "", f"is in row {row}, its words hash to {self._rows[number]}")
            self._before[number] = at
            self._walk(row, number, self._next[number])
        lost = [n for n in np.flatnonzero(self._records.any(axis=1)).tolist() if n and n not in self._before]
        for number in lost[:MOST]:
            row, following = self._rows[number], self._number(self._next[number])
            self._bad(number, "", "is in no row")
            self._bad_link(row, self._before.get(following, self._last[row]), "the row misses a record")
        taken, places = self._memory.variable("page_owners_taken"), PAGE_OWNER_RECORDS - 1
        most = max(self._before, default=0)
        if taken >= 2 * places or min(taken, places) != most or len(self._before) != most:
            text = f"is {shown(taken)}, the rows have {len(self._before)} records, up to number {most}"
            variable_damage(self._memory, "page_owners_taken", text)

    def _walk(self, row: int, at: int, va: int) -> tuple[int, int] | None:
        """Follow a row on from record `at`; where it meets one of another row: the record before that, and it."""
        while va:
            number = self._number(va)
            if not number or (number in self._before and self._rows[number] == row):
                self._bad_link(row, at, "which is no record" if not number else "where the row has been before")
                break
            if self._rows[number] != row:
                return at, number
            self._before[number] = at
            at, va = number, self._next[number]
        self._last[row] = at
        return None

    # the records and who names them

    def _check_records(self) -> None:
        memory = self._memory
        words = memory.column("owner")
        owners = Counter(words[words != 0].tolist())
        for number in [0, *sorted(self._before)]:
            record = View(memory, "page_owner", self._va + number * self._size, _TITLE)
            users = owners[record.va]
            if record["users"] != users:
                record.bad("users", f"is {shown(record['users'])}, {users} pages name the record")
            record.free("users")
            if number:
                record.within("order", 0, MAX_ORDER - 1)
                if record.within("nr_entries", 0, PAGE_OWNER_DEPTH):
                    record.free("entries", words=record["nr_entries"])
                record.free("next", "gfp_mask", "pid")  # of these any value can be right: the hash covers them
            record.rest_zero()

    def _check_words(self) -> None:
        memory = self._memory
        words = memory.column("owner")
        for pfn in np.flatnonzero(words).tolist():
            number = self._number(int(words[pfn]))
            if number not in self._before and words[pfn] != self._va:
                memory.page_damage(pfn, "owner", f"is {int(words[pfn]):08x}, which is no record of an allocation")
            elif memory.kinds[pfn] == PER_CPU or memory.kinds[pfn] >= BUDDY:
                memory.page_damage(pfn, "owner", f"is {int(words[pfn]):08x}, the page is free")

    def _check_times(self) -> None:
        memory, count = self._memory, self._memory.limits.max_pfn
        times = self._boot.page_owner_times
        if (value := memory.variable("page_owner_times")) != times:
            variable_damage(memory, "page_owner_times", f"is {shown(value)}, should be {shown(times)}")
        stamps = memory.block(times, 2 * count).reshape(count, 2).astype(np.int64)
        jiffies, now_nsec = memory.variable("jiffies"), memory.variable("tick_nsec")
        since_boot = ((memory.variable("jiffies_hi") << 32 | jiffies) - INITIAL_JIFFIES) * TICK_NSEC + now_nsec
        age = (jiffies - stamps[:, 0] & 0xFFFFFFFF) * TICK_NSEC + now_nsec - stamps[:, 1]
        wrong = (age < 0) | (age > min(since_boot, 1 << 62)) | (stamps[:, 1] % TRAP_NSEC != 0)
        wrong |= stamps[:, 1] >= TICK_NSEC
        found = np.flatnonzero(wrong & stamps.any(axis=1)).tolist()
        for pfn in found[:MOST]:
            text = f"is jiffy {stamps[pfn, 0]} and {stamps[pfn, 1]} ns, which was not a time since the boot"
            memory.damage("page_owner_times", times, f"[{pfn:#x}]", text)
