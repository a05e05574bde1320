"""What a running kernel tells of itself: /proc's views and more, as data. Renderers are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from guest.entry import DAMAGE
from hw.machine import Machine
from hw.ram import RAM
from mm import free_areas, meminfo, show_mem, sysctl, vmstat
from mm.errors import DamagedMemory, KernelFault, ListCycle
from mm.highmem import Highmem
from mm.layout import Layout
from mm.list import Words
from mm.page_alloc import PageAllocator
from mm.pgtable import KernelPageTable
from mm.setup import MemoryLimits
from mm.slab import SlabAllocator
from mm.vmalloc import Vmalloc

if TYPE_CHECKING:
    from mm.frame_map import FrameMap
    from mm.page_info import FrameInfo, PageInspector, PageStruct


class Views:
    """The part of a Kernel that only reads (but for `set_sysctl`), over the parts that the Kernel wires."""

    machine: Machine
    ram: RAM
    layout: Layout
    limits: MemoryLimits
    page_alloc: PageAllocator
    slab: SlabAllocator
    vmalloc: Vmalloc
    highmem: Highmem
    tables: KernelPageTable
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

    def _inspector(self) -> PageInspector:
        from mm.page_info import PageInspector

        return PageInspector(
            self._w, self.layout, self.page_alloc, self.slab, self.highmem, self.limits.max_pfn
        )

    def slabinfo(self) -> list[vmstat.SlabInfo]:
        """Every cache, the newest first: /proc/slabinfo as data."""
        with self._walking():
            return vmstat.slabinfo(self._w, self.layout, self.slab)

    def vmallocinfo(self) -> list[vmstat.VmallocInfo]:
        """Every area of vmalloc space: /proc/vmallocinfo as data."""
        with self._walking():
            return vmstat.vmallocinfo(self._w, self.layout, self.vmalloc)
