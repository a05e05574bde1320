"""The page cache: finding, adding and removing pages, reclaim's lists, truncating, inodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from guest.kernel import Kernel
from mm.errors import KernelBug
from mm.filemap import NR_FILE_PAGES
from mm.fsck import fsck
from mm.gfp import GFP_ATOMIC, GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.page_flags import PG_active, PG_dirty, PG_locked, PG_lru, PG_private, PG_referenced, PG_uptodate
from mm.radix_tree import EEXIST, ENOMEM, PAGECACHE_TAG_DIRTY, PAGECACHE_TAG_WRITEBACK

Boot = Callable[..., Kernel]
MB = 1 << 20


class Cache:
    """An inode of a machine, and short words for what is asked of it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.inode = kernel.inodes.new_inode(0)
        self.mapping = self.inode + kernel.layout["inode"].offset("i_data")

    def word(self, page: int, n: int = 0) -> int:
        return self.kernel.ram.words[(page - PAGE_OFFSET >> 2) + n]

    def flags(self, page: int) -> int:
        return self.word(page) & 0xFFFFF

    def add(self, index: int, gfp_mask: int = GFP_KERNEL, keep: bool = False) -> int:
        """A page that is not locked; nobody but the cache holds it, unless `keep`."""
        page = self.kernel.filemap.find_or_create_page(self.mapping, index, gfp_mask)
        self.kernel.filemap.unlock_page(page)
        if not keep:
            self.kernel.page_alloc.put_page(page)
        return page

    def indexes(self) -> list[int]:
        return [index for index, _ in self.kernel.filemap.lookup_pages(self.mapping, 0, 1 << 20)]

    def lists(self) -> tuple[int, int]:
        """Pages on the active and on the inactive lists."""
        zones = self.kernel.zoneinfo()
        return sum(z.active for z in zones), sum(z.inactive for z in zones)

    def sound(self) -> None:
        report = fsck(self.kernel.ram)
        assert report.damages == []
        assert self.kernel.vm_stat()["nr_file_pages"] == report.frames.get("page cache", 0)


@pytest.fixture
def cache(boot: Boot) -> Iterator[Cache]:
    made = Cache(boot(ram=64 * MB))
    yield made
    made.sound()


# finding, adding, removing


def test_find_or_create_page(cache: Cache) -> None:
    filemap = cache.kernel.filemap
    assert filemap.find_get_page(cache.mapping, 7) == filemap.find_lock_page(cache.mapping, 7) == 0
    page = filemap.find_or_create_page(cache.mapping, 7, GFP_KERNEL)
    # the caller's reference, the cache's, the pagevec's
    assert cache.word(page, 1) == 3 and cache.flags(page) == PG_locked
    assert (cache.word(page, 4), cache.word(page, 5)) == (cache.mapping, 7)
    filemap.unlock_page(page)
    assert filemap.find_get_page(cache.mapping, 7) == filemap.find_lock_page(cache.mapping, 7) == page
    assert cache.word(page, 1) == 5 and cache.flags(page) == PG_locked
    assert cache.kernel.vm_stat()["nr_file_pages"] == 1
    zone = cache.kernel.page_alloc.page_zone(page) - PAGE_OFFSET >> 2
    assert cache.kernel.ram.words[zone + cache.kernel.layout["zone"].word("vm_stat") + NR_FILE_PAGES] == 1
    assert cache.kernel.meminfo()["Cached"] == 4


def test_add_to_page_cache(cache: Cache) -> None:
    filemap, pages = cache.kernel.filemap, cache.kernel.page_alloc
    one, other = (pages.alloc_pages(GFP_KERNEL, 0) for _ in range(2))
    assert filemap.add_to_page_cache(one, cache.mapping, 3, GFP_KERNEL) == 0
    assert filemap.add_to_page_cache_lru(other, cache.mapping, 3, GFP_KERNEL) == EEXIST
    assert (cache.word(one, 1), cache.word(other, 1), cache.word(other, 4)) == (2, 1, 0)
    assert cache.flags(other) == 0
    filemap.remove_from_page_cache(one)
    assert (cache.word(one, 1), cache.word(one, 4)) == (2, 0) and cache.indexes() == []
    with pytest.raises(KernelBug):
        filemap.unlock_page(one)
        filemap.remove_from_page_cache(one)
    pages.put_page(one)
    pages.put_page(one)


def test_unlock_of_a_page_that_is_not_locked(cache: Cache) -> None:
    with pytest.raises(KernelBug):
        cache.kernel.filemap.unlock_page(cache.add(1))


def test_find_get_pages(cache: Cache) -> None:
    kernel = cache.kernel
    pages = {index: cache.add(index) for index in (2, 3, 4, 70, 5000)}
    array = kernel.slab.kmalloc(64, GFP_KERNEL)

    def read(count: int) -> list[int]:
        return kernel.ram.words[array - PAGE_OFFSET >> 2 :][:count].tolist()

    kernel.swap.lru_add_drain()
    assert kernel.filemap.find_get_pages(cache.mapping, 3, 3, array) == 3
    assert read(3) == [pages[3], pages[4], pages[70]] and cache.word(pages[70], 1) == 2
    assert kernel.filemap.find_get_pages_contig(cache.mapping, 3, 10, array) == 2
    assert cache.word(pages[4], 1) == 3 and cache.word(pages[70], 1) == 2
    assert kernel.filemap.find_get_pages(cache.mapping, 5001, 3, array) == 0
    for index in (3, 5000):
        kernel.filemap.set_page_dirty(pages[index])
    kernel.ram.words[array - PAGE_OFFSET + 60 >> 2] = 3
    assert kernel.filemap.find_get_pages_tag(cache.mapping, array + 60, PAGECACHE_TAG_DIRTY, 1, array) == 1
    assert kernel.ram.words[array - PAGE_OFFSET + 60 >> 2] == 4
    assert kernel.filemap.find_get_pages_tag(cache.mapping, array + 60, PAGECACHE_TAG_DIRTY, 5, array) == 1
    assert read(1) == [pages[5000]]


def test_page_waitqueue(cache: Cache) -> None:
    """hash_ptr of the page's address picks one of its zone's queues."""
    kernel, zone = cache.kernel, cache.kernel.layout["zone"]
    page = cache.add(0)
    z = kernel.page_alloc.page_zone(page) - PAGE_OFFSET >> 2
    bits, table = (kernel.ram.words[z + zone.word(name)] for name in ("wait_table_bits", "wait_table"))
    row = (page * 0x9E370001 & 0xFFFFFFFF) >> 32 - bits
    assert kernel.filemap.page_waitqueue(page) == table + row * kernel.layout["wait_queue_head"].size


# dirty and written pages


def test_dirty_and_writeback(cache: Cache) -> None:
    filemap, radix, tree = cache.kernel.filemap, cache.kernel.radix, cache.mapping + 4
    page = cache.add(100)

    def tags() -> tuple[bool, bool]:
        return (radix.tag_get(tree, 100, PAGECACHE_TAG_DIRTY), radix.tag_get(tree, 100, PAGECACHE_TAG_WRITEBACK))

    assert (filemap.set_page_dirty(page), filemap.set_page_dirty(page)) == (1, 0)
    assert cache.flags(page) & PG_dirty and tags() == (True, False)
    filemap.trylock_page(page)
    assert (filemap.clear_page_dirty_for_io(page), filemap.clear_page_dirty_for_io(page)) == (1, 0)
    assert tags() == (True, False)
    cache.sound()
    assert (filemap.test_set_page_writeback(page), filemap.test_set_page_writeback(page)) == (0, 1)
    filemap.unlock_page(page)
    assert tags() == (False, True) and cache.kernel.vm_stat()["nr_writeback"] == 1
    cache.sound()
    filemap.end_page_writeback(page)
    assert tags() == (False, False) and cache.kernel.vm_stat()["nr_writeback"] == 0
    with pytest.raises(KernelBug):
        filemap.end_page_writeback(page)


# reclaim's lists


def test_pagevecs(cache: Cache) -> None:
    """14 pages go to the list at once, the last one added first on it."""
    kernel = cache.kernel
    pages = [cache.add(index) for index in range(13)]
    assert cache.lists() == (0, 0) and all(cache.word(page, 1) == 2 for page in pages)
    pages.append(cache.add(13))
    assert cache.lists() == (0, 14) and all(cache.word(page, 1) == 1 for page in pages)
    assert {cache.flags(page) for page in pages} == {PG_lru}
    zone = kernel.page_alloc.page_zone(pages[0])
    head = zone + kernel.layout["zone"].offset("inactive_list")
    assert cache.word(head) == pages[13] + 0x18 and cache.word(head, 1) == pages[0] + 0x18
    single = kernel.page_alloc.alloc_pages(GFP_KERNEL, 0)
    kernel.swap.lru_cache_add_active(single)
    kernel.swap.lru_add_drain()
    assert cache.lists() == (1, 14) and cache.flags(single) == PG_lru | PG_active
    cache.sound()
    kernel.page_alloc.put_page(single)
    assert cache.lists() == (0, 14) and cache.word(single, 1) == 0


def test_mark_page_accessed(cache: Cache) -> None:
    page, mark = cache.add(0), cache.kernel.swap.mark_page_accessed
    mark(page)
    mark(page)
    assert cache.flags(page) == PG_referenced  # still in the pagevec: it cannot be activated
    cache.kernel.swap.lru_add_drain()
    mark(page)
    assert cache.flags(page) == PG_lru | PG_active and cache.lists() == (1, 0)
    mark(page)
    mark(page)
    assert cache.flags(page) == PG_lru | PG_active | PG_referenced and cache.lists() == (1, 0)


def test_free_pages_of_a_listed_page_is_a_bad_page(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL, 0)
    kernel.swap.lru_cache_add(page)
    kernel.swap.lru_add_drain()
    kernel.page_alloc._free_pages(page, 0)
    assert "Bad page state in process 'swapper'" in kernel.log.text()


# truncating and invalidating


def test_truncate(cache: Cache) -> None:
    kernel = cache.kernel
    pages = {index: cache.add(index) for index in (0, 1, 2, 64, 4096)}
    kept = cache.add(65, keep=True)
    kernel.filemap.set_page_dirty(pages[64])
    kernel.filemap.set_page_dirty(kept)
    start = kernel.page_alloc.page_to_pfn(pages[1]) << 12
    kernel.ram.bytes[start : start + 4096] = b"x" * 4096
    free = kernel.page_alloc.nr_free_pages()
    kernel.truncate.truncate_inode_pages_from(cache.mapping, 2, 100)
    assert cache.indexes() == [0, 1]
    assert bytes(kernel.ram.bytes[start : start + 4096]) == b"x" * 100 + bytes(3996)
    assert (cache.word(kept, 4), cache.word(kept, 1), cache.flags(kept)) == (0, 1, PG_lru)
    assert kernel.page_alloc.nr_free_pages() == free
    kernel.page_alloc.put_page(kept)
    kernel.truncate.truncate_inode_pages_from(cache.mapping, 0, 0)
    assert cache.indexes() == [] and cache.lists() == (0, 0)


def test_invalidate_spares_what_is_in_use(cache: Cache) -> None:
    kernel = cache.kernel
    pages = [cache.add(index) for index in range(10)]
    kernel.swap.lru_add_drain()
    kernel.filemap.trylock_page(pages[1])
    kernel.filemap.set_page_dirty(pages[2])
    kernel.filemap.test_set_page_writeback(pages[3])
    kernel.filemap.find_get_page(cache.mapping, 4)
    kernel.ram.words[(pages[5] - PAGE_OFFSET >> 2) + 2] = 0  # mapped
    kernel.ram.words[pages[6] - PAGE_OFFSET >> 2] |= PG_private  # and nobody who would release it
    kernel.ram.words[pages[7] - PAGE_OFFSET >> 2] |= PG_uptodate
    assert kernel.truncate.invalidate_mapping_pages(cache.mapping, 0, 8) == 3
    assert cache.indexes() == [1, 2, 3, 4, 5, 6, 9]
    assert not any(cache.flags(page) & PG_locked for n, page in enumerate(pages) if n != 1)
    kernel.ram.words[(pages[5] - PAGE_OFFSET >> 2) + 2] = 0xFFFFFFFF
    kernel.ram.words[pages[6] - PAGE_OFFSET >> 2] &= ~PG_private
    kernel.filemap.end_page_writeback(pages[3])
    assert kernel.truncate.invalidate_mapping_pages(cache.mapping, 0, 0xFFFFFFFF) == 4
    assert cache.indexes() == [1, 2, 4]


def test_the_last_index(cache: Cache) -> None:
    for index in (0xFFFFFFFF, 0xFFFFFFFE, 0):
        cache.add(index)
    cache.kernel.swap.lru_add_drain()
    assert cache.kernel.truncate.invalidate_mapping_pages(cache.mapping, 0xFFFFFFFF, 0xFFFFFFFF) == 1
    cache.kernel.truncate.truncate_inode_pages_from(cache.mapping, 0xFFFFFFFE, 0)
    assert cache.indexes() == [0]


# inodes


def test_inodes(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    free = fsck(kernel.ram).frames
    caches = [Cache(kernel) for _ in range(3)]
    fields = kernel.layout["inode"]

    def field(cache: Cache, name: str) -> int:
        return cache.word(cache.inode, fields.word(name))

    assert [field(cache, "i_ino") for cache in caches] == [1, 2, 3]
    assert {field(cache, "i_count") for cache in caches} == {1}
    assert {field(cache, "i_data.flags") for cache in caches} == {GFP_HIGHUSER}
    for cache in caches:
        for index in range(0, 4000, 130):
            cache.add(index)
    caches[0].sound()
    kernel.ram.words[(caches[0].inode - PAGE_OFFSET >> 2) + fields.word("i_count")] = 2
    kernel.inodes.iput(caches[0].inode)
    assert len(caches[0].indexes()) == 31
    for cache in caches:
        kernel.inodes.iput(cache.inode)
        cache.sound()
    kernel.inodes.iput(0)
    with pytest.raises(KernelBug):
        kernel.inodes.iput(caches[0].inode)
    after = fsck(kernel.ram).frames
    assert "page cache" not in after and after.get("in use", 0) == free.get("in use", 0)


def test_without_memory(boot: Boot) -> None:
    """Nothing stays half made."""
    kernel = boot(ram=32 * MB)
    cache = Cache(kernel)
    taken = []
    while page := kernel.page_alloc.alloc_pages(GFP_ATOMIC, 0):
        taken.append(page)
    assert kernel.filemap.find_or_create_page(cache.mapping, 0, GFP_ATOMIC) == 0
    one = taken.pop()
    cachep = kernel.ram.words[kernel.layout.va("radix_tree_node_cachep") - PAGE_OFFSET >> 2]
    while kernel.slab.kmem_cache_alloc(cachep, GFP_ATOMIC):
        pass
    assert kernel.filemap.add_to_page_cache_lru(one, cache.mapping, 0, GFP_ATOMIC) == ENOMEM
    assert (cache.word(one, 1), cache.word(one, 4), cache.flags(one)) == (1, 0, 0)
    assert kernel.vm_stat()["nr_file_pages"] == 0


# what the tools say


def test_frames_of_the_page_cache(cache: Cache) -> None:
    kernel = cache.kernel
    pages = [cache.add(index) for index in (5, 6)]
    info = kernel.frame_info(kernel.page_alloc.page_to_pfn(pages[0]))
    assert info.kind == "page cache" and info.cache is not None and (info.lru, info.links) == ("", [])
    assert (info.cache.inode, info.cache.ino, info.cache.index) == (cache.inode, 1, 5)
    kernel.swap.lru_add_drain()
    info = kernel.frame_info(kernel.page_alloc.page_to_pfn(pages[0]))
    assert info.lru == "inactive" and info.links[0].frame is None
    assert kernel.frame_info(kernel.page_alloc.page_to_pfn(pages[1])).links[1].what == "inactive_list of zone Normal"
