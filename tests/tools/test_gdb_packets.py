"""The gdb server's packets, without a machine: frames, answers, and that nothing which comes can hurt."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.gdb_fake import BASE, SIZE, FakeTarget
from tools.gdb.description import NUMBERS, REGISTERS, target_xml
from tools.gdb.packets import LONGEST, Decoder, Item, Kind, encode, escape, unescape
from tools.gdb.stub import SIGINT, SIGSEGV, SIGTRAP, Move, Order, Stop, Stub
from tools.gdb.target import Point


def stub() -> tuple[Stub, FakeTarget, list[bytes]]:
    target, said = FakeTarget(), list[bytes]()
    return Stub(target, said.append), target, said


# frames


@given(st.binary(max_size=300))
def test_what_is_escaped_comes_back(data: bytes) -> None:
    assert not set(escape(data)) & set(b"#$*")
    assert unescape(escape(data)) == data


@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_packets_are_found_however_the_stream_is_cut(packets: list[bytes], data: st.DataObject) -> None:
    stream = b"+".join(encode(packet) for packet in packets)
    decoder, found, at = Decoder(), list[Item](), 0
    while at < len(stream):
        size = data.draw(st.integers(1, 20))
        found += decoder.feed(stream[at : at + size])
        at += size
    assert [item.data for item in found if item.kind is Kind.PACKET] == packets
    assert [item.kind for item in found].count(Kind.ACK) == max(0, len(packets) - 1)


def test_frames_with_faults() -> None:
    def kinds(data: bytes) -> list[Kind]:
        return [item.kind for item in Decoder().feed(data)]

    assert kinds(b"$g#67") == [Kind.PACKET] and kinds(b"$g#68") == [Kind.DAMAGED]
    assert kinds(b"$g#6G+") == [Kind.DAMAGED, Kind.ACK]
    assert kinds(b"\x03noise-$g") == [Kind.INTERRUPT, Kind.NACK]
    assert list(Decoder().feed(b"$m12$g#67")) == [Item(Kind.PACKET, b"g")]
    assert kinds(b"$" + bytes(LONGEST + 10) + b"+" + b"$g#67")[0] is Kind.DAMAGED


# the description


def test_the_description_numbers_every_register_once() -> None:
    tree = ElementTree.fromstring(target_xml())
    rows = tree.findall("feature/reg")
    assert [(row.get("name"), int(row.get("regnum", "-1"))) for row in rows] == [
        (register.name, number) for number, register in enumerate(REGISTERS)
    ]
    defined = {e.get("id") for e in tree.iter() if e.get("id")}
    known = {"int", "int32", "data_ptr", "code_ptr", "i387_ext"}
    assert {row.get("type") for row in rows} <= defined | known


# answers


def test_registers() -> None:
    gdb, target, _ = stub()
    everything = gdb.answer(b"g")
    assert isinstance(everything, bytes) and len(everything) == sum(r.bits for r in REGISTERS) // 4
    assert gdb.answer(b"p%x" % NUMBERS["cr3"]) == b"00b01000"
    assert gdb.answer(b"P%x=78563412" % NUMBERS["eax"]) == b"OK" and target.values[0]["eax"] == 0x12345678
    assert gdb.answer(b"Hg2") == b"OK" and gdb.answer(b"p8") == b"010100c0"
    assert gdb.answer(b"G" + everything) == b"OK" and target.values[1]["eip"] == 0xC000_0100
    st0 = b"P%x=" % NUMBERS["st0"]
    assert gdb.answer(st0 + b"00" * 10) == b"OK" and gdb.answer(st0 + b"01" * 10) == b"E01"
    assert gdb.answer(b"p99") == gdb.answer(b"P0=00") == gdb.answer(b"P0=xyz") == b"E01"


def test_memory() -> None:
    gdb, target, _ = stub()
    assert gdb.answer(b"mc0000010,4") == b"10111213"
    assert gdb.answer(b"mc000fffe,10") == b"feff"  # as far as there is some
    assert gdb.answer(b"m1000,4") == b"E14" and gdb.answer(b"mc0010000,1") == b"E14"
    assert gdb.answer(b"Mc0000010,2:aabb") == b"OK" and target.ram[0x10:0x12] == b"\xaa\xbb"
    assert gdb.answer(b"Xc0000020,3:}\x03a\x00") == b"E01" and gdb.answer(b"Xc0000020,0:") == b"OK"
    assert gdb.answer(b"Xc0000020,3:#$\x00") == b"OK" and target.ram[0x20:0x23] == b"#$\x00"
    assert gdb.answer(b"M1000,1:00") == gdb.answer(b"X1000,1:0") == b"E14"


def test_physical_memory() -> None:
    gdb, target, _ = stub()
    assert gdb.answer(b"qqemu.PhyMemMode") == b"0"
    assert gdb.answer(b"Qqemu.PhyMemMode:1") == b"OK" and gdb.answer(b"qqemu.PhyMemMode") == b"1"
    assert gdb.answer(b"m10,2") == b"1011" and gdb.answer(b"mc0000010,2") == b"E14"
    assert gdb.answer(b"M10,1:ff") == b"OK" and target.ram[0x10] == 0xFF
    assert gdb.answer(b"Qqemu.PhyMemMode:0") == b"OK" and gdb.answer(b"m10,2") == b"E14"


def test_stops_name_their_reason() -> None:
    gdb, _, _ = stub()
    assert gdb.answer(b"?") == b"T05thread:1;"
    assert gdb.stopped(Stop(SIGTRAP, 1, Point.SOFTWARE)) == b"T05thread:2;"
    gdb.answer(b"qSupported:multiprocess+;swbreak+;hwbreak+")
    assert gdb.stopped(Stop(SIGTRAP, 1, Point.SOFTWARE)) == b"T05thread:2;swbreak:;"
    assert gdb.stopped(Stop(SIGTRAP, 0, Point.HARDWARE)) == b"T05thread:1;hwbreak:;"
    assert gdb.stopped(Stop(SIGTRAP, 0, Point.ACCESS, 0xC0000010)) == b"T05thread:1;awatch:c0000010;"
    assert gdb.stopped(Stop(SIGINT, 0)) == b"T02thread:1;" and gdb.stopped(Stop(SIGSEGV, 0)) == b"T0bthread:1;"


def test_how_to_go_on() -> None:
    gdb, target, _ = stub()
    assert gdb.answer(b"vCont?") == b"vCont;c;C;s;S;r"
    assert gdb.answer(b"vCont;c") == gdb.answer(b"c") == gdb.answer(b"vCont;C05:1;c") == Order(Move.CONTINUE)
    assert gdb.answer(b"vCont;s:2;c") == Order(Move.STEP, 1)
    assert gdb.answer(b"vCont;rc0000100,c0000120:1;c") == Order(Move.STEP, 0, 0xC0000100, 0xC0000120)
    assert gdb.answer(b"sc0000200") == Order(Move.STEP) and target.values[0]["eip"] == 0xC0000200
    assert gdb.answer(b"D") == gdb.answer(b"D;1") == Order(Move.DETACH)
    assert gdb.answer(b"k") == gdb.answer(b"vKill;1") == Order(Move.KILL)
    assert gdb.answer(b"vCont;t") == gdb.answer(b"vCont;s:77") == b"E01" and gdb.answer(b"vMustReplyEmpty") == b""


def test_points_are_set_once_and_taken_back() -> None:
    gdb, target, _ = stub()
    for kind in range(5):
        assert gdb.answer(b"Z%d,c0000100,1" % kind) == gdb.answer(b"Z%d,c0000100,1" % kind) == b"OK"
    assert len(target.points) == 5 and set(target.points.values()) == {1}
    assert gdb.answer(b"z0,c0000100,1") == gdb.answer(b"z0,c0000100,1") == b"OK" and len(target.points) == 4
    assert gdb.answer(b"Z2,1000,4") == b"E14" and gdb.answer(b"Z5,c0000100,1") == b"E01"
    gdb.clear()
    assert target.points == {}


def test_threads() -> None:
    gdb, _, _ = stub()
    assert (gdb.answer(b"qfThreadInfo"), gdb.answer(b"qsThreadInfo"), gdb.answer(b"qC")) == (b"m1,2", b"l", b"QC1")
    assert gdb.answer(b"qThreadExtraInfo,2") == b"CPU#1 [fake]".hex().encode()
    assert gdb.answer(b"T2") == b"OK" and gdb.answer(b"T3") == b"E01"


def test_commands_answer_in_pieces() -> None:
    gdb, target, said = stub()
    gdb.answer(b"Hg2")
    assert gdb.answer(b"qRcmd," + b"info mem".hex().encode()) == b"OK"
    assert [bytes.fromhex(packet[1:].decode()) for packet in said] == [b"CPU 1: info mem\n", b"second line\n"]
    assert target.lines == ["info mem"] and gdb.answer(b"qRcmd,0") == b"E01"


def test_transfers() -> None:
    gdb, _, _ = stub()
    text, at = b"", 0
    while not text.endswith(b"</target>\n"):
        piece = gdb.answer(b"qXfer:features:read:target.xml:%x,100" % at)
        assert isinstance(piece, bytes)
        text, at = text + piece[1:], at + 0x100
    assert text == target_xml().encode()
    assert gdb.answer(b"qXfer:features:read:other.xml:0,100") == b"E00"
    assert gdb.answer(b"qXfer:exec-file:read::0,fff") == b"l/tmp/highmem/symbols"
    assert gdb.answer(b"qXfer:features:write:target.xml:0,1") == b""
    assert gdb.answer(b"QStartNoAckMode") == b"OK" and not gdb.acknowledges


# whatever comes

_WORDS = st.sampled_from((
    b"qSupported", b"qXfer:features:read:target.xml:", b"qXfer:exec-file:read::", b"vCont;", b"vCont;s:", b"vCont;r",
    b"Hg", b"Hc", b"m", b"p", b"P", b"Z0,", b"Z2,", b"z3,", b"qThreadExtraInfo,", b"T", b"?", b"g", b"G", b"c", b"s",
    b"S", b"qRcmd,", b"Qqemu.PhyMemMode:", b"v", b"q", b"Q", b"D", b"k", b"!", b"_", b"R", b"",
))  # fmt: skip
_TEXTS = st.one_of(st.binary(max_size=20), st.text("0123456789abcdefc,;:=-+.p", max_size=24).map(str.encode))


@given(st.lists(st.tuples(_WORDS, _TEXTS).map(b"".join), max_size=12))
def test_no_packet_can_hurt(packets: list[bytes]) -> None:
    gdb, target, _ = stub()
    before = bytes(target.ram)
    for packet in packets:
        answer = gdb.answer(packet)
        assert isinstance(answer, Order) or len(encode(answer)) <= 2 * LONGEST
    assert bytes(target.ram) == before and len(target.ram) == SIZE
    gdb.clear()
    assert target.points == {}


@given(st.binary(max_size=400))
def test_no_bytes_can_hurt(data: bytes) -> None:
    gdb, target, _ = stub()
    for item in Decoder().feed(data):
        gdb.answer(item.data)


@pytest.mark.parametrize("address", [0, BASE - 1, BASE + SIZE, 0xFFFF_FFFF, 1 << 32, (1 << 64) - 1])
def test_addresses_at_the_edges(address: int) -> None:
    gdb, target, _ = stub()
    for mode in (b"0", b"1"):
        gdb.answer(b"Qqemu.PhyMemMode:" + mode)
        for packet in (b"m%x,ffffffff", b"M%x,1:00", b"X%x,1:0", b"Z0,%x,1", b"Z2,%x,4"):
            gdb.answer(packet % address)
    assert len(target.ram) == SIZE
