"""The MMU's proof: walker, CPU and the manual's tables in all combinations; and that the proof would tell."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hw.paging import PS, Access, P
from hw.selftest import manual, mmu, states
from hw.selftest.differences import DIFFERENCES
from hw.selftest.mmu import MODES, Report, prove

KNOWN = {"pdpte-ignored-bits", "pdpte-high-bits", "pdpte-read-late", "cr3-drops-global"}


def check(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.findings == [] and report.wrong == 0 and report.passed
    assert report.combinations == report.states * report.settings * 2 * len(MODES) == report.allowed + report.faults
    assert {difference.name for difference in report.differences} == KNOWN
    assert all(difference.seen for difference in report.differences)
    with capsys.disabled():
        print(f"\nMMU: {report.combinations:,} combinations, {report.allowed:,} allowed, {report.faults:,} faults")


@pytest.mark.slow
def test_few_settings(capsys: pytest.CaptureFixture[str]) -> None:
    report = prove(quick=True)
    check(report, capsys)
    assert report.combinations > 500_000


@pytest.mark.slow
def test_all_settings(capsys: pytest.CaptureFixture[str]) -> None:
    done = []
    report = prove(progress=lambda *at: done.append(at))
    check(report, capsys)
    assert report.combinations > 8_000_000
    assert done[-1] == (report.combinations, report.combinations) and done == sorted(done)


# What is tried


def test_settings_are_all_and_the_few_have_every_pair() -> None:
    every = states.settings()
    assert len(every) == len(set(every)) == 2**5 * 3
    few = states.few_settings()
    assert set(few) <= set(every)
    fields = manual.Setting._fields[:-1]
    for one, other in itertools.combinations(fields, 2):
        assert len({(getattr(each, one), getattr(each, other)) for each in few}) == 4, (one, other)
    assert {each.ac for each in few if each.smap} == {False, True}


@pytest.mark.parametrize("pae", [False, True])
def test_every_state_is_there_once(pae: bool) -> None:
    """The combinations of the bits that matter, counted out of the entries themselves."""
    flags = [P, 2, 4, 0x20, 0x40, PS] + ([1 << 63] if pae else [1 << 21])
    reserved = 0x7FFF_FF00_0000_0000 if pae else 0
    seen, reached = set(), set()
    places = set()
    for number, space in enumerate(states.spaces(pae, 0)):
        for pde, pte, pde_at, pte_at in zip(*(column.tolist() for column in space[2:])):
            large = pde & P and pde & PS
            low = bool(pae and large and pde & 0x1F_E000)
            key = sum(bit for bit in flags if pde & bit), bool(pde & reserved), low
            seen.add(key)
            if key[0] & P and not (pae and large) and not key[1]:
                reached.add((key, sum(bit for bit in flags if pte & bit and bit not in (PS, 1 << 21)),
                             bool(pte & reserved)))
            assert (number, pde_at) not in places and (number, pte_at) not in places
            places |= {(number, pde_at), (number, pte_at)}
    if pae:
        absent_or_table = 2**5 * 2 * 2 + 2**5 * 2  # P=0: PS, high; P=1, PS=0: high
        large = 2**5 * 2 * 2  # high, low
        assert len(seen) == absent_or_table + large
        assert len(reached) == 2**5 * 2**6 * 2
    else:
        assert len(seen) == 2**7
        assert len(reached) == 2**6 * 2**5


# A difference is found and named


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One setting, and the states of the two-level format only."""
    setting = manual.Setting(wp=True, pse=True, smep=True)
    monkeypatch.setattr(mmu, "few_settings", lambda: [setting])
    monkeypatch.setattr(mmu, "spaces", lambda pae, at: [] if pae else states.spaces(pae, at))


def test_a_wrong_walker_is_found(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    right = mmu.walk

    def wrong(*arguments, access, user, **more):
        verdict = right(*arguments, access=access, user=user, **more)
        if verdict.error_code == 0x11 and not user:  # SMEP
            return verdict._replace(error_code=1)
        return verdict

    monkeypatch.setattr(mmu, "walk", wrong)
    report = prove(quick=True)
    assert not report.passed and report.wrong and len(report.findings) == 10
    for finding in report.findings:
        assert (finding.format, finding.ring, finding.mode) == ("two-level", 0, "fetch")
        assert finding.setting == "WP=1 PSE=1 PGE=0 NXE=0 SMEP=1 SMAP=0 AC=0"
        assert {"P", "US"} <= set(finding.pde_flags)
        assert finding.what == "the first access, a fetch"
        assert "error code 0x11" in finding.manual and finding.manual == finding.cpu
        assert "error code 0x1," in finding.walker


def test_a_wrong_mark_is_found(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    right = mmu.marks
    monkeypatch.setattr(mmu, "marks", lambda verdict: [
        (at, 0x20 if verdict.access is Access.WRITE else bits) for at, bits in right(verdict)])
    report = prove(quick=True)
    assert report.wrong
    modes = {finding.mode for finding in report.findings}
    assert modes == {"write"}
    assert "A+D" in report.findings[0].manual and "A+D" not in report.findings[0].walker


def test_a_wrong_cpu_is_found(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU that forgets CR0.WP."""
    right = mmu.Bench.prepare

    def prepare(self, setting, pae, user):
        right(self, setting._replace(wp=False), pae, user)
        self.setting, self.cr0 = setting, self.cr0 | 1 << 16

    monkeypatch.setattr(mmu.Bench, "prepare", prepare)
    report = prove(quick=True)
    assert report.wrong
    for finding in report.findings:
        assert finding.ring == 0 and "write" in finding.mode
        assert finding.manual == finding.walker and "exception 14" in finding.walker
        assert finding.cpu.startswith("written")


def test_a_difference_that_is_gone_is_told(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = DIFFERENCES[0].__class__("gone", "", "", "", lambda bench: False)
    monkeypatch.setattr(mmu, "DIFFERENCES", (*DIFFERENCES, gone))
    report = prove(quick=True)
    assert not report.wrong and not report.passed
    assert [difference.name for difference in report.differences if not difference.seen] == ["gone"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_error_in_the_midst_comes_out_as_it_is(error, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Words:
        """The context of the callback, with an error in it at the thousandth fault."""

        def __init__(self, words):
            self.words = words

        def __getitem__(self, index):
            calls.append(index)
            if len(calls) == 2000:
                raise error
            return self.words[index]

        def __setitem__(self, index, value):
            self.words[index] = value

    right = mmu.Bench._install_hook

    def install(self):
        scratch, words = self._scratch, self._scratch.words
        scratch.words = Words(words)
        right(self)
        scratch.words = words

    monkeypatch.setattr(mmu.Bench, "_install_hook", install)
    with pytest.raises(error):
        prove(quick=True)


def test_the_manuals_table_alone() -> None:
    """A few sentences of the manual, one by one."""
    linear = np.array([0x1000], np.int64)

    def code(pde: int, pte: int, access: str, user: bool, pae: bool = True, **setting: bool) -> int:
        found = manual.outcome(pae, np.array([pde], np.uint64), np.array([pte], np.uint64), linear,
                               manual.Setting(**setting), access, user)
        return int(found.code[0])

    nx = 1 << 63
    assert code(7, 7 | nx, "fetch", True, nxe=True) == 0x15
    assert code(7, 7 | nx, "fetch", True) == 0xD  # XD is reserved with NXE=0, and there is no I/D flag
    assert code(7, 7 | nx, "read", False, nxe=True) == -1
    assert code(7, 7, "fetch", False, smep=True) == 0x11
    assert code(7, 7, "read", False, smap=True) == 1
    assert code(7, 7, "read", False, smap=True, ac=True) == -1
    assert code(5, 7, "write", False) == -1
    assert code(5, 7, "write", False, wp=True) == 3
    assert code(6, 7, "write", True) == 6
    assert code(0x20_0087, 0, "read", False, pae=False, pse=True) == 9
    assert code(0x20_0087, 7, "read", False, pae=False) == -1
