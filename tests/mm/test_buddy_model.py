"""mm.page_alloc beside a plain model: the same blocks, the same lists, in the same order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guest.kernel import Kernel
from mm.layout import MAX_ORDER
from mm.list import list_for_each
from mm.setup import BootOptions
from tests.mm.buddy_model import GFP_COLD, GFP_DMA, GFP_HIGH, GFP_HIGHMEM, GFP_WAIT, Model, Pcp, Zone

MB = 1 << 20
NOWARN = 0x200
GFPS = [
    GFP_WAIT, GFP_WAIT | GFP_HIGHMEM, GFP_WAIT | GFP_DMA, GFP_HIGH, GFP_WAIT | GFP_COLD, GFP_HIGH | GFP_HIGHMEM, 0,
]  # fmt: skip


def lists_of(kernel: Kernel, zone: int) -> tuple[list[list[int]], list[int], list[int]]:
    """The free areas and the two per-CPU lists of a zone as frame numbers, walked in guest RAM."""
    pages, w = kernel.page_alloc, kernel._w

    def frames(head: int) -> list[int]:
        return [pages.page_to_pfn(entry - 0x18) for entry in list_for_each(w, head)]

    va = pages.zones[zone]
    area = va + kernel.layout["zone"].offset("free_area")
    free = [frames(area + 12 * order) for order in range(MAX_ORDER)]
    return free, frames(pages.pcp(va, 0, 0) + 12), frames(pages.pcp(va, 0, 1) + 12)


def model_of(kernel: Kernel) -> Model:
    """A model in the state of a machine, its constants read from the structs that other tests check."""
    fields, w = kernel.layout["zone"], kernel._w
    zones = []
    for number, va in enumerate(kernel.page_alloc.zones):
        z = (va - 0xC0000000) >> 2
        start = w[z + fields.word("zone_start_pfn")]
        free, hot, cold = lists_of(kernel, number)
        pcps = []
        for which, frames in enumerate((hot, cold)):
            i = (kernel.page_alloc.pcp(va, 0, which) - 0xC0000000) >> 2
            pcps.append(Pcp(w[i + 1], w[i + 2], frames))
        reserve = z + fields.word("lowmem_reserve")
        zones.append(
            Zone(
                start, start + w[z + fields.word("spanned_pages")], w[z + fields.word("pages_min")],
                w[z + fields.word("pages_low")], tuple(w[reserve : reserve + 3]), *pcps, free,
            )  # fmt: skip
        )
    return Model(zones)


def same(kernel: Kernel, model: Model) -> None:
    for number, zone in enumerate(model.zones):
        assert lists_of(kernel, number) == (zone.free, zone.hot.frames, zone.cold.frames)
        z = (kernel.page_alloc.zones[number] - 0xC0000000) >> 2
        assert kernel._w[z] == zone.free_pages()


def play(kernel: Kernel, model: Model, operations: list[tuple[int, int, int]], compare_every: int) -> int:
    """Run (kind, order, choice) triples on both; the number of blocks that were handed out."""
    pages = kernel.page_alloc
    held: list[tuple[int, int]] = []
    given = 0
    for step, (kind, order, choice) in enumerate(operations):
        if kind < len(GFPS):
            page = pages.alloc_pages(GFPS[kind] | NOWARN, order)
            frame = model.alloc(GFPS[kind], order)
            assert (pages.page_to_pfn(page) if page else None) == frame
            if frame is not None:
                held.append((frame, order))
                given += 1
        elif held:
            frame, order = held.pop(choice % len(held))
            pages._free_pages(pages.pfn_to_page(frame), order)
            model.free(frame, order)
        if step % compare_every == 0:
            same(kernel, model)
    for frame, order in held:
        pages._free_pages(pages.pfn_to_page(frame), order)
        model.free(frame, order)
    same(kernel, model)
    return given


# Frees are as likely as allocations; large orders are rare, as in life.
OPERATION = st.tuples(
    st.integers(0, 2 * len(GFPS) - 1), st.sampled_from([0] * 8 + [1, 1, 2, 2, 3, 4, 5, 7, 10, 11]), st.integers(0, 999)
)


@settings(max_examples=25)
@given(st.lists(OPERATION, max_size=150))
def test_every_step(operations: list[tuple[int, int, int]]) -> None:
    with Kernel.boot(BootOptions(ram=32 * MB)) as kernel:
        play(kernel, model_of(kernel), operations, compare_every=1)


@pytest.mark.parametrize("ram", [16 * MB, 40 * MB, 904 * MB])
def test_ten_thousand_operations(ram: int) -> None:
    """Mixed orders and zones until memory runs short again and again; 904 MB has 8 MB of HighMem."""
    rng = random.Random(ram)
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        model = model_of(kernel)
        operations = []
        for number in range(10_000):
            tight = number // 1000 % 2  # a thousand steps in which allocations win, a thousand in which frees do
            kinds = 2 * len(GFPS) - (4 if tight else -6)
            order = rng.choice([0] * 6 + [1, 2, 3, 4, 6, 8, 9, 10])
            operations.append((rng.randrange(kinds), order, rng.randrange(1000)))
        assert play(kernel, model, operations, compare_every=500) > 2_000


def test_a_failed_allocation_says_so_with_the_state_of_memory() -> None:
    with Kernel.boot(BootOptions(ram=16 * MB)) as kernel:
        before = len(kernel.log.text())
        while kernel.page_alloc.alloc_pages(GFP_WAIT, 8):
            pass
        text = kernel.log.text()[before:]
        assert text.startswith("swapper: page allocation failure. order:8, mode:0x10\n")
        assert "Mem-info:\nDMA per-cpu:\n" in text and "\n4096 pages of RAM\n" in text
