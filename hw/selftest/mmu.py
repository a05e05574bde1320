"""The proof of the MMU: walker, CPU and manual must agree on every access, and on the A and D bits after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.paging import A, Access, D, Walk, decode, marks, walk
from hw.selftest.bench import CODE, DATA, DIRECTORIES, DIRECTORY, FAULT, Bench
from hw.selftest.differences import DIFFERENCES
from hw.selftest.manual import Outcome, outcome
from hw.selftest.states import Space, few_settings, settings, spaces

Array = NDArray[Any]

#: What is done to a page, by name. The second access finds the translation in the TLB, where the first was allowed.
MODES: dict[str, tuple[Access, ...]] = {
    "read": (Access.READ,),
    "write": (Access.WRITE,),
    "fetch": (Access.FETCH,),
    "read twice": (Access.READ, Access.READ),
    "write twice": (Access.WRITE, Access.WRITE),
    "fetch twice": (Access.FETCH, Access.FETCH),
    "read, then write": (Access.READ, Access.WRITE),
}
_OFFSETS = {Access.READ: DATA, Access.WRITE: DATA, Access.FETCH: CODE}
_PAGE_FAULT = FAULT | 14 << 16
_MOST_FINDINGS = 10


@dataclass(frozen=True)
class Finding:
    """One combination in which the three do not agree, and what each says."""

    format: str
    setting: str
    ring: int
    mode: str
    linear: int
    pde: int
    pde_flags: tuple[str, ...]
    pte: int
    pte_flags: tuple[str, ...]
    what: str
    manual: str
    walker: str
    cpu: str


@dataclass(frozen=True)
class KnownDifference:
    """A difference of the engine from the manual; ``seen``: it has shown itself as described."""

    name: str
    manual: str
    engine: str
    consequence: str
    seen: bool


@dataclass
class Report:
    """What a run has found. ``combinations`` of a page-table state, settings, ring and mode were tried, ``wrong``
    of them with a difference; ``findings`` are the first of those.
    """

    states: int = 0
    settings: int = 0
    combinations: int = 0
    allowed: int = 0
    faults: int = 0
    wrong: int = 0
    findings: list[Finding] = field(default_factory=list)
    differences: list[KnownDifference] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """No combination differs, and each known difference is there as described."""
        return not self.wrong and all(difference.seen for difference in self.differences)


def prove(quick: bool = False, progress: Callable[[int, int], None] = lambda done, total: None) -> Report:
    """Try all combinations; ``quick``: with few settings. ``progress(done, total)`` is called now and then.

    Raises EngineError where the engine or the host cannot.
    """
    chosen = few_settings() if quick else settings()
    formats = {False: spaces(False, DIRECTORY), True: spaces(True, DIRECTORIES)}
    report = Report(states=sum(len(space.linear) for both in formats.values() for space in both),
                    settings=len(chosen))
    total = report.states * len(chosen) * 2 * len(MODES)
    bench = Bench(tuple(MODES.values()))
    try:
        for setting in chosen:
            for pae, of_format in formats.items():
                for user in (False, True):
                    bench.prepare(setting, pae, user)
                    for space in of_format:
                        _Trial(bench, space, report).run()
                    progress(report.combinations, total)
        report.differences = [
            KnownDifference(each.name, each.manual, each.engine, each.consequence, each.seen(bench))
            for each in DIFFERENCES
        ]
    finally:
        bench.close()
    return report


@dataclass
class _Answer:
    """What one of the three says of the last access of a mode: the two words of a result (see hw.selftest.bench),
    and the entries afterwards.
    """

    status: Array
    value: Array
    pde: Array
    pte: Array

    def words(self, index: int, access: Access) -> str:
        status, value = int(self.status[index]), int(self.value[index])
        if status & FAULT:
            answer = f"exception {status >> 16 & 0xFF}, error code {status & 0xFFFF:#x}, CR2 {value:#010x}"
        elif access is Access.WRITE:
            answer = "written"
        else:
            answer = f"{'read from' if access is Access.READ else 'run at'} frame {value:#x}"
        after = [f"{name} {'+'.join(_marked(int(entry[index]))) or 'neither A nor D'}"
                 for name, entry in (("PDE", self.pde), ("PTE", self.pte))]
        return f"{answer}; then {', '.join(after)}"


def _marked(entry: int) -> list[str]:
    return [name for bit, name in ((A, "A"), (D, "D")) if entry & bit]


class _Trial:
    """A space in all modes, in the format, setting and ring that the bench is prepared for."""

    def __init__(self, bench: Bench, space: Space, report: Report) -> None:
        self.bench = bench
        self.space = space
        self.report = report

    def run(self) -> None:
        self.bench.load(self.space)
        manual = {access: self._manual(access) for access in Access}
        walker = {access: self._walker(access) for access in Access}
        for name, mode in MODES.items():
            self._try(name, mode, manual, walker)

    def _manual(self, access: Access) -> Outcome:
        space, bench = self.space, self.bench
        return outcome(space.pae, space.pde, space.pte, space.linear + _OFFSETS[access], bench.setting, access.value,
                       bench.user)

    def _walker(self, access: Access) -> Outcome:
        """The walker's answers in the same form."""
        bench = self.bench
        verdicts = [
            walk(bench.words, bench.cr3, linear, cr0=bench.cr0, cr4=bench.cr4, access=access, user=bench.user,
                 efer=bench.efer, ac=bench.setting.ac)
            for linear in (self.space.linear + _OFFSETS[access]).tolist()
        ]
        marked = np.array(list(_marks_of(verdicts, self.space)), np.uint64).reshape(-1, 2)
        return Outcome(
            np.array([-1 if verdict.error_code is None else verdict.error_code for verdict in verdicts]),
            np.array([-1 if verdict.pa is None else verdict.pa for verdict in verdicts]),
            marked[:, 0], marked[:, 1],
        )  # fmt: skip

    def _try(self, name: str, mode: tuple[Access, ...], manual: dict[Access, Outcome],
             walker: dict[Access, Outcome]) -> None:
        bench, space, count = self.bench, self.space, len(self.space.linear)
        bench.load(space)
        results = bench.run(space, mode)
        pde, pte = bench.entries(space)
        wrong = np.zeros(count, bool)
        for number, access in enumerate(mode):
            said, walked = self._expected(manual, mode, number), self._expected(walker, mode, number)
            found = _Answer(results[:, number, 1], results[:, number, 0], pde, pte)
            differ = _differ(said, walked) | _differ(said, found, entries=number == len(mode) - 1)
            for index in np.flatnonzero(differ & ~wrong).tolist():
                self._report(index, name, number, access, said, walked, found)
            wrong |= differ
        if Access.WRITE in mode:
            allowed = manual[Access.WRITE].code < 0
            if not bench.take_writes(manual[Access.WRITE].pa[allowed],
                                     bench.written(count, len(mode))[allowed]) and not wrong.any():
                wrong[:] = True
                self._report(0, name, 0, Access.WRITE, said, walked, found, "memory after the writes of all pages")
        report = self.report
        report.combinations += count
        report.wrong += int(wrong.sum())
        faults = int((results[:, -1, 1] != 0).sum())
        report.faults += faults
        report.allowed += count - faults

    def _expected(self, answers: dict[Access, Outcome], mode: tuple[Access, ...], number: int) -> _Answer:
        """The answer for access ``number`` of a mode, with the entries as all accesses up to it leave them."""
        access, space = mode[number], self.space
        answer = answers[access]
        allowed = answer.code < 0
        if access is Access.WRITE:
            value = self.bench.written(len(space.linear), len(mode))
        else:
            value = answer.pa >> 12
        pde, pte = space.pde, space.pte
        for each in mode[:number + 1]:
            pde, pte = pde | answers[each].pde_marks, pte | answers[each].pte_marks
        return _Answer(np.where(allowed, 0, _PAGE_FAULT | answer.code),
                       np.where(allowed, value, space.linear + _OFFSETS[access]), pde, pte)

    def _report(self, index: int, name: str, number: int, access: Access, said: _Answer, walked: _Answer,
                found: _Answer, what: str = "") -> None:
        if len(self.report.findings) >= _MOST_FINDINGS:
            return
        space, bench = self.space, self.bench
        pde, pte = int(space.pde[index]), int(space.pte[index])
        large = bool(pde & 0x80) and (space.pae or bench.setting.pse)
        self.report.findings.append(Finding(
            "PAE" if space.pae else "two-level", str(bench.setting), 3 if bench.user else 0, name,
            int(space.linear[index]) + _OFFSETS[access], pde, decode(pde, "PDE", large=large), pte, decode(pte),
            what or f"the {('first', 'second')[number]} access, a {access}", said.words(index, access),
            walked.words(index, access), found.words(index, access)))


def _differ(one: _Answer, other: _Answer, *, entries: bool = True) -> Array:
    """Where two answers are not the same; ``entries``: those count too."""
    differ: Array = (one.status != other.status) | (one.value != other.value)
    if entries:
        differ |= (one.pde != other.pde) | (one.pte != other.pte)
    return differ


def _marks_of(verdicts: list[Walk], space: Space) -> Iterator[tuple[int, int]]:
    """What each access sets in its PDE and its PTE."""
    for verdict, pde_at, pte_at in zip(verdicts, space.pde_at.tolist(), space.pte_at.tolist()):
        found = dict(marks(verdict))
        yield found.pop(pde_at, 0), found.pop(pte_at, 0)
        assert not found, "a mark in an entry that the walk has no business with"
