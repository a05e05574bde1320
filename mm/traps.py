"""What the kernel knows while it serves a trap: who called, on which CPU, and how it complains.

Nothing here outlives a trap: `esp`, `caller` and `cpu` are what the registers say at its entry. The texts are those
of include/asm-generic/bug.h, 2.6.20.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mm.errors import KernelBug
from mm.layout import TASK_COMM_LEN, THREAD_SIZE, Layout
from mm.list import Words
from mm.printk import Printk

_ROOT = Path(__file__).resolve().parent.parent


def _where(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path}:{frame.f_lineno}"


def _kernel_name(name: str) -> str:
    return "_" + name if name.startswith("_") else name  # "__" is one "_" in our methods' names


class Traps:
    """The trap being served.

    esp: the guest's stack pointer, whose 8 KB name the current thread. caller: return address of the guest's
    call, 0 while booting. cpu: number of the CPU. printk takes a text with its "<level>"; dump_stack and
    show_mem are put in where the kernel is wired.
    """

    __slots__ = ("_comm", "_task", "_w", "caller", "cpu", "dump_stack", "esp", "printk", "printk_ratelimit", "show_mem")

    def __init__(self, w: Words, layout: Layout, printk: Printk) -> None:
        self._w = w
        self._task = layout["thread_info"].word("task")
        self._comm = layout["task_struct"].word("comm")
        self.esp = layout.va("init_thread_union") + THREAD_SIZE - 4
        self.caller = 0
        self.cpu = 0
        self.printk: Callable[[str], object] = printk
        self.printk_ratelimit = printk.ratelimit
        self.dump_stack: Callable[[], None] = lambda: None
        self.show_mem: Callable[[], object] = lambda: None

    def current_thread_info(self) -> int:
        """Virtual address of the current `struct thread_info`: the bottom of the stack."""
        return self.esp & -THREAD_SIZE

    def current(self) -> int:
        """Virtual address of the current `struct task_struct`, 0 where the stack names none."""
        i = ((self.esp & -THREAD_SIZE) ^ 0xC0000000) >> 2
        return self._w[i + self._task] if i < len(self._w) else 0

    def comm(self) -> str:
        """Name of the current task; "?" where its structs are damaged."""
        i = ((self.current() ^ 0xC0000000) >> 2) + self._comm
        words = self._w[i : i + (TASK_COMM_LEN >> 2)].tobytes()
        return words.split(b"\0")[0].decode("latin-1") or "?"

    def bug(self) -> NoReturn:
        """BUG(): end the call in "kernel BUG at FILE:LINE!", naming the line of ours that called this."""
        raise KernelBug(_where(sys._getframe(1)))

    def warn(self) -> None:
        """WARN_ON(1): say where, show the stack, go on."""
        frame = sys._getframe(1)
        self.printk(f"BUG: at {_where(frame)} {_kernel_name(frame.f_code.co_name)}()\n")
        self.dump_stack()
