"""Call chains: from registers back through the stack, along frame pointers (SDM vol. 1, 6.2), through the kernel's
stubs, and through functions that the kernel has called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from guest.calls import STUB_SIZE, STUBS_START, TABLE
from hw.cpu import CPU
from mm.fork import Tasks
from mm.kthread import CONTEXT
from mm.layout import THREAD_SIZE, Layout
from mm.list import Words
from mm.sched import Scheduler

_PUSH_EBP, _RET = 0x55, 0xC3
#: Of each instruction of a stub (guest.calls.stub), by its offset: bytes from ESP to the return address.
_STUB_DEPTH = {0: 0, 1: 4, 2: 8, 8: 8, 9: 4, 10: 0}
_STUBS_END = STUBS_START + STUB_SIZE * (max(call.number for call in TABLE) + 1)
_MOST_FRAMES = 4096


class Frame(NamedTuple):
    """One function of a call chain. pc: where it is, or where it goes on when the one before returns. sp: of the first
    frame ESP, else the address of the word that holds `pc`. certain: False where it is only a guess: a word on the
    stack that looks like a return address.
    """

    sp: int
    pc: int
    certain: bool = True


class Unwinder:
    """Follows call chains. word(va): the word at a linear address, None where nothing is. function(va): (name, offset,
    size) of the function that an address is in, None outside of all.
    """

    def __init__(
        self, word: Callable[[int], int | None], function: Callable[[int], tuple[str, int, int] | None]
    ) -> None:
        self._word = word
        self._function = function

    def frames(self, eip: int, esp: int, ebp: int, stack: range) -> list[Frame]:
        """The chain of what stands at `eip`, innermost first. stack: the addresses that belong to its stack.

        Where frame pointers lead nowhere at once, every word on the stack that lies in a function, as a guess.
        """
        chain = [Frame(esp, eip)]
        at, ebp = self._first(eip, esp, ebp)
        while at is not None and at in stack and len(chain) < _MOST_FRAMES:
            pc = self._word(at)
            if not pc:
                break
            chain.append(Frame(at, pc))
            if ebp <= at or ebp % 4 or ebp not in stack:
                break
            at, ebp = ebp + 4, self._word(ebp) or 0
        if len(chain) > 1 or esp not in stack:
            return chain
        return chain + self.guesses(range(esp & -4, stack.stop, 4))

    def guesses(self, addresses: Iterable[int]) -> list[Frame]:
        """Every word on a stack that lies behind the first byte of a function."""
        found = []
        for at in addresses:
            word = self._word(at)
            if word and (function := self._function(word)) and function[1]:
                found.append(Frame(at, word, certain=False))
        return found

    def _first(self, eip: int, esp: int, ebp: int) -> tuple[int | None, int]:
        """Where the return address of the function at `eip` is, and the frame pointer of its caller."""
        if STUBS_START <= eip < _STUBS_END:
            depth = _STUB_DEPTH.get((eip - STUBS_START) % STUB_SIZE, 0)
            if not depth and not self._function(self._word(esp) or 0):
                depth = 8  # in the middle of a call the CPU's EIP is that of the block, the stub's beginning
            return esp + depth, (self._word(esp + depth - 4) or 0) if depth else ebp
        code = self._word(eip)
        if code is None or code & 0xFF == _RET:  # a call to nowhere, or the frame is given up already
            return esp, ebp
        function = self._function(eip)
        offset = function[1] if function else -1
        if offset == 0:
            return esp, ebp
        if offset == 1 and (self._word(eip - 1) or 0) & 0xFF == _PUSH_EBP:
            return esp + 4, self._word(esp) or 0
        # a frame pointer that leads below ESP is none
        return (ebp + 4, self._word(ebp) or 0) if ebp >= esp and ebp % 4 == 0 else (None, 0)


@dataclass(frozen=True, slots=True)
class TaskTrace:
    """The call chain of a task. cpu: where it is at work, None for one that does not run. state: as in task_struct.

    frames: empty where nothing of it can be found: it never ran, or its registers are lost.
    """

    task: int
    pid: int
    comm: str
    cpu: int | None
    state: int
    stack: range
    frames: list[Frame]


class Backtraces:
    """Call chains of tasks. What a task does that does not run is on its stack; of the others in the CPUs."""

    def __init__(
        self, w: Words, layout: Layout, cpus: Sequence[CPU], tasks: Tasks, sched: Scheduler, unwinder: Unwinder
    ) -> None:
        self._w = w
        self._cpus = cpus
        self._tasks = tasks
        self._sched = sched
        self._unwinder = unwinder
        fields = layout["task_struct"]
        self._esp, self._eip = fields.word("thread.esp"), fields.word("thread.eip")
        self._pid, self._state = fields.word("pid"), fields.word("state")

    def on_cpu(self, cpu: int) -> TaskTrace:
        """What a CPU does, or did last: the task that its stack pointer is on."""
        esp = self._cpus[cpu]["esp"]
        tasks = [self._sched.idle_task(cpu), *self._tasks.each()]
        task = next((task for task in tasks if esp in self._stack(task)), 0)
        return self.of_task(task or self._sched.at_work(cpu) or tasks[0], cpu)

    def of_task(self, task: int, cpu: int | None = None) -> TaskTrace:
        """A task's chain; cpu: where to look for its registers, None for where they are."""
        w, t, stack = self._w, (task ^ 0xC0000000) >> 2, self._stack(task)
        where = cpu if cpu is not None else self._cpu_of(task, stack)
        if where is not None:
            eip, esp, ebp = (self._cpus[where][name] for name in ("eip", "esp", "ebp"))
        else:
            esp, eip = w[t + self._esp], w[t + self._eip]
            ebp = w[((esp ^ 0xC0000000) >> 2) + CONTEXT.index("ebp")] if esp in stack else 0
            esp += 4 * len(CONTEXT)
        known = where is not None or esp in stack
        frames = self._unwinder.frames(eip, esp, ebp, stack) if known else []
        pid = w[t + self._pid]
        return TaskTrace(task, pid, self._tasks.comm(task), where, w[t + self._state], stack, frames)

    def _stack(self, task: int) -> range:
        bottom = self._tasks.stack(task)
        return range(bottom, bottom + THREAD_SIZE)

    def _cpu_of(self, task: int, stack: range) -> int | None:
        """The CPU that has a task's registers."""
        numbers = range(len(self._cpus))
        for number in numbers:
            if task == self._sched.at_work(number):
                return number
        if self._sched.alive(task) and self._w[((task ^ 0xC0000000) >> 2) + self._esp] in stack:
            return None
        return next((number for number in numbers if self._cpus[number]["esp"] in stack), None)
