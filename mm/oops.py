"""What the kernel prints when it dies (die and show_registers of arch/i386/kernel/traps.c, 2.6.20)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from hw.paging import ERROR_FETCH
from mm.errors import KernelFault
from mm.layout import (
    MODULE_NAME_LEN,
    PAGE_OFFSET,
    TEXT_SIZE,
    TEXT_START,
    THREAD_SIZE,
    Layout,
)
from mm.list import Words, list_for_each
from mm.maccess import KernelMemory
from mm.pgtable import PAGE_PRESENT, PAGE_PSE, PageTables
from mm.traps import Traps

RELEASE = "2.6.20-highmem #1"
CONSOLE_VERBOSE = 15
_STACK_WORDS = 24
_CALL, _CALL_SIZE = 0xE8, 5  # CALL rel32
_CODE_BYTES, _CODE_PROLOGUE, _CODE_BYTES_FROM_EIP = 64, 43, 32


class Explain(Protocol):
    """What only those who loaded the program know of an address."""

    def symbol(self, va: int) -> tuple[str, int, int] | None:
        """(name, offset, size) of the function that `va` lies in."""

    def explain(self, eip: int) -> Iterable[str]:
        """Lines that show the code around `eip`: its source line and its instructions."""


class Oops:
    """Writes an oops to the kernel log. registers: by name, with cs, ss, ds, es, eip and eflags.

    notes(address): lines that say more of an address; put in where the kernel is wired.
    """

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, printk: Callable[[str], object], tables: PageTables,
        vm: KernelMemory, explain: Explain,
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._traps = traps
        self._printk = printk
        self._tables = tables
        self._vm = vm
        self._explain = explain
        self.notes: Callable[[int], Iterable[str]] = lambda address: ()

    def page_fault(self, address: int, error_code: int, registers: Mapping[str, int], cr3: int) -> None:
        """A fault that nothing explains: the message, the page-table entries under `cr3`, then `die`."""
        printk = self._printk
        if error_code & ERROR_FETCH and self._tables.is_no_exec(address):
            uid = self._field(self._traps.current(), "uid")
            printk(f"<2>kernel tried to execute NX-protected page - exploit attempt? (uid: {uid})\n")
        what = "NULL pointer dereference" if address < 4096 else "paging request"
        printk(f"<1>BUG: unable to handle kernel {what} at virtual address {address:08x}\n")
        printk(f"<1> printing eip:\n{registers['eip']:08x}\n")
        self._show_entries(address, cr3)
        self.die("Oops", error_code, registers, self.notes(address))

    def _show_entries(self, address: int, cr3: int) -> None:
        """The page-table entries of an address, as far as the walk comes."""
        tables, digits = self._tables, 2 * self._tables.pte_size
        pgd = PAGE_OFFSET + (cr3 & -tables.pgd_size)
        if (pgd + tables.pgd_size - PAGE_OFFSET) >> 2 <= len(self._w):
            tables = tables.of(pgd)
        if self._layout.pae:
            pdpt = tables.read(tables.pgd + (address >> 30 << 3))
            self._printk(f"<1>*pdpt = {pdpt:016x}\n")
        at = tables.pmd_address(address)
        pde = tables.read(at) if at else 0
        if at:
            self._printk(f"<1>*pde = {pde:0{digits}x}\n")
        if pde & PAGE_PRESENT and not pde & PAGE_PSE and tables.pte_address(address):
            self._printk(f"<1>*pte = {tables.get_pte(address):0{digits}x}\n")

    def bug(self, where: str, registers: Mapping[str, int]) -> None:
        """BUG(): where it is, then `die`."""
        self._printk(f"<0>------------[ cut here ]------------\n<2>kernel BUG at {where}!\n")
        self.die("invalid opcode", 0, registers)

    def die(self, what: str, error_code: int, registers: Mapping[str, int], notes: Iterable[str] = ()) -> None:
        """The registers, the stack, the call trace and the code; `notes` are lines that explain it."""
        printk = self._printk
        count = (self._layout.va("die_counter") ^ 0xC0000000) >> 2
        self._w[count] = self._w[count] + 1 & 0xFFFFFFFF
        printk(f"<0>{what}: {error_code & 0xFFFF:04x} [#{self._w[count]}]\n")
        if self._layout.smp:
            printk("<0>SMP \n")
        self._show_registers(registers)
        eip = registers["eip"]
        printk(f"<0>EIP: [<{eip:08x}>] {self.name(eip)} SS:ESP {registers['ss']:04x}:{registers['esp']:08x}\n")
        for line in (*notes, *self._explain.explain(eip)):
            printk(f"<0>{line}\n")
        if self._traps.in_interrupt():
            self.panic("Fatal exception in interrupt")

    def console_verbose(self) -> None:
        """Whatever the console shows else, it shows what comes now."""
        self._w[(self._layout.va("console_loglevel") ^ 0xC0000000) >> 2] = CONSOLE_VERBOSE

    def panic(self, text: str) -> None:
        """panic(): the last message."""
        self.console_verbose()
        self._printk(f"<0>Kernel panic - not syncing: {text}\n")

    def check_stack(self) -> None:
        """Say so where the stack pointer has left the stack of the task at work on this CPU."""
        rq = self._layout["rq"]
        i = (self._layout.va("runqueues") ^ 0xC0000000) >> 2
        running = self._w[i + self._traps.cpu * rq.words + rq.word("curr")]
        if self._field(running, "thread_info") != self._traps.current_thread_info():
            self._printk("<0>Thread overran stack, or stack corrupted\n")

    def name(self, va: int) -> str:
        """An address in words: the symbol that it lies in, or its number."""
        found = self._explain.symbol(va)
        if not found:
            return f"0x{va:x}"
        module = self._module_at(va)
        return f"{found[0]}+{found[1]:#x}/{found[2]:#x}" + (f" [{module}]" if module else "")

    def _show_registers(self, r: Mapping[str, int]) -> None:
        printk, w = self._printk, self._w
        tainted = "Tainted: G    B" if w[(self._layout.va("tainted") ^ 0xC0000000) >> 2] else "Not tainted"
        printk(f"<4>Modules linked in:{''.join(f' {name}' for name in self.modules())}\n")
        printk(
            f"<0>CPU:    {self._traps.cpu}\n<0>EIP:    {r['cs']:04x}:[<{r['eip']:08x}>]    {tainted} VLI\n"
            f"<0>EFLAGS: {r['eflags']:08x}   ({RELEASE})\n<0>EIP is at {self.name(r['eip'])}\n"
        )
        printk(f"<0>eax: {r['eax']:08x}   ebx: {r['ebx']:08x}   ecx: {r['ecx']:08x}   edx: {r['edx']:08x}\n")
        printk(f"<0>esi: {r['esi']:08x}   edi: {r['edi']:08x}   ebp: {r['ebp']:08x}   esp: {r['esp']:08x}\n")
        printk(f"<0>ds: {r['ds']:04x}   es: {r['es']:04x}   ss: {r['ss']:04x}\n")
        self._traps.esp = r["esp"]
        info, task = self._traps.current_thread_info(), self._traps.current()
        self.check_stack()
        printk(f"<0>Process {self._traps.comm()} (pid: {self._pid(task)}, ti={info:08x} task={task:08x} ")
        printk(f"task.ti={self._field(task, 'thread_info'):08x})\n")
        printk(f"<0>Stack: {self._stack_words(r['esp'])}\n")
        printk("<0>Call Trace:\n")
        self.show_trace(r, "<0>")
        printk(f"<0>Code: {self._code(r['eip'])}\n")

    def _field(self, task: int, name: str) -> int:
        i = ((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word(name)
        return self._w[i] if i < len(self._w) else 0

    def _pid(self, task: int) -> int:
        pid = self._field(task, "pid")
        return pid - (1 << 32) if pid >> 31 else pid

    def _stack_words(self, esp: int) -> str:
        out = ""
        for n in range(_STACK_WORDS):
            va = esp + 4 * n
            if n and va % THREAD_SIZE == 0:
                break
            try:
                word = self._vm.word(va)
            except KernelFault:
                break
            out += ("\n<0>       " if n and n % 8 == 0 else "") + f"{word:08x} "
        return out

    def show_trace(self, registers: Mapping[str, int], level: str) -> None:
        """The return addresses on the stack: along the frame pointers while these make sense, else by search.

        level: "<n>", or "" for the default one.
        """
        for address in self.trace(registers["eip"], registers["esp"], registers["ebp"]):
            self._printk(f"{level} [<{address:08x}>] {self.name(address)}\n")
        self._printk(f"{level} =======================\n")

    def trace(self, eip: int, esp: int, ebp: int) -> list[int]:
        """The return addresses on a stack, the innermost first, as far as they make sense."""
        bottom = esp & -THREAD_SIZE
        addresses: list[int] = []
        try:
            # Neither a stub of the kernel's nor a call to nowhere has made a frame.
            if TEXT_START <= eip < TEXT_START + TEXT_SIZE:
                addresses.append(self._vm.word(esp + 8))
            elif self._byte(eip) is None or self._tables.is_no_exec(eip):
                addresses.append(self._vm.word(esp))
            elif slot := self.frameless(eip, esp, ebp):
                addresses.append(self._vm.word(slot))
            while max(bottom, esp - 4) < ebp < bottom + THREAD_SIZE - 4 and ebp % 4 == 0:
                addresses.append(self._vm.word(ebp + 4))
                following = self._vm.word(ebp)
                if following <= ebp:
                    break
                ebp = following
            if not addresses:
                words = (self._vm.word(va) for va in range(esp & -4, bottom + THREAD_SIZE, 4))
                addresses = [word for word in words if self._explain.symbol(word)]
        except KernelFault:
            pass
        return addresses

    def frameless(self, eip: int, esp: int, ebp: int) -> int:
        """Where its return address is, if the function at `eip` has not made its frame yet; else 0.

        That can be told where the call before that address goes to the function's begin. Raises KernelFault where there
        is no stack.
        """
        found = self._explain.symbol(eip)
        start = eip - found[1] if found else 0
        for slot in (esp, esp + 4) if start else ():
            back = self._vm.word(slot)
            if slot == ebp + 4 or self._byte(back - _CALL_SIZE) != _CALL:
                continue
            if back + self._vm.word(back - 4) & 0xFFFFFFFF == start:
                return slot
        return 0

    def _code(self, eip: int) -> str:
        start, length = eip - _CODE_PROLOGUE, _CODE_BYTES
        if start < PAGE_OFFSET or self._byte(start) is None:
            start, length = eip, _CODE_BYTES_FROM_EIP
        out = ""
        for va in range(start, start + length):
            byte = self._byte(va) if va >= PAGE_OFFSET else None
            if byte is None:
                return out + " Bad EIP value."
            out += f"<{byte:02x}> " if va == eip else f"{byte:02x} "
        return out

    def _byte(self, va: int) -> int | None:
        try:
            return self._vm.read(va, 1)[0]
        except KernelFault:
            return None

    def modules(self) -> list[str]:
        """Names of the loaded programs, the newest first."""
        return [self._module_name(module) for module in self._each_module()]

    def _each_module(self) -> Iterator[int]:
        offset = self._layout["module"].offset("list")
        for entry in list_for_each(self._w, self._layout.va("modules")):
            yield entry - offset

    def _module_name(self, module: int) -> str:
        return self._vm.string(module + self._layout["module"].offset("name"), MODULE_NAME_LEN).decode("latin-1")

    def _module_at(self, va: int) -> str:
        fields = self._layout["module"]
        for module in self._each_module():
            m = (module ^ 0xC0000000) >> 2
            core = self._w[m + fields.word("module_core")]
            if core <= va < core + self._w[m + fields.word("core_size")]:
                return self._module_name(module)
        return ""
