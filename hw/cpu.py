"""One i386 CPU: a Unicorn engine with registers, nested runs, exceptions and device windows."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from types import FrameType

from hw.calibrate import NO_EXCEPTION, offsets
from hw.constant import ConstantRegister
from hw.countdown import ENDLESS, Countdown
from hw.engine import (
    ERR_OK,
    HOOK_BLOCK,
    HOOK_INSN_INVALID,
    HOOK_INTR,
    HOOK_MEM_UNMAPPED,
    REGISTERS,
    Context,
    DescriptorTable,
    Engine,
    HookBlock,
    HookInterrupt,
    HookInvalid,
    HookMemory,
    MmioRead,
    MmioWrite,
)
from hw.errors import EngineError, PhysicalError
from hw.frame import VECTOR_NAMES, ExceptionFrame
from hw.paging import CR4_PAE, walk
from hw.ram import RAM

GENERAL = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
SELECTORS = ("cs", "ss", "ds", "es", "fs", "gs")
CONTROL = ("cr0", "cr2", "cr3", "cr4")
DEBUG = ("dr0", "dr1", "dr2", "dr3", "dr6", "dr7")
MSR_EFER = 0xC000_0080

#: Runs within each other; Unicorn 2.1.4 crashes in the 65th.
DEEPEST = 63
_INVALID_OPCODE = 6
_ACCESS = {16: "read", 17: "write", 18: "fetch", 19: "read", 20: "write", 21: "fetch"}
_FETCHES = (18, 21)

_SETTLED_SECONDS = 0.0005

ReadHandler = Callable[[int, int], int]
WriteHandler = Callable[[int, int, int], None]
Around = Callable[[ReadHandler, WriteHandler], tuple[ReadHandler, WriteHandler]]


class RunEnd(StrEnum):
    """How a run ended."""

    UNTIL = "until"
    STOPPED = "stopped"


class CPU:
    """An i386 in flat protected mode, ring 0, paging off, as it stands after construction.

    ``on_exception`` gets every fault, trap and INT n as an ExceptionFrame; returning from it resumes at
    ``frame.eip``. It is a BaseException's way out, too: what a callback raises comes out of ``run``.

    Registers by name: ``cpu["eax"]``, ``cpu["cr3"] = pa`` (general, eip, eflags, cs..gs, cr0 cr2 cr3 cr4,
    dr0-3 dr6 dr7). About 1 us each: not for hot paths. Inside on_exception they are those of the frame. In a
    device callback only control registers may be set: the rest of the block of code may not see others.
    """

    def __init__(self, ram: RAM, index: int = 0, model: str | None = None) -> None:
        """Make CPU number ``index`` over ``ram``, of a ``model`` of hw.engine; EngineError when Unicorn is unfit."""
        self.index = index
        self.on_exception: Callable[[ExceptionFrame], None] | None = None
        #: as on a PC, what nobody answers reads as ones and swallows what is written (code cannot run there)
        self.open_bus = False
        #: instructions that may still run, see ``count_instructions``
        self.countdown = Countdown()
        self._offsets = offsets()
        self._ram = ram
        self._engine = Engine(model)
        self._depth = 0
        self._stopping = False
        self._halted = False
        self._seen_inside: tuple[FrameType, float] | None = None
        self._edge = False
        self._stopped_at_fault = False
        self._until = 0
        self._thread = 0
        self._error: BaseException | None = None
        self._frames: list[ExceptionFrame] = []
        self._outer: list[Context] = []
        self._active: ExceptionFrame | None = None
        self._switches: list[Callable[[bool], None]] = []
        self._arounds: list[Around] = []
        self._wraps: list[Callable[[Around], None]] = []
        self._frame = self._frame_of(0)
        ram.map_into(self._engine)
        self._install_hooks()
        self._flush_engine = self._engine.tlb_flusher()
        #: drop every cached translation; safe in every callback but a memory hook's; 0.5 us
        self.flush_tlb: Callable[[], int] = self._flush_engine
        #: INVLPG: drop the translation of a linear address. (The engine has no smaller flush.)
        self.flush_tlb_page: Callable[[int], int] = lambda linear: self._flush_engine()
        #: hears of each control register that the host sets, before: its name and its value
        self.on_control: Callable[[str, int], None] | None = None
        #: hears that the host has written code
        self.on_new_code: Callable[[], None] | None = None
        #: what ``_start`` calls: Engine.start, or a watcher around it
        self.start_engine: Callable[[int, int], int] = self._engine.start
        for name, value in (("fpcw", 0x37F), ("mxcsr", 0x1F80), ("cr4", 0)):  # as after reset, SDM vol. 3, 9.1
            self._engine.write_register(REGISTERS[name], value)

    def close(self) -> None:
        """Free the engine. Not from within a run."""
        if self._depth:
            raise EngineError("a CPU cannot be closed while it runs")
        self._engine.close()

    @property
    def ram(self) -> RAM:
        """The memory that it sees."""
        return self._ram

    @property
    def frame(self) -> ExceptionFrame:
        """The frame that ``on_exception`` gets in a run that is no run within another."""
        return self._frame_of(1)

    # -- running

    @property
    def depth(self) -> int:
        """How many runs are under way: 0 outside, 1 in a callback of the first, ..."""
        return self._depth

    def run(self, eip: int, until: int) -> RunEnd:
        """Run from linear ``eip`` to ``until`` (before the instruction there), or until stopped.

        May be called inside a callback: all registers are then restored behind it. Raises what a callback
        raised, PhysicalError for an access that nobody answers, EngineError when the engine ended the
        run anywhere else. While a halt is in force the answer is STOPPED at once.
        """
        if not self._depth:
            return self._start(eip, until)
        context = self._enter_nested()
        try:
            return self._start(eip, until)
        finally:
            context.restore()
            self._flush_engine()

    def call(self, eip: int, until: int, **registers: int) -> int | None:
        """Set ``registers``, run to ``until`` and answer EAX, or None if the run was stopped.

        For a C function of the guest: ``until`` is the return address that the caller has put on the
        stack at ``esp``. Inside a callback all registers are restored behind it; errors as for ``run``.
        """
        context = self._enter_nested() if self._depth else None
        try:
            engine = self._engine
            for name, value in registers.items():
                engine.write_register(REGISTERS[name], value)
            if self._start(eip, until) is RunEnd.STOPPED:
                return None
            return engine.read_register(REGISTERS["eax"])
        finally:
            if context is not None:
                context.restore()
                self._flush_engine()

    def stop(self) -> None:
        """End the innermost run, from a callback.

        After a stop in a device callback EIP is the instruction itself, which has not counted as executed;
        after one in on_exception it is ``frame.eip``.
        """
        self._stopping = True
        self._engine.stop()

    def halt(self) -> None:
        """Make every run end as stopped, from any thread; to be called every few ms until the runs have ended.

        No device callback is cut: what has begun is finished, and what begins is refused, unexecuted, so
        that a later run may go on where this one was halted.
        """
        self._halted = self.countdown.halted = True
        for switch in self._switches:
            switch(True)
        if self.countdown.counts:
            return  # the next instruction stops
        # A stop while a callback's work is done but the engine has not yet heard of it would leave EIP on a
        # store that is done. This thread has Python's lock, so the frames stand still: stopped is a thread that
        # is inside the engine now, and was so in the same run at an earlier call, when new callbacks were
        # refused already, and that has had time of the host's CPU to leave the old ones since.
        frame = sys._current_frames().get(self._thread)
        if frame is None or frame.f_code is not _START_CODE or frame.f_locals["self"] is not self._engine:
            self._seen_inside = None
            return
        spent = _seconds_spent(self._thread)
        if self._seen_inside is None or self._seen_inside[0] is not frame:
            self._seen_inside = frame, spent
        elif spent - self._seen_inside[1] >= _SETTLED_SECONDS:
            self._engine.stop()

    @property
    def halted(self) -> bool:
        """Whether a halt is in force."""
        return self._halted

    def release(self) -> None:
        """Allow runs again after a halt."""
        self._halted = self.countdown.halted = False
        self._seen_inside = None
        for switch in self._switches:
            switch(False)

    def _start(self, eip: int, until: int) -> RunEnd:
        if self._halted:
            if not self._depth:
                self["eip"] = eip  # where a later run is to go on
            return RunEnd.STOPPED
        if self._depth >= DEEPEST:
            raise EngineError(f"more than {DEEPEST} runs within each other, at EIP {eip:#010x}", eip)
        depth = self._depth
        outer = self._active
        if not depth:
            self._thread = threading.get_ident()
        elif self._thread != threading.get_ident():
            raise EngineError("a CPU runs in one thread at a time")
        # Unicorn 2.1.4 translates an empty block at ``until``, and takes its last byte to be the one before: when
        # a page begins at ``until``, the page before is looked up too, and may fault. That is no fault of
        # the guest's.
        edge, left = (self._edge, self._until), self.countdown.left
        if depth:
            self.countdown.left = ENDLESS
        self._edge, self._until = not until & 0xFFF, until
        self._stopping = False
        self._active = None
        self._depth = depth + 1
        self._frame = self._frame_of(depth + 1)
        try:
            error = self.start_engine(eip, until)
            ended = self._engine.read_register(REGISTERS["eip"])
            stopping = self._stopping
            if self._stopped_at_fault:  # on its way out the engine has looked there again
                self._stopped_at_fault = False
                self._frame._context.restore()
        finally:
            self._depth = depth
            self._frame = self._frames[depth]
            self._active = outer
            self._stopping = False
            self._edge, self._until = edge
            if depth:
                self.countdown.left = left
        raised, self._error = self._error, None
        if raised is not None:
            if isinstance(raised, PhysicalError) and raised.eip is None:
                raised.eip = ended
            raise raised
        if error != ERR_OK:
            raise EngineError(f"the CPU gave up at EIP {ended:#010x}: {self._engine.library.words(error)}", ended)
        if ended == until & 0xFFFF_FFFF:
            return RunEnd.UNTIL
        if stopping or self._halted:
            return RunEnd.STOPPED
        raise EngineError(f"the CPU came to a halt at EIP {ended:#010x}", ended)

    def _enter_nested(self) -> Context:
        self._sync()
        while len(self._outer) < self._depth:
            self._outer.append(self._engine.context())
        context = self._outer[self._depth - 1]
        context.save()
        return context

    def _frame_of(self, depth: int) -> ExceptionFrame:
        while len(self._frames) <= depth:
            self._frames.append(ExceptionFrame(self._engine.context(), self._offsets))
        return self._frames[depth]

    # -- callbacks

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._engine.stop()

    def _install_hooks(self) -> None:
        def on_interrupt(_handle: int, vector: int, _data: int) -> None:
            frame = self._frame
            try:
                frame._take(vector)
                if self._edge and vector == 14 and frame.eip == self._until and frame.cr2 == frame.eip - 4096:
                    self._engine.stop()  # see _start
                    self._stopped_at_fault = True
                elif self._halted:
                    self.countdown.left += 1  # the run that goes on from here counts it anew, as in refuse_write
                    self._engine.stop()
                    self._stopped_at_fault = True
                elif self.on_exception is None:
                    name = VECTOR_NAMES.get(vector, f"interrupt {vector}")
                    raise EngineError(f"nobody handles {name} at EIP {frame.eip:#010x}", frame.eip)
                else:
                    self._active = frame
                    self.on_exception(frame)
                    self._stopped_at_fault = self._stopping
            except BaseException as error:
                self._fail(error)
                self._stopped_at_fault = True
            self._active = None
            restore(handle, frame._context.pointer)

        def on_invalid(_handle: int, _data: int) -> bool:
            on_interrupt(0, _INVALID_OPCODE, 0)
            return True

        def on_unmapped(_handle: int, kind: int, pa: int, size: int, _value: int, _data: int) -> bool:
            try:
                if self.open_bus and kind not in _FETCHES:
                    page = pa & -4096
                    self.map_mmio(page, 4096, lambda _offset, size: (1 << 8 * size) - 1, lambda *_store: None)
                    return True
                self._fail(PhysicalError(f"nothing answers at physical address {pa:#010x} "
                                         f"({_ACCESS.get(kind, 'access')} of {size} bytes)", pa))
            except BaseException as error:
                self._fail(error)
            return False

        restore = self._engine.library.quick.uc_context_restore
        handle = self._engine.handle
        self._engine.hook(HOOK_INTR, HookInterrupt(on_interrupt))
        self._engine.hook(HOOK_INSN_INVALID, HookInvalid(on_invalid))
        self._engine.hook(HOOK_MEM_UNMAPPED, HookMemory(on_unmapped))

    def count_instructions(self) -> None:
        """From now on end a run as stopped when ``countdown.left`` instructions have run: before the next one.

        What runs within a run is not counted. An instruction takes some 20 ns more.
        """

        def end() -> None:
            if not self._halted:
                self._stopping = True
            stop()

        stop = self._engine.stop
        if not self.countdown.counts:
            self.countdown.install(self._engine, end)

    def watch_blocks(self, seen: Callable[[int, int], None]) -> None:
        """From now on call ``seen(linear, size)`` before each run of a basic block; it takes 0.3 us. Not in a run."""

        def on_block(_handle: int, linear: int, size: int, _data: int) -> None:
            try:
                seen(linear, size)
            except BaseException as error:
                self._fail(error)

        self._engine.hook(HOOK_BLOCK, HookBlock(on_block))
        self._engine.flush_code()  # what is translated already does not call the hook

    def map_mmio(self, pa: int, size: int, read: ReadHandler, write: WriteHandler,
                 constant: ConstantRegister | None = None) -> None:
        """Let a device answer at physical [pa, pa + size): whole pages where there is no RAM, else EngineError.

        ``read(offset, size)`` gives the value; ``write(offset, size, value)`` gets it, unsigned. A 64-bit
        or unaligned access comes in pieces. ``constant``, if given, answers before ``read`` does.
        """
        stop = self._engine.stop
        for around in self._arounds:
            read, write = around(read, write)
        given = (read, write)

        def refuse_read(_offset: int, _size: int) -> int:
            self.countdown.left += 1
            stop()
            return 0

        def refuse_write(_offset: int, _size: int, _value: int) -> None:
            self.countdown.left += 1
            stop()

        # A halt exchanges the functions, so the trap itself need not ask whether there is one.
        def switch(halted: bool) -> None:
            nonlocal read, write
            read, write = (refuse_read, refuse_write) if halted else given

        def wrap(around: Around) -> None:
            nonlocal given
            given = around(*given)
            switch(self._halted)

        def on_read(_handle: int, offset: int, size: int, _data: int) -> int:
            try:
                return read(offset, size) & 0xFFFF_FFFF_FFFF_FFFF
            except BaseException as error:
                self._fail(error)
                return 0

        def on_write(_handle: int, offset: int, size: int, value: int, _data: int) -> None:
            try:
                write(offset, size, value)
            except BaseException as error:
                self._fail(error)

        self._engine.map_mmio(pa, size, MmioRead(on_read), MmioWrite(on_write), constant)
        self._switches.append(switch)
        self._wraps.append(wrap)

    def wrap_devices(self, around: Around) -> None:
        """From now on have devices answer by what ``around(read, write)`` makes of their functions. Not in a run."""
        self._arounds.append(around)
        for wrap in self._wraps:
            wrap(around)

    # -- registers

    def _sync(self) -> None:
        """Inside on_exception the frame is the truth: put it into the engine before the engine is asked."""
        if self._active is not None:
            self._active._context.restore()

    def __getitem__(self, name: str) -> int:
        self._sync()
        return self._engine.read_register(REGISTERS[name])

    def __setitem__(self, name: str, value: int) -> None:
        active = self._active
        if active is not None and name == "eip":
            active.eip = value
            return
        if self.on_control is not None and name in CONTROL:
            self.on_control(name, value)
        self._sync()
        self._engine.write_register(REGISTERS[name], value)
        if active is not None:
            active._take(active.vector)

    def trap_registers(self) -> dict[str, int]:
        """General registers, EIP and EFLAGS inside a device callback.

        EIP is the start of the straight run of code that the instruction belongs to: the instruction itself
        where it was jumped to or called, as the store of a hypercall stub is.
        """
        return {name: self[name] for name in (*GENERAL, "eip", "eflags")}

    def read_msr(self, number: int) -> int:
        """A model-specific register of up to 64 bits."""
        self._sync()
        return self._engine.read_msr(number)

    def write_msr(self, number: int, value: int) -> None:
        """Set a model-specific register of up to 64 bits."""
        self._sync()
        self._engine.write_msr(number, value)

    def set_gdt(self, base: int, limit: int) -> None:
        """Load GDTR: linear address and last valid offset. Loaded segments stay as they are."""
        self._set_table("gdtr", base, limit)

    def set_idt(self, base: int, limit: int) -> None:
        """Load IDTR. The engine never enters the IDT: exceptions go to on_exception."""
        self._set_table("idtr", base, limit)

    def _set_table(self, name: str, base: int, limit: int, selector: int = 0, flags: int = 0) -> None:
        self._sync()
        self._engine.write_table(REGISTERS[name], DescriptorTable(selector, base, limit, flags))
        if self._active is not None:
            self._active._take(self._active.vector)

    def load_segments(self, **selectors: int) -> None:
        """Load segment registers (cs ss ds es fs gs) from the GDT in guest memory, at the present ring.

        Raises EngineError for a selector that the CPU would refuse, naming it.
        """
        for name, selector in selectors.items():
            if name not in SELECTORS:
                raise KeyError(name)
            try:
                self[name] = selector
            except EngineError:
                raise EngineError(f"the GDT has no descriptor that {name.upper()}={selector:#06x} can load") from None
            if self[name] != selector:
                raise EngineError(f"{name.upper()}={selector:#06x} was not taken")

    def registers(self) -> dict[str, int]:
        """Everything that a machine needs to go on elsewhere, by name; see ``load_registers``.

        Besides the names above: gdtr_base gdtr_limit idtr_base idtr_limit, tr and ldtr with _base _limit
        _flags, efer, fpcw fpsw fptag mxcsr, st0-st7 (80 bits), xmm0-xmm7 (128 bits).
        """
        result = {name: self[name] for name in (*GENERAL, "eip", "eflags", *SELECTORS, *CONTROL, *DEBUG)}
        engine = self._engine
        for name in ("gdtr", "idtr", "tr", "ldtr"):
            table = engine.read_table(REGISTERS[name])
            result[f"{name}_base"] = table.base & 0xFFFF_FFFF
            result[f"{name}_limit"] = table.limit
            if name in ("tr", "ldtr"):
                result[name] = table.selector
                result[f"{name}_flags"] = table.flags
        result["efer"] = engine.read_msr(MSR_EFER)
        for name in ("fpcw", "fpsw", "fptag", "mxcsr"):
            result[name] = engine.read_register(REGISTERS[name])
        for number in range(8):
            raw = engine.read_bytes(REGISTERS["fp0"] + number, 10)
            result[f"st{number}"] = int.from_bytes(raw, "little")
            raw = engine.read_bytes(REGISTERS["xmm0"] + number, 16)
            result[f"xmm{number}"] = int.from_bytes(raw, "little")
        return result

    def load_registers(self, values: dict[str, int]) -> None:
        """Set what ``registers`` gave. Segments are loaded from the GDT in guest memory: that must be there.

        Outside of runs only. Ring 3 cannot be loaded (EngineError).
        """
        if values["cs"] & 3:
            raise EngineError("registers of ring 3 cannot be loaded")
        engine = self._engine
        for name in ("gdtr", "idtr", "tr", "ldtr"):
            table = DescriptorTable(values.get(name, 0), values[f"{name}_base"], values[f"{name}_limit"],
                                    values.get(f"{name}_flags", 0))
            engine.write_table(REGISTERS[name], table)
        engine.write_msr(MSR_EFER, values["efer"])
        for name in ("cr3", "cr4", "cr0", "cr2", *DEBUG, *GENERAL, "eip", "eflags",
                     "fpcw", "fpsw", "fptag", "mxcsr"):
            engine.write_register(REGISTERS[name], values[name])
        self.flush_tlb()
        self.load_segments(**{name: values[name] for name in SELECTORS if values[name] != self[name]})
        for number in range(8):
            engine.write_bytes(REGISTERS["fp0"] + number, values[f"st{number}"].to_bytes(10, "little"))
            engine.write_bytes(REGISTERS["xmm0"] + number, values[f"xmm{number}"].to_bytes(16, "little"))

    # -- whole states, translations and translated code

    def save_state(self, state: Context | None = None) -> Context:
        """A copy of all registers with ring and loaded segments, into ``state`` or a new one.

        It belongs to this CPU and lives as long. For another process use ``registers``.
        """
        self._sync()
        if state is None:
            state = self._engine.context()
        state.save()
        return state

    def restore_state(self, state: Context) -> None:
        """Make a state saved by this CPU the present one, and flush the TLB. Not in a device callback."""
        state.words[self._offsets.old_exception] = NO_EXCEPTION
        state.restore()
        self._flush_engine()
        if self._active is not None:
            self._active._take(self._active.vector)

    def invalidate_code(self, linear: int, size: int) -> None:
        """Forget translated code at LINEAR [linear, linear + size) of the address space in force now.

        For code that the host has written. A page that is not mapped there at this moment is passed over;
        code that was run through another alias of its frame is dropped too.
        """
        if self.on_new_code is not None:
            self.on_new_code()
        cr0, cr3, cr4, user = self["cr0"], self["cr3"], self["cr4"], self["cs"] & 3 == 3
        efer = self.read_msr(MSR_EFER) if cr4 & CR4_PAE else 0
        end = linear + size
        while linear < end:
            page_end = min((linear | 0xFFF) + 1, end)
            # Asked for a page that is not mapped, Unicorn raises the fault: outside of a run that spoils the
            # next one, and in a device callback it never returns.
            if walk(self._ram.words, cr3, linear, cr0=cr0, cr4=cr4, access="fetch", user=user,
                    efer=efer).pa is not None:
                self._engine.remove_code(linear, page_end)
            linear = page_end


def _seconds_spent(thread: int) -> float:
    """CPU time of a thread that is alive; where the host does not tell, the time of day."""
    if hasattr(time, "pthread_getcpuclockid"):
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    return time.monotonic()


_START_CODE = Engine.start.__code__
