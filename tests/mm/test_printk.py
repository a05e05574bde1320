"""The kernel log and its console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guest.kernel import Kernel
from mm.layout import LOG_BUF_LEN
from mm.setup import BootOptions


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=32 << 20)) as kernel:
        yield kernel


def shown(kernel: Kernel, *texts: str) -> str:
    console: list[str] = []
    kernel.log.console = console.append
    for text in texts:
        kernel.log(text)
    return "".join(console)


def test_levels(kernel: Kernel) -> None:
    assert shown(kernel, "<0>a\n", "<6>b\n", "<7>c\n", "d\n") == "a\nb\nd\n"
    assert kernel.log.text().endswith("a\nb\nc\nd\n")


def test_lines_that_come_in_pieces(kernel: Kernel) -> None:
    assert shown(kernel, "<7>not ", "this\n", "<6>but ", "this\n") == "but this\n"
    assert shown(kernel, "abc", "<3>def\n") == "abc<3>def\n"  # a level counts at the start of a line alone
    assert shown(kernel, "<5>one\n<7>two\n<4>three\n") == "one\nthree\n"


def test_length_counts_a_level_for_every_line(kernel: Kernel) -> None:
    assert kernel.log("abc\n") == 4 + 3
    assert kernel.log("<6>abc") == 6 + 3
    assert kernel.log("def\nghi\n") == 8 + 3


def test_the_ring_keeps_the_newest(kernel: Kernel) -> None:
    for number in range(20_000):
        kernel.log(f"<6>line {number}\n")
    text = kernel.log.text()
    assert LOG_BUF_LEN - 3 * 20_000 <= len(text) <= LOG_BUF_LEN
    assert text.endswith("line 19998\nline 19999\n")


def test_ratelimit(kernel: Kernel) -> None:
    assert [kernel.log.ratelimit() for _ in range(12)] == [True] * 10 + [False] * 2
    for _ in range(5 * 250):
        kernel.clock.tick()
    assert kernel.log.ratelimit()
    assert kernel.log.text().endswith("printk: 2 messages suppressed.\n")
