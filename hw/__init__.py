"""The PC: RAM and its e820 map, the CPU around Unicorn, page tables and their walker, the machine.

Nothing here knows an operating system.
"""

from hw.cpu import CPU, RunEnd
from hw.e820 import PCI_HOLE_START, E820Entry, E820Map, E820Type
from hw.errors import EngineError, HighmemError, ImageError, MapError, PhysicalError
from hw.frame import ExceptionFrame
from hw.machine import TRAP_WINDOW, TRAP_WINDOW_SIZE, Machine
from hw.ram import RAM
from hw.watchdog import Verdict, Watchdog

__all__ = [
    "CPU",
    "PCI_HOLE_START",
    "RAM",
    "TRAP_WINDOW",
    "TRAP_WINDOW_SIZE",
    "E820Entry",
    "E820Map",
    "E820Type",
    "EngineError",
    "ExceptionFrame",
    "HighmemError",
    "ImageError",
    "Machine",
    "MapError",
    "PhysicalError",
    "RunEnd",
    "Verdict",
    "Watchdog",
]
