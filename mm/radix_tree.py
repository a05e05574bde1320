"""Radix trees (lib/radix-tree.c, 2.6.20): from an index of 32 bits to an item, the address of something aligned.

A node has 64 slots and stands for 6 bits of the index; a leaf's slots are items. A tree of height 0 has no node but at
most the item of index 0, which the root then names itself, with the lowest bit set. Two tags can be set on an item:
a node has a bit for each slot and tag, set where the tag is set below it; the root has one for each tag, in gfp_mask
above the GFP flags.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mm.gfp import GFP_WAIT
from mm.layout import RADIX_TREE_MAP_SHIFT, RADIX_TREE_MAX_PATH, Layout
from mm.list import Words
from mm.slab import SlabAllocator
from mm.traps import Traps

EEXIST, ENOMEM = -17 & 0xFFFFFFFF, -12 & 0xFFFFFFFF
PAGECACHE_TAG_DIRTY, PAGECACHE_TAG_WRITEBACK = range(2)

DIRECT_PTR = 1
NR_TAGS = 2
GFP_BITS_SHIFT = 20
GFP_BITS_MASK = (1 << GFP_BITS_SHIFT) - 1
SLOTS = 1 << RADIX_TREE_MAP_SHIFT

# The largest index of a tree, by its height. No tree is higher.
MAX_INDEX = tuple(min((1 << RADIX_TREE_MAP_SHIFT * height) - 1, 0xFFFFFFFF) for height in range(RADIX_TREE_MAX_PATH))

# Words of struct radix_tree_root and of struct radix_tree_node.
_HEIGHT, _GFP_MASK, _RNODE = range(3)
_COUNT = 1


class RadixTree:
    """All radix trees, each named by the address of its `struct radix_tree_root` in lowmem."""

    def __init__(self, w: Words, layout: Layout, traps: Traps, slab: SlabAllocator) -> None:
        self._w = w
        self._traps = traps
        self._slab = slab
        self._cachep = (layout.va("radix_tree_node_cachep") ^ 0xC0000000) >> 2
        self._preloads = (layout.va("radix_tree_preloads") ^ 0xC0000000) >> 2
        self._preload_words = layout["radix_tree_preload"].words
        self._slots = layout["radix_tree_node"].word("slots")
        self._tags = layout["radix_tree_node"].word("tags")

    def init_root(self, root: int, gfp_mask: int) -> None:
        """INIT_RADIX_TREE: an empty tree whose nodes are allocated with `gfp_mask`, which must not wait."""
        r = (root ^ 0xC0000000) >> 2
        self._w[r], self._w[r + _GFP_MASK], self._w[r + _RNODE] = 0, gfp_mask, 0

    # nodes

    def preload(self, gfp_mask: int) -> int:
        """radix_tree_preload: fill this CPU's pool of nodes for the next insert; 0 or -ENOMEM.

        With __GFP_WAIT it may end in mm.sched.Switch. What is in the pool stays there for whoever comes next.
        """
        w, pool = self._w, self._preloads + self._traps.cpu * self._preload_words
        while w[pool] < RADIX_TREE_MAX_PATH:
            node = self._slab.kmem_cache_zalloc(w[self._cachep], gfp_mask)
            if not node:
                return ENOMEM
            nr = w[pool]
            w[pool + 1 + nr] = node
            w[pool] = nr + 1
        return 0

    def _node_alloc(self, root: int, height: int) -> int:
        """A node of this height, from the cache, or where that has none from the pool; its address, or 0."""
        w = self._w
        gfp_mask = w[((root ^ 0xC0000000) >> 2) + _GFP_MASK] & GFP_BITS_MASK
        node = self._slab.kmem_cache_zalloc(w[self._cachep], gfp_mask)
        pool = self._preloads + self._traps.cpu * self._preload_words
        if not node and not gfp_mask & GFP_WAIT and w[pool]:
            nr = w[pool] - 1
            node = w[pool + 1 + nr]
            w[pool + 1 + nr], w[pool] = 0, nr
        if node:
            w[(node ^ 0xC0000000) >> 2] = height
        return node

    def _node_free(self, node: int) -> None:
        self._slab.kmem_cache_free(self._w[self._cachep], node)

    # finding

    def lookup(self, root: int, index: int) -> int:
        """The item at `index`, or 0."""
        w, r = self._w, (root ^ 0xC0000000) >> 2
        height, item = w[r], w[r + _RNODE]
        if not item or index > MAX_INDEX[height]:
            return 0
        if not height:
            return item & ~DIRECT_PTR
        shift = (height - 1) * RADIX_TREE_MAP_SHIFT
        while item and shift >= 0:
            item = w[((item ^ 0xC0000000) >> 2) + self._slots + (index >> shift & SLOTS - 1)]
            shift -= RADIX_TREE_MAP_SHIFT
        return item

    def items(self, root: int, first: int = 0, tag: int | None = None) -> Iterator[tuple[int, int]]:
        """(index, item) from index `first` on in order, with a tag only those that have it.

        The tree must not be changed meanwhile.
        """
        w, r = self._w, (root ^ 0xC0000000) >> 2
        height, item = w[r], w[r + _RNODE]
        if not item or first > MAX_INDEX[height]:
            return
        if height:
            yield from self._below(item, height, 0, first, tag)
        elif tag is None or self._root_tag(root, tag):
            yield 0, item & ~DIRECT_PTR

    def _below(self, node: int, height: int, base: int, first: int, tag: int | None) -> Iterator[tuple[int, int]]:
        """`items` of a node of this height, whose first index is `base`."""
        shift = (height - 1) * RADIX_TREE_MAP_SHIFT
        start = (node ^ 0xC0000000) >> 2
        slots = self._w[start + self._slots : start + self._slots + SLOTS].tolist()
        for offset in range(max(0, first - base) >> shift, SLOTS):
            if not slots[offset] or tag is not None and not self._tag(node, tag, offset):
                continue
            index = base + (offset << shift)
            if shift:
                yield from self._below(slots[offset], height - 1, index, first, tag)
            else:
                yield index, slots[offset]

    def gang_lookup(self, root: int, first: int, most: int, tag: int | None = None) -> list[int]:
        """Up to `most` items from index `first` on, with a tag only those that have it."""
        return [item for _, item in islice(self.items(root, first, tag), most)]

    # changing

    def insert(self, root: int, index: int, item: int) -> int:
        """Put an item at `index`: 0, -EEXIST where there is one, -ENOMEM. It never fails behind `preload`, but for a
        tree that grows and branches at once by more nodes than are in the pool, as in 2.6.20.
        """
        w, r = self._w, (root ^ 0xC0000000) >> 2
        if index > MAX_INDEX[w[r]] and not self._extend(root, index):
            self._shrink(root)
            return ENOMEM
        height, slot = w[r], r + _RNODE
        path: list[tuple[int, int]] = []
        for level in range(height, 0, -1):
            node = w[slot]
            if not node:
                node = self._node_alloc(root, level)
                if not node:
                    self._prune(root, path)
                    return ENOMEM
                w[slot] = node
                if path:
                    w[((path[-1][0] ^ 0xC0000000) >> 2) + _COUNT] += 1
            n = (node ^ 0xC0000000) >> 2
            offset = index >> (level - 1) * RADIX_TREE_MAP_SHIFT & SLOTS - 1
            path.append((node, offset))
            slot = n + self._slots + offset
        if w[slot]:
            return EEXIST
        if path:
            w[slot] = item
            w[((path[-1][0] ^ 0xC0000000) >> 2) + _COUNT] += 1
        else:
            w[slot] = item | DIRECT_PTR
        return 0

    def _extend(self, root: int, index: int) -> bool:
        """Make a tree high enough for `index`; False without memory."""
        w, r = self._w, (root ^ 0xC0000000) >> 2
        height = next(height for height, last in enumerate(MAX_INDEX) if index <= last)
        if not w[r + _RNODE]:
            w[r] = height
            return True
        while w[r] < height:
            node = self._node_alloc(root, w[r] + 1)
            if not node:
                return False
            n = (node ^ 0xC0000000) >> 2
            w[n + self._slots] = w[r + _RNODE] & ~DIRECT_PTR
            for tag in range(NR_TAGS):
                if self._root_tag(root, tag):
                    self._set_tag(node, tag, 0)
            w[n + _COUNT] = 1
            w[r], w[r + _RNODE] = w[r] + 1, node
        return True

    def delete(self, root: int, index: int) -> int:
        """Take the item at `index` out: the item, or 0."""
        w, r = self._w, (root ^ 0xC0000000) >> 2
        path, item = self._path(root, index)
        if not item:
            return 0
        for tag in range(NR_TAGS):
            self.tag_clear(root, index, tag)
        if not path:
            w[r + _RNODE] = 0
            return item
        node, offset = path[-1]
        n = (node ^ 0xC0000000) >> 2
        w[n + self._slots + offset] = 0
        w[n + _COUNT] -= 1
        self._prune(root, path)
        return item

    def _path(self, root: int, index: int) -> tuple[list[tuple[int, int]], int]:
        """The nodes on the way to `index`, each with the offset of the slot; and the item, or 0."""
        w, r = self._w, (root ^ 0xC0000000) >> 2
        height, item = w[r], w[r + _RNODE]
        path: list[tuple[int, int]] = []
        if not item or index > MAX_INDEX[height]:
            return path, 0
        if not height:
            return path, item & ~DIRECT_PTR
        for level in range(height - 1, -1, -1):
            offset = index >> level * RADIX_TREE_MAP_SHIFT & SLOTS - 1
            path.append((item, offset))
            item = w[((item ^ 0xC0000000) >> 2) + self._slots + offset]
            if not item:
                break
        return path, item

    def _prune(self, root: int, path: list[tuple[int, int]]) -> None:
        """Free the nodes at the end of a path that have nothing below them, then lower the tree."""
        w, r = self._w, (root ^ 0xC0000000) >> 2
        for depth in range(len(path) - 1, -1, -1):
            node = path[depth][0]
            if w[((node ^ 0xC0000000) >> 2) + _COUNT]:
                break
            if depth:
                parent, offset = path[depth - 1]
                p = (parent ^ 0xC0000000) >> 2
                w[p + self._slots + offset] = 0
                w[p + _COUNT] -= 1
            else:
                w[r + _RNODE] = 0
            self._node_free(node)
        self._shrink(root)

    def _shrink(self, root: int) -> None:
        """Lower a tree that has nothing but what hangs at the root's first slot."""
        w, r = self._w, (root ^ 0xC0000000) >> 2
        if not w[r + _RNODE]:
            w[r] = 0
        while height := w[r]:
            node = w[r + _RNODE]
            n = (node ^ 0xC0000000) >> 2
            below = w[n + self._slots]
            if w[n + _COUNT] != 1 or not below:
                break
            w[r], w[r + _RNODE] = height - 1, below | (DIRECT_PTR if height == 1 else 0)
            self._node_free(node)

    # tags

    def _tag(self, node: int, tag: int, offset: int) -> bool:
        i = ((node ^ 0xC0000000) >> 2) + self._tags + 2 * tag + (offset >> 5)
        return self._w[i] >> (offset & 31) & 1 != 0

    def _set_tag(self, node: int, tag: int, offset: int) -> None:
        self._w[((node ^ 0xC0000000) >> 2) + self._tags + 2 * tag + (offset >> 5)] |= 1 << (offset & 31)

    def _root_tag(self, root: int, tag: int) -> bool:
        return self._w[((root ^ 0xC0000000) >> 2) + _GFP_MASK] >> GFP_BITS_SHIFT + tag & 1 != 0

    def tag_get(self, root: int, index: int, tag: int) -> bool:
        """Whether a tag is set on the item at `index`."""
        path, item = self._path(root, index)
        if not path:
            return item != 0 and self._root_tag(root, tag)
        return item != 0 and self._tag(path[-1][0], tag, path[-1][1])

    def tagged(self, root: int, tag: int) -> bool:
        """Whether any item of a tree has the tag."""
        return self._root_tag(root, tag)

    def tag_set(self, root: int, index: int, tag: int) -> int:
        """Set a tag on the item at `index`, a BUG where there is none; the item."""
        path, item = self._path(root, index)
        if not item:
            self._traps.bug()
        for node, offset in path:
            self._set_tag(node, tag, offset)
        self._w[((root ^ 0xC0000000) >> 2) + _GFP_MASK] |= 1 << GFP_BITS_SHIFT + tag
        return item

    def tag_clear(self, root: int, index: int, tag: int) -> int:
        """Clear a tag of the item at `index`; the item, or 0 where there is none."""
        w = self._w
        path, item = self._path(root, index)
        if not item:
            return 0
        for node, offset in reversed(path):
            i = ((node ^ 0xC0000000) >> 2) + self._tags + 2 * tag
            w[i + (offset >> 5)] &= ~(1 << (offset & 31))
            if w[i] or w[i + 1]:
                return item
        w[((root ^ 0xC0000000) >> 2) + _GFP_MASK] &= ~(1 << GFP_BITS_SHIFT + tag)
        return item
