"""Options of monitor commands, and what is completed at the prompt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guest.kernel import Kernel
from mm.layout import PAGE_OFFSET
from mm.setup import BootOptions
from tools.arguments import decimal, take_options
from tools.errors import CommandError
from tools.monitor import Monitor

KNOWN = {"-p": 0, "--cr3": 1, "-range": 2}


@pytest.mark.parametrize(
    ("line", "options", "rest"),
    [
        ("", {}, ""),
        ("c0100000", {}, "c0100000"),
        ("-p c0100000", {"-p": []}, "c0100000"),
        ("c0100000 -p", {"-p": []}, "c0100000"),
        ("--cr3 1000 a + b", {"--cr3": ["1000"]}, "a + b"),
        ("--cr3=1000 a", {"--cr3": ["1000"]}, "a"),
        ("a -range 1 2 b", {"-range": ["1", "2"]}, "a b"),
        ("-range=1 2 b", {"-range": ["1", "2"]}, "b"),
        ("mem_map - 4", {}, "mem_map - 4"),
        ("mem_map -4", {}, "mem_map -4"),
        ("-4", {}, "-4"),
        ("a -b", {}, "a -b"),
        ("-- -p a", {}, "-p a"),
    ],
)
def test_taken(line: str, options: dict[str, list[str]], rest: str) -> None:
    assert take_options(line, KNOWN) == (options, rest)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-q a", "'-q' is no option"), ("--long", "'--long' is no option"), ("-p -p", "-p is given twice"),
        ("a --cr3", "--cr3 needs a value"), ("--cr3= a", "--cr3 needs a value"), ("-range 1", "-range needs two"),
        ("-p=1 a", "-p takes no value"),
    ],
)  # fmt: skip
def test_refused(line: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        take_options(line, KNOWN)


@given(st.permutations(["-p", "--cr3 12", "-range 3 4", "one", "two"]))
def test_the_place_does_not_matter(parts: list[str]) -> None:
    options, rest = take_options(" ".join(parts), KNOWN)
    assert options == {"-p": [], "--cr3": ["12"], "-range": ["3", "4"]}
    assert sorted(rest.split()) == ["one", "two"]


def test_decimal() -> None:
    assert (decimal("12", "a count"), decimal("0x12", "a count")) == (12, 18)
    with pytest.raises(CommandError, match="'c0' is not a count"):
        decimal("c0", "a count")


# address spaces, and what the prompt completes


@pytest.fixture(scope="module", params=[False, True], ids=["two levels", "PAE"])
def monitor(request: pytest.FixtureRequest) -> Iterator[Monitor]:
    with Kernel.boot(BootOptions(ram=64 << 20, pae=request.param)) as kernel:
        yield Monitor(kernel)


COMMANDS = ("vtop", "gva2gpa", "x /2xw", "rd", "hexdump", "struct page", "dis", "aliases -v", "telescope")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_an_address_space(monitor: Monitor, command: str) -> None:
    kernel = monitor.session.kernel
    usual = monitor.execute(f"{command} kernel_strings").text
    pgd = kernel.layout.va("swapper_pg_dir") - PAGE_OFFSET
    assert monitor.execute(f"{command} --cr3 {pgd | 0x18:x} kernel_strings").text == usual
    assert monitor.execute(f"{command} kernel_strings --pid 1").text == usual
    with pytest.raises(CommandError, match="no task has pid 77"):
        monitor.execute(f"{command} --pid 77 kernel_strings")
    with pytest.raises(CommandError, match="no page directory can be at physical 0x4000000"):
        monitor.execute(f"{command} --cr3 4000000 kernel_strings")
    with pytest.raises(CommandError, match="exclude each other"):
        monitor.execute(f"{command} --pid 1 --cr3 {pgd:x} kernel_strings")


def test_an_empty_page_directory_maps_nothing(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    empty = kernel.page_alloc.get_zeroed_page(0xD0) - PAGE_OFFSET
    assert monitor.execute(f"gva2gpa --cr3 {empty:x} kmalloc").text == "Unmapped\n"
    assert monitor.execute(f"pagewalk --cr3 {empty:x}").result == []
    for command in ("rd", "x /2xw", "hexdump", "struct page", "dis", "telescope", "list page.lru"):
        with pytest.raises(CommandError, match="Cannot access memory"):
            monitor.execute(f"{command} --cr3 {empty:x} kernel_strings")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("vto", ["vtop"]),
        ("vtop kmem_cache_al", ["kmem_cache_alloc"]),
        ("vtop mem_map+num_ph", ["mem_map+num_physpages"]),
        ("x /4xw $ei", ["$eip"]),
        ("struct wait_queue", ["wait_queue_head"]),
        ("struct page.lr", ["page.lru"]),
        ("struct page.lru.p", ["page.lru.prev"]),
        ("struct page.flags,_map", ["page.flags,_mapcount"]),
        ("list kmem_cache.next cache_cha", ["cache_chain"]),
        ("struct nothing.a", []), ("struct page.nothing.a", []), ("nothing k", []), ("vtop ", []), ("dmesg kma", []),
    ],
)  # fmt: skip
def test_completion(monitor: Monitor, line: str, found: list[str]) -> None:
    assert monitor.completions(line) == found


@pytest.mark.parametrize("command", ["info mem", "info tlb", "kernel_page_tables", "pagewalk", "pagewalk -flat"])
def test_whole_address_spaces(monitor: Monitor, command: str) -> None:
    kernel = monitor.session.kernel
    pgd = kernel.layout.va("swapper_pg_dir") - PAGE_OFFSET
    usual = monitor.execute(command).result
    assert usual and monitor.execute(f"{command} --cr3 {pgd:x}").result == usual
    empty = kernel.page_alloc.get_zeroed_page(0xD0) - PAGE_OFFSET
    assert monitor.execute(f"{command} --cr3 {empty:x}").result != usual
    with pytest.raises(CommandError, match="no task has pid 77"):
        monitor.execute(f"{command} --pid 77")
