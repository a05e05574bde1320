"""A saved machine in the hands of gdb, drgn and volatility3, which must find in it what the kernel knows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from guest.kernel import Kernel
from hw.machine import Machine
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.setup import BootOptions
from tests.tools.gdb_runner import gdb as find_gdb
from tools.monitor import Monitor
from tools.save import save

MACHINES = {
    "small": BootOptions(ram=64 << 20),
    "high": BootOptions(ram=1 << 30, cpus=2),
    "pae": BootOptions(ram=6 << 30, pae=True, page_owner=False),
}


@dataclass
class Saved:
    kernel: Kernel
    image: Path
    areas: list[int]
    unmapped: int


@pytest.fixture(scope="module", params=MACHINES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    """A machine with something in it, and its image; machine and image stay as they are."""
    with Kernel.boot(MACHINES[request.param]) as kernel:
        areas = [kernel.vmalloc.vmalloc(size) for size in (1, 70_000, 5 << 20)]
        kernel.vmalloc.vfree(areas.pop(1))
        for number, area in enumerate(areas):
            kernel.vm.write(area, f"area number {number}\0".encode())
        for size in (30, 100, 5000):
            assert kernel.slab.kmalloc(size, GFP_KERNEL)
        page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
        unmapped = kernel.page_alloc.page_to_pfn(page) << 12
        kernel.ram.write(unmapped, b"seen by nobody")
        image = tmp_path_factory.mktemp("saved") / "image"
        assert str(image) in save(kernel, str(image))
        yield Saved(kernel, image, areas, unmapped)


def names_of_caches(kernel: Kernel) -> list[str]:
    return [cache.name for cache in kernel.slabinfo()]


# gdb


def gdb(saved: Saved, *commands: str) -> list[str]:
    """What each command prints."""
    line = [find_gdb(), "-nx", "-q", "-batch", "-ex", "set width 0", "-ex", "set print repeats unlimited",
            f"{saved.image}.vmlinux", "-ex", f"core {saved.image}", "-ex", "echo \\n###\\n"]
    for command in commands:
        line += ["-ex", command, "-ex", "echo \\n###\\n"]
    result = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert "warning" not in result.stderr.lower(), result.stderr
    return [part.strip() for part in result.stdout.split("###\n")[1:-1]]


def test_gdb_prints_our_structures(saved: Saved) -> None:
    kernel, layout = saved.kernel, saved.kernel.layout
    flags, caches, text, high = gdb(
        saved, "p/x mem_map[0x123].flags", "p *cache_cache.nodelists[0]", "x/s vmlist->addr",
        "p contig_page_data.node_zones[1].present_pages",
    )
    page = kernel.vm.word(layout.va("mem_map")) + 0x123 * layout["page"].size
    assert int(flags.split("=")[1], 16) == kernel.vm.word(page)
    nodelist = kernel.vm.word(layout.va("cache_cache") + layout["kmem_cache"].offset("nodelists"))
    free = kernel.vm.word(nodelist + layout["kmem_list3"].offset("free_objects"))
    assert f"free_objects = {free}," in caches
    assert text.endswith('"area number 0"')
    zone = layout.va("contig_page_data") + layout["zone"].size
    assert int(high.split("=")[1]) == kernel.vm.word(zone + layout["zone"].offset("present_pages"))


def test_gdb_knows_types_registers_and_symbols(saved: Saved) -> None:
    kernel = saved.kernel
    sizes, registers, threads, symbol, unmapped = gdb(
        saved, "p sizeof(struct zone)", "info registers", "info threads",
        "info symbol kmalloc", "p *(int *)16",
    )
    assert int(sizes.split("=")[1]) == kernel.layout["zone"].size
    for name, value in kernel.machine.cpus[0].registers().items():
        if found := re.search(rf"^{name} +0x([0-9a-f]+)", registers, re.MULTILINE):
            assert int(found[1], 16) == value, name
    assert threads.count("LWP") == len(kernel.machine.cpus)
    assert symbol.startswith("kmalloc in section .kernel.text")
    assert "$" not in unmapped


def test_each_struct_has_the_size_and_the_offsets_that_gdb_sees(saved: Saved) -> None:
    layout = saved.kernel.layout
    expected = [
        (f"p (unsigned long)&((struct {name} *)0)->{field.name}", field.offset)
        for name, struct in layout.structs.items() for field in struct.fields.values()
    ]  # fmt: skip
    answers = gdb(saved, *[command for command, _ in expected])
    wrong = [
        (command, answer) for (command, offset), answer in zip(expected, answers, strict=True)
        if int(answer.split("=")[1]) != offset
    ]  # fmt: skip
    assert not wrong


# drgn


def drgn_program(saved: Saved, live: bool) -> Any:
    drgn = pytest.importorskip("drgn")
    kernel = saved.kernel
    program = drgn.Program(drgn.Platform(drgn.Architecture.I386, drgn.PlatformFlags.IS_LITTLE_ENDIAN))
    if live:
        def read(address: int, count: int, offset: int, physical: bool) -> bytes:
            try:
                return kernel.ram.read(address, count) if physical else kernel.vm.read(address, count)
            except Exception:
                raise drgn.FaultError("not mapped", address) from None

        program.add_memory_segment(0, 1 << 32, read, False)
        program.add_memory_segment(0, kernel.ram.size, read, True)
    else:
        program.set_core_dump(str(saved.image))
    module = program.extra_module("vmlinux", create=True)
    if isinstance(module, tuple):
        module = module[0]
    module.address_ranges = [(PAGE_OFFSET, 0xFFFFFFFF)]
    module.try_file(f"{saved.image}.vmlinux", force=True)
    return program


@pytest.mark.parametrize("live", (False, True), ids=("image", "live"))
def test_drgn_walks_our_lists(saved: Saved, live: bool) -> None:
    program = drgn_program(saved, live)
    from drgn import cast
    from drgn.helpers.linux.list import list_for_each_entry

    kernel = saved.kernel
    found = [
        cache.name.string_().decode()
        for cache in list_for_each_entry("struct kmem_cache", program["cache_chain"].address_of_(), "next")
    ]
    assert sorted(found) == sorted(names_of_caches(kernel))
    area, starts = program["vmlist"], []
    while area:
        starts.append(int(cast("unsigned long", area.addr)))
        area = area.next
    assert set(saved.areas) <= set(starts) and starts == sorted(starts)
    assert program.read(saved.areas[1], 13) == b"area number 1"
    pa = kernel.tables.translate(saved.areas[1])
    assert pa is not None
    if pa < 1 << 32:
        assert program.read(pa, 13, physical=True) == b"area number 1"
    if saved.unmapped < 1 << 32:
        assert program.read(saved.unmapped, 14, physical=True) == b"seen by nobody"
    comm = program["init_task"].comm.string_()
    assert comm == b"swapper"


# volatility3


def test_volatility_translates_as_the_core_says(saved: Saved, tmp_path: Path) -> None:
    contexts = pytest.importorskip("volatility3.framework.contexts")
    from volatility3.framework.layers import intel, physical

    kernel, raw = saved.kernel, tmp_path / "ram.raw"
    with Kernel.open(saved.image) as opened:
        size = max(kernel.ram.size, 1 << 32)
        assert not Monitor(opened).execute(f"pmemsave 0 {size:x} '{raw}'").failed
    context = contexts.Context()
    context.config["memory.location"] = raw.as_uri()
    context.add_layer(physical.FileLayer(context, "memory", "memory"))
    context.config["intel.memory_layer"] = "memory"
    context.config["intel.page_map_offset"] = kernel.tables.pgd - PAGE_OFFSET
    layer = (intel.IntelPAE if kernel.layout.pae else intel.Intel)(context, "intel", "intel")
    with open(saved.image, "rb") as file:
        every = [s.header for s in ELFFile(file).iter_segments() if s.header.p_type == "PT_LOAD"]
        loads = [load for load in every if load.p_vaddr != 0xFFFFFFFF]
        seen = 0
        for load in loads:
            where = layer.translate(load.p_vaddr)[0]
            assert where == load.p_paddr or load.p_paddr == 0xFFFFF000 and where + load.p_memsz > 1 << 32
            file.seek(load.p_offset)
            if seen < 20 << 20:
                assert layer.read(load.p_vaddr, load.p_filesz) == file.read(load.p_filesz)
                seen += load.p_filesz
    mapped = 0
    for _, size, where, *_ in layer.mapping(PAGE_OFFSET, (1 << 32) - PAGE_OFFSET, ignore_errors=True):
        mapped += sum(max(0, min(where + size, end) - max(where, start)) for start, end in kernel.ram.ranges)
    assert mapped == sum(load.p_memsz for load in loads)
    low = [(load.p_paddr, load.p_paddr + load.p_memsz) for load in every if load.p_paddr != 0xFFFFF000]
    for start, end in kernel.ram.extents():
        for pa in range(start, min(end, 1 << 32), 4096):
            assert any(first <= pa and pa + 4096 <= last for first, last in low), hex(pa)


# ourselves


def test_the_kernel_in_the_file_is_the_same(saved: Saved) -> None:
    kernel = saved.kernel
    with Kernel.open(saved.image) as opened:
        found = [Monitor(each).execute("fsck") for each in (opened, kernel)]
        assert found[0].data == found[1].data and not found[0].failed
        assert opened.slabinfo() == kernel.slabinfo()
        for start, end in kernel.ram.extents():
            assert opened.ram.bytes[start:end] == kernel.ram.bytes[start:end]
        assert [cpu.registers() for cpu in opened.machine.cpus] == [cpu.registers() for cpu in kernel.machine.cpus]


def test_a_core_that_is_not_ours_is_refused(tmp_path: Path, saved: Saved) -> None:
    foreign = tmp_path / "core"
    data = bytearray(saved.image.read_bytes()[:4096])
    foreign.write_bytes(data)
    with pytest.raises(Exception, match="damaged|no machine"):
        Machine.load(foreign)
