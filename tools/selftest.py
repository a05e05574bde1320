"""`selftest`: hw.selftest for people."""

from __future__ import annotations

import json
from typing import TextIO

from hw.selftest.mmu import Finding, Report, prove
from tools.progress import Progress
from tools.registry import plain

_BAR = 30


def selftest_mmu(quick: bool, as_json: bool, output: TextIO, progress: Progress) -> bool:
    """Prove the MMU, showing the progress, and write the report; whether all is well. Raises EngineError."""

    def show(done: int, total: int) -> None:
        bar = "#" * (done * _BAR // total)
        progress.status(f"mmu [{bar:.<{_BAR}}] {done * 100 // total}%, {done:,} of {total:,} combinations")

    try:
        report = prove(quick, show)
    finally:
        progress.clear()
    if as_json:
        output.write(json.dumps({"passed": report.passed, **plain(report)}) + "\n")
    else:
        output.write(render(report))
    return report.passed


def render(report: Report) -> str:
    """The report as text."""
    lines = [
        f"MMU: {report.states:,} states of PDE and PTE, two-level and PAE; {report.settings} settings of "
        "WP, PSE, PGE, NXE, SMEP, SMAP and AC;",
        "     ring 0 and ring 3; read, write and fetch, once and twice",
        f"{report.combinations:,} combinations: {report.allowed:,} allowed, {report.faults:,} page faults",
    ]
    if report.wrong:
        lines.append(f"{report.wrong:,} of them differ; the first:")
        for finding in report.findings:
            lines += _finding(finding)
    else:
        lines.append("CPU, walker and manual agree in all: translation, error code, and A and D bits afterwards.")
    lines += ["", f"Known differences of the engine from the manual: {len(report.differences)}"]
    for difference in report.differences:
        lines += [
            f"  {difference.name}" + ("" if difference.seen else ": NOT SEEN, the engine does something else now"),
            f"    manual  {difference.manual}",
            f"    engine  {difference.engine}",
            f"    so      {difference.consequence}",
        ]
    return "\n".join(lines) + "\n"


def _finding(finding: Finding) -> list[str]:
    return [
        "",
        f"{finding.format}, ring {finding.ring}, {finding.mode}: {finding.what} at {finding.linear:#010x}",
        f"  {finding.setting}",
        f"  PDE {finding.pde:#x} ({' '.join(finding.pde_flags) or 'no flags'})",
        f"  PTE {finding.pte:#x} ({' '.join(finding.pte_flags) or 'no flags'})",
        f"  manual  {finding.manual}",
        f"  walker  {finding.walker}",
        f"  CPU     {finding.cpu}",
    ]
