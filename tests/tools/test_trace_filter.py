"""Filters over events: what they keep, and that a wrong one is told before anything runs."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import HighmemError
from tools.trace.filters import Filter, FilterError, choose, condition, row_filter
from tools.trace.model import EVENTS, Row

KMALLOC: Row = ("kmalloc", 5000, 1, 7, 0xF8800123, (0xF8800123, 0xC1000000, 5000, 8192, 0xD1))
WAKEUP: Row = ("sched_wakeup", 6000, 0, 7, 0, ("kswapd0", 1, 120, 1, 0))


def passes(text: str, row: Row) -> bool:
    predicate = row_filter([Filter(text)], row[0], lambda pid: f"task{pid}")
    return predicate is None or predicate(row)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("bytes_req > 4096", True),
        ("bytes_req>0x1388", False),
        ("bytes_req >= 0x1388 && bytes_alloc == 8192", True),
        ("bytes_req < 10 || (ts == 5000 && cpu != 0)", True),
        ("bytes_req < 10 || ts == 5000 && cpu == 0", False),
        ("!(bytes_req < 10) && !!(cpu == 1)", True),
        ("gfp_flags & GFP_ATOMIC", False),
        ("gfp_flags & GFP_DMA", None),
        ("gfp_flags & __GFP_DMA", True),
        ("gfp_flags == GFP_KERNEL|__GFP_DMA", None),
        ("call_site == 0xf8800123 && common_caller == call_site", None),
        ("comm ~ 'task*'", True),
        ('COMM == "task7"', True),
        ("comm != task7", False),
        ("common_pid == 7 && CPU == 1", True),
        ("order > 2", False),
        ("order > 2 || bytes_req > 4096", True),
        ("mm_page_alloc: order > 2", True),
        ("kmalloc, kfree: bytes_req > 9000", False),
        ("kmall*:bytes_req<=5000", True),
    ],
)
def test_expressions(text: str, kept: bool | None) -> None:
    if kept is None:
        with pytest.raises(HighmemError):
            passes(text, KMALLOC)
    else:
        assert passes(text, KMALLOC) is kept


def test_an_events_own_fields_go_before_the_common_ones() -> None:
    assert passes("comm == kswapd0 && pid == 1 && common_pid == 7 && common_comm == task7", WAKEUP)
    assert passes("comm ~ k[sx]wap*0", WAKEUP) and not passes("comm ~ swap", WAKEUP)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bytes_rq > 1", "no event has a field 'bytes_rq'; there is bytes_req"),
        ("kfree: bytes_req > 1", "no event has a field 'bytes_req'"),
        ("kmal: ptr > 1", "no event is called 'kmal'"),
        ("bytes_req ~ '4*'", "bytes_req is a number"),
        ("comm > 3", "comm is a text"),
        ("bytes_req > four", "'four' is no number"),
        ("bytes_req >", "a value is missing at the end"),
        ("bytes_req > > 1", "a value is expected after '>'"),
        ("bytes_req", "an operator"),
        ("(bytes_req > 1", r"'\)' is missing"),
        ("bytes_req > 1)", r"'\)' is too much"),
        ("bytes_req > 1 order > 2", "'order' is too much"),
        ("bytes_req = 1", "'= 1' cannot be read"),
        ("", "a comparison is missing"),
        ("&& order > 1", "a field's name is expected"),
    ],
)
def test_what_is_wrong_with_a_filter(text: str, why: str) -> None:
    with pytest.raises(HighmemError, match=why):
        choose([], [Filter(text)])


def test_choice_of_events() -> None:
    assert choose([], []) == list(EVENTS)
    assert choose(["kfree,kmalloc", "mm_page_f*"], []) == ["kmalloc", "kfree", "mm_page_free"]
    assert choose([], [Filter("bytes_req > 1")]) == ["kmalloc", "kmem_cache_alloc", "vmalloc"]
    assert choose([], [Filter("kmalloc: bytes_req > 1")]) == list(EVENTS)
    assert choose(["k*alloc"], [Filter("bytes_req > 1"), Filter("vmalloc,kmalloc: cpu == 0")]) == [
        "kmalloc", "kmem_cache_alloc",
    ]  # fmt: skip
    with pytest.raises(FilterError, match="none of its events is traced"):
        choose(["kmalloc"], [Filter("kfree: ptr > 1")])


def test_a_condition_over_a_listeners_fields() -> None:
    large = condition("bytes_req > 4096 && gfp_flags & __GFP_DMA", "kmalloc")
    assert large({"bytes_req": 5000, "gfp_flags": 1}) and not large({"bytes_req": 5000, "gfp_flags": 2})
    with pytest.raises(FilterError):
        condition("order > 1", "kmalloc")


_OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "&": lambda a, b: bool(a & b),
}  # fmt: skip
_FIELDS = {"bytes_req": 2, "bytes_alloc": 3, "gfp_flags": 4}
_LEAF = st.tuples(st.sampled_from(sorted(_FIELDS)), st.sampled_from(sorted(_OPERATORS)), st.integers(0, 9))
_TREE = st.recursive(
    _LEAF,
    lambda inner: st.tuples(st.just("!"), inner) | st.tuples(st.sampled_from(["&&", "||"]), inner, inner),
)


def written(tree: tuple[object, ...]) -> str:
    match tree:
        case ("!", inner):
            return f"!({written(inner)})"  # type: ignore[arg-type]
        case ("&&" | "||" as word, left, right):
            return f"({written(left)}) {word} ({written(right)})"  # type: ignore[arg-type]
    return " ".join(map(str, tree))


def meant(tree: tuple[object, ...], values: tuple[int, ...]) -> bool:
    match tree:
        case ("!", inner):
            return not meant(inner, values)  # type: ignore[arg-type]
        case ("&&", left, right):
            return meant(left, values) and meant(right, values)  # type: ignore[arg-type]
        case ("||", left, right):
            return meant(left, values) or meant(right, values)  # type: ignore[arg-type]
    field, sign, number = tree
    return bool(_OPERATORS[str(sign)](values[_FIELDS[str(field)]], number))


@given(_TREE, st.lists(st.integers(0, 9), min_size=5, max_size=5))
def test_against_python(tree: tuple[object, ...], numbers: list[int]) -> None:
    values = tuple(numbers)
    assert passes(written(tree), ("kmalloc", 0, 0, 0, 0, values)) is meant(tree, values)
