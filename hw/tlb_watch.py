"""Watches the CPUs of a machine for accesses that could use a stale translation.

While it watches, the engines do not walk page tables: at each miss of its own TLB an engine asks here, and so tells
each first access to a page, with its linear address. The answer is the pure walker's, and the accesses fill a model
of the TLB (hw.tlb). The engine's TLB never holds more than the model; so an access that it does not tell changes
nothing, as long as the tables are the same. When they have changed, the engines' TLBs are emptied, and each access
is told again. What has changed is found by comparison with copies, when host code has run and when the guest has
stored to a table: to open a table's page for a store empties the TLB, so that whatever the guest touches next is
told. INVLPG and MOV to control registers have a hook each, put there when their page is first fetched. A fault is
left to the engine: it runs on from the instruction by its own page walk, and raises it.

The model starts empty. What host code reads and writes by itself is no access.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from hw.cpu import CPU, MSR_EFER, ReadHandler, WriteHandler
from hw.engine import (
    ACCESS_FETCH,
    ACCESS_READ,
    ACCESS_WRITE,
    HOOK_CODE,
    HOOK_TLB_FILL,
    PERM_EXEC,
    PERM_READ,
    PERM_WRITE,
    REGISTERS,
    HookCode,
    HookTlbFill,
)
from hw.frame import ExceptionFrame
from hw.paging import AVL, CR0_WP, CR4_PAE, PAGE_SIZE, A, Access, D, Level, P, Walk, marks, walk
from hw.ram import RAM
from hw.tlb import Cached, Stale, Tlb, changed_entry

_ACCESS = {ACCESS_READ: Access.READ, ACCESS_WRITE: Access.WRITE, ACCESS_FETCH: Access.FETCH}
_PAGE_FAULT = 14
_LONGEST_INSTRUCTION = 15

# 0F 01 /7 (INVLPG), 0F 22 /r (MOV to CR), and what may be their beginning at the end of a page
_PRIVILEGED = re.compile(rb"\x0f(?:\x01[\x38-\x3f\x78-\x7f\xb8-\xbf]|\x22.|[\x01\x22]?\Z)", re.DOTALL)
_PREFIXES = b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3"


class Change(NamedTuple):
    """A present entry that got another value.

    ``eip``: the guest's instruction, or its call's return address where host code did it (``call``: in whose name);
    0 where nobody had called. ``time``: as the watch's clock gives it.
    """

    address: int
    old: int
    new: int
    cpu: int
    eip: int
    call: str
    time: int


class StaleEntry(NamedTuple):
    """A translation in the model of a CPU's TLB that the tables no longer give.

    ``level``: the entry that has changed, as the CPU read it, None where none has and CR3 leads elsewhere; ``new``: its
    value now. ``change``: who did it, None where that was not seen.
    """

    cpu: int
    cached: Cached
    level: Level | None
    new: int
    change: Change | None


class StaleUse(NamedTuple):
    """An access that could use a stale translation; ``linear`` is exact where the instruction tells, else its page."""

    linear: int
    access: Access
    from_user: bool
    eip: int
    entry: StaleEntry
    now: Walk


class TlbWatch:
    """Watches ``cpus``, from now on and for ever. To be made outside of runs, with the CPUs' callbacks in place.

    on_stale gets each StaleUse, within the access; it may read registers. caller(offset) tells for whom host code
    works: the guest's return address or 0, and a name; offset is that of the device's store at work, None without one.
    """

    def __init__(self, ram: RAM, cpus: Sequence[CPU], capacity: int | None, on_stale: Callable[[StaleUse], None],
                 caller: Callable[[int | None], tuple[int, str]], clock: Callable[[], int]) -> None:
        self.ram = ram
        self._on_stale = on_stale
        self._caller = caller
        self._clock = clock
        self._tables: dict[int, bytearray] = {}  # by physical address: what was there when it was last looked at
        self.table_frames: set[int] = set()
        self._changes: dict[int, Change] = {}
        #: the CPU that may have stored to a table since, and its instruction
        self.pending: tuple[_Watched, int] | None = None
        self.device: int | None = None
        self.at_work = 0
        self._watched = [_Watched(self, cpu, Tlb(ram.words, capacity)) for cpu in cpus]

    def stale(self, cpu: int) -> list[StaleEntry]:
        """The stale translations that a CPU may hold, the oldest first."""
        self.settle()
        watched = self._watched[cpu]
        return [self._entry(watched, cached) for cached in watched.tlb if watched.is_stale(cached)]

    def cached(self, cpu: int) -> list[Cached]:
        """All translations that a CPU may hold, the oldest first."""
        return list(self._watched[cpu].tlb)

    # -- page tables

    def learn(self, levels: Sequence[Level]) -> None:
        """Know the tables that these entries lie in."""
        for level in levels:
            size = 32 if level.name == "PDPTE" else PAGE_SIZE
            start = level.address & -size
            if start not in self._tables:
                self._tables[start] = bytearray(self.ram.bytes[start:start + size])
                frame = start >> 12
                self.table_frames.add(frame)
                for watched in self._watched:
                    if frame in watched.granted:
                        watched.flush()

    def mark(self, address: int, bits: int) -> None:
        """Set A or D in an entry, as the CPU does."""
        self.ram.bytes[address] |= bits
        known = self._tables.get(address & -PAGE_SIZE)
        if known:
            known[address & PAGE_SIZE - 1] |= bits

    def settle(self) -> None:
        """Notice what has become of the tables since the last time."""
        pending, self.pending = self.pending, None
        memory = self.ram.bytes
        for start, known in self._tables.items():
            if known != memory[start:start + len(known)]:
                self._compare(start, known, pending)
        if pending:
            pending[0].flush()  # the next store is to be seen too

    def _compare(self, start: int, known: bytearray, pending: tuple[_Watched, int] | None) -> None:
        import numpy

        now = bytearray(self.ram.bytes[start:start + len(known)])
        kind = "<u8" if any(watched.pae for watched in self._watched) else "<u4"
        before, after = numpy.frombuffer(known, kind), numpy.frombuffer(now, kind)
        origin, found = None, False
        for at in numpy.flatnonzero(before != after).tolist():
            old, new = int(before[at]), int(after[at])
            if not old & P or not (old ^ new) & ~(A | AVL | D) and not old & ~new & D:
                continue
            found = True
            if origin is None:
                eip, call = (pending[1], "") if pending else self._caller(self.device)
                origin = pending[0].cpu.index if pending else self.at_work, eip, call, self._clock()
            address = start + at * before.itemsize
            self._changes[address] = Change(address, old, new, *origin)
        self._tables[start] = now
        if found:
            for watched in self._watched:
                watched.flush()

    def forget(self) -> None:
        """Where no CPU holds anything, no table matters."""
        if all(watched.tlb.empty for watched in self._watched):
            self._tables.clear()
            self.table_frames.clear()
            self._changes.clear()

    # -- reports

    def report(self, watched: _Watched, stale: Stale) -> None:
        """An access could use a stale translation."""
        now = stale.now
        eip = watched.cpu["eip"]
        linear = watched.exact(now.linear, eip, now.access)
        self._on_stale(StaleUse(linear, now.access, now.from_user, eip, self._entry(watched, stale.cached), now))

    def _entry(self, watched: _Watched, cached: Cached) -> StaleEntry:
        """What has changed, and by whom."""
        found = changed_entry(self.ram.words, cached)
        if found is None:
            return StaleEntry(watched.cpu.index, cached, None, 0, None)
        level, new = found
        return StaleEntry(watched.cpu.index, cached, level, new, self._changes.get(level.address))


class _Watched:
    """One CPU under watch."""

    def __init__(self, watch: TlbWatch, cpu: CPU, tlb: Tlb) -> None:
        import capstone  # type: ignore[import-untyped]  # 40 ms, only for who watches

        self._watch = watch
        self.cpu = cpu
        self.tlb = tlb
        self.granted: set[int] = set()  # frames that the engine may write without asking
        self._engine = engine = cpu._engine
        self._flush_engine = cpu._flush_engine
        self._start_engine = cpu.start_engine
        self._words = watch.ram.words
        self._disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
        self._disassembler.detail = True
        self._memory_operand = capstone.x86.X86_OP_MEM
        self._control: tuple[int, int, int, int] | None = None  # CR0, CR3, CR4, EFER; None: to be read anew
        self._host = True  # what the engine asks now is asked by host code
        self._host_asked = False
        self._missed = False
        self._faulting = False  # the engine walks by itself, towards a fault
        self._scanned: dict[int, bytes] = {}
        self._hooked: set[int] = set()
        self._on_code = HookCode(self._guard(self._privileged))
        fill: Any = self._guard(self._fill)
        engine.flush_code()  # what is translated already would not call the hooks
        engine.hook(HOOK_TLB_FILL, HookTlbFill(lambda *arguments: bool(fill(*arguments))))
        engine.fill_tlb_by_hook(True)
        self.flush()
        cpu.flush_tlb = self._flush_all
        cpu.flush_tlb_page = self._flush_page
        cpu.on_control = self._host_sets
        cpu.on_new_code = self.flush  # it is looked at when its page is fetched again
        cpu.start_engine = self._start
        cpu.wrap_devices(self._around_device)
        if cpu.on_exception is not None:
            cpu.on_exception = partial(self._exception, cpu.on_exception)

    def _guard(self, function: Callable[..., bool | None]) -> Callable[..., bool | None]:
        def guarded(*arguments: Any) -> bool | None:
            try:
                return function(*arguments)
            except BaseException as error:
                self.cpu._fail(error)
                return False

        return guarded

    def flush(self) -> None:
        """Have the engine ask for every page anew. The model stays as it is."""
        self._flush_engine()
        self.granted.clear()
        self._host_asked = False

    # -- the registers that matter

    def control(self) -> tuple[int, int, int, int]:
        """CR0, CR3, CR4 and EFER."""
        if self._control is None:
            read = self._engine.read_register
            cr0, cr3, cr4 = (read(REGISTERS[name]) for name in ("cr0", "cr3", "cr4"))
            self._control = cr0, cr3, cr4, self._engine.read_msr(MSR_EFER) if cr4 & CR4_PAE else 0
        return self._control

    @property
    def pae(self) -> bool:
        """Whether entries have 64 bits."""
        return self.control()[2] & CR4_PAE != 0

    def walk(self, linear: int, access: Access, user: bool) -> Walk:
        """What the tables say now."""
        cr0, cr3, cr4, efer = self.control()
        return walk(self._words, cr3, linear, cr0=cr0, cr4=cr4, access=access, user=user, efer=efer, ac=True)

    def is_stale(self, cached: Cached) -> bool:
        """Whether some access through a cached translation would not come to what the tables say."""
        linear = cached.linear
        while linear < cached.linear + cached.size:
            now = self.walk(linear, Access.READ, False)
            if self.tlb.contradicts(cached, now, cached.dirty):
                return True
            if now.pa is None:
                return False
            if (
                cached.writable and not now.writable
                or cached.user and not now.user
                or cached.executable and not now.executable
            ):
                return True
            linear += now.page_size
        return False

    # -- what the engine asks

    def _fill(self, _handle: int, linear: int, kind: int, out: Any, _data: int) -> bool:
        watch = self._watch
        if watch.pending:
            watch.settle()
        cr0, _, cr4, _ = self._control or self.control()
        user = self._engine.read_register(REGISTERS["cs"]) & 3 == 3
        now = self.walk(linear, _ACCESS[kind], user)
        if self._host:
            self._host_asked = True
        else:
            stale = self.tlb.access(now, cr0, cr4)
            if stale:
                watch.report(self, stale)
            if self.tlb.evicted:
                self.tlb.evicted = False
                self.flush()
            if now.pa is None:
                self._missed = True
            watch.learn(now.levels)
        if now.pa is None:
            return False
        for address, bits in marks(now):
            watch.mark(address, bits)
        frame = now.pa >> 12
        perms = PERM_READ
        if now.access is Access.WRITE:
            perms |= PERM_WRITE
            if frame in watch.table_frames:
                watch.settle()
                self.flush()
                watch.pending = self, self._engine.read_register(REGISTERS["eip"])
        elif ((now.writable or not user and not cr0 & CR0_WP) and frame not in watch.table_frames
              and (not now.levels or now.levels[-1].entry & D)):
            perms |= PERM_WRITE
        if perms & PERM_WRITE:
            self.granted.add(frame)
        if now.access is Access.FETCH:
            self._scan(linear, now.pa & -PAGE_SIZE)
            perms |= PERM_EXEC
        out[0].pa = now.pa & -PAGE_SIZE
        out[0].perms = perms
        return True

    def _scan(self, linear: int, pa: int) -> None:
        """Hook what may be an INVLPG or a MOV to a control register in a page of code."""
        code = bytes(self._watch.ram.bytes[pa:pa + PAGE_SIZE])
        if self._scanned.get(linear) == code:
            return
        self._scanned[linear] = code
        for match in _PRIVILEGED.finditer(code):
            at = match.start()
            while True:
                if linear + at not in self._hooked:
                    self._hooked.add(linear + at)
                    self._engine.hook(HOOK_CODE, self._on_code, linear + at, linear + at)
                if not at or code[at - 1] not in _PREFIXES:
                    break
                at -= 1

    def _privileged(self, _handle: int, eip: int, _size: int, _data: int) -> None:
        """An instruction is about to run that may be one of those that drop translations."""
        if self._watch.pending:
            self._watch.settle()
        if self._host or self._engine.read_register(REGISTERS["cs"]) & 3:
            return
        instruction = self._decode(eip)
        if instruction is None:
            return
        if instruction.mnemonic == "invlpg":
            self.tlb.invlpg(self._operand(instruction, instruction.operands[0]))
        elif instruction.mnemonic == "mov" and (name := instruction.op_str.split(",")[0]) in ("cr0", "cr3", "cr4"):
            source = instruction.reg_name(instruction.operands[1].reg)
            self._set_control(name, self._engine.read_register(REGISTERS[source]))
        else:
            return
        self.flush()
        self._watch.forget()

    def _set_control(self, name: str, value: int) -> None:
        cr0, _, cr4, _ = self.control()
        if name == "cr3":
            self.tlb.load_cr3()
        elif name == "cr0":
            self.tlb.load_cr0(cr0, value)
        elif name == "cr4":
            self.tlb.load_cr4(cr4, value)
        self._control = None

    def _decode(self, eip: int) -> Any:
        """capstone's instruction at ``eip``, None where none can be read."""
        code = b""
        while len(code) < _LONGEST_INSTRUCTION:
            pa = self.walk(eip + len(code), Access.FETCH, False).pa
            if pa is None:
                break
            end = min(pa + _LONGEST_INSTRUCTION - len(code), (pa | PAGE_SIZE - 1) + 1)
            code += bytes(self._watch.ram.bytes[pa:end])
        return next(self._disassembler.disasm(code, eip, 1), None)

    def _operand(self, instruction: Any, operand: Any) -> int:
        """The linear address of a memory operand."""

        def register(number: int) -> int:
            return self._engine.read_register(REGISTERS[instruction.reg_name(number)]) if number else 0

        place = operand.mem
        segment = instruction.reg_name(place.segment) if place.segment else ""
        base = self._engine.read_register(REGISTERS[f"{segment}_base"]) if segment in ("fs", "gs") else 0
        linear: int = base + register(place.base) + register(place.index) * place.scale + place.disp
        return linear & 0xFFFF_FFFF

    def exact(self, page: int, eip: int, access: Access) -> int:
        """The address within ``page`` that the instruction at ``eip`` accesses, or ``page``."""
        if access is Access.FETCH:
            return eip if (eip ^ page) < PAGE_SIZE else page
        instruction = self._decode(eip)
        for operand in instruction.operands if instruction is not None else ():
            if operand.type == self._memory_operand:
                linear = self._operand(instruction, operand)
                if (linear ^ page) < PAGE_SIZE:
                    return linear
        return page

    # -- where the CPU meets the host

    def _start(self, eip: int, until: int) -> int:
        self._watch.settle()
        outer, self._host, self._control = self._host, False, None
        self._watch.at_work, before = self.cpu.index, self._watch.at_work
        if self._faulting:
            self._walk_by_hook()
        elif self._host_asked:
            self.flush()
        try:
            error = self._start_engine(eip, until)
            while self._missed:
                self._missed = False
                self._faulting = True
                self._engine.fill_tlb_by_hook(False)
                self.flush()
                self.cpu.countdown.left += 1  # the instruction runs again
                error = self._start_engine(self._engine.read_register(REGISTERS["eip"]), until)
            return error
        finally:
            self._host, self._control, self._watch.at_work = outer, None, before

    def _walk_by_hook(self) -> None:
        self._faulting = False
        self._engine.fill_tlb_by_hook(True)
        self.flush()

    def _exception(self, handle: Callable[[ExceptionFrame], None], frame: ExceptionFrame) -> None:
        watch = self._watch
        if self._faulting:
            self._walk_by_hook()
        if watch.pending:
            watch.settle()
        if frame.vector == _PAGE_FAULT:
            self.tlb.page_fault(frame.cr2)
            self.flush()
        outer, self._host = self._host, True
        try:
            handle(frame)
        finally:
            watch.settle()
            self._host, self._control = outer, None
            if self._host_asked:
                self.flush()

    def _around_device(self, read: ReadHandler, write: WriteHandler) -> tuple[ReadHandler, WriteHandler]:
        watch = self._watch

        def on_read(offset: int, size: int) -> int:
            value: int = serve(offset, read, offset, size)
            return value

        def on_write(offset: int, size: int, value: int) -> None:
            serve(offset, write, offset, size, value)

        def serve(offset: int, answer: Callable[..., Any], *arguments: int) -> Any:
            if watch.pending:
                watch.settle()
            outer, self._host = self._host, True
            before, watch.device = watch.device, offset
            try:
                return answer(*arguments)
            finally:
                watch.settle()
                self._host, self._control, watch.device = outer, None, before
                if self._host_asked:
                    self.flush()

        return on_read, on_write

    def _flush_all(self) -> int:
        self.tlb.flush_all()
        self.flush()
        self._watch.forget()
        return 0

    def _flush_page(self, linear: int) -> int:
        self.tlb.invlpg(linear)
        self.flush()
        return 0

    def _host_sets(self, name: str, value: int) -> None:
        self._set_control(name, value)
        self.flush()
