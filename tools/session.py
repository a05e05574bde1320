"""What a monitor command looks at: one kernel, seen from one CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hw.cpu import MSR_EFER
from hw.errors import PhysicalError
from hw.paging import Access, Walk, walk
from mm import fixmap
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from tools.errors import CommandError
from tools.expression import evaluate

if TYPE_CHECKING:
    from guest.kernel import Kernel
    from hw.cpu import CPU

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

    @property
    def cpu(self) -> CPU:
        """The CPU to look through; its registers by `cpu["cr3"]`."""
        return self.kernel.machine.cpus[self.cpu_number]

    def walk(self, linear: int, access: Access = Access.READ, user: bool = False) -> Walk:
        """Translate by the page tables that CR3 points to. SMAP keeps nobody from looking (EFLAGS.AC counts as 1)."""
        cpu = self.cpu
        return walk(
            self.kernel.ram.words, cpu["cr3"], linear, cr0=cpu["cr0"], cr4=cpu["cr4"], access=access, user=user,
            efer=cpu.read_msr(MSR_EFER), ac=True,
        )  # fmt: skip

    def read(self, linear: int, size: int) -> bytes:
        """Bytes at a linear address; CommandError where a page is not mapped or not RAM."""
        result = bytearray()
        while size > 0:
            linear &= 0xFFFF_FFFF  # as the CPU: after the last address comes the first
            piece = min(size, PAGE_SIZE - linear % PAGE_SIZE)
            pa = self.walk(linear).pa
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
        found = self.kernel.symbol_at(address)
        if found is None:
            return None
        name, offset, _ = found
        return f"{name}+0x{offset:x}" if offset else name
