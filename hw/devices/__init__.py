"""The devices of a PC, one a file: each a hw.bus.Device that names in its constructor what it stands on."""

from hw.devices.chardev import Pty, Stdio
from hw.devices.cmos import Cmos
from hw.devices.control import ResetControl, SystemControl
from hw.devices.debug_console import DebugConsole, PostPort
from hw.devices.debug_exit import DebugExit
from hw.devices.disk import Disk
from hw.devices.fw_cfg import FwCfg
from hw.devices.i8042 import I8042
from hw.devices.ide import IdeChannel
from hw.devices.ioapic import IO_APIC_BASE, IO_APIC_WINDOW, IoApic
from hw.devices.irq_lines import IrqLines
from hw.devices.lapic import APIC_BASE, APIC_WINDOW, ApicBus, LocalApic
from hw.devices.mptable import mp_table
from hw.devices.pci import PciHost
from hw.devices.pic import Pic8259Pair
from hw.devices.pit import Pit8254
from hw.devices.uart import Uart16550
from hw.devices.vga import Screen, Vga

__all__ = [
    "APIC_BASE",
    "APIC_WINDOW",
    "I8042",
    "IO_APIC_BASE",
    "IO_APIC_WINDOW",
    "ApicBus",
    "Cmos",
    "DebugConsole",
    "DebugExit",
    "Disk",
    "FwCfg",
    "IdeChannel",
    "IoApic",
    "IrqLines",
    "LocalApic",
    "PciHost",
    "Pic8259Pair",
    "Pit8254",
    "PostPort",
    "Pty",
    "ResetControl",
    "Screen",
    "Stdio",
    "SystemControl",
    "Uart16550",
    "Vga",
    "mp_table",
]
