"""The out-of-memory killer (mm/oom_kill.c, 2.6.20).

Who can be killed has an address space: the tasks of programs. A killed one ends at its next call, where in 2.6.20 it
would go on until it returns to user mode.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import NoReturn

from mm.events import Events
from mm.fork import DEFAULT_PRIO, Tasks
from mm.layout import Layout
from mm.list import Words, list_for_each
from mm.sched import Scheduler
from mm.time import Clock
from mm.traps import TIF_MEMDIE, Traps

OOM_DISABLE = -17
PF_EXITING = 0x00000004
_CAP_SYS_RAWIO, _CAP_SYS_ADMIN = 1 << 17, 1 << 21
_SHIFT_HZ = 8  # HZ is 250


class OomKiller:
    """Chooses who is to die. panic(text) does not return."""

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, events: Events, clock: Clock, tasks: Tasks, sched: Scheduler,
        panic: Callable[[str], NoReturn],
    ) -> None:  # fmt: skip
        self._w = w
        self._traps = traps
        self._events = events
        self._clock = clock
        self._tasks = tasks
        self._sched = sched
        self._panic = panic
        self._task = layout["task_struct"]
        self._total_vm = layout["mm_struct"].word("total_vm")
        self._panic_on_oom = (layout.va("panic_on_oom") ^ 0xC0000000) >> 2

    def _field(self, task: int, name: str) -> int:
        return self._w[((task ^ 0xC0000000) >> 2) + self._task.word(name)]

    def _pages(self, mm: int) -> int:
        return self._w[((mm ^ 0xC0000000) >> 2) + self._total_vm]

    def _children(self, task: int) -> list[int]:
        offset = self._task.offset("sibling")
        return [entry - offset for entry in list_for_each(self._w, task + self._task.offset("children"))]

    def badness(self, task: int) -> int:
        """How much is gained by killing a task that has an address space, in pages; less for old and mighty ones."""
        mm = self._tasks.mm(task)
        points = self._pages(mm)
        for child in self._children(task):
            if (other := self._tasks.mm(child)) and other != mm:
                points += self._pages(other) // 2 + 1
        start = self._field(task, "start_time") | self._w[
            ((task ^ 0xC0000000) >> 2) + self._task.word("start_time") + 1
        ] << 32
        cpu_time = (self._field(task, "utime") + self._field(task, "stime")) >> (_SHIFT_HZ + 3)
        run_time = max(0, self._clock() // 10**9 - start // 10**9) >> 10
        points //= isqrt(cpu_time) or 1
        points //= isqrt(isqrt(run_time)) or 1
        if self._field(task, "static_prio") > DEFAULT_PRIO:
            points *= 2
        capable = self._field(task, "cap_effective")
        if capable & _CAP_SYS_ADMIN or not self._field(task, "uid") or not self._field(task, "euid"):
            points //= 4
        if capable & _CAP_SYS_RAWIO:
            points //= 4
        adjust = self._oomkilladj(task)
        return points << adjust if adjust > 0 else points >> -adjust

    def _oomkilladj(self, task: int) -> int:
        adjust = self._field(task, "oomkilladj")
        return adjust - (1 << 32) if adjust >> 31 else adjust

    def _dies_already(self, task: int) -> bool:
        info = (self._tasks.stack(task) ^ 0xC0000000) >> 2
        return self._w[info + self._traps.info_flags] & TIF_MEMDIE != 0

    def out_of_memory(self, gfp_mask: int, order: int) -> bool:
        """Kill somebody, so that the allocation can be tried again. False where no task has asked for it, and where
        somebody is dying and the caller cannot sleep until he is dead.

        Panics where nobody can be killed, and with vm.panic_on_oom.
        """
        traps = self._traps
        candidates = [task for task in self._tasks.each() if self._tasks.mm(task)]
        dying = any(self._dies_already(task) for task in candidates)
        if not self._sched.serves_task() or dying and not self._sched.can_sleep():
            return False
        if traps.printk_ratelimit():
            adjust = self._oomkilladj(traps.current())
            traps.printk(
                f"<4>{traps.comm()} invoked oom-killer: gfp_mask=0x{gfp_mask:x}, order={order}, oomkilladj={adjust}\n"
            )
            traps.dump_stack()
            traps.show_mem()
        if self._w[self._panic_on_oom]:
            self._panic("out of memory. panic_on_oom is selected\n")
        if not dying:
            self._kill_one([task for task in candidates if self._oomkilladj(task) != OOM_DISABLE])
        if not self._w[traps.thread_flags()] & TIF_MEMDIE:
            self._sched.pause(1)  # whoever was killed gets the time to die
        return True

    def _kill_one(self, candidates: list[int]) -> None:
        if not candidates:
            self._panic("Out of memory and no killable processes...\n")
        points = {task: self.badness(task) for task in candidates}
        chosen = max(candidates, key=lambda task: points[task])
        self._traps.printk(
            f"<3>Out of memory: kill process {self._field(chosen, 'pid')} ({self._tasks.comm(chosen)}) "
            f"score {points[chosen]} or a child\n"
        )
        mm = self._tasks.mm(chosen)
        children = [child for child in self._children(chosen) if self._tasks.mm(child) not in (0, mm)]
        victim = children[0] if children else chosen
        self._traps.printk(f"<3>Killed process {self._field(victim, 'pid')} ({self._tasks.comm(victim)})\n")
        self._w[((self._tasks.stack(victim) ^ 0xC0000000) >> 2) + self._traps.info_flags] |= TIF_MEMDIE
        if (emit := self._events.mark_victim) is not None:
            emit(self._field(victim, "pid"))
        self._sched.kill(victim)
