"""Where code makes room on a stack, what it gets there counts as not written, until it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hw.access_watch import AccessWatch
from hw.cpu import CPU, RunEnd
from hw.e820 import E820Entry, E820Map
from hw.ram import RAM
from hw.shadow import FRAME, PLAIN, STACK, make_shadow
from hw.stack_frames import StackFrames
from hw.uninit import UnsetUse

CODE, PAGE_DIRECTORY, PAGE_TABLE = 0x1000, 0x8000, 0x9000
KERNEL = 0xC0000000
TOP = 0x6000  # of a stack in [0x4000, 0x6000)
ESP = TOP - 0x800
MAKES_ROOM = {
    "83ec14": 20,  # sub esp, 20
    "81ec2c010000": 300,  # sub esp, 300
    "83c480": 128,  # add esp, -128
    "81c4d4feffff": 300,  # add esp, -300
    "8d6424f4": 12,  # lea esp, [esp - 12]
    "8da42400ffffff": 256,  # lea esp, [esp - 256]
}
OTHERS = ["83c414", "8d642408", "81ec00000100", "29c4", "90"]  # it grows, or by no such number


class Bench:
    """A CPU with paging, 1 MB from 0xC0000000 on, and the watch of what is not set."""

    def __init__(self) -> None:
        self.ram = RAM(E820Map([E820Entry(0, 1 << 20, 1)]))
        self.cpu = CPU(self.ram)
        self.ram.write(PAGE_DIRECTORY + 4 * (KERNEL >> 22), (PAGE_TABLE | 3).to_bytes(4, "little"))
        for page in range(256):
            self.ram.write(PAGE_TABLE + 4 * page, (page << 12 | 3).to_bytes(4, "little"))
        self.cpu["cr3"] = PAGE_DIRECTORY
        self.cpu["cr0"] = 0x8000_0001
        self.uses: list[UnsetUse] = []
        self.shadow = make_shadow(self.ram.size)
        self.shadow[:] = bytes([PLAIN]) * len(self.shadow)
        self.watch = AccessWatch(
            self.ram, [self.cpu], self.shadow, lambda touch: None, range(0), 64, self.uses.append
        )

    def run(self, code: str, esp: int = ESP) -> None:
        binary = bytes.fromhex(code)
        self.ram.write(CODE, binary)
        self.cpu.invalidate_code(KERNEL + CODE, len(binary))
        frames = self.watch.frames
        assert frames is not None
        frames.learn(KERNEL + CODE, binary)
        self.cpu["esp"] = KERNEL + esp
        assert self.cpu.run(KERNEL + CODE, KERNEL + CODE + len(binary)) is RunEnd.UNTIL

    def states(self, start: int, end: int) -> set[int]:
        return set(self.shadow[start:end])


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    frames = bench.watch.frames
    assert isinstance(frames, StackFrames)
    if frames._code is None:
        pytest.skip("no machine code runs here")
    yield bench
    bench.cpu.close()
    bench.ram.close()


@pytest.mark.parametrize("code", MAKES_ROOM)
def test_room(bench: Bench, code: str) -> None:
    bench.run(code)
    size = MAKES_ROOM[code]
    assert bench.cpu["esp"] == KERNEL + ESP - size
    assert bench.states(ESP - size, ESP) == {FRAME}
    assert bench.states(ESP - size - 64, ESP - size) == bench.states(ESP, ESP + 64) == {STACK}


@pytest.mark.parametrize("code", OTHERS)
def test_no_room(bench: Bench, code: str) -> None:
    bench.cpu["eax"] = 16
    bench.run(code)
    assert FRAME not in bench.states(0, len(bench.shadow))


def test_what_is_written_is_set(bench: Bench) -> None:
    """Dwords, words and bytes, and what is pushed."""
    bench.run("83ec10 c7042401000000 66c74424040200 c644240703 6a05".replace(" ", ""))
    assert bench.states(ESP - 20, ESP - 10) == {STACK}
    assert list(bench.shadow[ESP - 10 : ESP - 8]) == [FRAME, STACK]
    assert bench.states(ESP - 8, ESP) == {FRAME}
    bench.run("83ec10")  # the same room again
    assert bench.states(ESP - 16, ESP) == {FRAME}


def test_a_branch_by_what_is_not_set(bench: Bench) -> None:
    bench.run("83ec10 c744240801000000 837c240800 7400 837c240400 7400".replace(" ", ""))
    (use,) = bench.uses
    assert (use.what, use.origin) == ("branch", ESP - 12)


def test_what_was_known_of_an_older_frame_is_forgotten(bench: Bench) -> None:
    """A half-set copy in a frame says nothing about the next frame there."""
    copy = "83ec10 8b442404 25ff000000 89442408 83c410"  # what is not set at +4, its low byte, goes to +8
    bench.run(f"{copy} 83ec10 837c240800 7400".replace(" ", ""))
    (use,) = bench.uses
    assert use.origin == ESP - 8


@pytest.mark.parametrize("esp", [0x4000 + 64 + 8, 0x200000])
def test_no_room_below_a_stack_or_memory(bench: Bench, esp: int) -> None:
    """The bottom of a stack is none of it, and where no memory is nothing can be marked."""
    bench.run("83ec14", esp)
    assert FRAME not in bench.states(0, len(bench.shadow))
