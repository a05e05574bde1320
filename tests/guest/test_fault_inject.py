"""Allocations that fail on demand: which are counted, which fail, and what the program sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guest import elf
from guest.kernel import Kernel
from mm.fault_inject import FaultInject, Plan
from mm.setup import BootOptions

PROGRAM = """
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
static void *again(void) { return kmalloc(50, GFP_ATOMIC); }
int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("mine", 40, 0, 0, NULL, NULL);	/* 1 */
	void *p[6] = {
		kmalloc(100, GFP_KERNEL), kzalloc(200, GFP_KERNEL), again(),		/* 2, 3, 4 */
		cache ? kmem_cache_alloc(cache, GFP_KERNEL) : NULL,			/* 5 */
		alloc_pages(GFP_KERNEL, 2), vmalloc(8 * PAGE_SIZE),			/* 6, 7 */
	};
	void *sure = kmalloc(10, GFP_KERNEL | __GFP_NOFAIL);
	int i;

	printk("cache %d", cache != NULL);
	for (i = 0; i < 6; i++)
		printk(" %d", p[i] != NULL);
	printk(" sure %d\\n", sure != NULL);
	for (i = 0; i < 3; i++)
		kfree(p[i]);
	if (p[3])
		kmem_cache_free(cache, p[3]);
	if (p[4])
		__free_pages(p[4], 2);
	vfree(p[5]);
	kfree(sure);
	if (cache)
		kmem_cache_destroy(cache);
	return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    from guest import cc

    source = tmp_path_factory.mktemp("inject") / "inject.c"
    source.write_text(PROGRAM)
    return cc.build([source], BootOptions().layout)


def run(path: Path, inject: FaultInject, named: str = "") -> str:
    text: list[str] = []
    with Kernel.boot(BootOptions(ram=32 << 20), inject=inject, console=text.append) as kernel:
        text.clear()
        if named:

            def site(address: int) -> bool:
                symbol = kernel.symbol_at(address)
                return symbol is not None and symbol[0] == named

            inject.plan = Plan(site=site)
        assert kernel.run(elf.read(path, "inject"), ["inject"], 60) == 0
    told = [line for line in "".join(text).splitlines(True) if line.startswith("FAULT_INJECTION")]
    assert len(told) == len(inject.failed)
    for line, attempt in zip(told, inject.failed):
        assert f"allocation {attempt.number}, {attempt.size} bytes for " in line and "inject.c:" in line
    return "".join(text).splitlines(True)[-1]


ALL = "cache 1 1 1 1 1 1 1 sure 1\n"


def test_each_call_is_counted_once(program: Path) -> None:
    inject = FaultInject()
    assert run(program, inject) == ALL
    attempts = inject.attempts
    assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
    assert [(attempt.function, attempt.size) for attempt in attempts][1:] == [
        ("kmalloc", 100), ("kmalloc", 200), ("kmalloc", 50), ("kmem_cache_alloc", 40), ("alloc_pages", 16384),
        ("kmalloc", 28),
    ]  # fmt: skip
    assert len({attempt.call_site for attempt in attempts}) == 7 and inject.failed == []


def test_deep_counts_what_is_allocated_inside(program: Path) -> None:
    inject = FaultInject(Plan(deep=True))
    assert run(program, inject) == ALL
    assert len(inject.attempts) > 7 + 8  # the pages of vmalloc, each
    assert [attempt.size for attempt in inject.attempts].count(4096) >= 8


@pytest.mark.parametrize(("nth", "wanted"), [
    (1, "cache 0 1 1 1 0 1 1"), (2, "cache 1 0 1 1 1 1 1"), (3, "cache 1 1 0 1 1 1 1"), (4, "cache 1 1 1 0 1 1 1"),
    (5, "cache 1 1 1 1 0 1 1"), (6, "cache 1 1 1 1 1 0 1"), (7, "cache 1 1 1 1 1 1 0"), (8, "cache 1 1 1 1 1 1 1"),
])  # fmt: skip
def test_the_nth_fails(program: Path, nth: int, wanted: str) -> None:
    inject = FaultInject(Plan(nth=nth))
    assert run(program, inject) == f"{wanted} sure 1\n"
    assert [attempt.number for attempt in inject.failed] == ([nth] if nth < 8 else [])


def test_every_second_fails(program: Path) -> None:
    inject = FaultInject(Plan(every=2))
    assert run(program, inject) == "cache 1 0 1 0 1 0 1 sure 1\n"
    assert [attempt.number for attempt in inject.failed] == [2, 4, 6]


def test_no_more_than_so_many_fail(program: Path) -> None:
    assert run(program, FaultInject(Plan(every=1, most=2))) == "cache 0 0 1 1 0 1 1 sure 1\n"


def test_all_fail_but_nofail(program: Path) -> None:
    assert run(program, FaultInject(Plan(every=1))) == "cache 0 0 0 0 0 0 0 sure 1\n"


def test_a_call_site_fails(program: Path) -> None:
    inject = FaultInject()
    assert run(program, inject, "again") == "cache 1 1 1 0 1 1 1 sure 1\n"
    assert len(inject.failed) == 1


def test_counting_begins_anew(program: Path) -> None:
    inject = FaultInject(Plan(nth=1))
    run(program, inject)
    inject.start(Plan())
    assert inject.attempts == [] and inject.failed == [] and inject.plan == Plan()


@pytest.mark.parametrize("nth", range(1, 5))
def test_deep_failures_leave_nothing_behind(build: Callable[..., Path], nth: int) -> None:
    from guest.testing import Setup, run_case

    path = build("""
#include <linux/vmalloc.h>
int main(void) { void *p = vmalloc(20 * PAGE_SIZE); vfree(p); return p != NULL; }
""")
    result = run_case(elf.read(path, "deep"), Setup(BootOptions(ram=32 << 20), plan=Plan(nth=nth, deep=True)))
    assert (result.outcome, result.status) == ("passed", 0), result.failures
