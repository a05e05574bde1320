"""Whose an address is: one address of every kind of owner, and every frame of random machines against fsck."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from guest.kernel import Kernel
from hw.machine import TRAP_WINDOW
from mm.fixmap import HYPERCALL_PAGE, fix_to_virt
from mm.gfp import GFP_COMP, GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, THREAD_SIZE
from mm.owner import Owner, Site
from mm.page_flags import PG_buddy
from mm.setup import BootOptions
from mm.slab_geometry import CFLGS_OFF_SLAB
from tests.mm.owner_checks import check_addresses, check_frames, extent
from tests.mm.sequence import Sequence


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=128 << 20, vmalloc=(1 << 30) - (64 << 20))) as kernel:
        kernel.record_history()
        yield kernel


@pytest.fixture(scope="module", params=[True, False], ids=["debugged slabs", "PAE, two CPUs, 32-byte pages"])
def other(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """Machines built otherwise."""
    options = BootOptions(ram=64 << 20, slab_debug="") if request.param else BootOptions(
        ram=64 << 20, pae=True, cpus=2, page_owner=False
    )
    with Kernel.boot(options) as kernel:
        yield kernel


def field(kernel: Kernel, struct: str, address: int, name: str) -> int:
    return kernel.vm.word(address + kernel.layout[struct].offset(name))


def of(kernel: Kernel, va: int) -> Owner:
    """The owner of a linear address; in the direct map it is that of the physical one."""
    owner = kernel.owners.linear(va)
    if kernel.owners.region(va) == "direct map":
        assert owner == kernel.owners.physical(va - PAGE_OFFSET)
    return owner


# user space, windows, holes


def test_null_page_and_user_space(kernel: Kernel) -> None:
    assert extent(of(kernel, 8)) == ("null page", 0, PAGE_SIZE)
    assert extent(of(kernel, PAGE_OFFSET - 1)) == ("user", PAGE_SIZE, PAGE_OFFSET)
    assert [kernel.owners.region(va) for va in (0, PAGE_OFFSET, HYPERCALL_PAGE)] == ["user", "direct map", "fixmap"]


def test_kmap_slot(kernel: Kernel) -> None:
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    kernel.traps.caller = 0xC0101010
    va = kernel.highmem.kmap(page)
    kernel.traps.caller = 0
    owner = of(kernel, va + 17)
    number = va - kernel.highmem.pkmap_base >> PAGE_SHIFT
    assert extent(owner) == ("kmap slot", va, va + PAGE_SIZE)
    assert (owner.name, owner.number, owner.state) == (f"slot {number}", number, "in use")
    assert owner.allocated and (owner.allocated.address, owner.allocated.pid) == (0xC0101010, 0)
    behind = owner.behind
    assert behind and behind.kind == "pages" and not behind.linear and behind.zone == "HighMem"
    assert behind.pfn == kernel.page_alloc.page_to_pfn(page) == owner.pfn
    assert (behind.start, behind.size) == (behind.pfn << PAGE_SHIFT, PAGE_SIZE)
    kernel.highmem.kunmap(page)
    assert of(kernel, va).state == "unused" and of(kernel, va).freed is not None
    assert of(kernel, va + PAGE_SIZE).state == "free" and of(kernel, va + PAGE_SIZE).behind is None


def test_kmap_atomic_and_fixmap_slots(kernel: Kernel) -> None:
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    kernel.traps.caller = 0xC0101020
    va = kernel.highmem.kmap_atomic(page, 4)
    kernel.traps.caller = 0
    owner = of(kernel, va + 5)
    assert extent(owner) == ("kmap_atomic slot", va, va + PAGE_SIZE)
    assert owner.name == "KM_USER1 of CPU 0" and owner.state == "in use"
    assert owner.allocated and owner.allocated.address == 0xC0101020
    assert owner.behind and owner.behind.pfn == kernel.page_alloc.page_to_pfn(page)
    kernel.highmem.kunmap_atomic(va, 4)
    assert of(kernel, va).state == "free" and of(kernel, va).allocated is None
    kernel.fixmap.set_fixmap(2, 0xFEE00000, 0x173)
    apic = of(kernel, fix_to_virt(2))
    assert (apic.kind, apic.name, apic.state, apic.pfn) == ("fixmap slot", "FIX_APIC_BASE", "in use", None)
    assert apic.behind and apic.behind.kind == "open bus" and not apic.behind.linear
    assert of(kernel, fix_to_virt(3)).state == "free"


def test_hypercall_page(kernel: Kernel) -> None:
    assert extent(of(kernel, HYPERCALL_PAGE + 4)) == ("hypercall page", HYPERCALL_PAGE, HYPERCALL_PAGE + PAGE_SIZE)
    assert of(kernel, HYPERCALL_PAGE).behind is None
    assert kernel.owners.physical(TRAP_WINDOW + 8).kind == "device"


def test_holes_between_the_regions(kernel: Kernel) -> None:
    top = PAGE_OFFSET + (kernel.limits.max_low_pfn << PAGE_SHIFT)
    owner = of(kernel, top)
    assert extent(owner) == ("hole", top, kernel.vmalloc.start)
    assert owner.note == "a hole between the direct map and vmalloc space"
    assert extent(of(kernel, kernel.vmalloc.end)) == ("hole", kernel.vmalloc.end, kernel.highmem.pkmap_base)


# vmalloc space


def test_vmalloc_area_guard_page_and_hole(kernel: Kernel) -> None:
    kernel.traps.caller = 0xC0101030
    first, second, third = (kernel.vmalloc.vmalloc(size) for size in (3 * PAGE_SIZE, 5 * PAGE_SIZE, PAGE_SIZE))
    kernel.traps.caller = 0
    kernel.vmalloc.vfree(second)
    owner = of(kernel, first + PAGE_SIZE + 1)
    assert extent(owner) == ("vmalloc area", first, first + 3 * PAGE_SIZE)
    assert (owner.number, owner.size, owner.accounted, owner.behind) == (1, 3 * PAGE_SIZE, "vmalloc", None)
    assert owner.allocated and (owner.allocated.address, owner.allocated.size) == (0xC0101030, 3 * PAGE_SIZE)
    assert owner.pfn is not None and kernel.owners.physical(owner.pfn << PAGE_SHIFT | 1) == owner
    end = first + 3 * PAGE_SIZE
    for va, where in ((end, "right past its end"), (end + 7, "7 bytes past its end")):
        guard = of(kernel, va)
        assert extent(guard) == ("guard page", end, end + PAGE_SIZE)
        assert guard.note == f"the guard page behind the vmalloc area {first:08x}-{end:08x}, {where}"
        assert guard.allocated == owner.allocated and guard.pfn is None
    freed, hole = of(kernel, second + PAGE_SIZE), of(kernel, third - 1)
    if kernel.history is None:
        assert extent(freed) == ("hole", second, third)
    else:
        assert extent(freed) == ("freed vmalloc area", second, third - PAGE_SIZE)
        assert freed.allocated and freed.allocated.address == 0xC0101030 and freed.freed and freed.freed.address == 0
    assert extent(hole) == ("hole", second, third)
    assert f"area {first:08x}" in hole.note and f"area {third:08x}" in hole.note


def test_areas_of_others_pages(kernel: Kernel, vmap: Callable[..., int]) -> None:
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL, 0)
    va = vmap(kernel, [page])
    owner = of(kernel, va)
    assert (owner.kind, owner.name) == ("vmalloc area", "vmap")
    assert owner.behind and owner.behind.kind == "pages" and owner.allocated is None
    assert owner.pfn == owner.behind.pfn == kernel.page_alloc.page_to_pfn(page)
    device = of(kernel, kernel.ioremap.ioremap(0xFEE00000, 100))
    assert (device.name, device.pfn) == ("ioremap fee00000", None)
    assert device.behind and device.behind.kind == "open bus"


def test_program(kernel: Kernel, load_module: Callable[[Kernel, str, int], int]) -> None:
    module = load_module(kernel, "hello", 7000)
    core = field(kernel, "module", module, "module_core")
    code, data, behind = (of(kernel, core + offset) for offset in (100, 6999, 7000))
    assert extent(code) == ("program", core, core + 7000) == extent(data)
    assert (code.name, code.state, data.state) == ("hello", "code", "data")
    assert code.within and extent(code.within) == ("vmalloc area", core, core + 2 * PAGE_SIZE)
    assert behind.kind == "vmalloc area" and "behind the end of the program hello" in behind.note
    assert "(the program hello)" in of(kernel, core + 2 * PAGE_SIZE).note
    assert of(kernel, module).note.startswith("the struct module of the program hello, object ")
    assert of(kernel, field(kernel, "module", module, "args")).note.startswith("the arguments of the program hello")


# slabs


def test_slab_object(kernel: Kernel) -> None:
    kernel.traps.caller = 0xC0101040
    before = kernel.clock()
    objects = sorted(kernel.slab.kmalloc(100, GFP_KERNEL) for _ in range(40))
    kernel.traps.caller = 0
    runs = zip(objects, objects[1:], objects[2:])
    middle = next(b for a, b, c in runs if b - a == c - b == 128 and a >> PAGE_SHIFT == c >> PAGE_SHIFT)
    owner = of(kernel, middle + 99)
    assert extent(owner) == ("slab object", middle, middle + 128)
    assert (owner.name, owner.state, owner.size, owner.accounted) == ("size-128", "allocated", 128, "slab")
    assert owner.number is not None and owner.previous and owner.next
    assert (owner.previous.number, owner.previous.address) == (owner.number - 1, middle - 128)
    assert (owner.next.number, owner.next.address, owner.next.state) == (owner.number + 1, middle + 128, "allocated")
    assert owner.allocated == Site(0xC0101040, before, 0, 0, (), 100)
    assert owner.within and owner.within.kind == "slab" and owner.within.start == middle & -PAGE_SIZE
    kernel.traps.caller = 0xC0101050
    kernel.slab.kfree(middle)
    kernel.traps.caller = 0
    freed = of(kernel, middle)
    assert (freed.state, freed.allocated) == ("in the array of CPU 0", owner.allocated)  # who had it last
    assert freed.freed == Site(0xC0101050, before, 0, 0)
    neighbour = of(kernel, middle + 128)
    assert neighbour.previous and neighbour.previous.state == "in the array of CPU 0"


def test_other_parts_of_slabs(kernel: Kernel, create: Callable[..., int]) -> None:
    cachep = create(kernel, "parts", 600)
    kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)
    (slab,) = kernel.slabs(cachep)
    descriptor = of(kernel, slab.address + 4)
    assert extent(descriptor) == ("slab management", slab.address, slab.s_mem)
    assert descriptor.name == "parts"
    info = kernel.slab_cache(cachep)
    left = of(kernel, slab.start + info.slab_size - 1)
    end = slab.s_mem + info.num * info.objsize
    assert extent(left) == ("slab padding", end, slab.start + info.slab_size) and left.state == "left over"
    last = of(kernel, slab.objects[-1].address)
    assert last.next is None and last.previous is not None and last.number == info.num - 1
    for _ in range(info.num):  # the next slab begins with a colour
        kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)
    gap = next(of(kernel, slab.start) for slab in kernel.slabs(cachep) if slab.colour)
    assert (gap.kind, gap.state) == ("slab padding", "colour gap")


def test_slab_management_elsewhere(kernel: Kernel) -> None:
    obj = kernel.slab.kmalloc(4096, GFP_KERNEL)
    slab = of(kernel, obj).within
    assert slab is not None
    cachep = next(va for va, name in kernel.slab_caches().items() if name == "size-4096")
    assert field(kernel, "kmem_cache", cachep, "flags") & CFLGS_OFF_SLAB
    state = next(state for state in kernel.slabs(cachep) if state.start == slab.start)
    owner = of(kernel, state.address)
    assert (owner.kind, owner.name) == ("slab management", "size-4096")
    assert owner.note == f"the descriptor of the slab of size-4096 at {slab.start:08x}"
    assert owner.within and owner.within.kind == "slab object"


def test_debugged_object(other: Kernel) -> None:
    if not other.layout.slab_debug:
        pytest.skip("the slabs of this machine are not debugged")
    other.traps.caller = 0xC0101060
    obj = other.slab.kmalloc(64, GFP_KERNEL)
    other.traps.caller = 0xC0101070
    owner = of(other, obj)
    assert extent(owner) == ("slab object", obj, obj + 64) and owner.allocated == Site(0xC0101060)
    before, behind, user = of(other, obj - 1), of(other, obj + 64), of(other, obj + 69)
    assert before.note.startswith("the red zone of object ") and before.note.endswith("1 bytes before it")
    assert behind.note.startswith("the red zone of object ") and behind.note.endswith("0 bytes behind its end")
    assert user.note.startswith("the last user of object ")
    assert {extent(before), extent(behind), extent(user)} == {extent(owner)}
    other.slab.kfree(obj)
    other.traps.caller = 0
    assert of(other, obj).freed == Site(0xC0101070) and of(other, obj).allocated is None


def test_known_objects(kernel: Kernel) -> None:
    area = kernel.vmalloc.vmalloc(PAGE_SIZE)
    info = next(row for row in kernel.vmallocinfo() if row.addr == area)
    pages = field(kernel, "vm_struct", info.vm_struct, "pages")
    inode = kernel.inodes.new_inode(0)
    cachep = next(va for va, name in kernel.slab_caches().items() if name == "filp")
    task = kernel.tasks.create("worker")
    for va, words in (
        (info.vm_struct, f"the vm_struct of the area at {area:08x}, "),
        (pages, f"the array of pages of the area at {area:08x}, "),
        (inode, f"inode {field(kernel, 'inode', inode, 'i_ino')}, "),
        (cachep, "the kmem_cache of filp, "),
        (field(kernel, "kmem_cache", cachep, "array"), "the array of CPU 0 of filp, "),
        (field(kernel, "kmem_cache", cachep, "nodelists"), "the kmem_list3 of filp, "),
        (task, "the task_struct of worker (pid "),
        (field(kernel, "task_struct", task, "signal"), "the signal of worker (pid "),
    ):
        assert of(kernel, va).note.startswith(words)
    assert of(kernel, kernel.layout.va("cache_cache")).name == "cache_cache"


# tasks and address spaces


def test_task_stacks(kernel: Kernel) -> None:
    task = kernel.tasks.create("worker")
    stack = kernel.tasks.stack(task)
    pid = field(kernel, "task_struct", task, "pid")
    owner = of(kernel, stack + THREAD_SIZE - 40)
    assert extent(owner) == ("task stack", stack, stack + THREAD_SIZE)
    assert owner.name == f"worker (pid {pid})" and owner.note.endswith("40 bytes below its top")
    assert owner.within and (owner.within.kind, owner.within.name) == ("slab object", "size-8192")
    assert of(kernel, stack + 8).note.endswith("its thread_info")
    boot = kernel.layout.va("init_thread_union")
    first = of(kernel, boot + 4096)
    assert extent(first) == ("task stack", boot, boot + THREAD_SIZE) and first.name == "swapper (pid 0, CPU 0)"
    assert first.within and first.within.kind == "kernel data"


def test_stacks_of_other_cpus(other: Kernel) -> None:
    for cpu in range(1, len(other.machine.cpus)):
        stack = other.tasks.stack(other.sched.idle_task(cpu))
        assert of(other, stack + 4000).name == f"swapper (pid 0, CPU {cpu})"


def test_page_directories(kernel: Kernel) -> None:
    check_page_directories(kernel)


def test_page_directories_otherwise(other: Kernel) -> None:
    check_page_directories(other)


def check_page_directories(kernel: Kernel) -> None:
    task = kernel.tasks.create_program("prog", 1)
    pgd = field(kernel, "mm_struct", kernel.tasks.mm(task), "pgd")
    pid = field(kernel, "task_struct", task, "pid")
    pae, size = kernel.layout.pae, kernel.tables.pte_size
    entry = PAGE_OFFSET >> (30 if pae else 22)
    owner = of(kernel, pgd + size * entry)
    assert (owner.kind, owner.name, owner.start, owner.number) == ("page table", f"prog (pid {pid})", pgd, entry)
    assert owner.note == f"the page directory of prog (pid {pid}), the entry of c0000000"
    if pae:
        pmds = PAGE_OFFSET + (kernel.tables.read(pgd + 8) & 0xFFFFF000)
        assert of(kernel, pmds + 24).note.endswith("the entry of 40600000")
    swapper = of(kernel, kernel.layout.va("swapper_pg_dir") + size * entry)
    assert swapper.kind == "page table" and swapper.note.endswith("the entry of c0000000")
    kernel.tasks.release(task)


def test_page_tables(kernel: Kernel) -> None:
    va = kernel.vmalloc.vmalloc(PAGE_SIZE)
    at = kernel.tables.pte_address(va)
    owner = of(kernel, at)
    assert extent(owner) == ("page table", at & -PAGE_SIZE, (at & -PAGE_SIZE) + PAGE_SIZE)
    first = va & -kernel.tables.pmd_size
    area = f"{first:08x}-{first + kernel.tables.pmd_size - 1:08x}"
    assert owner.note == f"the page table of {area} of swapper_pg_dir, the entry of {va:08x}"
    assert owner.allocated is not None


def test_page_of_pmds(other: Kernel) -> None:
    if not other.layout.pae:
        pytest.skip("two levels")
    at = other.tables.pmd_address(0xC1A00000)
    assert of(other, at).note == "the page directory of c0000000-ffffffff of swapper_pg_dir, the entry of c1a00000"


# pages


def test_pages_in_use(kernel: Kernel) -> None:
    kernel.traps.caller = 0xC0101080
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL | GFP_COMP, 3)
    pfn, time = kernel.page_alloc.page_to_pfn(page), kernel.clock()
    va = PAGE_OFFSET + (pfn << PAGE_SHIFT)
    owner = of(kernel, va + 5 * PAGE_SIZE + 9)
    assert extent(owner) == ("pages", va, va + 8 * PAGE_SIZE)
    assert (owner.number, owner.size, owner.pfn, owner.state) == (5, 8 * PAGE_SIZE, pfn + 5, "in use")
    assert owner.note == f"in use: compound page 5 of 8 of the block of order 3 at frame {pfn:x}, zone {owner.zone}"
    assert owner.allocated and (owner.allocated.address, owner.allocated.time_ns) == (0xC0101080, time)
    kernel.traps.caller = 0xC0101090
    kernel.page_alloc._free_pages(page, 3)
    kernel.traps.caller = 0
    free = of(kernel, va + 5 * PAGE_SIZE)
    assert free.kind == "free pages" and free.start <= va and free.allocated is None
    assert free.freed == Site(0xC0101090, time, 0, 0)


def test_pages_on_per_cpu_lists(kernel: Kernel) -> None:
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL, 0)
    pfn = kernel.page_alloc.page_to_pfn(page)
    kernel.page_alloc.free_cold_page(page)
    owner = of(kernel, PAGE_OFFSET + (pfn << PAGE_SHIFT))
    assert (owner.kind, owner.zone, owner.size) == ("per-cpu list", "Normal", PAGE_SIZE)
    assert owner.note == "free: on the cold list of CPU 0, zone Normal"


def test_page_cache(kernel: Kernel) -> None:
    inode = kernel.inodes.new_inode(0)
    mapping = inode + kernel.layout["inode"].offset("i_data")
    page = kernel.filemap.find_or_create_page(mapping, 0x46, GFP_HIGHUSER)
    owner = kernel.owners.physical(kernel.page_alloc.page_to_pfn(page) << PAGE_SHIFT)
    number = field(kernel, "inode", inode, "i_ino")
    assert (owner.kind, owner.name, owner.linear) == ("page cache", f"inode {number}", False)
    assert owner.note.startswith(f"page 0x46 in the page cache of inode {number}")


def test_lost_page(kernel: Kernel) -> None:
    frames = kernel.frame_map()
    pfn = next(n for n in range(kernel.limits.max_low_pfn - 1, 0, -1)
               if frames.kind(n) == "buddy" and frames.heads[n] == n and frames.kind(n - 1) != "in use")  # fmt: skip
    flags = kernel.page_alloc.pfn_to_page(pfn)
    before = kernel.vm.word(flags)
    kernel.vm.set_word(flags, before & ~PG_buddy)
    owner = kernel.owners.physical(pfn << PAGE_SHIFT)
    kernel.vm.set_word(flags, before)
    assert (owner.kind, owner.accounted) == ("lost", "unclaimed")


def test_mem_map(kernel: Kernel) -> None:
    page = kernel.page_alloc.pfn_to_page(0x1234)
    owner = of(kernel, page + 4)
    assert extent(owner) == ("mem_map", page, page + kernel.page_alloc.page_size)
    assert (owner.name, owner.number) == ("mem_map[0x1234]", 0x1234)
    assert owner.note == "_count of the struct page of frame 1234"


def test_kernel_text_and_data(kernel: Kernel) -> None:
    symbols = kernel.layout.symbols
    kmalloc = kernel.symbol("kmalloc")
    assert kmalloc is not None
    text = of(kernel, kmalloc + 2)
    assert (text.kind, text.name, text.start) == ("kernel text", "kmalloc", kmalloc)
    data = of(kernel, symbols["pkmap_count"].va + 9)
    assert (data.kind, data.name, data.size) == ("kernel data", "pkmap_count", symbols["pkmap_count"].size)
    assert of(kernel, kernel.page_alloc.zones[1] + 4).note.startswith("the struct zone of Normal, contig_page_data+")
    assert of(kernel, PAGE_OFFSET).note == "reserved: BIOS data"
    table = field(kernel, "zone", kernel.page_alloc.zones[0], "wait_table")
    assert of(kernel, table).kind == "reserved" and "wait table" in of(kernel, table).note


def test_no_memory(kernel: Kernel) -> None:
    for pa, kind, start, end in (
        (0x9F400, "unused RAM", 0x9F000, 0x9FC00), (0x9FF00, "firmware", 0x9FC00, 0xA0000),
        (0xB8000, "video memory", 0xA0000, 0xC0000), (0xC8000, "open bus", 0xC0000, 0xF0000),
        (0xF1234, "firmware", 0xF0000, 0x100000), (128 << 20, "open bus", 128 << 20, TRAP_WINDOW),
    ):  # fmt: skip
        owner = kernel.owners.physical(pa)
        assert extent(owner) == (kind, start, end) and not owner.linear
        assert owner.accounted == ("hole" if pa < 1 << 20 else "")


def test_ram_that_the_kernel_leaves_alone() -> None:
    with Kernel.boot(BootOptions(ram=64 << 20, mem=32 << 20)) as kernel:
        owner = kernel.owners.physical(40 << 20)
        assert extent(owner) == ("unused RAM", 32 << 20, 64 << 20) and owner.pfn is None


def test_damage_is_told(boot: Callable[..., Kernel]) -> None:
    kernel = boot(ram=32 << 20)
    va = kernel.vmalloc.vmalloc(PAGE_SIZE)
    kernel.vm.set_word(kernel.layout.va("vmlist"), 0x12345678)
    owner = kernel.owners.linear(va)
    assert owner.kind == "unknown" and "fsck names what is" in owner.note and owner.name == "vmalloc"


# against the accounting

SLOW_SEEDS = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 35)]


@pytest.mark.variants
@pytest.mark.parametrize("seed", [1, 2, 4, *SLOW_SEEDS])
def test_random_machines(seed: int) -> None:
    """The accounting and the owners never disagree."""
    rng = random.Random(seed)
    cpus = rng.choice((1, 1, 2, 3))
    options = BootOptions(
        ram=rng.randrange(16 << 20, 48 << 20, PAGE_SIZE), pae=rng.random() < 0.4, page_owner=rng.random() < 0.6,
        cpus=cpus, nr_cpus=cpus + rng.randrange(2), slab_debug=rng.choice((None, None, "", "ZU", "P,size-*")),
        vmalloc=rng.choice((128 << 20, (1 << 30) - (24 << 20), (1 << 30) - (32 << 20))), l1=rng.choice((32, 64, 128)),
    )  # fmt: skip
    with Kernel.boot(options) as kernel:
        sequence = Sequence(kernel)
        check_frames(kernel, rng)
        for _ in range(3):
            for _ in range(50):
                sequence.random_step(rng)
            check_frames(kernel, rng)
            check_addresses(kernel, rng)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["busy", "busy_debug", "busy_hash"])
def test_busy_machines(name: str, request: pytest.FixtureRequest) -> None:
    kernel = request.getfixturevalue(name)
    check_frames(kernel, random.Random(1))
