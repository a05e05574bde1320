"""--slab-debug: what it asks for, where objects lie, what is reported in which words, what is counted."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.errors import BootError, KernelBug
from mm.fsck import fsck
from mm.gfp import GFP_DMA, GFP_KERNEL
from mm.layout import PAGE_OFFSET, PAGE_SIZE
from mm.sched import Switch
from mm.setup import BootOptions
from mm.slab import SLAB_HWCACHE_ALIGN
from mm.slab_debug import POISON_FREE, POISON_INUSE, RED_ACTIVE, RED_INACTIVE, DebugSlabAllocator, poison
from mm.slab_geometry import (
    SLAB_DEBUG_FREE,
    SLAB_DEBUG_INITIAL,
    SLAB_POISON,
    SLAB_RED_ZONE,
    SLAB_STORE_USER,
    debug_option,
)  # fmt: skip
from mm.slab_objects import SLAB_DESTROY_BY_RCU
from tests.mm import failing
from tests.mm.conftest import create_cache
from tests.mm.sequence import Sequence

MB = 1 << 20
PROGRAM = Path(__file__).resolve().parent.parent / "guest" / "programs" / "slab_debug.c"
F, Z, P, U = SLAB_DEBUG_FREE, SLAB_RED_ZONE, SLAB_POISON, SLAB_STORE_USER
ALL = F | Z | P | U
Boot = Callable[..., Kernel]


def word(kernel: Kernel, va: int) -> int:
    return kernel.ram.words[va - PAGE_OFFSET >> 2]


def put(kernel: Kernel, va: int, data: bytes) -> None:
    kernel.ram.write(va - PAGE_OFFSET, data)


def field(kernel: Kernel, cachep: int, name: str) -> int:
    return word(kernel, cachep + kernel.layout["kmem_cache"].offset(name))


def flags_of(kernel: Kernel, name: str) -> int:
    return field(kernel, kernel.slab.find(name), "flags") & ALL


class Said:
    """What the kernel prints while something is done, without levels."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def __enter__(self) -> Said:
        self._before = len(self._kernel.log.text())
        return self

    def __exit__(self, *_exception: object) -> None:
        text = self._kernel.log.text()[self._before :]
        self.text = re.sub(r"^<\d>", "", text, flags=re.MULTILINE)
        self.lines = [line for line in self.text.splitlines() if not line.startswith(" [<") and "====" not in line]


# the option


@pytest.mark.parametrize(("text", "flags", "slabs"), [
    ("", ALL, ""), ("FZPU", ALL, ""), ("Z", Z, ""), ("pu", P | U, ""), (",size-*", ALL, "size-*"),
    ("F,a,size-[13]*(DMA),?x", F, "a,size-[13]*(DMA),?x"),
])  # fmt: skip
def test_option(text: str, flags: int, slabs: str) -> None:
    assert debug_option(text) == (flags, slabs)


@pytest.mark.parametrize(
    "text", ["X", "FZ PU", "F,", "F,a,,b", "F,a'b", 'F,"', "F,a\\b", "F,#", "F," + 128 * "x", "F,ä", "-"]
)
def test_wrong_options(text: str) -> None:
    with pytest.raises(ValueError, match="FLAGS"):
        debug_option(text)
    with pytest.raises(BootError, match="slab_debug"):
        BootOptions(slab_debug=text).check()


def test_who_gets_what(boot: Boot) -> None:
    """Red zones only where they cost no higher power of two, and only with an alignment of a word."""
    kernel = boot(ram=64 * MB, slab_debug="")
    assert isinstance(kernel.slab, DebugSlabAllocator)
    wanted = {"size-32": ALL, "size-2048(DMA)": ALL, "size-4096": F | P, "size-131072": F | P, "task_struct": F | P,
              "kmem_cache": F, "size-64": ALL}  # fmt: skip
    assert {name: flags_of(kernel, name) for name in wanted} == wanted
    for name, size, align, flags, right in (
        ("aligned", 100, 8, 0, F | P), ("word", 100, 4, 0, ALL), ("line", 100, 0, SLAB_HWCACHE_ALIGN, ALL),
        ("rcu", 100, 0, SLAB_DESTROY_BY_RCU, F | Z | U), ("big", 4100, 0, 0, ALL), ("full", 8188, 0, 0, F | P),
        ("small", 4095, 0, 0, ALL),
    ):  # fmt: skip
        create_cache(kernel, name, size, align, flags)
        assert flags_of(kernel, name) == right, name
    assert fsck(kernel.ram).clean


def test_only_the_caches_that_are_named(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="ZU,size-6?,mine*")
    names = {name: flags_of(kernel, name) for name in kernel.slab_caches().values()}
    assert {name for name, flags in names.items() if flags} == {"size-64"} and names["size-64"] == Z | U
    for name, right in (("mine", Z | U), ("yours", 0)):
        create_cache(kernel, name, 40)
        assert flags_of(kernel, name) == right
    create_cache(kernel, "own flags", 40, 0, P | F)
    assert flags_of(kernel, "own flags") == P | F
    assert fsck(kernel.ram).clean


def test_a_programs_flags_are_refused_without_debugging(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    for flag in (F, Z, P, U, SLAB_DEBUG_INITIAL):
        with pytest.raises(KernelBug, match="kernel BUG at mm/slab.py"):
            create_cache(kernel, f"cache {flag}", 40, 0, flag)


def test_mistakes_in_making_a_cache(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="Z")
    with pytest.raises(KernelBug):
        create_cache(kernel, "rcu", 40, 0, SLAB_DESTROY_BY_RCU | P)
    with Said(kernel) as said:
        assert create_cache(kernel, "plain", 40, 0, SLAB_DEBUG_INITIAL)
    assert said.lines == ["kmem_cache_create: No con, but init state check requested - plain"]
    with Said(kernel) as said:
        assert create_cache(kernel, "two words", 40)
    assert said.lines[0].startswith("BUG: at mm/slab_debug.py:")


# where things lie


@pytest.mark.parametrize("option", ["", "Z", "U", "P", "ZU", "FP", "ZP,mine*"])
def test_the_words_around_an_object(boot: Boot, option: str) -> None:
    kernel = boot(ram=64 * MB, slab_debug=option)
    slab = kernel.slab
    for size in (4, 40, 61, 500, 3000):
        cachep = create_cache(kernel, f"mine{size}", size)
        flags, place = flags_of(kernel, f"mine{size}"), field(kernel, cachep, "buffer_size")
        red, user = bool(flags & Z), bool(flags & U)
        rounded = size + 3 & -4
        assert place == rounded + 8 * red + 4 * user and slab.kmem_cache_size(cachep) == rounded
        obj = slab.kmem_cache_alloc(cachep, GFP_KERNEL)
        for in_use, value in ((True, POISON_INUSE), (False, POISON_FREE)):
            if not in_use:
                put(kernel, obj, b"x" * rounded)
                slab.kmem_cache_free(cachep, obj)
            if flags & P:
                assert kernel.ram.read(obj - PAGE_OFFSET, rounded) == poison(value, rounded)
            if red:
                zone = RED_ACTIVE if in_use else RED_INACTIVE
                assert (word(kernel, obj - 4), word(kernel, obj + rounded)) == (zone, zone)
            assert (slab.last_user(cachep, obj) is None) == (not user)
    assert fsck(kernel.ram).clean
    assert "rror" not in kernel.log.text() and "orruption" not in kernel.log.text()


def test_arrays_hold_32_objects_at_most(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, nr_cpus=2, slab_debug="Z,none")
    limits = {(row.limit, row.batchcount, row.sharedfactor) for row in kernel.slabinfo()}
    assert limits == {(32, 16, 8), (24, 12, 8), (8, 4, 0)}


@pytest.mark.variants
@pytest.mark.parametrize("option", ["", "FZ", "PU,size-*"])
@pytest.mark.parametrize("nr_cpus", [1, 2])
def test_constructors_and_sizes(boot: Boot, option: str, nr_cpus: int) -> None:
    kernel = boot(ram=64 * MB, nr_cpus=nr_cpus, cpus=nr_cpus, slab_debug=option)
    program = elf.read(cc.build([PROGRAM], kernel.layout), PROGRAM.name)
    with Said(kernel) as said:
        assert kernel.run(program, [PROGRAM.name, "own flags"], 20) == 0
    built = "constructed when allocated" if option == "" else "constructed with the slab"
    assert said.text.splitlines() == [built, "constructed when allocated"]
    assert fsck(kernel.ram).clean


def test_constructors_without_debugging(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    with Said(kernel) as said:
        assert kernel.run(elf.read(cc.build([PROGRAM], kernel.layout), PROGRAM.name), [PROGRAM.name], 20) == 0
    assert said.text == "constructed with the slab\n"


DYING = """\
#include <linux/slab.h>
static int number;
static void dies(void *object, struct kmem_cache *cache, unsigned long flags)
{
	if (++number == %d)
		*(volatile int *)0 = 1;
}
static void lives(void *object, struct kmem_cache *cache, unsigned long flags)
{
}
int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("dying", 100, 0, 0, %s);

	kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	return 0;
}
"""


@pytest.mark.parametrize(("number", "functions", "in_use"), [(2, "dies, lives", 1), (1, "lives, dies", 2)])
def test_constructor_or_destructor_that_dies(
    boot: Boot, tmp_path: Path, number: int, functions: str, in_use: int
) -> None:
    """An object that could not be constructed is free again, one that could not be destroyed is in use still."""
    kernel = boot(ram=64 * MB, slab_debug="")
    (tmp_path / "dying.c").write_text(DYING % (number, functions))
    assert kernel.run(elf.read(cc.build([tmp_path / "dying.c"], kernel.layout), "dying.c")) == 137
    assert kernel.slab_cache(kernel.slab.find("dying")).allocated == in_use
    assert fsck(kernel.ram, kernel.text()).damages == []


@pytest.mark.parametrize("level", ["pages", pytest.param("objects", marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", ["null", "switch"])
def test_allocations_that_fail(monkeypatch: pytest.MonkeyPatch, level: failing.Level, mode: failing.Mode) -> None:
    """Making a cache, and taking objects from it: whatever fails, nothing is left behind."""
    faults = failing.Failing()
    faults.install(monkeypatch)
    with Kernel.boot(BootOptions(ram=64 * MB, slab_debug="")) as kernel:
        slab, name = kernel.slab, kernel.slab.kmalloc(5, GFP_KERNEL)
        put(kernel, name, b"mine\0")
        for size in (40, 700, 3000):
            nth = 0
            while True:
                nth += 1
                with faults.at(nth, level, mode), contextlib.suppress(Switch):
                    held = []
                    if cachep := slab.kmem_cache_create(name, size, 0, 0, 0, 0):
                        try:
                            for _ in range(40):
                                held.append(slab.kmem_cache_alloc(cachep, GFP_KERNEL))
                        finally:
                            for obj in filter(None, held):
                                slab.kmem_cache_free(cachep, obj)
                            slab.kmem_cache_destroy(cachep)
                assert fsck(kernel.ram).damages == [] and slab.find("mine") == 0
                if len(faults.places) < nth:
                    break
            assert nth > 2 or level == "pages"


@pytest.mark.variants
@pytest.mark.parametrize(("option", "seed"), [
    ("", 1), pytest.param("FZ", 2, marks=pytest.mark.slow), pytest.param("PU", 3, marks=pytest.mark.slow),
    ("FZPU,size-*,kmem_cache", 4),
])  # fmt: skip
def test_nobody_notices(boot: Boot, option: str, seed: int) -> None:
    """A random sequence of calls, of all allocators: nothing overlaps, nothing is overwritten, nothing is reported."""
    sequence = Sequence(boot(ram=64 * MB, nr_cpus=2, cpus=2, slab_debug=option))
    rng = random.Random(seed)
    with Said(sequence.kernel) as said:
        for step in range(400):
            sequence.random_step(rng)
            if step % 100 == 99:
                sequence.check()
    assert not re.search("redzone|corruption|double free", said.text)


# reports


def corrupted(kernel: Kernel, size: int, changes: dict[int, int]) -> list[str]:
    """What is said when a free object, the second of a new cache, is handed out again with changed bytes."""
    slab = kernel.slab
    cachep = create_cache(kernel, "mine", size)
    first, obj = (slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(2))
    slab.kmem_cache_free(cachep, first)
    slab.kmem_cache_free(cachep, obj)
    for at, value in changes.items():
        put(kernel, obj + at, bytes([value]))
    with Said(kernel) as said:
        assert slab.kmem_cache_alloc(cachep, GFP_KERNEL) == obj
    return [line.replace(f"{obj:08x}", "OBJ") for line in said.lines]


def line(*changes: tuple[int, str], count: int = 16) -> str:
    cells = ["6b"] * count
    for at, cell in changes:
        cells[at] = cell
    return " ".join(cells)


def test_single_bit_error(boot: Boot) -> None:
    said = corrupted(boot(ram=64 * MB, slab_debug="P"), 100, {35: 0x6A})
    assert said[:4] == [
        "Slab corruption: start=OBJ, len=100", f"020: {line((3, '6a'))}",
        "Single bit error detected. Probably bad RAM.", "Run memtest86+ or a similar memory test tool.",
    ]  # fmt: skip
    assert [text.partition(":")[0] for text in said[4:]] == ["Prev obj", "000", "010", "Next obj", "000", "010"]


@pytest.mark.parametrize("cell", [0x68, 0x94, 0])
def test_more_than_a_bit(boot: Boot, cell: int) -> None:
    said = corrupted(boot(ram=64 * MB, slab_debug="P"), 100, {35: cell})
    assert said[:3] == ["Slab corruption: start=OBJ, len=100", f"020: {line((3, f'{cell:02x}'))}", said[2]]
    assert said[2].startswith("Prev obj: ")


def test_the_end_of_the_poison(boot: Boot) -> None:
    """The last line of an object is short, and its last byte another one; 6b there is wrong."""
    said = corrupted(boot(ram=64 * MB, slab_debug="P"), 100, {99: POISON_FREE})
    assert said[:2] == ["Slab corruption: start=OBJ, len=100", f"060: {line(count=4)}"]


def test_six_lines_at_most(boot: Boot) -> None:
    said = corrupted(boot(ram=64 * MB, slab_debug="P"), 400, dict.fromkeys(range(400), 0))
    assert [text[:4] for text in said[1:8]] == [f"{at:03x}:" for at in range(0, 96, 16)] + ["Prev"]


def test_the_byte_behind_a_shown_line_is_not_looked_at(boot: Boot) -> None:
    """As in 2.6.20, whose loop goes on one too far."""
    said = corrupted(boot(ram=64 * MB, slab_debug="P"), 100, {15: 0, 16: 0, 33: 0})
    assert [text[:4] for text in said[1:4]] == ["000:", "020:", "Prev"]


def test_red_zones_of_a_free_object(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="Z")
    slab = kernel.slab
    cachep = create_cache(kernel, "mine", 40)
    obj = slab.kmem_cache_alloc(cachep, GFP_KERNEL)
    slab.kmem_cache_free(cachep, obj)
    put(kernel, obj + 40, b"\1\2\3\4")
    assert [(d.structure, d.address, d.field) for d in fsck(kernel.ram).damages] == [
        ("object of mine", obj, "red zone behind it")
    ]
    with Said(kernel) as said:
        assert slab.kmem_cache_alloc(cachep, GFP_KERNEL) == obj
    assert said.lines == [
        "slab error in cache_alloc_debugcheck_after(): cache `mine': double free, or memory outside object was "
        "overwritten",
        f"{obj - 4:08x}: redzone 1:0x5a2cf071, redzone 2:0x4030201",
    ]
    assert fsck(kernel.ram).clean


def test_a_slab_that_goes_is_looked_at(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="ZP")
    slab = kernel.slab
    cachep = create_cache(kernel, "mine", 40)
    obj, other = sorted(slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(2))
    for it in (obj, other):
        slab.kmem_cache_free(cachep, it)
    put(kernel, obj + 7, b"!")
    put(kernel, other - 4, b"!")
    put(kernel, other + 40, b"!")
    with Said(kernel) as said:
        slab.kmem_cache_destroy(cachep)
    heads = [text for text in said.lines if text.startswith(("Slab", "slab"))]
    assert heads == [
        f"Slab corruption: start={obj:08x}, len=40",
        "slab error in slab_destroy_objs(): cache `mine': start of a freed object was overwritten",
        "slab error in slab_destroy_objs(): cache `mine': end of a freed object was overwritten",
    ]
    assert fsck(kernel.ram).clean


def test_internal_list_corruption(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="F")
    slab = kernel.slab
    cachep = create_cache(kernel, "mine", 40)
    objects = [slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(20)]
    descriptor = kernel.slabs(cachep)[0].address
    put(kernel, descriptor + 16, b"\x05\0\0\0")  # inuse
    with Said(kernel) as said, pytest.raises(KernelBug, match="mm/slab_debug.py"):
        for obj in objects:
            slab.kmem_cache_free(cachep, obj)
        slab.kmem_cache_shrink(cachep)
    num = kernel.slab_cache(cachep).num
    assert said.lines[0] == (
        f"slab: Internal list corruption detected in cache 'mine'({num}), slabp {descriptor:08x}(5). Hexdump:"
    )
    dump = bytes.fromhex("".join(text.partition(":")[2] for text in said.lines if re.match("[0-9a-f]{3}:", text)))
    assert dump[12:20] == kernel.ram.read(descriptor + 12 - PAGE_OFFSET, 8) and len(dump) == 28 + 4 * num


def test_flags_of_an_allocation_must_fit_its_cache(boot: Boot) -> None:
    """kmem_flagcheck: without debugging only a cache that has to grow looks at them."""
    for option, raises in (("F", True), ("Z", False)):
        kernel = boot(ram=64 * MB, slab_debug=option)
        cachep = create_cache(kernel, "mine", 40)
        kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)
        if raises:
            with pytest.raises(KernelBug, match="mm/slab_debug.py"):
                kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL | GFP_DMA)
        else:
            assert kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL | GFP_DMA)


# statistics


def test_statistics_against_a_count_of_ones_own(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug=",none")
    slab, rng = kernel.slab, random.Random(5)
    cachep = create_cache(kernel, "mine", 200)
    held: list[int] = []
    taken = given = high = most = 0
    for _ in range(3000):
        before = {s.address for s in kernel.slabs(cachep)} if most < 3 else set()
        if held and rng.random() < 0.47:
            slab.kmem_cache_free(cachep, held.pop(rng.randrange(len(held))))
            given += 1
        else:
            held.append(slab.kmem_cache_alloc(cachep, GFP_KERNEL))
            taken += 1
            most += bool(before) and before != {s.address for s in kernel.slabs(cachep)}
        high = max(high, field(kernel, cachep, "num_active"))
    row = next(row for row in kernel.slab_statistics() if row.name == "mine")
    assert (row.allochit + row.allocmiss, row.freehit + row.freemiss) == (taken, given)
    assert row.high_mark == high and row.grown >= row.num_slabs and row.allocmiss > 0 and row.freemiss > 0
    assert field(kernel, cachep, "num_active") == row.active_objs and row.num_allocations >= row.active_objs
    for obj in held:
        slab.kmem_cache_free(cachep, obj)
    slab.kmem_cache_shrink(cachep)
    row = next(row for row in kernel.slab_statistics() if row.name == "mine")
    assert (row.active_objs, row.num_slabs, row.reaped, row.errors) == (0, 0, 0, 0)


def test_reaped_slabs_are_counted(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="")
    slab = kernel.slab
    cachep = create_cache(kernel, "mine", 500)
    objects = [slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(200)]
    for obj in objects:
        slab.kmem_cache_free(cachep, obj)
    jiffies = kernel.layout.va("jiffies") - PAGE_OFFSET >> 2
    for _ in range(60):
        kernel.ram.words[jiffies] += 500
        before = len(kernel.slabs(cachep))
        slab.cache_reap()
        assert len(kernel.slabs(cachep)) <= before
    row = next(row for row in kernel.slab_statistics() if row.name == "mine")
    assert 0 < row.reaped <= row.grown - row.num_slabs
    assert fsck(kernel.ram).clean


# others


def test_views_of_a_debugged_slab(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="")
    cachep = create_cache(kernel, "mine", 40)
    obj = kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)
    parts = []
    for at in range(-4, 48, 4):
        place = kernel.slab_place(obj + at)
        assert place is not None and place.object is not None
        assert (place.object.address, place.object.state, place.offset, place.objsize) == (obj, "allocated", at, 40)
        parts.append(place.part)
    assert parts == ["red zone"] + ["object"] * 10 + ["red zone", "last user"]
    assert kernel.slab_users(cachep) == [(obj, 0)]
    aligned = create_cache(kernel, "aligned", 40, 64)
    place = kernel.slab_place(kernel.slab.kmem_cache_alloc(aligned, GFP_KERNEL) + 44)
    assert place is not None and place.part == "padding"
    assert kernel.slab_users(aligned) is None


@pytest.mark.parametrize("old, new", [(b"slab_debug", b"slab_dabug"), (b"slab_debug=FP", b"slab_debug=F!"),
                                      (b"page_owner=on", b"page_owner=of")])  # fmt: skip
def test_fsck_without_the_command_line(boot: Boot, old: bytes, new: bytes) -> None:
    """What --slab-debug asked for is found where the kernel has noted it."""
    kernel = boot(ram=64 * MB, slab_debug="FP,size-*,mine")
    create_cache(kernel, "mine", 40)
    start = kernel.layout.va("boot_params") - PAGE_OFFSET + 0xE00
    line = kernel.ram.read(start, 256)
    kernel.ram.write(start, line.replace(old, new))
    assert [(d.structure, d.field) for d in fsck(kernel.ram).damages if d.field] == [("boot_params", "command_line")]


def test_every_slab_is_checked_in_pages_of_its_own(boot: Boot) -> None:
    """Sizes from a word to the largest, with management on the slab and off it: fsck agrees with the allocator."""
    kernel = boot(ram=64 * MB, slab_debug="")
    for size in (4, 12, 244, 256, 488, 496, 508, 512, 1000, 2036, 2048, 4083, 4084, 4096, 4097, 8192, 40000, 131072):
        cachep = create_cache(kernel, f"of{size}", size)
        objects = [kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(7)]
        for obj in objects[::2]:
            kernel.slab.kmem_cache_free(cachep, obj)
        assert all(va % 4 == 0 and va // PAGE_SIZE for va in objects)
    assert fsck(kernel.ram).damages == []
