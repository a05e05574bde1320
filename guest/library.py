"""The exported functions that take C strings: printk and its family, panic, kthread_create."""

from __future__ import annotations

from collections.abc import Callable

from mm.errors import Panic
from mm.kthread import Kthreads
from mm.maccess import KernelMemory
from mm.oops import Oops
from mm.printk import Printk
from mm.traps import Traps
from mm.vsprintf import vsnprintf
from mm.vsprintf_pointer import Memory

PRINTK_BUF = 1024


class Library:
    """Handlers for the table of calls. `args` is always the address of the first argument of a va_list."""

    def __init__(
        self, vm: KernelMemory, log: Printk, traps: Traps, oops: Oops, kthreads: Kthreads,
        registers: Callable[[], dict[str, int]], symbol: Callable[[int], tuple[str, int, int] | None],
        physical_size: int,
    ) -> None:  # fmt: skip
        self.vm = vm
        self._log = log
        self._traps = traps
        self._oops = oops
        self._kthreads = kthreads
        self._registers = registers
        self._memory = Memory(vm.read, symbol, self._format, physical_size)

    def _format(self, fmt: int, args: int) -> bytes:
        def next_word() -> int:
            nonlocal args
            value = self.vm.word(args)
            args += 4
            return value

        return vsnprintf(self.vm.string(fmt), next_word, self.vm.string, self._memory)

    def printk(self, fmt: int, args: int) -> int:
        """Log a message of at most 1023 bytes; its length, the levels added to it counted."""
        return self._log(self._format(fmt, args)[: PRINTK_BUF - 1].split(b"\0")[0])

    vprintk = printk

    def vsnprintf(self, buf: int, size: int, fmt: int, args: int) -> int:
        """Format into at most `size` bytes, the end included; the length that the whole text would have."""
        if size >> 31:
            self._traps.warn()
            return 0
        text = self._format(fmt, args)
        if size:
            self.vm.write(buf, text[: size - 1] + b"\0")
        return len(text)

    def vsprintf(self, buf: int, fmt: int, args: int) -> int:
        """Format without a limit; the length."""
        text = self._format(fmt, args)
        self.vm.write(buf, text + b"\0")
        return len(text)

    def panic(self, fmt: int, args: int) -> None:
        """Stop the machine for good."""
        raise Panic(self._format(fmt, args).decode("utf-8", "replace").rstrip("\n"))

    def kthread_create(self, function: int, data: int, namefmt: int, args: int) -> int:
        """A kernel thread with a formatted name."""
        name = self._format(namefmt, args).split(b"\0")[0].decode("utf-8", "replace")
        return self._kthreads.kthread_create(function, data, name)

    def might_sleep(self, file: int, line: int) -> None:
        """__might_sleep: the check of might_sleep() in a program."""
        self._traps.might_sleep(f"{self.vm.string(file).decode('utf-8', 'replace')}:{line}")

    def dump_stack(self) -> None:
        """Show the return addresses on the stack."""
        self._oops.show_trace(self._registers(), "")

    def warn_slowpath(self, file: int, line: int, function: int) -> None:
        """WARN_ON in a program."""
        where, name = (self.vm.string(va).decode("utf-8", "replace") for va in (file, function))
        self._log(f"BUG: at {where}:{line} {name}()\n")
        self.dump_stack()
