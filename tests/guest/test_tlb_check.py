"""--check-tlb on guest programs: which changes of page tables are reported, and that the kernel's own never are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import EXIT_KILLED, Kernel
from hw.machine import Machine
from mm.setup import BootOptions

PROGRAMS = Path(__file__).parent / "programs"
REPORT = re.compile(r"BUG: stale TLB entry on CPU (\d): (\w+) of ([0-9a-f]{8}) at (\w+)\+")


def run(kernel: Kernel, source: Path, *arguments: str) -> tuple[int, str]:
    before = len(kernel.log.text())
    program = elf.read(cc.build([source], kernel.layout), source.name)
    status = kernel.run(program, [source.name, *arguments], 60)
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


def tlb(way: str, capacity: int | None = None, **options: object) -> tuple[int, str, Kernel]:
    with Kernel.boot(BootOptions(ram=64 << 20, **options)) as kernel:  # type: ignore[arg-type]
        check = kernel.check_tlb(capacity)
        status, text = run(kernel, PROGRAMS / "tlb.c", way)
        assert len(REPORT.findall(text)) == check.reports
        return status, text, kernel


@pytest.mark.parametrize("pae", [False, True], ids=["two levels", "pae"])
@pytest.mark.parametrize("way", ["none", "invlpg_of_another", "cr3", "dirty"])
def test_a_stale_translation_is_reported_once(way: str, pae: bool) -> None:
    status, text, _ = tlb(way, pae=pae)
    assert status == 0
    (report,) = REPORT.findall(text)
    assert report[0] == "0" and report[3] in ("main", "touch")  # as the compiler likes
    assert re.search(r"\nChanged at 0\.\d{6} on CPU 0 by (set_pte|main)\+0x\w+/0x\w+ \[tlb\], and not inv", text)
    assert re.search(r"\nTLB: (\w{5})000-\1fff -> \w{5}000 \(P\|RW\|A\|D\|G", text)
    assert re.search(r"\nPTE at \w{8}: (\w{8}|\w{16}) \(P\|RW\|A\|D\|G.* -> (\w{8}|\w{16}) \(P\|RW\|A", text)


@pytest.mark.parametrize("pae", [False, True], ids=["two levels", "pae"])
@pytest.mark.parametrize(
    "way", ["invlpg", "invlpg_too_early", "cr3_not_global", "pge", "widen", "absent", "accessed", "back"]
)
def test_what_needs_no_invalidation_or_has_it(way: str, pae: bool) -> None:
    status, text, _ = tlb(way, pae=pae)
    assert (status, text) == (0, "")


@pytest.mark.parametrize(("way", "new"), [("unmap", r"0{8} \(not present\)"), ("read_only", r"\w{8} \(P\|A\|D\|G\)")])
def test_an_access_that_now_faults(way: str, new: str) -> None:
    """Hardware might have let it pass; here it is reported, and then it faults as it must."""
    status, text, _ = tlb(way)
    assert status == EXIT_KILLED and len(REPORT.findall(text)) == 1
    assert re.search(rf"\nPTE at \w{{8}}: \w{{8}} \(P\|RW\|A\|D\|G\) -> {new}\n", text)
    assert text.index("stale TLB entry") < text.index("BUG: unable to handle kernel paging request")


def test_a_change_that_nobody_meets() -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        check = kernel.check_tlb()
        status, _ = run(kernel, PROGRAMS / "tlb.c", "untouched")
        assert status == EXIT_KILLED and check.reports == 0
        (entry,) = check.stale(0)
        assert entry.cached in check.cached(0) and not entry.cached.reported
        assert entry.level and entry.level.name == "PTE" and entry.new == kernel.tables.get_pte(entry.cached.linear)
        assert entry.change and check.origin(entry.change).endswith("[tlb]") and check.source(entry.change)
        kernel.machine.flush_tlb()
        assert not check.stale(0)


@pytest.mark.parametrize("way", ["one_cpu", "all_cpus"])
def test_a_missing_shootdown(way: str) -> None:
    """INVLPG is this CPU's alone: the others go on with what they have."""
    status, text, _ = tlb(way, cpus=2)
    assert status == 0
    assert [report[0] for report in REPORT.findall(text)] == (["1"] if way == "one_cpu" else [])
    assert ("Changed at" in text and "on CPU 0 by" in text) == (way == "one_cpu")


def test_a_small_tlb() -> None:
    assert len(REPORT.findall(tlb("none", 64)[1])) == 1


@pytest.mark.variants
@pytest.mark.parametrize(
    ("program", "options"),
    [
        (cc.PROGRAMS / "kmap_wrap.c", {"ram": 1 << 30}),
        (cc.PROGRAMS / "vmalloc_sync.c", {"ram": 1 << 30}),
        (cc.PROGRAMS / "vmalloc_sync.c", {"ram": 1 << 30, "pae": True}),
        (PROGRAMS / "kmap_calls.c", {"ram": 1 << 30}),
        (PROGRAMS / "kmap_wait.c", {"ram": 1 << 30, "cpus": 2}),
        (cc.PROGRAMS / "tour.c", {"ram": 1 << 30}),
        (cc.PROGRAMS / "smp.c", {"ram": 1 << 30, "cpus": 4, "schedule": 5}),
        pytest.param(cc.PROGRAMS / "pressure.c", {"ram": 64 << 20}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("capacity", [None, pytest.param(16, marks=pytest.mark.slow)])
def test_the_kernel_itself_is_never_reported(program: Path, options: dict[str, int], capacity: int | None) -> None:
    """kmap, vmalloc and reclaim flush in their own time; and what is watched runs as what is not."""
    results = []
    for watched in (False, True):
        with Kernel.boot(BootOptions(**options)) as kernel:  # type: ignore[arg-type]
            if watched:
                kernel.check_tlb(capacity)
            results.append((run(kernel, program), kernel.clock()))
            if kernel.tlb_check:
                assert kernel.tlb_check.reports == 0
    assert results[0] == results[1]


def test_it_starts_on_an_attached_machine(tmp_path: Path) -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        kernel.machine.save(tmp_path / "image")
    with Kernel.attach(Machine.load(tmp_path / "image")) as kernel:
        check = kernel.check_tlb()
        assert check.cached(0) == [] and kernel.check_tlb() is check
        assert run(kernel, PROGRAMS / "tlb.c", "none")[0] == 0 and check.reports == 1


USE_AFTER_VFREE = """\
#include <linux/vmalloc.h>
int main(void)
{
	volatile char *area = vmalloc(4096);

	*area = 1;
	vfree((void *)area);
	return *area;
}
"""


@pytest.mark.parametrize("flushes", [True, False])
def test_a_flush_that_the_kernel_forgets(flushes: bool, tmp_path: Path) -> None:
    source = tmp_path / "after.c"
    source.write_text(USE_AFTER_VFREE)
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        kernel.check_tlb()
        if not flushes:
            kernel.vmalloc._flush_tlb = lambda: None
        status, text = run(kernel, source)
    assert status == EXIT_KILLED
    assert len(REPORT.findall(text)) == (not flushes)
    if not flushes:
        assert re.search(r"\nChanged at 0\.\d+ on CPU 0 by vfree, called from main\+\S+ \[after\], and not", text)
        assert re.search(rf"\nSource: {source}:7\nCall Trace:\n", text)
