"""The programs, run on the machine: the tour, the oops, and the bad ones, by both compilers' code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from hw.errors import HighmemError
from mm.fsck import fsck
from mm.setup import BootOptions

HERE = Path(__file__).resolve().parent
MB = 1 << 20
ADDRESS = re.compile(
    r"^(?P<call>\S.*\S) += (?P<va>[0-9a-f]{8})(  pfn (?P<pfn>[0-9a-f]{5})  zone (?P<zone>\w+))?"
)


def run(
    program: Path | str, *arguments: str, ram: int = 256 * MB, timeout: float = 20, output: cc.Output = "rel"
) -> tuple[int, str]:
    """Boots a machine, builds and runs a program on it: its exit status and what it printed."""
    path = HERE / "programs" / f"{program}.c" if isinstance(program, str) else program
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        before = len(kernel.log.text())
        file = elf.read(cc.build([path], kernel.layout, output), path.name)
        status = kernel.run(file, [path.name, *arguments], timeout)
        text = kernel.log.text()[before:]
    return status, re.sub(r"^<\d>", "", text, flags=re.MULTILINE)


# the tour


@pytest.mark.parametrize("ram", [64 * MB, 512 * MB, 1024 * MB, 4096 * MB])
def test_tour(ram: int) -> None:
    status, text = run(cc.PROGRAMS / "tour.c", ram=ram)
    assert status == 0, text
    assert "WRONG" not in text and text.rstrip().endswith("all is well, everything was given back")
    found = [match for match in map(ADDRESS.match, text.splitlines()) if match]
    calls = {match["call"]: match for match in found}
    assert len(found) >= 25
    last_low = min(ram, 896 * MB) >> 12
    lowmem_end = 0xC0000000 + (last_low << 12)
    mem_map = int(calls["mem_map"]["va"], 16)
    for match in found:
        va, call, zone = int(match["va"], 16), match["call"], match["zone"]
        pfn = int(match["pfn"], 16) if match["pfn"] else None
        if pfn is not None:
            wanted = "DMA" if pfn < 4096 else "Normal" if pfn < last_low else "HighMem"
            assert zone == wanted and pfn < ram >> 12
        if re.match(r"kmalloc|krealloc|__get_free|get_zeroed|kmem_cache|the stack|mem_map", call):
            assert 0xC0000000 <= va < lowmem_end and pfn == (va - 0xC0000000) >> 12
        elif call.startswith(("alloc_page", "vmalloc_to_page")):
            assert pfn is not None and va == mem_map + 40 * pfn
        elif call.startswith("vmalloc") or call == "main":
            assert (lowmem_end + 8 * MB) & -8 * MB <= va < 0xFF7FE000
        elif call == "kmap":
            assert 0xFF800000 <= va < 0xFFC00000 if ram > 896 * MB else va < lowmem_end
        elif call.startswith("kmap_atomic"):
            assert 0xFFC00000 < va < 0xFFFFF000 if ram > 896 * MB else va < lowmem_end
        if "DMA" in call:
            assert zone == "DMA"
        if "HIGHMEM" in call:
            assert zone == ("HighMem" if ram > 896 * MB else "Normal")
    sizes = [int(size) for size in re.findall(r"ksize (\d+)", text)]
    assert sizes == [32, 128, 128, 1024, 8192, 131072, 128, 256]


def test_tour_by_every_compiler(every_compiler: str) -> None:
    assert run(cc.PROGRAMS / "tour.c")[0] == 0
    assert run(cc.PROGRAMS / "tour.c", output="exec")[0] == 0


# the oops


def test_oops(every_compiler: str) -> None:
    status, text = run(cc.PROGRAMS / "oops.c")
    end = re.search(r"its end at ([0-9a-f]{8})", text)
    assert status == 137 and end
    assert f"BUG: unable to handle kernel paging request at virtual address {end[1]}" in text
    assert "Oops: 0002 [#1]" in text and "not reached" not in text
    assert re.search(r"EIP is at store\+0x", text)
    trace = re.findall(r"\[<[0-9a-f]{8}>\] (\w+)\+", text)
    assert trace.index("fill") < trace.index("main")
    assert "oops.c:16" in text


# the library and the exception table


@pytest.mark.parametrize("program", ["library", "extable"])
def test_on_the_machine(every_compiler: str, program: str) -> None:
    status, text = run(program)
    assert status == 0 and "WRONG" not in text, text


def test_arguments_and_exit_status() -> None:
    assert run("exitcode", "42")[0] == 42
    assert run("exitcode", "-1")[0] == 255
    status, text = run("exitcode", "a b", "", "\xe4")
    assert status == 4 and "argv[1] = a b\nargv[2] = \nargv[3] = " in text


def test_modules(every_compiler: str) -> None:
    status, text = run("module_hello")
    assert status == 0 and text == "hello, world\nhello, world\ngoodbye\n"
    status, text = run("module_fail")
    assert status == 1 and text.startswith("no room\n") and "-12" in text and "never" not in text


# the bad ones


def test_bug(every_compiler: str) -> None:
    status, text = run("bug")
    assert status == 137 and re.search(r"BUG: at \S*bug.c:6 broken\(\)", text)
    assert re.search(r"kernel BUG at \S*bug.c:7!", text) and "EIP is at broken+" in text


def test_double_free() -> None:
    status, text = run("double_free", "again")
    assert status == 0 and "the same object" in text


@pytest.mark.parametrize(
    ("what", "status"),
    [("null", 0), ("static", 137), ("vmalloc", 137), ("page", 137), ("user", 137), ("high", 137)],
)
def test_wild_free(what: str, status: int) -> None:
    found, text = run("wild_free", what)
    assert found == status, text
    assert ("survived" in text) == (status == 0)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("null", ""),
        ("unaligned", r"Trying to vfree\(\) bad address \([0-9a-f]{6}64\)"),
        ("inside", r"Trying to vfree\(\) nonexistent vm area \([0-9a-f]{8}\)"),
        ("twice", r"Trying to vfree\(\) nonexistent vm area \([0-9a-f]{8}\)"),
        ("lowmem", r"Trying to vfree\(\) nonexistent vm area \(c[0-9a-f]{7}\)"),
    ],
)
def test_bad_vfree(what: str, words: str) -> None:
    status, text = run("bad_vfree", what)
    assert status == 0 and "survived" in text and re.search(words, text)


def test_jump_to_zero(every_compiler: str) -> None:
    status, text = run("jump_zero")
    assert status == 137 and "kernel NULL pointer dereference at virtual address 00000000" in text


def test_stack_overflow(every_compiler: str) -> None:
    status, text = run("stack_overflow")
    assert status == 137 and "Thread overran stack, or stack corrupted" in text


def test_too_much() -> None:
    status, text = run("order11")
    assert status == 0, text


@pytest.mark.parametrize("arguments", [(), ("calls",)])
def test_endless_loop(arguments: tuple[str, ...]) -> None:
    status, text = run("loop", *arguments, timeout=0.5)
    assert status == 124 and text.startswith("looping\n")


def test_constructor_that_allocates_from_its_own_cache(tmp_path: Path) -> None:
    """The engine crashes when runs nest too deep: the kernel must give up before."""
    source = tmp_path / "deep.c"
    source.write_text(
        """
#include <linux/slab.h>
static struct kmem_cache *cache;
static void ctor(void *p, struct kmem_cache *c, unsigned long flags) { kmem_cache_alloc(cache, GFP_KERNEL); }
int main(void)
{
	cache = kmem_cache_create("deep", 3000, 0, 0, ctor, NULL);
	kmem_cache_alloc(cache, GFP_KERNEL);
	return 0;
}
"""
    )
    status, text = run(source)
    assert status == 137 and "32 within each other" in text


def test_cache_that_outlives_its_program(tmp_path: Path) -> None:
    """Its name is gone with the program's memory; 2.6.20 says so, and goes on."""
    source = tmp_path / "leak.c"
    source.write_text(
        """
#include <linux/slab.h>
int main(int argc, char **argv) { return !kmem_cache_create(argv[0], 200, 0, 0, NULL, NULL); }
"""
    )
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        program = elf.read(cc.build([source], kernel.layout), "leak.c")
        assert kernel.run(program, ["first"]) == 0
        assert kernel.run(program, ["other", "argument" * 100]) == 0
        assert len(kernel.slabinfo()) == 2 + len(kernel.layout.kernel_caches) + len(kernel.layout.kmalloc_sizes) * 2 + 1


def test_too_long_arguments_leave_nothing_behind() -> None:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        program = elf.read(cc.build([HERE / "programs" / "exitcode.c"], kernel.layout), "exitcode.c")
        before = kernel.page_alloc.nr_free_pages(), kernel.vmallocinfo()
        assert kernel.run(program, ["x"]) == 1
        before = kernel.page_alloc.nr_free_pages(), kernel.vmallocinfo()
        with pytest.raises(elf.LoadError, match="arguments"):
            kernel.run(program, ["x", "y" * 200_000])
        assert (kernel.page_alloc.nr_free_pages(), kernel.vmallocinfo()) == before
        assert not kernel.tasks.of_programs() and not kernel.oops.modules()


def test_the_machine_goes_on_after_a_death() -> None:
    """The dead task and its program stay; the next program finds a sound machine."""
    with Kernel.boot(BootOptions(ram=128 * MB)) as kernel:
        for source, expected in ((cc.PROGRAMS / "oops.c", 137), (cc.PROGRAMS / "tour.c", 0)):
            program = elf.read(cc.build([source], kernel.layout), source.name)
            assert kernel.run(program, [source.name]) == expected
            assert fsck(kernel.ram, kernel.text()).damages == []
        assert [kernel.tasks.comm(task) for task in kernel.tasks.of_programs()] == ["oops"]
        assert kernel.oops.modules() == ["oops"]


def test_a_halted_program_comes_first() -> None:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        loop = elf.read(cc.build([HERE / "programs" / "loop.c"], kernel.layout), "loop.c")
        assert kernel.run(loop, ["loop"], timeout=0.2) == 124
        with pytest.raises(HighmemError, match="resume"):
            kernel.run(loop, ["loop"], timeout=0.2)
        assert kernel.resume(timeout=0.2) == 124
