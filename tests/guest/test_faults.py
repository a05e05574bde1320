"""The causes of a fault in the kernel's own code: each program of guest/programs/faults and its explanation.

What a program did it says itself before it does it. What the CPU must have made of that is told here from the tables of
the SDM (vol. 3, 4.7), and the page tables are read anew, entry by entry.
"""

from __future__ import annotations

import dataclasses
import json
import random
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from guest import cc, elf
from guest.faults import By, Fault, FaultFilter
from guest.kernel import EXIT_KILLED, Kernel
from hw.errors import HighmemError, ImageError
from hw.fault import Entry
from mm.fault import Reason, Verdict
from mm.fsck import fsck
from mm.setup import BootOptions
from tools.registry import plain

FAULTS = cc.PROGRAMS / "faults"
MB = 1 << 20
GB = 1 << 30
Random = random.Random


def offset(rng: Random) -> str:
    return str(rng.randrange(4096) & ~3)


def pages(rng: Random, most: int) -> str:
    return str(rng.randrange(1, most))


def pages_and_offset(rng: Random) -> list[str]:
    count = rng.randrange(1, 32)
    return [str(count), str(rng.randrange(count * 4096))]


def below_3gb(rng: Random) -> str:
    return hex(rng.randrange(0x1000, 0xC000_0000) & ~3)


@dataclass
class Cause:
    """What is right for a program. bits: of the error code, by the SDM's names, without and with PAE.

    decides: level and bit in a machine with two levels and with PAE ("*": either, as page tables are there or not).
    line: a piece of the line of its source where it happens; site: of that where the owner was allocated.
    region, owner: of the address, and what the explanation says of it besides.
    """

    region: str
    owner: str
    line: str
    bits: str = ""
    decides: tuple[str, str] = ("* P", "* P")
    reason: Reason | str = Reason.UNMAPPED
    arguments: Callable[[Random], list[str]] = lambda rng: []
    says: list[str] = field(default_factory=list)
    site: str = ""
    highmem: bool = False
    pae: bool | None = None
    allocated_later: bool = False


CAUSES = {
    "null_read": Cause(
        "user", "null page", "->verbose", reason=Reason.USER, arguments=lambda rng: [offset(rng)],
        says=["the page that null pointers lead to"],
    ),
    "null_member": Cause(
        "user", "null page", "packets[queue] = 1", "W", reason=Reason.USER,
        arguments=lambda rng: [str(rng.randrange(1000))], says=["called from  main+"],
    ),
    "user_pointer": Cause(
        "user", "user", "text)[n])", reason=Reason.USER, arguments=lambda rng: [below_3gb(rng)], says=["user space"]
    ),
    "guard_page": Cause(
        "vmalloc", "guard page", "past] = 1", "W", arguments=lambda rng: [pages(rng, 64), str(rng.randrange(4096))],
        says=["the guard page behind the vmalloc area ", " past its end"], site="table = vmalloc(",
    ),
    "vmalloc_hole": Cause(
        "vmalloc", "hole", "*(volatile short *)", arguments=lambda rng: [hex(rng.randrange(2, 4 * MB) & ~1)],
        says=["a hole in vmalloc space", "up to its end"],
    ),
    "vmalloc_freed": Cause(
        "vmalloc", "freed vmalloc area", "return *late", arguments=pages_and_offset,
        says=["which is freed", "freed at ", "in release+"], site="area = vmalloc(",
    ),
    "kmap_unmapped": Cause(
        "kmap", "kmap slot", "*window = 1", "W", ("PTE P", "PTE P"), arguments=lambda rng: [offset(rng)],
        says=["of the kmap window, free"], highmem=True,
    ),
    "kmap_atomic_unmapped": Cause(
        "kmap_atomic", "kmap_atomic slot", "*window = 2", "W", ("PTE P", "PTE P"),
        arguments=lambda rng: [offset(rng), str(rng.randrange(13))], says=["the kmap_atomic slot KM_", ", free"],
        highmem=True,
    ),
    "fixmap_hole": Cause(
        "fixmap", "fixmap slot", "*(volatile int *)", decides=("PTE P", "PTE P"),
        arguments=lambda rng: [offset(rng), str(rng.choice([1, *range(4, 60)]))],
        says=["the fixmap slot FIX_", ", free"],
    ),
    "beyond_direct_map": Cause(
        "hole", "hole", "*word = 1", "W", arguments=lambda rng: [hex(rng.randrange(4 * MB))],
        says=["a hole between the direct map and vmalloc space"],
    ),
    "read_only": Cause(
        "vmalloc", "vmalloc area", "= 'x'", "P W", ("PTE RW", "PTE RW"), Reason.PROTECTED,
        arguments=lambda rng: [offset(rng)], says=["page 0 of 1 of the vmap area", "RW=0 and CR0.WP=1"],
    ),
    "table_read_only": Cause(
        "vmalloc", "vmalloc area", "= 2;", "P W", ("PDE RW", "PDE RW"), Reason.PROTECTED,
        arguments=lambda rng: [offset(rng)], says=["PDE.RW=0 and CR0.WP=1"], site="vmalloc(3 * PMD_SIZE)",
    ),
    "reserved_bit": Cause(
        "user", "user", "*(volatile int *)", "P RSVD", ("PDE bit 21", ""), Reason.USER,
        arguments=lambda rng: [offset(rng)], says=["PDE bit 21 is reserved in a 4 MB page"], pae=False,
    ),
    "reserved_bit PAE": Cause(
        "vmalloc", "vmalloc area", "*(volatile int *)", "P RSVD", ("", "PTE bit %"), Reason.PROTECTED,
        arguments=lambda rng: [offset(rng), str(rng.randrange(40, 63))], says=["PTE bit ", " is reserved"],
        site="vmalloc(PAGE_SIZE)", pae=True,
    ),
    "nx_call": Cause(
        "direct map", "slab object", "", "P I", ("", "PDE NX"), Reason.PROTECTED,
        arguments=lambda rng: [str(rng.randrange(256))], says=["of a slab of size-256, allocated", "instruction  "],
        site="code = kmalloc(", pae=True,
    ),
    "wild_call": Cause(
        "user", "user", "", "I", reason=Reason.USER, arguments=lambda rng: [below_3gb(rng)],
        says=["cannot be fetched", "called from  call+", "wild_call.c"],
    ),
    "stale_table": Cause(
        "vmalloc", "vmalloc area", "*(volatile int *)", "", ("PTE P", ""), Reason.ENDED,
        arguments=lambda rng: [offset(rng)], says=["page tables are not as they must be"], site="vmalloc(3 * PMD_SIZE)",
        pae=False,
    ),
    "vmalloc_fault": Cause(
        "vmalloc", "vmalloc area", "*place = 7", "W", ("PDE P", ""), Reason.COPIED, arguments=lambda rng: [offset(rng)],
        says=["<- was 00000000", "<- new", "the instruction runs again"], site="vmalloc(3 * PMD_SIZE)", pae=False,
    ),
    "fixup": Cause(
        "user", "user", "__get_user(", reason=Reason.CAUGHT, arguments=lambda rng: [below_3gb(rng)],
        says=["the program goes on at ", "the page-table entries are the same"],
    ),
    "page_crossing": Cause(
        "vmalloc", "guard page", "return *(volatile int *)(", arguments=lambda rng: [pages(rng, 9), pages(rng, 4)],
        says=["right past its end", "it begins at ", "in a page that was reached"], site="area = vmalloc(",
    ),
    "string_copy": Cause(
        "vmalloc", "guard page", "rep; movsl", arguments=lambda rng: [pages(rng, 8), str(rng.randrange(4, 4096))],
        says=["through [esi]", "right past its end"], site="from = vmalloc(",
    ),
    "wild_page": Cause(
        "user", "user", "__free_pages(page, 0)", "W", reason="the kernel met it",
        arguments=lambda rng: [below_3gb(rng)],
        says=["in the kernel's __free_pages(), which was called from there", "called from  main+"],
    ),
}  # fmt: skip
NO_PAGE_FAULT = {"divide_error"}


def boot(ram: int = 256 * MB, **options: object) -> Kernel:
    return Kernel.boot(BootOptions(ram=ram, **options))  # type: ignore[arg-type]


def run(kernel: Kernel, name: str, *arguments: str) -> tuple[int, str, list[Fault]]:
    """The status, what was printed, and the faults; page tables are checked at each of these."""
    path, before = FAULTS / f"{name}.c", len(kernel.log.text())
    log = kernel.record_faults()
    kernel.record_history()
    first = log.total

    def check_entries(fault: Fault) -> None:
        if fault.record.cr2 is not None:
            assert [(e.level, e.address, e.value) for e in fault.after] == entries_now(kernel, fault)

    log.listeners.append(check_entries)
    image = elf.read(cc.build([path], kernel.layout), path.name)
    status = kernel.run(image, [name, *arguments], 60)
    log.listeners.remove(check_entries)
    return status, kernel.log.text()[before:], [fault for fault in log if fault.number >= first]


def entries_now(kernel: Kernel, fault: Fault) -> list[tuple[str, int, int]]:
    """The walk by the figures of the manual (SDM vol. 3, 4-3 and 4-7), out of RAM."""
    words, cr3, va = kernel.ram.words, fault.record.control["cr3"], fault.record.cr2
    assert va is not None
    found = []

    def read(level: str, address: int, size: int) -> int:
        value = words[address >> 2] | (words[(address >> 2) + 1] << 32 if size == 8 else 0)
        found.append((level, address, value))
        return value

    if kernel.layout.pae:
        entry = read("PDPTE", (cr3 & ~31) + 8 * (va >> 30), 8)
        if entry & 1:
            entry = read("PDE", (entry & 0xFF_FFFF_F000) + 8 * (va >> 21 & 511), 8)
            if entry & 0x81 == 1:
                read("PTE", (entry & 0xFF_FFFF_F000) + 8 * (va >> 12 & 511), 8)
    else:
        entry = read("PDE", (cr3 & ~4095) + 4 * (va >> 22), 4)
        if entry & 0x81 == 1:
            read("PTE", (entry & ~4095) + 4 * (va >> 12 & 1023), 4)
    return found


def number_of(name: str, text: str) -> int:
    lines = (FAULTS / f"{name}.c").read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


def decision_of(entries: list[Entry], kind: str) -> tuple[str, str, int]:
    """Level, bit, and the error code without U and I, from the entries themselves."""
    write = 2 * (kind == "write")
    for entry in entries:
        if not entry.value & 1:
            return entry.level, "P", write
    for entry in entries:
        large = entry.level == "PDE" and entry.value & 0x80
        wide = entry.value >> 40 & 0x7FFFFF
        if wide:
            return entry.level, f"bit {40 + (wide & -wide).bit_length() - 1}", 9 | write
        if large and entry.value & 1 << 21 and len(entries) == 1:
            return entry.level, "bit 21", 9 | write
    for entry in entries:
        if kind == "fetch" and entry.value >> 63:
            return entry.level, "NX", 1
        if write and not entry.value & 2 and entry.level != "PDPTE":
            return entry.level, "RW", 3
    raise AssertionError("nothing refuses")


def check(name: str, kernel: Kernel, arguments: list[str]) -> Fault:
    """Run a program and compare its fault, in data and in words, with what is right."""
    cause, program, pae = CAUSES[name], name.split()[0], kernel.layout.pae
    status, text, faults = run(kernel, program, *arguments)
    expected = re.search(r"(read|write|fetch|__free_pages)(?: of (\d+) bytes?)? (?:at|of) ([0-9a-f]{8})\n", text)
    assert expected is not None and faults, text
    fault, record = faults[-1], faults[-1].record
    access = record.access
    assert access is not None and record.vector == 14 and record.cr2 is not None

    # what was done, and where
    told = int(expected[3], 16)
    if program == "wild_page":
        assert access.kind == "write" and 0 <= record.cr2 - told < kernel.layout["page"].size
        assert fault.call == "__free_pages"
    else:
        size = int(expected[2] or 0)
        assert (access.kind, access.start, access.size) == (expected[1], told, size)
        assert record.cr2 == told if program != "page_crossing" else record.cr2 == told + 3 & ~0xFFF
        assert access.operand is None if access.kind == "fetch" else access.operand is not None
        if access.operand is not None:
            value = access.operand.displacement + sum(term.value * term.scale for term in access.operand.terms)
            assert value & 0xFFFF_FFFF == access.operand.linear == told
            assert all(record.registers[term.register] == term.value for term in access.operand.terms)
    if cause.line:
        assert (Path(fault.place.file).name, fault.place.line) == (f"{program}.c", number_of(program, cause.line))
    elif access.kind == "fetch":
        assert record.pc == told and Path(fault.trace[0].file).name == f"{program}.c"
    assert (record.cpl, record.privilege, record.registers["cs"]) == (0, "kernel", 0x60)

    # what the CPU said, and what the tables say
    level, bit, code = decision_of(record.walk, access.kind)
    code |= 16 * (access.kind == "fetch" and pae)
    assert record.error_code == record.expected == code
    names = {bit.name for bit in record.bits if bit.value}
    assert names == set(cause.bits.split()) - ({"I"} if not pae else set())
    assert (record.level, record.bit) == (level, bit)
    right_level, right_bit = cause.decides[pae].split(" ", 1)
    assert right_level in ("*", level)
    assert right_bit == bit or right_bit == "bit %" and bit == f"bit {arguments[1]}"

    # whose the address is
    owner = fault.owner
    assert owner is not None and (fault.region, owner.kind) == (cause.region, cause.owner)
    assert owner.start <= record.cr2 <= owner.end - 1
    if cause.owner == "guard page":
        area = next(row for row in kernel.vmallocinfo() if row.addr + row.size == owner.end) if status else None
        assert owner.end - owner.start == 4096 and (area is None or area.addr < owner.start)
    if cause.site:
        assert fault.allocated is not None and fault.allocated.line == number_of(program, cause.site)

    # what became of it
    words = "\n".join(fault.lines())
    if isinstance(cause.reason, Reason):
        assert (fault.verdict, fault.reason) == (cause.reason.verdict, cause.reason.value)
    else:
        assert fault.verdict is Verdict.OOPS and cause.reason in fault.reason
    assert f"decision     {fault.verdict}: {fault.reason}" in words
    assert status == (EXIT_KILLED if fault.verdict is Verdict.OOPS else 0), text
    assert (fault.resume is None) == (fault.verdict is Verdict.OOPS)
    assert bool(fault.changed) == (fault.verdict is Verdict.RETRY)

    # and in words
    for piece in cause.says:
        assert piece in words, (piece, words)
    for entry in record.walk:
        assert f"{entry.level:<5} at {entry.address:08x}: " in words
    assert f"<- {bit} decides" in words and f"error code   {record.error_code:04x}: P={code & 1}" in words
    line = str(fault)
    assert line.startswith(record.line(fault.number) + " ") and f"CR2={record.cr2:08x} " in line
    assert line.endswith(f": {fault.verdict}") and owner.note in line
    assert all(f"{register}={value:08x}" in words for register, value in record.registers.items() if register[0] == "e"
               and register not in ("es", "eip"))  # fmt: skip
    assert fault.comm == program[:15] and f"{fault.comm} (pid {fault.pid})" in words

    # as JSON
    data = json.loads(json.dumps(plain(fault)))
    assert data["record"]["access"]["address"] == record.cr2 and data["owner"]["kind"] == cause.owner
    assert set(data) == {f.name for f in dataclasses.fields(fault)}
    return fault


def test_each_program_is_known() -> None:
    assert {path.stem for path in FAULTS.glob("*.c")} == {name.split()[0] for name in CAUSES} | NO_PAGE_FAULT
    assert len(CAUSES) >= 15


@pytest.mark.variants
@pytest.mark.parametrize("name", CAUSES)
def test_cause(name: str) -> None:
    cause = CAUSES[name]
    with boot(GB if cause.highmem else 256 * MB, pae=bool(cause.pae)) as kernel:
        check(name, kernel, ["0x10", "52"] if name.endswith("PAE") else [])


def random_machine(rng: Random, cause: Cause) -> BootOptions:
    """A machine of any size and kind that has what the cause needs."""
    cpus = rng.choice((1, 1, 2, 3))
    while True:
        options = BootOptions(
            ram=rng.randrange(64, 1400) * MB + rng.randrange(1024) * 4096,
            pae=rng.random() < 0.5 if cause.pae is None else cause.pae,
            vmalloc=rng.choice((128, 128, 64, 256, 600, 900)) * MB,
            page_owner=rng.random() < 0.7, cpus=cpus, nr_cpus=rng.choice((cpus, 4)),
            slab_debug=rng.choice((None, None, "", "PU", "FZ")),
            schedule=rng.choice((None, 1)) if cpus > 1 else None,
        )  # fmt: skip
        if not cause.highmem or options.ram > GB - options.vmalloc + 64 * MB:
            return options


@pytest.mark.variants
@pytest.mark.parametrize(
    ("name", "seed"),
    [
        pytest.param(name, seed, marks=() if seed == 1 and n % 3 == 0 else pytest.mark.slow)
        for seed in range(1, 13) for n, name in enumerate(CAUSES)
    ],
)  # fmt: skip
def test_cause_at_a_random_address_in_a_random_machine(name: str, seed: int) -> None:
    rng = Random(f"{name} {seed}")
    options = random_machine(rng, CAUSES[name])
    arguments = CAUSES[name].arguments(rng)
    with Kernel.boot(options) as kernel:
        check(name, kernel, arguments)


@pytest.mark.parametrize(("name", "pae"), [("nx_call", False), ("vmalloc_fault", True)])
def test_no_fault_without_its_cause(name: str, pae: bool) -> None:
    with boot(pae=pae) as kernel:
        status, _, faults = run(kernel, name)
        assert status == 0 and not faults


@pytest.mark.parametrize("name", ["kmap_unmapped", "kmap_atomic_unmapped"])
def test_no_fault_without_highmem(name: str) -> None:
    with boot() as kernel:
        assert run(kernel, name)[::2] == (0, [])


def test_freed_area_without_a_history() -> None:
    """Nobody noted the area that was freed: there is a hole."""
    with boot() as kernel:
        path = FAULTS / "vmalloc_freed.c"
        log = kernel.record_faults()
        assert kernel.run(elf.read(cc.build([path], kernel.layout), path.name), ["vmalloc_freed"]) == EXIT_KILLED
        assert log[0].cause == "not present: hole" and log[0].freed is None


def test_another_exception() -> None:
    with boot() as kernel:
        status, _, (fault,) = run(kernel, "divide_error", "12")
        assert status == EXIT_KILLED
        assert (fault.record.name, fault.cause) == ("#DE", "divide error")
        assert fault.owner is None and fault.record.error_code is None
        assert fault.verdict is Verdict.OOPS and fault.place.line == number_of("divide_error", "/ zero")
        assert "v=00 e=0000" in str(fault) and "EAX=0000000c" in str(fault)


MANY = """\
#include <linux/kernel.h>
#include <linux/uaccess.h>
int main(int argc, char **argv)
{
	unsigned long word, i, bad = 0;

	for (i = 0; i < 2500; i++)
		bad += __get_user(word, (unsigned long *)(i % 5 * 4096)) != 0;
	return bad != 2500;
}
"""


def test_counts_go_on_when_records_are_dropped(tmp_path: Path) -> None:
    source = tmp_path / "many.c"
    source.write_text(MANY)
    with boot() as kernel:
        log = kernel.record_faults()
        assert kernel.record_faults() is log
        assert kernel.run(elf.read(cc.build([source], kernel.layout), source.name), ["many"]) == 0
        assert log.total == 2500 and len(log) == 1000
        assert [fault.number for fault in log] == list(range(1500, 2500))
        assert log[-1] is log[2499] and log[1500].number == 1500
        for wrong in (1499, 2500, -1001):
            with pytest.raises(LookupError):
                log[wrong]
        assert log.counts(By.CAUSE) == {"not present: user": 2000, "not present: null page": 500}
        assert log.counts(By.CAUSE, FaultFilter("null")) == {"not present: null page": 200}
        assert list(log.counts(By.LINE).values()) == [2500] and "many.c:8" in next(iter(log.counts(By.LINE)))
        assert log.counts(By.RANGE) == {"00001000-c0000000 user": 2000, "00000000-00001000 null page": 500}


def test_recording_changes_nothing(tmp_path: Path) -> None:
    """A machine that records and one that does not are the same, byte for byte, after the same program."""
    source = tmp_path / "many.c"
    source.write_text(MANY)
    memory = []
    for record in (False, True):
        with boot(64 * MB) as kernel:
            if record:
                kernel.record_faults()
            image = elf.read(cc.build([source], kernel.layout), source.name)
            kernel.run(image, ["many"])
            kernel.run(elf.read(cc.build([FAULTS / "guard_page.c"], kernel.layout), "guard_page.c"), ["guard_page"])
            memory.append((kernel.clock(), kernel.log.text(), bytes(kernel.ram.bytes)))
            assert not fsck(kernel.ram, kernel.text()).damages
    assert memory[0] == memory[1]


@pytest.fixture(scope="module")
def some() -> list[Fault]:
    """Faults of several kinds."""
    with boot() as kernel:
        for name in ("null_read", "guard_page", "fixup", "vmalloc_fault", "wild_call", "divide_error"):
            run(kernel, name)
        assert kernel.fault_log is not None
        return list(kernel.fault_log)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", "null_read guard_page fixup vmalloc_fault wild_call divide_error"),
        ("read", "null_read fixup"), ("write", "guard_page vmalloc_fault"), ("fetch", "wild_call"),
        ("oops", "null_read guard_page wild_call divide_error"), ("fixup", "fixup"), ("retry", "vmalloc_fault"),
        ("kernel", "null_read guard_page fixup vmalloc_fault wild_call divide_error"), ("user", ""),
        ("guard page", "guard_page"), ("vmalloc", "guard_page vmalloc_fault"), ("null*page", "null_read"),
        ("0-1000", "null_read"), ("0+1000", "null_read"), ("d0000000-ffffffff,write", "guard_page vmalloc_fault"),
        ("v=0", "divide_error"), ("!v=e", "divide_error"), ("cpu=1", ""), ("read,!fixup", "null_read"),
        ("not present, !oops", "fixup"),
    ],
)  # fmt: skip
def test_filter(text: str, chosen: str, some: list[Fault]) -> None:
    wanted = FaultFilter(text)
    assert [fault.comm for fault in some if wanted(fault)] == chosen.split()


@pytest.mark.parametrize("text", ["cpu=x", "v=zz", "colour=red"])
def test_filter_that_is_none(text: str) -> None:
    with pytest.raises(HighmemError):
        FaultFilter(text)


def test_a_saved_machine(tmp_path: Path) -> None:
    """The faults are in the file: the same objects, and numbers go on."""
    with boot() as kernel:
        kernel.record_faults()
        for name in ("vmalloc_fault", "fixup", "nx_call", "null_member"):
            kernel.run(elf.read(cc.build([FAULTS / f"{name}.c"], kernel.layout)), [name])
        before = list(kernel.record_faults())
        assert len(before) == 3
        kernel.save(tmp_path / "image")
        counts = kernel.record_faults().counts(By.CAUSE)
    with Kernel.open(tmp_path / "image") as again:
        log = again.record_faults()
        assert list(log) == before and log.total == 3 and log.counts(By.CAUSE) == counts
        assert [plain(fault) for fault in log] == [plain(fault) for fault in before]
        again.run(elf.read(cc.build([FAULTS / "null_read.c"], again.layout)), ["null_read"])
        assert [fault.number for fault in log] == [0, 1, 2, 3]
        packed = log.note()
        for damaged in (b"nothing", zlib.compress(b"[1, {}, []]"), zlib.compress(b'[1, {}, [["0"]]]')):
            with pytest.raises(ImageError, match="the faults of a saved machine"):
                log.load(damaged)
        assert log.note() == packed
