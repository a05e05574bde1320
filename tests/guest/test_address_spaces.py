"""Programs in more than one address space: vmalloc faults, use_mm, and what an oops says of a guard page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import EXIT_KILLED, EXIT_TIMEOUT, Kernel
from mm.fsck import fsck
from mm.setup import BootOptions

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
SYNC = ROOT / "guest" / "programs" / "vmalloc_sync.c"
MB = 1 << 20


def execute(kernel: Kernel, path: Path, *arguments: str, timeout: float = 60) -> tuple[int, str]:
    """Run a program: its status, and what it printed. Nothing may be damaged."""
    before = len(kernel.log.text())
    program = elf.read(cc.build([path], kernel.layout), path.name)
    status = kernel.run(program, [path.name, *arguments], timeout)
    cr3s = [cpu["cr3"] for cpu in kernel.machine.cpus]
    assert [str(damage) for damage in fsck(kernel.ram, kernel.text(), cr3s).damages] == []
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


MACHINES = {
    "one CPU": BootOptions(ram=64 * MB),
    "two CPUs": BootOptions(ram=64 * MB, cpus=2),
    "schedule": BootOptions(ram=64 * MB, cpus=3, schedule=7),
    "debugged slabs": BootOptions(ram=64 * MB, slab_debug=",*"),
    "PAE": BootOptions(ram=64 * MB, pae=True),
    "PAE, schedule": BootOptions(ram=64 * MB, pae=True, cpus=2, schedule=2, page_owner=False),
}
_FAST = ("schedule", "PAE")
EACH = pytest.mark.parametrize(
    "name", [name if name in _FAST else pytest.param(name, marks=pytest.mark.slow) for name in MACHINES]
)


@pytest.mark.slow
@pytest.mark.variants
@EACH
def test_one_fault_for_each_page_table_and_address_space(name: str) -> None:
    options = MACHINES[name]
    with Kernel.boot(options) as kernel:
        faults: list[dict[str, int]] = []
        kernel.events.subscribe(["vmalloc_fault"], lambda event, fields: faults.append(fields))
        status, text = execute(kernel, SYNC)
        rows = {line[:20].strip(): [int(n) for n in line[20:].split()] for line in text.splitlines()
                if line.startswith(("the program's own", "the second", "the third"))}  # fmt: skip
        new = 0 if options.pae else 1
        # the first page table was made for the program's own code, before the address spaces
        assert status == 0 and rows == dict.fromkeys(("the program's own", "the second", "the third"), [0, *[new] * 3])
        assert text.endswith("vmalloc_sync: ok\n")
        assert kernel.vm.word(kernel.symbol("vmalloc_faults") or 0) == len(faults) == 18 * new
        where = {(fault["pgd"], fault["address"] >> 22) for fault in faults}
        assert len(where) == len(faults)  # nowhere a second time
        assert len({pgd for pgd, _ in where}) == 3 * new
        assert execute(kernel, SYNC)[0] == 0  # all page tables are there already


def test_a_directory_that_was_used_before_has_page_tables_of_then() -> None:
    """The constructor runs when a slab is made: not for a directory that waits in the cache."""
    with Kernel.boot(MACHINES["one CPU"]) as kernel:
        assert execute(kernel, PROGRAMS / "spaces_threads.c")[0] == 0
        faults: list[dict[str, int]] = []
        kernel.events.subscribe(["vmalloc_fault"], lambda event, fields: faults.append(fields))
        assert execute(kernel, PROGRAMS / "spaces_threads.c")[0] == 0 and not faults
        area = kernel.vmalloc.vmalloc(8 * MB)  # from now on the program lies behind it
        assert execute(kernel, PROGRAMS / "spaces_threads.c")[0] == 0
        # the first access is to its first instruction, in each of its two address spaces
        assert len(faults) == 2 and len({fault["pgd"] for fault in faults}) == 2
        assert all(fault["address"] > area + 8 * MB for fault in faults)
        assert faults[0]["address"] == faults[0]["ip"]


@EACH
def test_threads_in_other_address_spaces(name: str) -> None:
    options = MACHINES[name]
    with Kernel.boot(options) as kernel:
        for argument in ("", "exit"):
            status, text = execute(kernel, PROGRAMS / "spaces_threads.c", argument)
            assert (status, text) == (0, "")
        assert not kernel.unreferenced()


def test_second_use_mm_is_a_bug() -> None:
    with Kernel.boot(MACHINES["one CPU"]) as kernel:
        status, text = execute(kernel, PROGRAMS / "spaces_threads.c", "wrong")
        assert status == EXIT_KILLED and "kernel BUG at mm/mmu_context.py:" in text
        assert execute(kernel, SYNC)[0] == 0


def test_guard_page_is_named() -> None:
    for options in (MACHINES["one CPU"], MACHINES["PAE, schedule"]):
        with Kernel.boot(options) as kernel:
            status, text = execute(kernel, PROGRAMS / "spaces_guard.c")
            owner = r" \(allocated by make\+0x[0-9a-f]+/0x[0-9a-f]+ \[spaces_guard\]\)" if options.page_owner else ""
            line = "Address c4805004 is in the guard page behind the vmalloc area c4802000-c4805000"
            line += ", 4 bytes past its end" + owner + "$"
            assert status == EXIT_KILLED and re.search(line, text, re.MULTILINE)
            assert re.search(r"^\*pde = 0*[1-9a-f][0-9a-f]*067\n\*pte = 0+$", text, re.MULTILINE)


@pytest.mark.parametrize("pae", (False, pytest.param(True, marks=pytest.mark.slow)))
def test_a_halted_program_goes_on_in_another_process(pae: bool, tmp_path: Path) -> None:
    """Address spaces are in RAM and CR3 is in the CPU: another process needs nothing else."""
    source = tmp_path / "halted.c"
    waits = "static volatile int go;\n#define main real_main\n" + SYNC.read_text() + "\n#undef main\n"
    waits = waits.replace("\twork(space);\n", "\twhile (!go)\n\t\tyield();\n\twork(space);\n")
    source.write_text(waits + "int main(void) { return real_main(); }\n")
    with Kernel.boot(BootOptions(ram=64 * MB, cpus=2, schedule=4, pae=pae)) as kernel:
        assert execute(kernel, source, timeout=1)[0] == EXIT_TIMEOUT
        kernel.vm.set_word(kernel.symbol("go") or 0, 1)
        kernel.machine.save(tmp_path / "machine")
    script = (
        "import sys\nfrom guest.kernel import Kernel\nfrom hw.machine import Machine\nfrom mm.fsck import fsck\n"
        "with Kernel.attach(Machine.load(sys.argv[1])) as kernel:\n"
        "    status = kernel.resume(60)\n"
        "    damages = fsck(kernel.ram, kernel.text(), [cpu['cr3'] for cpu in kernel.machine.cpus]).damages\n"
        "    print(status, *damages, kernel.log.text()[-20:])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "machine")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )  # fmt: skip
    assert result.stderr == "" and result.stdout.startswith("0 ") and "vmalloc_sync: ok" in result.stdout
