"""`explain` and `why`: their text, their data, their mistakes; each rule by which an access fails; no side effects."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from hw.frame import ExceptionFrame
from hw.paging import CR0_WP, CR4_SMEP, Access
from mm.fault import Verdict
from mm.layout import PAGE_OFFSET, PAGE_SIZE
from mm.pgtable import PAGE_PRESENT, PAGE_RW, PAGE_USER
from mm.setup import BootOptions
from tools import cli
from tools.errors import CommandError
from tools.monitor import Monitor

PROGRAM = """\
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/highmem.h>
#include <asm/uaccess.h>

void *object, *freed, *area, *window;
int value;

static void *make(int size)
{
	return kmalloc(size, GFP_KERNEL);
}

int main(void)
{
	freed = make(120);
	object = make(100);
	kfree(freed);
	area = vmalloc(20000);
	window = kmap(alloc_page(GFP_HIGHUSER));
	get_user(value, (int *)16);
	BUG();
	return 0;
}
"""


def boot(tmp_path: Path, pae: bool) -> Kernel:
    source = tmp_path / "holder.c"
    source.write_text(PROGRAM)
    kernel = Kernel.boot(BootOptions(ram=64 << 20, vmalloc=(1 << 30) - (32 << 20), pae=pae))
    kernel.record_history()
    kernel.run(elf.read(cc.build([source], kernel.layout), source.name), [source.name], 20)
    return kernel


@pytest.fixture(scope="module", params=[False, True], ids=["two levels", "PAE"])
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A machine whose program has died and left what it had."""
    with boot(tmp_path_factory.mktemp("explain"), request.param) as kernel:
        yield kernel


@pytest.fixture
def monitor(kernel: Kernel) -> Monitor:
    return Monitor(kernel)


def held(kernel: Kernel, name: str) -> int:
    """What a pointer of the program holds."""
    va = kernel.symbol(name)
    assert va is not None
    return kernel.vm.word(va)


def rows(text: str) -> dict[str, list[str]]:
    """The lines by what stands before them."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines()[1:]:
        name = line[:12].strip() or name
        found.setdefault(name, []).append(line[12:])
    return found


# explain


def test_a_slab_object(monitor: Monitor, kernel: Kernel) -> None:
    va = held(kernel, "object")
    answer = monitor.execute(f"explain {va:x} + 4")
    text = answer.text.splitlines()
    found = rows(answer.text)
    assert text[0] == f"{va + 4:08x}  direct map, physical {va + 4 - PAGE_OFFSET:x}, zone Normal"
    number = answer.result.owner.number
    assert found["what"] == [
        f"object {number} of 30 of a slab of size-128, allocated, byte 4",
        f"slab object, {va:08x}-{va + 127:08x} (128 bytes)",
    ]
    where = r"in make\+0x[0-9a-f]+/0x[0-9a-f]+ \[holder\] at .*holder\.c:11"
    who = r"100 bytes at 0\.\d{6} s by holder \(pid 2\) on CPU 0, "
    assert re.fullmatch(who + where, found["allocated"][0])
    assert len(found["before it"]) == len(found["after it"]) == 1
    assert found["part of"][0].startswith("the slab of size-128 at ")
    assert f"{va + 4:08x}  direct map, " in found["alias"][0]
    assert found["frame"][0].startswith(f"{va - PAGE_OFFSET >> 12:x}, slab, page ")


def test_a_freed_object(monitor: Monitor, kernel: Kernel) -> None:
    found = rows(monitor.execute(f"explain {held(kernel, 'freed'):x}").text)
    assert found["what"][0].endswith("in the array of CPU 0") and "allocated" not in found["what"][0]
    assert re.search(r"by holder \(pid 2\) on CPU 0, in main.* at .*holder\.c:18$", found["freed"][0])
    assert re.match(r"120 bytes at .* by holder \(pid 2\) on CPU 0, in ", found["allocated"][0])


def test_windows(monitor: Monitor, kernel: Kernel) -> None:
    window = held(kernel, "window")
    found = rows(monitor.execute(f"explain {window:x}").text)
    assert found["what"][0].startswith("slot ") and found["what"][0].endswith("in use, 1 user")
    assert found["behind it"][0].startswith("in use: block of order 0 at frame ")
    assert found["alias"] == [f"{window:08x}  kmap slot 1, 4 kB page, in 2 address spaces"]
    area = held(kernel, "area")
    guard = monitor.execute(f"explain {area:x} + 5000").text.splitlines()
    assert guard[0] == f"{area + 0x5000:08x}  vmalloc, not mapped"
    assert guard[1].endswith("right past its end") and "guard page behind the vmalloc area" in guard[1]
    assert guard[-1].endswith(".P=0")


def test_a_program(monitor: Monitor) -> None:
    found = rows(monitor.execute("explain main").text)
    assert found["what"][0] == "main in .text of the program holder"
    assert rows(monitor.execute("explain value").text)["what"][0] == "value in .bss of the program holder"
    assert found["part of"][0].startswith("page 0 of ")


def test_physical_addresses(monitor: Monitor, kernel: Kernel) -> None:
    va = held(kernel, "object")
    linear = monitor.execute(f"explain {va:x}").result
    physical = monitor.execute(f"explain -p {va - PAGE_OFFSET:x}").result
    assert linear.owner == physical.owner and linear.aliases == physical.aliases and linear.frame == physical.frame
    assert (physical.walk, physical.region, physical.physical) == ([], "", True)
    high = monitor.execute(f"explain {held(kernel, 'window'):x}").result.pa
    text = monitor.execute(f"explain -p {high:x}").text
    assert text.startswith(f"physical {high:x}, zone HighMem\n") and "pages, physical " in text
    nowhere = monitor.execute("explain -p fec00000").text
    assert "open bus, physical " in nowhere and "none: no linear address leads there" in nowhere


def test_explain_as_data(monitor: Monitor, kernel: Kernel) -> None:
    va = held(kernel, "object")
    data = json.loads(json.dumps(monitor.execute(f"explain {va:x}").data))
    assert (data["owner"]["kind"], data["owner"]["start"], data["owner"]["name"]) == ("slab object", va, "size-128")
    site = data["owner"]["allocated"]
    assert data["places"][str(site["address"])]["line"] == 11 and data["comms"]["2"] == "holder"
    assert data["walk"][-1]["flags"] and data["rights"].startswith("rw")
    assert kernel.explain(va) == monitor.execute(f"explain {va:x}").result


def test_explain_under_another_directory(monitor: Monitor, kernel: Kernel) -> None:
    cr3 = kernel.layout.va("swapper_pg_dir") - PAGE_OFFSET
    assert monitor.execute(f"explain --cr3 {cr3:x} main").result.cr3 == cr3
    with pytest.raises(CommandError, match="no task has pid 77"):
        monitor.execute("explain --pid 77 main")


@pytest.mark.parametrize("line", ["explain", "explain -q 4", "why", "why 0 -r -w", "why 0 -u -k", "why nosuchname"])
def test_mistakes(monitor: Monitor, line: str) -> None:
    with pytest.raises(CommandError):
        monitor.execute(line)


def test_on_a_saved_machine(monitor: Monitor, kernel: Kernel, tmp_path: Path) -> None:
    lines = [f"explain {held(kernel, name):x}" for name in ("object", "freed", "area", "window")]
    lines += ["explain main", "explain -p 1000", "why 10 -w", "why kmalloc -u", f"why {held(kernel, 'area'):x} -x"]
    before = [monitor.execute(line).text for line in lines]
    kernel.save(tmp_path / "image")
    with Kernel.open(tmp_path / "image") as again:
        assert [Monitor(again).execute(line).text for line in lines] == before


# why


def test_yes(monitor: Monitor, kernel: Kernel) -> None:
    va = held(kernel, "object")
    answer = monitor.execute(f"why {va:x} -w")
    assert answer.text.startswith(f"yes: a write to {va:08x} from ring 0 works\n") and not answer.failed
    assert rows(answer.text)["rule"] == ["every level allows it"] and answer.result.verdict is None


def test_user_space(monitor: Monitor) -> None:
    answer = monitor.execute("why 10")
    found = rows(answer.text)
    assert answer.text.startswith("no: a read of 00000010 from ring 0 does not work\n") and not answer.failed
    assert found["fault"] == ["#PF with error code 0000: not present, a read from ring 0"]
    assert found["kernel"] == ["oops: an address below 3 GB, where this task has no memory area, and no fixup"]
    assert found["address"] == ["the page that null pointers lead to (null page)"]


def test_ring_3(monitor: Monitor, kernel: Kernel) -> None:
    answer = monitor.execute("why kmalloc -u")
    assert answer.result.permission.bit == "US" and answer.result.permission.error_code == 5
    assert answer.result.verdict is None and "   <- US decides" in answer.text


def test_read_only_pages(monitor: Monitor, kernel: Kernel) -> None:
    va = held(kernel, "area")
    cpu, before = kernel.machine.cpus[0], kernel.tables.get_pte(va)
    kernel.tables.set_pte(va, before & ~PAGE_RW)
    try:
        answer = monitor.execute(f"why {va:x} -w")
        assert rows(answer.text)["rule"] == ["PTE.RW=0 and CR0.WP=1"]
        assert rows(answer.text)["kernel"][0].startswith("oops: the page is there, so that nothing is to be copied")
        assert answer.result.permission.error_code == 3
        assert monitor.execute(f"why {va:x}").result.answer == "yes"
        cpu["cr0"] &= ~CR0_WP
        assert rows(monitor.execute(f"why {va:x} -w").text)["rule"] == ["PTE.RW=0 but CR0.WP=0"]
    finally:
        cpu["cr0"] |= CR0_WP
        kernel.tables.set_pte(va, before)


def test_execution(monitor: Monitor, kernel: Kernel) -> None:
    answer = monitor.execute(f"why {held(kernel, 'area'):x} -x")
    if kernel.layout.pae:
        assert rows(answer.text)["rule"] == ["PTE.NX=1"] and answer.result.permission.error_code == 0x11
    else:
        assert answer.result.answer == "yes" and "x" in answer.result.permission.rights
    assert monitor.execute("why main -x").result.answer == "yes"


def test_smep(monitor: Monitor, kernel: Kernel) -> None:
    va = kernel.symbol("main")
    assert va is not None
    cpu, before, at = kernel.machine.cpus[0], kernel.tables.get_pte(va), kernel.tables.pmd_address(va)
    pmd = kernel.tables.read(at)
    kernel.tables.set_pte(va, before | PAGE_USER)
    kernel.tables.write(at, pmd | PAGE_USER)
    cr4 = cpu["cr4"]
    cpu["cr4"] = cr4 | CR4_SMEP
    try:
        assert kernel.why(va, Access.FETCH).permission.reason == "US=1 in every level and CR4.SMEP=1"
        assert kernel.why(va, Access.FETCH, user=True).answer == "yes"
        assert kernel.why(va).answer == "yes"
    finally:
        cpu["cr4"] = cr4
        kernel.tables.set_pte(va, before)
        kernel.tables.write(at, pmd)


def test_reserved_bits(monitor: Monitor, kernel: Kernel) -> None:
    if not kernel.layout.pae:
        pytest.skip("entries of 32 bits have none in a page table")
    va = held(kernel, "area")
    before = kernel.tables.get_pte(va)
    kernel.tables.set_pte(va, before | 1 << 51)
    answer = kernel.why(va)
    kernel.tables.set_pte(va, before)
    assert answer.permission.reason == "PTE bit 51 is reserved" and answer.permission.error_code == 9


def test_a_segment_that_ends(monitor: Monitor, kernel: Kernel) -> None:
    gdt, cpu = kernel.layout.va("cpu_gdt_table"), kernel.machine.cpus[0]
    at = gdt - PAGE_OFFSET + 0x78
    before = kernel.ram.read(at, 8)
    kernel.ram.write(at, 0x004FF2000000FFFF.to_bytes(8, "little"))  # byte granular: 1 MB
    try:
        answer = monitor.execute("why c0200000 -w")
        assert rows(answer.text)["rule"] == ["DS 0x007b ends at offset fffff: #GP"]
        assert (answer.result.answer, answer.result.permission.error_code) == ("no", None)
        assert "fault" not in answer.text
        assert monitor.execute("why main -x").result.answer == "yes"  # of that CS has the say
    finally:
        kernel.ram.write(at, before)
    assert cpu["ds"] == 0x7B


def test_a_page_table_that_is_copied_at_the_first_access(monitor: Monitor, kernel: Kernel) -> None:
    task = kernel.tasks.create_program("late", 1)
    pid = max(kernel.pids())
    area = kernel.vmalloc.vmalloc(5 << 20)  # needs a new page table
    va = area + (4 << 20)
    try:
        answer = monitor.execute(f"why {va:x} --pid {pid}")
        if kernel.layout.pae:
            assert answer.result.answer == "yes"  # all directories share the kernel's pmds
        else:
            assert answer.text.startswith(f"yes, after a fault: a read of {va:08x} from ring 0 works, once the kernel ")
            assert answer.result.verdict is Verdict.RETRY
            assert rows(answer.text)["kernel"][0].startswith("retry: init_mm maps it through a page table that this ")
            assert monitor.execute(f"why {va:x} -u --pid {pid}").result.answer == "no"
        assert monitor.execute(f"why {va:x} --cr3 {kernel.tables.pgd - PAGE_OFFSET:x}").result.answer == "yes"
        assert monitor.execute(f"explain {va:x} --pid {pid}").result.owner.kind == "vmalloc area"
    finally:
        kernel.vmalloc.vfree(area)
        kernel.tasks.release(task)


def test_a_fixup(monitor: Monitor, kernel: Kernel) -> None:
    module = kernel.modules.newest()
    table = kernel.vm.word(module + kernel.layout["module"].offset("extable"))
    insn, fixup = kernel.vm.word(table), kernel.vm.word(table + 4)
    answer = monitor.execute(f"why 10 --eip {insn:x}")
    assert answer.result.answer == "no" and answer.result.verdict is Verdict.FIXUP
    assert answer.result.fixup is not None and answer.result.fixup.address == fixup
    assert rows(answer.text)["kernel"][0].startswith("fixup: the exception table has a fixup for this instruction at ")


def test_a_directory_that_is_none(monitor: Monitor) -> None:
    with pytest.raises(Exception, match="no page directory is"):
        monitor.execute("why c4900000 --cr3 3000000")


def test_why_as_data(monitor: Monitor) -> None:
    data = json.loads(json.dumps(monitor.execute("why 1000 -w").data))
    assert (data["answer"], data["verdict"], data["fixup"]) == ("no", "oops", None)
    assert data["permission"]["segment"]["limit"] == 0xFFFFFFFF and data["permission"]["level"] in ("PDE", "PDPTE")
    assert {bit["name"]: bit["value"] for bit in data["permission"]["bits"]}["W"] == 1
    assert data["owner"]["kind"] == "null page" or data["owner"]["kind"] == "user"


def test_the_cpu_agrees(kernel: Kernel) -> None:
    """What `why` says of reads and writes all over the address space is what happens."""
    cpu, rng = kernel.machine.cpus[0], random.Random(3)
    code = kernel.vmalloc.vmalloc_exec(PAGE_SIZE)
    read_only = kernel.vmalloc.vmalloc(PAGE_SIZE)
    kernel.tables.set_pte(read_only, kernel.tables.get_pte(read_only) & ~PAGE_RW)
    area, window = held(kernel, "area"), held(kernel, "window")
    addresses = [area, area + 5 * PAGE_SIZE, read_only, read_only + 5, window, window + PAGE_SIZE, 0, 4096, code]
    addresses += [rng.randrange(PAGE_OFFSET, 0xFFFBD000) for _ in range(20)]
    addresses += [kernel.vmalloc.start + rng.randrange(64 * PAGE_SIZE) for _ in range(30)]
    registers, before, codes = cpu.registers(), cpu.on_exception, list[int]()

    def on_exception(frame: ExceptionFrame) -> None:
        codes.append(frame.error_code)
        cpu.stop()

    cpu.on_exception = on_exception
    kernel.machine.flush_tlb()
    try:
        for va in addresses:
            pa = kernel.tables.translate(va)
            value = kernel.ram.read(pa, 1) if pa is not None and kernel.ram.has(pa) else b"\0"
            address = va.to_bytes(4, "little")
            moves = {Access.READ: b"\x0f\xb6\x05" + address, Access.WRITE: b"\xc6\x05" + address + value}
            for access, move in moves.items():
                kernel.vm.write(code, move + b"\x90" * 4)
                kernel.machine.invalidate_code(code, 16)
                said = kernel.why(va, access)
                codes.clear()
                cpu.run(code, until=code + 7)
                assert codes == ([] if said.answer == "yes" else [said.permission.error_code]), (hex(va), said)
    finally:
        cpu.on_exception = before
        cpu.load_registers(registers)


# no side effects


def ask_all(monitor: Monitor, addresses: list[int]) -> None:
    for va in addresses:
        monitor.execute(f"explain {va:x}")
        for option in ("-r", "-w", "-x", "-r -u"):
            monitor.execute(f"why {va:x} {option}")


def test_memory_and_registers_stay(monitor: Monitor, kernel: Kernel) -> None:
    area = held(kernel, "area")
    entries = {va: kernel.tables.get_pte(va) for va in (area, area + PAGE_SIZE)}
    for va, entry in entries.items():
        kernel.tables.set_pte(va, entry & ~0x60)  # neither accessed nor dirty
    cpu = kernel.machine.cpus[0]
    before = bytes(kernel.ram.bytes), cpu.registers()
    ask_all(monitor, [0, area, area + PAGE_SIZE, area + 5 * PAGE_SIZE, held(kernel, "object"), held(kernel, "window"),
                      0xC0100000, 0xFFFBD000, 0xFFFFFFFF])  # fmt: skip
    assert (bytes(kernel.ram.bytes), cpu.registers()) == before
    for va, entry in entries.items():
        kernel.tables.set_pte(va, entry)


def test_the_tlb_stays(monitor: Monitor, kernel: Kernel) -> None:
    """Nothing is dropped from it, nothing is put into it."""
    cached, fresh = (kernel.vmalloc.vmalloc(PAGE_SIZE) for _ in range(2))
    cpu = kernel.machine.cpus[0]
    code = kernel.vmalloc.vmalloc_exec(PAGE_SIZE)
    registers = cpu.registers()

    def read(va: int) -> int:
        kernel.vm.write(code, b"\xa1" + va.to_bytes(4, "little") + b"\x90" * 8)
        kernel.machine.invalidate_code(code, 64)
        cpu.run(code, until=code + 5)
        return cpu["eax"]

    for va, value in ((cached, 1), (fresh, 2)):
        kernel.vm.set_word(va, value)
    assert read(cached) == 1
    ask_all(monitor, [cached, fresh])
    one, two = kernel.tables.get_pte(cached), kernel.tables.get_pte(fresh)
    assert one & two & PAGE_PRESENT
    kernel.tables.set_pte(cached, two)
    kernel.tables.set_pte(fresh, one)
    ask_all(monitor, [cached, fresh])
    assert monitor.execute(f"why {cached:x}").result.permission.physical == kernel.tables.translate(cached)
    assert (read(cached), read(fresh)) == (1, 1)  # what the TLB held, and what the page table says
    kernel.tables.set_pte(cached, one)
    kernel.tables.set_pte(fresh, two)
    kernel.machine.flush_tlb()
    cpu.load_registers(registers)


# from the shell


def test_run_keeps_a_history_for_commands(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "mine.c"
    source.write_text("#include <linux/slab.h>\nint main(void)\n{\n\tprintk(\"%p\\n\", kmalloc(100, GFP_KERNEL));\n"
                      "\tBUG();\n\treturn 0;\n}\n")  # fmt: skip
    assert cli.main(["run", str(source), "--ram", "32M"]) == 137
    va = capfd.readouterr().out[:8]
    assert cli.main(["run", str(source), "--ram", "32M", "-ex", f"explain {va}"]) == 137
    out = capfd.readouterr().out
    assert out.startswith(va) and re.search(r"allocated +100 bytes at .* by mine \(pid 2\).*mine\.c:4", out)


def test_a_bare_machine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a kernel `why` says what the CPU does."""
    base, code = 0x10_0000, b"\xf4"
    image = tmp_path / "image"
    header = (0x1BADB002, 1 << 16, -(0x1BADB002 + (1 << 16)) & 0xFFFFFFFF, base, base, base + 33, base + 33, base + 32)
    image.write_bytes(struct.pack("<8I", *header) + code)
    cli.main(["run", "--bare", str(image), "-ex", "why 12345 -w"])
    out = capfd.readouterr().out
    assert "yes: a write to 00012345 from ring 0 works" in out and "paging is off (CR0.PG=0)" in out
