"""kmap: the slots, their counts and PTEs, and where each HighMem page says it is mapped."""

from __future__ import annotations

import numpy as np

from mm.fixmap import pkmap_base
from mm.fsck.memory import MOST, Memory, View, shown
from mm.fsck.tables import Tables
from mm.layout import PA_HASH_ORDER, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.pgtable import PAGE_ACCESSED

_GOLDEN_RATIO_PRIME_32 = 0x9E370001  # include/linux/hash.h
_MAP = "struct page_address_map"


class Kmaps:
    """The checks of the kmap window."""

    def __init__(self, memory: Memory, tables: Tables) -> None:
        self._memory = memory
        self._tables = tables
        self._base = pkmap_base(memory.layout)
        self._low, self._end = memory.limits.max_low_pfn, memory.limits.max_pfn
        self._slots = memory.layout.last_pkmap

    def check(self) -> None:
        """Compare counts, PTEs and pages with each other."""
        where = self._virtual_words() if self._memory.layout.page_owner else self._hash()
        counts = self._memory.block(self._memory.layout.va("pkmap_count"), self._slots).tolist()
        ptes = self._tables.ptes(self._base, self._slots).tolist()
        for slot, (count, pte) in enumerate(zip(counts, ptes)):
            if count or pte or slot in where:
                self._slot(slot, count, pte, where.get(slot, []))
        if self._memory.layout.page_owner:
            self._owners(counts, ptes)

    def _owners(self, counts: list[int], ptes: list[int]) -> None:
        """Who mapped each slot last: nobody a free one."""
        va, last_pid = self._memory.layout.va("pkmap_owners"), self._memory.variable("last_pid")

        def bad(field: str, text: str) -> None:
            self._memory.damage("pkmap_owners", va, field, text)

        words = self._memory.block(va, 2 * self._slots).tolist()
        for slot, (count, pte, pid, caller) in enumerate(zip(counts, ptes, words[::2], words[1::2])):
            if not count and not pte and (pid or caller):
                bad(f"[{slot}]", f"names pid {pid} at {caller:08x}, the slot is free")
            elif pid > last_pid:
                bad(f"[{slot}].pid", f"is {shown(pid)}, the last was {last_pid}")
            elif caller and caller < PAGE_OFFSET:
                bad(f"[{slot}].caller", f"is {caller:08x}, which is no kernel address")

    def _slot(self, slot: int, count: int, pte: int, pages: list[int]) -> None:
        """pages: the frames that say they are mapped here."""
        va = self._base + (slot << PAGE_SHIFT)
        pfn = self._tables.pte_pfn(pte)
        mapped = pfn in pages
        if count > 1 << 24:
            self._bad_count(slot, count, "users cannot be so many")
        elif count and not pte and not pages:
            self._bad_count(slot, count, "nothing is mapped there")
        elif not count and mapped:
            self._bad_count(slot, count, f"frame {pfn:#x} is mapped there")
        if pte and pages and not mapped or not pte and pages and count:
            self._tables.bad_pte(self._tables.pkmap, va, pte, f"frame {pages[0]:#x} says that it is mapped there")
        elif pte and not self._low <= pfn < self._end:
            self._tables.bad_pte(self._tables.pkmap, va, pte, "which is no HighMem page")
        elif pte and not pages and count:
            self._page(pfn, f"says not that it is mapped at {va:08x}")
        elif pte and not pages:
            self._tables.bad_pte(self._tables.pkmap, va, pte, "pkmap_count is 0")
        elif pte and self._tables.prot(pte) | PAGE_ACCESSED != self._tables.kernel:  # reclaim clears that bit
            right = self._tables.shown(pfn << PAGE_SHIFT | self._tables.kernel)
            self._tables.bad_pte(self._tables.pkmap, va, pte, f"should be {right}")
        elif pages and not pte and not count:
            self._page(pages[0], f"says that it is mapped at {va:08x}, which is free")
        if len(pages) > 1:
            for other in pages[:MOST]:
                if other != pfn:
                    self._page(other, f"says that it is mapped at {va:08x}, where frame {pfn:#x} is")

    def _bad_count(self, slot: int, count: int, text: str) -> None:
        va = self._memory.layout.va("pkmap_count")
        self._memory.damage("pkmap_count", va, f"[{slot}]", f"is {shown(count)}, {text}")

    def _page(self, pfn: int, text: str) -> None:
        if self._memory.layout.page_owner:
            self._memory.page_damage(pfn, "virtual", text)
        else:
            self._memory.damage("page_address_htable", self._memory.layout.va("page_address_htable"),
                                f"frame {pfn:#x}", text)  # fmt: skip

    def _virtual_words(self) -> dict[int, list[int]]:
        """Slot -> the HighMem frames whose page->virtual names it."""
        where: dict[int, list[int]] = {}
        virtual = self._memory.column("virtual")[self._low :]
        wild = 0
        for i in np.flatnonzero(virtual).tolist():
            slot, rest = divmod(int(virtual[i]) - self._base, PAGE_SIZE)
            if rest or not 0 <= slot < self._slots:
                wild += 1
                if wild <= MOST:
                    text = f"is {int(virtual[i]):08x}, which is no address in the kmap window"
                    self._memory.page_damage(self._low + i, "virtual", text)
            else:
                where.setdefault(slot, []).append(self._low + i)
        return where

    # the hash, where struct page has no `virtual`

    def _hash(self) -> dict[int, list[int]]:
        memory, layout = self._memory, self._memory.layout
        table, slot = layout.va("page_address_htable"), layout["page_address_slot"]
        where: dict[int, list[int]] = {}
        seen: set[int] = set()
        pool = layout.va("page_address_pool")
        for node in self._nodes(pool, "page_address_pool", pool, "list"):
            self._once(node, seen)
        for i in range(1 << PA_HASH_ORDER):
            head = table + i * slot.size
            if memory.layout.smp and (lock := memory.word(head + slot.offset("lock"))):
                memory.damage("page_address_htable", table, f"[{i}].lock", f"is {shown(lock)}, should be 0")
            for node in self._nodes(head + slot.offset("lh"), "page_address_htable", table, f"[{i}].lh"):
                self._once(node, seen)
                self._node(node, i, where)
        if len(seen) < self._slots:
            memory.damage("page_address_pool", pool, "list", f"and the hash hold {len(seen)} of {self._slots} nodes")
        return where

    def _nodes(self, head: int, title: str, va: int, field: str) -> list[int]:
        node = self._memory.layout["page_address_map"]
        first, offset = self._memory.layout.va("page_address_maps"), node.offset("list")

        def valid(entry: int) -> bool:
            number, rest = divmod(entry - offset - first, node.size)
            return not rest and 0 <= number < self._slots

        entries = self._memory.walk(head, (title, va, field), valid, lambda entry: (_MAP, entry - offset, "list"))
        return [entry - offset for entry in entries]

    def _once(self, node: int, seen: set[int]) -> None:
        if node in seen:
            self._memory.damage(_MAP, node, "list", "is on two lists")
        seen.add(node)

    def _node(self, node: int, bucket: int, where: dict[int, list[int]]) -> None:
        view = View(self._memory, "page_address_map", node, _MAP)
        page, virtual = view["page"], view["virtual"]
        pfn = self._memory.pfn(page)
        slot, rest = divmod(virtual - self._base, PAGE_SIZE)
        if rest or not 0 <= slot < self._slots:
            view.bad("virtual", f"is {virtual:08x}, which is no address in the kmap window")
            return
        if pfn is None or pfn < self._low:
            view.bad("page", f"is {page:08x}, which is no HighMem page")
            return
        if (page * _GOLDEN_RATIO_PRIME_32 & 0xFFFFFFFF) >> (32 - PA_HASH_ORDER) != bucket:
            view.bad("page", f"is {page:08x}, which does not belong into bucket {bucket}")
        mapped = self._tables.pte_pfn(int(self._tables.ptes(virtual, 1)[0]))
        if mapped != pfn:
            view.bad("virtual", f"is {virtual:08x}, where frame {mapped:#x} is mapped and not {pfn:#x}")
        where.setdefault(slot, []).append(pfn)


