"""The kernel: boots a machine, wires the memory manager, answers the traps of guest programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from guest.calls import TABLE, kswapd, stub
from guest.elf import LoadError, Program
from guest.entry import DAMAGE, Death, Entry, Killed
from guest.library import Library
from guest.module import Loaded, Modules
from guest.params import Setting, refused
from guest.runner import EFLAGS, Halted, Runner, TaskKilled
from guest.saved import NT_FAULTS, NT_HISTORY, NT_PROGRAM, programs, programs_note
from guest.symbols import KERNEL_RETURN, KERNEL_WP_TEST, Symbols
from guest.tlb_check import TlbCheck
from guest.watchers import Watchers
from hw.cpu import MSR_EFER
from hw.errors import EngineError, HighmemError, PhysicalError
from hw.frame import ExceptionFrame
from hw.machine import TRAP_WINDOW, TRAP_WINDOW_SIZE, Machine
from hw.paging import CR4_PAE, EFER_NXE
from hw.watchdog import CallbackStuck, Watchdog
from hw.watchdog import Verdict as Halt
from mm.errors import BootError, DamagedMemory, KernelBug, KernelFault, ListCycle, Panic
from mm.events import Events
from mm.fault import PageFaults
from mm.fault_inject import Attempt, FaultInject
from mm.filemap import FileMap
from mm.fixmap import HYPERCALL_PAGE, Fixmap, fix_to_virt, fix_wp_test
from mm.fork import Tasks, init_task
from mm.gfp import GFP_KERNEL, GFP_REPEAT
from mm.highmem import Highmem
from mm.init import Boot, check_image_fits
from mm.inode import Inodes
from mm.ioremap import Ioremap
from mm.kernel_caches import create_caches
from mm.kthread import Kthreads
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, TEXT_SIZE, TEXT_START, THREAD_SIZE, Layout
from mm.list import init_list_head
from mm.maccess import KernelMemory
from mm.mmu_context import AddressSpaces
from mm.oom_kill import OomKiller
from mm.oops import Oops
from mm.page_address import PageAddresses
from mm.page_alloc import PageAllocator
from mm.page_owner import PageOwners
from mm.pci_dma import PciDma
from mm.pgalloc import PageDirectories
from mm.pgtable import PAGE_KERNEL_RO, page_tables
from mm.printk import Console, Printk
from mm.radix_tree import RadixTree
from mm.rcupdate import Rcu
from mm.rmap import PageReferences
from mm.sched import Scheduler
from mm.setup import BootOptions, MemoryLimits, find_limits, read_boot_params, write_boot_params
from mm.show_mem import show_mem
from mm.slab import SlabAllocator
from mm.slab_debug import DebugSlabAllocator, setup_slab_debug
from mm.slab_reap import ReapTimers
from mm.smp import Smp
from mm.swap import Swap
from mm.time import Clock
from mm.timer import Timers
from mm.traps import Traps
from mm.truncate import Truncate
from mm.vmalloc import Vmalloc
from mm.vmscan import Vmscan
from mm.watermarks import setup_watermarks

if TYPE_CHECKING:
    from guest.access_check import AccessCheck
    from guest.debug import Debugger
    from guest.faults import FaultLog
    from guest.history import History

EXIT_KILLED = 137  # 128 + SIGKILL: what a shell says of an insmod that oopsed
EXIT_TIMEOUT = 124
EXIT_INTERRUPTED = 130

KERNEL_CS, KERNEL_DS, USER_DS = 0x60, 0x68, 0x7B
_GDT = {0x60: 0x00CF9A000000FFFF, 0x68: 0x00CF92000000FFFF, 0x70: 0x00CFFA000000FFFF, 0x78: 0x00CFF2000000FFFF}
_CR0 = 0x8005003B  # PG AM WP NE ET TS MP PE, as 2.6.20 leaves it
_CR4 = 0x90  # PGE PSE


class Kernel(Watchers):
    """A booted machine. `boot` makes one, `attach` finds one in a machine that was saved.

    The parts of the memory manager are its attributes: page_alloc, slab, vmalloc, highmem, log, events, vm (memory by
    virtual address), tasks. They may be called from Python as guest programs call them.
    """

    def __init__(self, machine: Machine, layout: Layout, limits: MemoryLimits, console: Console | None) -> None:
        """For `boot` and `attach`."""
        self.machine = machine
        self.ram = machine.ram
        self.layout = layout
        self.limits = limits
        self._w = w = self.ram.words[: limits.max_low_pfn << (PAGE_SHIFT - 2)]
        self._lowmem = self.ram.bytes[: limits.max_low_pfn << PAGE_SHIFT]
        self.events = Events()
        self.log = Printk(w, self._lowmem, layout, console)
        self.traps = Traps(w, layout, self.log)
        self.clock = Clock(w, layout)
        self.tables = page_tables(w, layout)
        self.vm = KernelMemory(self.ram.bytes, self.tables)
        self.halt: Halt | None = None  # why the last run was ended from outside, if it was
        self.symbols = Symbols(layout, self.vm)
        self.tlb_check: TlbCheck | None = None
        self.access_check: AccessCheck | None = None
        self._stays: list[int] = []  # struct module of programs
        self.debugger: Debugger | None = None
        self.fault_log: FaultLog | None = None
        self.inject: FaultInject | None = None  # makes allocations of the programs fail
        self.history: History | None = None
        self.oops = Oops(w, layout, self.traps, self.log, self.tables, self.vm, self.symbols)

    # booting

    @classmethod
    def boot(
        cls, options: BootOptions | None = None, console: Console | None = None, inject: FaultInject | None = None
    ) -> Kernel:
        """Build a machine and boot the kernel on it. Raises BootError or MapError where that cannot be.

        inject: stands before the allocators, so that it can make the programs' allocations fail.
        """
        options = options or BootOptions()
        options.check()
        e820 = options.firmware_map()
        usable = e820 if options.mem is None else e820.clip(options.mem)
        for start, end in e820.backed_ranges():
            if start < TRAP_WINDOW + TRAP_WINDOW_SIZE and TRAP_WINDOW < end:
                raise BootError(f"the memory map has RAM at {TRAP_WINDOW:#x}, where the hypercall window is")
        limits = find_limits(usable, options)
        check_image_fits(usable, limits, options.layout)
        kernel = cls(Machine(e820, options.cpus), options.layout, limits, console)
        kernel.inject = inject
        try:
            write_boot_params(kernel.ram, options, e820)
            kernel._start_kernel(options)
        except BaseException:
            kernel.close()
            raise
        return kernel

    @classmethod
    def attach(cls, machine: Machine, console: Console | None = None) -> Kernel:
        """The kernel that runs in `machine`, found in its RAM. Raises BootError where there is none."""
        options = read_boot_params(machine.ram)
        assert options.e820 is not None
        if options.cpus != len(machine.cpus):
            raise BootError(f"the kernel was booted on {options.cpus} CPUs, the machine has {len(machine.cpus)}")
        usable = options.e820 if options.mem is None else options.e820.clip(options.mem)
        kernel = cls(machine, options.layout, find_limits(usable, options), console)
        kernel._wire(options)
        for loaded in reversed(list(programs(machine.notes.get(NT_PROGRAM, b"[]")))):
            kernel.symbols.add(loaded)
        if history := machine.notes.get(NT_HISTORY):
            kernel.record_history().load(history)
        if faults := machine.notes.get(NT_FAULTS):
            kernel.record_faults().load(faults)
        return kernel

    @classmethod
    def open(cls, path: str | os.PathLike[str], console: Console | None = None) -> Kernel:
        """The kernel that `save` wrote. Raises ImageError or BootError where none is in the file, OSError."""
        machine = Machine.load(path)
        try:
            return cls.attach(machine, console)
        except BaseException:
            machine.close()
            raise

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole machine to `path`, an ELF core that debuggers read. Not while a program runs (EngineError).

        They see the kernel's own address space, init_mm. `guest.symbol_file` has the types and symbols for them.
        """
        notes = {NT_PROGRAM: programs_note(self.symbols.programs())}
        if self.history is not None:
            notes[NT_HISTORY] = self.history.note()
        if self.fault_log is not None:
            notes[NT_FAULTS] = self.fault_log.note()
        self.machine.save(path, self.tables.pgd - PAGE_OFFSET, notes)

    def close(self) -> None:
        """Give the machine back. Nothing of the kernel can be used afterwards."""
        self._w.release()
        self._lowmem.release()
        self.machine.close()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _start_kernel(self, options: BootOptions) -> None:
        """start_kernel and setup_arch, in 2.6.20's order."""
        log, layout, w = self.log, self.layout, self._w
        e820 = self.machine.e820
        log.init(options.loglevel)
        self.clock.init()
        init_task(w, layout)
        init_list_head(w, layout.va("modules"))
        self.ram.write(TEXT_START - PAGE_OFFSET, self.text())
        log(f"<5>Linux version {layout.vermagic}\n<6>BIOS-provided physical RAM map:\n")
        log("".join(f"<6>{line}\n" for line in e820.lines()))
        if options.mem is not None:
            e820 = e820.clip(options.mem)
            log("<6>user-defined physical RAM map:\n" + "".join(f"<6>{line}\n" for line in e820.lines("user")))
        boot = Boot(self.ram, w, layout, self.limits, log)
        boot.setup_memory(e820)
        boot.pagetable_init(TRAP_WINDOW)
        self._write_gdt()
        self._start_cpu(0)
        boot.free_area_init()
        boot.build_all_zonelists()
        log(f"<5>Kernel command line: {options.command_line()}\n")
        self._wire(options)
        self.sched.sched_init()
        self.spaces.cpu_init(0, layout.va("init_task"))
        self.rcu.init()
        boot.mem_init(e820, self.page_alloc)
        self._test_wp_bit()
        if options.slab_debug is not None:
            setup_slab_debug(self._lowmem, layout, options.slab_debug)
        self.slab.kmem_cache_init()
        self.addresses.init()
        create_caches(w, layout, self.slab)
        self.inodes.init()
        self._smp_init(options)
        for number in range(len(self.machine.cpus)):
            self.reap_timers.start_cpu_timer(number)
        setup_watermarks(w, layout)
        self.vmscan.init()
        self.vmscan.kswapd_run(self.tasks, self.kthreads)
        w[(layout.va("vm_swappiness") ^ 0xC0000000) >> 2] = 60

    def text(self) -> bytes:
        """What the kernel's text must be: its own few instructions and a stub for every call."""
        text = bytearray(b"\xcc" * TEXT_SIZE)
        wp_test = b"\xa2" + fix_to_virt(fix_wp_test(self.layout)).to_bytes(4, "little") + b"\xf4"
        pieces = {KERNEL_RETURN: b"\xf4", KERNEL_WP_TEST: wp_test, self.layout.va("kswapd"): kswapd(self.layout)}
        pieces |= {call.address: stub(call, HYPERCALL_PAGE) for call in TABLE}
        for va, code in pieces.items():
            text[va - TEXT_START : va - TEXT_START + len(code)] = code
        return bytes(text)

    def _write_gdt(self) -> None:
        gdt = self.layout.va("cpu_gdt_table")
        for selector, descriptor in _GDT.items():
            self.ram.write(gdt - PAGE_OFFSET + selector, descriptor.to_bytes(8, "little"))

    def _start_cpu(self, number: int, stack: int = 0) -> None:
        """Load the GDT's segments and switch paging on. stack: of the CPU's idle task, the first one's by default."""
        cpu, layout = self.machine.cpus[number], self.layout
        cpu["cr3"] = layout.va("swapper_pg_dir") - PAGE_OFFSET
        cpu["cr4"] = _CR4 | CR4_PAE if layout.pae else _CR4
        if layout.pae:
            cpu.write_msr(MSR_EFER, EFER_NXE)
        cpu["cr0"] = _CR0
        cpu.set_gdt(layout.va("cpu_gdt_table"), 32 * 8 - 1)
        cpu.load_segments(cs=KERNEL_CS, ss=KERNEL_DS, ds=USER_DS, es=USER_DS)
        cpu["esp"] = (stack or layout.va("init_thread_union")) + THREAD_SIZE - 4
        cpu["eip"], cpu["eflags"] = KERNEL_RETURN, EFLAGS

    def _smp_init(self, options: BootOptions) -> None:
        """smp_init: bring the other CPUs up, each with its idle task and its share of every cache."""
        w = self._w
        if options.schedule is not None:
            state = (options.schedule * 0x9E3779B1 + 0x7F4A7C15 & 0xFFFFFFFF) or 1
            w[(self.layout.va("schedule_state") ^ 0xC0000000) >> 2] = state
        for number in range(1, len(self.machine.cpus)):
            self.log(f"<6>Booting processor {number}/{number} eip 3000\n")
            self.slab.cpuup_prepare(number)
            task = self.tasks.fork_idle(number)
            self._start_cpu(number, self.tasks.stack(task))
            self.sched.init_idle(number, task)
            self.spaces.cpu_init(number, task)
            w[(self.layout.va("nr_cpus_online") ^ 0xC0000000) >> 2] += 1
        if self.layout.smp:
            self.log(f"<6>Brought up {len(self.machine.cpus)} CPUs\n")

    def _test_wp_bit(self) -> None:
        """Whether ring 0 honours read-only pages, tried on the CPU itself."""
        cpu = self.machine.cpus[0]
        slot = fix_to_virt(fix_wp_test(self.layout))
        frame = (self.layout.va("swapper_pg_dir") - PAGE_OFFSET) >> PAGE_SHIFT
        self.tables.set_pte(slot, self.tables.pfn_pte(frame, PAGE_KERNEL_RO))
        caught = []

        def on_exception(frame: ExceptionFrame) -> None:
            caught.append((frame.vector, frame.error_code, frame.cr2))
            cpu.stop()

        before, cpu.on_exception = cpu.on_exception, on_exception
        try:
            cpu.run(KERNEL_WP_TEST, until=KERNEL_WP_TEST + 5)
        finally:
            cpu.on_exception = before
            self.tables.set_pte(slot, 0)
            cpu.flush_tlb()
            cpu["eip"], cpu["eflags"] = KERNEL_RETURN, EFLAGS
        self.log("<6>Checking if this processor honours the WP bit even in supervisor mode... ")
        self.log("Ok.\n" if caught == [(14, 3, slot)] else "No.\n")

    def _wire(self, options: BootOptions) -> None:
        """Make the parts, each over exactly what it stands on, and let the CPU's traps arrive."""
        w, layout, machine = self._w, self.layout, self.machine
        self.addresses = PageAddresses(w, layout)
        owners = PageOwners(w, layout, self.traps) if layout.page_owner else None
        self.page_alloc = PageAllocator(
            w, self.ram.bytes, layout, self.events, self.traps, self.addresses, owners
        )
        call_guest: Callable[..., int] = lambda *call: self.runner.call_guest(*call)  # noqa: E731
        under_slab = (
            w, self._lowmem, layout, self.events, self.traps, self.page_alloc, call_guest, self._read_name, self._panic
        )
        self.slab = (
            DebugSlabAllocator(*under_slab, self._code_place) if layout.slab_debug else SlabAllocator(*under_slab)
        )
        if self.inject is not None:
            self.inject.install(self.page_alloc, self.slab, self.traps, self.clock)
            self.inject.report = self._say_injected
        self.tables.alloc = lambda: self.page_alloc.get_zeroed_page(GFP_KERNEL | GFP_REPEAT)
        self.tables.free = lambda table: self.page_alloc.free_pages(table, 0)
        self.vmalloc = Vmalloc(
            w, layout, self.events, self.traps, self.page_alloc, self.slab, self.tables, self.vm, machine.flush_tlb,
        )  # fmt: skip
        self.ioremap = Ioremap(w, layout, self.traps, self.page_alloc, self.slab, self.vmalloc)
        self.pci_dma = PciDma(layout, self.vm, self.page_alloc)
        self.directories = PageDirectories(w, layout, self.page_alloc, self.slab, self.tables)
        self.spaces = AddressSpaces(
            w, layout, self.traps, self.slab, self.directories, self._load_cr3, lambda: self.runner.depth() < 2
        )
        self.tasks = Tasks(w, layout, self.slab, self.clock, self.spaces)
        timers = Timers(w, layout, self.traps, self.events, self.vm)
        self.sched = Scheduler(
            w, layout, self.traps, self.events, self.clock, self.vm, timers,
            lambda *call, irqs: self.runner.call_guest(*call, irqs=irqs), lambda: self.runner.depth(),
            lambda: self.runner.let_others_run(),
        )  # fmt: skip
        self.sched.context_switch = self.spaces.context_switch
        self.rcu = Rcu(w, layout, self.sched, self.slab)
        self.slab.defer, self.slab.synchronize = self.rcu.defer, self.rcu.synchronize
        self.sched.quiescent = self.rcu.quiescent
        self.highmem = Highmem(
            w, layout, self.events, self.traps, self.page_alloc, self.tables, self.addresses, self.sched,
            machine.flush_tlb, self._flush_tlb_one,
        )  # fmt: skip
        self.fixmap = Fixmap(layout, self.traps, self.tables, self._flush_tlb_one)
        self.kthreads = Kthreads(w, layout, self.traps, self.tasks, self.sched, KERNEL_RETURN)
        self.runner = Runner(
            machine.cpus, w, layout, self.traps, self.tasks, self.sched, self.kthreads, KERNEL_RETURN, self.oops.name,
            options.schedule is not None,
        )  # fmt: skip
        self.runner.explain = lambda: self._kmap_inspector().deadlock(self.oops.name)
        self.reap_timers = ReapTimers(
            w, layout, self.slab, timers.mod_timer, self.runner.on_cpu, self.runner.depth
        )
        timers.own[layout.va("cache_reap")] = self.reap_timers.expired
        smp = Smp(w, layout, self.traps, self.sched, self.runner.interrupts_on, self.runner.interrupt)
        self.faults = PageFaults(
            w, layout, self.traps, self.events, self.tables, self.vm, lambda: self.runner.cpu["cr3"]
        )
        self.radix = RadixTree(w, layout, self.traps, self.slab)
        self.swap = Swap(w, layout, self.traps, self.page_alloc)
        self.page_alloc.leave_lru = self.swap.leave_lru
        self.filemap = FileMap(
            w, layout, self.traps, self.sched, self.vm, self.page_alloc, self.radix, self.swap
        )
        self.truncate = Truncate(
            w, self.ram.bytes, layout, self.vm, self.page_alloc, self.filemap, self.swap,
            lambda *call: self.runner.call_guest(*call),
        )  # fmt: skip
        self.inodes = Inodes(w, layout, self.traps, self.slab, self.radix, self.truncate)
        self.vmscan = Vmscan(
            w, layout, self.traps, self.events, self.page_alloc, self.slab, self.swap, self.filemap, self.truncate,
            PageReferences(w, self.highmem, machine.flush_tlb), self.sched,
            lambda *call: self.runner.call_guest(*call),
        )  # fmt: skip
        oom = OomKiller(w, layout, self.traps, self.events, self.clock, self.tasks, self.sched, self._panic)
        pages = self.page_alloc
        pages.pause, pages.tired, pages.give_way = self.sched.pause, self.sched.tired, self.sched.give_way
        pages.out_of_memory = oom.out_of_memory
        pages.wakeup_kswapd, pages.try_to_free_pages = self.vmscan.wakeup_kswapd, self.vmscan.try_to_free_pages
        self.modules = Modules(w, layout, self.slab, self.vmalloc, self.vm, self._invalidate_code)
        self._death = Death(lambda: self.runner.cpu, self.oops, self.log, self.modules.bug_at)
        self.oops.notes = self._guard_page
        library = Library(
            self.vm, self.log, self.traps, self.oops, self.kthreads, self._death.registers, self.symbols.symbol,
            8 if layout.pae else 4,
        )  # fmt: skip
        self._library = library
        self.traps.dump_stack = library.dump_stack
        self.traps.show_mem = lambda: self.log(show_mem(w, layout, self.page_alloc))
        parts = {
            "page_alloc": self.page_alloc, "slab": self.slab, "vmalloc": self.vmalloc, "ioremap": self.ioremap,
            "pci_dma": self.pci_dma, "highmem": self.highmem,
            "fixmap": self.fixmap, "timers": timers,
            "sched": self.sched, "kthreads": self.kthreads, "library": library, "vmscan": self.vmscan,
            "smp": smp, "spaces": self.spaces, "directories": self.directories,
            "filemap": self.filemap, "swap": self.swap, "truncate": self.truncate, "inodes": self.inodes,
        }  # fmt: skip
        entry = Entry(
            lambda: self.runner.cpu, w, self.traps, self.clock, self.sched, self.faults, self._death, parts, layout.pae
        )
        machine.map_mmio(TRAP_WINDOW, TRAP_WINDOW_SIZE, lambda offset, size: 0xFFFFFFFF, entry.trap_handler())
        for cpu in machine.cpus:
            cpu.on_exception, cpu.open_bus = entry.on_exception, True

    def _load_cr3(self, cpu: int, pgd: int) -> None:
        self.machine.cpus[cpu]["cr3"] = pgd - PAGE_OFFSET

    def _invalidate_code(self, va: int, size: int) -> None:
        """Forget translated code. Only init_mm's directory surely leads there."""
        before = [cpu["cr3"] for cpu in self.machine.cpus]
        for number in range(len(before)):
            self._load_cr3(number, self.tables.pgd)
        self.machine.invalidate_code(va, size)
        for cpu, cr3 in zip(self.machine.cpus, before, strict=True):
            cpu["cr3"] = cr3

    def _flush_tlb_one(self, va: int) -> None:
        self.runner.cpu.flush_tlb_page(va)

    def _read_name(self, va: int) -> str:
        return self.vm.string(va, 256).decode("latin-1")

    def _code_place(self, va: int) -> tuple[str, str]:
        """An address of code in words, and the source line of the call that returns there, "" where no DWARF tells."""
        line = self.symbols.line(va - 1)
        return self.oops.name(va), f"{line[0]}:{line[1]}" if line else ""

    def _guard_page(self, address: int) -> Iterator[str]:
        """For an oops: behind which area of vmalloc space the guard page is that an address lies in."""
        if self.owners.region(address) == "vmalloc":
            owner = self.owners.linear(address, behind=False)
            if owner.kind == "guard page":
                site = owner.allocated
                by = f" (allocated by {self.oops.name(site.address)})" if site and site.address else ""
                yield f"Address {address:08x} is in {owner.note}{by}"

    def _say_injected(self, attempt: Attempt) -> None:
        name, line = self._code_place(attempt.call_site)
        where = f"{name} ({line})" if line else name
        self.log(f"<4>FAULT_INJECTION: allocation {attempt.number}, {attempt.size} bytes for {where}, fails\n")

    def _panic(self, text: str) -> NoReturn:
        raise Panic(text.rstrip("\n"))

    def on_bug(self, listener: Callable[[KernelBug | Panic], None] | None) -> None:
        """From now on, call `listener` at a BUG() or a panic in a call, while everything still is as it was then."""
        self._death.on_bug = listener

    # running programs

    def run(
        self, program: Program, arguments: Sequence[str] = (), timeout: float | None = None, stay: bool = False
    ) -> int:
        """Load a program, run it, unload it; its exit status.

        arguments: argv, the program's own name first. timeout: host seconds. stay: a program that has no exit function
        is not unloaded before `unload`, so that its variables go on holding what they lead to. A program that dies
        stays loaded, as a module whose init function oopsed does. Raises LoadError where the program cannot be
        loaded, and HighmemError where another one was halted and can still be resumed.
        """
        if self.halt:
            raise HighmemError("a program was halted in this machine: resume it before another one runs")
        self._stays.clear()
        with self._walking():
            return self._run(program, arguments, timeout, stay)

    def _run(self, program: Program, arguments: Sequence[str], timeout: float | None, stay: bool) -> int:
        def whole() -> int:
            task, loaded, parameters = self._load(program, arguments)
            try:
                self._set_parameters(task, loaded, parameters)
                status = self._run_task(task, loaded, len(arguments))
            except LoadError:
                self._finish(task, loaded.module)
                raise
            except TaskKilled:
                status = EXIT_KILLED
                self._finish(task, loaded.module, killed=True)
            else:
                inserted = loaded.image.kind == "main" or not status
                self._finish(task, loaded.module, stay=stay and inserted and loaded.image.exit is None)
            return status

        return self._supervise(whole, timeout)

    def _load(self, program: Program, arguments: Sequence[str]) -> tuple[int, Loaded, Sequence[Setting]]:
        """A task for a program, and the program in memory. Whole or, with an error, not at all."""
        loaded = self.modules.load(program)
        try:
            self.modules.set_arguments(loaded, arguments)
            parameters = self.modules.parameters(loaded)
            name = self.vm.string(loaded.module + self.layout["module"].offset("name")).decode("latin-1")
            pages = -(-self.vm.word(loaded.module + self.layout["module"].offset("core_size")) // PAGE_SIZE)
            task = self.tasks.create_program(name if loaded.image.kind == "main" else "insmod", pages)
            if not task:
                raise HighmemError(f"{program.name}: the kernel has no memory for a task")
        except BaseException:
            self.modules.unload(loaded.module)
            raise
        self.symbols.add(loaded)
        if self.access_check is not None:
            self.access_check.learn(loaded.image)
        return task, loaded, parameters

    def resume(self, timeout: float | None = None) -> int:
        """Go on with a program that was halted, here or in the machine that `attach` found; its exit status.

        Raises HighmemError where no program runs. A module's exit function is not called.
        """
        of_programs = filter(self.tasks.is_program, self.tasks.each())
        task = next(filter(self.sched.alive, of_programs), 0)
        module = self.modules.newest()
        if not task or not module:
            raise HighmemError("no program was halted in this machine")

        def rest() -> int:
            try:
                status = self.runner.resume(task) & 0xFF
            except TaskKilled:
                status = EXIT_KILLED
                self._finish(task, module, killed=True)
            else:
                self._finish(task, module)
            return status

        with self._walking():
            return self._supervise(rest, timeout)

    def unload(self) -> None:
        """Unload the program that the last `run` let stay."""

        def rest() -> int:
            while self._stays:
                self.modules.unload(self._stays.pop())
            return 0

        with self._walking():
            self._supervise(rest, None)

    def _supervise(self, action: Callable[[], int], timeout: float | None) -> int:
        """Do `action` under a watchdog; its status, or that of the death it dies."""
        if any(cpu.depth for cpu in self.machine.cpus):
            raise HighmemError("a program runs in this machine: not another one within it")
        self.halt = None
        watchdog = Watchdog(self.machine.cpus, timeout, uncut=self.runner.uncut)
        try:
            with watchdog:
                return action()
        except (Halted, CallbackStuck) as error:
            if isinstance(error, CallbackStuck):
                self.log("<0>a call into the kernel did not come back: its structures are damaged\n")
            self.halt = watchdog.verdict
            self.runner.stand_on(0)
            return EXIT_TIMEOUT if self.halt is Halt.TIMEOUT else EXIT_INTERRUPTED
        except Killed:
            pass
        except Panic as error:
            self.oops.panic(str(error))
        except (EngineError, PhysicalError) as error:
            self.oops.panic(str(error))
            self.traps.esp = self.runner.cpu["esp"]
            with suppress(*DAMAGE, KernelFault):
                self.oops.check_stack()
        except (*DAMAGE, ListCycle, KernelFault, KernelBug) as error:  # while the program was unloaded
            cause = error if isinstance(error, KernelFault | KernelBug) else KernelBug(f"unloading: {error}")
            with suppress(Killed):
                self._death.die(cause)
        self._bury()
        self.runner.stand_on(0)
        return EXIT_KILLED

    def _bury(self) -> None:
        """The task that died never runs again; its struct and its stack stay, as its program does."""
        # A guest function that the kernel called for itself may have put "swapper" to sleep.
        swapper = (self.layout.va("init_task") ^ 0xC0000000) >> 2
        self._w[swapper + self.layout["task_struct"].word("state")] = 0
        with suppress(*DAMAGE, ListCycle, KernelFault):
            for cpu in self.runner.cut:
                task = self.sched.at_work(cpu)
                self.sched.leave(cpu)
                self.spaces.reload_cr3(cpu, self.sched.idle_task(cpu))
                if task in self.tasks.each():
                    self.sched.forget(task)
                    # What it was in the middle of is over with it.
                    info = self.layout["thread_info"].word("preempt_count")
                    self._w[((self.tasks.stack(task) ^ 0xC0000000) >> 2) + info] = 0

    def _set_parameters(self, task: int, loaded: Loaded, parameters: Sequence[Setting]) -> None:
        for setting in parameters:
            error = self.runner.run(task, setting.set, (setting.value, setting.entry))
            if error:
                raise refused(loaded.program, setting, -error & 0xFFFFFFFF)

    def _run_task(self, task: int, loaded: Loaded, argc: int) -> int:
        image = loaded.image
        if image.kind == "main":
            return self.runner.run(task, image.init, (argc, self.modules.arguments(loaded))) & 0xFF
        result = self.runner.run(task, image.init)
        if result:
            error = result - (1 << 32) if result >> 31 else result
            self.log(f"<3>insmod: error inserting '{loaded.image.name}': {error}\n")
            return 1
        if image.exit is not None:
            self.runner.run(task, image.exit, void=True)
        return 0

    def _finish(self, task: int, module: int, killed: bool = False, stay: bool = False) -> None:
        comm = self.tasks.comm(task)
        self.runner.stand_on(0)
        self.tasks.release(task)
        for cpu in range(len(self.machine.cpus)):
            if not self.sched.at_work(cpu):
                self.spaces.leave_mm(cpu, self.sched.idle_task(cpu))
        if alive := [self.tasks.comm(task) for task in self.tasks.of_programs() if self.sched.alive(task)]:
            self.log(f"<4>the program stays loaded, its threads live on: {', '.join(alive)}\n")
            return
        if stay:
            self._stays.append(module)
            return
        if killed:
            core = self.layout["module"].offset("module_core")
            start, size = self.vm.word(module + core), self.vm.word(module + core + 4)
            self.sched.timers.drop(start, start + size)
            self.vmscan.drop_shrinkers(start, start + size)
        self.modules.unload(module)
        if killed:
            self.inodes.evict_all()
            self._give_back(comm)

    def _give_back(self, comm: str) -> None:
        """Free what a killed program held and nobody can reach any more. In 2.6.20 it would be lost."""
        try:
            found = self.unreferenced()
        except DamagedMemory as error:
            self.log(f"<4>{comm}: what the killed program held is not given back: {error}\n")
            return
        if size := self._kmemleak().free(found):
            self.log(f"<6>{comm}: gave back {size >> 10} kB that the killed program held\n")

    # names

    def symbol(self, name: str) -> int | None:
        """Virtual address of a function or variable of the kernel or the program, None where it is unknown."""
        return self.symbols.address(name)

    def symbol_at(self, va: int) -> tuple[str, int, int] | None:
        """(name, offset, size) of the function or variable that `va` lies in, None where that is unknown."""
        return self.symbols.symbol(va)
