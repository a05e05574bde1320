"""The options that describe a machine, the same for every command that starts one."""

from __future__ import annotations

import argparse
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guest.kernel import Kernel
    from mm.setup import BootOptions

DEFAULT_RAM = 1 << 30
MAX_NR_CPUS = 32

SLAB_DEBUG = "--slab-debug"
FAULTS = "--faults"
GDB = "--gdb"
_WHERE = re.compile(r"(localhost|127\.0\.0\.1)?:?\d+\Z|.*\.sock(et)?\Z")
_NOTHING = re.compile(r"(?!)")
_FLAGS = re.compile(r"[FZPUfzpu]+(,|\Z)|,")
_SIZE = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([kKmMgG]?)[bB]?\Z")
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30}


def size(text: str) -> int:
    """Bytes of '512M', '1G', '262144K', or a plain number; raises ArgumentTypeError."""
    match = _SIZE.match(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"not a size: {text!r} (such as 64M, 1G)")
    return int(match[1], 0 if match[1][:2] in ("0x", "0X") else 10) << _UNITS[match[2].lower()]


def seconds(text: str) -> float:
    """A number of seconds; raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text!r}")
    return number


def _nr_cpus(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= MAX_NR_CPUS:
        raise argparse.ArgumentTypeError(f"must be 1 to {MAX_NR_CPUS}, not {text!r}")
    return number


def _seed(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number < 1 << 32:
        raise argparse.ArgumentTypeError(f"must be 0 to {(1 << 32) - 1}, not {text!r}")
    return number


def _setting(text: str) -> tuple[str, str]:
    """The key and the value of KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not key.strip() or not equals or not value.strip():
        raise argparse.ArgumentTypeError(f"not KEY=VALUE: {text!r} (such as vm.min_free_kbytes=8192)")
    return key.strip(), value.strip()


def _slab_debug(text: str) -> str:
    from mm.slab_geometry import debug_option

    try:
        debug_option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def with_values(arguments: list[str]) -> list[str]:
    """A command line in which --slab-debug, --faults and --gdb do not take a program for their value."""
    wants = {SLAB_DEBUG: _FLAGS, GDB: _WHERE, FAULTS: _NOTHING}
    return [
        f"{word}=" if word in wants and not wants[word].match(following) else word
        for word, following in zip(arguments, [*arguments[1:], ""])
    ]


def machine_options() -> argparse.ArgumentParser:
    """A parent parser with the machine's options."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("the machine")
    group.add_argument("--ram", type=size, metavar="SIZE", help="RAM of the PC, 16M to 64G (default 1G)")
    group.add_argument("--e820", metavar="FILE", help="instead: a firmware's memory map, as a boot log prints it")
    group.add_argument("--mem", type=size, metavar="SIZE", help="use no RAM above this address (the kernel's mem=)")
    group.add_argument(
        "--pae", action="store_true",
        help="page tables of three levels, HIGHMEM64G: RAM to 64 GB, and pages that cannot be executed",
    )  # fmt: skip
    group.add_argument(
        "--vmalloc", type=size, metavar="SIZE",
        help="what the direct map leaves to vmalloc space (the kernel's vmalloc=; default 128M)",
    )  # fmt: skip
    group.add_argument(
        "--page-owner", choices=("on", "off"), default="on",
        help="40-byte struct page that knows who allocated it, or 2.6.20's 32 bytes (default on)",
    )  # fmt: skip
    group.add_argument("--cpus", type=_nr_cpus, default=1, metavar="N", help="CPUs of the PC, 1 to 32 (default 1)")
    group.add_argument(
        "--nr-cpus", type=_nr_cpus, metavar="N",
        help="CPUs the kernel is built for; 1: not SMP (default: those that the PC has)",
    )  # fmt: skip
    group.add_argument(
        "--schedule", type=_seed, metavar="SEED",
        help="let the SEED decide after how many instructions of a program CPUs take turns, which task is next, and "
        "where timers go off (an instruction then takes some 8 ns more; default: CPUs take turns where they wait)",
    )  # fmt: skip
    group.add_argument(
        "--sysctl", type=_setting, action="append", default=[], metavar="KEY=VALUE",
        help="set a tunable of /proc/sys/vm after the boot, as vm.min_free_kbytes=8192; can be repeated",
    )  # fmt: skip
    group.add_argument(
        SLAB_DEBUG, type=_slab_debug, nargs="?", const="", metavar="[FLAGS][,CACHE...]",
        help="debug the slabs: F sanity checks, Z red zones, P poison, U last user; all four without FLAGS; in the "
        "caches that the patterns name, or in all",
    )  # fmt: skip
    group.add_argument("--l1", type=int, choices=(32, 64, 128), default=64, help="L1 cache line size (default 64)")
    return parser


def machine_given(arguments: argparse.Namespace) -> str:
    """The first of the machine's options that says something else than its default, but --sysctl; "" where none."""
    for action in machine_options()._actions:
        if action.dest != "sysctl" and getattr(arguments, action.dest) != action.default:
            return action.option_strings[0]
    return ""


def is_core(path: str | None) -> bool:
    """Whether a file is an ELF core: a saved machine, if it is one of ours."""
    try:
        with open(path or "", "rb", buffering=0) as file:
            head = file.read(18) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except (OSError, ValueError):
        return False
    return head[:4] == b"\x7fELF" and head[16:18] == b"\4\0"


def apply_settings(arguments: argparse.Namespace, kernel: Kernel) -> None:
    """Set the tunables of --sysctl, in their order. Raises SysctlError."""
    for key, value in arguments.sysctl:
        kernel.set_sysctl(key, value)


def boot_options(arguments: argparse.Namespace) -> BootOptions:
    """What `Kernel.boot` takes; reads the --e820 file. Raises MapError or OSError."""
    from hw.e820 import E820Map
    from mm.setup import VMALLOC_RESERVE, BootOptions

    e820 = None
    if arguments.e820:
        e820 = E820Map.parse(Path(arguments.e820).read_text(encoding="utf-8", errors="replace"))
    return BootOptions(
        ram=DEFAULT_RAM if arguments.ram is None else arguments.ram,
        e820=e820,
        mem=arguments.mem,
        page_owner=arguments.page_owner == "on",
        nr_cpus=arguments.nr_cpus,
        cpus=arguments.cpus,
        schedule=arguments.schedule,
        l1=arguments.l1,
        slab_debug=arguments.slab_debug,
        pae=arguments.pae,
        vmalloc=VMALLOC_RESERVE if arguments.vmalloc is None else arguments.vmalloc,
    )
