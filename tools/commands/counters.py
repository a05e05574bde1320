"""`zoneinfo`, `meminfo`, `vmstat`, `show_mem`: the counters of memory in 2.6.20's own text; `sysctl`: its tunables."""

from __future__ import annotations

from mm import meminfo as mm_meminfo
from mm import show_mem as mm_show_mem
from mm import sysctl as mm_sysctl
from mm import vmstat as mm_vmstat
from tools.registry import Command, Registry
from tools.session import Session


def zoneinfo(session: Session) -> list[mm_vmstat.ZoneInfo]:
    """Every zone: watermarks, sizes, counters, per-CPU lists."""
    return session.kernel.zoneinfo()


def meminfo(session: Session) -> dict[str, int]:
    """The rows of /proc/meminfo, in kB."""
    return session.kernel.meminfo()


def vmstat(session: Session) -> dict[str, int]:
    """The counters of the whole machine, by name."""
    return session.kernel.vm_stat()


def show_mem(session: Session) -> mm_show_mem.MemoryState:
    """What sysrq-m shows."""
    return session.kernel.memory_state()


def sysctl(session: Session, name: str | None, value: str | None) -> list[mm_sysctl.Setting]:
    """All tunables, or one; with a value it is set first."""
    kernel = session.kernel
    if name is None:
        return [kernel.sysctl(key) for key in mm_sysctl.TABLE]
    if value is not None:
        kernel.set_sysctl(name, value)
    return [kernel.sysctl(name)]


def _sysctl_arguments(session: Session, text: str) -> tuple[str | None, str | None]:
    text = text.removeprefix("-w ").strip()  # sysctl(8) wants it before KEY=VALUE
    if not text or text == "-a":
        return None, None
    name, equals, value = text.partition("=")
    return name.strip(), value.strip().strip("\"'") if equals else None


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="zoneinfo", summary="zones, watermarks, per-CPU lists: /proc/zoneinfo", example="zoneinfo",
        details="In pages. As in 2.6.20 a CPU whose two lists are empty is left out.",
        compute=zoneinfo, text=mm_vmstat.zoneinfo_text,
    ))  # fmt: skip
    registry.add(Command(
        name="meminfo", summary="memory in kB: /proc/meminfo", example="meminfo",
        details="There is no swap, no block device and no huge page: their rows are 0, or missing as in a kernel\n"
        "without CONFIG_HUGETLBFS.",
        compute=meminfo, text=mm_meminfo.meminfo_text,
    ))  # fmt: skip
    registry.add(Command(
        name="vmstat", summary="counters of the whole machine: /proc/vmstat", example="vmstat",
        details="In pages, as a kernel without CONFIG_VM_EVENT_COUNTERS prints it: the events that a kernel with it\n"
        "counts too (pgalloc_normal, pgfault, ...) are not counted yet and left out.",
        compute=vmstat, text=mm_vmstat.vmstat_text,
    ))  # fmt: skip
    registry.add(Command(
        name="show_mem", summary="zones and free blocks as sysrq-m prints them", example="show_mem",
        details="show_free_areas and show_mem of a kernel without CONFIG_SWAP. Nothing goes to the kernel log.",
        compute=show_mem, text=mm_show_mem.show_mem_text,
    ))  # fmt: skip
    registry.add(Command(
        name="sysctl", arguments="[KEY[=VALUE]]", example="sysctl vm.min_free_kbytes",
        summary="the tunables of /proc/sys/vm, to read or to set",
        details="vm.min_free_kbytes (kB) sets the watermarks of all zones, vm.lowmem_reserve_ratio (one divisor for\n"
        "DMA, one for Normal) what zones keep back from requests for higher ones; zoneinfo shows both.\n"
        "To set: sysctl vm.min_free_kbytes=8192, sysctl vm.lowmem_reserve_ratio=256 32",
        parse=_sysctl_arguments, compute=sysctl, text=mm_sysctl.sysctl_text,
    ))  # fmt: skip
