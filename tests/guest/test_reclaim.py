"""Memory runs short: who waits, who reclaims, who is killed (the slow path of __alloc_pages, vmscan, oom_kill)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.gfp import GFP_ATOMIC, GFP_HIGHUSER, GFP_KERNEL, GFP_NOFS, GFP_NORETRY, GFP_USER
from mm.pgtable import PAGE_ACCESSED
from mm.setup import BootOptions

PROGRAMS = Path(__file__).resolve().parent / "programs"
MB = 1 << 20


def execute(kernel: Kernel, path: Path, *arguments: str, timeout: float = 60) -> tuple[int, str]:
    """Runs a program in a machine: its status and what it printed. Nothing may be damaged."""
    before = len(kernel.log.text())
    file = elf.read(cc.build([path], kernel.layout), path.name)
    status = kernel.run(file, [path.name, *arguments], timeout)
    assert [str(damage) for damage in fsck(kernel.ram).damages] == []
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


def run(name: str, *arguments: str, ram: int = 64 * MB, sysctl: str = "") -> tuple[int, str]:
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        if sysctl:
            kernel.set_sysctl(*sysctl.split("="))
        return execute(kernel, PROGRAMS / f"reclaim_{name}.c", *arguments)


@pytest.mark.variants
@pytest.mark.parametrize("ram", [16 * MB, 64 * MB, 1024 * MB])
def test_pressure(ram: int) -> None:
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        before = free(kernel)
        status, text = execute(kernel, cc.PROGRAMS / "pressure.c")
        assert status == 0 and "WRONG" not in text, text
        kernel.slab.reap_free_slabs()
        # A page table for vmalloc space stays, and what waits in the slab's arrays.
        assert before - free(kernel) < 50
        assert not kernel.tasks.of_programs()


def free(kernel: Kernel) -> int:
    return sum(zone.free for zone in kernel.zoneinfo()) + sum(
        pcp.count for zone in kernel.zoneinfo() for set_ in zone.pagesets for pcp in (set_.hot, set_.cold)
    )


@pytest.mark.slow
def test_who_retries() -> None:
    """Up to order 3 a request that may wait does so until there is memory; one of order 4 only if told to repeat."""
    status, text = run("retry")
    lines = [line for line in text.splitlines() if not line.startswith("the helper")]
    assert (status, lines) == (0, [
        "GFP_NOFS | __GFP_NORETRY 0: NULL after no wait",
        "GFP_KERNEL | __GFP_NORETRY 0: NULL after no wait",
        "GFP_NOFS 4: NULL after no wait",
        "GFP_NOIO 4: NULL after no wait",
        "GFP_NOFS 0: got it after a wait",
        "GFP_NOIO 0: got it after a wait",
        "GFP_NOFS 3: got it after a wait",
        "GFP_NOFS | __GFP_REPEAT 4: got it after a wait",
        "GFP_NOFS | __GFP_NOFAIL 4: got it after a wait",
        "GFP_NOFS | __GFP_NOFAIL | __GFP_NORETRY 0: NULL after no wait",
    ])  # fmt: skip


def test_what_a_shrinker_sees() -> None:
    """The flags of the request that is short; and PF_MEMALLOC lets it use what is kept from everybody else."""
    status, text = run("masks")
    assert (status, text.splitlines()) == (0, [
        "GFP_ATOMIC: NULL, the shrinker saw WAIT 0 IO 0 FS 0",
        "GFP_NOIO: NULL, the shrinker saw WAIT 1 IO 0 FS 0",
        "GFP_NOFS: NULL, the shrinker saw WAIT 1 IO 1 FS 0",
        "the shrinker has nothing",
        "with __GFP_NOMEMALLOC it gets nothing",
        "GFP_KERNEL: NULL, the shrinker saw WAIT 1 IO 1 FS 1",
        "GFP_USER: NULL, the shrinker saw WAIT 1 IO 1 FS 1",
        "the shrinker has a page",
        "no shrinker: NULL, the shrinker saw WAIT 0 IO 0 FS 0",
    ])  # fmt: skip


def test_sleeping_where_nobody_may() -> None:
    status, text = run("sleep")
    assert status == 0
    kernel, atomic, kmap, vmalloc = (part.split("\n", 1)[1] for part in text.split("-- ")[1:])
    complaint = r"BUG: sleeping function called from invalid context at mm/slab_objects\.py:\d+\n"
    expected = "task: got both\n"
    for place, in_atomic, irqs in (
        ("spinlock", 1, 0), ("preempt_disable", 1, 0), ("local_irq_save", 0, 1), ("local_bh_disable", 1, 0),
        ("softirq", 1, 0), ("interrupt", 1, 1),
    ):  # fmt: skip
        trace = r"(?: \[<[0-9a-f]{8}>\] .*\n)+ =+\n"
        expected += f"{complaint}in_atomic\\(\\):{in_atomic}, irqs_disabled\\(\\):{irqs}\n{trace}{place}: got both\n"
    assert re.fullmatch(expected, kernel), kernel
    assert atomic.splitlines() == [f"{place}: got both" for place in (
        "task", "spinlock", "preempt_disable", "local_irq_save", "local_bh_disable", "softirq", "interrupt"
    )]  # fmt: skip
    assert kmap.startswith("BUG: sleeping function called from invalid context at mm/highmem.py")
    assert vmalloc.startswith("BUG: sleeping function called from invalid context at mm/slab_objects.py")


# the killer


@pytest.mark.parametrize(("gfp_mask", "order"), [(GFP_KERNEL, 0), (GFP_USER, 0), (GFP_KERNEL, 3)])
def test_everything_that_may_be_waited_for_ends_in_the_killer(gfp_mask: int, order: int) -> None:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        status, text = execute(kernel, PROGRAMS / "reclaim_oom.c", hex(gfp_mask), str(order))
        assert status == 137 and "NULL" not in text
        assert text.startswith(
            f"reclaim_oom invoked oom-killer: gfp_mask={gfp_mask:#x}, order={order}, oomkilladj=0\n"
        )
        assert text.index(" hog+0x") < text.index("Mem-info:\n") < text.index("Out of memory: kill process ")
        killed = re.search(r"Out of memory: kill process (\d+) \(reclaim_oom\) score 0 or a child\n"
                           r"Killed process \1 \(reclaim_oom\)\n", text)  # fmt: skip
        assert killed and killed[1] == "2"
        assert execute(kernel, cc.PROGRAMS / "tour.c")[0] == 0
        assert not kernel.tasks.of_programs()


@pytest.mark.parametrize(
    ("gfp_mask", "order"), [(GFP_ATOMIC, 0), (GFP_ATOMIC, 5), (GFP_KERNEL | GFP_NORETRY, 0), (GFP_KERNEL, 4)]
)
def test_everything_else_ends_in_null(gfp_mask: int, order: int) -> None:
    """What may not wait, what is told not to retry, and order 4 and more, which is not retried."""
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        status, text = execute(kernel, PROGRAMS / "reclaim_oom.c", hex(gfp_mask), str(order))
        assert status == 0 and re.search(r"^NULL after \d+ blocks$", text, re.MULTILINE), text
        assert f"reclaim_oom: page allocation failure. order:{order}, mode:{gfp_mask:#x}\n" in text
        assert "oom-killer" not in text
        assert execute(kernel, cc.PROGRAMS / "tour.c")[0] == 0


def test_the_killer_needs_gfp_fs() -> None:
    """Without __GFP_FS the request waits for ever: here until --timeout."""
    with Kernel.boot(BootOptions(ram=32 * MB)) as kernel:
        file = elf.read(cc.build([PROGRAMS / "reclaim_oom.c"], kernel.layout), "oom")
        assert kernel.run(file, ["oom", hex(GFP_NOFS), "0"], timeout=1.5) == 124
        assert "oom-killer" not in kernel.log.text()
        assert fsck(kernel.ram).damages == []


def test_a_kernel_thread_cannot_be_killed() -> None:
    """It has no mm. The program that made it dies; then nobody is left."""
    status, text = run("oom", hex(GFP_KERNEL), "0", "thread")
    assert status == 137
    assert "hog invoked oom-killer" in text and "Killed process 2 (reclaim_oom)" in text
    assert "Kernel panic - not syncing: Out of memory and no killable processes..." not in text


def test_panic_on_oom() -> None:
    status, text = run("oom", hex(GFP_KERNEL), "0", sysctl="vm.panic_on_oom=1")
    assert status == 137
    assert text.rstrip().endswith("Kernel panic - not syncing: out of memory. panic_on_oom is selected")


def test_events() -> None:
    """/proc/vmstat tells what pressure.c did: its own pages, kswapd's work and the direct reclaim."""
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        start = kernel.vm_stat()
        assert start["pgalloc_dma"] == start["allocstall"] == start["pgscan_kswapd_normal"] == 0
        status, _ = execute(kernel, cc.PROGRAMS / "pressure.c")
        end = kernel.vm_stat()
        assert status == 0
        allocated = sum(end[f"pgalloc_{zone}"] - start[f"pgalloc_{zone}"] for zone in ("dma", "normal", "high"))
        still = allocated - (end["pgfree"] - start["pgfree"])
        assert 0 <= still < 100  # the slab's caches
        assert end["pageoutrun"] > 0 < end["allocstall"]
        assert end["pgactivate"] == 56 and end["pgdeactivate"] <= end["pgrefill_dma"] + end["pgrefill_normal"]
        stolen = end["pgsteal_dma"] + end["pgsteal_normal"]
        assert 0 < end["kswapd_steal"] < stolen <= end["pgscan_kswapd_normal"] + end["pgscan_direct_normal"] + sum(
            end[f"pgscan_{who}_dma"] for who in ("kswapd", "direct")
        )
        assert end["slabs_scanned"] >= 1280


@pytest.mark.variants
@pytest.mark.parametrize(
    "how",
    [
        "timer", "shrinker",
        *(
            pytest.param(how, marks=pytest.mark.slow)
            for how in ("handler", "vmalloc", "dirty", "locked", "inodes", "removes-itself")
        ),
    ],
)  # fmt: skip
def test_the_machine_goes_on_after(how: str) -> None:
    """What the kernel knows of a killed program goes with it; one that dies in an oops leaves its memory behind."""
    after = PROGRAMS / "reclaim_after.c"
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        before = free(kernel)
        status, text = execute(kernel, after, how)
        assert status == 137
        if how == "removes-itself":
            assert "kernel BUG at mm/vmscan.py" in text
            return
        if how == "handler":
            assert "Kernel panic - not syncing: Fatal exception in interrupt" in text
        else:
            assert "Out of memory: kill process 2" in text
            assert before - free(kernel) < 60
        status, text = execute(kernel, after, "file")
        assert (status, text) == (0, "")


def test_a_page_with_buffers_is_asked_to_give_them_up() -> None:
    status, text = run("after", "buffers")
    assert status == 0
    assert re.match(r"19\d of 200 pages gave up their buffers, \d are left\n", text), text


def test_a_request_in_a_function_that_the_kernel_called() -> None:
    """It cannot sleep for memory: time passes, then the killer comes, and the function goes on without."""
    status, text = run("nested")
    assert status == 137
    assert "Killed process 2 (reclaim_nested)" in text and "the handler has nothing" in text


def test_mapped_pages_leave_the_active_list_by_swappiness_and_their_accessed_bit() -> None:
    """shrink_active_list on 64 pages that kmap maps: kept with the default of 60; with 100, the accessed ones."""
    with Kernel.boot(BootOptions(ram=1024 * MB)) as kernel:
        mapping = kernel.inodes.new_inode(0) + kernel.layout["inode"].offset("i_data")
        pages = [kernel.filemap.find_or_create_page(mapping, index, GFP_HIGHUSER) for index in range(64)]
        kernel.swap.lru_add_drain()
        for page in pages:
            kernel.filemap.unlock_page(page)
            kernel.swap.activate_page(page)
            kernel.highmem.kmap(page)
        highmem = kernel.page_alloc.zones[2]

        def active_after_a_scan() -> int:
            kernel.vmscan._shrink_active_list(64, highmem, 12)
            return sum(zone.active for zone in kernel.zoneinfo())

        assert active_after_a_scan() == 64
        kernel.set_sysctl("vm.swappiness", "100")
        assert active_after_a_scan() == 64  # kmap sets the accessed bit; this scan has cleared it
        for page in pages[:10]:
            pte = kernel.highmem.pkmap_pte(page)
            kernel.tables.write(pte, kernel.tables.read(pte) | PAGE_ACCESSED)
        assert active_after_a_scan() == 10
        assert fsck(kernel.ram).damages == []
