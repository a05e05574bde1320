"""Steps by instruction and by source line, over calls and out of them.

A step belongs to the task that stands: what other tasks and CPUs do meanwhile does not end it, a break point does.
Each method arms the debugger and answers how to go on, for `Debugger.on_stop` to return.
"""

from __future__ import annotations

from guest.debug import Debugger
from guest.source import Source
from guest.stop_event import DebugError, Plan, Reason, Resume, Returned, StopEvent
from guest.symbols import KERNEL_RETURN
from hw.cpu import CPU
from hw.errors import HighmemError
from mm.layout import THREAD_SIZE

_RETURNS = (0xC3, 0xC2)


class Stepper:
    """The steps of a debugger, from where the machine stands."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self.source = Source(debugger.kernel.symbols)

    def stepi(self, count: int = 1) -> Resume:
        """Run `count` instructions."""
        return self._follow(_Instructions(self._debugger, self.source, count, over=False))

    def nexti(self, count: int = 1) -> Resume:
        """The same, a called function counting as one."""
        return self._follow(_Instructions(self._debugger, self.source, count, over=True))

    def step(self, count: int = 1) -> Resume:
        """Run until another source line begins, in a called function too if it has lines."""
        return self._follow(_Lines(self._debugger, self.source, count, over=False))

    def next(self, count: int = 1) -> Resume:
        """Run until another source line of this function, or its caller, begins."""
        return self._follow(_Lines(self._debugger, self.source, count, over=True))

    def until(self) -> Resume:
        """`next` that does not go back: out of a loop."""
        return self._follow(_Lines(self._debugger, self.source, 1, over=True, forward=True))

    def advance(self, linear: int) -> Resume:
        """Run until this task comes to a linear address, or the present function returns."""
        frames = self._frames()
        plan = _Place(self._debugger, self.source, linear, frames[1][1] + 4 if len(frames) > 1 else None)
        return self._follow(plan)

    def finish(self) -> Resume:
        """Run until the present function has returned; the stop's details are Returned. DebugError in the outermost."""
        frames = self._frames()
        if len(frames) < 2 or frames[1][0] == KERNEL_RETURN and len(frames) < 3:
            raise DebugError("the outermost function: when it returns, its task ends")
        pc, sp = frames[1]
        function = self.source.function(frames[0][0])
        plan = _Finish(self._debugger, self.source, sp + 4, function[0] if function else "")
        if pc != KERNEL_RETURN:
            self._debugger.wait_for(pc, sp + 4)
        return self._follow(plan)

    def _frames(self) -> list[tuple[int, int]]:
        """(pc, address of the word that holds it) of every function at work, the innermost first."""
        debugger = self._debugger
        trace = debugger.kernel.backtrace(cpu=debugger.cpu.index)
        return [(frame.pc, frame.sp) for frame in trace.frames if frame.certain] if trace else []

    def _follow(self, plan: Plan) -> Resume:
        if self._debugger.event is None:
            raise DebugError("the program does not run")
        self._debugger.follow(plan)
        return Resume.CONTINUE


class _Walk:
    """Follows the instructions of one task."""

    def __init__(self, debugger: Debugger, source: Source) -> None:
        self._debugger = debugger
        self._source = source
        cpu = debugger.cpu
        self._stack = cpu["esp"] & -THREAD_SIZE
        self._kinds: dict[int, tuple[bool, bool]] = {}  # of instructions: whether it is a call, a return
        self._top = 0  # what runs below this stack pointer does so for a function that is stepped over
        self._note(debugger.registers()["eip"], cpu["esp"])

    def __call__(self, cpu: CPU, linear: int) -> StopEvent | None:
        """Before an instruction: the stop, or None to go on."""
        esp = cpu["esp"]
        if esp & -THREAD_SIZE != self._stack or esp < self._top:
            return None
        self._top = 0
        answer = self._at(cpu, linear, esp)
        self._note(linear, esp)
        return answer

    def _at(self, cpu: CPU, linear: int, esp: int) -> StopEvent | None:
        raise NotImplementedError

    def _note(self, linear: int, esp: int) -> None:
        self._eip, self._esp = linear, esp
        kind = self._kinds.get(linear)
        if kind is None:
            try:
                code = self._debugger.read(linear, 2)
            except HighmemError:
                code = b"\0\0"
            is_call = code[0] == 0xE8 or code[0] == 0xFF and code[1] >> 3 & 7 == 2
            kind = self._kinds[linear] = is_call, code[0] in _RETURNS
        self._is_call, self._is_return = kind

    def _entered(self, esp: int) -> int | None:
        """Where the function returns to that the last instruction has called, itself or (to KERNEL_RETURN) by way of
        the kernel; None where it has not."""
        if not self._is_call and esp >= self._esp - 8:
            return None
        back = int.from_bytes(self._debugger.read(esp, 4), "little")
        if self._is_call:
            return back if esp == self._esp - 4 else None
        return back if back == KERNEL_RETURN else None

    def _over(self, back: int) -> None:
        """Run until the called function has returned."""
        if back == KERNEL_RETURN:
            self._top = self._esp
        else:
            self._debugger.wait_for(back, self._esp)

    def _stop(self, cpu: CPU, linear: int) -> StopEvent:
        return StopEvent(Reason.STEP, cpu.index, linear)


class _Instructions(_Walk):
    def __init__(self, debugger: Debugger, source: Source, count: int, over: bool) -> None:
        super().__init__(debugger, source)
        self._count = count
        self._steps_over = over

    def _at(self, cpu: CPU, linear: int, esp: int) -> StopEvent | None:
        if self._steps_over and (back := self._entered(esp)) is not None:
            self._over(back)
            return None
        self._count -= 1
        return None if self._count > 0 else self._stop(cpu, linear)


class _Lines(_Walk):
    """forward: only a place behind the first one is the end, or one in the caller."""

    def __init__(self, debugger: Debugger, source: Source, count: int, over: bool, forward: bool = False) -> None:
        super().__init__(debugger, source)
        self._count = count
        self._steps_over = over
        self._forward = self._eip if forward else 0
        self._body = 0
        self._begin(self._eip)

    def _begin(self, linear: int) -> None:
        row = self._source.row(linear)
        self._line = (row.file, row.line) if row else None

    def _at(self, cpu: CPU, linear: int, esp: int) -> StopEvent | None:
        if linear == self._body:
            self._body = 0
            return self._done(cpu, linear)
        back = self._entered(esp)
        if back is not None:
            if self._steps_over or self._line is None or self._source.row(linear) is None:
                self._over(back)
                return None
            body = self._source.body(linear)
            if body == linear:
                return self._done(cpu, linear)
            self._body = body
            self._debugger.wait_for(body, 0)
            return None
        row = self._source.row(linear)
        if row is None:
            return None
        if self._is_return:
            self._forward = 0
            return self._done(cpu, linear)
        if (row.file, row.line) == self._line or linear <= self._forward:
            return None
        if self._line is None or linear == row.start and row.statement:
            return self._done(cpu, linear)
        self._line = row.file, row.line  # the middle of another line: to its end too
        return None

    def _done(self, cpu: CPU, linear: int) -> StopEvent | None:
        self._count -= 1
        if self._count <= 0:
            return self._stop(cpu, linear)
        self._begin(linear)
        return None


class _Place(_Walk):
    """Ends at an address, or where the stack pointer is at least `top`."""

    def __init__(self, debugger: Debugger, source: Source, linear: int, top: int | None) -> None:
        super().__init__(debugger, source)
        self._linear = linear
        self._end = top

    def _at(self, cpu: CPU, linear: int, esp: int) -> StopEvent | None:
        if linear == self._linear or self._end is not None and esp >= self._end:
            return self._stop(cpu, linear)
        return None


class _Finish(_Walk):
    """Ends where the stack pointer is at least `top`."""

    def __init__(self, debugger: Debugger, source: Source, top: int, function: str) -> None:
        super().__init__(debugger, source)
        self._end = top
        self._function = function

    def _at(self, cpu: CPU, linear: int, esp: int) -> StopEvent | None:
        if esp < self._end:
            return None
        return StopEvent(Reason.FINISH, cpu.index, linear, None, Returned(self._function, cpu["eax"]))
