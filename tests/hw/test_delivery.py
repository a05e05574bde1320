"""Exceptions and interrupts through the guest's IDT, against the rules of the SDM (vol. 3, chapters 6 and 7)."""

from __future__ import annotations

import importlib.util
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("stage", Path(__file__).with_name("stage.py"))
assert _SPEC is not None and _SPEC.loader is not None
st = sys.modules.setdefault("stage", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(st)

CODE, IF, TF, NT, RF, VM = st.CODE, 1 << 9, 1 << 8, 1 << 14, 1 << 16, 1 << 17
UD2 = b"\x0f\x0b"


def int_(vector: int) -> bytes:
    return bytes((0xCD, vector))


def mov_eax(value: int) -> bytes:
    return b"\xb8" + value.to_bytes(4, "little")


@pytest.fixture(params=["free", "counted"])
def stage(request: pytest.FixtureRequest) -> Iterator[st.Stage]:
    """As the engine runs without a timer, and while one is armed."""
    stage = st.make_stage()
    if request.param == "counted":
        stage.pc.clock.at(1 << 60, lambda: None)
    yield stage
    stage.pc.close()


def test_interrupt_gate_at_the_same_level(stage) -> None:
    report = stage.run(b"\x90" + int_(0x40), flags=0x202 | 0xD5)
    seen = stage.seen()
    assert report.kind == "halted"
    assert seen.vector == 0x40
    assert seen.stack[:3] == [CODE + 3, st.CS0, 0x202 | 0xD5]
    assert seen.esp == st.STACK - 12 and seen.cs == st.CS0
    assert seen.eflags == 2 | 0xD5  # IF is cleared, the arithmetic flags stay


def test_trap_gate_keeps_if(stage) -> None:
    stage.gate(0x40, st.CS0, st.HANDLERS + 0x400, st.TRAP)
    stage.run(int_(0x40), flags=0x202 | TF)  # a single step comes first
    assert stage.seen().vector == 1
    stage.run(int_(0x40), flags=0x202 | NT)
    seen = stage.seen()
    assert seen.vector == 0x40 and seen.eflags & (IF | NT) == IF and seen.stack[2] & (IF | NT) == IF | NT


def test_from_ring_3_on_the_stack_of_the_tss(stage) -> None:
    stage.gate(0x40, st.CS0, st.HANDLERS + 0x400, st.INTERRUPT | st.RING3)
    stage.run(int_(0x40), ring3=True, flags=0x202)
    seen = stage.seen()
    assert seen.stack[:5] == [CODE + 2, st.CS3, 0x202, st.USER_STACK, st.DS3]
    assert (seen.esp, seen.cs, seen.ss) == (st.INNER - 20, st.CS0, st.DS0)


def test_error_code_and_rf_of_a_fault(stage) -> None:
    assert stage.fault(mov_eax(0x1234) + b"\x8e\xd8") == (13, 0x1234 & ~3, 5)  # mov ds, ax
    assert stage.seen().stack[3] & RF
    stage.run(int_(0x40))
    assert not stage.seen().stack[2] & RF


def test_ud_has_no_error_code(stage) -> None:
    stage.run(UD2)
    seen = stage.seen()
    assert (seen.vector, seen.stack[0], seen.stack[1]) == (6, CODE, st.CS0)


def test_conforming_handler_keeps_ring_3(stage) -> None:
    stage.gate(6, st.CONFORMING, st.HANDLERS + 0x60)
    stage.ram.write(st.HANDLERS + 0x60, int_(0x41))
    stage.gate(0x41, st.CS0, st.HANDLERS + 0x410, st.INTERRUPT | st.RING3)
    stage.run(UD2, ring3=True)
    seen = stage.seen()
    assert seen.vector == 0x41 and seen.stack[1] == st.CONFORMING | 3
    assert seen.stack[3] == st.USER_STACK - 12  # the first frame lies on the user's stack
    assert int.from_bytes(stage.ram.read(st.USER_STACK - 12, 4), "little") == CODE


def test_16_bit_gate(stage) -> None:
    stage.gate(0x40, st.SMALL, st.HANDLERS + 0x400, st.INTERRUPT16)
    stage.run(b"\x90" + int_(0x40))
    assert stage.cpu["esp"] == st.STACK - 6 and stage.cpu["cs"] == st.SMALL
    assert struct.unpack("<3H", stage.ram.read(st.STACK - 6, 6)) == (CODE + 3 & 0xFFFF, st.CS0, 2)


@pytest.mark.parametrize("code, expected", [
    (int_(0x40), (13, 0x40 * 8 + 2, 0)),  # a gate of ring 0
    (b"\xcc", (13, 3 * 8 + 2, 0)),
    (b"\xb0\x7f\xfe\xc0\xce", (13, 4 * 8 + 2, 4)),  # mov al, 0x7f; inc al; into
    (b"\xfa", (13, 0, 0)),  # cli
])
def test_gates_are_closed_to_ring_3(stage, code: bytes, expected: tuple[int, int, int]) -> None:
    assert stage.fault(code, ring3=True) == expected


@pytest.mark.parametrize("selector, offset, access, expected", [
    (st.CS0, 0, 0x0E, (11, 0x40 * 8 + 2)),
    (st.CS0, 0, 0x8C, (13, 0x40 * 8 + 2)),  # a call gate
    (0, 0, 0x8E, (13, 0)),
    (st.DS0, 0, 0x8E, (13, st.DS0)),
    (st.CS3 & ~3, 0, 0x8E, (13, st.CS3 & ~3)),  # code of an outer ring
    (st.ABSENT, 0, 0x8E, (11, st.ABSENT)),
    (0x1000, 0, 0x8E, (13, 0x1000)),  # beyond the GDT
    (0x0C, 0, 0x8E, (13, 0x0C)),  # in an LDT that there is not
    (st.SMALL, 0x1_0000, 0x8E, (13, 0)),  # beyond the segment
    (0x3C, 0, 0x85, (13, 0x3C)),  # a task gate of an LDT
    (st.CS0, 0, 0x85, (13, st.CS0)),  # a task gate to code
])
def test_bad_gates(stage, selector: int, offset: int, access: int, expected: tuple[int, int]) -> None:
    stage.gate(0x40, selector, offset, access)
    assert stage.fault(int_(0x40)) == (*expected, 0)


def test_beyond_the_idt(stage) -> None:
    stage.ram.write(0x108, struct.pack("<H", 0x40 * 8 + 6))
    assert stage.fault(int_(0x40)) == (13, 0x40 * 8 + 2, 0)


@pytest.mark.parametrize("selector, access, expected", [
    (st.CS0, 0x0E, (11, 6 * 8 + 3)), (0, 0x8E, (13, 1)), (st.DS0, 0x8E, (13, st.DS0 + 1)),
])
def test_ext_is_set_for_what_is_no_int_instruction(stage, selector, access, expected) -> None:
    stage.gate(6, selector, 0, access)
    assert stage.fault(UD2) == (*expected, 0)


@pytest.mark.parametrize("ss, access, expected", [
    (0, 0x92, (10, 0)), (0x1000, 0x92, (10, 0x1000)), (st.TASK | 3, 0x92, (10, st.TASK)),
    (st.TASK, 0xF2, (10, st.TASK)), (st.TASK, 0x90, (10, st.TASK)), (st.TASK, 0x9A, (10, st.TASK)),
    (st.TASK, 0x12, (12, st.TASK)),
])
def test_bad_inner_stacks(stage, ss: int, access: int, expected: tuple[int, int]) -> None:
    """The first delivery fails for its stack; handlers of #TS and #SS are tasks, which have their own."""
    stage.gate(0x40, st.CS0, st.HANDLERS + 0x400, st.INTERRUPT | st.RING3)
    stage.descriptor(st.TASK, 0, 0xFFFFF, access)
    stage.ram.write(st.TSS + 8, struct.pack("<I", ss))
    task = 0x7000
    stage.descriptor(0x70, task, 0x67, 0x89, 0)
    for vector in (10, 12):
        stage.gate(vector, 0x70, 0, st.TASK_GATE)
    stage.ram.write(task, struct.pack("<26I", 0, 0, 0, 0, 0, 0, 0, 0, st.HANDLERS, 2, 0, 0, 0, 0, 0x9000, 0, 0, 0,
                                      st.DS0, st.CS0, st.DS0, st.DS0, 0, 0, 0, 0x680000))
    stage.run(int_(0x40), ring3=True)
    assert int.from_bytes(stage.ram.read(0x9000 - 4, 4), "little") == expected[1]
    saved = stage.ram.words[(st.TSS + 0x20 >> 2):(st.TSS + 0x28 >> 2)].tolist()
    assert saved[0] == CODE  # the INT itself


def _broken(stage: st.Stage, vector: int) -> None:
    stage.gate(vector, st.CS0, 0, 0x0E)


@pytest.mark.parametrize("first, code", [
    (0, b"\x31\xc9\xf7\xf1"), (11, mov_eax(st.ABSENT) + b"\x8e\xd8"), (13, mov_eax(0x1000) + b"\x8e\xd8"),
])
def test_contributory_and_contributory_is_a_double_fault(stage, first: int, code: bytes) -> None:
    """Delivering ``first`` raises #NP."""
    _broken(stage, first)
    stage.run(code)
    seen = stage.seen()
    assert (seen.vector, seen.stack[0]) == (8, 0)


@pytest.mark.parametrize("first, code", [(6, UD2), (3, b"\xcc"), (0x40, int_(0x40))])
def test_benign_and_contributory_is_delivered_in_turn(stage, first: int, code: bytes) -> None:
    _broken(stage, first)
    assert stage.fault(code)[:2] == (11, first * 8 + 2 + (first == 6))


def test_triple_fault_ends_the_run_with_its_story(stage) -> None:
    for vector in (6, 8, 11, 13):
        _broken(stage, vector)
    report = stage.run(b"\x90" + UD2)
    assert report.kind == "triple-fault" and report.status is None
    text = "\n".join(report.lines)
    assert "#UD at EIP 0x00100001" in text and "#NP(0x33)" in text and "#DF(0x0)" in text


def test_page_fault_through_the_idt(stage) -> None:
    code = stage.paging()
    stage.run(code + b"\xa3\x00\x00\x00\x50")  # mov [0x50000000], eax
    seen = stage.seen()
    assert (seen.vector, seen.stack[0], seen.stack[1]) == (14, 2, CODE + len(code))
    assert stage.cpu["cr2"] == 0x5000_0000


def test_page_fault_while_one_is_delivered(stage) -> None:
    code = stage.paging()
    report = stage.run(code + b"\xbc\x00\x00\x00\x60\xa3\x00\x00\x00\x50")  # mov esp, 0x60000000
    assert report.kind == "triple-fault"  # #DF has no stack either
    assert [line.split(" at ")[0].strip() for line in report.lines[1:]] == [
        "#PF(0x2) for 0x50000000", "then #PF(0x2) for 0x5ffffffc", "then #DF(0x0)", "then #PF(0x2) for 0x5ffffffc"]


def test_idt_in_a_page_that_is_absent(stage) -> None:
    code = stage.paging()
    stage.ram.words[(0x20_1000 >> 2) + (st.IDT >> 12)] = 0
    report = stage.run(code + UD2)
    assert report.kind == "triple-fault"
    assert f"then #PF(0x0) for {st.IDT + 48:#010x}" in report.lines[2]


def test_ports_and_the_bitmap(stage) -> None:
    out = b"\x66\xba\x00\x03" + mov_eax(7) + b"\xef"  # mov dx, 0x300; out dx, eax
    stage.gate(0x40, st.CS0, st.HANDLERS + 0x400, st.INTERRUPT | st.RING3)
    assert stage.fault(out + int_(0x40), ring3=True) == (13, 0, 9)
    assert stage.words.values == []
    stage.ram.bytes[st.TSS + 0x68 + 0x60] = 0xF8  # three of the four ports
    assert stage.fault(out + int_(0x40), ring3=True) == (13, 0, 9)
    stage.ram.bytes[st.TSS + 0x68 + 0x60] = 0xF0
    stage.run(out + int_(0x40), ring3=True)
    assert stage.seen().vector == 0x40 and stage.words.values == [7]
    stage.ram.bytes[st.TSS + 0x68 + 0x60] = 0xFF
    stage.run(out + int_(0x40), ring3=True, flags=0x3002)  # IOPL 3
    assert stage.seen().vector == 0x40 and stage.words.values == [7, 7]


def test_a_refused_port_changes_nothing_behind_it(stage) -> None:
    stage.ram.words[0x8000 >> 2] = 1
    stage.run(b"\xe5\x80\x40\xc7\x05\x00\x80\x00\x00\x02\x00\x00\x00", ring3=True)  # in eax; inc eax; mov [0x8000], 2
    assert stage.seen().vector == 13 and stage.seen().stack[1] == CODE
    assert stage.ram.words[0x8000 >> 2] == 1


def test_ports_behind_a_refused_one(stage) -> None:
    stage.ram.bytes[st.TSS + 0x68 + 0x60] = 0xF0  # the first of them is allowed, the other is not
    for second in (b"\x66\xba\x00\x03\xef", b"\xe7\x80", b"\xe4\x71"):  # out 0x300, out 0x80, in 0x71
        assert stage.fault(b"\xb0\x09\xe6\x70" + second + b"\xc3", ring3=True) == (13, 0, 2)
        assert stage.words.values == [] and stage.cpu["cr3"] == 0


def test_null_idt(stage) -> None:
    stage.ram.write(0x108, struct.pack("<HI", 0, 0))
    report = stage.run(b"\x90" + UD2)
    assert report.kind == "triple-fault" and "#GP(0x33)" in "\n".join(report.lines)


def test_a_jump_to_where_no_memory_is(stage) -> None:
    """The bus gives ones there, which are no instruction."""
    stage.run(b"\xb8\x00\x00\x00\x80\xff\xe0")  # jmp 0x80000000
    assert stage.seen().vector == 6 and stage.seen().stack[0] == 0x8000_0000


def test_reads_and_writes_where_no_memory_is(stage) -> None:
    stage.run(b"\xc7\x05\x00\x00\x00\x80\x05\x00\x00\x00\xa1\x00\x00\x00\x80\xf4")
    assert stage.cpu["eax"] == 0xFFFF_FFFF


def test_a_port_that_nobody_has(stage) -> None:
    report = stage.run(b"\x66\xba\x34\x12\x31\xc0\xed\xee\xf4")
    assert stage.cpu["eax"] == 0xFFFF_FFFF
    assert "0x1234" in report.lines[-1]


def test_breakpoint_on_execution(stage) -> None:
    code = mov_eax(CODE + 22) + b"\x0f\x23\xc0" + mov_eax(0x402) + b"\x0f\x23\xf8" + b"\x90" * 9  # DR0, DR7
    stage.run(code)
    seen = stage.seen()
    assert (seen.vector, seen.stack[0]) == (1, CODE + 22)
    assert stage.cpu["dr6"] & 0xF == 1


def test_int_of_a_fault_vector_has_no_error_code(stage) -> None:
    stage.run(int_(14))
    seen = stage.seen()
    assert (seen.vector, seen.stack[:2]) == (14, [CODE + 2, st.CS0])


def test_nmi_waits_for_the_iret(stage) -> None:
    """An NMI to itself, twice: the second comes when the first handler has returned."""
    icr = b"\xc7\x05\x00\x03\xe0\xfe\x00\x04\x04\x00"  # mov [ICR], self NMI
    stage.ram.write(st.HANDLERS + 0x20, b"\x43" + icr + b"\x83\xfb\x01\x75\x01\xcf\xf4")  # inc ebx; NMI; iret once
    stage.run(b"\x31\xdb" + icr + b"\x90" * 8)
    assert stage.cpu["ebx"] == 2
    assert stage.ram.words[stage.cpu["esp"] >> 2] >= CODE + 12


def test_halted_in_an_nmi_handler_another_nmi_does_not_wake(stage) -> None:
    icr = b"\xc7\x05\x00\x03\xe0\xfe\x00\x04\x04\x00"
    stage.ram.write(st.HANDLERS + 0x20, icr + b"\xf4")
    report = stage.run(icr + b"\x90" * 8)
    assert report.kind == "halted" and stage.cpu["eip"] == st.HANDLERS + 0x2B


def test_vm86(stage) -> None:
    """INT in virtual-8086 mode: #GP with IOPL 0; with IOPL 3 to ring 0, all segments saved and cleared."""
    stage.gate(0x40, st.CS0, st.HANDLERS + 0x400, st.INTERRUPT | st.RING3)
    stage.ram.write(0x3000, b"\xcd\x40")
    push = b"".join(b"\x68" + value.to_bytes(4, "little")
                    for value in (4, 3, 2, 1, 0x900, 0x100, VM | 0x3002, 0x300, 0)) + b"\xcf"
    stage.run(push)
    seen = stage.seen()
    assert seen.vector == 0x40
    assert seen.stack[:9] == [2, 0x300, VM | 0x3002, 0x100, 0x900, 1, 2, 3, 4]
    assert [stage.cpu[name] for name in ("ds", "es", "fs", "gs")] == [0, 0, 0, 0]
    stage.run(push.replace((VM | 0x3002).to_bytes(4, "little"), (VM | 2).to_bytes(4, "little")))
    seen = stage.seen()
    assert (seen.vector, seen.stack[0], seen.stack[1]) == (13, 0, 0)
    # and back
    stage.ram.write(st.HANDLERS + 0x400, b"\xcf")
    stage.ram.write(0x3000, b"\xcd\x40\xf4")
    stage.run(push)
    seen = stage.seen()
    assert (seen.vector, seen.stack[1]) == (13, 2)  # HLT there is not allowed


def test_real_mode_interrupt(stage) -> None:
    from hw.bare import _real_mode

    pc = stage.pc
    _real_mode(pc.cpus[0], 0x100, 0)
    stage.ram.write(0x1000, b"\xfb\xcd\x21\xf4")
    stage.ram.write(0x21 * 4, struct.pack("<HH", 0x10, 0x200))
    stage.ram.write(0x2010, b"\x9c\x58\xcf")  # pushf; pop ax; iret
    pc.cpus[0]["esp"] = 0x8000
    pc.processors[0].on, pc.processors[0].halted = True, False
    report = pc.run(5)
    assert report.kind == "halted"
    assert pc.cpus[0]["cs"] == 0x100 and pc.cpus[0]["eip"] & 0xFFFF == 4
    assert not pc.cpus[0]["eax"] & IF and pc.cpus[0]["eflags"] & IF
    assert struct.unpack("<3H", stage.ram.read(0x7FFA, 6)) == (3, 0x100, 0x202)


@pytest.mark.parametrize("number, value", [(0x1B, 0xFEE0_0900), (0x174, 0), (0xC000_0080, 0), (0x1234, None)])
def test_rdmsr(stage, number: int, value: int | None) -> None:
    stage.run(b"\xb9" + number.to_bytes(4, "little") + b"\x0f\x32\xcd\x40")
    seen = stage.seen()
    if value is None:
        assert (seen.vector, seen.stack[:2]) == (13, [0, CODE + 5])
    else:
        assert seen.vector == 0x40 and stage.cpu["eax"] == value and stage.cpu["edx"] == 0


def test_wrmsr(stage) -> None:
    """EFER.NXE goes to the engine, the time-stamp counter goes on from what is written."""
    stage.run(b"\xb9\x80\x00\x00\xc0\xb8\x00\x08\x00\x00\x31\xd2\x0f\x30\x31\xc0\x0f\x32\xcd\x40")
    assert stage.seen().vector == 0x40 and stage.cpu["eax"] == 0x800
    stage.run(b"\xb9\x10\x00\x00\x00\xb8\x00\x00\x00\x40\x31\xd2\x0f\x30\x0f\x31\xcd\x40")  # wrmsr; rdtsc
    assert stage.seen().vector == 0x40 and 0x4000_0000 < stage.cpu["eax"] < 0x4000_1000


def test_msrs_are_closed_to_ring_3(stage) -> None:
    assert stage.fault(b"\xb9\x1b\x00\x00\x00\x0f\x32", ring3=True) == (13, 0, 5)


def test_time_stamps_rise(stage) -> None:
    stage.run(b"\x0f\x31\x89\xc3\x0f\x31\xf4")  # rdtsc; mov ebx, eax; rdtsc; hlt
    assert 0 < stage.cpu["ebx"] < stage.cpu["eax"]


def test_code_that_another_cpu_has_stored(stage) -> None:
    from hw.bare import BarePC
    from hw.e820 import E820Map
    from hw.multiboot import Start

    with BarePC(E820Map.pc(16 << 20), 2, serial=lambda data: None) as pc:
        first, second = pc.cpus
        pc.ram.write(0x1000, b"\xb8\x01\x00\x00\x00\xf4")  # mov eax, 1; hlt
        pc.ram.write(0x2000, b"\xc6\x05\x01\x10\x00\x00\x07\xf4")  # mov byte [0x1001], 7; hlt
        for cpu in pc.cpus:
            cpu.share_code()
        pc._several = True
        for eip, which, eax in ((0x1000, 1, 1), (0x2000, 0, None), (0x1000, 1, 7)):
            pc._start_cpu(pc.processors[which], Start(eip, 0, 0, 0, real=False))
            assert pc.run(5).kind == "halted"
            if eax is not None:
                assert second["eax"] == eax


@pytest.mark.parametrize("number, value", [
    (0xC000_0082, 0xAAAA_AAAA_AAAA_AAAA), (0xC000_0101, 1 << 47), (0x400, 5), (0x405, 1),
])
def test_values_that_an_msr_does_not_take(number: int, value: int) -> None:
    """Addresses that are not canonical, a bank of machine checks that is set half, a status that is not cleared."""
    from hw.bare import BarePC
    from hw.e820 import E820Map

    with BarePC(E820Map.pc(16 << 20), model="Broadwell", serial=lambda data: None) as pc:
        stage = st.Stage(pc)

        def write(bits: int) -> bytes:
            return (b"\xb9" + struct.pack("<I", number) + mov_eax(bits & 0xFFFF_FFFF) +
                    b"\xba" + struct.pack("<I", bits >> 32) + b"\x0f\x30")

        assert stage.fault(write(0) + write(value)) == (13, 0, 17 + 15)


MOV_CR0, MOV_CR4 = b"\x0f\x22\xc0", b"\x0f\x22\xe0"


@pytest.mark.parametrize("code", [
    mov_eax(0xFFFF_FFFF) + MOV_CR4, mov_eax(1 << 12) + MOV_CR4,
    mov_eax(0x8000_0010) + MOV_CR0, mov_eax(0x2000_0011) + MOV_CR0,  # PG without PE, NW without CD
])
def test_values_that_a_control_register_does_not_take(stage, code: bytes) -> None:
    before = stage.cpu["cr4"]
    assert stage.fault(code) == (13, 0, 5)
    assert stage.cpu["cr4"] == before and stage.cpu["cr0"] & 0xA000_0001 == 1


def test_bits_of_cr4_follow_the_model() -> None:
    from hw.bare import BarePC
    from hw.e820 import E820Map

    for model, smep in (("pentium3", False), ("Haswell", True)):
        with BarePC(E820Map.pc(16 << 20), model=model, serial=lambda data: None) as pc:
            stage = st.Stage(pc)
            stage.run(mov_eax(1 << 20 | 0x10) + MOV_CR4 + int_(0x40))
            assert stage.seen().vector == (0x40 if smep else 13)
            stage.run(mov_eax(0x10) + MOV_CR4 + int_(0x40))
            assert stage.seen().vector == 0x40


def test_control_registers_are_closed_to_ring_3(stage) -> None:
    assert stage.fault(mov_eax(0xFFFF_FFFF) + MOV_CR4, ring3=True) == (13, 0, 5)


def _task(stage, cs: int, ss: int) -> None:
    """A task at TASK with 32 bits that runs ``HANDLERS + 0x500``."""
    base = 0x9000
    stage.descriptor(st.TASK, base, 0x67, 0x89, 0)
    words = [0] * 26
    words[1], words[2] = st.INNER, st.DS0
    words[8], words[9], words[14] = st.HANDLERS + 0x500, 2, st.USER_STACK
    words[18:24] = [ss, cs, ss, ss, 0, 0]
    stage.ram.write(base, struct.pack("<26I", *words))


@pytest.mark.parametrize("op", [b"\x9a", b"\xea"])
def test_a_task_in_a_conforming_segment(stage, op: bytes) -> None:
    """CALL and JMP to a task of ring 3 whose CS is a conforming segment of ring 0."""
    _task(stage, st.CONFORMING | 3, st.DS3)
    stage.ram.write(st.HANDLERS + 0x500, b"\x41\xcd\x0d")  # inc ecx; int 13, of which ring 3 may not
    stage.run(op + struct.pack("<IH", 0x1234_5678, st.TASK))
    seen = stage.seen()
    assert seen.vector == 13 and seen.stack[1:5] == [st.HANDLERS + 0x501, st.CONFORMING | 3,
                                                     seen.stack[3], st.USER_STACK]
    assert stage.cpu["ecx"] == 1 and stage.access_of(st.TASK) & 2


def test_a_task_in_a_segment_that_ring_3_may_not_have(stage) -> None:
    _task(stage, st.CS0 | 3, st.DS3)
    stage.run(b"\xea" + struct.pack("<IH", 0, st.TASK))
    assert (stage.seen().vector, stage.seen().stack[0]) == (10, st.CS0)


def test_two_nmis_of_another_cpu_in_one_turn(stage) -> None:
    """One is served, one waits; a third is lost, as is a second while one is served."""
    count = b"\x43\xcf"  # inc ebx; iret
    pc = stage.pc
    stage.ram.write(st.HANDLERS + 0x20, count)
    stage.run(b"\x31\xdb\xf4\xeb\xfd")
    for _ in range(3):
        pc._deliver(0, "nmi", 0)
    pc.run(5)
    assert stage.cpu["ebx"] == 2
    stage.ram.write(st.HANDLERS + 0x20, b"\x43\x83\xfb\x01\x75\x01\xf4\xcf")  # ...; cmp ebx, 1; jne +1; hlt; iret
    stage.run(b"\x31\xdb\xf4\xeb\xfd")
    pc._deliver(0, "nmi", 0)
    pc.run(5)
    for _ in range(3):
        pc._deliver(0, "nmi", 0)
    assert stage.cpu["ebx"] == 1
    pc.processors[0].halted = False
    pc.run(5)
    assert stage.cpu["ebx"] == 2
