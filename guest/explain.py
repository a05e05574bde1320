"""The whole story of an address, and whether an access to it would work: what the `explain` and `why` commands tell.

Nothing in the machine changes by asking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guest.faults import Place
from hw.cpu import CPU
from hw.fault import Entry
from hw.paging import Access
from hw.permission import Permission, permission
from mm.aliases import Alias
from mm.fault import PageFaults, Reason, Verdict
from mm.layout import PAGE_OFFSET, PAGE_SHIFT
from mm.owner import Owner, Owners, Site
from mm.setup import MemoryLimits

if TYPE_CHECKING:
    from mm.page_info import FrameInfo


@dataclass(frozen=True, slots=True)
class Explanation:
    """The story of a byte.

    address: linear, or physical where `physical` is True. region: what the kernel uses that linear address for, ""
    for a physical one. pa: where the byte is, None where it is not mapped. walk: the entries that lead there, and what
    they say: `reason`, and the `rights` of all levels ("r", "w", "x", "u" for ring 3; "" where nothing is mapped).
    aliases: every linear address of the byte. frame: of the kernel's, None elsewhere. places: the call sites that the
    owner names, by address. comms: the names of the tasks it names, by pid, as far as they live.
    """

    address: int
    physical: bool
    region: str
    pa: int | None
    cr3: int
    walk: list[Entry]
    page_size: int
    rights: str
    reason: str
    aliases: list[Alias]
    frame: FrameInfo | None
    owner: Owner
    places: dict[int, Place]
    comms: dict[int, str]


@dataclass(frozen=True, slots=True)
class Why:
    """Whether an access would work: "yes", "no", or "after a fault" that the kernel repairs.

    permission: what the CPU says. verdict, decision: what the kernel would make of the fault that comes, and why; None
    and "" where none comes, and for ring 3, in which this kernel runs nothing. fixup: where the instruction that is
    asked about would go on. owner: of the address, None without a kernel.
    """

    answer: str
    permission: Permission
    verdict: Verdict | None
    decision: str
    fixup: Place | None
    owner: Owner | None


class Explainer:
    """Tells. cpus: to look through. frame_info(pfn, address), aliases(pfn, cr3s) and place(address) as in Views."""

    def __init__(
        self, cpus: Sequence[CPU], limits: MemoryLimits, owners: Owners, faults: PageFaults,
        frame_info: Callable[[int, int | None], FrameInfo], aliases: Callable[[int], list[Alias]],
        place: Callable[[int, bool], Place], comms: Callable[[], dict[int, str]],
    ) -> None:  # fmt: skip
        self._cpus = cpus
        self._limits = limits
        self._owners = owners
        self._faults = faults
        self._frame_info = frame_info
        self._aliases = aliases
        self._place = place
        self._comms = comms

    def explain(self, address: int, physical: bool = False, cr3: int | None = None, cpu: int = 0) -> Explanation:
        """The story of a byte. cr3: another page directory than that of CPU `cpu`."""
        found = permission(self._cpus[cpu], address & 0xFFFFFFFF, Access.READ, False, cr3)
        pa = address if physical else found.physical
        owner = self._owners.physical(address) if physical else self._owners.linear(address, found.cr3)
        pfn = pa >> PAGE_SHIFT if pa is not None else self._limits.max_pfn
        offset = (pa or 0) & (1 << PAGE_SHIFT) - 1
        inside, low = pfn < self._limits.max_pfn, pfn < self._limits.max_low_pfn
        places = {site.address: self._place(site.address, True) for site in _sites(owner) if site.address}
        names, pids = self._comms(), {site.pid for site in _sites(owner)}
        return Explanation(
            address, physical, "" if physical else self._owners.region(address), pa, found.cr3,
            [] if physical else found.walk, 0 if physical else found.page_size, "" if physical else found.rights,
            "" if physical else found.reason,
            [_inside(alias, offset) for alias in self._aliases(pfn)] if pa is not None else [],
            self._frame_info(pfn, PAGE_OFFSET + pa if low and pa is not None else None) if inside else None,
            owner, places, {pid: names[pid] for pid in pids if pid in names},
        )  # fmt: skip

    def why(
        self, address: int, access: Access = Access.READ, user: bool = False, cr3: int | None = None, cpu: int = 0,
        eip: int | None = None,
    ) -> Why:  # fmt: skip
        """Whether an access would work now. eip: of the instruction, by default where the CPU stands."""
        core = self._cpus[cpu]
        found = permission(core, address & 0xFFFFFFFF, access, user, cr3)
        owner = self._owners.linear(address, found.cr3)
        if found.error_code is None or user:
            return Why("yes" if found.works else "no", found, None, "", None, owner)
        reason, then = self._faults.foresee(
            found.linear, found.error_code, core["eip"] if eip is None else eip, found.cr3
        )
        fixup = self._place(then, False) if reason is Reason.CAUGHT else None
        answer = "after a fault" if reason.verdict is Verdict.RETRY else "no"
        return Why(answer, found, reason.verdict, reason.value, fixup, owner)


def _inside(alias: Alias, offset: int) -> Alias:
    return Alias(alias.linear + offset, alias.window, alias.slot, alias.flags, alias.page_size, alias.spaces)


def _sites(owner: Owner | None) -> Iterator[Site]:
    """Every site that an owner and those behind it name."""
    while owner is not None:
        yield from (site for site in (owner.allocated, owner.freed) if site is not None)
        yield from _sites(owner.behind)
        owner = owner.within
