"""The memory manager: Linux 2.6.20's for i386 over guest physical memory, one module per kernel source file.

Every struct is in guest RAM; the objects here hold addresses and constants. A virtual address is an int called `va`
or by the kernel's name for it, a frame number `pfn`, a `struct page` its virtual address.
"""

from mm.errors import BootError, KernelBug, KernelFault, Panic
from mm.events import Events
from mm.layout import Layout
from mm.setup import BootOptions

__all__ = ["BootError", "BootOptions", "Events", "KernelBug", "KernelFault", "Layout", "Panic"]
