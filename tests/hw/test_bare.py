"""The bare-metal PC: loading images, entry state, and how runs end."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest

from hw import ImageError
from hw.bare import BarePC
from hw.bus import Device
from hw.e820 import E820Map
from hw.multiboot import Module, is_boot_sector, is_multiboot

MAGIC = 0x1BADB002
BASE = 0x10_0000


def elf(code: bytes, *, flags: int = 3, machine: int = 3, entry: int = BASE + 12, memory: int | None = None) -> bytes:
    """A Multiboot ELF32 executable with one segment: the header, and ``code`` at BASE + 12."""
    content = struct.pack("<III", MAGIC, flags, -(MAGIC + flags) & 0xFFFF_FFFF) + code
    head = b"\x7fELF\x01\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, entry, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    head += struct.pack("<8I", 1, 84, 0xC000_0000 + BASE, BASE, len(content), memory or len(content), 7, 4096)
    return head + content


def kludge(code: bytes, bss: int = 0) -> bytes:
    """A flat image whose header gives its addresses."""
    flags = 1 << 16
    size = 32 + len(code)
    return struct.pack("<8I", MAGIC, flags, -(MAGIC + flags) & 0xFFFF_FFFF, BASE, BASE, BASE + size,
                       BASE + size + bss, BASE + 32) + code


@pytest.fixture
def output() -> bytearray:
    return bytearray()


@pytest.fixture
def pc(output: bytearray) -> Iterator[BarePC]:
    with BarePC(E820Map.pc(32 << 20), serial=output.extend) as machine:
        yield machine


HLT = b"\xf4"


def test_entry_state(pc: BarePC) -> None:
    pc.load(elf(HLT), "image", "one two")
    report = pc.run(5)
    assert report.kind == "halted" and "with interrupts off" in report.lines[0]
    cpu = pc.cpus[0]
    assert cpu["eax"] == 0x2BADB002 and cpu["eip"] == BASE + 13
    assert cpu["cr0"] & 0x8000_0001 == 1 and not cpu["eflags"] & 0x2_0200
    values = cpu.registers()
    assert values["gdtr_limit"] == 23 and values["cs"] == 8 and values["ds"] == 16


def test_information(pc: BarePC) -> None:
    pc.load(elf(HLT, memory=0x5000), "image", "one two", [Module(b"first", "a b"), Module(b"x" * 5000, "second")])
    pc.run(5)
    ram = pc.ram

    def text(at: int) -> bytes:
        return bytes(ram.bytes[at:at + 64]).partition(b"\0")[0]

    at = pc.cpus[0]["ebx"]
    words = struct.unpack("<22I", ram.read(at, 88))
    assert words[0] == 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9
    assert words[1:3] == (639, 31 << 10)
    assert text(words[4]) == b"image one two" and text(words[16]) == b"highmem"
    assert words[5] == 2
    rows = struct.unpack("<8I", ram.read(words[6], 32))
    assert rows[0] & 0xFFF == rows[4] & 0xFFF == 0 and rows[0] >= BASE + 0x5000
    assert ram.read(rows[0], rows[1] - rows[0]) == b"first" and ram.read(rows[4], rows[5] - rows[4]) == b"x" * 5000
    assert text(rows[2]) == b"a b" and text(rows[6]) == b"second"
    entries = []
    place, end = words[12], words[12] + words[11]
    while place < end:
        size, base, length, kind = struct.unpack("<IQQI", ram.read(place, 24))
        entries.append((base, length, kind))
        place += size + 4
    assert (0, 0x9FC00, 1) in entries and (1 << 20, 31 << 20, 1) in entries


def test_addresses_in_the_header(pc: BarePC) -> None:
    pc.ram.write(BASE, b"\xff" * 128)
    pc.load(kludge(b"\xb8\x07\x00\x00\x00\xf4", bss=16), "flat")
    pc.run(5)
    assert pc.cpus[0]["eax"] == 7
    assert pc.ram.read(BASE + 38, 17) == bytes(16) + b"\xff"


def test_an_image_below_1_mb_keeps_what_the_loader_adds_away(pc: BarePC) -> None:
    """Linked at 32 KB, up to where the information would lie; so do its modules and strings."""
    base, code = 0x8000, b"\x8c\xd8\x0f\x01\x05\x00\x70\x00\x00\xf4"  # mov eax, ds; sgdt [0x7000]; hlt
    flags = 1 << 16
    body = code + bytes(range(256)) * 24
    end = base + 32 + len(body)
    image = struct.pack("<8I", MAGIC, flags, -(MAGIC + flags) & 0xFFFF_FFFF, base, base, end, end + 0x800, base + 32)
    image += body
    pc.load(image, "low", "a b", [Module(b"data", "c")])
    pc.run(5)
    assert pc.ram.read(base, len(image)) == image and pc.ram.read(end, 0x800) == bytes(0x800)
    at = pc.cpus[0]["ebx"]
    words = struct.unpack("<22I", pc.ram.read(at, 88))
    assert at >= end + 0x800 and bytes(pc.ram.bytes[words[4]:words[4] + 8]) == b"low a b\0"
    limit, table = struct.unpack("<HI", pc.ram.read(0x7000, 6))
    assert limit == 23 and not base <= table < end + 0x800 and pc.cpus[0]["eax"] & 0xFFFF == 16
    start, stop, text, _ = struct.unpack("<4I", pc.ram.read(words[6], 16))
    assert start >= end + 0x800 and pc.ram.read(start, stop - start) == b"data" and pc.ram.read(text, 2) == b"c\0"


@pytest.mark.parametrize("image, words", [
    (b"", "no Multiboot header"),
    (b"\x7fELF" + bytes(9000), "no Multiboot header"),
    (bytes(8192) + elf(HLT), "no Multiboot header"),
    (elf(HLT, flags=1 << 5), "asks for what this loader has not"),
    (elf(HLT, machine=62), "another processor"),
    (elf(HLT, memory=1 << 30), "no RAM"),
    (elf(HLT)[:90], "no Multiboot header"),
    (elf(HLT + bytes(100))[:150], "cut off"),
    (kludge(HLT)[:20], "cut off"),
    (struct.pack("<III", MAGIC, 0, -MAGIC & 0xFFFF_FFFF) + bytes(100), "neither an ELF32"),
])
def test_images_that_cannot_be_loaded(pc: BarePC, image: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        pc.load(image, "image")


def test_boot_sector(pc: BarePC) -> None:
    """Real mode at 0:7C00, the drive in DL; a segment register shifted by four."""
    code = b"\xb8\x00\x90\x8e\xd8\xc6\x06\x10\x00\x5a\x88\xd3\xfa\xf4"  # mov ax, 0x9000; mov ds, ax; mov byte [16], 'Z'
    image = code.ljust(510, b"\0") + b"\x55\xaa"
    assert is_boot_sector(image) and not is_multiboot(image)
    pc.load(image, "boot")
    assert pc.run(5).kind == "halted"
    assert pc.ram.bytes[0x9_0010] == 0x5A and pc.cpus[0]["ebx"] & 0xFF == 0x80


def test_boot_sector_before_a_kernel_with_a_header(pc: BarePC) -> None:
    image = HLT.ljust(510, b"\0") + b"\x55\xaa" + elf(b"\x0f\x0b")
    assert is_boot_sector(image) and not is_multiboot(image)
    assert is_multiboot(elf(HLT).ljust(510, b"\0") + b"\x55\xaa")
    pc.load(image, "disk")
    assert pc.run(5).kind == "halted" and pc.cpus[0]["eip"] == 0x7C01


def test_serial_exit_and_other_ports(pc: BarePC, output: bytearray) -> None:
    code = b"\x66\xba\xf8\x03\xb0H\xee\xb0i\xee" + b"\x66\xba\xf4\x00\xb8\x05\x00\x00\x00\xef"
    pc.load(elf(code + b"\xeb\xfe"), "image")
    report = pc.run(5)
    assert (report.kind, report.status, bytes(output)) == ("exit", 11, b"Hi")


def test_timeout(pc: BarePC) -> None:
    pc.load(elf(b"\xeb\xfe"), "image")
    assert pc.run(0.2).kind == "timeout"


def test_halted_with_interrupts_off_while_a_timer_runs(pc: BarePC) -> None:
    periodic = b"".join(b"\xc7\x05" + struct.pack("<II", 0xFEE00000 + register, value)
                        for register, value in ((0xF0, 0x1FF), (0x320, 0x2_0030), (0x380, 10_000_000)))
    pc.load(elf(periodic + HLT), "image")
    report = pc.run(5)
    assert report.kind == "halted" and "with interrupts off" in report.lines[0]


def test_reset_ends_the_run(pc: BarePC) -> None:
    pc.load(elf(b"\xb0\xfe\xe6\x64\xeb\xfe"), "image")  # the keyboard controller's reset line
    assert pc.run(5).kind == "reset"


def test_serial_input_wakes_a_halted_cpu(output: bytearray) -> None:
    """HLT with IF=1 waits for the serial port's interrupt, by the I/O APIC and the 8259 unasked: polled here."""
    reader, writer = os.pipe()
    try:
        with BarePC(E820Map.pc(32 << 20), serial=output.extend, serial_in=reader) as pc:
            # IER=1; 8259s: vectors from 0x20, all masked but IRQ 4; IDT entry 0x24 at 0x2000 + 0x24 * 8
            setup = b"".join(b"\x66\xba" + struct.pack("<H", port) + b"\xb0" + bytes((value,)) + b"\xee"
                             for port, value in ((0x3F9, 1), (0x3FC, 8), (0x20, 0x11), (0x21, 0x20), (0x21, 4),
                                                 (0x21, 1), (0x21, 0xEF)))
            setup += b"\x0f\x01\x1d\x00\x30\x00\x00\xbc\x00\x70\x00\x00\xfb\xf4\xeb\xfd"  # lidt [0x3000]; sti; hlt
            pc.load(elf(setup), "image")
            pc.ram.write(0x3000, struct.pack("<HI", 0x7FF, 0x2000))
            pc.ram.write(0x2000 + 0x24 * 8, struct.pack("<HHBBH", 0x4000, 8, 0, 0x8E, 0))
            # in al, 0x3f8; out 0xf4, eax
            pc.ram.write(0x4000, b"\x66\xba\xf8\x03\x31\xc0\xec\xe7\xf4\xeb\xfe")
            os.write(writer, b"A")
            report = pc.run(5)
            assert (report.kind, report.status) == ("exit", (0x41 << 1 | 1) & 0xFF)
    finally:
        os.close(reader)
        os.close(writer)


def test_serial_input_that_is_polled(output: bytearray) -> None:
    """A program that asks the line status for ever gets what comes, byte after byte."""
    reader, writer = os.pipe()
    try:
        with BarePC(E820Map.pc(32 << 20), serial=output.extend, serial_in=reader) as pc:
            # loop: in al, 0x3fd; test al, 1; jz loop; in al, 0x3f8; out 0x3f8, al; cmp al, '.'; jne loop; exit
            code = (b"\x66\xba\xfd\x03\xec\xa8\x01\x74\xf7\x66\xba\xf8\x03\xec\xee\x3c\x2e\x75\xed"
                    b"\x31\xc0\xe7\xf4\xeb\xfe")
            pc.load(elf(code), "image")
            os.write(writer, b"echo.")
            report = pc.run(20)
            assert (report.kind, bytes(output)) == ("exit", b"echo.")
    finally:
        os.close(reader)
        os.close(writer)


def test_text_screen(pc: BarePC) -> None:
    code = b"".join(b"\x66\xc7\x05" + struct.pack("<I", 0xB8000 + 2 * index) + bytes((letter, 7))
                    for index, letter in enumerate(b"Hello"))
    pc.load(elf(code + HLT), "image")
    pc.run(5)
    assert pc.screen().text() == "Hello"


def test_cpu_models() -> None:
    from hw.errors import EngineError

    seen = {}
    for model in ("pentium3", "Haswell", "skylake-client"):
        with BarePC(E820Map.pc(16 << 20), model=model, serial=lambda data: None) as pc:
            # cpuid 1 and 7
            code = b"\xb8\x01\x00\x00\x00\x0f\xa2\x89\xc6\x89\xd7\xb8\x07\x00\x00\x00\x31\xc9\x0f\xa2\xf4"
            pc.load(elf(code), "image")
            pc.run(5)
            cpu = pc.cpus[0]
            assert cpu["edi"] & 1 << 9  # a local APIC
            seen[model] = cpu["esi"], cpu["ebx"] >> 20 & 1 if model != "pentium3" else 0
    assert len({signature for signature, _ in seen.values()}) == 3
    assert [smap for _, smap in seen.values()] == [0, 0, 1]
    with pytest.raises(EngineError, match="no CPU model 'z80'"):
        BarePC(E820Map.pc(16 << 20), model="z80", serial=lambda data: None)


def test_two_cpus_have_ids_of_their_own() -> None:
    with BarePC(E820Map.pc(16 << 20), 2, serial=lambda data: None) as pc:
        # read the local APIC's ID, and start the other CPU, which does the same in real mode with CPUID
        icr = b"".join(b"\xc7\x05\x00\x03\xe0\xfe" + struct.pack("<I", value) for value in (0xC4500, 0xC4605))
        pc.load(elf(icr + b"\xb8\x01\x00\x00\x00\x0f\xa2\xa1\x20\x00\xe0\xfe\xf4"), "image")
        pc.ram.write(0x5000, b"\xb8\x01\x00\x66\x31\xc9\x66\x0f\xb7\xc0\x0f\xa2\xf4")  # movzx eax, ax; cpuid; hlt
        assert pc.run(5).kind == "halted"
        first, second = pc.cpus
        assert first["eax"] == 0 and first["ebx"] >> 24 == 0
        assert second["ebx"] >> 24 == 1 and second["cs"] == 0x500


def test_the_local_apic_is_switched_off_and_moved(pc: BarePC) -> None:
    off = b"\xb9\x1b\x00\x00\x00\xb8\x00\x00\xe0\xfe\x31\xd2\x0f\x30"  # wrmsr 0x1B: 0xFEE00000
    off += b"\x8b\x3d\x30\x00\xe0\xfe\xb8\x01\x00\x00\x00\x0f\xa2\x89\xd6"  # edi: its version; esi: CPUID
    move = b"\xb9\x1b\x00\x00\x00\xb8\x00\x09\xd4\xfe\x31\xd2\x0f\x30"  # wrmsr 0x1B: 0xFED40900
    move += b"\x8b\x2d\x30\x00\xd4\xfe\x8b\x1d\x30\x00\xe0\xfe\xf4"  # ebp, ebx: the version there, and here
    pc.load(elf(off + move), "image")
    assert pc.run(5).kind == "halted"
    cpu = pc.cpus[0]
    assert cpu["edi"] == 0xFFFF_FFFF and not cpu["esi"] & 1 << 9
    assert cpu["ebp"] == 0x50014 and cpu["ebx"] == 0xFFFF_FFFF


@pytest.mark.parametrize("host", ["x86_64", "another"])
def test_the_id_of_the_local_apic_where_it_is_and_is_not(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: host)
    write = b"\xc7\x05\x20\x00\xe0\xfe\x00\x00\x00\x07"  # mov dword [0xFEE00020], 0x07000000
    read = b"\xa1\x20\x00\xe0\xfe\xa3%b\x00\x00\xa0\x23\x00\xe0\xfe\xa2%b\x00\x00"  # the register, its last byte
    code, at = b"", 0x3000
    for switch in (b"", write, b"\xb8\x00\x00\xe0\xfe", b"\xb8\x00\x08\xd4\xfe", b"\xb8\x00\x08\xe0\xfe"):
        if switch[:1] == b"\xb8":  # wrmsr 0x1B: off, on and elsewhere, back again
            switch = b"\xb9\x1b\x00\x00\x00\x31\xd2" + switch + b"\x0f\x30"
        code += switch + read % (at.to_bytes(2, "little"), (at + 4).to_bytes(2, "little"))
        at += 8
    with BarePC(E820Map.pc(16 << 20), serial=lambda data: None) as pc:
        pc.load(elf(code + b"\xf4"), "image")
        assert pc.run(5).kind == "halted"
        values = struct.unpack("<10I", pc.ram.read(0x3000, 40))
        ones = (0xFFFF_FFFF, 0xFF)
        assert values == (0, 0, 0x700_0000, 7, *ones, *ones, 0, 0)  # switched off it forgets the ID


def test_a_hlt_behind_an_msr_instruction_halts(pc: BarePC) -> None:
    pc.load(elf(b"\xb9\x1b\x00\x00\x00\x0f\x32\xf4"), "image")  # rdmsr; hlt: one block
    assert pc.run(5).kind == "halted" and pc.cpus[0]["eax"] == 0xFEE0_0900


@pytest.mark.parametrize(("eax", "edx"), [(0xFEE00D00, 0), (0xFEE00901, 0), (0xFEE00900, 16)])
def test_reserved_bits_of_the_apic_base(pc: BarePC, eax: int, edx: int) -> None:
    load = b"\xb9\x1b\x00\x00\x00\xb8" + struct.pack("<I", eax) + b"\xba" + struct.pack("<I", edx)
    pc.load(elf(load + b"\x0f\x30\xf4"), "image")
    report = pc.run(5)
    assert report.kind == "triple-fault" and "#GP(0x0)" in report.lines[1]  # the IDT is empty


class _Wake(Device):
    """Port 0x300 sends CPU 1 an interrupt."""

    name = "wake"
    ports = ((0x300, 1),)
    pc: BarePC

    def port_write(self, port: int, size: int, value: int) -> None:
        self.pc.lapics[1].svr |= 0x100
        self.pc.lapics[1].accept(0x40)


def test_an_interrupt_wakes_another_cpu_at_once() -> None:
    with BarePC(E820Map.pc(16 << 20), 2, serial=lambda data: None) as pc:
        wake = _Wake()
        wake.pc = pc
        pc.bus.add(wake)
        code = b"".join(b"\xc7\x05\x00\x03\xe0\xfe" + struct.pack("<I", value) for value in (0xC4500, 0xC4605))
        code += b"\x80\x3d\x04\x02\x00\x00\x00\x74\xf7"  # until [0x204]
        code += b"\x66\xba\x00\x03\xee"  # out 0x300
        code += b"\x80\x3d\x00\x02\x00\x00\x00\x74\xf7\xf4"  # until [0x200]; hlt
        pc.load(elf(code), "image")
        pc.ram.write(0x5000, b"\xc6\x06\x04\x02\x01\xfb\xf4\xeb\xfd")  # mov byte [0x204], 1; sti; hlt; jmp
        pc.ram.write(0x4 * 0x40, struct.pack("<HH", 0x6000, 0))
        pc.ram.write(0x6000, b"\xc6\x06\x00\x02\x01\xcf")  # mov byte [0x200], 1; iret
        assert pc.run(5).kind == "halted"
        assert pc.ram.bytes[0x200] == 1 and pc.clock.now < 500_000


@pytest.mark.parametrize("delay", range(1, 502, 100))
def test_a_lock_that_another_cpu_takes_again_and_again(delay: int) -> None:
    with BarePC(E820Map.pc(16 << 20), 2, serial=lambda data: None) as pc:
        code = b"".join(b"\xc7\x05\x00\x03\xe0\xfe" + struct.pack("<I", value) for value in (0xC4500, 0xC4605))
        code += b"\x80\x3d\x04\x02\x00\x00\x00\x74\xf7\xb9\x05\x00\x00\x00"  # until [0x204]; mov ecx, 5
        code += b"\xb0\x01\x86\x05\x00\x02\x00\x00\x84\xc0\x75\xf4"  # take [0x200] by xchg
        code += b"\xc6\x05\x00\x02\x00\x00\x00\xe2\xeb\xe6\xf4"  # give it back; loop; out 0xf4
        pc.load(elf(code), "image")
        # the other: rounds of 500 blocks, as many as the first turns have, 400 of them with the lock
        other = b"\xb9" + struct.pack("<H", delay) + b"\xe2\xfe\xb0\x01\x86\x06\x00\x02\x84\xc0\x75\xf6"  # take it
        other += b"\xc6\x06\x04\x02\x01\xb9\x90\x01\xe2\xfe"  # [0x204] = 1; 400 blocks
        other += b"\xc6\x06\x00\x02\x00\xb9\x62\x00\xe2\xfe\xeb\xe0"  # give it back; 98 blocks
        pc.ram.write(0x5000, other)
        assert pc.run(20).kind == "exit"


def test_a_loop_that_looks_like_sti_calls_nobody_back() -> None:
    with BarePC(E820Map.pc(16 << 20), serial=lambda data: None) as pc:
        # a timer interrupt that waits: from now on blocks that end in STI are watched
        setup = b"".join(b"\xc7\x05" + struct.pack("<II", 0xFEE00000 + register, value)
                         for register, value in ((0xF0, 0x1FF), (0x320, 0x2_0030), (0x380, 1_000_000)))
        loop = b"\xb9\x00\x00\x10\x00\x90\x90\x49\x75\xfb\xf4"  # mov ecx; nop; nop; dec ecx; jne back (75 FB); hlt
        pc.load(elf(setup + loop), "image")
        assert pc.run(5).kind == "halted"
        cpu = pc.cpus[0]
        assert cpu["ecx"] == 0 and cpu.waits and cpu._watching and not cpu._sites
