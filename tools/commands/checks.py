"""`fsck`: is every frame of RAM accounted for exactly once, and every structure sound?"""

from __future__ import annotations

from dataclasses import dataclass

from mm.fsck import Damage, fsck
from tools.registry import Command, Registry
from tools.session import Session


@dataclass
class Accounting:
    """How many frames are of each kind, all together, and what is wrong; no damages: the machine is sound."""

    frames: dict[str, int]
    total: int
    damages: list[Damage]


def check(session: Session) -> Accounting:
    """Account for every frame, out of RAM alone."""
    kernel = session.kernel
    report = fsck(kernel.ram, kernel.text(), [cpu["cr3"] for cpu in kernel.machine.cpus])
    return Accounting(report.frames, sum(report.frames.values()), report.damages)


def render(result: Accounting) -> str:
    """The frames by kind, then the damages, one a line."""
    lines = [f"{kind:<12}{count:>10}" for kind, count in result.frames.items()]
    lines.append(f"{'total':<12}{result.total:>10} frames")
    lines += [str(damage) for damage in result.damages]
    count = len(result.damages)
    lines.append(f"{count} damage{'s' if count > 1 else ''} found" if count else "no damage found")
    return "\n".join(lines) + "\n"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="fsck", summary="account for every frame of RAM and check every structure", example="fsck",
        details="Reads RAM only and trusts no counter. Damage found makes the command line's exit status 1.",
        compute=check, text=render, failed=lambda result: bool(result.damages),
    ))  # fmt: skip
