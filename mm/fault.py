"""What a page fault in the kernel means (arch/i386/mm/fault.c and extable.c, 2.6.20).

A page table that vmalloc made since an address space's page directory was constructed is in init_mm alone. The first
access through another directory faults for it, and finds it copied there when it runs again: a vmalloc fault.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from mm.errors import Panic
from mm.events import Events
from mm.layout import PAGE_OFFSET, TEXT_START, Layout
from mm.list import Words, list_for_each
from mm.maccess import KernelMemory
from mm.pgtable import PAGE_PRESENT, PAGE_PSE, PageTables
from mm.traps import Traps

TASK_SIZE = PAGE_OFFSET


class Verdict(StrEnum):
    """How a fault is settled: the access runs again, the program goes on at its fixup, or the kernel dies."""

    RETRY = "retry"
    FIXUP = "fixup"
    OOPS = "oops"


class Reason(StrEnum):
    """Why a fault is settled as it is, in words; `verdict` is what follows from it."""

    verdict: Verdict

    def __new__(cls, words: str, verdict: Verdict) -> Reason:
        """A member whose value are the words."""
        member = str.__new__(cls, words)
        member._value_ = words
        member.verdict = verdict
        return member

    COPIED = "init_mm maps it through a page table that this page directory lacked: the entry was copied", Verdict.RETRY
    THERE = "init_mm maps it, and this page directory has the page table by now", Verdict.RETRY
    CAUGHT = "the exception table has a fixup for this instruction", Verdict.FIXUP
    USER = "an address below 3 GB, where this task has no memory area, and no fixup", Verdict.OOPS
    PROTECTED = "the page is there, so that nothing is to be copied from init_mm, and no fixup", Verdict.OOPS
    UNMAPPED = "init_mm does not map it either, and no fixup", Verdict.OOPS
    DAMAGED = "the structures that say what it is are damaged", Verdict.OOPS
    ENDED = "the kernel died of it: the page tables are not as they must be", Verdict.OOPS


class PageFaults:
    """do_page_fault for faults in ring 0. tables: init_mm's. read_cr3() is CR3 of the CPU at work."""

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, events: Events, tables: PageTables, vm: KernelMemory,
        read_cr3: Callable[[], int],
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._traps = traps
        self._events = events
        self._tables = tables
        self._vm = vm
        self._read_cr3 = read_cr3
        self._faults = (layout.va("vmalloc_faults") ^ 0xC0000000) >> 2

    def do_page_fault(self, address: int, error_code: int, eip: int) -> tuple[Reason, int]:
        """Settle a fault at `address` raised by the instruction at `eip`; with a fixup comes where to go on.

        Raises Panic where CR3 leads to no page directory: the CPU could not even get here.
        """
        emit = self._events.page_fault_kernel
        if emit is not None:
            emit(address, eip, error_code)
        answer = self.foresee(address, error_code, eip)
        if address >= TASK_SIZE and not error_code & 0xD:
            self._vmalloc_fault(address, eip)
        return answer

    def foresee(self, address: int, error_code: int, eip: int, cr3: int | None = None) -> tuple[Reason, int]:
        """What do_page_fault answers, here or under another CR3; nothing changes. Raises Panic as it does."""
        reason = Reason.USER
        if address >= TASK_SIZE:
            reason = Reason.PROTECTED if error_code & 0xD else self._vmalloc_reason(address, self._tables_of(cr3))
            if reason.verdict is Verdict.RETRY:
                return reason, eip
        fixup = self.search_exception_tables(eip)
        return (Reason.CAUGHT, fixup) if fixup else (reason, eip)

    def _vmalloc_reason(self, address: int, tables: PageTables) -> Reason:
        """Whether init_mm maps the address, so that the access may run again, and who has its page table."""
        pmd = self._tables.read(self._tables.pmd_address(address))
        if pmd & (PAGE_PRESENT | PAGE_PSE) != PAGE_PRESENT or not self._tables.get_pte(address) & PAGE_PRESENT:
            return Reason.UNMAPPED
        return Reason.THERE if tables.read(tables.pmd_address(address)) & PAGE_PRESENT else Reason.COPIED

    def _vmalloc_fault(self, address: int, eip: int) -> None:
        """Copy the entry of init_mm's page table, if there is one.

        The page table goes into the directory that CR3 says, not into that of the current task: an address space may
        be borrowed. Where it is there already another CPU was faster.
        """
        tables = self._tables_of()
        pmd, at = self._tables.read(self._tables.pmd_address(address)), tables.pmd_address(address)
        if pmd & (PAGE_PRESENT | PAGE_PSE) != PAGE_PRESENT:
            return
        if not tables.read(at) & PAGE_PRESENT:
            tables.write(at, pmd)
            self._w[self._faults] = self._w[self._faults] + 1 & 0xFFFFFFFF
            if (emit := self._events.vmalloc_fault) is not None:
                emit(address, eip, tables.pgd)
        elif tables.read(at) != pmd:
            self._traps.bug()

    def _tables_of(self, cr3: int | None = None) -> PageTables:
        """The tables under a CR3, by default that of the CPU at work."""
        cr3, reference = self._read_cr3() if cr3 is None else cr3, self._tables
        pgd = PAGE_OFFSET + (cr3 & -reference.pgd_size)
        tables = reference.of(pgd)
        if (pgd + reference.pgd_size - PAGE_OFFSET) >> 2 <= len(self._w):
            kernel, right = tables.pmd_address(TEXT_START), reference.pmd_address(TEXT_START)
            if kernel and tables.read(kernel) == reference.read(right):
                return tables
        raise Panic(f"CR3 is {cr3:08x}, where no page directory is: triple fault")

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
