"""The page cache: inodes, the trees of their pages, and the pages on their way to reclaim's lists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mm.fsck.caches import Objects
from mm.fsck.memory import MOST, Memory, View, Words, shown
from mm.fsck.report import PAGE_CACHE, UNCLAIMED
from mm.gfp import GFP_ATOMIC
from mm.inode import PRIO_TREE_RAW
from mm.layout import PAGEVEC_SIZE, RADIX_TREE_MAX_PATH
from mm.page_flags import PG_dirty, PG_locked, PG_writeback
from mm.radix_tree import (
    DIRECT_PTR,
    GFP_BITS_MASK,
    GFP_BITS_SHIFT,
    MAX_INDEX,
    NR_TAGS,
    PAGECACHE_TAG_DIRTY,
    PAGECACHE_TAG_WRITEBACK,
    SLOTS,
)  # fmt: skip

_INODE, _NODE = "struct inode", "struct radix_tree_node"
_NODES = "radix_tree_node"  # the cache
_MOST_USERS = 1 << 24
_AS_BITS = 2
# What belongs to whoever has the inode.
_FREE = (
    "i_ino", "i_mode", "i_nlink", "i_uid", "i_gid", "i_rdev", "i_version", "i_size", "i_atime", "i_mtime", "i_ctime",
    "i_blkbits", "i_blocks", "i_bytes", "i_lock", "i_mutex", "i_alloc_sem", "i_op", "i_fop", "i_sb", "i_flock",
    "i_devices", "i_cdev", "i_cindex", "i_generation", "i_state", "dirtied_when", "i_flags", "i_writecount",
    "i_security", "i_private", "i_data.i_mmap_lock", "i_data.writeback_index", "i_data.a_ops",
    "i_data.backing_dev_info", "i_data.private_lock", "i_data.private_list", "i_data.assoc_mapping",
    "i_data.tree_lock",
)  # fmt: skip


@dataclass(slots=True)
class _Tree:
    """A tree being read: its inode, the pages by index, and where each is named: (structure, address, field)."""

    inode: View
    pages: dict[int, int]
    places: dict[int, tuple[str, int, str]]


class PageCache:
    """The checks of all inodes and what hangs on them; they claim the frames of the page cache."""

    def __init__(self, memory: Memory, objects: Objects) -> None:
        self._memory = memory
        self._objects = objects
        self._layout = memory.layout
        self._flags = memory.column("flags")
        self._slots = memory.offset("radix_tree_node", "slots") >> 2
        self._tags = memory.offset("radix_tree_node", "tags") >> 2
        self._mappings: list[int] = []
        self._seen: set[int] = set()  # nodes
        #: References that the kernel itself holds, by frame.
        self.holds: Words = np.zeros(memory.limits.max_pfn, dtype=np.uint32)

    def check(self) -> None:
        """Check everything."""
        for inode in self._inodes():
            self._check_inode(inode)
        self._check_strays()
        for cpu in range(self._layout.nr_cpus):
            for name in ("lru_add_pvecs", "lru_add_active_pvecs"):
                self._check_pagevec(name, cpu)
            self._check_preload(cpu)
        for name, what in ((_NODES, "tree"), ("inode_cache", "list")):
            for va in self._objects.unused(name)[:MOST]:
                self._memory.damage(_NODE if name == _NODES else _INODE, va, "", f"is allocated, and in no {what}")

    # inodes

    def _inodes(self) -> list[View]:
        memory = self._memory
        offset, size = memory.offset("inode", "i_list"), self._layout["inode"].size
        unused, head = self._layout.va("inode_unused"), self._layout.va("inode_in_use")
        memory.walk(unused, ("inode_unused", unused, "list"), lambda entry: False, lambda entry: (_INODE, entry, ""))
        entries = memory.walk(
            head, ("inode_in_use", head, "list"), lambda entry: memory.has(entry - offset, size),
            lambda entry: (_INODE, entry - offset, "i_list"),
        )  # fmt: skip
        inodes = [View(memory, "inode", entry - offset, _INODE) for entry in entries]
        return [view for view in inodes if self._objects.use(view.va, "inode_cache", "an inode", _INODE, view.va, "")]

    def _check_inode(self, inode: View) -> None:
        data = inode.address("i_data")
        self._mappings.append(data)
        for path in _FREE:
            inode.free(path, words=self._words(path))
        if self._layout.smp:
            inode.free("i_size_seqcount")
        inode.free("i_list", words=2)
        inode.within("i_count", 1, _MOST_USERS - 1)
        for path in ("i_dentry", "i_data.i_mmap_nonlinear"):
            inode.list_head(path, empty=True)
        inode.list_head("i_sb_list", empty=not inode["i_sb"])
        inode.want("i_mapping", data)
        inode.want("i_data.host", inode.va)
        inode.want("i_data.i_mmap.index_bits", PRIO_TREE_RAW)
        inode.within("i_data.flags", 0, (GFP_BITS_MASK + 1 << _AS_BITS) - 1)
        tree = _Tree(inode, {}, {})
        self._check_tree(tree)
        inode.free("i_data.page_tree", words=3)
        inode.want("i_data.nrpages", len(tree.pages), "the tree has")
        inode.rest_zero()
        self._check_pages(tree, data)

    def _words(self, path: str) -> int:
        """The words of a member, 0 of a lock on a UP kernel."""
        struct = self._layout["inode"]
        if path.startswith("i_data."):
            struct, path = self._layout["address_space"], path[7:]
        size = struct.fields[path].size
        return (size + 3) >> 2

    # trees

    def _check_tree(self, tree: _Tree) -> None:
        inode, root = tree.inode, "i_data.page_tree"
        rnode, said = inode[f"{root}.rnode"], inode[f"{root}.height"]
        height = self._height(rnode, said)
        if said != height:
            inode.bad(f"{root}.height", f"is {shown(said)}, the tree is {height} high")
        gfp_mask = inode[f"{root}.gfp_mask"]
        if gfp_mask & GFP_BITS_MASK != GFP_ATOMIC or gfp_mask >> GFP_BITS_SHIFT + NR_TAGS:
            inode.bad(f"{root}.gfp_mask", f"is {gfp_mask:#x}, which is no mask of a tree of pages")
        tags = gfp_mask >> GFP_BITS_SHIFT & (1 << NR_TAGS) - 1
        here = (inode.title, inode.va, f"{root}.rnode")
        if not height:
            if rnode and self._add_page(tree, 0, rnode & ~DIRECT_PTR, here):
                self._check_page_tags(tree, 0, tags, (inode.title, inode.va, f"{root}.gfp_mask"))
            elif tags:
                inode.bad(f"{root}.gfp_mask", f"is {gfp_mask:#x}, with a tag that no page has")
            return
        below = self._check_node(tree, rnode, height, 0, here)
        if below is None:
            return
        if below != tags:
            inode.bad(f"{root}.gfp_mask", f"is {gfp_mask:#x}, the tags of the tree are {below:#x}")
            self._memory.damage(_NODE, rnode, "tags", f"have the tags {below:#x}, the tree has {tags:#x}")
        n = (rnode - 0xC0000000) >> 2
        slots = self._memory.words[n + self._slots : n + self._slots + SLOTS]
        if np.count_nonzero(slots) == 1 and slots[0]:
            inode.bad(f"{root}.height", f"is {said}, a lower tree would do")

    def _height(self, rnode: int, said: int) -> int:
        """How high a tree is: what most of root, first node and a node below it say."""
        if not rnode or rnode & DIRECT_PTR or not self._is_node(rnode):
            return 0 if not rnode or rnode & DIRECT_PTR else min(max(said, 1), RADIX_TREE_MAX_PATH - 1)
        own = self._memory.word(rnode)
        start = rnode + 4 * self._slots
        child = next((slot for slot in self._memory.block(start, SLOTS).tolist() if slot), 0)
        below = self._memory.word(child) + 1 if self._is_node(child) else 1
        votes = [said, own, below]
        height = max(votes, key=votes.count)
        return min(max(height, 1), RADIX_TREE_MAX_PATH - 1)

    def _is_node(self, va: int) -> bool:
        found = self._objects.find(va)
        return found is not None and found[0].name == _NODES

    def _check_node(self, tree: _Tree, va: int, height: int, base: int, where: tuple[str, int, str]) -> int | None:
        """Check a node and all below it: the tags that are set in it, None where there is no node of this tree's."""
        if not self._objects.use(va, _NODES, f"a node of the tree of inode {tree.inode.va:08x}", *where):
            return None
        if va in self._seen:
            return None
        self._seen.add(va)
        node = View(self._memory, "radix_tree_node", va, _NODE)
        node.want("height", height)
        n = (va - 0xC0000000) >> 2
        slots = self._memory.words[n + self._slots : n + self._slots + SLOTS].tolist()
        used = [offset for offset, slot in enumerate(slots) if slot]
        node.want("count", len(used), "the node holds")
        if not used:
            node.bad("count", "is that of a node with nothing below it")
        node.free("slots", words=SLOTS)
        node.free("tags", words=2 * NR_TAGS)
        node.rest_zero()
        masks = [self._mask(n, tag) for tag in range(NR_TAGS)]
        for tag, mask in enumerate(masks):
            if wrong := mask & ~sum(1 << offset for offset in used):
                node.bad(f"tags[{2 * tag}]", f"has bits {wrong:#x} of empty slots")
        shift = 6 * (height - 1)
        for offset in used:
            index = base + (offset << shift)
            tags = sum((mask >> offset & 1) << tag for tag, mask in enumerate(masks))
            self._check_slot(tree, node, height, index, slots[offset], tags, offset)
        return sum((mask != 0) << tag for tag, mask in enumerate(masks))

    def _check_slot(self, tree: _Tree, node: View, height: int, index: int, slot: int, tags: int, offset: int) -> None:
        here = (node.title, node.va, f"slots[{offset}]")
        if index > MAX_INDEX[-1]:
            node.bad(f"slots[{offset}]", f"is {slot:08x}, for the index {index:#x}, which there is not")
        elif height == 1:
            if self._add_page(tree, index, slot, here):
                self._check_page_tags(tree, index, tags, (node.title, node.va, "tags"))
        else:
            below = self._check_node(tree, slot, height - 1, index, here)
            if below is not None and below != tags:
                node.bad("tags", f"of slot {offset} are {tags:#x}, the node there has {below:#x}")
                self._memory.damage(_NODE, slot, "tags", f"have the tags {below:#x}, the node above {tags:#x}")

    def _mask(self, n: int, tag: int) -> int:
        low, high = self._memory.words[n + self._tags + 2 * tag : n + self._tags + 2 * tag + 2].tolist()
        return int(low | high << 32)

    def _add_page(self, tree: _Tree, index: int, page: int, where: tuple[str, int, str]) -> bool:
        pfn = self._memory.pfn(page)
        if pfn is None:
            structure, address, field = where
            self._memory.damage(structure, address, field, f"is {page:08x}, which is no page")
            return False
        tree.pages[index] = pfn
        tree.places[index] = where
        return True

    def _check_page_tags(self, tree: _Tree, index: int, tags: int, where: tuple[str, int, str]) -> None:
        """A tag says what the page's flags say; the one of dirty pages outlives the flag while the page is locked."""
        flags = int(self._flags[tree.pages[index]])
        structure, address, field = where
        if tags >> PAGECACHE_TAG_DIRTY & 1 and not flags & (PG_dirty | PG_locked):
            self._memory.damage(structure, address, field, f"have page {index:#x} as dirty, which it is not")
        if tags >> PAGECACHE_TAG_WRITEBACK & 1 and not flags & PG_writeback:
            self._memory.damage(structure, address, field, f"have page {index:#x} as being written, which it is not")

    # pages

    def _check_pages(self, tree: _Tree, data: int) -> None:
        """Compare the pages' own words with the tree, and claim their frames."""
        if not tree.pages:
            return
        memory = self._memory
        indexes = np.array(list(tree.pages), dtype=np.int64)
        pfns = np.array(list(tree.pages.values()), dtype=np.int64)
        foreign = memory.column("mapping")[pfns] != data
        moved = memory.column("index")[pfns] != indexes
        strange: NDArray[np.bool_] = np.zeros(len(pfns), dtype=bool)
        for n in np.flatnonzero(foreign | moved).tolist():
            index, pfn = int(indexes[n]), int(pfns[n])
            own = int(memory.column("index")[pfn])
            if foreign[n] and moved[n] or moved[n] and tree.pages.get(own) == pfn:
                structure, address, field = tree.places[index]
                memory.damage(structure, address, field, f"is {memory.page(pfn):08x}, which is not page {index:#x}")
                strange[n] = True
            elif foreign[n]:
                text = f"is {int(memory.column('mapping')[pfn]):08x}, the page is in the mapping {data:08x}"
                memory.page_damage(pfn, "mapping", text)
            else:
                memory.page_damage(pfn, "index", f"is {own:#x}, the page is at {index:#x} of its mapping")
        pfns = pfns[~strange]
        memory.claim(pfns, 0, PAGE_CACHE, f"the page cache of the inode {tree.inode.va:08x}")
        self.holds[pfns] += 1

    def _check_strays(self) -> None:
        """A page that names a mapping is in its tree."""
        memory, mapping = self._memory, self._memory.column("mapping")
        stray = (memory.kinds == UNCLAIMED) & np.isin(mapping, np.array(self._mappings, dtype=np.uint32))
        for pfn in np.flatnonzero(stray)[:MOST].tolist():
            memory.page_damage(pfn, "mapping", f"is {int(mapping[pfn]):08x}, whose tree lacks the page")

    # each CPU's

    def _check_pagevec(self, name: str, cpu: int) -> None:
        memory = self._memory
        va = self._layout.va(name) + cpu * self._layout["pagevec"].size
        pagevec = View(memory, "pagevec", va, f"{name}, CPU {cpu}")
        pagevec.free("pages", words=PAGEVEC_SIZE)  # those beyond nr are left over
        if pagevec.within("nr", 0, PAGEVEC_SIZE - 1):
            for i in range(pagevec["nr"]):
                pfn = memory.pfn(pagevec[f"pages[{i}]"])
                if pfn is None:
                    pagevec.bad(f"pages[{i}]", f"is {pagevec[f'pages[{i}]']:08x}, which is no page")
                else:
                    self.holds[pfn] += 1
        pagevec.rest_zero()

    def _check_preload(self, cpu: int) -> None:
        va = self._layout.va("radix_tree_preloads") + cpu * self._layout["radix_tree_preload"].size
        title = f"radix_tree_preloads, CPU {cpu}"
        pool = View(self._memory, "radix_tree_preload", va, title)
        if not pool.within("nr", 0, RADIX_TREE_MAX_PATH):
            pool.free("nodes", words=RADIX_TREE_MAX_PATH)
            return
        for i in range(pool["nr"]):
            pool.free(f"nodes[{i}]")
            node = pool[f"nodes[{i}]"]
            if self._objects.use(node, _NODES, title, title, va, f"nodes[{i}]"):
                View(self._memory, "radix_tree_node", node, _NODE).rest_zero()
        pool.rest_zero()

