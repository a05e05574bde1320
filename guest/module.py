"""Programs in the kernel's memory (kernel/module.c, 2.6.20): placing, finding and unloading them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from guest.calls import SYMBOLS
from guest.elf import PERCPU_ENTRY_SIZE, Image, LoadError, Program, check_vermagic
from guest.params import Setting, settings, unquoted
from mm.gfp import GFP_KERNEL
from mm.layout import MODULE_NAME_LEN, Layout
from mm.list import Words, list_add, list_for_each, list_unlink
from mm.maccess import KernelMemory
from mm.slab import SlabAllocator
from mm.slab_geometry import MAX_OBJ_SIZE
from mm.vmalloc import Vmalloc


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program in memory: the address of its `struct module`, and its image for symbols and lines."""

    module: int
    program: Program
    image: Image


class Modules:
    """Loads programs into vmalloc space. invalidate_code(va, size) drops what the CPUs have translated there."""

    def __init__(
        self, w: Words, layout: Layout, slab: SlabAllocator, vmalloc: Vmalloc, vm: KernelMemory,
        invalidate_code: Callable[[int, int], None],
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._slab = slab
        self._vmalloc = vmalloc
        self._vm = vm
        self._invalidate_code = invalidate_code

    def load(self, program: Program) -> Loaded:
        """load_module: find room, link, copy. Raises LoadError where the program does not fit this kernel."""
        check_vermagic(program, self._layout.vermagic)
        base = self._place(program)
        try:
            image = program.link(base, SYMBOLS.get)
            self._vm.write(base, image.data)
            self._vm.write(base + len(image.data), bytes(image.size - len(image.data)))
            self._copy_percpu(image)
            module = self._slab.kzalloc(self._layout["module"].size, GFP_KERNEL)
            if not module:
                raise LoadError(f"{program.name}: the kernel has no memory for its module structure")
        except BaseException:
            self._vmalloc.vfree(base)
            raise
        self._invalidate_code(base, image.size)
        self._fill(module, image)
        list_add(self._w, module + self._layout["module"].offset("list"), self._layout.va("modules"))
        return Loaded(module, program, image)

    def _place(self, program: Program) -> int:
        if program.base is None:
            base = self._vmalloc.module_alloc(program.size)
            where = "in vmalloc space"
        else:
            base = self._vmalloc.vmalloc_at(program.base, program.size)
            where = f"at {program.base:08x}, for which it is linked"
        if not base:
            raise LoadError(f"{program.name}: there is no memory or no room for {program.size} bytes {where}")
        return base

    def _copy_percpu(self, image: Image) -> None:
        """Give every CPU's copy of a per-CPU variable its initial value."""
        start, entries = image.percpu_table
        for entry in range(start, start + entries * PERCPU_ENTRY_SIZE, PERCPU_ENTRY_SIZE):
            initial, copies, size = (self._vm.word(entry + 4 * n) for n in range(3))
            self._vm.write(copies, self._vm.read(initial, size) * self._layout.nr_cpus)

    def _fill(self, module: int, image: Image) -> None:
        fields = self._layout["module"]
        m = (module ^ 0xC0000000) >> 2
        for name, value in (
            ("init", image.init), ("exit", image.exit or 0), ("module_core", image.base), ("core_size", image.size),
            ("text_size", image.text_size), ("extable", image.ex_table[0]), ("num_exentries", image.ex_table[1]),
            ("bug_table", image.bug_table[0]), ("num_bugs", image.bug_table[1]),
        ):  # fmt: skip
            self._w[m + fields.word(name)] = value
        stem = PurePath(image.name).name.partition(".")[0].encode("utf-8", "replace")[: MODULE_NAME_LEN - 1]
        self._vm.write(module + fields.offset("name"), stem + b"\0")

    def set_arguments(self, loaded: Loaded, arguments: Sequence[str]) -> None:
        """Put argv into kernel memory that lives as long as the program. LoadError: it is too long.

        A module's arguments lose their quotation marks, as 2.6.20 takes them off.
        """
        if loaded.image.kind == "init_module":
            arguments = [*arguments[:1], *map(unquoted, arguments[1:])]
        data = bytearray()
        offsets = []
        start = 4 * (len(arguments) + 1)
        for text in arguments:
            offsets.append(start + len(data))
            data += text.encode("utf-8", "surrogateescape") + b"\0"
        block = self._slab.kmalloc(start + len(data), GFP_KERNEL)
        if not block:
            if start + len(data) <= MAX_OBJ_SIZE:
                raise LoadError(f"{loaded.image.name}: the kernel has no memory for its arguments")
            raise LoadError(f"{loaded.image.name}: its arguments take {len(data)} bytes, more than 128 KB")
        pointers = b"".join((block + offset).to_bytes(4, "little") for offset in offsets) + bytes(4)
        self._vm.write(block, pointers + data)
        self._w[((loaded.module ^ 0xC0000000) >> 2) + self._layout["module"].word("args")] = block

    def arguments(self, loaded: Loaded) -> int:
        """Address of argv."""
        return self._w[((loaded.module ^ 0xC0000000) >> 2) + self._layout["module"].word("args")]

    def newest(self) -> int:
        """The `struct module` of the program that was loaded last, 0 where none is."""
        entry = self._w[(self._layout.va("modules") ^ 0xC0000000) >> 2]
        return 0 if entry == self._layout.va("modules") else entry - self._layout["module"].offset("list")

    def parameters(self, loaded: Loaded) -> list[Setting]:
        """What argv sets before a module's init function runs, nothing for a main(). LoadError: unknown names."""
        if loaded.image.kind == "main":
            return []
        texts = []
        at = self.arguments(loaded) + 4  # behind the module's own name
        while text := self._vm.word(at):
            texts.append(text)
            at += 4
        return settings(loaded.program, loaded.image, self._vm, texts)

    def unload(self, module: int) -> None:
        """free_module: out of the list, its memory given back."""
        fields = self._layout["module"]
        m = (module ^ 0xC0000000) >> 2
        list_unlink(self._w, module + fields.offset("list"))
        self._slab.kfree(self._w[m + fields.word("args")])
        self._vmalloc.vfree(self._w[m + fields.word("module_core")])
        self._slab.kfree(module)

    def bug_at(self, eip: int) -> tuple[str, int] | None:
        """File and line of the BUG() at `eip` (lib/bug.c), None for another instruction."""
        fields = self._layout["module"]
        for entry in list_for_each(self._w, self._layout.va("modules")):
            m = (entry - fields.offset("list") ^ 0xC0000000) >> 2
            table = self._w[m + fields.word("bug_table")]
            for bug in range(table, table + 12 * self._w[m + fields.word("num_bugs")], 12):
                if self._vm.word(bug) == eip:
                    file = self._vm.string(self._vm.word(bug + 4)).decode("utf-8", "replace")
                    return file, self._vm.word(bug + 8) & 0xFFFF
        return None
