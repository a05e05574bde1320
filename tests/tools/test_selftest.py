"""`selftest mmu`: its report for people and for programs, and its status."""

from __future__ import annotations

import io
import json

import pytest

from hw.selftest.mmu import Finding, KnownDifference, Report
from tools import cli, selftest
from tools.progress import Progress

FINDING = Finding(
    "PAE", "WP=1 PSE=0 PGE=0 NXE=1 SMEP=0 SMAP=0 AC=0", 3, "write twice", 0x40_5040, 0x1000_0007, ("P", "RW", "US"),
    0x8000_0000_2000_5005, ("P", "US", "NX"), "the second access, a write",
    "exception 14, error code 0x7, CR2 0x00405040; then PDE A, PTE neither A nor D", "written; then PDE A, PTE A+D",
    "exception 14, error code 0x7, CR2 0x00405040; then PDE A, PTE neither A nor D",
)  # fmt: skip
KNOWN = KnownDifference("some-name", "it stands so", "it does so", "this follows", True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report(**more: object) -> Report:
    return Report(**{"states": 6560, "settings": 96, "combinations": 8816640, "allowed": 1001760, "faults": 7814880,
                     "differences": [KNOWN], **more})  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, found: Report, as_json: bool = False) -> tuple[bool, str, str]:
    def prove(quick: bool, progress: object) -> Report:
        assert quick and callable(progress)
        progress(1, 2)
        return found

    monkeypatch.setattr(selftest, "prove", prove)
    output, errors = io.StringIO(), Terminal()
    well = selftest.selftest_mmu(True, as_json, output, Progress(errors))
    return well, output.getvalue(), errors.getvalue()


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    well, text, errors = run(monkeypatch, report())
    assert well and "mmu [###############...............] 50%, 1 of 2 combinations" in errors
    assert "8,816,640 combinations: 1,001,760 allowed, 7,814,880 page faults\n" in text
    assert "agree in all" in text and "some-name\n    manual  it stands so\n" in text


def test_a_difference_is_shown_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    well, text, _ = run(monkeypatch, report(wrong=3, findings=[FINDING]))
    assert not well and "agree" not in text
    first = text.index("3 of them differ")
    assert first < text.index("PAE, ring 3, write twice: the second access, a write at 0x00405040")
    for line in (
        "  WP=1 PSE=0 PGE=0 NXE=1 SMEP=0 SMAP=0 AC=0",
        "  PDE 0x10000007 (P RW US)",
        "  PTE 0x8000000020005005 (P US NX)",
        f"  manual  {FINDING.manual}", f"  walker  {FINDING.walker}", f"  CPU     {FINDING.cpu}",
    ):
        assert f"\n{line}\n" in text


def test_a_known_difference_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = KnownDifference("other-name", "", "", "", False)
    well, text, _ = run(monkeypatch, report(differences=[KNOWN, gone]))
    assert not well and "other-name: NOT SEEN" in text and "some-name\n" in text


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    well, text, _ = run(monkeypatch, report(wrong=1, findings=[FINDING]), as_json=True)
    data = json.loads(text)
    assert not well and data["passed"] is False and data["combinations"] == 8816640
    assert data["findings"][0]["pte"] == 0x8000_0000_2000_5005 and data["findings"][0]["pte_flags"] == ["P", "US", "NX"]
    assert data["differences"][0]["name"] == "some-name"


@pytest.mark.parametrize(("wrong", "status"), [(0, 0), (1, 1)])
def test_status(wrong: int, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(selftest, "prove", lambda quick, progress: report(wrong=wrong))
    assert cli.main(["selftest", "mmu"]) == status
    assert "combinations" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["selftest", "selftest cpu", "selftest mmu --ram 64M"])
def test_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line.split()) == 2
    assert "error: " in capsys.readouterr().err
