"""volatility3 against pagewalk, vtop and aliases: on a saved RAM image of a machine with two address spaces."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.monitor import Monitor

contexts = pytest.importorskip("volatility3.framework.contexts")
from volatility3.framework import exceptions  # noqa: E402
from volatility3.framework.layers import intel, physical  # noqa: E402

GB = 1 << 30


@pytest.fixture(scope="module", params=["Intel", "IntelPAE"])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Monitor, Any]]:
    """A monitor, and what makes volatility's layer for a CR3."""
    with Kernel.boot(BootOptions(ram=GB, pae=request.param == "IntelPAE")) as kernel:
        kernel.tasks.create_program("shell", 1)
        pages = [kernel.page_alloc.alloc_pages(0xD2, 0) for _ in range(50)]
        for page in pages:
            kernel.highmem.kmap(page)
        for size in (5 << 20, 100_000, 12_000):
            kernel.vmalloc.vmalloc(size)
        image: Path = tmp_path_factory.mktemp("image") / "ram.raw"
        with open(image, "wb") as file:
            file.truncate(4 * GB)  # with the page of the hypercalls, which is no RAM
            for start, end in kernel.ram.extents():
                file.seek(start)
                file.write(kernel.ram.bytes[start:end])
        context = contexts.Context()
        context.config["memory.location"] = image.as_uri()
        context.add_layer(physical.FileLayer(context, "memory", "memory"))

        def layer(cr3: int) -> Any:
            name = f"space{cr3:x}"
            context.config[f"{name}.memory_layer"] = "memory"
            context.config[f"{name}.page_map_offset"] = cr3
            return getattr(intel, request.param)(context, name, name)

        yield Monitor(kernel), layer


def test_both_address_spaces(machine: tuple[Monitor, Any]) -> None:
    monitor, layer = machine
    init, shell = monitor.session.kernel.address_spaces()
    sizes = []
    for space in (init, shell):
        theirs = layer(space.cr3)
        pages = {}
        for linear, size, pa, _, _ in theirs.mapping(0, 1 << 32, ignore_errors=True):
            pages |= {linear + n: pa + n for n in range(0, size, 4096)}
        ours = {
            r.start + n: r.physical + n
            for r in monitor.execute(f"pagewalk --cr3 {space.cr3:x}").result for n in range(0, r.end - r.start, 4096)
        }  # fmt: skip
        assert ours == pages
        sizes.append(len(pages))
        for linear in random.Random(1).sample(sorted(pages), 100):
            assert monitor.execute(f"vtop --cr3 {space.cr3:x} {linear:x}").result.physical == pages[linear]
            aliases = monitor.execute(f"aliases --cr3 {space.cr3:x} {pages[linear] >> 12:x}").result.aliases
            assert linear in [alias.linear for alias in aliases]
        for linear in random.Random(2).sample(range(0xF880_0000, 1 << 32, 4096), 100):
            try:
                expected = int(theirs.translate(linear)[0])
            except exceptions.InvalidAddressException:
                expected = None
            assert monitor.execute(f"gva2gpa --cr3 {space.cr3:x} {linear:x}").result == expected
    # the shell's directory has not heard of the newest page table, except with PAE, where all share it
    assert (sizes[1] == sizes[0]) == monitor.session.pae
