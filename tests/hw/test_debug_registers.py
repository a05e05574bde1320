"""Breakpoints on data and ports, alignment checks and the A20 gate (SDM vol. 3, 17.2, 6.15, 8.7.13.4)."""

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

CODE, AC, TF = st.CODE, 1 << 18, 1 << 8
PLACE = 0x8100
WRITE, PORT, BOTH = 1, 2, 3
NOP = b"\x90" * 3
INT = b"\xcd\x40"


@pytest.fixture(params=["free", "counted"])
def stage(request: pytest.FixtureRequest) -> Iterator[st.Stage]:
    """As the engine runs without a timer, and while one is armed."""
    stage = st.make_stage()
    stage.gate(0x40, st.CS0, st.HANDLERS + 0x400, st.INTERRUPT | st.RING3)
    if request.param == "counted":
        stage.pc.clock.at(1 << 60, lambda: None)
    yield stage
    stage.pc.close()


def mov_dr(number: int, value: int) -> bytes:
    return b"\xb8" + value.to_bytes(4, "little") + b"\x0f\x23" + bytes((0xC0 | number << 3,))


def watch(address: int, kind: int, size: int = 4, number: int = 0) -> bytes:
    length = {1: 0, 2: 1, 4: 3}[size]
    return mov_dr(number, address) + mov_dr(7, 0x400 | 2 << 2 * number | (kind | length << 2) << 16 + 4 * number)


def store(address: int, value: int = 5) -> bytes:
    return b"\xc7\x05" + struct.pack("<II", address, value)


def load(address: int) -> bytes:
    return b"\xa1" + struct.pack("<I", address)


def trap(stage: st.Stage, code: bytes, access: bytes, **more: object) -> bool:
    """Run ``code`` and ``access``: whether #DB comes, and then it must come right behind the access."""
    stage.cpu["dr6"] = 0xFFFF_0FF0
    stage.run(code + NOP + access + NOP + mov_dr(7, 0x400) + INT, **more)
    seen = stage.seen()
    assert seen.vector in (1, 0x40)
    if seen.vector == 1:
        assert seen.stack[0] == CODE + len(code + NOP + access)
    return seen.vector == 1


@pytest.mark.parametrize("kind, access, hit", [
    (WRITE, store(PLACE), True), (WRITE, load(PLACE), False), (BOTH, load(PLACE), True), (BOTH, store(PLACE), True),
    (WRITE, store(PLACE + 4), False), (WRITE, store(PLACE - 4), False), (WRITE, store(PLACE - 1), True),
    (WRITE, b"\xc6\x05" + struct.pack("<IB", PLACE + 3, 1), True),
    (WRITE, b"\x83\x05" + struct.pack("<IB", PLACE, 1), True),  # add dword [PLACE], 1
    (WRITE, b"\xf0\x83\x05" + struct.pack("<IB", PLACE, 1), True),
])
def test_data(stage, kind: int, access: bytes, hit: bool) -> None:
    stage.ram.words[PLACE >> 2] = 6
    assert trap(stage, watch(PLACE, kind), access) == hit
    assert stage.cpu["dr6"] & 0xF == hit
    if access[:2] in (b"\x83\x05", b"\xf0\x83"):
        assert stage.ram.words[PLACE >> 2] == 7  # once


@pytest.mark.parametrize("size, address, hit", [(1, PLACE + 1, False), (1, PLACE, True), (2, PLACE + 1, True),
                                                (2, PLACE + 2, False), (4, PLACE + 3, True)])
def test_sizes(stage, size: int, address: int, hit: bool) -> None:
    assert trap(stage, watch(PLACE, BOTH, size, 2), b"\x8a\x0d" + struct.pack("<I", address)) == hit
    assert stage.cpu["dr6"] & 0xF == 4 * hit


def test_two_at_once_and_a_single_step(stage) -> None:
    code = watch(PLACE, WRITE) + mov_dr(1, PLACE) + mov_dr(7, 0x400 | 0xA | 0xDD << 16)
    code += b"\x68\x02\x01\x00\x00\x9d"  # TF
    access = store(PLACE)
    stage.cpu["dr6"] = 0xFFFF_0FF0
    stage.run(code + access + NOP)
    assert stage.seen().vector == 1 and stage.seen().stack[0] == CODE + len(code + access)
    assert stage.cpu["dr6"] & 0x400F == 0x4003


def test_string_store_stops_between_two_iterations(stage) -> None:
    code = watch(PLACE, WRITE) + b"\xbf" + struct.pack("<I", PLACE - 8) + b"\xb9\x08\0\0\0\xb8\x07\0\0\0"
    stage.run(code + b"\xf3\xab" + INT)
    assert stage.seen().vector == 1 and stage.seen().stack[0] == CODE + len(code)
    assert stage.cpu["ecx"] == 5 and stage.cpu["edi"] == PLACE + 4
    assert stage.ram.words[PLACE >> 2] == 7 and stage.ram.words[PLACE + 4 >> 2] == 0


def test_a_fault_of_the_instruction_comes_alone(stage) -> None:
    code = stage.paging() + watch(PLACE, BOTH) + b"\xbe" + struct.pack("<I", PLACE) + b"\xbf\x00\x00\x00\x50"
    stage.cpu["dr6"] = 0xFFFF_0FF0
    stage.run(code + b"\xa5")  # movsd: it reads what is watched, and its store faults
    assert stage.seen().vector == 14 and stage.cpu["dr6"] & 0xF == 0


def test_string_input_reads_the_port_once(stage) -> None:
    code = watch(PLACE, WRITE) + b"\xbf" + struct.pack("<I", PLACE - 4) + b"\xb9\x03\0\0\0\xba\x00\x03\0\0"
    stage.words.values = [5, 6, 7]
    stage.ram.write(st.HANDLERS + 0x10, b"\x43\xcf")  # inc ebx; iret
    stage.run(b"\x31\xdb" + code + b"\xf3\x6d" + INT)  # rep insd
    assert stage.seen().vector == 0x40 and stage.cpu["ebx"] == 1 and stage.cpu["ecx"] == 0
    assert [stage.ram.words[(PLACE >> 2) + index] for index in (-1, 0, 1)] == [5, 6, 7] and not stage.words.values


def test_off_again_and_from_ring_3(stage) -> None:
    assert trap(stage, watch(PLACE, WRITE) + mov_dr(7, 0x400), store(PLACE)) is False
    stage.ram.write(st.HANDLERS + 0x410, watch(PLACE, WRITE) + b"\xcf")  # INT 0x41 sets it and returns
    stage.gate(0x41, st.CS0, st.HANDLERS + 0x410, st.INTERRUPT | st.RING3)
    stage.run(b"\xcd\x41" + store(PLACE) + INT, ring3=True)
    assert stage.seen().vector == 1 and stage.seen().stack[:2] == [CODE + 12, st.CS3]


def test_linear_addresses_are_meant(stage) -> None:
    """The page of PLACE at 0x300000 too: what is watched is there."""
    paging, tables = stage.paging(), 0x20_1000 >> 2
    stage.ram.words[tables + 0x300] = PLACE & ~0xFFF | 3
    stage.ram.words[tables + 0x301] = 0x2_0003
    assert trap(stage, paging + watch(0x30_0000 | PLACE & 0xFFF, WRITE), store(0x30_0000 | PLACE & 0xFFF))
    assert trap(stage, paging + watch(0x30_1000, WRITE), store(0x30_0FFE))  # across two pages
    assert not trap(stage, paging + watch(0x30_1000, WRITE), store(0x30_0FFC))
    assert not trap(stage, paging + watch(0x40_0000 | PLACE & 0xFFF, WRITE), store(PLACE))


@pytest.mark.parametrize("port, hit", [(0x300, True), (0x304, False)])
@pytest.mark.parametrize("write", [True, False])
def test_ports(stage, port: int, hit: bool, write: bool) -> None:
    code = b"\x0f\x20\xe0\x83\xc8\x08\x0f\x22\xe0"  # CR4.DE
    code += watch(port, PORT) + b"\xba\x00\x03\x00\x00\xb8\x07\x00\x00\x00"
    stage.words.values = [] if write else [9]
    access = b"\xef" if write else b"\xed"  # out dx, eax; in eax, dx
    stage.cpu["dr6"] = 0xFFFF_0FF0
    stage.run(code + access + b"\x89\xc3" + INT)  # mov ebx, eax
    seen = stage.seen()
    assert seen.vector == (1 if hit else 0x40)
    assert stage.cpu["dr6"] & 0xF == hit
    if hit:
        assert seen.stack[0] == CODE + len(code) + 1
    assert stage.words.values == ([7] if write else [])  # once
    assert stage.cpu["eax"] == (7 if write else 9)


def _alignment(stage, code: bytes, ring3: bool = True, flags: int = AC | 2, enabled: bool = True) -> None:
    stage.ram.write(st.HANDLERS + 0x410, b"\x0f\x20\xc0\x0d\x00\x00\x04\x00\x0f\x22\xc0\xcf")  # CR0.AM; iret
    stage.gate(0x41, st.CS0, st.HANDLERS + 0x410, st.INTERRUPT | st.RING3)
    stage.run((b"\xcd\x41" if enabled else b"\x90\x90") + code + INT, ring3=ring3, flags=flags)


@pytest.mark.parametrize("access", [
    load(PLACE + 1), load(PLACE + 2), store(PLACE + 3, 0x11223344), b"\x66\xa1" + struct.pack("<I", PLACE + 1),
    b"\xdd\x05" + struct.pack("<I", PLACE + 4),  # fld qword
    b"\x83\x05" + struct.pack("<IB", PLACE + 1, 1), b"\xbc" + struct.pack("<I", PLACE + 2) + b"\x50",  # push eax
    store(PLACE | 0xFFF),
])
def test_misaligned(stage, access: bytes) -> None:
    before = stage.ram.read(PLACE - 16, 32)
    _alignment(stage, access)
    seen = stage.seen()
    assert (seen.vector, seen.stack[0], seen.stack[2]) == (17, 0, st.CS3)
    assert seen.stack[1] - CODE == 2 + 5 * (access[:1] == b"\xbc") and seen.stack[3] & AC
    assert stage.ram.read(PLACE - 16, 32) == before


@pytest.mark.parametrize("access", [load(PLACE), store(PLACE + 4), b"\xa0" + struct.pack("<I", PLACE + 1),
                                    b"\x66\xa1" + struct.pack("<I", PLACE + 2),
                                    b"\xdd\x05" + struct.pack("<I", PLACE + 8)])
def test_aligned(stage, access: bytes) -> None:
    _alignment(stage, access)
    assert stage.seen().vector == 0x40


def test_alignment_is_checked_in_ring_3_with_am_and_ac(stage) -> None:
    for more in ({"ring3": False}, {"flags": 2}, {"enabled": False}):
        _alignment(stage, load(PLACE + 1), **more)
        assert stage.seen().vector == 0x40
    # AC by POPF
    _alignment(stage, b"\x9c\x58\x0d\x00\x00\x04\x00\x50\x9d" + load(PLACE + 1), flags=2)
    assert stage.seen().vector == 17
    # the same code again, without: nothing
    _alignment(stage, load(PLACE + 1), flags=2)
    assert stage.seen().vector == 0x40


@pytest.mark.parametrize("shut, opened", [
    (b"\xe4\x92\x24\xfd\xe6\x92", b"\xe4\x92\x0c\x02\xe6\x92"),
    (b"\xb0\xd1\xe6\x64\xb0\xdd\xe6\x60", b"\xb0\xd1\xe6\x64\xb0\xdf\xe6\x60"),
])
def test_a20(stage, shut: bytes, opened: bytes) -> None:
    """Code below 1 MB shuts the gate, looks, and opens it; CODE is above."""
    stage.ram.words[0x0000_7000 >> 2], stage.ram.words[0x0010_7000 >> 2] = 1, 2
    look = b"\xa1\x00\x70\x10\x00"
    body = look + b"\x89\xc1" + shut + look + b"\x89\xc3" + store(0x10_7004, 9) + opened + look + b"\x89\xc2\xf4"
    stage.ram.write(0x3_0000, body)
    stage.run(b"\xe9" + (0x3_0000 - CODE - 5).to_bytes(4, "little", signed=True))
    assert [stage.cpu[name] for name in ("ecx", "ebx", "edx")] == [2, 1, 2]
    assert stage.ram.words[0x7004 >> 2] == 9 and stage.ram.words[0x10_7004 >> 2] != 9


@pytest.mark.parametrize("ring3", [False, True])
def test_int1_asks_for_no_privilege(stage, ring3: bool) -> None:
    stage.run(b"\x90\xf1" + NOP, ring3=ring3)
    assert stage.seen().vector == 1 and stage.seen().stack[0] == CODE + 2


def test_a_breakpoint_on_execution_is_met_in_each_round_of_a_loop(stage) -> None:
    """The handler sets RF in the EFLAGS that it returns to, which holds for one instruction."""
    stage.ram.write(st.HANDLERS + 0x10, b"\x43\x81\x4c\x24\x08\x00\x00\x01\x00\xcf")  # inc ebx; or [esp + 8], RF; iret
    code = b"\x31\xdb\xb9\x03\x00\x00\x00" + mov_dr(0, CODE + 40) + mov_dr(7, 0x402)
    stage.run(code.ljust(40, b"\x90") + b"\x90\x49\x75\xfc" + INT)  # nop; dec ecx; jnz
    assert stage.seen().vector == 0x40 and stage.cpu["ebx"] == 3


def test_a_register_of_the_model_leaves_the_control_registers_alone() -> None:
    """RDMSR is looked for in the code, which lies in a page of ring 3, with CR4.SMAP; INT1 too."""
    from hw.bare import BarePC
    from hw.e820 import E820Map

    with BarePC(E820Map.pc(16 << 20), model="Skylake-Client", serial=lambda data: None) as pc:
        stage = st.Stage(pc)
        code = stage.paging() + b"\x0f\x20\xe0\x0d\x00\x00\x20\x00\x0f\x22\xe0"  # CR4.SMAP
        code += b"\xb9\x1b\x00\x00\x00\x0f\x32\x0f\x20\xe3\xcd\x40"  # rdmsr; mov ebx, cr4
        stage.ram.words[0x20_0000 >> 2] |= 4
        stage.ram.words[(0x20_1000 >> 2) + (CODE >> 12)] |= 4
        stage.run(code)
        assert stage.seen().vector == 0x40 and stage.cpu["ebx"] & 1 << 21 and stage.cpu["eax"] == 0xFEE0_0900


def test_a_reset_forgets_breakpoints(stage) -> None:
    stage.run(mov_dr(0, CODE + 40) + mov_dr(7, 0x402) + INT)
    stage.run(b"\x90" * 50 + INT)
    assert stage.seen().vector == 0x40 and stage.seen().stack[0] == CODE + 52


@pytest.mark.parametrize("access", [b"\x0f\x23\xc8", b"\x0f\x21\xf0", b"\x0f\x21\xd8"])
def test_general_detect(stage, access: bytes) -> None:
    """With DR7.GD a MOV of a debug register gives #DB before it is done; the handler is free to use them."""
    stage.cpu["dr6"] = 0xFFFF_0FF0
    code = mov_dr(7, 0x2400) + b"\xb8\x77\x00\x00\x00"
    stage.run(code + access + INT)
    seen = stage.seen()
    assert (seen.vector, seen.stack[0]) == (1, CODE + len(code)) and stage.cpu["eax"] == 0x77
    assert stage.cpu["dr6"] & 1 << 13 and not stage.cpu["dr7"] & 1 << 13
    stage.ram.write(st.HANDLERS + 0x10, b"\x0f\x21\xf3\xcf")  # mov ebx, dr6; iret
    stage.run(code + access + INT)
    assert stage.seen().vector == 0x40 and stage.cpu["ebx"] & 1 << 13


def test_alignment_of_code_that_ran_before_it_was_checked(stage) -> None:
    code = load(PLACE + 1) + b"\x85\xc9\x75\x05\x41\xcd\x41\xeb\xf0" + INT  # until ecx; set CR0.AM, again
    _alignment(stage, b"\x31\xc9" + code, enabled=False)
    seen = stage.seen()
    assert (seen.vector, seen.stack[1]) == (17, CODE + 4)


@pytest.mark.parametrize("code, expected", [
    (b"\x0f\x21\xf3", 0x4005),  # mov ebx, dr6
    (b"\x90\xb9\x1b\x00\x00\x00\x0f\x32\x0f\x21\xf3", 0x4005),  # nop; rdmsr; ...
    (b"\xb8\x0a\x00\x00\x00\x0f\x23\xf0\x0f\x21\xf3", 0xA), (b"\x31\xc0\x0f\x23\xf0\x0f\x21\xf3", 0),
])
def test_what_dr6_says_stays_until_it_is_written(stage, code: bytes, expected: int) -> None:
    set_ = b"\xb8" + struct.pack("<I", 0xFFFF_4FF5) + b"\x0f\x23\xf0"
    stage.run(set_ + code + INT)
    assert stage.seen().vector == 0x40 and stage.cpu["ebx"] & 0x600F == expected
