"""The record of an exception: the access and the operand that it came from, the walk and the bit that decided."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from hw.fault import FaultRecord, deciding, operand_words
from hw.fault_reader import FaultReader
from hw.paging import PS, RW, US, Access, P, walk

PAGE = 0x4000_3000  # linear: not mapped, between two pages that are
GOOD = 0x20_0000


@dataclass
class Case:
    """An instruction with the registers it finds, and what its fault must tell."""

    code: str
    registers: dict[str, int]
    kind: str
    start: int
    size: int
    text: str
    implicit: bool = False
    words: str = ""
    address: int | None = None
    error_code: int | None = None


CASES = {
    "mov load": Case("8b0490", {"eax": PAGE, "edx": 4}, "read", PAGE + 16, 4, "[eax + edx*4]",
                     words="eax 40003000 + edx 00000004 * 4 = 40003010"),
    "mov store": Case("8945f8", {"ebp": PAGE + 8}, "write", PAGE, 4, "[ebp - 0x8]",
                      words="ebp 40003008 - 0x8 = 40003000"),
    "absolute": Case("a100300040", {}, "read", PAGE, 4, "[0x40003000]", words="0x40003000"),
    "one byte": Case("8a03", {"ebx": PAGE + 77}, "read", PAGE + 77, 1, "[ebx]"),
    "two bytes": Case("66891e", {"esi": PAGE + 2}, "write", PAGE + 2, 2, "[esi]"),
    "eight bytes": Case("dd06", {"esi": PAGE}, "read", PAGE, 8, "[esi]"),
    "16-bit address": Case("67668b07", {"ebx": 0xFFFF_0000 | 0x10}, "read", 0x10, 2, "[bx]"),
    "push": Case("50", {"esp": PAGE + 8}, "write", PAGE + 4, 4, "[esp - 0x4]", True),
    "push of 16 bits": Case("6650", {"esp": PAGE + 8}, "write", PAGE + 6, 2, "[esp - 0x2]", True),
    "push from memory": Case("ff33", {"ebx": PAGE}, "read", PAGE, 4, "[ebx]"),
    "push from memory to nowhere": Case("ff33", {"ebx": GOOD, "esp": PAGE + 4}, "write", PAGE, 4, "[esp - 0x4]", True),
    "pop": Case("58", {"esp": PAGE}, "read", PAGE, 4, "[esp]", True),
    "ret": Case("c3", {"esp": PAGE + 12}, "read", PAGE + 12, 4, "[esp]", True),
    "leave": Case("c9", {"ebp": PAGE + 12}, "read", PAGE + 12, 4, "[ebp]", True),
    "call": Case("e800000000", {"esp": PAGE + 16}, "write", PAGE + 12, 4, "[esp - 0x4]", True),
    "movs, the source": Case("a5", {"esi": PAGE, "edi": GOOD}, "read", PAGE, 4, "[esi]"),
    "movs, the destination": Case("f3a5", {"esi": GOOD, "edi": PAGE + 4, "ecx": 9}, "write", PAGE + 4, 4, "es:[edi]"),
    "stos": Case("aa", {"edi": PAGE}, "write", PAGE, 1, "es:[edi]"),
    "cmps": Case("a7", {"esi": GOOD, "edi": PAGE}, "read", PAGE, 4, "es:[edi]"),
    "xlat": Case("d7", {"ebx": PAGE, "eax": 0x1234_5605}, "read", PAGE + 5, 1, "[ebx + al]", True),
    "across the edge, low": Case("8b03", {"ebx": PAGE - 2}, "read", PAGE - 2, 4, "[ebx]", address=PAGE),
    "segment base": Case("648b03", {"ebx": PAGE - 0x1000}, "read", PAGE, 4, "fs:[ebx]",
                         words="fs base 00001000 + ebx 40002000 = 40003000"),
}  # fmt: skip


def run(bench, code: bytes, registers: dict[str, int]) -> FaultRecord:
    """The record of the one fault of an instruction."""
    cpu, records = bench.cpu, []
    reader = FaultReader(cpu)

    def on_exception(frame) -> None:
        records.append(reader.read(frame, frame.vector, frame.error_code if frame.has_error_code else None))
        cpu.stop()

    cpu.on_exception = on_exception
    for name, value in registers.items():
        cpu[name] = value
    bench.start(code)
    (record,) = records
    return record


@pytest.mark.parametrize("name", CASES)
def test_operand(name: str, bench) -> None:
    case = CASES[name]
    for page in (PAGE - 0x1000, PAGE + 0x1000):
        bench.map(page, GOOD | P | RW)
    bench.map(0, 0)
    bench.code(0x7040, b"\xff\xff\x00\x10\x00\x93\xcf\x00")  # data at 0x1000
    bench.cpu.load_segments(fs=0x40)
    bench.cpu.flush_tlb()
    record = run(bench, bytes.fromhex(case.code), case.registers)
    access = record.access
    assert access is not None and access.operand is not None
    address = case.start if case.address is None else case.address
    assert (access.kind, access.start, access.size, access.address) == (case.kind, case.start, case.size, address)
    assert (access.operand.text, access.operand.implicit) == (case.text, case.implicit)
    assert record.cr2 == address and record.error_code == record.expected == (2 if case.kind == "write" else 0)
    assert record.code == bytes.fromhex(case.code) and record.instruction
    if case.words:
        assert operand_words(access.operand) == case.words
    assert (record.level, record.bit) == ("PTE", "P")


def test_changed_in_place(bench) -> None:
    record = run(bench, b"\xff\x03", {"ebx": PAGE})  # inc dword ptr [ebx]
    assert record.access is not None and record.access.operand is not None
    assert record.access.operand.reads and record.access.operand.writes
    assert "read, changed and written back" in "\n".join(record.lines())


def test_fetch_from_nowhere(bench) -> None:
    record = run(bench, b"\xff\xd3", {"ebx": PAGE + 5})  # call ebx
    assert (record.access.kind, record.access.address, record.pc) == ("fetch", PAGE + 5, PAGE + 5)
    assert record.code == b"" and record.instruction == "" and record.access.operand is None


def test_instruction_that_runs_into_an_unmapped_page(bench) -> None:
    bench.map(PAGE - 0x1000, GOOD | P | RW)
    bench.code(GOOD + 0xFFE, b"\x8b\x05")  # mov eax, [...]: its address is missing
    bench.cpu.flush_tlb()
    record = run(bench, b"\xff\xe3", {"ebx": PAGE - 2})  # jmp ebx
    assert record.access.kind == "fetch" and record.pc == PAGE - 2 and record.cr2 == PAGE
    assert record.code == b"\x8b\x05" and record.instruction == ""


@pytest.mark.parametrize(
    ("entry", "write", "code", "bit"),
    [(0, False, 0, "P"), (0, True, 2, "P"), (GOOD | P, True, 3, "RW"), (GOOD | P | RW, True, None, "")],
)
def test_which_bit_of_the_pte(entry: int, write: bool, code: int | None, bit: str, bench) -> None:
    bench.map(PAGE, entry)
    verdict = walk(bench.words, bench.DIRECTORY, PAGE, cr0=bench.cpu["cr0"], cr4=0x90,
                   access=Access.WRITE if write else Access.READ)
    assert deciding(verdict) == (("PTE", bit) if bit else ("", ""))
    if code is None:
        return
    record = run(bench, b"\x89\x03" if write else b"\x8b\x03", {"ebx": PAGE})
    assert (record.error_code, record.expected, record.level, record.bit) == (code, code, "PTE", bit)
    assert [entry.level for entry in record.walk] == ["PDE", "PTE"]
    assert {bit.name: bit.value for bit in record.bits} == {
        "P": code & 1, "W": code >> 1 & 1, "U": 0, "RSVD": 0, "I": 0,
    }  # fmt: skip


def test_the_directory_decides(bench) -> None:
    bench.map(PAGE, GOOD | P | RW)
    bench.words[(bench.DIRECTORY >> 2) + (PAGE >> 22)] &= ~RW
    bench.cpu.flush_tlb()
    record = run(bench, b"\x89\x03", {"ebx": PAGE})
    assert (record.error_code, record.level, record.bit) == (3, "PDE", "RW")


def test_reserved_bit(bench) -> None:
    bench.words[(bench.DIRECTORY >> 2) + (PAGE >> 22)] = GOOD * 2 | PS | P | RW | 1 << 21
    bench.cpu.flush_tlb()
    record = run(bench, b"\x8b\x03", {"ebx": PAGE})
    assert (record.error_code, record.level, record.bit) == (9, "PDE", "bit 21")


def test_ring_3(bench) -> None:
    for page in range(0, 0x10000, 0x1000):
        bench.map(page, page | P | RW | US)
    bench.words[bench.DIRECTORY >> 2] |= US
    bench.map(PAGE, GOOD | P | RW)
    bench.cpu.flush_tlb()
    bench.enter_ring3(bench.CODE)
    record = run(bench, b"\x8b\x03", {"ebx": PAGE})
    assert (record.cpl, record.privilege, record.error_code) == (3, "user", 5)
    assert (record.level, record.bit) == ("PTE", "US") and "ring 3" in record.reason


def test_other_vectors(bench) -> None:
    record = run(bench, b"\xf7\xf1", {"eax": 1, "ecx": 0, "edx": 0})  # div ecx
    assert (record.vector, record.name, record.error_code, record.cr2, record.access) == (0, "#DE", None, None, None)
    assert record.words() == "divide error by div ecx" and record.walk == []
    assert record.line(7).startswith("     7: v=00 e=0000 i=0 cpl=0 IP=0060:00001000 pc=00001000 SP=0068:00009000 EAX=")


def test_selector_of_a_general_protection_fault(bench) -> None:
    record = run(bench, b"\x8e\xd8", {"eax": 0x123B})  # mov ds, ax: beyond the GDT
    assert (record.vector, record.error_code) == (13, 0x1238)
    assert {bit.name: bit.value for bit in record.bits} == {"EXT": 0, "IDT": 0, "TI": 0, "index": 0x247}
    assert record.words() == "general protection fault by mov ds, eax: entry 583 of the GDT, 0x1238"


def test_qemus_line(bench) -> None:
    record = run(bench, b"\x89\x03", {"ebx": PAGE})
    assert record.line(12) == (
        "    12: v=0e e=0002 i=0 cpl=0 IP=0060:00001000 pc=00001000 SP=0068:00009000 CR2=40003000"
    )
    assert record.words() == "write of 4 bytes at 40003000 through [ebx]: PDE.P=0"


def test_registers_and_machine_stay_as_they_are(bench) -> None:
    """With a record of each fault a program goes on as without."""
    rng, results = random.Random(5), []
    for records in (False, False, True):  # the first round leaves accessed bits
        seen = []
        reader = FaultReader(bench.cpu)

        def on_exception(frame, records=records, reader=reader, seen=seen) -> None:
            if records:
                reader.read(frame, frame.vector, frame.error_code)
            seen.append((frame.cr2, frame.error_code, frame.eip))
            bench.map(frame.cr2 & ~0xFFF, GOOD | P | RW)

        bench.cpu.on_exception = on_exception
        rng.seed(5)
        code = b"".join(b"\x81\xc3" + rng.randrange(1 << 14).to_bytes(4, "little") + b"\x11\x03" for _ in range(15))
        for page in range(PAGE, PAGE + 0x80000, 0x1000):
            bench.map(page, 0)
        bench.code(GOOD, bytes(0x1000))
        bench.cpu.flush_tlb()
        bench.cpu["ebx"], bench.cpu["eax"], bench.cpu["eflags"] = PAGE, 1, 0x46
        assert bench.start(code) == "until"
        results.append((seen, bench.cpu.trap_registers(), bytes(bench.ram.bytes[:GOOD + 0x1000])))
    assert results[1] == results[2] and len(results[1][0]) >= 10


# opcode bytes, what follows ModRM, /digit or None for any register
MEMORY = [(code, after, digit) for code, after, digit in (
    ("8b", "", None), ("89", "", None), ("03", "", None), ("01", "", None), ("8a", "", None), ("88", "", None),
    ("668b", "", None), ("6689", "", None), ("0fb6", "", None), ("0fb7", "", None), ("39", "", None), ("85", "", None),
    ("87", "", None), ("ff", "", 0), ("fe", "", 1), ("ff", "", 6), ("8f", "", 0), ("f7", "", 3), ("c7", "01020304", 0),
    ("80", "05", 1), ("d9", "", 0), ("dd", "", 0), ("dd", "", 3), ("d8", "", 1), ("0fb1", "", None), ("0fc1", "", None),
    ("0fc7", "", 1), ("d3", "", 4), ("0faf", "", None), ("66c7", "0102", 0), ("ff", "", 2), ("ff", "", 4),
)]  # fmt: skip


def test_any_addressing_mode(bench) -> None:
    """Of any instruction that faults the operand is found, and begins where the CPU says."""
    rng = random.Random(11)
    registers = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
    modes: set[tuple[int, int, int]] = set()
    for _ in range(600):
        code, after, digit = rng.choice(MEMORY)
        mod, reg, rm = rng.randrange(3), rng.randrange(8) if digit is None else digit, rng.randrange(8)
        sib = bytes((rng.randrange(256),)) if rm == 4 else b""
        wide = mod == 2 or mod == 0 and (rm == 5 or rm == 4 and sib[0] & 7 == 5)
        bits = 32 if wide else 8 * (mod == 1)
        displacement = rng.randrange(0x5000_0000, 0x6000_0000) if mod == 0 and wide else rng.randrange(1 << bits)
        text = bytes.fromhex(code) + bytes((mod << 6 | reg << 3 | rm,)) + sib
        text += displacement.to_bytes(bits // 8, "little") + bytes.fromhex(after)
        values = {name: rng.randrange(0x4000_0000, 0x7000_0000) for name in registers}
        if code == "8f" or code == "ff" and digit == 6:
            values["esp"] = bench.STACK  # the stack is there, the operand is not
        record = run(bench, text, values)
        if record.cr2 is None or record.access.kind == "fetch":
            continue  # the sum has come to a page that is there
        operand = record.access.operand
        assert operand is not None and not operand.implicit, (text.hex(), record)
        crosses = (operand.linear ^ operand.linear + operand.size - 1) & ~0xFFF
        assert operand.linear == record.cr2 or crosses and record.cr2 - operand.linear & 0xFFFF_FFFF < operand.size
        assert record.code == text and record.expected == record.error_code
        modes.add((mod, rm, len(operand.terms)))
    assert len(modes) >= 26
