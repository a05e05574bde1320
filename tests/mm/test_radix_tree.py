"""Radix trees beside a dict, and what they cost in nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from guest.kernel import Kernel
from mm.errors import KernelBug
from mm.gfp import GFP_ATOMIC, GFP_KERNEL
from mm.layout import PAGE_OFFSET, RADIX_TREE_MAX_PATH
from mm.radix_tree import EEXIST, ENOMEM, MAX_INDEX, RadixTree
from mm.setup import BootOptions
from mm.vmstat import SlabInfo

LAST = 0xFFFFFFFF
INDEXES = st.one_of(
    st.integers(0, 5), st.integers(60, 70), st.integers(4090, 4100), st.integers(0, LAST),
    st.sampled_from((LAST, LAST - 1, 1 << 30, (1 << 30) - 1, 1 << 24, 1 << 18)),
)  # fmt: skip
TAGS = st.integers(0, 1)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=64 << 20)) as machine:
        yield machine


def nodes(kernel: Kernel) -> int:
    """Nodes that are allocated: those of trees and of the pools."""
    cache = kernel.ram.words[kernel.layout.va("radix_tree_node_cachep") - PAGE_OFFSET >> 2]
    row: SlabInfo = next(r for r in kernel.slabinfo() if r.name == "radix_tree_node")
    array = kernel.ram.words[cache - PAGE_OFFSET >> 2]
    return row.active_objs - kernel.ram.words[array - PAGE_OFFSET >> 2] - row.sharedavail


def new_root(kernel: Kernel) -> int:
    root = kernel.slab.kmalloc(kernel.layout["radix_tree_root"].size, GFP_KERNEL)
    kernel.radix.init_root(root, GFP_ATOMIC)
    return root


class Tree(RuleBasedStateMachine):
    """Any changes of a tree; the model is a dict of items and a set of tags."""

    kernel: Kernel

    def __init__(self) -> None:
        super().__init__()
        self.radix: RadixTree = self.kernel.radix
        self.root = new_root(self.kernel)
        self.items: dict[int, int] = {}
        self.tags: set[tuple[int, int]] = set()
        self.radix.preload(GFP_KERNEL)
        self.nodes = nodes(self.kernel)

    def teardown(self) -> None:
        for index in list(self.items):
            assert self.radix.delete(self.root, index) == self.items.pop(index)
        assert self.kernel.ram.words[self.root - PAGE_OFFSET >> 2 :][:3].tolist() == [0, GFP_ATOMIC, 0]
        assert nodes(self.kernel) == self.nodes
        self.kernel.slab.kfree(self.root)

    @invariant()
    def same(self) -> None:
        assert list(self.radix.items(self.root)) == sorted(self.items.items())
        for tag in range(2):
            tagged = sorted((i, self.items[i]) for i, t in self.tags if t == tag)
            assert list(self.radix.items(self.root, 0, tag)) == tagged
            assert self.radix.tagged(self.root, tag) == bool(tagged)
        height = self.kernel.ram.words[self.root - PAGE_OFFSET >> 2]
        assert max(self.items, default=0) <= MAX_INDEX[height]

    @rule(index=INDEXES)
    def insert(self, index: int) -> None:
        item = PAGE_OFFSET + 4 * len(self.items) + 4
        expected = EEXIST if index in self.items else 0
        assert self.radix.insert(self.root, index, item) == expected
        self.items.setdefault(index, item)

    @rule(start=INDEXES, count=st.integers(1, 70))
    def insert_run(self, start: int, count: int) -> None:
        for index in range(start, min(start + count, LAST + 1)):
            self.insert(index)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        index = data.draw(st.one_of(INDEXES, st.sampled_from(sorted(self.items) or [0])))
        assert self.radix.delete(self.root, index) == self.items.pop(index, 0)
        self.tags -= {(index, 0), (index, 1)}

    @rule(start=INDEXES, count=st.integers(1, 70))
    def delete_run(self, start: int, count: int) -> None:
        for index, item in self.radix.items(self.root, start):
            if index >= start + count:
                break
            assert self.items[index] == item
        for index in range(start, start + count):
            assert self.radix.delete(self.root, index) == self.items.pop(index, 0)
            self.tags -= {(index, 0), (index, 1)}

    @rule(data=st.data(), tag=TAGS)
    def tag_set(self, data: st.DataObject, tag: int) -> None:
        if self.items:
            index = data.draw(st.sampled_from(sorted(self.items)))
            assert self.radix.tag_set(self.root, index, tag) == self.items[index]
            self.tags.add((index, tag))

    @rule(data=st.data(), tag=TAGS)
    def tag_clear(self, data: st.DataObject, tag: int) -> None:
        index = data.draw(st.one_of(INDEXES, st.sampled_from(sorted(self.items) or [0])))
        assert self.radix.tag_clear(self.root, index, tag) == self.items.get(index, 0)
        self.tags.discard((index, tag))

    @rule(index=INDEXES, tag=TAGS)
    def look(self, index: int, tag: int) -> None:
        assert self.radix.lookup(self.root, index) == self.items.get(index, 0)
        assert self.radix.tag_get(self.root, index, tag) == ((index, tag) in self.tags)

    @rule(first=INDEXES, most=st.integers(0, 20), tag=st.sampled_from((None, 0, 1)))
    def gang_lookup(self, first: int, most: int, tag: int | None) -> None:
        expected = [item for index, item in sorted(self.items.items())
                    if index >= first and (tag is None or (index, tag) in self.tags)]  # fmt: skip
        assert self.radix.gang_lookup(self.root, first, most, tag) == expected[:most]


def test_beside_a_dict(kernel: Kernel) -> None:
    machine = type("TreeOfThisKernel", (Tree,), {"kernel": kernel})
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=30))


def test_form(kernel: Kernel) -> None:
    """The words of small trees, as 2.6.20 has them."""
    radix, w, root = kernel.radix, kernel.ram.words, new_root(kernel)
    r = root - PAGE_OFFSET >> 2
    before = nodes(kernel)
    radix.insert(root, 0, 0xC1234560)
    assert w[r : r + 3].tolist() == [0, GFP_ATOMIC, 0xC1234561]  # no node: the item itself, marked
    radix.tag_set(root, 0, 1)
    radix.insert(root, 65, 0xC7654320)
    top = w[r + 2] - PAGE_OFFSET >> 2
    slots = kernel.layout["radix_tree_node"].word("slots")
    assert w[r] == w[top] == 2 and w[top + 1] == 2 and nodes(kernel) - before == 3
    first, second = (w[top + slots + n] - PAGE_OFFSET >> 2 for n in range(2))
    assert (w[first + slots], w[second + slots + 1]) == (0xC1234560, 0xC7654320)
    assert w[r + 1] == GFP_ATOMIC | 1 << 21
    assert w[top + 2 : top + 4].tolist() == [0, 0]
    radix.delete(root, 65)
    assert w[r : r + 3].tolist() == [0, GFP_ATOMIC | 1 << 21, 0xC1234561] and nodes(kernel) == before
    radix.delete(root, 0)
    assert w[r : r + 3].tolist() == [0, GFP_ATOMIC, 0]


def test_a_tag_on_nothing_is_a_bug(kernel: Kernel) -> None:
    with pytest.raises(KernelBug):
        kernel.radix.tag_set(new_root(kernel), 3, 0)


def test_preload(kernel: Kernel) -> None:
    """Behind a preload a branch can be made where the cache has no more nodes; without memory nothing is half made."""
    radix, root = kernel.radix, new_root(kernel)
    taken = []
    assert radix.preload(GFP_KERNEL) == 0
    while page := kernel.page_alloc.alloc_pages(GFP_ATOMIC, 0):
        taken.append(page)
    spare = []
    cache = kernel.ram.words[kernel.layout.va("radix_tree_node_cachep") - PAGE_OFFSET >> 2]
    while node := kernel.slab.kmem_cache_alloc(cache, GFP_ATOMIC):
        spare.append(node)
    pool = kernel.layout.va("radix_tree_preloads") - PAGE_OFFSET >> 2
    assert kernel.ram.words[pool] == RADIX_TREE_MAX_PATH == 7
    assert radix.insert(root, LAST, 0xC0000010) == 0 and kernel.ram.words[pool] == 1
    assert radix.insert(root, 0, 0xC0000020) == ENOMEM and kernel.ram.words[pool] == 0  # what it took is in the cache
    assert list(radix.items(root)) == [(LAST, 0xC0000010)]
    assert radix.preload(GFP_ATOMIC) == ENOMEM and kernel.ram.words[pool] == 1
    for node in spare[:3]:
        kernel.slab.kmem_cache_free(cache, node)
    assert radix.preload(GFP_ATOMIC) == ENOMEM and kernel.ram.words[pool] == 4
    radix.delete(root, LAST)
    assert radix.insert(root, 0, 0xC0000020) == 0
    assert radix.preload(GFP_ATOMIC) == 0
    radix.delete(root, 0)
    for node in spare[3:]:
        kernel.slab.kmem_cache_free(cache, node)
    for page in taken:
        kernel.page_alloc._free_pages(page, 0)
