"""Page directories (arch/i386/mm/pgtable.c and vmalloc_sync_all of fault.c, 2.6.20).

Each address space has a page directory from the `pgd` cache, whose constructor copies the kernel's half from
`swapper_pg_dir`. A page table that vmalloc makes later is in the reference alone: a directory gets it at the first
fault (`mm.fault`). So that all can be found, directories are linked by their `struct page`: `pgd_list` leads to the
first, `index` to the next one, `private` to the word that leads here.

With PAE a directory has four entries. The kernel's page of pmds is shared by all, so that nothing must be linked or
copied later; the other three pages of pmds are the address space's own, from the `pmd` cache.
"""

from __future__ import annotations

from collections.abc import Iterator

from mm.gfp import GFP_KERNEL
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.page_alloc import PageAllocator
from mm.pgtable import PAGE_PRESENT, USER_PGDS, PageTables
from mm.slab import SlabAllocator

_DIRECTORY = PAGE_SIZE >> 2  # words of a directory of two levels
_KERNEL = PAGE_OFFSET >> 22  # where its kernel half begins
_NOTHING = memoryview(bytes(PAGE_SIZE)).cast("I")


class PageDirectories:
    """Making and ending page directories. tables: init_mm's, the reference."""

    def __init__(
        self, w: Words, layout: Layout, pages: PageAllocator, slab: SlabAllocator, tables: PageTables
    ) -> None:
        self._w = w
        self._pages = pages
        self._slab = slab
        self._tables = tables
        self._pae = layout.pae
        self._cachep = (layout.va("pgd_cache") ^ 0xC0000000) >> 2
        self._pmd_cachep = (layout.va("pmd_cache") ^ 0xC0000000) >> 2
        self._list = layout.va("pgd_list")
        self._index, self._private = layout["page"].offset("index"), layout["page"].word("private")
        self._reference = (tables.pgd ^ 0xC0000000) >> 2
        slab.own_functions |= {
            layout.va("pgd_ctor"): self._pgd_ctor, layout.va("pgd_dtor"): self._pgd_dtor,
            layout.va("pmd_ctor"): self._pmd_ctor,
        }  # fmt: skip

    # the caches' constructors and destructors

    def _pgd_ctor(self, pgd: int) -> None:
        w, i, reference = self._w, (pgd ^ 0xC0000000) >> 2, self._reference
        if self._pae:
            kernel = 2 * USER_PGDS
            w[i + kernel : i + kernel + 2] = w[reference + kernel : reference + kernel + 2]
            return
        w[i : i + _KERNEL] = _NOTHING[:_KERNEL]
        w[i + _KERNEL : i + _DIRECTORY] = w[reference + _KERNEL : reference + _DIRECTORY]
        self._link(self._pages.virt_to_page(pgd))

    def _pgd_dtor(self, pgd: int) -> None:
        """pgd_list_del."""
        p = (self._pages.virt_to_page(pgd) ^ 0xC0000000) >> 2
        before, following = self._w[p + self._private], self._w[p + (self._index >> 2)]
        self._w[(before ^ 0xC0000000) >> 2] = following
        if following:
            self._w[((following ^ 0xC0000000) >> 2) + self._private] = before

    def _pmd_ctor(self, pmd: int) -> None:
        i = (pmd ^ 0xC0000000) >> 2
        self._w[i : i + _DIRECTORY] = _NOTHING

    def _link(self, page: int) -> None:
        """pgd_list_add: put the page of a directory first."""
        w, p, head = self._w, (page ^ 0xC0000000) >> 2, (self._list ^ 0xC0000000) >> 2
        following = w[head]
        w[p + (self._index >> 2)], w[p + self._private], w[head] = following, self._list, page
        if following:
            w[((following ^ 0xC0000000) >> 2) + self._private] = page + self._index

    # directories

    def pgd_alloc(self) -> int:
        """A page directory with nothing in user space; 0 without memory."""
        w = self._w
        pgd = self._slab.kmem_cache_alloc(w[self._cachep], GFP_KERNEL)
        if not self._pae or not pgd:
            return pgd
        tables, made = self._tables.of(pgd), 0
        try:
            for i in range(USER_PGDS):
                pmd = self._slab.kmem_cache_alloc(w[self._pmd_cachep], GFP_KERNEL)
                if not pmd:
                    break
                tables.write(pgd + 8 * i, pmd - PAGE_OFFSET | PAGE_PRESENT)
                made += 1
        finally:
            if made < USER_PGDS:
                self._free(pgd, made)
        return pgd if made == USER_PGDS else 0

    def pgd_free(self, pgd: int) -> None:
        """Give a directory back, which no CPU has in CR3 any more."""
        self._free(pgd, USER_PGDS if self._pae else 0)

    def _free(self, pgd: int, pmds: int) -> None:
        for i in range(pmds):
            entry = self._tables.read(pgd + 8 * i)
            self._slab.kmem_cache_free(self._w[self._pmd_cachep], PAGE_OFFSET + entry - PAGE_PRESENT)
        self._slab.kmem_cache_free(self._w[self._cachep], pgd)

    def each(self) -> Iterator[int]:
        """The directories on pgd_list: all that the cache has made, in use or not. None with PAE."""
        page = self._w[(self._list ^ 0xC0000000) >> 2]
        while page:
            yield PAGE_OFFSET + (self._pages.page_to_pfn(page) << PAGE_SHIFT)
            page = self._w[(page + self._index ^ 0xC0000000) >> 2]

    def vmalloc_sync_all(self) -> None:
        """Give every directory all of the kernel's page tables, so that no access must fault for one."""
        for pgd in self.each():
            i, reference = (pgd ^ 0xC0000000) >> 2, self._reference
            for n in range(_KERNEL, _DIRECTORY):
                if not self._w[i + n]:
                    self._w[i + n] = self._w[reference + n]
