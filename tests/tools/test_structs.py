"""`struct` and `list`: the kernel's and a program's structures, and lists that are broken on purpose."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guest import cc
from guest.elf import read
from guest.kernel import Kernel
from mm.gfp import GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.list import LIST_POISON1
from mm.list_walk import HLIST, POINTER, ListWalk
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

PROGRAM = r"""
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>
enum state { IDLE, BUSY };
struct item {
	int number;
	struct list_head link;
	enum state state;
	const char *label;
	unsigned low:3, high:5;
	union { long left; long right; };
	char name[8];
	unsigned char bytes[4];
	struct { short x, y; } place[2];
	int (*call)(int);
};
LIST_HEAD(items);
int counts[3] = { 1, 2, 3 };
struct item *first, *item;
int twice(int n) { return 2 * n; }
int main(void)
{
	int i;
	for (i = 0; i < 5; i++) {
		struct item *item = kzalloc(sizeof(*item), GFP_KERNEL);
		item->number = -i;
		item->state = i & 1;
		item->label = "a \"label\"";
		item->low = i;
		item->high = 31;
		item->left = 7;
		item->name[0] = 'n';
		item->bytes[2] = 255;
		item->place[1].y = -3;
		item->call = twice;
		first = item;
		list_add_tail(&item->link, &items);
	}
	*(volatile int *)0 = 0;
	return 0;
}
"""


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    options = BootOptions(ram=64 << 20)
    source = tmp_path_factory.mktemp("program") / "items.c"
    source.write_text(PROGRAM)
    with Kernel.boot(options) as kernel:
        assert kernel.run(read(cc.build([source], options.layout)), ["items"]) == 137  # it stays loaded
        yield Monitor(kernel)


def text(monitor: Monitor, line: str) -> str:
    return monitor.execute(line).text


# struct


def test_a_type(monitor: Monitor) -> None:
    layout = monitor.session.kernel.layout
    lines = text(monitor, "struct -o page").splitlines()
    assert lines[0] == "struct page {" and lines[-2:] == ["}", f"SIZE: {layout['page'].size}"]
    expected = [(field.offset, name) for name, field in layout["page"].fields.items()]
    assert [(int(line.split("]")[0].strip(" [")), line.split()[-1].strip("*;")) for line in lines[1:-2]] == expected
    assert text(monitor, "struct struct list_head") == (
        "struct list_head {\n    struct list_head *next;\n    struct list_head *prev;\n}\nSIZE: 8\n"
    )
    assert "  [0x18] struct list_head lru;\n" in text(monitor, "struct -o -x page")
    address = monitor.session.address("mem_map")
    assert f"  [{address + 24:08x}] struct list_head lru;\n" in text(monitor, "struct -o page mem_map")


def test_every_struct_of_the_kernel(monitor: Monitor) -> None:
    layout = monitor.session.kernel.layout
    for name, struct in layout.structs.items():
        (view,) = monitor.execute(f"struct {name} kernel_strings").result.views
        assert view.size == struct.size
        members = [(row.name, row.offset) for row in view.row.members]
        assert members == [(field.name, field.offset) for field in struct.fields.values()]


def test_values(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    out = text(monitor, "struct task_struct.comm,pid,parent,prio init_task")
    parent = kernel.layout.va("init_task")
    assert out == f'  comm = "swapper"\n  pid = 0\n  parent = {parent:#x} <init_task>\n  prio = 120\n'
    assert text(monitor, "struct task_struct.prio -x init_task") == "  prio = 0x78\n"
    chain = kernel.vm.word(kernel.layout.va("cache_chain"))
    offset = kernel.layout["kmem_cache"].offset("next")
    assert text(monitor, f"struct kmem_cache.name -l next {chain:x}") == text(
        monitor, f"struct kmem_cache.name {chain - offset:x}"
    )
    one, two = monitor.execute("struct page.flags c1000000 2").result.views
    assert two.address - one.address == kernel.layout["page"].size
    pa = kernel.layout.va("init_task") - PAGE_OFFSET
    assert text(monitor, f"struct -p task_struct.comm {pa:x}") == '  comm = "swapper"\n'
    assert monitor.execute("struct zone.free_area[3].nr_free contig_page_data").result.views[0].row.value == (
        kernel.vm.word(kernel.layout.va("contig_page_data") + kernel.layout["zone"].offset("free_area") + 3 * 12 + 8)
    )
    assert text(monitor, "struct int[12] empty_zero_page").endswith("\n{0 <repeats 12 times>}\n")


def test_variables(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    for name, symbol in kernel.layout.symbols.items():
        if symbol.ctype:
            (view,) = monitor.execute(f"struct {name}").result.views
            assert view.address == symbol.va and 0 < view.size <= symbol.size, name
    address = kernel.layout.va("mem_map")
    assert text(monitor, "struct mem_map") == f"struct page * at {address:08x}\n{kernel.vm.word(address):#x}\n"
    assert text(monitor, "struct *mem_map.flags") == text(monitor, "struct page.flags c1000000")
    assert text(monitor, "struct malloc_sizes[1].cs_size") == "  [1].cs_size = 0x40\n"
    assert text(monitor, "struct counts") == f"int [3] at {monitor.session.address('counts'):08x}\n{{1, 2, 3}}\n"
    assert text(monitor, "struct counts[2]") == "  [2] = 3\n"
    assert text(monitor, "struct *first.number,state") == "  number = -4\n  state = IDLE\n"
    assert text(monitor, "struct item") == text(monitor, "struct struct item")  # a type goes before a variable
    for line, complaint in (
        ("struct *init_mm", "init_mm is no pointer: it is struct mm_struct"), ("struct **mem_map", "struct page"),
        ("struct kswapd", "no type is called 'kswapd'"), ("struct counts[3]", "has 3 elements"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=complaint):
            monitor.execute(line)


def test_a_programs_struct(monitor: Monitor) -> None:
    declared = text(monitor, "struct item")
    assert "    unsigned int low : 3;\n    unsigned int high : 5;\n" in declared
    assert "    union {\n        long left;\n        long right;\n    };\n" in declared
    assert "    struct {\n        short x;\n        short y;\n    } place[2];\n" in declared
    assert "    int (*call)(int);\n" in declared and "    enum state state;\n" in declared
    shown = text(monitor, "list item.link items -s number,state,label,low,high,left,name,bytes,place,call -n 2")
    second = shown[shown.index("  number = -1") :]
    assert second.startswith("  number = -1\n  state = BUSY\n  label = 0x") and '"a \\"label\\""\n' in second
    assert '  low = 0x1\n  high = 0x1f\n  left = 7\n  name = "n"\n  bytes = {0x0, 0x0, 0xff, 0x0}\n' in second
    assert "    [1] = {\n      x = 0,\n      y = -3\n    }\n" in second and "<twice>\n" in second
    assert shown.endswith("... 3 more\n5 entries\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("struct", "a type is missing"), ("struct pagge", "no type is called 'pagge'; there is page"),
        ("struct page.nothing", "has no member nothing"), ("struct page -l lru", "-l is of no use"),
        ("struct page kmalloc 0", "count must be 1"), ("struct page -x -d", "exclude"),
        ("struct page nowhere", "no symbol"), ("struct page 10000000", "Cannot access memory"),
        ("list page.lru", "address of the head is missing"), ("list page 0", "which member"),
        ("list page.flags kmalloc", "no list_head"), ("list page.lru 10000000", "Cannot access memory"),
        ("list page.lru kmalloc -s nothing", "no member nothing"), ("list", "which list"),
    ],
)  # fmt: skip
def test_mistakes(monitor: Monitor, line: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        monitor.execute(line)


def test_json(monitor: Monitor) -> None:
    out, err = io.StringIO(), io.StringIO()
    lines = ["struct page mem_map", "list task_struct.tasks -h init_task -s comm"]
    assert monitor.answer_all(lines, out, err, as_json=True), err.getvalue()
    page, tasks = (json.loads(line)["result"] for line in out.getvalue().splitlines())
    assert page["views"][0]["row"]["members"][0]["name"] == "flags"
    assert [entry["members"][0]["value"] for entry in tasks["entries"]][0] == "kswapd0" and tasks["broken"] is None


# lists in order


def test_lists_of_the_kernel(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    found = monitor.execute("list kmem_cache.next cache_chain").result
    assert [entry.address for entry in found.entries] == list(kernel.slab_caches())
    tasks = monitor.execute("list task_struct.tasks -h init_task").result
    assert [entry.address for entry in tasks.entries] == list(kernel.tasks.each())
    areas = monitor.execute("list vm_struct.next vmlist").result
    assert [entry.address for entry in areas.entries] == [area.vm_struct for area in kernel.vmallocinfo()]
    assert areas.kind == "pointer"
    empty = monitor.execute("list inode.i_list inode_unused")
    assert empty.text == "0 entries\n" and not empty.failed


def test_a_very_long_list() -> None:
    """Any length: 100,000 entries, and one of them broken."""
    with Kernel.boot(BootOptions(ram=128 << 20)) as kernel:
        start, count = 0x4000000, 100_000
        words = kernel.ram.words
        for n in range(count + 1):
            at = (start + 8 * n) >> 2
            words[at] = PAGE_OFFSET + start + 8 * ((n + 1) % (count + 1))
            words[at + 1] = PAGE_OFFSET + start + 8 * ((n - 1) % (count + 1))
        monitor = Monitor(kernel)
        assert monitor.execute(f"list -n 3 list_head.next {PAGE_OFFSET + start:x}").result.kind == "pointer"
        line = f"list -n 3 wait_queue_head.task_list {PAGE_OFFSET + start:x}"
        answer = monitor.execute(line)
        assert (answer.result.count, answer.failed, len(answer.result.entries)) == (count, False, 3)
        words[(start + 8 * 70_000) >> 2] = LIST_POISON1
        broken = monitor.execute(line).result.broken
        assert (broken.entry, broken.word) == (70_000, PAGE_OFFSET + start + 8 * 70_000)
        assert broken.backward == count - 70_000 and "LIST_POISON1" in broken.why


# lists that are broken

HEAD, SIZE = 0xC1000000, 16


class Memory:
    """Some words at random places, and a circular list over them."""

    def __init__(self, count: int, seed: int) -> None:
        places = random.Random(seed).sample(range(1, 4096), count)
        self.nodes = [HEAD + SIZE * place for place in places]
        self.words: dict[int, int] = {}
        ring = [HEAD, *self.nodes]
        for at, following in zip(ring, [*self.nodes, HEAD]):
            self.words[at], self.words[following + 4] = following, at

    def walk(self) -> tuple[list[int], ListWalk]:
        walk = ListWalk(self.words.get, HEAD)
        return list(walk), walk


@given(st.integers(0, 40), st.integers(0, 1000))
def test_in_order(count: int, seed: int) -> None:
    memory = Memory(count, seed)
    found, walk = memory.walk()
    assert found == memory.nodes and walk.broken is None


WRONG = {
    "NULL": lambda memory, at: 0,
    "LIST_POISON1": lambda memory, at: LIST_POISON1,
    "POISON_FREE": lambda memory, at: 0x6B6B6B6B,
    "word boundary": lambda memory, at: memory.words[at] + 1,
    "no memory": lambda memory, at: 0x10000000,
}


@given(st.integers(1, 40), st.integers(0, 1000), st.data())
def test_one_pointer_is_wrong(count: int, seed: int, data: st.DataObject) -> None:
    """The first broken link is the one that was broken, whatever is in it."""
    memory = Memory(count, seed)
    number = data.draw(st.integers(-1, count - 1))  # -1 is the head
    why = data.draw(st.sampled_from(sorted(WRONG)))
    is_next = data.draw(st.booleans())
    node = memory.nodes[number] if number >= 0 else HEAD
    word = node if is_next else node + 4
    memory.words[word] = WRONG[why](memory, word)
    found, walk = memory.walk()
    broken = walk.broken
    assert broken is not None
    assert (broken.word, broken.name, broken.value) == (word, "next" if is_next else "prev", memory.words[word])
    good = number + 1 if is_next else number if number >= 0 else count  # the head's prev is looked at last
    assert found == memory.nodes[:good] and broken.entry == good
    assert why in broken.why and broken.at == node
    if is_next:
        assert broken.backward == count - good


@given(st.integers(3, 40), st.integers(0, 1000), st.data())
def test_a_cycle(count: int, seed: int, data: st.DataObject) -> None:
    """A next pointer that leads back, also where the entry there agrees: the walk ends and says where it leads."""
    memory = Memory(count, seed)
    here = data.draw(st.integers(1, count - 1))
    back = data.draw(st.integers(0, here))
    memory.words[memory.nodes[here]] = memory.nodes[back]
    if data.draw(st.booleans()):
        memory.words[memory.nodes[back] + 4] = memory.nodes[here]
    found, walk = memory.walk()
    assert walk.broken is not None and len(found) <= count
    assert len(found) == len(set(found)) and found == memory.nodes[: len(found)]
    if len(found) == here + 1:
        assert f"leads back to entry {back}" in walk.broken.why


def test_an_entry_that_was_initialised_again() -> None:
    memory = Memory(5, 1)
    node = memory.nodes[2]
    memory.words[node] = memory.words[node + 4] = node
    found, walk = memory.walk()
    assert found == memory.nodes[:2] and walk.broken and "a list of its own" in walk.broken.why
    assert walk.broken.backward == 2


def test_two_lists_that_are_mixed() -> None:
    """list_del of one without unlinking the other: prev tells of an entry further back."""
    memory = Memory(6, 2)
    memory.words[memory.nodes[4] + 4] = memory.nodes[1]
    found, walk = memory.walk()
    assert len(found) == 4 and walk.broken and "it leads to entry 1" in walk.broken.why


def test_chains() -> None:
    words = {100: 1000, 1000: 2000, 1004: 100, 2000: 3000, 2004: 1000, 3000: 0, 3004: 2000}
    for kind in (HLIST, POINTER):
        walk = ListWalk(words.get, 100, kind)
        assert list(walk) == [1000, 2000, 3000] and walk.broken is None
    words[3004] = 4
    walk = ListWalk(words.get, 100, HLIST)
    assert list(walk) == [1000, 2000] and walk.broken and (walk.broken.word, walk.broken.name) == (3004, "pprev")
    words[3000] = 1000
    walk = ListWalk(words.get, 100, POINTER)
    assert list(walk) == [1000, 2000, 3000] and walk.broken and "back to entry 0" in walk.broken.why
    words[2000] = 0x6B6B6B6B
    walk = ListWalk(words.get, 100, POINTER)
    assert list(walk) == [1000, 2000] and walk.broken and "freed" in walk.broken.why


def test_a_broken_list_in_a_machine(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    vm = kernel.vm
    head = vm.word(kernel.symbol("items") or 0)
    third = vm.word(vm.word(head))
    saved = vm.word(third)
    vm.set_word(third, LIST_POISON1)
    answer = monitor.execute("list item.link items")
    assert answer.failed and answer.result.count == 3 and answer.result.broken.word == third
    assert answer.text.endswith(
        f"broken after 3 entries: next of entry 2, the struct item at {third - 4:08x},\n"
        f"  the word at {third:08x}, is 00100100\n"
        "  LIST_POISON1: list_del has taken it out of its list\n"
        "  from the other end 2 entries are in order\n"
    )
    vm.set_word(third, saved)
    assert not monitor.execute("list item.link items").failed


def test_on_a_saved_machine(monitor: Monitor, tmp_path: Path) -> None:
    kernel = monitor.session.kernel
    kernel.save(tmp_path / "image")
    lines = [
        "struct page mem_map", "struct task_struct init_task", "list kmem_cache.next cache_chain -s name", "bt all",
        "list vm_struct.next vmlist", "pagewalk", "aliases 100", "pgcost", "rd mem_map 8", "struct item", "sym main",
        "list item.link items -s number", "dis main", "telescope init_task", "hexdump -p 100000", "search -c swapper",
    ]  # fmt: skip
    with Kernel.open(tmp_path / "image") as other:
        again = Monitor(other)
        for line in lines:
            assert again.execute(line).text == text(monitor, line), line


def test_a_kmalloc_list(monitor: Monitor) -> None:
    """An hlist, as an inode's hash chain has it."""
    kernel = monitor.session.kernel
    head, *nodes = (kernel.slab.kmalloc(32, GFP_KERNEL) for _ in range(4))
    chain = [head, *nodes]
    for at, following in zip(chain, [*nodes, 0]):
        kernel.vm.set_word(at, following)
        if following:
            kernel.vm.set_word(following + 4, at)
    found = monitor.execute(f"list inode.i_hash {head:x}").result
    offset = kernel.layout["inode"].offset("i_hash")
    assert (found.kind, [entry.address for entry in found.entries]) == (HLIST, [node - offset for node in nodes])
