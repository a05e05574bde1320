"""kmap, kmap_atomic and the fixmap as programs use them, in every configuration that changes the windows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guest import cc, elf
from guest.kernel import EXIT_KILLED, EXIT_TIMEOUT, Kernel
from mm.fixmap import (
    FIX_HYPERCALL,
    FIX_KMAP_BEGIN,
    end_of_fixed_addresses,
    fix_wp_test,
    fixaddr_start,
    slot_names,
)  # fmt: skip
from mm.fsck import fsck
from mm.layout import Layout
from mm.setup import BootOptions
from tools.monitor import Monitor

HERE = Path(__file__).resolve().parent
CONFIGURATIONS: list[dict[str, Any]] = [{}, {"pae": True}, {"page_owner": False}, {"nr_cpus": 4, "pae": True}]


def run(
    path: Path, *arguments: str, timeout: float = 60, look: Callable[[Kernel], None] = lambda kernel: None,
    **options: Any,
) -> tuple[int, str]:  # fmt: skip
    """Boots a machine with HighMem, runs a program, looks at what it left: the exit status and what was printed."""
    with Kernel.boot(BootOptions(**{"ram": 1 << 30, **options})) as kernel:
        before = len(kernel.log.text())
        status = kernel.run(elf.read(cc.build([path], kernel.layout), path.name), [path.name, *arguments], timeout)
        text = re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)
        look(kernel)
    return status, text


def clean(kernel: Kernel) -> None:
    assert [str(damage) for damage in fsck(kernel.ram).damages] == []


@pytest.mark.variants
@pytest.mark.parametrize("options", CONFIGURATIONS[:3], ids=str)
def test_3000_pages_through_the_window(options: dict[str, Any]) -> None:
    status, text = run(cc.PROGRAMS / "kmap_wrap.c", look=clean, **options)
    slots, base = (512, "ffc00000") if options.get("pae") else (1024, "ff800000")
    wraps, again = (5, 2539) if slots == 512 else (2, 2039)
    assert (status, text.splitlines()) == (0, [
        f"written: 3000 pages mapped anew, the search wrapped {wraps} times",
        f"read: {again} pages mapped anew, the search wrapped {wraps} times",
        f"{slots} slots from {base} on: 3072000 words right, 0 wrong, 0 pages in use moved",
    ])  # fmt: skip


def test_the_window_needs_highmem() -> None:
    status, text = run(cc.PROGRAMS / "kmap_wrap.c", ram=512 << 20)
    assert (status, text) == (1, "this machine has not enough HighMem: try --ram 1G\n")


@pytest.mark.variants
@pytest.mark.parametrize("options", CONFIGURATIONS, ids=str)
def test_every_call(options: dict[str, Any]) -> None:
    def nothing_left(kernel: Kernel) -> None:
        clean(kernel)
        assert kernel.kmap_state().atomic == []
        assert [slot.index for slot in kernel.fixmap_slots() if slot.pte] == [FIX_HYPERCALL]

    assert run(HERE / "programs" / "kmap_calls.c", look=nothing_left, **options) == (0, "")


@pytest.mark.variants
@pytest.mark.parametrize(
    "options", [{}, {"page_owner": False}, {"pae": True, "cpus": 2, "schedule": 9}], ids=str
)
def test_six_threads_share_two_slots(options: dict[str, Any]) -> None:
    def nobody_waits(kernel: Kernel) -> None:
        clean(kernel)
        state = kernel.kmap_state()
        assert state.waiting == [] and all(slot.users == 0 for slot in state.slots)

    assert run(HERE / "programs" / "kmap_contend.c", look=nobody_waits, **options) == (0, "")


@pytest.mark.variants
@pytest.mark.parametrize("schedule", [None, 1, 2])
def test_13_types_on_two_cpus(schedule: int | None) -> None:
    status, text = run(HERE / "programs" / "kmap_cpus.c", look=clean, cpus=2, schedule=schedule)
    assert (status, sorted(text.splitlines())) == (0, ["CPU 0: 13 slots", "CPU 1: 13 slots"])


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("taken", "mm/highmem.py"), ("unmapped", "mm/highmem.py"), ("twice", "mm/highmem.py"),
        ("interrupt", "mm/highmem.py"), ("above", "mm/highmem.py"), ("index", "mm/fixmap.py"),
        ("hypercall", "mm/fixmap.py"),
    ],
)  # fmt: skip
def test_bug(what: str, where: str) -> None:
    status, text = run(HERE / "programs" / "kmap_bugs.c", what)
    assert status == EXIT_KILLED and re.search(rf"^kernel BUG at {where}:\d+!", text, re.MULTILINE)


def test_a_trace_leads_out_of_an_interrupt_to_who_was_interrupted() -> None:
    _, text = run(HERE / "programs" / "kmap_bugs.c", "interrupt")
    trace = re.findall(r"^ \[<\w+>\] (\w+)\+", text, re.MULTILINE)
    assert trace[:4] == ["unmap", "ret_from_call", "main", "ret_from_call"]


def test_who_ends_in_an_atomic_section_is_named() -> None:
    status, text = run(HERE / "programs" / "kmap_bugs.c", "kept")
    assert status == 0 and re.search(r"^note: kmap_bugs\[\d+\] exited with preempt_count 1$", text, re.MULTILINE)


def test_the_address_of_an_unmapped_slot_faults() -> None:
    status, text = run(HERE / "programs" / "kmap_bugs.c", "stale")
    assert status == EXIT_KILLED
    assert "BUG: unable to handle kernel paging request at virtual address fffb9000" in text
    assert "*pte = 00000000" in text


def test_a_leak_is_seen() -> None:
    """A kmap_atomic that is not given back: the slot, and the preempt_count; and who holds a kmap, by source line."""
    seen: list[str] = []
    status, text = run(
        HERE / "programs" / "kmap_bugs.c", "leak", timeout=1,
        look=lambda kernel: seen.append(Monitor(kernel).execute("kmap").text),
    )  # fmt: skip
    assert status == EXIT_TIMEOUT
    assert "BUG: sleeping function called from invalid context" in text
    assert re.search(r"^     1  kmap_bugs \(pid 2\) in main\+0x\w+ \(\S*kmap_bugs\.c:\d+\)$", seen[0], re.MULTILINE)
    assert re.search(r"^     0  fffb2000  [0-9a-f]+ +KM_IRQ1$", seen[0], re.MULTILINE)
    assert seen[0].endswith("kmap_bugs (pid 2) has preempt_count 0x1\n")


LAYOUTS = [Layout(1), Layout(2, False), Layout(32), Layout(32, pae=True)]


@pytest.mark.variants
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.vermagic)
def test_the_slots_are_the_headers(build: Callable[..., Path], layout: Layout) -> None:
    names = slot_names(layout)
    facts = {
        "FIX_HYPERCALL": FIX_HYPERCALL, "FIX_KMAP_BEGIN": FIX_KMAP_BEGIN, "FIX_WP_TEST": fix_wp_test(layout),
        "__end_of_fixed_addresses": end_of_fixed_addresses(layout), "FIXADDR_START": fixaddr_start(layout),
        "FIX_KMAP_END": FIX_KMAP_BEGIN + 13 * layout.nr_cpus - 1,
    }  # fmt: skip
    facts |= {n: names.index(n) for n in names if n.isidentifier() and not re.search(r"BASE_[1-9]", n)}
    assert {"FIX_VDSO", "FIX_PCIE_MCFG", "FIX_BTMAP_END", "FIX_BTMAP_BEGIN"} <= set(facts)
    text = "#include <asm/fixmap.h>\n" + "".join(f'_Static_assert({n} == {v}ULL, "{n}");\n' for n, v in facts.items())
    build(text + "int main(int argc, char **argv) { return 0; }\n", layout=layout)
