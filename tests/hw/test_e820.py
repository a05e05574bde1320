"""The firmware map: a PC's, a boot log's, overlaps, mem=."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw import E820Entry, E820Map, MapError

GB = 1 << 30

OLD = """\
Linux version 2.6.20 (gcc version 4.1.2) #1 SMP
BIOS-provided physical RAM map:
sanitize start
sanitize end
copy_e820_map() start: 0000000000000000 size: 000000000009fc00 end: 000000000009fc00 type: 1
 BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)
 BIOS-e820: 000000000009fc00 - 00000000000a0000 (reserved)
 BIOS-e820: 00000000000f0000 - 0000000000100000 (reserved)
 BIOS-e820: 0000000000100000 - 000000003fff0000 (usable)
 BIOS-e820: 000000003fff0000 - 000000003fff3000 (ACPI NVS)
 BIOS-e820: 000000003fff3000 - 0000000040000000 (ACPI data)
 BIOS-e820: 00000000fec00000 - 0000000100000000 (reserved)
127MB HIGHMEM available.
"""
NEW = """\
[    0.000000] e820: BIOS-provided physical RAM map:
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved
[    0.000000] BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000003ffeffff] usable
[    0.000000] BIOS-e820: [mem 0x000000003fff0000-0x000000003fff2fff] ACPI NVS
[    0.000000] BIOS-e820: [mem 0x000000003fff3000-0x000000003fffffff] ACPI data
[    0.000000] BIOS-e820: [mem 0x00000000fec00000-0x00000000ffffffff] reserved
[    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
[    0.000000] e820: remove [mem 0x000a0000-0x000fffff] usable
[    0.000000] e820: [mem 0x40000000-0xfebfffff] available for PCI devices
"""


def test_styles_of_boot_logs() -> None:
    stamped = "\n".join(f"Jan 10 12:00:00 host kernel: [    0.000000] {line}" for line in OLD.splitlines())
    expected = E820Map.parse(OLD)
    assert [tuple(entry) for entry in expected.entries] == [
        (0, 0x9FC00, 1), (0x9FC00, 0xA0000, 2), (0xF0000, 0x100000, 2), (0x100000, 0x3FFF0000, 1),
        (0x3FFF0000, 0x3FFF3000, 4), (0x3FFF3000, 0x40000000, 3), (0xFEC00000, 1 << 32, 2)]
    for text in (NEW, stamped, OLD.replace("\n", "\r\n"), OLD + OLD, NEW + OLD):
        assert E820Map.parse(text) == expected
    assert expected.lines() == [line for line in OLD.splitlines() if line.startswith(" BIOS-e820")]
    assert expected.ram_ranges() == [(0, 0x9F000), (0x100000, 0x3FFF0000)]
    assert expected.backed_ranges() == [(0, 0xC0000), (0x100000, 0x40000000)]


def test_other_words_for_a_range() -> None:
    text = (" BIOS-e801: 0000000000000000 - 000000000009f000 (usable)\n"
            " BIOS-e801: 0000000000100000 - 0000000001000000 (usable)\n"
            " BIOS-e820: 0000000002000000 - 0000000003000000 type 9\n"
            "BIOS-e820: [mem 0x0000000004000000-0x0000000004ffffff] persistent (type 12)\n"
            "BIOS-e820: [mem 0x0000000006000000-0x0000000006ffffff] something new\n"
            "BIOS-e820: [mem 0x0000000008000000-0x0000000008ffffff] unusable\n")
    found = E820Map.parse(text)
    assert [entry.type for entry in found.entries] == [1, 1, 9, 12, 2, 5]
    assert found.lines()[2] == " BIOS-e820: 0000000002000000 - 0000000003000000 type 9"
    assert found.ram_ranges() == [(0, 0x9F000), (0x10_0000, 0x100_0000)]


@pytest.mark.parametrize("text", ["", "hello\nworld", "BIOS-e820: nothing", "\0" * 100,
                                  " BIOS-e820: 0000000000100000 - 0000000000000000 (usable)",
                                  " BIOS-e820: 0000000000000000 - 0000000000100000 (reserved)",
                                  " BIOS-e820: 0000000000000000 - 0000000000000000 (usable)",
                                  " BIOS-e820: 0000000000000100 - 0000000000000800 (usable)",
                                  " BIOS-e820: 0000001000000000 - 0000ffff00000000 (usable)"])
def test_no_map_is_one_clear_line(text: str) -> None:
    with pytest.raises(MapError) as caught:
        E820Map.parse(text)
    assert str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("megabytes", [16, 64, 512, 1024, 3072, 3584, 3585, 4096, 16384, 65024])
def test_a_pc_has_all_its_ram(megabytes: int) -> None:
    found = E820Map.pc(megabytes << 20)
    usable = sum(end - start for start, end in found.ram_ranges())
    assert (megabytes << 20) - usable == 0x10_0000 - 0x9F000
    assert not any(0xE000_0000 <= start < 1 << 32 or 0xE000_0000 < end <= 1 << 32 for start, end in found.ram_ranges())
    assert (found.ram_ranges()[-1][1] > 1 << 32) == (megabytes > 3584)
    assert E820Map.parse("\n".join(found.lines())) == found


@pytest.mark.parametrize("size", [0, -1, (16 << 20) - 4096, (64 << 30) + 4096, (16 << 20) + 1])
def test_a_pc_that_there_is_not(size: int) -> None:
    with pytest.raises(MapError, match="16 MB to 64 GB"):
        E820Map.pc(size)


def test_ram_beyond_64_gb_is_in_the_map_and_out_of_reach() -> None:
    found = E820Map.pc(64 << 30)
    assert found.end_of_ram == (64 << 30) + (512 << 20)
    assert found.ram_ranges()[-1] == found.backed_ranges()[-1] == (1 << 32, 1 << 36)
    assert found.lines()[-1] == " BIOS-e820: 0000000100000000 - 0000001020000000 (usable)"


def test_ram_in_the_legacy_hole_is_not_believed() -> None:
    assert E820Map([E820Entry(0, 64 << 20, 1)]).ram_ranges() == [(0, 0xA0000), (0x100000, 64 << 20)]


def test_mem_option() -> None:
    whole = E820Map.parse(OLD)
    assert whole.clip(256 << 20).ram_ranges() == [(0, 0x9F000), (0x100000, 256 << 20)]
    assert whole.clip(256 << 20).entries[-1].end == 256 << 20
    assert whole.clip(4 << 30) == whole
    with pytest.raises(MapError):
        whole.clip(0)


_ENTRY = st.builds(lambda start, size, kind: E820Entry(start << 12, start + size << 12, kind),
                   st.integers(256, 600), st.integers(0, 60), st.integers(1, 5))


@given(st.lists(_ENTRY, max_size=12))
def test_overlaps(entries: list[E820Entry]) -> None:
    """Each page has the highest of the types claimed for it; nothing overlaps; neighbours differ."""
    claims = [max((e.type for e in entries if e.start <= page << 12 < e.end), default=0) for page in range(700)]
    if 1 not in claims:
        with pytest.raises(MapError):
            E820Map(entries)
        return
    found = E820Map(entries)
    got = [0] * 700
    for entry in found.entries:
        for page in range(entry.start >> 12, entry.end >> 12):
            assert not got[page]
            got[page] = entry.type
    assert got == claims
    for before, after in itertools.pairwise(found.entries):
        assert before.end < after.start or before.end == after.start and before.type != after.type
    assert E820Map(found.entries) == found
    assert E820Map.parse("\n".join(found.lines("BIOS-e820").copy())).ram_ranges() == found.ram_ranges()
