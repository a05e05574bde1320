"""`run --bare`: its output, its statuses, and the monitor on a machine without a kernel."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from guest import bare
from tools import cli

BASE = 0x10_0000
EXIT = b"\xb8%c\x00\x00\x00\xe7\xf4\xeb\xfe"


def image(path: Path, code: bytes) -> str:
    """A flat Multiboot image: the header with its addresses, then ``code``."""
    flags = 1 << 16
    size = 32 + len(code)
    path.write_bytes(struct.pack("<8I", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xFFFF_FFFF, BASE, BASE, BASE + size,
                                 BASE + size, BASE + 32) + code)
    return str(path)


@pytest.fixture(autouse=True)
def no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)


def run(*arguments: str) -> int:
    return cli.main(["run", "--bare", *arguments])


def test_serial_is_stdout_and_the_status_is_the_guests(tmp_path: Path, capfdbinary) -> None:
    code = b"\x66\xba\xf8\x03\xb0o\xee\xb0k\xee\xb0\n\xee" + EXIT % 5
    assert run(image(tmp_path / "image", code)) == 11
    assert capfdbinary.readouterr() == (b"ok\n", b"")


def test_serial_to_a_file(tmp_path: Path, capfdbinary) -> None:
    code = b"\x66\xba\xf8\x03\xb0o\xee" + EXIT % 0
    assert run(image(tmp_path / "image", code), "--serial", str(tmp_path / "out")) == 1
    assert (tmp_path / "out").read_bytes() == b"o" and capfdbinary.readouterr().out == b""


@pytest.mark.parametrize("code, more, status, words", [
    (b"\xfa\xf4", (), 134, "halted for ever"),
    (b"\x0f\x01\x1d\x00\x00\x20\x00\x0f\x0b", (), 134, "triple fault"),  # lidt of zeros; ud2
    (b"\xeb\xfe", ("--timeout", "0.2"), 124, "timeout"),
    (b"\xb0\xfe\xe6\x64\xeb\xfe", (), 134, "reset"),
])
def test_other_ends_are_reported(tmp_path: Path, capfd, code: bytes, more: tuple[str, ...], status: int,
                                 words: str) -> None:
    assert run(image(tmp_path / "image", code), *more) == status
    assert words in capfd.readouterr().err


def test_what_cannot_be_run(tmp_path: Path, capfd) -> None:
    (tmp_path / "none").write_bytes(b"text")
    assert run(str(tmp_path / "none")) == 125
    assert "no Multiboot header" in capfd.readouterr().err
    assert run(str(tmp_path / "absent")) == 125
    assert run(image(tmp_path / "image", b"\xf4"), "--cpu", "z80") == 125
    assert "no CPU model" in capfd.readouterr().err
    assert run() == 2
    assert run("--help") == 0


def test_command_line_and_modules(tmp_path: Path, capfd) -> None:
    """The guest sends its command line, and that of its module."""
    (tmp_path / "module").write_bytes(b"abcd")
    send = b"\xac\x84\xc0\x74\x03\xee\xeb\xf8"  # lodsb; test al, al; jz +3; out dx, al; jmp -8
    code = b"\x66\xba\xf8\x03\x8b\x73\x10" + send + b"\x8b\x7b\x18\x8b\x77\x08" + send + EXIT % 0
    path = image(tmp_path / "image", code)
    assert run(path, "--append", "x=1 y", "--initrd", f"{tmp_path / 'module'} words") == 1
    assert capfd.readouterr().out == f"{path} x=1 y{tmp_path / 'module'} words"
    assert run(path, "--module", str(tmp_path / "absent")) == 125


def test_boot_sector_reads_its_own_disk(tmp_path: Path, capfdbinary) -> None:
    # real mode: read the first word of sector 1 by PIO and send its bytes
    code = b"".join(b"\xba" + struct.pack("<H", port) + b"\xb0" + bytes((value,)) + b"\xee"
                    for port, value in ((0x1F6, 0xE0), (0x1F2, 1), (0x1F3, 1), (0x1F4, 0), (0x1F5, 0), (0x1F7, 0x20)))
    code += b"\xba\xf7\x01\xec\xa8\x08\x74\xfb\xba\xf0\x01\xed\xba\xf8\x03\xee\x88\xe0\xee"
    code += b"\xb8\x03\x00\xe7\xf4\xeb\xfe"
    disk = tmp_path / "disk.img"
    disk.write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + b"Z!".ljust(512, b"\0"))
    assert run(str(disk)) == 7
    assert capfdbinary.readouterr().out == b"Z!"


def test_monitor_without_a_kernel(capfd) -> None:
    source = str(bare.FOLDER / "paging.c")
    commands = ("vtop c0100000", "info mem", "info tlb", "x/2xw 0x100000", "info cr", "info gdt", "info idt",
                "info tss", "info registers", "faults", "info cpus", "info screen")
    arguments = [word for command in commands for word in ("-ex", command)]
    assert run(source, "--json", *arguments) == 1
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    results = {line["command"]: line["result"] for line in lines}
    assert list(results) == list(commands)
    assert results["vtop c0100000"]["physical"] == 0x50_0000 and results["vtop c0100000"]["page_size"] == 4 << 20
    assert {"start": 0xC000_0000, "end": 0xC040_0000, "user": False, "writable": True,
            "region": ""} in results["info mem"]
    assert "PG" in results["info cr"][0]["bits"]
    assert [entry["kind"] for entry in results["info gdt"]["entries"]] == [
        "Code read/exec", "Data read/write", "Code read/exec", "Data read/write", "TSS32-busy"]
    assert len(results["info idt"]["entries"]) == 256
    assert results["info tss"]["fields"]["ss0"] == 0x10
    assert results["faults"]["counts"]["14"] == 517


def test_the_local_descriptor_table(tmp_path: Path, capfd) -> None:
    source = tmp_path / "ldt.c"
    source.write_text("""
#include "bare.h"
static u64 ldt[] = { 0, 0x00CFF2000000FFFFull, 0, 0x00009A001000FFFFull };
int main(void)
{
	set_descriptor(FREE_SELECTOR, (u32)ldt, sizeof(ldt) - 1, 0x82, 0);
	asm volatile("lldt %w0" : : "r"(FREE_SELECTOR));
	return 0;
}
""")
    assert run(str(source), "-ex", "info ldt", "--json") == 1
    table = json.loads(capfd.readouterr().out.splitlines()[-1])["result"]
    assert (table["name"], table["limit"]) == ("LDT", 31)
    assert [(e["number"], e["kind"], e["base"], e["dpl"]) for e in table["entries"]] == [
        (1, "Data read/write", 0, 3), (3, "Code read/exec", 0x1000, 0)]
    assert run(str(source), "-ex", "info ldt") == 1
    assert "LDT[01] sel=000c: Data read/write 32-bit" in capfd.readouterr().out
    assert run(str(bare.FOLDER / "exceptions.c"), "-ex", "info ldt") == 1
    assert "no LDT: LDTR is 0000" in capfd.readouterr().err


def test_kernel_commands_say_that_there_is_none(capfd) -> None:
    source = str(bare.FOLDER / "exceptions.c")
    assert run(source, "-ex", "info tlb -s") == 1
    assert "no Linux kernel" in capfd.readouterr().err
