"""The zoo: each program of guest/programs/bugs has one mistake, which is told of as its head comment says, and nothing
else is; of the programs of guest/programs/suspicious, which are correct, nothing is.

    expect: FILE:LINE: CHECK: WORDS     each failure of the test fits such a line, and each line a failure

FILE:LINE is left out where no line is to blame; of a header of ours LINE is "*". The failure's text begins with WORDS,
where "..." stands for any text.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath

import pytest

from guest import cc
from guest.testing import CHECKS, CaseResult, Failure, run_case
from tools.testing.programs import load

BUGS = sorted((cc.PROGRAMS / "bugs").glob("*.c"))
# The same mistakes in other forms.
VARIANTS = """
copy_after_free free_page_of_slab freed_while_used highmem_address kfree_of_vmalloc kmap_atomic_nested kmap_in_interrupt
krealloc_after_free kunmap_address leak_area leak_cache leak_list leak_threads leak_vmalloc object_freed_twice
overrun_guard overrun_read overrun_sizeof overrun_sprintf overrun_string page_locked printed_after_free
schedule_in_atomic size_overflow timer_armed_after_free underrun_read uninit_address uninit_page use_after_free_vmap
use_after_free_window use_after_krealloc vfree_twice
""".split()
SUSPICIOUS = sorted((cc.PROGRAMS / "suspicious").glob("*.c"))
EXPECT = re.compile(r" \* expect: ((?P<file>[\w.]+):(?P<line>\d+|\*): )?(?P<check>\w+): (?P<words>.+)")
TOOLS = [
    "--check-uninit --check-tlb",
    *(pytest.param(more, marks=pytest.mark.slow) for more in ("--slab-debug= --check-access", "--slab-debug=")),
]


def run(source: Path, options: str = "") -> CaseResult:
    return run_case(*load(source, options.split()))


def expected(source: Path) -> list[re.Match[str]]:
    head = source.read_text().partition("*/")[0].splitlines()
    lines = [line for line in head if line.startswith(" * expect:")]
    return [match for line in lines if (match := EXPECT.fullmatch(line)) or pytest.fail(f"{source.name}: {line}")]


def fits(failure: Failure, wanted: re.Match[str]) -> bool:
    is_there = PurePath(failure.file).name == (wanted["file"] or "") and (
        wanted["line"] in ("*", None) or failure.line == int(wanted["line"])
    )
    words = re.escape(wanted["words"]).replace(re.escape("..."), ".*")
    return is_there and failure.check == wanted["check"] and re.match(words, failure.text) is not None


def test_size_of_the_zoo() -> None:
    assert len(BUGS) - len(VARIANTS) >= 40 and len(SUSPICIOUS) >= 20
    found = {wanted["check"] for source in BUGS for wanted in expected(source)}
    assert found == set(CHECKS) - {"watermarks"}


@pytest.mark.variants
@pytest.mark.parametrize(
    "source",
    [pytest.param(s, id=s.stem, marks=[pytest.mark.slow] if s.stem in VARIANTS else []) for s in BUGS],
)
def test_mistake(source: Path) -> None:
    failures, wanted = run(source).failures, expected(source)
    assert wanted
    missing = [each[0] for each in wanted if not any(fits(failure, each) for failure in failures)]
    others = [str(failure) for failure in failures if not any(fits(failure, each) for each in wanted)]
    assert (missing, others) == ([], []), [str(failure) for failure in failures]


@pytest.mark.variants
@pytest.mark.parametrize("source", SUSPICIOUS, ids=lambda source: source.stem)
@pytest.mark.parametrize("options", TOOLS)
def test_correct_program(source: Path, options: str) -> None:
    result = run(source, options)
    assert result.outcome == "passed", [str(failure) for failure in result.failures]


@pytest.mark.parametrize("options", TOOLS)
def test_tour(options: str) -> None:
    result = run(cc.PROGRAMS / "tour.c", f"--ram 1G {options}")
    assert result.outcome == "passed", [str(failure) for failure in result.failures]
