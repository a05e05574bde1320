"""The ways into the kernel (arch/i386/kernel/entry.S): hypercalls and exceptions, and how a program dies of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from guest.calls import TABLE, Call
from hw.cpu import CPU
from hw.errors import HighmemError
from hw.frame import ExceptionFrame
from hw.machine import TRAP_WINDOW_SIZE
from mm.errors import KernelBug, KernelFault, ListCycle, Panic
from mm.fault import PageFaults, Reason, Verdict
from mm.layout import PAGE_OFFSET
from mm.list import Words
from mm.oops import Oops
from mm.printk import Printk
from mm.sched import Scheduler
from mm.time import TICK_NSEC, TRAP_NSEC, Clock
from mm.traps import Traps

DAMAGE = (IndexError, ValueError)
"""What our own code raises where a guest has overwritten the structures that it walks."""

_PAGE_FAULT, _INVALID_OPCODE = 14, 6
_TRAP_NAMES = {
    0: "divide error", 1: "debug", 3: "int3", 4: "overflow", 5: "bounds", 6: "invalid opcode",
    7: "device not available", 8: "double fault", 10: "invalid TSS", 11: "segment not present", 12: "stack segment",
    13: "general protection fault", 16: "coprocessor error", 17: "alignment check",
}  # fmt: skip
_REGISTERS = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip", "eflags", "cs", "ss", "ds", "es")


class Killed(HighmemError):
    """The running program died in an oops, a BUG or a panic; the kernel log says of what."""


class FaultObserver(Protocol):
    """Who wants to hear of every exception of a program, and of every access to a bad address in its calls."""

    def before(self, frame: ExceptionFrame) -> None:
        """An exception has come."""

    def after(self, reason: Reason | None, eip: int) -> None:
        """What has become of it. reason: None for another one than a page fault. eip: where the program goes on."""

    def in_call(self, fault: KernelFault) -> None:
        """The kernel itself has met a bad address while it served a call."""


class Death:
    """Prints why a program dies, and ends it. cpu() is the CPU at work, bug_at(eip) file and line of a BUG()."""

    def __init__(
        self, cpu: Callable[[], CPU], oops: Oops, log: Printk, bug_at: Callable[[int], tuple[str, int] | None]
    ) -> None:
        self._cpu = cpu
        self._oops = oops
        self._log = log
        self._bug_at = bug_at
        self.observer: FaultObserver | None = None
        #: hears of a BUG() and a panic in the kernel's own code before anything is done about it
        self.on_bug: Callable[[KernelBug | Panic], None] | None = None

    def registers(self) -> dict[str, int]:
        """The registers that an oops shows."""
        cpu = self._cpu()
        return {name: cpu[name] for name in _REGISTERS}

    def die(self, cause: ExceptionFrame | HighmemError) -> NoReturn:
        """Print the oops that `cause` asks for and end the program."""
        if self.observer is not None and isinstance(cause, KernelFault):
            self.observer.in_call(cause)
        if self.on_bug is not None and isinstance(cause, KernelBug | Panic):
            self.on_bug(cause)
        registers = self.registers()
        self._oops.console_verbose()
        try:
            self._print(cause, registers)
        except (*DAMAGE, ListCycle, KernelFault) as error:
            self._log(f"<0>the kernel's own structures are damaged, no oops can be written: {error}\n")
        raise Killed(str(cause)) from None

    def _print(self, cause: ExceptionFrame | HighmemError, registers: Mapping[str, int]) -> None:
        oops = self._oops
        if isinstance(cause, KernelBug):
            oops.bug(cause.where, registers)
        elif isinstance(cause, KernelFault):
            oops.page_fault(cause.address, 2 if cause.write else 0, registers, self._cpu()["cr3"])
        elif not isinstance(cause, ExceptionFrame):
            oops.panic(str(cause))
        elif cause.vector == _PAGE_FAULT:
            oops.page_fault(cause.cr2, cause.error_code, registers, self._cpu()["cr3"])
        elif cause.vector == _INVALID_OPCODE and (bug := self._bug_at(cause.eip)):
            oops.bug(f"{bug[0]}:{bug[1]}", registers)
        else:
            oops.die(_TRAP_NAMES.get(cause.vector, f"interrupt {cause.vector}"), cause.error_code, registers)


class Entry:
    """Takes what the CPUs bring. cpu() is the CPU at work; parts: the objects in the table of calls, by name.

    pae: a pgprot_t takes two words.
    """

    def __init__(
        self, cpu: Callable[[], CPU], w: Words, traps: Traps, clock: Clock, sched: Scheduler, faults: PageFaults,
        death: Death, parts: Mapping[str, object], pae: bool,
    ) -> None:  # fmt: skip
        self._cpu = cpu
        self._w = w
        self._traps = traps
        self._clock = clock
        self._sched = sched
        self._faults = faults
        self._death = death
        self._parts = parts
        self._pae = pae

    def _handler(self, call: Call) -> Callable[[int], int | None]:
        """A function of the stack pointer's word index that reads the arguments and calls what serves `call`."""
        part, _, method = call.handler.partition(".")
        function = getattr(self._parts[part], method)
        w = self._w
        match call.arguments, call.variadic or call.pgprot is not None:
            case 0, False:
                return lambda i: function()
            case 1, False:
                return lambda i: function(w[i + 3])
            case 2, False:
                return lambda i: function(w[i + 3], w[i + 4])
            case 3, False:
                return lambda i: function(w[i + 3], w[i + 4], w[i + 5])
        first, n = 3, call.arguments
        if self._pae and (wide := call.pgprot) is not None:
            return lambda i: function(*_join(w[i + first : i + first + n + 1].tolist(), wide))
        if call.variadic:
            return lambda i: function(*w[i + first : i + first + n].tolist(), PAGE_OFFSET + (i + first + n << 2))
        return lambda i: function(*w[i + first : i + first + n].tolist())

    def trap_handler(self) -> Callable[[int, int, int], None]:
        """What answers a store to the hypercall page. A closure: its names are looked up in half the time."""
        w, traps, clock, sched, die = self._w, self._traps, self._clock, self._sched, self._death.die
        nsec_at = clock.nsec
        work_pending = sched.work_pending
        handlers: dict[int, Callable[[int], int | None]] = dict.fromkeys(range(TRAP_WINDOW_SIZE), _no_such_call)
        handlers |= {4 * call.number: self._handler(call) for call in TABLE}

        def on_trap(offset: int, size: int, esp: int) -> None:
            """A hypercall: `esp` points at the result's slot, in which EFLAGS are (see `guest.calls.stub`)."""
            try:
                i = (esp ^ 0xC0000000) >> 2
                traps.esp = esp
                traps.caller = w[i + 2]
                nsec = w[nsec_at] + TRAP_NSEC
                if nsec >= TICK_NSEC:
                    clock.tick()
                    sched.tick()
                else:
                    w[nsec_at] = nsec
                if w[work_pending]:
                    sched.do_pending_work()
                result = handlers[offset](i)
                if result is not None:
                    w[i] = result
            except (KernelFault, KernelBug, Panic) as error:
                die(error)
            except (*DAMAGE, ListCycle) as error:
                die(self._explain(error, offset, esp))

        return on_trap

    def _explain(self, error: Exception, offset: int, esp: int) -> KernelFault | KernelBug:
        """What a damaged structure or a wild argument made of our own code, in the kernel's terms."""
        limit = len(self._w)
        i = (esp ^ 0xC0000000) >> 2
        if i + 8 >= limit:
            return KernelBug(f"a call with the stack pointer {esp:08x}, which is not in the direct map")
        call = next(call for call in TABLE if 4 * call.number == offset)
        values = self._w[i + 3 : i + 4 + call.arguments].tolist()
        if self._pae and call.pgprot is not None:
            values = _join(values, call.pgprot)
        for is_pointer, value in zip(call.pointers, values):
            if is_pointer and (value ^ 0xC0000000) >> 2 >= limit - 16:
                return KernelFault(value)
        return KernelBug(f"{call.name}: a structure of the memory manager is damaged ({error})")

    def on_exception(self, frame: ExceptionFrame) -> None:
        """A fault or trap of a program."""
        self._clock.advance()
        self._traps.esp, self._traps.caller = frame.esp, 0
        observer = self._death.observer
        if observer is not None:
            observer.before(frame)
        reason, eip = self._settle(frame) if frame.vector == _PAGE_FAULT else (None, frame.eip)
        if observer is not None:
            observer.after(reason, eip)
        if reason is None or reason.verdict is Verdict.OOPS:
            self._death.die(frame)
        frame.eip = eip

    def _settle(self, frame: ExceptionFrame) -> tuple[Reason, int]:
        try:
            return self._faults.do_page_fault(frame.cr2, frame.error_code, frame.eip)
        except (*DAMAGE, ListCycle, KernelFault):
            return Reason.DAMAGED, frame.eip
        except (KernelBug, Panic) as error:
            if self._death.observer is not None:
                self._death.observer.after(Reason.ENDED, frame.eip)
            if isinstance(error, KernelBug):
                self._death.die(error)
            raise


def _no_such_call(i: int) -> NoReturn:
    raise KernelBug("a store to the hypercall page that is no call")


def _join(words: list[int], at: int) -> list[int]:
    """Arguments of which the one at `at` has two words, the low one first."""
    return [*words[:at], words[at] | words[at + 1] << 32, *words[at + 2 :]]
