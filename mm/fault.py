"""What a page fault in the kernel means (arch/i386/mm/fault.c and extable.c, 2.6.20)."""

from __future__ import annotations

from enum import StrEnum

from mm.events import Events
from mm.layout import PAGE_OFFSET, Layout
from mm.list import Words, list_for_each
from mm.maccess import KernelMemory
from mm.pgtable import PAGE_PRESENT, PageTables

TASK_SIZE = PAGE_OFFSET


class Verdict(StrEnum):
    """How a fault is settled: the access runs again, the program goes on at its fixup, or the kernel dies."""

    RETRY = "retry"
    FIXUP = "fixup"
    OOPS = "oops"


class PageFaults:
    """do_page_fault for faults in ring 0."""

    def __init__(self, w: Words, layout: Layout, events: Events, tables: PageTables, vm: KernelMemory) -> None:
        self._w = w
        self._layout = layout
        self._events = events
        self._tables = tables
        self._vm = vm

    def do_page_fault(self, address: int, error_code: int, eip: int) -> tuple[Verdict, int]:
        """Settle a fault at `address` raised by the instruction at `eip`; with FIXUP comes where to go on."""
        emit = self._events.page_fault_kernel
        if emit is not None:
            emit(address, eip, error_code)
        if address >= TASK_SIZE and not error_code & 0xD and self._vmalloc_fault(address):
            return Verdict.RETRY, eip
        fixup = self.search_exception_tables(eip)
        return (Verdict.FIXUP, fixup) if fixup else (Verdict.OOPS, eip)

    def _vmalloc_fault(self, address: int) -> bool:
        """Whether init_mm maps the address by now, so that the access may simply run again."""
        return bool(self._tables.get_pte(address) & PAGE_PRESENT)

    def search_exception_tables(self, eip: int) -> int:
        """The fixup of the instruction at `eip`, 0 where no program's table has one."""
        module = self._layout["module"]
        for entry in list_for_each(self._w, self._layout.va("modules")):
            i = (entry - module.offset("list") ^ 0xC0000000) >> 2
            core = self._w[i + module.word("module_core")]
            if not core <= eip < core + self._w[i + module.word("core_size")]:
                continue
            table = self._w[i + module.word("extable")]
            low, high = 0, self._w[i + module.word("num_exentries")]
            while low < high:  # the loader has sorted it
                middle = (low + high) // 2
                insn = self._vm.word(table + 8 * middle)
                if insn == eip:
                    return self._vm.word(table + 8 * middle + 4)
                low, high = (middle + 1, high) if insn < eip else (low, middle)
        return 0
