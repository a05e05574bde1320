"""The vmalloc family, ioremap and dma_alloc_coherent, called from programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.setup import BootOptions
from tools.monitor import Monitor

HERE = Path(__file__).resolve().parent
MB = 1 << 20


@pytest.fixture(params=[(1024, False), (64, False), (1024, True)], ids=["1G", "64M", "1G PAE"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    ram, pae = request.param
    with Kernel.boot(BootOptions(ram=ram * MB, pae=pae)) as kernel:
        yield kernel


def run(kernel: Kernel, program: str, *arguments: str) -> tuple[int, str]:
    """Exit status, and what was printed without the levels."""
    path = HERE / "programs" / f"{program}.c"
    before = len(kernel.log.text())
    file = elf.read(cc.build([path], kernel.layout), path.name)
    status = kernel.run(file, [program, *arguments], timeout=30)
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


def areas(kernel: Kernel) -> list[object]:
    return list(kernel.vmallocinfo())


def test_the_vmalloc_family(kernel: Kernel) -> None:
    before = areas(kernel)
    assert run(kernel, "vmalloc_calls") == (0, "")
    assert areas(kernel) == before
    assert fsck(kernel.ram, kernel.text()).damages == []


def test_by_every_compiler(every_compiler: str) -> None:
    with Kernel.boot(BootOptions(ram=64 * MB, pae=True)) as kernel:
        assert run(kernel, "vmalloc_calls") == (0, "")


@pytest.mark.parametrize("call", ["vfree", "vunmap", "get_vm_area"])
def test_not_in_an_interrupt(call: str) -> None:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        status, text = run(kernel, "vmalloc_irq", call)
        assert status == 137 and re.search(r"kernel BUG at mm/vmalloc.py:\d+!", text) and "survived" not in text


def test_ioremap(kernel: Kernel) -> None:
    state = [0, 0]  # reads, last value

    def read(offset: int, size: int) -> int:
        state[0] += 1
        return state[0] + 1 << 16 | state[1]

    def write(offset: int, size: int, value: int) -> None:
        assert (offset, size) == (4, 4)
        state[1] = value

    kernel.machine.map_mmio(0xFD001000, 0x1000, read, write)
    before = areas(kernel)
    status, text = run(kernel, "ioremap")
    assert status == 0
    lines = text.splitlines()
    assert re.fullmatch(r"iounmap: bad address [0-9a-f]{5}000", lines[0]) and "Call Trace" not in lines[0]
    assert sum("bad address" in line for line in lines) == 1
    assert areas(kernel) == before
    assert fsck(kernel.ram, kernel.text()).damages == []
    assert kernel.ram.read(0xB8000, 6) == b"a\x07b\x07c\x07"
    assert "0x61 0x07 0x62" in Monitor(kernel).execute("xp /3xb b8000").text


def test_unmapped_memory_reads_ones(kernel: Kernel, tmp_path: Path) -> None:
    source = tmp_path / "bus.c"
    source.write_text("""
#include <linux/io.h>
int main(void)
{
	u8 __iomem *p = ioremap(0xe0000000, 0x3000);
	int good = 1;

	writel(5, p + 0xffc);
	writel(6, p + 0x1fff);	/* across two pages */
	good = readl(p + 0xffc) == 0xffffffff && readw(p + 0x1000) == 0xffff && readb(p) == 0xff &&
		readl(p + 0x1ffe) == 0xffffffff;
	iounmap(p);
	return !good;
}
""")
    assert kernel.run(elf.read(cc.build([source], kernel.layout), "bus.c"), ["bus"], timeout=30) == 0
