"""What can go wrong inside the kernel, as exceptions that end the guest's call."""

from __future__ import annotations

from hw.errors import HighmemError


class KernelFault(HighmemError):
    """The kernel touched a virtual address that its page tables do not map: the way into an oops."""

    def __init__(self, address: int, write: bool = False) -> None:
        self.address = address & 0xFFFFFFFF
        super().__init__(f"kernel {'write' if write else 'read'} at unmapped virtual address {self.address:08x}")
        self.write = write


class ListCycle(HighmemError):
    """A list in guest memory that runs in a circle beside its head."""

    def __init__(self, head: int) -> None:
        super().__init__(f"the list at {head:08x} never comes back to its head")


class KernelBug(HighmemError):
    """A BUG_ON of the kernel's own. `where` is our source file and line, as `__FILE__:__LINE__` in C."""

    def __init__(self, where: str) -> None:
        super().__init__(f"kernel BUG at {where}!")
        self.where = where


class DamagedMemory(HighmemError):
    """The memory manager's structures in guest RAM are too damaged to go on; `fsck` names what is."""


class Panic(HighmemError):
    """panic(): the machine stops for good."""


class BootError(HighmemError):
    """The machine cannot be booted as it was asked for."""
