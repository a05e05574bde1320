"""The accounting of guest memory: is every frame claimed exactly once, and every structure what it must be?

`fsck` reads RAM only. It trusts no counter and no pointer: whatever can be computed a second time is computed and
compared, and what it finds wrong it names. It works on any memory, however damaged, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from hw.ram import RAM
from mm.fsck.report import KINDS, Damage, Report

__all__ = ["KINDS", "Damage", "Report", "fsck"]


def fsck(ram: RAM, text: bytes | None = None, cr3s: Sequence[int] = ()) -> Report:
    """Check the memory manager's structures in `ram` and account for every frame.

    text: what the kernel's text must be, from `TEXT_START` up; None leaves it unchecked. cr3s: CR3 of each CPU,
    which must lead to the page directory of the task there. Raises nothing for damaged memory: damages are in the
    report. The machine must not be running.
    """
    from mm.fsck.check import check  # numpy is loaded by the first check

    return check(ram, text, cr3s)
