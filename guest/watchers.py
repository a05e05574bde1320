"""What watches a kernel's programs, from the moment it is asked for: histories, logs of faults, checks of accesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guest.entry import Death
from guest.library import Library
from guest.runner import Runner
from guest.tlb_check import TlbCheck
from guest.views import Views
from mm.events import Events
from mm.filemap import FileMap
from mm.pci_dma import PciDma
from mm.printk import Printk
from mm.traps import Traps

if TYPE_CHECKING:
    from guest.access_check import AccessCheck
    from guest.faults import FaultLog
    from guest.history import History


class Watchers(Views):
    """The part of a Kernel that begins to watch."""

    log: Printk
    events: Events
    traps: Traps
    runner: Runner
    filemap: FileMap
    pci_dma: PciDma
    tlb_check: TlbCheck | None
    access_check: AccessCheck | None
    fault_log: FaultLog | None
    _library: Library
    _death: Death

    def check_tlb(self, capacity: int | None = None) -> TlbCheck:
        """From now on, report accesses that could use stale translations; see guest.tlb_check."""
        if self.tlb_check is None:
            self.tlb_check = TlbCheck(
                self.machine, capacity, self.log, self.clock, self.traps, self.oops, self.symbols
            )
        return self.tlb_check

    def check_access(self, uninit: bool = False) -> AccessCheck:
        """From now on, report accesses to memory that is nobody's; see guest.access_check.

        uninit: also where memory decides something that nobody has written to since it was allocated; the first call
        says whether.
        """
        if self.access_check is None:
            from guest.access_check import AccessCheck  # loads capstone and numpy

            with self._walking():
                self.access_check = AccessCheck(
                    self.machine, self._w, self.layout, self.limits, self.events, self.log, self.clock, self.traps,
                    self.oops, self.symbols, self.page_alloc, self.slab, self.tables, self.vm, self.owners,
                    self.frame_map(), self._slab_inspector(), self._asked_size, uninit,
                )  # fmt: skip
            for loaded in self.symbols.programs():
                self.access_check.learn(loaded.image)
            self.runner.on_result = self.access_check.returned
            memory = self.access_check.memory
            self._library.vm = self.filemap._vm = self.pci_dma._vm = memory
        return self.access_check

    def _asked_size(self, va: int) -> int | None:
        """How many bytes the history says that an object in use was asked for; None where it does not."""
        site = self.history.pointer(va)[0] if self.history is not None else None
        return site.size if site else None

    def record_history(self) -> History:
        """From now on, note who allocates and frees what; see guest.history."""
        if self.history is None:
            from guest.history import History

            self.history = History(self.events, self._w, self.layout, self.traps, self.clock)
        return self.history

    def record_faults(self) -> FaultLog:
        """From now on, keep each fault of a program with its explanation; see guest.faults."""
        if self.fault_log is None:
            from guest.faults import FaultLog  # loads capstone

            self.fault_log = self._death.observer = FaultLog(
                lambda: self.runner.cpu, self._w, self.layout, self.clock, self.traps, self.oops, self.symbols,
                self.owners,
            )  # fmt: skip
        return self.fault_log
