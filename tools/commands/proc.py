"""What a 2.6 machine tells in /proc and by dmesg, in its own text."""

from __future__ import annotations

from mm import vmstat
from tools.registry import Command, Registry
from tools.session import Session


def buddyinfo(session: Session) -> list[vmstat.BuddyInfo]:
    """The free blocks of every zone by order."""
    return session.kernel.buddyinfo()


def dmesg(session: Session) -> list[str]:
    """The lines of the kernel log, without their levels."""
    return session.kernel.log.text().splitlines()


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="buddyinfo", summary="free blocks by zone and order: /proc/buddyinfo", example="buddyinfo",
        details="NODE, ZONE, and the number of free blocks of 1, 2, 4, ... 1024 pages.",
        compute=buddyinfo, text=vmstat.buddyinfo_text,
    ))  # fmt: skip
    registry.add(Command(
        name="dmesg", summary="the kernel log", example="dmesg",
        compute=dmesg, text=lambda lines: "".join(f"{line}\n" for line in lines),
    ))  # fmt: skip
