"""Reports of local variables that nobody has set: whose they are, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from guest.locals import local_at
from mm.setup import BootOptions

SOURCE = """
#include <linux/kernel.h>
struct pair { int first, second[3]; };
#define SOMETHING(x) asm volatile("" : : "r" (x) : "memory")
static noinline void test(int number)
{
	if (number)
		printk("it is not 0\\n");
}
static noinline int inner(struct pair *outer)
{
	int numbers[4];

	SOMETHING(numbers);
	test(numbers[2]);
	test(outer->second[1]);
	return numbers[3];
}
int main(void)
{
	struct pair pair;
	int array[3], value;

	SOMETHING(&pair);
	SOMETHING(array);
	array[0] = 1;
	value = inner(&pair);
	test(value);
	test(array[0]);
	test(array[1]);
	return 0;
}
"""


@pytest.mark.variants
def test_whose_they_are(tmp_path: Path, every_compiler: str) -> None:
    source = tmp_path / "x.c"
    source.write_text(SOURCE)
    with Kernel.boot(BootOptions(ram=32 << 20)) as kernel:
        check = kernel.check_access(uninit=True)
        assert kernel.run(elf.read(cc.build([source], kernel.layout), "x.c"), ["x.c"]) == 0
        said = [[line for line in report.text if line.startswith(("Local", "The memory")) or line[:2] in (" i", " m")]
                for report in check.reports]  # fmt: skip
        text = kernel.log.text()
    assert said == [
        ["Local variable numbers created at:", " inner"],
        ["Local variable pair created at:", " main"],
        ["The memory was a local variable of a function that has returned"],
        ["Local variable array created at:", " main"],
    ]
    assert all(report.site.startswith("test+") and not report.allocated for report in check.reports)
    assert text.count("Local variable") == 3


@pytest.mark.parametrize("registers", [(0xC1000000, 0xC1000010, 0), (0xC1000000, 0xC1000010, 0xDEAD0000), (8, 8, 8)])
def test_without_frames(registers: tuple[int, int, int]) -> None:
    with Kernel.boot(BootOptions(ram=32 << 20)) as kernel:
        eip, esp, ebp = registers
        assert local_at(kernel.symbols, kernel.vm, kernel.oops, esp + 4, eip, esp, ebp) is None
