"""Guest programs on a kernel with HIGHMEM64G: all that works elsewhere, memory above 4 GB, and data that is no code."""

from __future__ import annotations

from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.setup import BootOptions

HERE = Path(__file__).resolve().parent
GB = 1 << 30


def run(program: Path, *arguments: str, **options: object) -> tuple[int, str]:
    with Kernel.boot(BootOptions(pae=True, **options)) as kernel:  # type: ignore[arg-type]
        image = elf.read(cc.build([program], kernel.layout), program.name)
        start = len(kernel.log.text())
        status = kernel.run(image, [program.stem, *arguments])
        if status != 137:
            assert not fsck(kernel.ram, kernel.text()).damages
        return status, kernel.log.text()[start:]


@pytest.mark.slow
@pytest.mark.variants
@pytest.mark.parametrize("name", ["tour", "threads", "smp"])
def test_programs_run_as_elsewhere(name: str) -> None:
    status, text = run(cc.PROGRAMS / f"{name}.c", ram=5 * GB, cpus=2)
    assert status == 0 and "WRONG" not in text


@pytest.mark.variants
@pytest.mark.parametrize(
    ("ram", "gigabytes", "above"),
    [(2 * GB, 2, 0), (6 * GB, 7, 3), pytest.param(64 * GB, 64, 60, marks=pytest.mark.slow)],
)
def test_highmem64g(ram: int, gigabytes: int, above: int) -> None:
    status, text = run(cc.PROGRAMS / "highmem64g.c", ram=ram)
    assert status == 0 and text.count(" ok\n") == 4
    assert f"{gigabytes} gigabytes have a page in our hands, {above} of them above 4 GB" in text


def test_highmem64g_without_pae() -> None:
    with Kernel.boot(BootOptions(ram=2 * GB)) as kernel:
        image = elf.read(cc.build([cc.PROGRAMS / "highmem64g.c"], kernel.layout), "highmem64g")
        assert kernel.run(image, ["highmem64g"]) == 0
        assert "without PAE nothing above 4 GB is reached                      ok" in kernel.log.text()


@pytest.mark.parametrize("place", ["vmalloc", "kmalloc"])
def test_data_is_no_code(place: str) -> None:
    status, text = run(HERE / "programs" / "nx.c", place)
    assert status == 137
    assert "kernel tried to execute NX-protected page - exploit attempt? (uid: 0)\n" in text
    assert "Oops: 0011 [#1]" in text
    entry = "*pte = 8" if place == "vmalloc" else "*pde = 8"
    assert entry in text and "*pdpt = 0000000000" in text


def test_executable_memory_is_code() -> None:
    status, text = run(HERE / "programs" / "nx.c", "exec")
    assert status == 0 and "came back" in text


def test_without_nx_data_is_code() -> None:
    with Kernel.boot(BootOptions(ram=GB)) as kernel:
        image = elf.read(cc.build([HERE / "programs" / "nx.c"], kernel.layout), "nx")
        assert kernel.run(image, ["nx", "kmalloc"]) == 0
