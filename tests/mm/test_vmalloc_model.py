"""vmalloc space against a model: where first fit puts an area, what it maps, and whose every frame is."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guest.kernel import Kernel
from mm.fsck import fsck
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.pgtable import PAGE_KERNEL
from mm.setup import BootOptions
from mm.vmalloc import VM_ALLOC, VM_IOREMAP, VM_MAP, VM_USERMAP, VM_VPAGES

MB = 1 << 20
PAGE = 4096
MOST_PAGES = 4000


@dataclass
class Area:
    """size: with the guard page. pages: how many of its own. shown: the frames of somebody else. array: the address of
    the area that its pages array has.
    """

    addr: int
    size: int
    flags: int
    pages: int = 0
    phys_addr: int = 0
    shown: list[int] | None = None
    array: int = 0


class Model:
    """What there must be after each call."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.start, self.end = kernel.vmalloc.start, kernel.vmalloc.end
        self.areas: dict[int, Area] = {}
        self.held: list[int] = []  # struct pages

    # the reference

    def first_fit(self, size: int, flags: int = 0) -> int:
        """The lowest address at which `size` bytes and a guard page are free; 0 where none is."""
        align = 1
        if flags & VM_IOREMAP:
            while align <= size and align < 512 << 10 or align < PAGE:
                align *= 2
        size = -(-size // PAGE) * PAGE + PAGE
        for at in sorted([self.start, *(area.addr + area.size for area in self.areas.values())]):
            at = -(-at // align) * align
            if at + size <= self.end and all(
                at + size <= area.addr or area.addr + area.size <= at for area in self.areas.values()
            ):
                return at
        return 0

    def _new(self, got: int, size: int, flags: int, **more: object) -> None:
        expected = self.first_fit(size, flags)
        assert got == expected
        if got:
            self.areas[got] = Area(got, -(-size // PAGE) * PAGE + PAGE, flags, **more)  # type: ignore[arg-type]

    def own_pages(self) -> int:
        return sum(area.pages for area in self.areas.values())

    def check(self) -> None:
        """The areas, the frames, and fsck."""
        kernel = self.kernel
        found = [
            (a.addr, a.size, a.flags, a.nr_pages, a.phys_addr) for a in kernel.vmallocinfo()
        ]
        assert found == [
            (a.addr, a.size, a.flags, a.pages, a.phys_addr) for _, a in sorted(self.areas.items())
        ]
        report = fsck(kernel.ram)
        assert report.damages == []
        assert report.frames.get("vmalloc", 0) == self.own_pages()
        assert report.frames.get("in use", 0) == len(self.held)
        for area in self.areas.values():
            step = PAGE if area.shown is not None or area.pages else area.size - PAGE
            mapped = [kernel.tables.translate(at) for at in range(area.addr, area.addr + area.size, step)]
            if area.shown is not None:
                assert mapped == [*(pfn << 12 for pfn in area.shown), None]
            else:
                assert mapped[-1] is None and mapped.count(None) == len(mapped) - area.pages
                assert len(set(mapped)) == area.pages + 1

    # the calls

    def vmalloc(self, pages: int, how: int) -> None:
        if self.own_pages() + pages > MOST_PAGES:
            return
        vmalloc = self.kernel.vmalloc
        call = (vmalloc.vmalloc, vmalloc.vmalloc_32, vmalloc.vmalloc_user, vmalloc.vmalloc_exec, vmalloc.vzalloc)[how]
        flags = VM_ALLOC | (VM_USERMAP if how == 2 else 0) | (VM_VPAGES if pages > 1024 else 0)
        got = call(pages * PAGE - how)
        self._new(got, pages * PAGE, flags, pages=pages)
        if pages > 1024:
            table = self.first_fit(4 * pages)
            self._new(table, 4 * pages, VM_ALLOC, pages=-(-4 * pages // PAGE))
            self.areas[got].array = table
        if how in (2, 4):
            assert not any(self.kernel.vm.read(got, pages * PAGE - how))
        self.kernel.vm.write(got, b"\xa5" * (pages * PAGE))

    def _any(self, index: int, flag: int) -> Area | None:
        arrays = {area.array for area in self.areas.values()}
        mine = [area for area in self.areas.values() if area.flags & flag and area.addr not in arrays]
        return mine[index % len(mine)] if mine else None

    def vfree(self, index: int) -> None:
        if area := self._any(index, VM_ALLOC):
            self.kernel.vmalloc.vfree(area.addr)
            del self.areas[area.addr]
            self.areas.pop(area.array, None)

    def page(self, count: int) -> None:
        while len(self.held) < count:
            self.held.append(self.kernel.page_alloc.alloc_pages((GFP_KERNEL, GFP_HIGHUSER)[len(self.held) & 1], 0))

    def vmap(self, count: int, first: int) -> None:
        self.page(count)
        pages = [self.held[(first + n) % len(self.held)] for n in range(count)]
        va = self.kernel.slab.kmalloc(4 * count, GFP_KERNEL)
        self.kernel.vm.write(va, array("I", pages).tobytes())
        got = self.kernel.vmalloc.vmap(va, count, VM_MAP, PAGE_KERNEL)
        self.kernel.slab.kfree(va)
        self._new(got, count * PAGE, VM_MAP, shown=[self.kernel.page_alloc.page_to_pfn(page) for page in pages])
        assert [self.kernel.vmalloc.vmalloc_to_page(got + n * PAGE) for n in range(count)] == pages

    def vunmap(self, index: int, free: bool) -> None:
        if area := self._any(index, VM_MAP):
            (self.kernel.vmalloc.vfree if free else self.kernel.vmalloc.vunmap)(area.addr)
            del self.areas[area.addr]

    def ioremap(self, phys: int, size: int, nocache: bool) -> None:
        io = self.kernel.ioremap
        got = (io.ioremap_nocache if nocache else io.ioremap)(phys, size)
        if phys + size > 1 << 32 or phys >> 12 < self.kernel.limits.max_low_pfn:
            assert got == 0
            return
        first, last = phys >> 12, phys + size - 1 >> 12
        flags = VM_IOREMAP | (0x10 << 20 if nocache else 0)
        self._new(
            got and got - phys % PAGE, (last - first + 1) * PAGE, flags, phys_addr=first << 12,
            shown=list(range(first, last + 1)),
        )  # fmt: skip

    def iounmap(self, index: int) -> None:
        if area := self._any(index, VM_IOREMAP):
            self.kernel.ioremap.iounmap(area.addr + index % PAGE)
            del self.areas[area.addr]

    def reserve(self, size: int, aligned: bool) -> None:
        flags = VM_IOREMAP if aligned else VM_MAP
        area = self.kernel.vmalloc.get_vm_area(size, flags)
        self._new(self.kernel.vm.word(area + 4) if area else 0, size, flags)

    def remove(self, index: int) -> None:
        mine = [area for area in self.areas.values() if area.shown is None and not area.pages]
        if mine:
            area = mine[index % len(mine)]
            va = self.kernel.vmalloc.remove_vm_area(area.addr)
            assert self.kernel.vm.word(va + 8) == area.size - PAGE
            self.kernel.slab.kfree(va)
            del self.areas[area.addr]

    def wrong(self, where: int) -> None:
        """Addresses that no area begins at change nothing."""
        addr = self.start + where * 1000
        if addr not in self.areas:
            self.kernel.vmalloc.vfree(addr)
            self.kernel.ioremap.iounmap(addr if addr & -PAGE not in self.areas else 0)
            assert self.kernel.vmalloc.remove_vm_area(addr) == 0

    def end_all(self) -> None:
        """Give everything back."""
        while self._any(0, VM_ALLOC):
            self.vfree(0)
        while self._any(0, VM_IOREMAP):
            self.iounmap(0)
        while self._any(0, VM_MAP):
            self.vunmap(0, False)
        for page in self.held:
            self.kernel.page_alloc._free_pages(page, 0)
        self.held = []


INDEX = st.integers(0, 1000)
CALLS: tuple[st.SearchStrategy[tuple[object, ...]], ...] = (
    st.tuples(st.just("vmalloc"), st.sampled_from((1, 1, 2, 3, 17, 300, 1025, 1100)), st.integers(0, 4)),
    st.tuples(st.just("vfree"), INDEX),
    st.tuples(st.just("vmap"), st.sampled_from((1, 2, 5, 40)), INDEX),
    st.tuples(st.just("vunmap"), INDEX, st.booleans()),
    st.tuples(
        st.just("ioremap"), st.sampled_from((0xFEE00000, 0xFEC00FFF, 0xE0000000, 0xFFFFF000, 0x3000000, 0x1C00000)),
        st.sampled_from((1, 0x1000, 0x1001, 0x40000, 0x80001)), st.booleans(),
    ),
    st.tuples(st.just("iounmap"), INDEX),
    st.tuples(st.just("reserve"), st.sampled_from((1, 5000, 3 * MB, 250 * MB, 1000 * MB)), st.booleans()),
    st.tuples(st.just("remove"), INDEX),
    st.tuples(st.just("wrong"), INDEX),
)  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["two-level", "PAE"])
def machine(request: pytest.FixtureRequest) -> Iterator[Callable[[], Kernel]]:
    """`machine()`: a machine with 32 MB of lowmem and 32 MB of HighMem, as it was booted."""
    with Kernel.boot(BootOptions(ram=64 * MB, vmalloc=992 * MB, pae=request.param)) as kernel:
        image = bytes(kernel.ram.bytes)

        def fresh() -> Kernel:
            kernel.ram.bytes[:] = image
            kernel.machine.flush_tlb()
            return kernel

        yield fresh


def try_calls(kernel: Kernel, calls: list[tuple[str, *tuple[int, ...]]]) -> None:
    """Compare after each call; at the end nothing but page tables may have been kept."""
    free = kernel.page_alloc.nr_free_pages()
    model = Model(kernel)
    for name, *arguments in calls:
        getattr(model, name)(*arguments)
        model.check()
    model.end_all()
    model.check()
    for _ in range(3):  # descriptors are objects themselves
        for cache in kernel.slab.caches():
            kernel.slab.kmem_cache_shrink(cache)
    kernel.page_alloc.drain_local_pages(0)
    tables = fsck(kernel.ram).frames["page table"] - (3 if kernel.layout.pae else 2)
    assert kernel.page_alloc.nr_free_pages() >= free - tables


LISTS = st.lists(st.one_of(CALLS), min_size=5, max_size=20)


@pytest.mark.variants
@given(LISTS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_areas_are_those_of_the_model(machine: Callable[[], Kernel], calls: list[tuple[str, *tuple[int, ...]]]) -> None:
    try_calls(machine(), calls)


@pytest.mark.slow
@given(LISTS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_areas_are_those_of_the_model_at_length(
    machine: Callable[[], Kernel], calls: list[tuple[str, *tuple[int, ...]]]
) -> None:
    try_calls(machine(), calls)
