"""Exceptions: their truth, any number of them, at any depth."""

from __future__ import annotations

import random

import pytest

from hw import EngineError
from hw.paging import PS, RW, P, walk

RESERVED = 1 << 21
FRAME, LARGE_FRAME = 0x20_0000, 0x40_0000
PAGES, LARGE = 1024, 32


def test_100000_faults_in_one_run_are_what_the_tables_say(bench) -> None:
    """Every fault with every code of ring 0; the walker foretells each."""
    cpu, words, rng = bench.cpu, bench.words, random.Random(2)
    count = 100_000
    small_first, large_first = bench.SCRATCH, bench.SCRATCH + (PAGES << 12)
    ptes = (bench.table(small_first) >> 2) + (small_first >> 12 & 1023)
    pdes = (bench.DIRECTORY >> 2) + (large_first >> 22)
    # (error code, word of the entry, entry that faults so, entry that does not), by address
    plan: list[tuple[int, int, int, int, int]] = []
    for _ in range(count):
        code = rng.choice((0, 2, 3, 9, 0xB))
        if code & 8:
            slot = rng.randrange(LARGE)
            address = large_first + (slot << 22) + rng.randrange(0, 1 << 22, 4)
            plan.append((code, address, pdes + slot, LARGE_FRAME | PS | RESERVED | RW | P,
                         LARGE_FRAME | PS | RW | P))
        else:
            slot = rng.randrange(PAGES)
            address = small_first + (slot << 12) + rng.randrange(0, 4096, 4)
            plan.append((code, address, ptes + slot, FRAME | P if code == 3 else FRAME | RW, FRAME | RW | P))
    # The program: an array of addresses, bit 0 set where to write; after each access a trap, where the entry for
    # the next one is broken.
    array = 0x30_0000
    for index, step in enumerate(plan):
        words[(array >> 2) + index] = step[1] | step[0] >> 1 & 1
    program = bench.loop(count, b"\x8b\x3e\x83\xc6\x04"  # mov edi, [esi]; add esi, 4
                                b"\xf7\xc7\x01\x00\x00\x00\x74\x05"  # test edi, 1; jz read
                                b"\x89\x57\xff\xeb\x02"  # mov [edi - 1], edx; jmp next
                                b"\x8b\x07"  # read: mov eax, [edi]
                         + bench.store(bench.TRAP, "esp"))
    faults = 0
    cr0 = cpu["cr0"]

    def prepare() -> None:
        if faults < count:
            words[plan[faults][2]] = plan[faults][3]
            cpu.flush_tlb()

    def on_exception(frame) -> None:
        nonlocal faults
        code, address, at, _, good = plan[faults]
        assert (frame.vector, frame.error_code, frame.cr2) == (14, code, address)
        verdict = walk(words, bench.DIRECTORY, address, cr0=cr0, cr4=0x90,
                       access="write" if code & 2 else "read")
        assert verdict.error_code == code and verdict.pa is None
        words[at] = good
        faults += 1

    bench.on_write = lambda offset, size, value: prepare()
    cpu.on_exception = on_exception
    cpu["esi"] = array
    prepare()
    assert bench.start(program) == "until"
    assert faults == count
    assert len({step[1] >> 12 for step in plan}) >= 1000
    assert {step[0] for step in plan} == {0, 2, 3, 9, 0xB}


def test_each_vector_with_its_code_and_place(bench) -> None:
    seen = []

    def on_exception(frame) -> None:
        seen.append((frame.vector, frame.error_code, frame.is_int, frame.eip - bench.CODE))
        if not frame.is_int:
            frame.eip += lengths[len(seen) - 1]

    page_fault = bench.load(bench.SCRATCH)
    steps = [
        (page_fault, (14, 0, False)),
        (b"\x0f\x0b", (6, 0, False)),  # ud2
        (page_fault, (14, 0, False)),
        (b"\xcd\x80", (0x80, 0, True)),
        (b"\xcd\x0e", (14, 0, True)),
        (b"\xcc", (3, 0, True)),
        (page_fault, (14, 0, False)),
        (b"\xf7\xf1", (0, 0, False)),  # div ecx, ECX 0
        (page_fault, (14, 0, False)),
        (b"\x8e\xd8", (13, 0x50, False)),  # mov ds, ax, AX 0x50: an empty descriptor
        (b"\xf7\xf1", (0, 0, False)),
        (b"\xf0\x90", (6, 0, False)),  # lock nop
        (page_fault, (14, 0, False)),
    ]
    lengths = [len(code) for code, _ in steps]
    bench.cpu.on_exception = on_exception
    bench.cpu["eax"], bench.cpu["ecx"], bench.cpu["edx"] = 0x50, 0, 0
    assert bench.start(b"".join(code for code, _ in steps)) == "until"
    places = [sum(lengths[:index]) + (lengths[index] if steps[index][1][2] else 0) for index in range(len(steps))]
    assert seen == [(*expected, place) for (_, expected), place in zip(steps, places)]


def test_the_frame_is_the_cpu(bench) -> None:
    cpu = bench.cpu
    names = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
    before = {name: 0x1111_1111 * index + 3 for index, name in enumerate(names, 1)}
    for name, value in before.items():
        cpu[name] = value

    def on_exception(frame) -> None:
        for name, value in before.items():
            assert frame.get(name) == getattr(frame, name) == cpu[name] == value
        assert (frame.cs, frame.ss, frame.ds, frame.fs) == (0x60, 0x68, 0x7B, 0)
        assert frame.eflags == cpu["eflags"]
        assert frame.eflags & 1  # the carry that stc has set
        for name in names:
            setattr(frame, name, frame.get(name) ^ 0xFF)
            assert cpu[name] == before[name] ^ 0xFF
        cpu["edi"] = 0x77
        assert frame.edi == 0x77
        frame.eflags &= ~1
        cpu["eip"] = frame.eip + 5
        with pytest.raises(KeyError):
            frame.set("cs", 0x60)
        assert "#PF" in repr(frame)

    cpu.on_exception = on_exception
    # stc; mov eax, [SCRATCH]; setc al is not reached with carry
    assert bench.start(b"\xf9" + bench.load(bench.SCRATCH) + b"\x0f\x92\xc0") == "until"
    expected = {name: value ^ 0xFF for name, value in before.items()} | {"edi": 0x77}
    expected["eax"] &= ~0xFF
    assert {name: cpu[name] for name in names} == expected


def test_an_address_space_switched_in_a_handler_stays(bench) -> None:
    other = 0x18_0000
    bench.ram.write(other, bench.ram.read(bench.DIRECTORY, 4096))
    bench.words[(other >> 2) + (bench.SCRATCH >> 22)] = 0 | PS | RW | P

    def on_exception(frame) -> None:
        bench.cpu["cr3"] = other

    bench.cpu.on_exception = on_exception
    bench.words[0x5000 >> 2] = 4711
    assert bench.start(bench.load(bench.SCRATCH + 0x5000)) == "until"
    assert bench.cpu["eax"] == 4711 and bench.cpu["cr3"] == other


def test_nested_runs_with_faults_in_the_innermost(bench) -> None:
    """trap -> call -> fault -> call -> trap -> call -> fault; each level finds its registers again."""
    cpu = bench.cpu
    pages = [bench.SCRATCH + index * 4096 for index in range(40)]
    trail = []

    def code(level: int) -> int:
        return 0x2000 + level * 0x100

    for level in range(1, 6):
        body = bench.store(pages[level]) if level % 2 else bench.store(bench.TRAP + 4 * level, "esp")
        bench.code(code(level), b"\x43" + body + b"\xb8" + level.to_bytes(4, "little") + b"\xc3")

    def descend() -> None:
        level = cpu.depth
        if level > 5:
            return
        general = {name: cpu[name] for name in ("eax", "ebx", "ecx", "edx", "ebp", "esi", "edi", "esp")}
        esp = general["esp"] - 64
        bench.words[esp >> 2] = 0x3800
        assert cpu.call(code(level), 0x3800, esp=esp) == level
        assert {name: cpu[name] for name in general} == general
        trail.append(level)

    def on_exception(frame) -> None:
        truth = (frame.vector, frame.error_code, frame.cr2, frame.eip, frame.esp)
        assert truth[:2] == (14, 2)
        descend()
        assert truth == (frame.vector, frame.error_code, frame.cr2, frame.eip, frame.esp)
        bench.map(frame.cr2, FRAME | P | RW)

    cpu.on_exception = on_exception
    bench.on_write = lambda offset, size, value: descend()
    cpu["ebx"] = 100
    assert bench.start(bench.store(bench.TRAP, "esp") + b"\x43\x43") == "until"
    assert trail == [5, 4, 3, 2, 1]
    assert cpu["ebx"] == 102 and cpu["esp"] == bench.STACK


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("where", ["trap", "fault"])
def test_what_a_callback_raises_comes_out_of_its_run(bench, depth: int, where: str) -> None:
    cpu = bench.cpu
    caught = []

    class Oops(Exception):
        pass

    def callback() -> None:
        if cpu.depth == depth:
            raise Oops(f"at depth {depth}")
        try:
            cpu.run(0x2000, 0x2000 + len(body))
        except Oops as error:
            caught.append((cpu.depth, str(error)))
            raise

    body = bench.store(bench.TRAP) if where == "trap" else bench.store(bench.SCRATCH)
    bench.code(0x2000, body + b"\x90" * 4)
    bench.on_write = lambda offset, size, value: callback()
    cpu.on_exception = lambda frame: callback()
    for _ in range(3):
        caught.clear()
        with pytest.raises(Oops, match=f"at depth {depth}"):
            bench.start(body)
        assert [at for at, _ in caught] == list(range(depth - 1, 0, -1))
        assert cpu.depth == 0
    # the engine is still good, for faults too
    codes = []
    bench.on_write = lambda offset, size, value: None

    def repair(frame) -> None:
        codes.append((frame.vector, frame.error_code))
        bench.map(frame.cr2 & ~0xFFF, FRAME | P | RW)

    cpu.on_exception = repair
    assert bench.start(b"".join(bench.store(bench.SCRATCH + page * 4096) for page in range(5))) == "until"
    assert codes == [(14, 2)] * 5


def test_an_exception_caught_between_two_runs_harms_neither(bench) -> None:
    cpu = bench.cpu
    bench.code(0x2000, bench.load(bench.SCRATCH) + b"\x90" * 4)
    handled = []

    def on_exception(frame) -> None:
        if cpu.depth == 2:
            raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError):
            cpu.run(0x2000, 0x2005)
        handled.append(frame.cr2)
        bench.map(frame.cr2, FRAME | P | RW)

    cpu.on_exception = on_exception
    pages = [bench.SCRATCH + (1 + page << 12) for page in range(4)]
    assert bench.start(b"".join(bench.store(page) for page in pages)) == "until"
    assert handled == pages


def test_nobody_handles_it(bench) -> None:
    for code, name in ((b"\x0f\x0b", "#UD"), (bench.load(bench.SCRATCH), "#PF"), (b"\xcd\x80", "interrupt 128")):
        with pytest.raises(EngineError, match=name) as caught:
            bench.start(b"\x90" + code)
        assert caught.value.eip == bench.CODE + 1 + (2 if name.startswith("int") else 0)


def test_stop_in_a_handler_keeps_its_work(bench) -> None:
    def on_exception(frame) -> None:
        frame.eax = 0x1234
        bench.cpu.stop()

    bench.cpu.on_exception = on_exception
    assert bench.start(b"\x43" + bench.load(bench.SCRATCH)) == "stopped"
    assert (bench.cpu["eip"], bench.cpu["eax"]) == (bench.CODE + 1, 0x1234)


def test_after_a_stop_at_a_fetch_that_faults_the_next_fault_is_a_page_fault(bench) -> None:
    seen = []
    bench.cpu.on_exception = lambda frame: (seen.append((frame.vector, frame.error_code)), bench.cpu.stop())
    assert bench.cpu.run(bench.SCRATCH, bench.SCRATCH + 8) == "stopped"
    assert bench.start(bench.store(bench.SCRATCH)) == "stopped"
    bench.cpu.on_exception = lambda frame: (seen.append((frame.vector, frame.error_code)), 1 // 0)
    with pytest.raises(ZeroDivisionError):
        bench.cpu.run(bench.SCRATCH, bench.SCRATCH + 8)
    bench.cpu.on_exception = lambda frame: (seen.append((frame.vector, frame.error_code)), bench.cpu.stop())
    assert bench.start(bench.load(bench.SCRATCH)) == "stopped"
    assert seen == [(14, 0), (14, 2), (14, 0), (14, 0)]
