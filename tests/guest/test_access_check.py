"""--check-access and --check-uninit on guest programs: what is reported, with which words, and what never is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.access_check import AccessReport
from guest.kernel import Kernel
from hw.machine import Machine
from mm.setup import BootOptions

PROGRAM = Path(__file__).parent / "programs" / "access.c"
LINES = PROGRAM.read_text().splitlines()
DEBUG = [pytest.param(None, id="plain"), pytest.param("Z", id="Z"), pytest.param("", id="FZPU", marks=pytest.mark.slow)]


def line_of(mark: str) -> int:
    return next(n for n, line in enumerate(LINES, 1) if f"/* {mark} */" in line or line.strip() == mark)


def execute(kernel: Kernel, source: Path, *arguments: str) -> tuple[int, str]:
    before = len(kernel.log.text())
    status = kernel.run(elf.read(cc.build([source], kernel.layout), source.name), [source.name, *arguments], 100)
    return status, kernel.log.text()[before:]


def check(
    *arguments: str, source: Path = PROGRAM, uninit: bool = False, slab_debug: str | None = None, ram: int = 64,
    **options: object,
) -> tuple[int, str, list[AccessReport]]:  # fmt: skip
    boot = BootOptions(ram=ram << 20, slab_debug=slab_debug, **options)  # type: ignore[arg-type]
    with Kernel.boot(boot) as kernel:
        watched = kernel.check_access(uninit)
        return *execute(kernel, source, *arguments), watched.reports


WRONG = {
    "size": ("slab-out-of-bounds", "write", 1, "set_char"),
    "krealloc_less": ("slab-out-of-bounds", "read", 1, "use_char"),
    "memset": ("slab-out-of-bounds", "write", 1, "memset"),
    "cache_size": ("slab-out-of-bounds", "write", 1, "set_char"),
    "vmalloc": ("vmalloc-out-of-bounds", "write", 1, "set_char"),
    "direct": ("use-of-freed-page", "read", 1, "use_char"),
    "vmap": ("use-of-freed-page", "read", 1, "use_char"),
    "printk": ("use-after-free", "read", 10, "printk"),
    "sprintf": ("slab-out-of-bounds", "write", 102, "sprintf"),
    "freed": ("use-after-free", "write", 1, "set_char"),
}


@pytest.mark.variants
@pytest.mark.parametrize("slab_debug", DEBUG)
@pytest.mark.parametrize("way", WRONG)
def test_wrong_accesses(way: str, slab_debug: str | None) -> None:
    kind, access, size, mark = WRONG[way]
    status, text, reports = check("wrong", way, slab_debug=slab_debug)
    assert status == 0
    (report,) = reports
    assert (report.kind, report.access, report.line) == (kind, access, line_of(mark))
    assert report.size == size or way == "printk"
    assert report.allocated is not None and (report.freed is not None) == (kind.startswith("use-"))
    assert all(f"{line}\n" in text for line in report.text)
    assert re.search(rf"BUG: KASAN: {kind} in \w+\+0x\w+/0x\w+ \[access\]\nSource: .*access.c:{line_of(mark)}\n", text)


def test_a_page_of_highmem() -> None:
    """There is no address of the direct map; kmap's window is where it was met."""
    status, text, (report,) = check("wrong", "kmap", ram=1024)
    assert status == 0 and report.kind == "use-of-freed-page"
    assert f"Read of size 1 at addr {report.address:08x} by task access/2 on CPU 0\n" in text
    assert report.pa >> 20 >= 880 and report.address >= 0xFF800000


def test_a_bad_free() -> None:
    _, text, (report,) = check("wrong", "inside")
    assert (report.kind, report.line) == ("invalid-free", line_of("inside"))
    assert "Free of addr" in text


def test_each_place_is_reported_once() -> None:
    (report,) = check("wrong", "many")[2]
    assert report.count == 9
    first, second = check("wrong", "twice")[2]  # the same instruction, called from two lines
    assert first.eip == second.eip and first.trace != second.trace


def test_the_words() -> None:
    _, text, (report,) = check("wrong", "freed")
    start = report.address - 9
    lines = text.splitlines()
    assert lines[0] == lines[-1] == "=" * 66
    assert f"Write of size 1 at addr {start + 9:08x} by task access/2 on CPU 0" in lines
    assert "Allocated by task 2 at 0." in text and "Freed by task 2 at 0." in text
    assert f"The buggy address belongs to the object at {start:08x}" in lines
    assert " which belongs to the cache size-128 of size 128" in lines
    assert lines[lines.index("The buggy address is located 9 bytes inside of") + 1] == (
        f" 100-byte region [{start:08x}, {start + 100:08x})"
    )
    row = next(n for n, line in enumerate(lines) if line.startswith(">"))
    at = lines[row + 1].index("^")
    base = int(lines[row][1:9], 16)
    assert base + 8 * ((at - 11) // 3) == start + 9 & -8
    assert lines[row][at : at + 2] in ("fa", "fb")
    assert len([line for line in lines[row - 2 : row + 4] if re.fullmatch(r"[ >]\w{8}:( [0-9a-f]{2}){16}", line)]) == 5


def test_the_bytes_around() -> None:
    _, text, (report,) = check("wrong", "size")
    states = re.findall(r"^[ >]\w{8}: (.*)$", text, re.MULTILINE)
    assert " ".join(["00"] * 12 + ["04"] + ["fc"] * 3) in " ".join(states)


@pytest.mark.parametrize("slab_debug", DEBUG)
@pytest.mark.parametrize("uninit", [False, True], ids=["access", "uninit"])
@pytest.mark.parametrize("way", ["ksize", "krealloc", "rcu", "cache_size", "ctor", "again"])
def test_right_accesses(way: str, uninit: bool, slab_debug: str | None) -> None:
    assert check("right", way, uninit=uninit, slab_debug=slab_debug) == (0, "", [])


UNSET = {
    "branch": "decide", "memcpy": "decide", "struct": "decide", "spilled": "decide", "arithmetic": "decide",
    "address": "address", "printk": "printk of a value", "text": "printk of a text", "argument": "argument",
    "page": "decide", "vmalloc": "decide", "krealloc": "decide",
}  # fmt: skip


@pytest.mark.variants
@pytest.mark.parametrize("slab_debug", DEBUG)
@pytest.mark.parametrize("way", UNSET)
def test_memory_that_was_never_written(way: str, slab_debug: str | None) -> None:
    status, text, reports = check("unset", way, uninit=True, slab_debug=slab_debug)
    assert [(r.kind, r.line, r.count) for r in reports] == [("uninit-value", line_of(UNSET[way]), 1)]
    (report,) = reports
    assert report.allocated is not None and f"BUG: KMSAN: uninit-value in {report.site}\n" in text
    assert status == 0 or way == "address"  # of poison it faults


def test_a_jump_by_what_was_never_written() -> None:
    reports = check("unset", "jump", uninit=True)[2]
    assert (reports[0].kind, reports[0].line) == ("uninit-value", line_of("jump"))


@pytest.mark.parametrize("way", ["set", "copies", "bits", "mask", "sprintf", "zeros"])
def test_what_was_written(way: str) -> None:
    status, text, reports = check("unset", way, uninit=True)
    assert (status, [r.text for r in reports]) == (0, [])


@pytest.mark.parametrize("way", [*UNSET, "copies"])
def test_without_check_uninit_it_does_not_matter(way: str) -> None:
    assert check("unset", way)[2] == []


CORRECT = [
    ("tour.c", {"ram": 1024}), ("tour.c", {"slab_debug": "Z"}), ("threads.c", {}),
    ("smp.c", {"cpus": 2, "schedule": 5}),
    *(pytest.param(*row, marks=pytest.mark.slow) for row in (
        ("smp.c", {"cpus": 2, "schedule": 6, "slab_debug": ""}), ("threads.c", {"cpus": 2, "schedule": 1}),
        ("pressure.c", {}), ("kmap_wrap.c", {"ram": 1024}), ("vmalloc_sync.c", {"ram": 1024}),
        ("vmalloc_sync.c", {"ram": 1024, "pae": True}),
    )),
    *((f"modules/{path.name}", {}) for path in sorted((cc.PROGRAMS / "modules").glob("*.c"))),
]  # fmt: skip


@pytest.mark.variants
@pytest.mark.parametrize("uninit", [False, pytest.param(True, id="uninit")])
@pytest.mark.parametrize(("name", "options"), CORRECT)
def test_correct_programs(name: str, options: dict[str, int], uninit: bool) -> None:
    """Nothing is reported, and what is watched runs as what is not, to the nanosecond."""
    source = cc.PROGRAMS / name
    ram = {"ram": options.get("ram", 64) << 20}
    with Kernel.boot(BootOptions(**options | ram)) as kernel:  # type: ignore[arg-type]
        plain = execute(kernel, source), kernel.clock()
    with Kernel.boot(BootOptions(**options | ram)) as kernel:  # type: ignore[arg-type]
        watched = kernel.check_access(uninit)
        assert (execute(kernel, source), kernel.clock()) == plain
        assert watched.reports == []


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Kernel]:
    """A machine that was saved and attached, with the history of its allocations."""
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        kernel.record_history()
        execute(kernel, cc.PROGRAMS / "tour.c")
        kernel.save(tmp_path / "image")
    with Kernel.attach(Machine.load(tmp_path / "image")) as kernel:
        yield kernel


@pytest.mark.parametrize("way", ["size", "freed", "direct"])
def test_an_attached_machine(saved: Kernel, way: str) -> None:
    watched = saved.check_access()
    assert execute(saved, cc.PROGRAMS / "tour.c")[0] == 0 and not watched.reports
    execute(saved, PROGRAM, "wrong", way)
    assert [report.kind for report in watched.reports] == [WRONG[way][0]]


def test_the_states_of_an_attached_machine_are_its_structures(tmp_path: Path) -> None:
    """A shadow made late knows of each frame and object what one knows that has seen all: but for sizes asked for."""
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        watched = kernel.check_access()
        execute(kernel, cc.PROGRAMS / "tour.c")
        kernel.save(tmp_path / "image")
        with Kernel.attach(Machine.load(tmp_path / "image")) as late:
            other = late.check_access()
            for cachep in late.slab.caches():
                for slab in late.slabs(cachep):
                    for obj in slab.objects:
                        pa = obj.address - 0xC0000000
                        both = [check.shadow.bytes[pa] < 0x80 for check in (watched, other)]
                        assert both[0] == both[1], (late.slab.name(cachep), obj)
            frames = late.frame_map()
            for pfn in range(late.limits.max_pfn):
                if frames.kind(pfn) not in ("slab", "hole"):
                    free = [check.shadow.bytes[pfn << 12] == 0 for check in (watched, other)]
                    assert free[0] == free[1] == (frames.kind(pfn) in ("buddy", "per-cpu")), f"{pfn:x}"
