"""What a test says on the console: TAP (version 13 and 14) and KTAP, the kernel's (Documentation/dev-tools/ktap.rst).

Results of a subtest stand before the line of the test that they belong to, indented; or flush left behind a line
"# Subtest: NAME". Other lines before a result are its diagnostics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_RESULT = re.compile(
    r"(?P<indent> *)(?P<no>not )?ok\b *(?P<number>\d+)? *(?:- *)?(?P<name>[^#]*?) *"
    r"(?:# *(?P<directive>SKIP|TODO|XFAIL|TIMEOUT)\w*\b *(?P<why>.*))?\Z", re.IGNORECASE,
)  # fmt: skip
_PLAN = re.compile(r" *1\.\.(?P<count>\d+)(?: *# *SKIP\b *(?P<why>.*))?\Z", re.IGNORECASE)
_VERSION = re.compile(r" *K?TAP version \d+\Z")
_BAIL = re.compile(r" *Bail out! *(?P<why>.*)\Z", re.IGNORECASE)


@dataclass
class Result:
    """One result. name: with those of the tests that it is a part of, the outermost first. outcome: "passed", "failed"
    or "skipped"; why: of a skip. lines: what was said since the result before.
    """

    name: tuple[str, ...]
    outcome: str
    why: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All that a program said. results: those that have no parts. wrong: what is no proper TAP, as plans not kept."""

    results: list[Result]
    wrong: list[str]


def is_tap(text: str) -> bool:
    """Whether a console's text begins a TAP stream somewhere."""
    return any(_VERSION.match(line) or _PLAN.match(line) for line in text.splitlines())


def parse(text: str) -> Report:
    """Read a console's text."""
    levels: dict[int, _Level] = {}
    wrong: list[str] = []
    said: list[str] = []
    for line in text.splitlines():
        if _VERSION.match(line):
            continue
        indent = len(line) - len(line.lstrip(" "))  # KTAP's parts stand 2 columns further right, TAP's and KUnit's 4
        if plan := _PLAN.match(line):
            level = levels.setdefault(indent, _Level())
            level.planned = int(plan["count"])
            if plan["why"] is not None and not level.planned:
                level.results.append(Result((), "skipped", plan["why"]))
        elif bail := _BAIL.match(line):
            wrong.append(f"the test bailed out: {bail['why'] or 'no reason given'}")
        elif found := _RESULT.match(line):
            parts = [levels.pop(deeper) for deeper in sorted(levels) if deeper > indent]
            level = levels.setdefault(indent, _Level())
            level.seen += 1
            name = found["name"].strip() or f"test {found['number'] or level.seen}"
            if found["number"] and int(found["number"]) != level.seen:
                wrong.append(f"result {found['number']} ({name}) is number {level.seen}")
            for part in parts:
                wrong += part.close(name)
            inner = [result for part in parts for result in part.results]
            result = Result((), _outcome(found), (found["why"] or "").strip(), said)
            said = []
            if not inner or result.outcome == "failed" and all(each.outcome != "failed" for each in inner):
                inner.append(result)  # it has no parts, or none that says why it failed
            level.results += [Result((name, *each.name), each.outcome, each.why, each.lines) for each in inner]
        else:
            said.append(line)
    for depth in sorted(levels):
        wrong += levels[depth].close("the stream")
        if depth and levels[depth].results:
            wrong.append("results of a part are there, but not that of the whole")
    return Report([result for depth in sorted(levels) for result in levels[depth].results], wrong)


def _outcome(found: re.Match[str]) -> str:
    directive = (found["directive"] or "").upper()
    if directive == "SKIP":
        return "skipped"
    if directive in ("TODO", "XFAIL"):
        return "passed"
    return "failed" if found["no"] or directive == "TIMEOUT" else "passed"


@dataclass
class _Level:
    """The results of one indentation. planned: None before there is a plan."""

    planned: int | None = None
    seen: int = 0
    results: list[Result] = field(default_factory=list)

    def close(self, of: str) -> Iterator[str]:
        """What is wrong with the number of results."""
        if self.planned is None and self.seen:
            yield f"{of} has no plan (1..{self.seen})"
        elif self.planned is not None and self.planned != self.seen:
            yield f"{of}: {self.planned} results were planned, {self.seen} came"
