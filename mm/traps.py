"""What the kernel knows while it serves a trap: who called, on which CPU, and how it complains.

Nothing here outlives a trap: `esp`, `caller` and `cpu` are what the registers say at its entry. The texts are those
of include/asm-generic/bug.h and of __might_sleep in kernel/sched.c, 2.6.20.
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
from mm.time import HZ

EFLAGS_IF = 0x200
PF_MEMALLOC = 0x00000800
TIF_MEMDIE = 1 << 16
_IN_INTERRUPT = 0x0FFFFF00  # bits of preempt_count: softirqs (or with them off) and hard interrupts

_ROOT = Path(__file__).resolve().parent.parent


def _where(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path}:{frame.f_lineno}"


def _kernel_name(name: str) -> str:
    return "_" + name if name.startswith("_") else name  # "__" is one "_" in our methods' names


class Traps:
    """The trap being served.

    esp: the guest's stack pointer, whose 8 KB name the current thread; in a call EFLAGS and the frame pointer are the
    words there. caller: return address of the guest's call, 0 where none is served. cpu: number of the CPU. printk
    takes a text with its "<level>"; dump_stack and show_mem are put in where the kernel is wired. info_flags: word of
    thread_info->flags.
    """

    __slots__ = (
        "_comm", "_flags", "_jiffies", "_might_sleep_jiffy", "_preempt_count", "_task", "_w", "caller", "cpu",
        "dump_stack", "esp", "info_flags", "printk", "printk_ratelimit", "show_mem",
    )  # fmt: skip

    def __init__(self, w: Words, layout: Layout, printk: Printk) -> None:
        self._w = w
        self._task = layout["thread_info"].word("task")
        self.info_flags = layout["thread_info"].word("flags")
        self._preempt_count = layout["thread_info"].word("preempt_count")
        self._comm, self._flags = layout["task_struct"].word("comm"), layout["task_struct"].word("flags")
        self._jiffies = (layout.va("jiffies") ^ 0xC0000000) >> 2
        self._might_sleep_jiffy = (layout.va("might_sleep_jiffy") ^ 0xC0000000) >> 2
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

    def current_flags(self) -> int:
        """Word index of the current task's flags (PF_*)."""
        return ((self.current() ^ 0xC0000000) >> 2) + self._flags

    def thread_flags(self) -> int:
        """Word index of the current thread's flags (TIF_*)."""
        return (((self.esp & -THREAD_SIZE) ^ 0xC0000000) >> 2) + self.info_flags

    def preempt_count(self) -> int:
        """preempt_disable()s, spinlocks, softirqs and interrupts that the current thread is in."""
        return self._w[(((self.esp & -THREAD_SIZE) ^ 0xC0000000) >> 2) + self._preempt_count]

    def in_interrupt(self) -> bool:
        """Whether the call comes from an interrupt or softirq, or with softirqs off."""
        return self.preempt_count() & _IN_INTERRUPT != 0

    def irqs_disabled(self) -> bool:
        """Whether the call was made with interrupts off."""
        return self.caller != 0 and not self._w[(self.esp ^ 0xC0000000) >> 2] & EFLAGS_IF

    def might_sleep(self, where: str = "") -> None:
        """Complain, at most once a second, if the caller must not sleep. where: FILE:LINE, our caller's by default."""
        w, esp = self._w, self.esp
        disabled = self.caller != 0 and not w[(esp ^ 0xC0000000) >> 2] & EFLAGS_IF
        atomic = w[(((esp & -THREAD_SIZE) ^ 0xC0000000) >> 2) + self._preempt_count] != 0
        if not atomic and not disabled:
            return
        now, last = w[self._jiffies], w[self._might_sleep_jiffy]
        if last and (now - last & 0xFFFFFFFF) < HZ:
            return
        w[self._might_sleep_jiffy] = now
        where = where or _where(sys._getframe(1))
        self.printk(f"<3>BUG: sleeping function called from invalid context at {where}\n")
        self.printk(f"in_atomic():{int(atomic)}, irqs_disabled():{int(disabled)}\n")
        self.dump_stack()

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
