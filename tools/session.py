"""What a monitor command looks at: one kernel, seen from one CPU."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from hw.cpu import MSR_EFER
from hw.errors import PhysicalError
from hw.paging import CR4_PAE, Access, Walk, walk
from mm import fixmap
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from tools.errors import CommandError
from tools.expression import evaluate

if TYPE_CHECKING:
    from guest.kernel import Kernel
    from guest.symbols import SymbolEntry
    from guest.types import Types
    from hw.cpu import CPU
    from mm.ptdiff import Snapshot
    from tools.stops import Control

PHYSICAL_BITS = 36

REGISTER_NAMES = frozenset(
    "eax ebx ecx edx esi edi ebp esp eip eflags cs ss ds es fs gs cr0 cr2 cr3 cr4 dr0 dr1 dr2 dr3 dr6 dr7".split()
)
#: gdb's and QEMU's other names of registers.
ALIASES = {"pc": "eip", "sp": "esp", "fp": "ebp", "efl": "eflags"}


class Region(NamedTuple):
    """A named range of linear addresses, `end` exclusive."""

    name: str
    start: int
    end: int


class Session:
    """A kernel (running, ended, or attached to a saved image) and the number of the CPU to look through.

    Reading changes nothing in the machine. Addresses are 32-bit linear ones if not called physical.
    """

    #: whether there is no kernel: of a bare-metal machine
    bare = False

    def __init__(self, kernel: Kernel, cpu: int = 0) -> None:
        self.kernel = kernel
        self.cpu_number = cpu
        #: the call of tools.script that makes such a machine
        self.origin = "boot()"
        #: what controls the program that is run, if something does
        self.control: Control | None = None
        #: what `ptdiff save` keeps, by name
        self.snapshots: dict[str, Snapshot] = {}

    @property
    def cpu(self) -> CPU:
        """The CPU to look through; its registers by `cpu["cr3"]`."""
        return self.kernel.machine.cpus[self.cpu_number]

    def walk(
        self, linear: int, access: Access = Access.READ, user: bool = False, cr3: int | None = None
    ) -> Walk:
        """Translate by the page tables that CR3, or `cr3`, points to.

        SMAP keeps nobody from looking (EFLAGS.AC counts as 1).
        """
        cpu = self.cpu
        return walk(
            self.kernel.ram.words, cpu["cr3"] if cr3 is None else cr3, linear, cr0=cpu["cr0"], cr4=cpu["cr4"],
            access=access, user=user, efer=self.efer, ac=True,
        )  # fmt: skip

    @property
    def efer(self) -> int:
        """The CPU's EFER: whether NX bits are in force."""
        return self.cpu.read_msr(MSR_EFER)

    @property
    def pae(self) -> bool:
        """Whether the CPU's page tables have three levels."""
        return bool(self.cpu["cr4"] & CR4_PAE)

    def directory(self, cr3: int) -> int:
        """`cr3` without the bits that are no address; CommandError where no page directory can be."""
        size = 32 if self.pae else PAGE_SIZE
        cr3 &= -size
        if cr3 + size > min(self.kernel.ram.size, 1 << 32):
            raise CommandError(f"no page directory can be at physical 0x{cr3:x}")
        return cr3

    def directory_of(self, pid: int) -> int:
        """The page directory of a task; of one without an address space of its own, init_mm's."""
        spaces = self.kernel.address_spaces()
        if pid not in self.kernel.pids():
            raise CommandError(f"no task has pid {pid}")
        return next((space.cr3 for space in spaces if pid in space.pids), spaces[0].cr3)

    def read(self, linear: int, size: int, cr3: int | None = None) -> bytes:
        """Bytes at a linear address, under `cr3` if given; CommandError where a page is not mapped or not RAM."""
        result = bytearray()
        while size > 0:
            linear &= 0xFFFF_FFFF  # as the CPU: after the last address comes the first
            piece = min(size, PAGE_SIZE - linear % PAGE_SIZE)
            pa = self.walk(linear, cr3=cr3).pa
            if pa is None:
                raise CommandError(f"Cannot access memory at address 0x{linear:x}")
            result += self._ram(pa, piece, f"0x{linear:x}")
            linear, size = linear + piece, size - piece
        return bytes(result)

    def read_physical(self, pa: int, size: int) -> bytes:
        """Bytes at a physical address; CommandError where there is no RAM."""
        return self._ram(pa, size, f"physical 0x{pa:x}")

    def lowmem_word(self, va: int) -> int:
        """The 32-bit word at an address in the direct map, whatever the page tables have become."""
        return int.from_bytes(self.read_physical(va - PAGE_OFFSET & 0xFFFF_FFFF, 4), "little")

    def variable(self, name: str) -> int:
        """The value of a one-word variable of the kernel."""
        return self.lowmem_word(self.kernel.layout.va(name))

    def direct_map(self, pa: int) -> int | None:
        """The kernel's virtual address of a physical one, None above low memory."""
        return pa + PAGE_OFFSET if pa < self.low_memory else None

    @property
    def low_memory(self) -> int:
        """Size of the direct map in bytes."""
        return self.kernel.limits.max_low_pfn << PAGE_SHIFT

    def _ram(self, pa: int, size: int, what: str) -> bytes:
        try:
            return self.kernel.ram.read(pa, size)
        except PhysicalError:
            raise CommandError(f"Cannot access memory at address {what}") from None

    def regions(self) -> list[Region]:
        """The kernel's regions of the address space, ascending (mem_init's "virtual kernel memory layout")."""
        layout, high_memory = self.kernel.layout, PAGE_OFFSET + self.low_memory
        base = fixmap.pkmap_base(layout)
        return [
            Region("user", 0, PAGE_OFFSET),
            Region("direct map", PAGE_OFFSET, high_memory),
            Region("vmalloc", fixmap.vmalloc_start(high_memory), fixmap.vmalloc_end(layout)),
            Region("pkmap", base, base + layout.last_pkmap * PAGE_SIZE),
            Region("fixmap", fixmap.fixaddr_start(layout), fixmap.FIXADDR_TOP),
        ]

    def address(self, text: str) -> int:
        """A linear address in the words of tools.expression."""
        return evaluate(text, self._register, self.symbol)

    def physical(self, text: str) -> int:
        """A physical address, of up to 36 bits, in the words of tools.expression."""
        return evaluate(text, self._register, self.symbol, PHYSICAL_BITS)

    def _register(self, name: str) -> int | None:
        name = ALIASES.get(name.lower(), name.lower())
        return self.cpu[name] if name in REGISTER_NAMES else None

    def symbol(self, name: str) -> int | None:
        """The address of a function or variable of the kernel or of the program; None where there is none."""
        return self.kernel.symbol(name)

    def name(self, address: int) -> str | None:
        """'kmalloc+0x4' for an address in a known function or variable, None elsewhere."""
        found = self.function(address)
        if found is None:
            return None
        name, offset, _ = found
        return f"{name}+0x{offset:x}" if offset else name

    def line(self, address: int) -> tuple[str, int] | None:
        """Source file and line of the code at an address, None where no DWARF tells."""
        return self.kernel.symbols.line(address)

    def function(self, address: int) -> tuple[str, int, int] | None:
        """(name, offset, size) of the function or variable that an address is in."""
        return self.kernel.symbol_at(address)

    def symbols(self) -> Iterable[SymbolEntry]:
        """Every symbol, the newest program's first."""
        return self.kernel.symbols.each()

    @property
    def types(self) -> Types:
        """The C types of the kernel and of the programs."""
        return self.kernel.symbols.types
