"""Owners in vmalloc space: areas, the programs in them, guard pages, holes."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from mm.layout import MODULE_NAME_LEN, PAGE_SIZE, Layout
from mm.list import Words, list_for_each
from mm.maccess import KernelMemory
from mm.owner import Owner, Site, Sites
from mm.pgtable import PageTables
from mm.vmalloc import VM_ALLOC, VM_IOREMAP, Vmalloc
from mm.vmalloc_info import VmallocInfo, vmallocinfo


class Names(Protocol):
    """What only those who loaded the programs know of an address."""

    def symbol(self, va: int) -> tuple[str, int, int] | None:
        """(name, offset, size) of the function or variable that `va` lies in."""

    def section(self, va: int) -> str:
        """The section of a program's file that `va` lies in, "" where that is unknown."""


class AreaOwners:
    """Finds owners in vmalloc space. tables: init_mm's."""

    def __init__(
        self, w: Words, layout: Layout, vm: KernelMemory, vmalloc: Vmalloc, tables: PageTables, names: Names,
        sites: Sites,
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._vm = vm
        self._vmalloc = vmalloc
        self._tables = tables
        self._names = names
        self._sites = sites

    def owner(self, va: int) -> Owner:
        """Whose an address of vmalloc space is, without the frame behind it."""
        before = behind = None
        for area in vmallocinfo(self._w, self._layout, self._vmalloc):
            if area.addr <= va < area.addr + area.size:
                return self._in_area(va, area)
            if area.addr > va:
                behind = area
                break
            before = area
        start = before.addr + before.size if before else self._vmalloc.start
        end = behind.addr if behind else self._vmalloc.end
        if freed := self._sites.freed_area(va, start):
            return self._freed(va, *freed)
        names = (
            f"behind {self.words(before)}" if before else "at the start",
            f"before {self.words(behind)}" if behind else "up to its end",
        )
        return Owner("hole", start, end, f"a hole in vmalloc space, {names[0]}, {names[1]}")

    def _freed(self, va: int, start: int, allocated: Site, freed: Site) -> Owner:
        """What was there before it was freed."""
        count = -(-(allocated.size or 1) // PAGE_SIZE)
        end, number = start + count * PAGE_SIZE, (va - start) // PAGE_SIZE
        note = f"page {number} of {count} of the vmalloc area {start:08x}-{end:08x}, which is freed"
        return Owner(
            "freed vmalloc area", start, end, note, "vmalloc", number=number, state="freed", size=end - start,
            allocated=allocated, freed=freed,
        )  # fmt: skip

    def words(self, area: VmallocInfo) -> str:
        """An area in a phrase: what made it, where it is, whose it is."""
        module = self._module(area.addr)
        end = area.addr + area.size - PAGE_SIZE
        text = f"the {self.name(area)} area {area.addr:08x}-{end:08x}"
        return f"{text} (the program {self._module_name(module)})" if module else text

    def name(self, area: VmallocInfo) -> str:
        """What made an area: "vmalloc", "vmap", "ioremap fee00000"."""
        name = area.words[0] if area.words else "vm"
        return f"{name} {area.phys_addr:08x}" if area.flags & VM_IOREMAP else name

    def _in_area(self, va: int, area: VmallocInfo) -> Owner:
        end = area.addr + area.size - PAGE_SIZE
        allocated, freed = self._sites.pointer(area.addr)
        if allocated is None and area.flags & VM_ALLOC and (pa := self._tables.translate(area.addr)) is not None:
            allocated = self._sites.block(pa // PAGE_SIZE)
        if va >= end:
            past = f"{va - end} bytes past its end" if va > end else "right past its end"
            note = f"the guard page behind {self.words(area)}, {past}"
            return Owner("guard page", end, end + PAGE_SIZE, note, self.name(area), size=PAGE_SIZE, allocated=allocated)
        number, count = (va - area.addr) // PAGE_SIZE, (end - area.addr) // PAGE_SIZE
        note = f"page {number} of {count} of {self.words(area)}"
        owner = Owner(
            "vmalloc area", area.addr, end, note, self.name(area), number=number, size=end - area.addr,
            allocated=allocated, freed=freed,
        )  # fmt: skip
        module = self._module(area.addr)
        return self._program(va, module, owner) if module else owner

    # programs

    def _module(self, core: int) -> int:
        """The `struct module` of the program that begins at `core`, 0 where none does."""
        fields = self._layout["module"]
        for entry in list_for_each(self._w, self._layout.va("modules")):
            module = entry - fields.offset("list")
            if self._w[((module ^ 0xC0000000) >> 2) + fields.word("module_core")] == core:
                return module
        return 0

    def _module_name(self, module: int) -> str:
        return self._vm.string(module + self._layout["module"].offset("name"), MODULE_NAME_LEN).decode("latin-1")

    def _program(self, va: int, module: int, area: Owner) -> Owner:
        fields, m = self._layout["module"], (module ^ 0xC0000000) >> 2
        core, size, text_size = (self._w[m + fields.word(name)] for name in ("module_core", "core_size", "text_size"))
        name = self._module_name(module)
        if va >= core + size:
            return replace(area, note=f"behind the end of the program {name}, in {area.note}")
        state = "code" if va < core + text_size else "data"
        section = self._names.section(va)
        what = f"{section or state} of the program {name}"
        start, end = core, core + size
        if found := self._names.symbol(va):
            symbol, offset, length = found
            start, end = va - offset, va - offset + length
            what = f"{symbol}{f'+{offset:#x}' if offset else ''} in {what}"
        return Owner(
            "program", start, end, what, name, state=section or state, size=end - start, number=area.number,
            allocated=area.allocated, within=area,
        )  # fmt: skip
