"""The CPUs under the scheduler: whose turn it is, running tasks, saving and loading their registers.

What a task needs to go on is in guest RAM: its registers on its own stack, its stack pointer and EIP in its struct. Of
one that is at work when its CPU's turn is over the registers stay in the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hw.countdown import ENDLESS
from hw.cpu import CPU
from hw.errors import HighmemError
from hw.watchdog import Uncut
from mm.errors import KernelBug, Panic
from mm.fork import TASK_INTERRUPTIBLE, Tasks
from mm.kthread import CONTEXT, EINTR, Kthreads
from mm.layout import THREAD_SIZE, Layout
from mm.list import Words
from mm.sched import LONGEST_TURN, Deadlock, Scheduler, Switch, TaskExit, TurnOver
from mm.time import TICK_NSEC, TRAP_NSEC
from mm.traps import EFLAGS_IF, Traps

_SOON, _SLOW = 8, 4  # of timers due within so many jiffies, under a schedule: one turn of so many takes a jiffy
_STORE_SIZE = 6  # bytes of the instruction that makes a hypercall
MOST_NESTED = 32  # constructors that allocate, and so on; a kernel stack holds no more
EFLAGS, EFLAGS_IRQS_OFF = 0x202, 0x002


class Halted(HighmemError):
    """The watchdog ended the run."""


class TaskKilled(HighmemError):
    """The task that was run got a SIGKILL."""


class Runner:
    """Runs tasks on the CPUs, one CPU at a time.

    name(va) gives the words for an address in the report of a deadlock. scheduled: a CPU's turn ends after a number
    of instructions that `schedule_state` decides, as it decides which CPU is next and where in its queue a task is
    put that is woken; else a turn ends only where its task waits for another CPU or gives way, and who came first
    goes first. choices: how often there was something to decide.
    """

    def __init__(
        self, cpus: Sequence[CPU], w: Words, layout: Layout, traps: Traps, tasks: Tasks, sched: Scheduler,
        kthreads: Kthreads, return_address: int, name: Callable[[int], str], scheduled: bool,
    ) -> None:  # fmt: skip
        self._cpus = cpus
        self._w = w
        self._traps = traps
        self._tasks = tasks
        self._sched = sched
        self._kthreads = kthreads
        self._return_address = return_address
        self._name = name
        self._scheduled = scheduled
        self.choices = 0
        self.on_result: Callable[[CPU], None] | None = None  # of a program or a thread
        self.uncut = Uncut(cpus)
        self.explain: Callable[[], list[str]] = list  # more lines for the report of a deadlock; put in where wired
        task = layout["task_struct"]
        self._esp, self._eip = task.word("thread.esp"), task.word("thread.eip")
        self._state, self._pid = task.word("state"), task.word("pid")
        self._preempt_count = layout["thread_info"].word("preempt_count")
        self._turn_cpu, self._turn_left, self._random = (
            (layout.va(name) ^ 0xC0000000) >> 2 for name in ("turn_cpu", "turn_left", "schedule_state")
        )
        # Of the run that is under way:
        self._program = 0  # the task that it is for
        self._end: TaskExit | None = None  # and how that ended
        self._void = False  # its function has no result
        self._waiting: dict[int, tuple[int, int]] = {}  # CPUs inside a call in which others run: traps' esp and caller
        self._interrupts = [0] * len(cpus)  # functions at work on a CPU though no task has called
        self._interrupted = [cpu.save_state() for cpu in cpus]
        self.cut: list[int] = []  # CPUs in whose turn an error ended the run
        if scheduled:
            sched.place_woken = self._place
            for cpu in cpus:
                cpu.count_instructions()

    @property
    def cpu(self) -> CPU:
        """The CPU at work."""
        return self._cpus[self._traps.cpu]

    def depth(self) -> int:
        """Guest functions within each other on the CPU at work, an interrupted one among them."""
        return self._cpus[self._traps.cpu].depth + self._interrupts[self._traps.cpu]

    def run(self, task: int, function: int, arguments: tuple[int, ...] = (), void: bool = False) -> int:
        """Run `function(arguments)` as `task`, and every other task in its turn, until it returns; its result.

        void: it has none.

        Raises TaskKilled where it was killed, Panic at a deadlock, Halted where the watchdog ends it, and what
        callbacks raise.
        """
        self._void = void
        self._kthreads.start(task, function, arguments)
        self._w[((task ^ 0xC0000000) >> 2) + self._state] = TASK_INTERRUPTIBLE
        place, self._sched.place_woken = self._sched.place_woken, None  # it comes last: no choice
        self._sched.wake_up_process(task)
        self._sched.place_woken = place
        return self._loop(task, 0, self._length())

    def resume(self, task: int) -> int:
        """Go on where a run was halted, perhaps in another process, until `task` ends; its result."""
        left = self._w[self._turn_left] if self._scheduled else ENDLESS
        self._w[self._turn_left] = 0
        return self._loop(task, self._w[self._turn_cpu], left)

    # turns

    def _loop(self, task: int, cpu: int, left: int) -> int:
        """Give turns, first `left` to `cpu`, until `task` ends; its result."""
        self._program, self._end = task, None
        self.cut.clear()
        if self._sched.has_work(cpu):
            self._turn(cpu, left)
        while self._end is None:
            cpu = self._next(cpu)
            self._turn(cpu, self._length())
        if self._end.signal:
            raise TaskKilled(f"{self._tasks.comm(task)} was killed by signal {self._end.signal}")
        return self._end.code & 0xFFFFFFFF

    def _number(self) -> int:
        """The next pseudo-random number (xorshift32)."""
        x = self._w[self._random]
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._w[self._random] = x
        return x

    def _length(self) -> int:
        """How many instructions a turn has: as often less than 32 as more."""
        if not self._scheduled:
            return ENDLESS
        longest = 1 << self._number() % LONGEST_TURN.bit_length()
        return 1 + self._number() % longest

    def _able(self, cpu: int) -> list[int]:
        """The CPUs that can have a turn, the one after `cpu` first: those with work that are not inside a call."""
        count = len(self._cpus)
        if count > 1:
            self._sched.balance()
        turns = [n % count for n in range(cpu + 1, cpu + count + 1)]
        return [n for n in turns if n not in self._waiting and self._sched.has_work(n)]

    def _choose(self, cpu: int, able: list[int]) -> int:
        others = [n for n in able if n != cpu]
        if self._scheduled and others:
            self.choices += 1
            return others[self._number() % len(others)]
        return able[0]

    def _place(self, places: int) -> int:
        if places == 1:
            return 0
        self.choices += 1
        return self._number() % places

    def _next(self, cpu: int) -> int:
        """Whose turn is next, after `cpu`. While no CPU has work, time passes."""
        while True:
            self.stand_on(cpu)
            if able := self._able(cpu):
                return self._choose(cpu, able)
            try:
                self._sched.wait_for_timer()
            except Deadlock:
                raise Panic(self._deadlock()) from None

    def let_others_run(self) -> bool:
        """Give another CPU a turn in the middle of a call on this one; False where none can go on."""
        traps = self._traps
        cpu, esp, caller = traps.cpu, traps.esp, traps.caller
        able = [n for n in self._able(cpu) if n != cpu]
        if not able:
            return False
        self._waiting[cpu] = esp, caller
        try:
            self._turn(self._choose(cpu, able), self._length())
        finally:
            del self._waiting[cpu]
            traps.cpu, traps.esp, traps.caller = cpu, esp, caller
            self._w[self._turn_cpu] = cpu
        return True

    def stand_on(self, cpu: int) -> None:
        """What is done now is done by a CPU for no task: on its idle stack."""
        traps = self._traps
        traps.cpu, traps.caller = cpu, 0
        traps.esp = self._idle_top(cpu)

    def _idle_top(self, cpu: int) -> int:
        return self._tasks.stack(self._sched.idle_task(cpu)) + THREAD_SIZE - 4

    def _turn(self, number: int, left: int) -> None:
        """Let a CPU that has work go on until its task gives way, ends or waits, or `left` are used up."""
        w, sched, cpu = self._w, self._sched, self._cpus[number]
        w[self._turn_cpu] = self._traps.cpu = number
        cpu.countdown.left = left
        current, end = sched.at_work(number), None
        try:
            if current:
                result = self._go(cpu, cpu["eip"])
            else:
                current = sched.pick_next(number)
                if self._kthreads.never_ran(current):
                    result = -EINTR & 0xFFFFFFFF
                else:
                    result = self._continue(cpu, current)
            if result is None:
                self._traps.esp, self._traps.caller = cpu["esp"], 0
                sched.timer_interrupt(bool(cpu["eflags"] & EFLAGS_IF), self._time())
                return
            end = TaskExit(result)
        except Switch as switch:
            self._save(cpu, current, switch.again)
            sched.leave(number)
            return
        except TurnOver as over:
            if not over.again:
                cpu["eip"] += _STORE_SIZE
            return
        except TaskExit as exit:
            end = exit
        except Halted:
            w[self._turn_left] = max(0, cpu.countdown.left) if self._scheduled else 0
            raise
        except BaseException:
            self.cut.append(number)
            raise
        self._check_preempt_count(current)
        sched.leave(number)
        cpu["esp"] = self._idle_top(number)
        if current == self._program:
            sched.forget(current)
            self._end = end
        else:
            self._kthreads.ended(current, end.code & 0xFFFFFFFF)

    def _time(self) -> int:
        """How long the turn took that is over, in ns. Timers that are due soon go off anywhere in the program."""
        due = self._sched.timers.next_timer()
        if due is None or due > _SOON:
            return TRAP_NSEC
        self.choices += 1
        return TRAP_NSEC if self._number() % _SLOW else TICK_NSEC

    def _check_preempt_count(self, task: int) -> None:
        """What do_exit says of a task that ends with a kmap_atomic, or a lock, that it has not given back."""
        w = self._w
        count = w[((self._tasks.stack(task) ^ 0xC0000000) >> 2) + self._preempt_count]
        if count:
            pid = w[((task ^ 0xC0000000) >> 2) + self._pid]
            self._traps.printk(f"<6>note: {self._tasks.comm(task)}[{pid}] exited with preempt_count {count}\n")

    def _continue(self, cpu: CPU, task: int) -> int | None:
        """Load a task's registers and run it."""
        w, t = self._w, (task ^ 0xC0000000) >> 2
        esp, eip = w[t + self._esp], w[t + self._eip]
        i = (esp ^ 0xC0000000) >> 2
        registers = {name: w[i + n] for n, name in enumerate(CONTEXT)}
        return self._go(cpu, eip, esp=esp + 4 * len(CONTEXT), **registers)

    def _go(self, cpu: CPU, eip: int, **registers: int) -> int | None:
        """EAX when the task's function returns; None where the turn is over before."""
        result = cpu.call(eip, until=self._return_address, **registers)
        if result is None and cpu.countdown.left >= 0:
            raise Halted("the run was halted")
        if result is not None and self.on_result is not None and not self._void:
            self.on_result(cpu)
        return result

    def _save(self, cpu: CPU, task: int, again: bool) -> None:
        """Save the registers of a task that stopped at a hypercall's store, to go on with it or behind it."""
        w, t = self._w, (task ^ 0xC0000000) >> 2
        esp = cpu["esp"]
        i = (esp ^ 0xC0000000) >> 2
        for n, name in enumerate(CONTEXT):
            w[i - len(CONTEXT) + n] = cpu[name]
        w[t + self._esp] = esp - 4 * len(CONTEXT)
        w[t + self._eip] = cpu["eip"] + (0 if again else _STORE_SIZE)

    # functions that the kernel calls

    def call_guest(self, function: int, *arguments: int, irqs: bool = True) -> int:
        """Call a guest function on the stack at work: from a call of the guest's, or between two instructions."""
        traps, cpu = self._traps, self.cpu
        number, esp, caller = traps.cpu, traps.esp, traps.caller
        if self.depth() > MOST_NESTED:
            raise KernelBug(f"guest functions called by the kernel, {MOST_NESTED} within each other")
        outside, left = not cpu.depth, cpu.countdown.left
        if outside:
            cpu.save_state(self._interrupted[number])
            self._interrupts[number], cpu.countdown.left = 1, ENDLESS
        try:
            ebp = esp + 4 if caller else cpu["ebp"]  # a stub leaves EBP and the return address as a frame does
            eflags = EFLAGS if irqs else EFLAGS_IRQS_OFF
            with self.uncut:
                return self._enter(cpu, function, (esp & -16) - 64, arguments, eflags, ebp)
        finally:
            traps.esp, traps.caller = esp, caller
            if outside:
                self._interrupts[number], cpu.countdown.left = 0, left
                cpu.restore_state(self._interrupted[number])

    def _enter(
        self, cpu: CPU, function: int, esp: int, arguments: Sequence[int], eflags: int, ebp: int
    ) -> int:  # fmt: skip
        esp = (esp - 4 * len(arguments) & -16) - 4
        i = (esp ^ 0xC0000000) >> 2
        self._w[i] = self._return_address
        for n, argument in enumerate(arguments):
            self._w[i + 1 + n] = argument
        result = cpu.call(function, until=self._return_address, esp=esp, ebp=ebp, eflags=eflags)
        if result is None:
            raise Halted("the run was halted")
        return result

    def interrupts_on(self, cpu: int) -> bool:
        """Whether a CPU that does not run now has interrupts on."""
        if cpu in self._waiting:
            esp, caller = self._waiting[cpu]
            return not caller or self._w[(esp ^ 0xC0000000) >> 2] & EFLAGS_IF != 0
        return not self._sched.at_work(cpu) or self._cpus[cpu]["eflags"] & EFLAGS_IF != 0

    def interrupt(self, cpu: int, function: int, data: int) -> None:
        """Have a CPU that does not run now run a guest function as an interrupt, on the stack that it is on."""
        self.on_cpu(cpu, lambda: self._sched.run_in_irq(function, data))

    def on_cpu(self, cpu: int, action: Callable[[], None]) -> None:
        """Do something as a CPU between two instructions of its task's, on the stack that it is on."""
        traps = self._traps
        before = traps.cpu, traps.esp, traps.caller
        if cpu in self._waiting:
            traps.cpu, (traps.esp, traps.caller) = cpu, self._waiting[cpu]
        elif self._sched.at_work(cpu):
            traps.cpu, traps.esp, traps.caller = cpu, self._cpus[cpu]["esp"], 0
        else:
            self.stand_on(cpu)
        try:
            action()
        finally:
            traps.cpu, traps.esp, traps.caller = before

    def _deadlock(self) -> str:
        """Who waits where, a task a line."""
        w, lines = self._w, ["deadlock: every task sleeps, and no timer is set"]
        for task in self._tasks.of_programs():
            t = (task ^ 0xC0000000) >> 2
            slot = (w[t + self._esp] + 4 * len(CONTEXT) ^ 0xC0000000) >> 2
            state = {1: "S", 2: "D"}.get(w[t + self._state], "R")
            lines.append(
                f"  {self._tasks.comm(task)} (pid {w[t + self._pid]}) {state} in {self._name(w[t + self._eip])}, "
                f"called from {self._name(w[slot + 2])}"
            )
        return "\n".join([*lines, *(f"  {line}" for line in self.explain())])
