"""`vmalloc`: what vmalloc space is used for, and where it is free."""

from __future__ import annotations

from mm import vmalloc_info
from tools.registry import Command, Registry
from tools.session import Session


def vmallocinfo(session: Session) -> list[vmalloc_info.VmallocInfo]:
    """Every area of vmalloc space, by ascending address."""
    return session.kernel.vmallocinfo()


def vmalloc(session: Session) -> vmalloc_info.VmallocSpace:
    """Every stretch of vmalloc space: areas, guard pages, holes."""
    return session.kernel.vmalloc_space()


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="vmallocinfo", summary="areas of vmalloc space: /proc/vmallocinfo", example="vmallocinfo",
        details="FIRST-END SIZE pages=N phys=ADDR and what it is; the size has the guard page in it.",
        compute=vmallocinfo, text=vmalloc_info.vmallocinfo_text,
    ))  # fmt: skip
    registry.add(Command(
        name="vmalloc", summary="vmalloc space: areas, guard pages, holes", example="vmalloc",
        details="FIRST-END SIZE and what it is: an area (as vmallocinfo calls it), the guard page behind it, or free.\n"
        "At the end how much is used and free, and the largest hole; an area that is to fit in a hole has a\n"
        "page less than it.",
        compute=vmalloc, text=vmalloc_info.vmalloc_space_text,
    ))  # fmt: skip
