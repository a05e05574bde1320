"""The monitor's commands over a machine whose page tables are written here by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from hw import paging
from hw.e820 import E820Map
from hw.machine import Machine
from mm.layout import PAGE_OFFSET, layout_for
from mm.setup import BootOptions, find_limits
from tools.errors import CommandError
from tools.monitor import Monitor

RAM = 16 << 20
PGD = 0x106000
TABLE = 0x107000
MEM_MAP = PAGE_OFFSET + 0x200000
GDT = 0x108000
VMALLOC = 0xC1800000
KERNEL_LARGE, KERNEL, READ_ONLY, USER = 0x1E3, 0x163, 0x161, 0x067


class TinyKernel:
    """As much of a kernel as the commands look at: 16 MB in the direct map, and one page table for vmalloc."""

    def __init__(self) -> None:
        self.machine = Machine(E820Map.pc(RAM))
        self.ram = self.machine.ram
        self.limits = find_limits(self.machine.e820, BootOptions())
        self.layout = layout_for(1, True, 64)
        words = self.ram.words
        for slot in range(RAM >> 22):
            words[PGD // 4 + 768 + slot] = paging.pde_large(slot << 22, KERNEL_LARGE & ~0x80)
        words[PGD // 4 + (VMALLOC >> 22)] = paging.pde(TABLE, USER)
        for slot, (pa, flags) in enumerate([(0x300000, KERNEL), (0x301000, KERNEL), (0x302000, READ_ONLY)]):
            words[TABLE // 4 + slot] = paging.pte(pa, flags)
        variables = {
            "mem_map": MEM_MAP,
            "max_mapnr": RAM >> 12,
        }
        for name, value in variables.items():
            words[(self.layout.va(name) - PAGE_OFFSET) >> 2] = value
        page = (MEM_MAP - PAGE_OFFSET + (0x301 * self.layout["page"].size)) >> 2
        struct = self.layout["page"]
        for name, value in (("flags", 1 << 30 | 1 << 7), ("_count", 1), ("index", 5)):
            words[page + struct.word(name)] = value
        for selector, high in ((0x60, 0x00CF9A00), (0x68, 0x00CF9200), (0x78, 0x00CFF200)):
            words[(GDT + selector) // 4], words[(GDT + selector) // 4 + 1] = 0x0000FFFF, high
        self.ram.write(0x300000, b"hello\0" + bytes(range(10)))
        self.ram.write(0x301000, (PAGE_OFFSET + 0x100004).to_bytes(4, "little") + b"\x55\x89\xe5\xc3")
        cpu = self.machine.cpus[0]
        cpu.set_gdt(GDT, 0xFF)
        cpu.load_segments(cs=0x60, ss=0x68, ds=0x7B, es=0x7B)
        cpu["cr3"], cpu["cr4"] = PGD, paging.CR4_PSE | paging.CR4_PGE
        cpu["cr0"] = paging.CR0_PE | paging.CR0_WP | paging.CR0_PG
        cpu.set_gdt(GDT + PAGE_OFFSET, 0xFF)
        cpu["esp"], cpu["eip"], cpu["eax"] = VMALLOC + 0x1000, VMALLOC + 4, 0x12345678

    def symbol(self, name: str) -> int | None:
        return {"function": PAGE_OFFSET + 0x100000}.get(name)

    def symbol_at(self, va: int) -> tuple[str, int, int] | None:
        start = PAGE_OFFSET + 0x100000
        return ("function", va - start, 16) if start <= va < start + 16 else None


@pytest.fixture(scope="module")
def monitor() -> Iterator[Monitor]:
    kernel = TinyKernel()
    yield Monitor(cast(Any, kernel))
    kernel.machine.close()


def text(monitor: Monitor, line: str) -> str:
    return monitor.execute(line).text


def test_vtop_of_a_small_page(monitor: Monitor) -> None:
    page = MEM_MAP + 0x301 * monitor.session.kernel.layout["page"].size
    assert text(monitor, "vtop c1801234") == (
        "VIRTUAL   PHYSICAL\n"
        "c1801234  301234\n"
        "\n"
        "PAGE DIRECTORY: c0106000\n"
        "  PGD: c0106c18 => 00107067  (PRESENT|RW|USER|ACCESSED|DIRTY)\n"
        "  PTE: c0107004 => 00301163  (PRESENT|RW|ACCESSED|DIRTY|GLOBAL)\n"
        " PAGE: 00301000\n"
        "\n"
        "  PTE     PHYSICAL  FLAGS\n"
        "  301163    301000  (PRESENT|RW|ACCESSED|DIRTY|GLOBAL)\n"
        "\n"
        "  PAGE    PHYSICAL   MAPPING    INDEX CNT FLAGS\n"
        f"{page:08x}    301000         0        5   1 40000080 slab\n"
    )


def test_vtop_of_a_large_page(monitor: Monitor) -> None:
    lines = text(monitor, "vtop c0500000").splitlines()
    assert lines[1] == "c0500000  500000"
    assert "  PGD: c0106c04 => 004001e3  (PRESENT|RW|ACCESSED|DIRTY|PSE|GLOBAL)" in lines
    assert " PAGE: 00400000  (4MB)" in lines
    result = monitor.execute("vtop c0500000").result
    assert (result.physical, result.page_size, result.writable, result.user) == (0x500000, 4 << 20, True, False)
    assert result.page.physical == 0x500000


@pytest.mark.parametrize(("address", "reason"), [("c1805000", "PTE.P=0"), ("0", "PDE.P=0"), ("ffffffff", "PDE.P=0")])
def test_vtop_of_nothing(monitor: Monitor, address: str, reason: str) -> None:
    answer = monitor.execute(f"vtop {address}")
    assert answer.result.physical is None and answer.result.page is None
    assert "(not mapped)" in answer.text and answer.text.endswith(f"\n{reason}\n")


def test_info_mem(monitor: Monitor) -> None:
    assert text(monitor, "info mem") == (
        "c0000000-c1000000 01000000 -rw direct map\n"
        "c1800000-c1802000 00002000 -rw vmalloc\n"
        "c1802000-c1803000 00001000 -r- vmalloc\n"
    )


def test_info_registers(monitor: Monitor) -> None:
    shown = text(monitor, "info registers")
    assert shown.startswith("EAX=12345678 EBX=00000000 ")
    assert f"EIP={VMALLOC + 4:08x} EFL=" in shown and "CPL=0" in shown
    assert "CS =0060 00000000 ffffffff 00cf9b00\n" in shown or "CS =0060 00000000 ffffffff 00cf9a00\n" in shown
    assert "FS =0000 00000000 00000000 00000000\n" in shown
    assert "CR0=80010001 CR2=00000000 CR3=00106000 CR4=00000090\n" in shown
    assert f"GDT=     {GDT + PAGE_OFFSET:08x} 000000ff\n" in shown
    data = monitor.execute("info registers").data
    assert data["values"]["eax"] == 0x12345678 and data["segments"]["ss"]["selector"] == 0x68


def test_examine(monitor: Monitor) -> None:
    assert text(monitor, "x /xw $esp") == "c1801000: 0xc0100004\n"
    assert text(monitor, "x/aw $sp") == "c1801000: 0xc0100004 <function+0x4>\n"
    assert text(monitor, "x/s c1800000") == 'c1800000: "hello"\n'
    assert "pushl %ebp" in text(monitor, "x /3i $esp+4")
    assert text(monitor, "xp /2xb 300000") == "0000000000300000: 0x68 0x65\n"


def test_memory_that_crosses_pages(monitor: Monitor) -> None:
    assert text(monitor, "x /xg c1801ffc").startswith("c1801ffc: ")
    with pytest.raises(CommandError, match="Cannot access memory at address 0xc1803000"):
        monitor.execute("x /xg c1802ffc")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x 0", "Cannot access memory at address 0x0"),
        ("xp c0000", "Cannot access memory at address physical 0xc0000"),
        ("xp fffffffff", "Cannot access memory"),
        ("x", "x: an address is missing; usage: x [/FMT] [--cr3 PA|--pid N] ADDR"),
        ("x fff00000+", "ends with an operator"),
        ("x /4zz 0", "bad format /4zz"),
        ("vtop nowhere", "vtop: 'nowhere' is no symbol and no hexadecimal number; usage: vtop [--cr3 PA|--pid N] ADDR"),
        ("info mem 1", "info mem: takes no arguments"),
    ],
)
def test_errors_are_one_clear_line(monitor: Monitor, line: str, words: str) -> None:
    with pytest.raises(CommandError) as caught:
        monitor.execute(line)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_help(monitor: Monitor) -> None:
    listing = text(monitor, "help")
    for command in monitor.registry.commands.values():
        assert command.usage in listing and command.summary in listing
        one = text(monitor, f"help {command.name}")
        assert "Example:\n  " + command.example in one
        found, _ = monitor.registry.find(command.example)
        assert found is command
    assert text(monitor, "help info").count("info") > 1
    with pytest.raises(CommandError, match="'nonsense' is no command"):
        monitor.execute("help nonsense")


def test_answers_as_text_and_as_json(monitor: Monitor) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert monitor.answer_all(["x c1800000", "info mem"], out, err)
    assert out.getvalue() == "c1800000: 0x6c6c6568\n" + text(monitor, "info mem") and err.getvalue() == ""
    out = io.StringIO()
    assert not monitor.answer_all(["x c1800000", "nonsense", "info mem"], out, err, as_json=True)
    first, second, third = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["command"] == "x c1800000" and first["result"]["values"] == [0x6C6C6568]
    assert second == {"command": "nonsense", "error": "'nonsense' is no command; 'help' lists them"}
    assert third["result"][0] == {
        "start": 0xC0000000, "end": 0xC1000000, "user": False, "writable": True, "region": "direct map",
    }  # fmt: skip
    assert err.getvalue() == "highmem: error: 'nonsense' is no command; 'help' lists them\n"


def test_a_read_that_ends_early_counts_as_failed(monitor: Monitor) -> None:
    out = io.StringIO()
    assert not monitor.answer_all(["x /4xw c1802ff8"], out, io.StringIO())
    assert out.getvalue() == "c1802ff8: 0x00000000 0x00000000\nCannot access memory at address 0xc1803000\n"


def test_every_answer_is_data(monitor: Monitor) -> None:
    for line in ("vtop c1800000", "vtop 0", "info mem", "info registers", "x /2i $eip", "x /s c1800000", "help"):
        json.dumps(monitor.execute(line).data)
