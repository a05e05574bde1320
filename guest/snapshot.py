"""A machine's state kept in this process, to go back to again and again: memory, registers, and what the host knows.

Not while a program runs. Of the host's knowledge the programs' names are kept; a history of allocations begins anew.
"""

from __future__ import annotations

from guest.kernel import Kernel


class Snapshot:
    """The state of a kernel as it was when this was made."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        ram = kernel.ram
        self._pieces = [(start, end, bytes(ram.bytes[start:end])) for start, end in ram.extents()]
        self._states = [cpu.save_state() for cpu in kernel.machine.cpus]
        self._programs = kernel.symbols.programs()

    def restore(self) -> None:
        """Be there again."""
        kernel, memory = self._kernel, self._kernel.ram.bytes
        before = {(start, end) for start, end, _ in self._pieces}
        for start, end in kernel.ram.extents():
            if (start, end) not in before:
                memory[start:end] = bytes(end - start)
        for start, end, data in self._pieces:
            memory[start:end] = data
        for cpu, state in zip(kernel.machine.cpus, self._states, strict=True):
            cpu.release()
            cpu.restore_state(state)
        kernel.halt = None
        kernel.symbols.keep(self._programs)
        if kernel.history is not None:
            kernel.history.clear()
        kernel.runner.stand_on(0)
