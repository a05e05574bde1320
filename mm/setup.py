"""What the kernel is told at boot and what it makes of the firmware's map (arch/i386/kernel/setup.c, 2.6.20)."""

from __future__ import annotations

import shlex
import struct
from dataclasses import dataclass

from hw.e820 import E820Entry, E820Map
from hw.ram import RAM
from mm.errors import BootError
from mm.layout import BOOT_PARAMS, COMMAND_LINE_SIZE, E820MAX, PAGE_OFFSET, PAGE_SHIFT, Layout, layout_for
from mm.slab_geometry import debug_option

VMALLOC_RESERVE = 128 << 20
LEAST_VMALLOC_RESERVE, LEAST_LOWMEM = 32 << 20, 16 << 20
MAX_NONPAE_PFN = 1 << 20
MAX_PAE_PFN = 1 << 24
MAX_NR_CPUS = 32

# Offsets in the page of boot parameters (Documentation/i386/zero-page.txt; the command line's place is ours).
_E820_COUNT = 0x1E8
_HEADER = 0x202
_E820_MAP = 0x2D0
_COMMAND_LINE = 0xE00
_ENTRY = struct.Struct("<QQI")
assert _E820_MAP + E820MAX * _ENTRY.size <= _COMMAND_LINE


@dataclass(frozen=True, slots=True)
class BootOptions:
    """What a machine is made of and how its kernel is configured.

    ram: bytes of RAM of a PC, 16 MB to 64 GB; not used where `e820` gives the firmware's map. mem: the kernel leaves
    what lies above this physical address alone (`mem=`). pae: the kernel was built with HIGHMEM64G. vmalloc: bytes that
    the direct map leaves to vmalloc space, the windows and the holes between (`vmalloc=`). page_owner: `struct page`
    has 40 bytes, with `virtual` and the owner word; else 32, as 2.6.20's. nr_cpus: the kernel's NR_CPUS (1: a UP
    kernel; None: as many as `cpus`). cpus: CPUs of the machine, 1 to 32. schedule: the seed by which its CPUs take
    turns after so and so many instructions, tasks are chosen and timers go off (None: CPUs take turns where they wait,
    the first task is next, timers go off in calls). l1: L1_CACHE_BYTES and the CPU's line size: 32, 64 or 128.
    slab_debug: the kernel was built with CONFIG_DEBUG_SLAB; "[FLAGS][,CACHE...]" is what it does: F sanity checks, Z
    red zones, P poison, U last user, all four without a letter, for the caches that the patterns name, or for all.
    """

    ram: int = 1 << 30
    e820: E820Map | None = None
    mem: int | None = None
    page_owner: bool = True
    nr_cpus: int | None = None
    cpus: int = 1
    schedule: int | None = None
    l1: int = 64
    loglevel: int = 7
    slab_debug: str | None = None
    pae: bool = False
    vmalloc: int = VMALLOC_RESERVE

    def check(self) -> None:
        """Raise BootError for a value out of range."""
        if self.l1 not in (32, 64, 128):
            raise BootError(f"the L1 line has 32, 64 or 128 bytes, not {self.l1}")
        most = (1 << 32) - PAGE_OFFSET - LEAST_LOWMEM
        if not LEAST_VMALLOC_RESERVE <= self.vmalloc <= most or self.vmalloc % (4 << 20):
            raise BootError(
                f"vmalloc= is {LEAST_VMALLOC_RESERVE >> 20}M to {most >> 20}M in steps of 4M, not {self.vmalloc} bytes"
            )
        if not 1 <= self.cpus <= MAX_NR_CPUS:
            raise BootError(f"a machine has 1 to {MAX_NR_CPUS} CPUs, not {self.cpus}")
        if self.nr_cpus is not None and not 1 <= self.nr_cpus <= MAX_NR_CPUS:
            raise BootError(f"NR_CPUS is 1 to {MAX_NR_CPUS}, not {self.nr_cpus}")
        if self.cpus > (self.nr_cpus or self.cpus):
            raise BootError(f"a kernel built for NR_CPUS={self.nr_cpus} cannot run {self.cpus} CPUs")
        if self.schedule is not None and not 0 <= self.schedule < 1 << 32:
            raise BootError(f"the seed of a schedule is 0 to {(1 << 32) - 1}, not {self.schedule}")
        if self.slab_debug is not None:
            try:
                debug_option(self.slab_debug)
            except ValueError as error:
                raise BootError(f"slab_debug: {error}") from None

    @property
    def layout(self) -> Layout:
        """The struct layouts of this configuration."""
        return layout_for(self.nr_cpus or self.cpus, self.page_owner, self.l1, self.slab_debug is not None, self.pae)

    def firmware_map(self) -> E820Map:
        """The e820 map: the given one, or that of a PC with `ram` bytes."""
        return self.e820 if self.e820 is not None else E820Map.pc(self.ram)

    def command_line(self) -> str:
        """The options as a kernel command line; `parse_command_line` reads them back."""
        words = [
            f"nr_cpus={self.nr_cpus or self.cpus}",
            f"page_owner={'on' if self.page_owner else 'off'}",
            f"l1={self.l1}",
            f"loglevel={self.loglevel}",
        ]
        if self.cpus != 1:
            words.append(f"maxcpus={self.cpus}")
        if self.schedule is not None:
            words.append(f"schedule={self.schedule}")
        if self.pae:
            words.append("pae=on")
        if self.vmalloc != VMALLOC_RESERVE:
            words.append(f"vmalloc={self.vmalloc >> 10}K")
        if self.mem is not None:
            words.append(f"mem={self.mem >> 10}K")
        if self.slab_debug is not None:
            words.append(f"slab_debug={self.slab_debug}")
        return " ".join(words)


def parse_command_line(text: str, e820: E820Map) -> BootOptions:
    """The options that a command line of `BootOptions.command_line` says, with the firmware's map."""
    values = dict(word.partition("=")[::2] for word in shlex.split(text))
    return BootOptions(
        e820=e820,
        mem=int(values["mem"][:-1]) << 10 if "mem" in values else None,
        page_owner=values.get("page_owner") != "off",
        nr_cpus=int(values.get("nr_cpus", "1")),
        cpus=int(values.get("maxcpus", "1")),
        schedule=int(values["schedule"]) if "schedule" in values else None,
        l1=int(values.get("l1", "64")),
        loglevel=int(values.get("loglevel", "7")),
        slab_debug=values.get("slab_debug"),
        pae=values.get("pae") == "on",
        vmalloc=int(values["vmalloc"][:-1]) << 10 if "vmalloc" in values else VMALLOC_RESERVE,
    )


def write_boot_params(ram: RAM, options: BootOptions, e820: E820Map) -> None:
    """Put the command line and the firmware's map where the kernel finds them, as a boot loader does."""
    if len(e820.entries) > E820MAX:
        raise BootError(f"the firmware's map has {len(e820.entries)} entries, more than {E820MAX}")
    page = bytearray(4096)
    page[_E820_COUNT] = len(e820.entries)
    page[_HEADER : _HEADER + 6] = b"HdrS" + (0x204).to_bytes(2, "little")
    for i, entry in enumerate(e820.entries):
        _ENTRY.pack_into(page, _E820_MAP + i * _ENTRY.size, entry.start, entry.end - entry.start, entry.type)
    line = options.command_line().encode()
    page[_COMMAND_LINE : _COMMAND_LINE + len(line)] = line
    ram.write(BOOT_PARAMS - PAGE_OFFSET, page)


def read_boot_params(ram: RAM) -> BootOptions:
    """The options that the kernel in this RAM was booted with. Raises BootError where none was."""
    start = BOOT_PARAMS - PAGE_OFFSET
    page = ram.read(start, 4096) if ram.has(start, 4096) else b""
    if page[_HEADER : _HEADER + 4] != b"HdrS":
        raise BootError(f"no kernel was booted in this memory: no boot parameters at physical {start:#x}")
    try:
        entries = []
        for i in range(page[_E820_COUNT]):
            base, size, kind = _ENTRY.unpack_from(page, _E820_MAP + i * _ENTRY.size)
            entries.append(E820Entry(base, base + size, kind))
        line = page[_COMMAND_LINE : _COMMAND_LINE + COMMAND_LINE_SIZE].split(b"\0")[0].decode("ascii")
        options = parse_command_line(line, E820Map(entries))
        options.check()
        return options
    except (ValueError, struct.error) as error:
        raise BootError(f"the boot parameters at physical {start:#x} are damaged: {error}") from None


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """Where memory ends, in frame numbers (exclusive): of the direct map, and of all that is used."""

    max_low_pfn: int
    max_pfn: int
    clipped: bool  # RAM above 4 GB, with PAE above 64 GB, is left unused


def find_limits(e820: E820Map, options: BootOptions) -> MemoryLimits:
    """find_max_pfn and find_max_low_pfn. e820: the map that mem= leaves."""
    reach = MAX_PAE_PFN if options.pae else MAX_NONPAE_PFN
    end = e820.end_of_ram >> PAGE_SHIFT
    max_pfn = min(max(end for _, end in e820.ram_ranges()) >> PAGE_SHIFT, reach)
    maxmem = (1 << 32) - PAGE_OFFSET - options.vmalloc >> PAGE_SHIFT  # 229376: 896 MB
    return MemoryLimits(min(max_pfn, maxmem), max_pfn, end > reach)
