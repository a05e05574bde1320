"""The history of allocations: what a program's calls leave in it, its limits, and a machine that was saved."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guest import elf, history
from guest.kernel import Kernel
from hw.errors import ImageError
from mm.gfp import GFP_ATOMIC, GFP_HIGHUSER, GFP_KERNEL
from mm.owner import Site
from mm.setup import BootOptions
from tests.mm.owner_checks import check_addresses, check_frames

PROGRAM = """\
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/highmem.h>

void *object, *freed, *area, *window;

static void *make(int size)
{
	return kmalloc(size, GFP_KERNEL);
}

int main(void)
{
	object = make(100);
	freed = make(3000);
	kfree(freed);
	area = vmalloc(20000);
	window = kmap(alloc_page(GFP_HIGHUSER));
	BUG();
	return 0;
}
"""


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=48 << 20, vmalloc=(1 << 30) - (32 << 20))) as kernel:
        kernel.record_history()
        yield kernel


def test_a_program(kernel: Kernel, build: Callable[..., Path]) -> None:
    path = build(PROGRAM)
    kernel.run(elf.read(path, "program.c"), ["program.c"])
    assert kernel.history is not None

    def pointer(name: str) -> tuple[int, Site | None, Site | None]:
        va = kernel.symbol(name)
        assert va is not None
        address = kernel.vm.word(va)
        assert kernel.history is not None
        return address, *kernel.history.pointer(address)

    def line(site: Site | None) -> tuple[str, int]:
        assert site is not None and site.pid == 2 and site.cpu == 0
        found = kernel.symbols.line(site.address - 1)
        assert found is not None
        return found[0].rpartition("/")[2], found[1]

    _, allocated, freed = pointer("object")
    assert line(allocated) == ("program.c", 9) and allocated and allocated.size == 100 and freed is None
    _, allocated, freed = pointer("freed")
    assert allocated is None and line(freed) == ("program.c", 16)
    area, allocated, _ = pointer("area")
    assert line(allocated) == ("program.c", 17) and allocated and allocated.size == 20000
    window, allocated, _ = pointer("window")
    assert line(allocated) == ("program.c", 18)
    owner = kernel.owners.linear(window)
    assert owner.allocated == allocated and owner.behind and line(owner.behind.allocated)[1] == 18
    guard = kernel.owners.linear(area + 20480)
    assert guard.kind == "guard page" and line(guard.allocated) == ("program.c", 17)
    check_frames(kernel, random.Random(1))
    check_addresses(kernel, random.Random(1))


def test_blocks_of_pages(kernel: Kernel) -> None:
    assert kernel.history is not None
    kernel.traps.caller = 0xC0101000
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL, 3)
    pfn = kernel.page_alloc.page_to_pfn(page)
    for n in range(8):
        allocated, freed = kernel.history.pages(pfn + n)
        assert allocated and allocated.address == 0xC0101000
    assert kernel.history.pages(pfn + 8)[0] != allocated
    kernel.traps.caller = 0xC0101010
    kernel.page_alloc._free_pages(page, 3)
    kernel.traps.caller = 0
    allocated, freed = kernel.history.pages(pfn + 5)
    assert allocated is None and freed and freed.address == 0xC0101010


def test_it_is_bounded(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 10)
    known = history.History(kernel.events, kernel._w, kernel.layout, kernel.traps, kernel.clock)
    objects = [kernel.slab.kmalloc(64, GFP_KERNEL) for _ in range(20)]
    assert [known.pointer(va)[0] is not None for va in objects] == [False] * 10 + [True] * 10
    kernel.slab.kfree(objects[10])  # the newest now
    kernel.slab.kmalloc(2000, GFP_KERNEL)
    assert known.pointer(objects[10])[1] is not None and known.pointer(objects[11])[0] is None
    known.close()
    kernel.slab.kfree(objects[15])
    assert known.pointer(objects[15])[0] is not None


def test_a_saved_machine(kernel: Kernel, tmp_path: Path) -> None:
    kernel.traps.caller = 0xC0101020
    va = kernel.slab.kmalloc(100, GFP_KERNEL)
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    kernel.traps.caller = 0
    assert kernel.history is not None
    pfn = kernel.page_alloc.page_to_pfn(page)
    before = kernel.history.pointer(va), kernel.history.pages(pfn), kernel.owners.linear(va)
    kernel.save(tmp_path / "image")
    with Kernel.open(tmp_path / "image") as again:
        assert again.history is not None
        assert (again.history.pointer(va), again.history.pages(pfn), again.owners.linear(va)) == before
        again.slab.kfree(va)
        assert again.history.pointer(va)[0] is None
        with pytest.raises(ImageError, match="the history of a saved machine"):
            again.history.load(b"nothing")


def test_a_wild_stack_pointer_changes_nothing(kernel: Kernel) -> None:
    """Who listens must not fall over what the machine itself survives."""
    assert kernel.history is not None
    before, kernel.traps.esp = kernel.traps.esp, 0x1000
    va = kernel.slab.kmalloc(100, GFP_ATOMIC)
    kernel.traps.esp = before
    allocated, _ = kernel.history.pointer(va)
    assert allocated and allocated.pid == 0


def test_nothing_is_known_where_it_is_off() -> None:
    with Kernel.boot(BootOptions(ram=32 << 20)) as kernel:
        va = kernel.slab.kmalloc(100, GFP_KERNEL)
        assert kernel.history is None and kernel.events.kmalloc is None
        assert kernel.owners.linear(va).allocated is None
