"""volatility3's Intel layers against our walker: on a RAM image of a busy machine they must see the same memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guest.kernel import Kernel
from hw.paging import EFER_NXE, walk, walk_all
from mm.setup import BootOptions

contexts = pytest.importorskip("volatility3.framework.contexts")
from volatility3.framework import exceptions  # noqa: E402
from volatility3.framework.layers import intel, physical  # noqa: E402

GB = 1 << 30
LAYERS = {"Intel": (False, 1 * GB), "IntelPAE": (True, 6 * GB)}


def keep_busy(kernel: Kernel) -> None:
    """Mappings of every kind, some of them given back: holes, stale slots of kmap, page tables without a use."""
    random.seed(20)
    pages = [kernel.page_alloc.alloc_pages(0xD2, 0) for _ in range(700)]
    areas = [kernel.vmalloc.vmalloc(random.randrange(1, 1 << 20)) for _ in range(60)]
    assert all(pages) and all(areas)
    for page in pages:
        kernel.highmem.kmap(page)
        if random.random() < 0.7:
            kernel.highmem.kunmap(page)
    for area in areas[::3]:
        kernel.vmalloc.vfree(area)
    for km_type in (0, 3, 12):
        kernel.highmem.kmap_atomic(pages[km_type], km_type)


@pytest.fixture(scope="module", params=LAYERS)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Any]]:
    pae, ram = LAYERS[request.param]
    with Kernel.boot(BootOptions(ram=ram, pae=pae)) as kernel:
        keep_busy(kernel)
        image: Path = tmp_path_factory.mktemp("image") / "ram.raw"
        with open(image, "wb") as file:
            file.truncate(max(kernel.ram.size, 4 * GB))  # with the page of the hypercalls, which is no RAM
            for start, end in kernel.ram.extents():
                file.seek(start)
                file.write(kernel.ram.bytes[start:end])
        context = contexts.Context()
        context.config["memory.location"] = image.as_uri()
        context.add_layer(physical.FileLayer(context, "memory", "memory"))
        context.config["intel.memory_layer"] = "memory"
        context.config["intel.page_map_offset"] = kernel.machine.cpus[0]["cr3"]
        yield kernel, getattr(intel, request.param)(context, "intel", "intel")


def ours(kernel: Kernel, linear: int) -> int | None:
    cpu = kernel.machine.cpus[0]
    return walk(kernel.ram.words, cpu["cr3"], linear, cr0=cpu["cr0"], cr4=cpu["cr4"], efer=EFER_NXE).pa


def theirs(layer: Any, linear: int) -> int | None:
    try:
        return int(layer.translate(linear)[0])
    except exceptions.InvalidAddressException:
        return None


@pytest.mark.slow
@pytest.mark.variants
def test_every_mapped_page(machine: tuple[Kernel, Any]) -> None:
    kernel, layer = machine
    cpu = kernel.machine.cpus[0]
    rows = walk_all(kernel.ram, cpu["cr3"], cpu["cr0"], cpu["cr4"], EFER_NXE)
    seen = [(linear, size, pa) for linear, size, pa, _, _ in layer.mapping(0, 1 << 32, ignore_errors=True)]
    pieces = [(int(r["start"]), int(r["end"] - r["start"]), int(r["pa"])) for r in rows]
    assert merged(seen) == merged(pieces)
    pages = np.concatenate([np.arange(int(r["start"]), int(r["end"]), 4096) for r in rows]).tolist()
    assert len(pages) > (896 << 20 >> 12) + 700
    cr0, cr3, cr4 = cpu["cr0"], cpu["cr3"], cpu["cr4"]
    for linear in pages:
        at = linear + 0xABC
        assert walk(kernel.ram.words, cr3, at, cr0=cr0, cr4=cr4, efer=EFER_NXE).pa == layer.translate(at)[0], hex(at)


def merged(pieces: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Runs of linear addresses that lead to runs of physical ones."""
    runs: list[tuple[int, int, int]] = []
    for linear, size, pa in sorted(pieces):
        if runs and runs[-1][0] + runs[-1][1] == linear and runs[-1][2] + runs[-1][1] == pa:
            runs[-1] = (runs[-1][0], runs[-1][1] + size, runs[-1][2])
        else:
            runs.append((linear, size, pa))
    return runs


def test_random_addresses(machine: tuple[Kernel, Any]) -> None:
    kernel, layer = machine
    random.seed(21)
    bounds = ((0, 1 << 32), (0xC000_0000, 1 << 32), (0xF880_0000, 1 << 32))
    addresses = [random.randrange(*bounds[i % 3]) for i in range(10_000)]
    verdicts = [(ours(kernel, at), theirs(layer, at)) for at in addresses]
    assert all(we == they for we, they in verdicts)
    mapped = sum(we is not None for we, _ in verdicts)
    assert 1000 < mapped < 9000
