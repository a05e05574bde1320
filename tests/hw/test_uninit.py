"""What is unset stays unset through instructions, no more and no less than its bits can matter: tried on the CPU."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from hw.access_watch import AccessWatch, Touch
from hw.countdown import ENDLESS
from hw.cpu import CPU, RunEnd
from hw.e820 import E820Entry, E820Map
from hw.ram import RAM
from hw.shadow import PLAIN, UNSET, make_shadow
from hw.uninit import UnsetUse

CODE, IN, MEMORY, STRING, TO, OUT, STACK = 0x1000, 0x2000, 0x3000, 0x3100, 0x3200, 0x4000, 0x6000
REGISTERS = ("eax", "ecx", "edx", "ebp")
INSTRUCTIONS = [
    ("mov eax, ecx", "89c8"),
    ("mov al, ch", "88e8"),
    ("mov ah, cl", "88cc"),
    ("mov ax, cx", "6689c8"),
    ("mov eax, [ebx]", "8b03"),
    ("mov ah, [ebx]", "8a23"),
    ("mov [ebx], ecx", "890b"),
    ("mov [ebx], cl", "880b"),
    ("mov eax, 5", "b805000000"),
    ("movzx eax, cl", "0fb6c1"),
    ("movzx eax, byte ptr [ebx]", "0fb603"),
    ("movsx eax, ch", "0fbec5"),
    ("movsx eax, word ptr [ebx]", "0fbf03"),
    ("lea eax, [ecx+edx*4+7]", "8d449107"),
    ("add eax, ecx", "01c8"),
    ("add al, ch", "00e8"),
    ("add [ebx], ecx", "010b"),
    ("add eax, [ebx]", "0303"),
    ("sub eax, ecx", "29c8"),
    ("sub eax, eax", "29c0"),
    ("xor eax, eax", "31c0"),
    ("xor eax, ecx", "31c8"),
    ("xor eax, [ebx]", "3303"),
    ("and eax, ecx", "21c8"),
    ("and eax, 0xff00", "2500ff0000"),
    ("and eax, [ebx]", "2303"),
    ("and [ebx], ecx", "210b"),
    ("and byte ptr [ebx], 1", "802301"),
    ("or eax, ecx", "09c8"),
    ("or eax, 0xff00", "0d00ff0000"),
    ("or [ebx], ecx", "090b"),
    ("or byte ptr [ebx], 1", "800b01"),
    ("test eax, ecx", "85c8"),
    ("test eax, eax", "85c0"),
    ("test byte ptr [ebx], 4", "f60304"),
    ("test al, 0x10", "a810"),
    ("cmp eax, ecx", "39c8"),
    ("cmp byte ptr [ebx], 3", "803b03"),
    ("inc eax", "40"),
    ("dec dword ptr [ebx]", "ff0b"),
    ("neg eax", "f7d8"),
    ("not eax", "f7d0"),
    ("not byte ptr [ebx]", "f613"),
    ("adc eax, ecx", "11c8"),
    ("sbb eax, ecx", "19c8"),
    ("sbb eax, eax", "19c0"),
    ("shl eax, 4", "c1e004"),
    ("shl eax, cl", "d3e0"),
    ("shr eax, 8", "c1e808"),
    ("shr al, 2", "c0e802"),
    ("sar eax, 3", "c1f803"),
    ("sar eax, cl", "d3f8"),
    ("sar dword ptr [ebx], 2", "c13b02"),
    ("rol eax, 8", "c1c008"),
    ("ror ax, 3", "66c1c803"),
    ("shld eax, edx, 4", "0fa4d004"),
    ("xchg eax, ecx", "91"),
    ("xchg [ebx], ecx", "870b"),
    ("xchg al, ah", "86e0"),
    ("setne al", "0f95c0"),
    ("setb byte ptr [ebx]", "0f9203"),
    ("cmovne eax, ecx", "0f45c1"),
    ("cmovbe eax, [ebx]", "0f4603"),
    ("imul eax, ecx", "0fafc1"),
    ("imul eax, ecx, 12", "6bc10c"),
    ("mul ecx", "f7e1"),
    ("cdq", "99"),
    ("cwde", "98"),
    ("bswap eax", "0fc8"),
    ("bt eax, 5", "0fbae005"),
    ("bts eax, ecx", "0fabc8"),
    ("bsf eax, ecx", "0fbcc1"),
    ("xadd eax, ecx", "0fc1c8"),
    ("xadd [ebx], ecx", "0fc10b"),
    ("cmpxchg [ebx], ecx", "0fb10b"),
    ("lahf", "9f"),
    ("sahf", "9e"),
    ("push ecx", "51"),
    ("pop edx", "5a"),
    ("push dword ptr [ebx]", "ff33"),
    ("pop dword ptr [ebx]", "8f03"),
    ("lodsb", "ac"),
    ("lodsd", "ad"),
    ("stosd", "ab"),
    ("movsd", "a5"),
    ("scasd", "af"),
    ("cmpsd", "a7"),
    ("leave", "c9"),
]


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


class Bench:
    """A CPU, flat and without paging, all of whose memory may be accessed."""

    def __init__(self) -> None:
        self.ram = RAM(E820Map([E820Entry(0, 1 << 20, 1)]))
        self.cpu = CPU(self.ram)
        self.uses: list[UnsetUse] = []
        self.touches: list[Touch] = []
        shadow = make_shadow(self.ram.size)
        self.watch = AccessWatch(self.ram, [self.cpu], shadow, self.touches.append, range(0), 64, self.uses.append)

    def run(self, code: bytes) -> None:
        self.ram.write(CODE, code)
        self.cpu.invalidate_code(CODE, len(code))
        self.cpu["esp"] = STACK
        assert self.cpu.run(CODE, CODE + len(code)) is RunEnd.UNTIL

    def all_set(self) -> None:
        """Forget what is unset."""
        self.watch.shadow[:] = bytes([PLAIN]) * len(self.watch.shadow)
        self.watch.unset.known.clear()
        self.uses.clear()

    def unset(self, pa: int, mask: int) -> None:
        """Bits of the word at `pa` that nobody has set."""
        for at in range(4):
            if part := mask >> 8 * at & 0xFF:
                self.watch.unset.add(pa + at, 1)
                self.watch.unset.known[pa + at] = part, pa + at

    def mask(self, pa: int) -> int:
        """The unset bits of the word at `pa`."""
        total = 0
        for at in range(4):
            if self.watch.shadow[pa + at] == UNSET:
                total |= self.watch.unset.known.get(pa + at, (0xFF, 0))[0] << 8 * at
        return total


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.all_set()
    yield bench
    bench.cpu.close()
    bench.ram.close()


#: loads eax, ecx, edx, what is at [ebx], and the flags; ebp, esi and edi lead to memory
BEFORE = (
    b"\xa1" + word(IN) + b"\x8b\x0d" + word(IN + 4) + b"\x8b\x15" + word(IN + 8) + b"\xbb" + word(MEMORY)
    + b"\xbe" + word(STRING) + b"\xbf" + word(TO) + b"\xbd" + word(MEMORY) + b"\x80\xfa\x05"  # cmp dl, 5
)
#: jne; the registers to memory
AFTER = b"\x75\x00\xa3" + word(OUT) + b"".join(
    b"\x89" + bytes([modrm]) + word(OUT + 4 * number) for modrm, number in ((0x0D, 1), (0x15, 2), (0x2D, 3))
)
INPUTS = (IN, IN + 4, IN + 8, MEMORY, STRING)
RESULTS = (OUT, OUT + 4, OUT + 8, OUT + 12, MEMORY, TO, STACK - 4)


def some_mask(chooser: random.Random) -> int:
    bit, number = 1 << chooser.randrange(32), chooser.getrandbits(32)
    return chooser.choice((0, 0, 0xFFFF_FFFF, 0xFF, 0xFF00, 0xFFFF_0000, bit, number))


@pytest.mark.variants
@pytest.mark.parametrize(("text", "code"), INSTRUCTIONS, ids=[text for text, _ in INSTRUCTIONS])
def test_other_bits_give_no_other_result(bench: Bench, text: str, code: str) -> None:
    """Whatever the unset bits of the inputs are, no set bit of a result depends on them; nor does a branch that is not
    reported.
    """
    chooser = random.Random(text)
    for _ in range(8):
        masks = [some_mask(chooser) for _ in INPUTS]
        values = [chooser.getrandbits(32) for _ in INPUTS]
        seen = set()
        predicted: tuple[int, ...] = ()
        for _ in range(6):
            bench.all_set()
            bench.ram.write(0x3000, bytes(0x2000))
            bench.ram.write(STACK - 64, bytes(64))
            for pa, mask, value in zip(INPUTS, masks, values, strict=True):
                bench.ram.write(pa, word(value & ~mask | chooser.getrandbits(32) & mask))
                bench.unset(pa, mask)
            bench.run(BEFORE + bytes.fromhex(code) + AFTER)
            predicted_now = (*(bench.mask(pa) for pa in RESULTS), len(bench.uses))
            results = [bench.ram.words[pa >> 2] & ~mask for pa, mask in zip(RESULTS, predicted_now)]
            assert not predicted or predicted_now == predicted
            predicted = predicted_now
            seen.add(tuple(results))
        assert len(seen) <= 1, (text, [f"{mask:08x}" for mask in masks], [f"{mask:08x}" for mask in predicted])
        assert any(masks) or not any(predicted)


LOAD, STORE = b"\xa1" + word(IN), b"\x90\xa3" + word(OUT)  # mov eax, [IN]; nop; mov [OUT], eax


@pytest.mark.parametrize("done", [0, 6], ids=["again", "behind a store"])
def test_a_run_that_goes_on_later(bench: Bench, done: int) -> None:
    """What it had in registers stays unset, whatever ran elsewhere in the meantime; another run has nothing unset."""
    bench.unset(IN, 0xFFFF_0000)
    code = LOAD + b"\x90" * done + STORE
    first = CODE + len(LOAD)
    bench.ram.write(CODE, code)
    bench.cpu.invalidate_code(CODE, len(code))
    bench.cpu["esp"] = STACK
    bench.cpu.count_instructions()
    bench.cpu.countdown.left = 1
    assert bench.cpu.run(CODE, CODE + len(code)) is RunEnd.STOPPED and bench.cpu["eip"] == first
    bench.cpu.countdown.left = ENDLESS
    bench.cpu["esp"] = STACK - 256
    assert bench.cpu.run(first, CODE + len(code)) is RunEnd.UNTIL
    assert bench.mask(OUT) == 0
    bench.cpu["esp"] = STACK
    assert bench.cpu.run(first + done, CODE + len(code)) is RunEnd.UNTIL
    assert bench.mask(OUT) == 0xFFFF_0000
    assert bench.cpu.run(first + done, CODE + len(code)) is RunEnd.UNTIL  # not twice
    assert bench.mask(OUT) == 0
