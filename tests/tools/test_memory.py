"""rd, hexdump, telescope and search: against the memory itself."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guest.kernel import Kernel
from hw import paging
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

TEXT = b"a needle in a haystack"


@pytest.fixture(scope="module", params=[False, True], ids=["two levels", "PAE"])
def monitor(request: pytest.FixtureRequest) -> Iterator[Monitor]:
    with Kernel.boot(BootOptions(ram=1 << 30, pae=request.param)) as kernel:
        yield Monitor(kernel)


def text(monitor: Monitor, line: str) -> str:
    return monitor.execute(line).text


def buffer(monitor: Monitor, data: bytes) -> int:
    """Bytes in a slab object; its address."""
    kernel = monitor.session.kernel
    va = kernel.slab.kzalloc(max(len(data), 32), GFP_KERNEL)
    kernel.vm.write(va, data)
    return va


# rd


def test_rd(monitor: Monitor) -> None:
    va = buffer(monitor, bytes(range(0x40, 0x60)))
    assert text(monitor, f"rd {va:x}") == f"{va:08x}:  43424140                              @ABC\n"
    assert text(monitor, f"rd {va:x} 5") == (
        f"{va:08x}:  43424140 47464544 4b4a4948 4f4e4d4c   @ABCDEFGHIJKLMNO\n"
        f"{va + 16:08x}:  53525150                              PQRS\n"
    )
    assert text(monitor, f"rd -x -8 {va:x} 3") == f"{va:08x}:  40 41 42\n"
    assert text(monitor, f"rd -16 {va:x} 2 -x") == f"{va:08x}:  4140 4342\n"
    assert text(monitor, f"rd -64 -x {va:x}") == f"{va:08x}:  4746454443424140\n"
    assert text(monitor, f"rd -a {va:x} 8") == f"{va:08x}:  @ABCDEFG\n"
    assert text(monitor, f"rd -e {va + 12:x} -x {va:x}") == f"{va:08x}:  43424140 47464544 4b4a4948\n"
    assert text(monitor, f"rd -o 4 -x {va:x}") == f"{va + 4:08x}:  47464544\n"
    assert text(monitor, f"rd -p -x {va - PAGE_OFFSET:x}") == f"{va - PAGE_OFFSET:08x}:  43424140\n"
    assert text(monitor, f"rd -p -x {va - PAGE_OFFSET:x}") == f"{va - PAGE_OFFSET:08x}:  43424140\n"


def test_rd_as_numbers_and_symbols(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    other = buffer(monitor, b"")
    words = [kernel.layout.va("init_task") + 8, other, 0xFFFFFFFE, monitor.session.address("kmalloc")]
    va = buffer(monitor, b"".join(word.to_bytes(4, "little") for word in words))
    assert monitor.execute(f"rd -d {va:x} 4").result.values[2] == -2
    assert "         -2" in text(monitor, f"rd -d {va:x} 4") and "4294967294" in text(monitor, f"rd -D {va:x} 4")
    assert monitor.execute(f"rd -s {va:x} 4").result.names == ["init_task+0x8", None, None, "kmalloc"]
    assert monitor.execute(f"rd -S {va:x} 4").result.names == ["init_task+0x8", "[size-32]", None, "kmalloc"]
    assert "init_task+0x8    " in text(monitor, f"rd -s {va:x} 4")


@given(st.integers(0, 400), st.integers(1, 200), st.sampled_from(["-8", "-16", "-32", "-64"]), st.data())
def test_rd_is_the_memory(monitor: Monitor, offset: int, count: int, size: str, data: st.DataObject) -> None:
    kernel = monitor.session.kernel
    va = kernel.layout.va("kernel_strings") + offset
    width = int(size[1:]) // 8
    words = monitor.execute(f"rd {size} {va:x} {count}").result
    expected = kernel.vm.read(va, count * width)
    assert words.data == expected
    assert words.values == [int.from_bytes(expected[n : n + width], "little") for n in range(0, len(expected), width)]


def test_what_cannot_be_read(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    va = kernel.vmalloc.vmalloc(4096)
    kernel.vm.write(va, b"x" * 4096)
    for line in (f"rd {va + 4088:x} 4", f"hexdump {va + 4088:x} 16"):
        answer = monitor.execute(line)
        assert answer.failed and f"Cannot access memory at address 0x{va + 4096:x}\n" in answer.text
        assert answer.result.data == b"x" * 8
    assert monitor.execute(f"telescope {va + 4088:x} 4").result[-1].note.startswith("Cannot access")
    for line in ("rd 0", "hexdump 0", "telescope 0", "rd -p 40000000"):
        with pytest.raises(CommandError, match="Cannot access memory"):
            monitor.execute(line)
    for line, words in (
        ("rd", "address is missing"), ("rd -8 -16 0", "exclude"), ("rd kmalloc 0", "count must be"),
        ("rd kmalloc 3 -e kzalloc", "exclude"), ("hexdump kmalloc 0", "number of bytes"),
        ("telescope kmalloc 9999", "number of words"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=words):
            monitor.execute(line)


# hexdump


def test_hexdump(monitor: Monitor) -> None:
    va = buffer(monitor, b"\0\x01A|" + bytes(44) + b"end")
    assert text(monitor, f"hexdump {va:x} 51") == (
        f"{va:08x}  00 01 41 7c 00 00 00 00  00 00 00 00 00 00 00 00  |..A|............|\n"
        f"{va + 16:08x}  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
        "*\n"
        f"{va + 48:08x}  65 6e 64                                          |end|\n"
    )
    assert monitor.execute(f"hexdump -p {va - PAGE_OFFSET:x} 51").result.data == monitor.execute(
        f"hexdump {va:x} 51").result.data  # fmt: skip


# telescope


def test_telescope(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    string = buffer(monitor, b"the end of the chain\0")
    inner = buffer(monitor, string.to_bytes(4, "little"))
    loop = buffer(monitor, b"")
    kernel.vm.set_word(loop, loop)
    code = monitor.session.address("kmalloc")
    va = buffer(monitor, b"".join(w.to_bytes(4, "little") for w in (inner, 0x1234, loop, code, 0xFFFFFFF0)))
    slots = monitor.execute(f"telescope {va:x} 5").result
    assert [(link.value, link.text) for link in slots[0].links] == [(inner, None), (string, "the end of the chain")]
    assert [link.value for link in slots[1].links] == [0x1234]
    assert [link.value for link in slots[2].links] == [loop, loop]
    assert slots[3].links[0].name == "kmalloc" and slots[3].links[0].code == "pushl %ebp"
    assert len(slots[4].links) == 1
    lines = text(monitor, f"telescope {va:x} 5").splitlines()
    assert lines[0] == f'{va:08x}|+0000: {inner:08x} -> {string:08x} -> "the end of the chain"'
    assert lines[3] == f"{va + 12:08x}|+000c: {code:08x} <kmalloc> pushl %ebp"
    first = monitor.execute("telescope").result
    assert first[0].address == monitor.session.cpu["esp"] and "$esp" in first[0].registers


# search


def places(kernel: Kernel, wanted: bytes) -> list[int]:
    """Physical addresses of bytes, by brute force over all of the machine's memory."""
    found = []
    for start, end in kernel.ram.extents():
        data, at = bytes(kernel.ram.bytes[start:end]), -1
        while (at := data.find(wanted, at + 1)) >= 0:
            found.append(start + at)
    return found


def linear(monitor: Monitor, found: list[int]) -> list[int]:
    cpu, kernel = monitor.session.cpu, monitor.session.kernel
    rows = paging.walk_all(kernel.ram, cpu["cr3"], cpu["cr0"], cpu["cr4"], monitor.session.efer).tolist()
    return sorted(
        start + pa - first for pa in found for start, end, first, _, _ in rows if 0 <= pa - first < end - start
    )


def test_search(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    low = buffer(monitor, b"12345" + TEXT)
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    window = kernel.highmem.kmap(page)
    kernel.vm.write(window + 1001, TEXT)
    found = places(kernel, TEXT)
    assert len(found) == 2
    answer = monitor.execute(f"search -c {TEXT.decode()}")
    assert [hit.address for hit in answer.result.hits] == linear(monitor, found) == [low + 5, window + 1001]
    assert f"{window + 1001:08x}: a needle in a haystack" in answer.text and "pkmap" in answer.text
    assert [hit.address for hit in monitor.execute(f"search -p -c '{TEXT.decode()}'").result.hits] == found
    assert [hit.address for hit in monitor.execute(f"search -p -b {TEXT.hex()}").result.hits] == found
    (hit,) = monitor.execute(f"search -b {TEXT.hex()} -s {low:x} -l 40").result.hits
    assert (hit.address, hit.physical) == (low + 5, low + 5 - PAGE_OFFSET)
    assert text(monitor, f"search -c {TEXT.decode()} -e {low:x}") == "not found\n"


def test_search_over_pages_that_lie_apart(monitor: Monitor) -> None:
    """In vmalloc space a text goes on where its frames do not."""
    kernel = monitor.session.kernel
    between = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(2)]
    kernel.page_alloc._free_pages(between[0], 0)
    va = kernel.vmalloc.vmalloc(4 * 4096)
    kernel.page_alloc._free_pages(between[1], 0)
    wanted = b"a text right over the border"
    kernel.vm.write(va + 2 * 4096 - 10, wanted)
    (hit,) = monitor.execute(f"search -c {wanted.decode()}").result.hits
    assert hit.address == va + 2 * 4096 - 10 and hit.region == "vmalloc"
    assert hit.physical == monitor.session.walk(va + 2 * 4096 - 10).pa
    kernel.vmalloc.vfree(va)


def test_numbers(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    rng = random.Random(9)
    word = rng.getrandbits(32) | 0x80000001
    va = buffer(monitor, bytes(4) + word.to_bytes(4, "little") + b"\x11\x22\x33\x44" + word.to_bytes(4, "little"))
    found = [pa for pa in places(kernel, word.to_bytes(4, "little")) if pa % 4 == 0]
    answer = monitor.execute(f"search {word:x} -x 1").result
    assert [hit.address for hit in answer.hits] == linear(monitor, found)
    assert (answer.hits[0].before, answer.hits[0].after) == ([0], [0x44332211])
    assert f"{va + 4:08x}: 00000000 {word:08x} 44332211" in text(monitor, f"search {word:x} -x 1")
    masked = monitor.execute(f"search {word ^ 0xFF:x} -m ff").result
    assert {hit.address for hit in answer.hits} <= {hit.address for hit in masked.hits}
    half = monitor.execute(f"search -h {word & 0xFFFF:x} -s {va:x} -l 20").result.hits
    assert [hit.address for hit in half][:1] == [va + 4]
    double = word << 32 | 0
    assert monitor.execute(f"search -g {double:x} -s {va:x} -l 10").result.hits[0].value == double
    both = monitor.execute(f"search {word:x} 44332211 -s {va:x} -l 20").result.hits
    assert [hit.address for hit in both] == [va + 4, va + 8, va + 12]
    few = monitor.execute("search -n 3 kmalloc cccccccc").result
    assert len(few.hits) == 3 and few.more


def test_zeros_are_found_where_nobody_was(monitor: Monitor) -> None:
    hits = monitor.execute("search -p 0 -s 3f000000 -l 10").result.hits
    assert [hit.address for hit in hits] == [0x3F000000, 0x3F000004, 0x3F000008, 0x3F00000C]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("search", "what is looked for"), ("search -c -b 00", "exclude"), ("search -b xyz", "no bytes"),
        ("search -h 12345", "does not fit"), ("search nowhere", "no symbol"), ("search 1 -x 999", "-x takes"),
        ("search 1 -s 10 -e 10", "not behind"), ("search -c a -m ff", "mask is for numbers"),
    ],
)  # fmt: skip
def test_mistakes(monitor: Monitor, line: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        monitor.execute(line)


def test_json(monitor: Monitor) -> None:
    out, err = io.StringIO(), io.StringIO()
    lines = ["rd mem_map 2", "hexdump mem_map 4", "telescope $esp 1", "search -n 1 kmalloc cccccccc"]
    assert monitor.answer_all(lines, out, err, as_json=True), err.getvalue()
    rd, dump, scope, search = (json.loads(line)["result"] for line in out.getvalue().splitlines())
    assert len(rd["values"]) == 2 and len(dump["data"]) == 8 and scope[0]["links"] and search["more"]
