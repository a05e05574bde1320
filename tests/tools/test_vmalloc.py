"""`vmallocinfo`, `kmem -v` and `vmalloc`: the areas of vmalloc space in three forms."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from guest.kernel import Kernel
from mm.setup import BootOptions
from mm.vmalloc import VM_MAP
from tools import cli
from tools.monitor import Monitor


@pytest.fixture(scope="module", params=[False, True], ids=["two-level", "PAE"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=1 << 30, pae=request.param)) as kernel:
        vmalloc = kernel.vmalloc
        vmalloc.vmalloc(5 << 20)
        gone = vmalloc.vmalloc(100)
        vmalloc.vmalloc_user(4096)
        kernel.ioremap.ioremap_nocache(0xFEE00000, 4096)
        vmalloc.get_vm_area(8192, VM_MAP)
        vmalloc.vfree(gone)
        yield kernel


def test_vmallocinfo(kernel: Kernel) -> None:
    assert Monitor(kernel).execute("vmallocinfo").text.splitlines() == [
        "0xf8800000-0xf8d01000 5246976 pages=1280 vmalloc vpages",
        "0xf8d01000-0xf8d04000   12288 pages=2 vmalloc",
        "0xf8d06000-0xf8d08000    8192 pages=1 vmalloc user",
        "0xf8d08000-0xf8d0a000    8192 phys=fee00000 ioremap",
        "0xf8d0a000-0xf8d0d000   12288 vmap",
    ]


def test_kmem_v_has_crashs_form(kernel: Kernel) -> None:
    lines = Monitor(kernel).execute("kmem -v").text.splitlines()
    assert lines[0] == "VM_STRUCT     ADDRESS RANGE     SIZE"
    structs = list(kernel.vmalloc.areas())
    assert lines[1:3] == [
        f"{structs[0]:08x}   f8800000 - f8d01000  5246976",
        f"{structs[1]:08x}   f8d01000 - f8d04000   12288",
    ]
    assert len(lines) == 1 + len(structs)


def test_vmalloc(kernel: Kernel) -> None:
    end, size = ("ffbfe000", 118776) if kernel.layout.pae else ("ff7fe000", 114680)
    assert Monitor(kernel).execute("vmalloc").text.splitlines() == [
        "f8800000-f8d00000    5120 kB  vmalloc vpages  1280 pages",
        "f8d00000-f8d01000       4 kB  guard",
        "f8d01000-f8d03000       8 kB  vmalloc  2 pages",
        "f8d03000-f8d04000       4 kB  guard",
        "f8d04000-f8d06000       8 kB  free",
        "f8d06000-f8d07000       4 kB  vmalloc user  1 page",
        "f8d07000-f8d08000       4 kB  guard",
        "f8d08000-f8d09000       4 kB  ioremap  phys fee00000",
        "f8d09000-f8d0a000       4 kB  guard",
        "f8d0a000-f8d0c000       8 kB  vmap",
        "f8d0c000-f8d0d000       4 kB  guard",
        f"f8d0d000-{end}  {size - 5172} kB  free",
        f"vmalloc space f8800000-{end}, {size} kB",
        "5164 kB in 5 areas, 20 kB of it guard pages",
        f"{size - 5164} kB free in 2 holes, the largest {size - 5172} kB at f8d0d000",
    ]


def test_vmalloc_as_data(kernel: Kernel) -> None:
    space = Monitor(kernel).execute("vmalloc").data
    assert json.loads(json.dumps(space)) == space
    info = kernel.meminfo()
    assert (space["end"] - space["start"], space["used"], space["largest"]) == (
        info["VmallocTotal"] << 10, info["VmallocUsed"] << 10, info["VmallocChunk"] << 10
    )  # fmt: skip
    edges = [space["start"], *(stretch["end"] for stretch in space["stretches"])]
    assert edges[:-1] == [stretch["start"] for stretch in space["stretches"]] and edges[-1] == space["end"]
    words = [stretch["area"]["words"] for stretch in space["stretches"] if stretch["area"]]
    assert words == [["vmalloc", "vpages"], ["vmalloc"], ["vmalloc", "user"], ["ioremap"], ["vmap"]]


def test_from_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["monitor", "--ram", "64M", "--json", "-ex", "vmalloc", "-ex", "vmallocinfo"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])
    assert cli.main(["monitor", "--ram", "64M", "-ex", "vmalloc"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "966648 kB free in 1 hole, the largest 966648 kB at c4800000"
