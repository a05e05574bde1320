"""Inodes, as owners of a part of the page cache (fs/inode.c, 2.6.20). There is no file system behind them."""

from __future__ import annotations

from mm.gfp import GFP_ATOMIC, GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_SHIFT, Layout
from mm.list import Words, init_list_head, list_add, list_for_each, list_unlink
from mm.radix_tree import RadixTree
from mm.slab import SlabAllocator
from mm.traps import Traps
from mm.truncate import Truncate

I_CLEAR = 32
EMPTY_LISTS = (
    "i_dentry", "i_devices", "i_mutex.wait_list", "i_alloc_sem.wait_list", "i_data.private_list",
    "i_data.i_mmap_nonlinear",
)  # fmt: skip
LOCKS = (
    "i_lock", "i_mutex.wait_lock", "i_alloc_sem.wait_lock", "i_data.i_mmap_lock", "i_data.private_lock",
)  # fmt: skip
RW_LOCK_BIAS = 0x01000000
PRIO_TREE_RAW = 1 | 1 << 16  # index_bits and raw of struct prio_tree_root


class Inodes:
    """Making inodes and letting them go, over the slab; each has a mapping, `i_data`."""

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, slab: SlabAllocator, radix: RadixTree, truncate: Truncate
    ) -> None:
        self._w = w
        self._layout = layout
        self._traps = traps
        self._slab = slab
        self._radix = radix
        self._truncate = truncate
        self._fields = layout["inode"]
        self._cachep = (layout.va("inode_cachep") ^ 0xC0000000) >> 2
        self._last_ino = (layout.va("last_ino") ^ 0xC0000000) >> 2
        self._in_use = layout.va("inode_in_use")
        self._data = self._fields.offset("i_data")
        self._count, self._state = self._fields.word("i_count"), self._fields.word("i_state")
        self._list, self._sb_list = self._fields.offset("i_list"), self._fields.offset("i_sb_list")
        self._nrpages = self._fields.word("i_data.nrpages")

    def init(self) -> None:
        """inode_init: the lists."""
        for name in ("inode_in_use", "inode_unused"):
            init_list_head(self._w, self._layout.va(name))

    def new_inode(self, sb: int) -> int:
        """A new inode with a number of its own and one reference, or 0. sb: a `struct super_block`, or 0."""
        w = self._w
        inode = self._slab.kmem_cache_zalloc(w[self._cachep], GFP_KERNEL)
        if not inode:
            return 0
        self._init_once(inode)
        self._set(inode, "i_sb", sb)
        self._set(inode, "i_blkbits", PAGE_SHIFT)
        self._set(inode, "i_nlink", 1)
        self._set(inode, "i_count", 1)
        self._set(inode, "i_mapping", inode + self._data)
        self._set(inode, "i_data.host", inode)
        self._set(inode, "i_data.flags", GFP_HIGHUSER)
        w[self._last_ino] = w[self._last_ino] + 1 & 0xFFFFFFFF
        self._set(inode, "i_ino", w[self._last_ino])
        list_add(w, inode + self._list, self._in_use)
        init_list_head(w, inode + self._sb_list)
        return inode

    def _set(self, inode: int, path: str, value: int) -> None:
        self._w[((inode ^ 0xC0000000) >> 2) + self._fields.word(path)] = value

    def _init_once(self, inode: int) -> None:
        """inode_init_once: what a constructor gives every object of the cache in 2.6.20."""
        for path in EMPTY_LISTS:
            init_list_head(self._w, inode + self._fields.offset(path))
        self._radix.init_root(inode + self._fields.offset("i_data.page_tree"), GFP_ATOMIC)
        self._set(inode, "i_mutex.count", 1)
        self._set(inode, "i_data.i_mmap.index_bits", PRIO_TREE_RAW)
        if self._layout.smp:
            for path in LOCKS:
                self._set(inode, path, 1)
            self._set(inode, "i_data.tree_lock", RW_LOCK_BIAS)

    def iput(self, inode: int) -> None:
        """Drop a reference, 0 is ignored; the last one takes the inode and its pages away. A page that is locked is
        waited for; until then the reference stays.
        """
        if not inode:
            return
        w, i = self._w, (inode ^ 0xC0000000) >> 2
        if w[i + self._state] == I_CLEAR:
            self._traps.bug()
        if w[i + self._count] != 1:
            w[i + self._count] = w[i + self._count] - 1 & 0xFFFFFFFF
            return
        if w[i + self._nrpages]:
            self._truncate.truncate_inode_pages_from(inode + self._data, 0, 0)
        w[i + self._count] = 0
        list_unlink(w, inode + self._list)
        list_unlink(w, inode + self._sb_list)
        w[i + self._state] = I_CLEAR
        self._slab.kmem_cache_free(w[self._cachep], inode)

    def evict_all(self) -> None:
        """Free every inode with its pages: all who used them are dead."""
        for entry in list(list_for_each(self._w, self._in_use)):
            inode = entry - self._list
            self._truncate.evict(inode + self._data)
            self._w[((inode ^ 0xC0000000) >> 2) + self._count] = 1
            self.iput(inode)
