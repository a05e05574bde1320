"""TAP and KTAP as programs say them: whatever is true of the text must be in the results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guest import ktap

KUNIT = """\
KTAP version 1
1..2
    KTAP version 1
    # Subtest: lists
    1..3
    ok 1 add
    # remove: EXPECTATION FAILED at lib/list.c:12
    Expected n == 3, but
        n == 2 (0x2)
    not ok 2 remove
        KTAP version 1
        # Subtest: each
        ok 1 one
        not ok 2 two
        ok 3 three # SKIP no need
        1..3
    not ok 3 each
# lists: pass:1 fail:2 skip:0 total:3
not ok 1 lists
    KTAP version 1
    # Subtest: trees
    1..1
    ok 1 insert # SKIP later
# trees: pass:0 fail:0 skip:1 total:1
ok 2 trees # SKIP
"""


def found(text: str) -> list[tuple[str, str]]:
    return [(".".join(result.name), result.outcome) for result in ktap.parse(text).results]


def test_kunit_subtests() -> None:
    report = ktap.parse(KUNIT)
    assert not report.wrong
    assert found(KUNIT) == [
        ("lists.add", "passed"), ("lists.remove", "failed"), ("lists.each.one", "passed"), ("lists.each.two", "failed"),
        ("lists.each.three", "skipped"), ("trees.insert", "skipped"),
    ]  # fmt: skip
    remove = report.results[1]
    assert "    # remove: EXPECTATION FAILED at lib/list.c:12" in remove.lines and "Expected" in remove.lines[-2]
    assert report.results[4].why == "no need"


@pytest.mark.parametrize(("text", "results"), [
    ("TAP version 13\n1..2\nok 1 - a\nnot ok 2 - b c # TODO some day\n", [("a", "passed"), ("b c", "passed")]),
    ("1..1\nok\n", [("test 1", "passed")]),
    ("ok 1 a\nok 2 b\n1..2\n", [("a", "passed"), ("b", "passed")]),
    ("1..0 # SKIP no such device\n", [("", "skipped")]),
    ("1..1\nnot ok 1 a # TIMEOUT\n", [("a", "failed")]),
    ("hello\n1..1\nmore\nok 1 a\nbye\n", [("a", "passed")]),
])  # fmt: skip
def test_plain_tap(text: str, results: list[tuple[str, str]]) -> None:
    assert found(text) == results
    assert not ktap.parse(text).wrong


@pytest.mark.parametrize(("text", "wrong"), [
    ("1..3\nok 1 a\nok 2 b\n", "3 results were planned, 2 came"),
    ("TAP version 13\nok 1 a\n", "has no plan"),
    ("1..2\nok 1 a\nok 3 b\n", "result 3 (b) is number 2"),
    ("1..2\nok 1 a\nBail out! no memory\n", "bailed out: no memory"),
    ("1..1\n    1..2\n    ok 1 a\nok 1 x\n", "x: 2 results were planned, 1 came"),
    ("1..1\n    1..1\n    ok 1 a\n", "not that of the whole"),
])  # fmt: skip
def test_what_is_no_proper_tap(text: str, wrong: str) -> None:
    assert any(wrong in each for each in ktap.parse(text).wrong), ktap.parse(text).wrong


names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
leaves = st.tuples(names, st.sampled_from(("passed", "failed", "skipped")))
trees = st.recursive(leaves, lambda inner: st.tuples(names, st.lists(inner, min_size=1, max_size=4)), max_leaves=12)


def written(tests: list, step: int, depth: int = 0) -> tuple[str, list[tuple[str, str]]]:
    """A stream that says of tests what they are, and the results that are in it. step: columns of a part's indent."""
    indent, text, results = " " * step * depth, [], []
    text.append(f"{indent}KTAP version 1\n{indent}1..{len(tests)}\n")
    for number, (name, what) in enumerate(tests, 1):
        if isinstance(what, str):
            inner = [(name, what)]
        else:
            said, parts = written(what, step, depth + 1)
            text.append(said)
            inner = [(f"{name}.{part}", outcome) for part, outcome in parts]
        failed = any(outcome == "failed" for _, outcome in inner)
        skipped = all(outcome == "skipped" for _, outcome in inner)
        text.append(f"{indent}{'not ' if failed else ''}ok {number} {name}{' # SKIP' if skipped else ''}\n")
        results += inner
    return "".join(text), results


@given(st.lists(trees, min_size=1, max_size=4), st.sampled_from((2, 4)))
def test_what_is_written_is_read(tests: list, step: int) -> None:
    text, results = written(tests, step)
    assert found(text) == results and not ktap.parse(text).wrong


@given(st.text(alphabet="ok not1.#\n SKIP-TAPversion", max_size=200))
def test_any_text_is_read(text: str) -> None:
    ktap.parse(text)
