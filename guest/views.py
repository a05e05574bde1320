"""What a running kernel tells of itself: /proc's views and more, as data. Renderers are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from guest.backtrace import Backtraces, TaskTrace, Unwinder
from guest.entry import DAMAGE
from guest.symbols import Symbols
from hw.cpu import MSR_EFER
from hw.machine import TRAP_WINDOW, TRAP_WINDOW_SIZE, Machine
from hw.paging import Access
from hw.ram import RAM
from mm import free_areas, meminfo, show_mem, sysctl, vmalloc_info, vmstat
from mm.aliases import AddressSpace, Alias, Windows, address_spaces, mapped_at
from mm.errors import DamagedMemory, KernelFault, ListCycle
from mm.fault import PageFaults
from mm.fork import Tasks
from mm.highmem import Highmem
from mm.kmap_info import FixmapSlot, KmapInspector, KmapState
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.list import Words
from mm.maccess import KernelMemory
from mm.oops import Oops
from mm.page_alloc import PageAllocator
from mm.page_owner import OwnedBlock, OwnerView
from mm.pgcost import TablePage, table_pages
from mm.pgtable import PageTables
from mm.sched import Scheduler
from mm.setup import MemoryLimits
from mm.slab import SlabAllocator
from mm.slab_geometry import SLAB_STORE_USER
from mm.slab_info import CacheInfo, SlabInspector, SlabPlace, SlabState
from mm.time import Clock
from mm.vmalloc import Vmalloc

if TYPE_CHECKING:
    from guest.explain import Explainer, Explanation, Why
    from guest.faults import Place
    from guest.history import History
    from mm.frame_map import FrameMap
    from mm.kmemleak import Kmemleak, Leak, Unreferenced
    from mm.owner import Owners
    from mm.page_info import FrameInfo, PageInspector, PageStruct
    from mm.ptdump import Run

_REGISTERS = ("esp", "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp")


@dataclass(frozen=True, slots=True)
class CpuState:
    """A CPU, the task on it (the idle one: pid 0) and where that stands."""

    cpu: int
    eip: int
    idle: bool
    pid: int
    comm: str


class Views:
    """The part of a Kernel that only reads (but for `set_sysctl`), over the parts that the Kernel wires."""

    machine: Machine
    ram: RAM
    layout: Layout
    limits: MemoryLimits
    clock: Clock
    page_alloc: PageAllocator
    slab: SlabAllocator
    vmalloc: Vmalloc
    highmem: Highmem
    tables: PageTables
    tasks: Tasks
    sched: Scheduler
    symbols: Symbols
    vm: KernelMemory
    history: History | None
    faults: PageFaults
    oops: Oops
    _w: Words

    @contextmanager
    def _walking(self) -> Iterator[None]:
        try:
            yield
        except (*DAMAGE, ListCycle, KernelFault) as error:
            raise DamagedMemory(f"the memory manager's structures are damaged ({error}); fsck names what is") from None

    def buddyinfo(self) -> list[vmstat.BuddyInfo]:
        """Free blocks by zone and order: /proc/buddyinfo as data. Raises DamagedMemory, as the next ones do."""
        with self._walking():
            return vmstat.buddyinfo(self._w, self.layout, self.page_alloc)

    def zoneinfo(self) -> list[vmstat.ZoneInfo]:
        """Every zone that has pages: /proc/zoneinfo as data."""
        with self._walking():
            return vmstat.zoneinfo(self._w, self.layout, self.page_alloc)

    def vm_stat(self) -> dict[str, int]:
        """The counters of /proc/vmstat, by name."""
        return vmstat.vmstat(self._w, self.layout)

    def meminfo(self) -> dict[str, int]:
        """The rows of /proc/meminfo, in kB."""
        with self._walking():
            return meminfo.meminfo(self._w, self.layout, self.page_alloc, self.vmalloc)

    def memory_state(self) -> show_mem.MemoryState:
        """What sysrq-m shows, as data."""
        with self._walking():
            return show_mem.memory_state(self._w, self.layout, self.page_alloc)

    def free_pages(self) -> free_areas.FreePages:
        """The free lists, counted and compared with their counters."""
        with self._walking():
            return free_areas.free_pages(self._w, self.layout, self.page_alloc)

    def sysctl(self, name: str) -> sysctl.Setting:
        """A tunable of /proc/sys/vm, by its name in `mm.sysctl.TABLE`. Raises SysctlError for an unknown one."""
        return sysctl.read(self._w, self.layout, name)

    def set_sysctl(self, name: str, text: str) -> None:
        """Write a tunable; what depends on it follows. Raises SysctlError where the name or the value is wrong."""
        with self._walking():
            sysctl.write(self._w, self.layout, name, text)

    def frame_map(self) -> FrameMap:
        """What every frame is, by the kernel's own structures."""
        from mm.frame_map import frame_map  # loads numpy

        with self._walking():
            return frame_map(
                self.ram.words, self._w, self.layout, self.machine.e820, self.limits.max_pfn, self.page_alloc,
                self.vmalloc, self.tables,
            )  # fmt: skip

    def page_structs(self, pfns: Sequence[int]) -> list[PageStruct]:
        """The `struct page` of each frame below max_pfn."""
        with self._walking():
            inspector = self._inspector()
            return [inspector.struct(pfn) for pfn in pfns]

    def frame_info(self, pfn: int, address: int | None = None) -> FrameInfo:
        """Everything about a frame below max_pfn; address: a direct-map one in it, for the slab object there."""
        frames = self.frame_map()
        with self._walking():
            return self._inspector().frame(pfn, frames, address)

    def page_owners(self) -> list[OwnedBlock]:
        """Every block allocated since the boot, with the record of its allocation; none with --page-owner off."""
        if not self.layout.page_owner:
            return []
        with self._walking():
            return list(OwnerView(self._w, self.layout, self.clock).blocks())

    def page_owner(self, pfn: int) -> OwnedBlock | None:
        """The block that a frame below max_pfn is in, if it was allocated since the boot."""
        if not self.layout.page_owner:
            return None
        with self._walking():
            return OwnerView(self._w, self.layout, self.clock).block(pfn)

    @cached_property
    def owners(self) -> Owners:
        """Whose addresses are."""
        from mm.area_owner import AreaOwners
        from mm.frame_owner import FrameOwners  # loads numpy
        from mm.known_objects import KnownObjects
        from mm.owner import Owners, Sites

        w, layout, limits, names = self._w, self.layout, self.limits, self.symbols
        sites = Sites(w, layout, self.clock, lambda: self.history)
        areas = AreaOwners(w, layout, self.vm, self.vmalloc, self.tables, names, sites)
        known = KnownObjects(
            w, layout, self.vm, self.slab, self.vmalloc, self.tables, self.tasks, self.sched, len(self.machine.cpus)
        )
        devices = [(TRAP_WINDOW, TRAP_WINDOW + TRAP_WINDOW_SIZE, "the hypercall window")]
        frames = FrameOwners(
            w, layout, self.machine.e820, limits, self.page_alloc, self.slab, self.tables, self._inspector(), known,
            self.frame_map, areas, names, sites, devices,
        )  # fmt: skip
        return Owners(layout, limits.max_low_pfn, self.tables, self._kmap_inspector(), sites, areas, frames)

    def explain(
        self, address: int, physical: bool = False, cr3: int | None = None, cpu: int = 0
    ) -> Explanation:
        """The whole story of a byte, at a linear or a physical address, under the CR3 of a CPU or another one."""
        with self._walking():
            return self._explainer().explain(address, physical, cr3, cpu)

    def why(
        self, address: int, access: Access = Access.READ, user: bool = False, cr3: int | None = None, cpu: int = 0,
        eip: int | None = None,
    ) -> Why:  # fmt: skip
        """Whether an access to a linear address would work now, and which rule says so; see guest.explain."""
        with self._walking():
            return self._explainer().why(address, access, user, cr3, cpu, eip)

    def _explainer(self) -> Explainer:
        from guest.explain import Explainer

        return Explainer(
            self.machine.cpus, self.limits, self.owners, self.faults, self.frame_info, self.aliases, self._place,
            self._comms,
        )  # fmt: skip

    def _place(self, va: int, after: bool) -> Place:
        """An address of code in words; after: it is a return address, whose call's line counts."""
        from guest.faults import Place

        return Place(va, self.oops.name(va), *(self.symbols.line(va - after) or ("", 0)))

    def _comms(self) -> dict[int, str]:
        """The names of all tasks, by pid."""
        pid = self.layout["task_struct"].word("pid")
        return {0: "swapper"} | {
            self._w[((task ^ 0xC0000000) >> 2) + pid]: self.tasks.comm(task) for task in self.tasks.each()
        }

    def _inspector(self) -> PageInspector:
        from mm.page_info import PageInspector

        return PageInspector(
            self._w, self.layout, self.page_alloc, self.slab, self.highmem, self.limits.max_pfn
        )

    def cpus(self) -> list[CpuState]:
        """Every CPU, and what runs on it."""
        with self._walking():
            return [self._cpu(number) for number in range(len(self.machine.cpus))]

    def _cpu(self, number: int) -> CpuState:
        at_work = self.sched.at_work(number)
        task = at_work or self.sched.idle_task(number)
        pid = self._w[((task ^ 0xC0000000) >> 2) + self.layout["task_struct"].word("pid")]
        return CpuState(number, self.machine.cpus[number]["eip"], not at_work, pid, self.tasks.comm(task))

    def _kmemleak(self) -> Kmemleak:
        from mm.kmemleak import Kmemleak  # loads numpy

        return Kmemleak(
            self.ram.words, self._w, self.layout, self.page_alloc, self.slab, self.vmalloc, self.tables, self.tasks
        )

    def unreferenced(self) -> Unreferenced:
        """Memory in use that nobody can reach: not from the kernel, its tasks or the programs that are loaded."""
        frames, cpus = self.frame_map(), [[cpu[name] for name in _REGISTERS] for cpu in self.machine.cpus]
        with self._walking():
            return self._kmemleak().scan(frames, cpus)

    def leaks(self, found: Unreferenced, most: int | None = None) -> list[Leak]:
        """What a scan has just found, one by one, or the first of it."""
        with self._walking():
            return list(islice(self._kmemleak().leaks(found), most))

    def size_of(self, found: Unreferenced) -> int:
        """Bytes of all that a scan has just found."""
        with self._walking():
            return self._kmemleak().size(found)

    def slabinfo(self) -> list[vmstat.SlabInfo]:
        """Every cache, the newest first: /proc/slabinfo as data."""
        with self._walking():
            return vmstat.slabinfo(self._w, self.layout, self.slab)

    def slab_statistics(self) -> list[vmstat.SlabStatistics]:
        """The same with CONFIG_DEBUG_SLAB's statistics; the machine must have been started with --slab-debug."""
        with self._walking():
            return vmstat.slab_statistics(self._w, self.layout, self.slab)

    def slabinfo_write(self, name: str, limit: int, batchcount: int, shared: int) -> int:
        """Tune a cache's arrays, as a line written to /proc/slabinfo does: 0, -EINVAL or -ENOMEM (mm.slab)."""
        with self._walking():
            return self.slab.slabinfo_write(name, limit, batchcount, shared)

    def slab_caches(self) -> dict[int, str]:
        """Every cache's address and name, the newest first."""
        with self._walking():
            return {cachep: vmstat.cache_name(self.slab, cachep) for cachep in self.slab.caches()}

    def slab_cache(self, cachep: int) -> CacheInfo:
        """One of the caches."""
        with self._walking():
            return self._slab_inspector().cache(cachep)

    def slabs(self, cachep: int) -> list[SlabState]:
        """The slabs of one of the caches, with every object."""
        with self._walking():
            return list(self._slab_inspector().slabs(cachep))

    def slab_users(self, cachep: int) -> list[tuple[int, int]] | None:
        """The objects in use of a cache, and the address that asked for each; None without SLAB_STORE_USER."""
        with self._walking():
            if not self._w[((cachep ^ 0xC0000000) >> 2) + self.layout["kmem_cache"].word("flags")] & SLAB_STORE_USER:
                return None
            return list(self._slab_inspector().last_users(cachep))

    def slab_place(self, address: int) -> SlabPlace | None:
        """What of which slab is at a direct-map address, None where no slab is."""
        with self._walking():
            return self._slab_inspector().place(address)

    def _slab_inspector(self) -> SlabInspector:
        return SlabInspector(self._w, self.layout, self.page_alloc, self.slab)

    def vmallocinfo(self) -> list[vmalloc_info.VmallocInfo]:
        """Every area of vmalloc space: /proc/vmallocinfo as data."""
        with self._walking():
            return vmalloc_info.vmallocinfo(self._w, self.layout, self.vmalloc)

    def vmalloc_space(self) -> vmalloc_info.VmallocSpace:
        """Every area, guard page and hole of vmalloc space."""
        with self._walking():
            return vmalloc_info.vmalloc_space(self._w, self.layout, self.vmalloc)

    def _kmap_inspector(self) -> KmapInspector:
        def is_ram(pfn: int) -> bool:
            return any(start <= pfn << PAGE_SHIFT < end for start, end in self.machine.e820.ram_ranges())

        return KmapInspector(self._w, self.layout, self.page_alloc, self.tables, self.tasks, is_ram)

    def kmap_state(self) -> KmapState:
        """The slots of kmap with their holders, and those of kmap_atomic in use."""
        with self._walking():
            return self._kmap_inspector().kmap()

    def fixmap_slots(self) -> list[FixmapSlot]:
        """Every slot of the fixmap."""
        with self._walking():
            return self._kmap_inspector().fixmap()

    def kernel_page_tables(self, pgd: int | None = None) -> list[Run]:
        """The runs of debugfs' kernel_page_tables, of init_mm or under the directory at physical address `pgd`."""
        from mm.ptdump import PageTableDump  # loads numpy

        if pgd is None:
            pgd = self.layout.va("swapper_pg_dir") - PAGE_OFFSET
        return PageTableDump(self.ram.words, self.layout, self.limits.max_low_pfn).runs(pgd)

    def address_spaces(self) -> list[AddressSpace]:
        """Every page directory that init_mm, a task or a CPU has; init_mm's is the first."""
        with self._walking():
            return address_spaces(self._w, self.layout, self.tasks, [cpu["cr3"] for cpu in self.machine.cpus])

    def pids(self) -> list[int]:
        """The pids of all tasks, "swapper" (0) first."""
        pid = self.layout["task_struct"].word("pid")
        with self._walking():
            return [0, *(self._w[((task ^ 0xC0000000) >> 2) + pid] for task in self.tasks.each())]

    def backtrace(self, pid: int | None = None, cpu: int = 0) -> TaskTrace | None:
        """The call chain of a task, by default of the one on a CPU; None where no task has that pid."""
        def word(va: int) -> int | None:
            try:
                return self.vm.word(va)
            except KernelFault:
                return None

        with self._walking():
            chains = Backtraces(
                self._w, self.layout, self.machine.cpus, self.tasks, self.sched, Unwinder(word, self.symbols.symbol)
            )
            if pid is None:
                return chains.on_cpu(cpu)
            idle = [self.sched.idle_task(number) for number in range(len(self.machine.cpus))]
            traces = (chains.of_task(task) for task in (*idle, *self.tasks.each()))
            return next((trace for trace in traces if trace.pid == pid), None)

    def page_table_cost(self) -> list[TablePage]:
        """Every page that is a page table or page directory, of all address spaces, by what it maps."""
        windows = Windows(self.layout, self.limits.max_low_pfn)
        spaces = [space.cr3 for space in self.address_spaces()]
        return table_pages(self.ram, spaces, self.machine.cpus[0]["cr4"], windows)

    def aliases(self, pfn: int, spaces: Sequence[int] | None = None) -> list[Alias]:
        """Every linear address that leads to a frame, under the page directories `spaces` (by default all)."""
        cpu = self.machine.cpus[0]
        cr3s = [space.cr3 for space in self.address_spaces()] if spaces is None else spaces
        mapped = mapped_at(self.ram, pfn, cr3s, cpu["cr0"], cpu["cr4"], cpu.read_msr(MSR_EFER))
        return Windows(self.layout, self.limits.max_low_pfn).aliases(mapped)
