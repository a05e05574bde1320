"""Watches the accesses of a machine's CPUs to memory, each byte of which has a state in a shadow.

The shadow is a byte for each byte of physical memory, so that an access counts through whatever alias it comes. What
is PLAIN may be accessed; STACK, too, but not below the stack pointer, unless by an instruction that pushes; whatever
else an access meets is told. A hook sees every access, which on a host with x86-64 is machine code: it calls Python
only for what is neither PLAIN nor a proper access to STACK.

What host code reads and writes by itself is no access, nor is what instructions in the `exempt` range do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from hw.breakpoints import Kind, decode_access
from hw.cpu import CPU, MSR_EFER
from hw.engine import HOOK_MEM_READ, HOOK_MEM_WRITE, REGISTERS, HookMemory
from hw.native import x86_64
from hw.paging import CR4_PAE, PAGE_SIZE, Access, walk
from hw.ram import RAM
from hw.shadow import ALLOWED, ON_STACK, PLAIN, TO_STACK, Unset
from hw.stack_frames import StackFrames
from hw.uninit import Left, Uninit, UnsetUse

_PLAIN = {size: bytes([PLAIN]) * size for size in range(1, 65)}
_STACK_SIZE = 0x2000
_WRITE = 17
_LONGEST_INSTRUCTION = 15
_KNOWN = 1024  # a power of two: pushing instructions that the machine code knows, by their address
_PUSHES = ("push", "call", "enter", "lcall", "int")
_LONGEST_PUSH = 32  # PUSHA's

# A memory hook in x86-64 code: RDI is the engine, ESI the kind, RDX the physical address, ECX the size. The words that
# it reads are those of _Filter, at the address that stands in place of the eights in its first instruction.
_CODE = bytes.fromhex(
    "49b98888888888888888"  # mov r9, the filter
    "4d8b11"  # mov r10, [r9]: the shadow
    "8d41ff 4801d0"  # lea eax, [rcx - 1]; add rax, rdx: the last byte
    "493b4108 732a"  # cmp rax, [r9 + 8]; jae done: behind memory
    "4183793000 7524"  # cmp dword [r9 + 48], 0; jne slow
    "4989c3 4931d3 4981fbff0f0000 7715"  # mov r11, rax; xor r11, rdx; cmp r11, 0xfff; ja slow: two pages
    "4901d2 83f904 7511"  # add r10, rdx; cmp ecx, 4; jne small
    "458b1a"  # mov r11d, [r10]
    "4181fb01010101 7539"  # test: cmp r11d, PLAIN four times; jne other
    "c3"  # done: ret
    "41ff6110"  # slow: jmp [r9 + 16]
    "83f901 750d 450fb61a 4569db01010101 ebe0"  # small: cmp ecx, 1; jne two; r11d = 0x01010101 * byte [r10]; jmp test
    "83f902 750d 450fb71a 4569db01000100 ebce"  # two: cmp ecx, 2; jne eight; r11d = 0x10001 * word [r10]; jmp test
    "83f908 75d3 458b1a 453b5a04 74c0 ebc8"  # eight: cmp ecx, 8; jne slow; r11d = [r10], if also [r10 + 4]; jmp test
    "4181fb03030303 7439"  # other: cmp r11d, STACK four times; je stack
    "83fe11 75ba 4183793800 74b3"  # cmp esi, WRITE; jne slow; cmp dword [r9 + 56], 0; je slow
    "4181fb05050505 7415"  # cmp r11d, FRAME four times; je frame
    "4181fb02020202 75a1"  # cmp r11d, UNSET four times; jne slow
    "41c60201 49ffc2 ffc9 75f5 c3"  # set: mov byte [r10], PLAIN; inc r10; dec ecx; jnz set; ret
    "4189cb"  # frame: mov r11d, ecx
    "41c60203 49ffc2 41ffcb 75f4"  # new: mov byte [r10], STACK; inc r10; dec r11d; jnz new
    "57 56 52 51 4150 4151 4883ec08"  # stack: push rdi, rsi, rdx, rcx, r8, r9; sub rsp, 8
    "be1e000000 498d5120 41ff5118"  # mov esi, ESP; lea rdx, [r9 + 32]; call [r9 + 24]: uc_reg_read
    "4c8b4c2408 488b7c2430"  # mov r9, [rsp + 8]; mov rdi, [rsp + 48]
    "be1a000000 498d5128 41ff5118"  # mov esi, EIP; lea rdx, [r9 + 40]; call [r9 + 24]
    "4883c408 4159 4158 59 5a 5e 5f"  # add rsp, 8; pop r9, r8, rcx, rdx, rsi, rdi
    "418b4120"  # mov eax, [r9 + 32]: ESP
    "448d92000000c0"  # lea r10d, [rdx + 0xc0000000]: the linear address
    "4139c2 0f8335ffffff"  # cmp r10d, eax; jae done
    "4431d0 3dff1f0000 0f8727ffffff"  # xor eax, r10d; cmp eax, 0x1fff; ja done: another stack
    "83fe11 0f851fffffff"  # cmp esi, WRITE; jne slow
    "418b4128 4189c2 4181e2ff030000"  # mov eax, [r9 + 40]; mov r10d, eax; and r10d, 1023
    "433b449140 0f8506ffffff"  # cmp eax, [r9 + 4 r10 + 64]; jne slow: no instruction that is known to push
    "c3"
)


class Touch(NamedTuple):
    """A part of an access, within a page, that meets what must not be accessed.

    size: of the whole access; first: its first byte; bad: the first bad one, both physical. linear: the address of
    `first`, 0 where that is not known. below_stack: it is a stack's, below the stack pointer.
    """

    cpu: CPU
    eip: int
    first: int
    bad: int
    linear: int
    size: int
    write: bool
    below_stack: bool


class _Filter(ctypes.Structure):
    """What the machine code reads. all: ask Python of every access; sets: stores make what is UNSET PLAIN."""

    _fields_ = (
        ("shadow", ctypes.c_uint64), ("limit", ctypes.c_uint64), ("slow", ctypes.c_void_p),
        ("reg_read", ctypes.c_void_p), ("esp", ctypes.c_uint64), ("eip", ctypes.c_uint64), ("all", ctypes.c_uint64),
        ("sets", ctypes.c_uint64), ("pushes", ctypes.c_uint32 * _KNOWN),
    )  # fmt: skip

    shadow: int
    limit: int
    slow: int | None
    reg_read: int | None
    esp: int
    eip: int
    all: int
    sets: int
    pushes: Any


class AccessWatch:
    """Watches `cpus`, from now on and for ever. To be made outside of runs.

    shadow: of hw.shadow, a byte for each of memory. on_touch gets each Touch, in the middle of the instruction: it
    may read registers and memory. exempt: code that may do anything. stack_bottom: bytes at the bottom of a stack that
    are none of it. on_unset, if given, gets each UnsetUse; then `frames` is to learn the programs' code.
    """

    def __init__(
        self, ram: RAM, cpus: Sequence[CPU], shadow: memoryview, on_touch: Callable[[Touch], None], exempt: range,
        stack_bottom: int, on_unset: Callable[[UnsetUse], None] | None = None,
    ) -> None:  # fmt: skip
        self.ram = ram
        self.shadow = shadow
        self.on_touch = on_touch
        self.exempt = exempt
        self.stack_bottom = stack_bottom
        self.on_unset = on_unset
        self.unset = Unset(shadow)
        self.frames = StackFrames(cpus, shadow) if on_unset else None
        self.left: dict[int, Left] = {}
        self.watched = [Watched(self, cpu) for cpu in cpus]


class Watched:
    """One CPU under watch."""

    def __init__(self, watch: AccessWatch, cpu: CPU) -> None:
        self._watch = watch
        self.cpu = cpu
        self._engine = engine = cpu._engine
        self._shadow, self._limit = watch.shadow, len(watch.shadow)
        self._start_engine, cpu.start_engine = cpu.start_engine, self._start
        self._new_code, cpu.on_new_code = cpu.on_new_code, self._forget_code
        self._pushing: dict[int, bool] = {}
        self._callback = HookMemory(self._hooked)
        self.filter = _Filter(
            ctypes.addressof(ctypes.c_char.from_buffer(watch.shadow)), self._limit,
            ctypes.cast(self._callback, ctypes.c_void_p).value,
            ctypes.cast(engine.library.run.uc_reg_read, ctypes.c_void_p).value,
        )  # fmt: skip
        self._code = x86_64(_CODE.replace(b"\x88" * 8, ctypes.addressof(self.filter).to_bytes(8, "little")))
        kinds = HOOK_MEM_READ | HOOK_MEM_WRITE
        if self._code is None:
            engine.hook(kinds, self._callback)
        else:
            engine._kept.append(self)
            engine.hook_native(kinds, ctypes.addressof(self._code))
        engine.flush_code()  # what is translated already does not call the hook
        self._uninit = None
        if watch.on_unset is not None:
            self._uninit = Uninit(watch, cpu, watch.unset, watch.on_unset, self._bytes, self._watch_all)
            self.filter.sets = 1

    def _watch_all(self, wanted: bool) -> None:
        self.filter.all = wanted

    @property
    def result(self) -> UnsetUse | None:
        """Of a function that has just returned: its result, if that is unset."""
        return self._uninit.result if self._uninit else None

    # where the CPU meets the host

    def _start(self, eip: int, until: int) -> int:
        """Whatever stack is used becomes known as one."""
        esp = self._engine.read_register(REGISTERS["esp"])
        self._mark_stack(esp)
        if self._uninit is None:
            return self._start_engine(eip, until)
        before = self._uninit.enter(eip, esp)
        try:
            return self._start_engine(eip, until)
        finally:
            self._uninit.leave(before, until)

    def _mark_stack(self, esp: int) -> None:
        end = (esp | _STACK_SIZE - 1) + 1 - 0xC0000000
        shadow = self._shadow
        if 0 < end <= self._limit and shadow[end - 1] == PLAIN:
            start = end - _STACK_SIZE + self._watch.stack_bottom
            shadow[start:end] = bytes(shadow[start:end]).translate(TO_STACK)

    def _forget_code(self) -> None:
        self._pushing.clear()
        if self._uninit is not None:
            self._uninit.rules.clear()
        ctypes.memset(self.filter.pushes, 0, 4 * _KNOWN)
        if self._new_code is not None:
            self._new_code()

    # accesses

    def _hooked(self, _handle: int, kind: int, pa: int, size: int, _value: int, _data: int) -> bool:
        end = pa + size
        if end > self._limit:
            return True
        if self._shadow[pa:end] == _PLAIN[size] and pa & PAGE_SIZE - 1 <= PAGE_SIZE - size and not self.filter.all:
            return True
        try:
            self._look(pa, size, kind == _WRITE)
        except BaseException as error:
            self.cpu._fail(error)
        return True

    def _look(self, pa: int, size: int, write: bool) -> None:
        eip = self._engine.read_register(REGISTERS["eip"])
        if eip in self._watch.exempt:
            if write:
                self.filter.pushes[eip & _KNOWN - 1] = eip
                if self._uninit is not None:
                    self._watch.unset.clear(pa, size)
            return
        room = PAGE_SIZE - (pa & PAGE_SIZE - 1)
        self._part(eip, pa, pa, min(size, room), size, write)
        if size > room and (linear := self._linear(eip, pa, size, write)):
            rest = self._physical(linear + room)
            if rest is not None and rest + size - room <= self._limit:
                self._part(eip, rest, pa, size - room, size, write)

    def _part(self, eip: int, pa: int, first: int, size: int, whole: int, write: bool) -> None:
        """The part of an access that lies in one page."""
        if self._uninit is not None:
            self._uninit.touch(eip, pa, size, whole - size if pa != first else 0, write)
        states = bytes(self._shadow[pa : pa + size])
        allowed = len(states) - len(states.lstrip(ALLOWED))
        below = False
        if allowed == size:
            if not states.strip(ON_STACK) and self._below_stack(eip, pa, write):
                allowed, below = 0, True
            else:
                return
        linear = self._linear(eip, first, whole, write)
        self._watch.on_touch(Touch(self.cpu, eip, first, pa + allowed, linear, whole, write, below))

    def _below_stack(self, eip: int, pa: int, write: bool) -> bool:
        esp, linear = self._engine.read_register(REGISTERS["esp"]), pa + 0xC0000000
        if linear >= esp or linear ^ esp >= _STACK_SIZE:
            return False
        if not write or not self._pushes(eip):
            return True
        self.filter.pushes[eip & _KNOWN - 1] = eip
        return linear < esp - _LONGEST_PUSH

    def _pushes(self, eip: int) -> bool:
        known = self._pushing.get(eip)
        if known is None:
            found = next(_disassembler().disasm(self._bytes(eip), eip, 1), None)
            known = self._pushing[eip] = found is not None and found.mnemonic.startswith(_PUSHES)
        return known

    # addresses

    def _physical(self, linear: int) -> int | None:
        read = self._engine.read_register
        cr0, cr3, cr4 = (read(REGISTERS[name]) for name in ("cr0", "cr3", "cr4"))
        efer = self._engine.read_msr(MSR_EFER) if cr4 & CR4_PAE else 0
        linear &= 0xFFFF_FFFF
        return walk(self._watch.ram.words, cr3, linear, cr0=cr0, cr4=cr4, access=Access.READ, efer=efer).pa

    def _bytes(self, eip: int) -> bytes:
        """The instruction at `eip`, and what follows."""
        code = b""
        while len(code) < _LONGEST_INSTRUCTION:
            pa = self._physical(eip + len(code))
            if pa is None:
                break
            end = min(pa + _LONGEST_INSTRUCTION - len(code), (pa | PAGE_SIZE - 1) + 1)
            code += bytes(self._watch.ram.bytes[pa:end])
        return code

    def _linear(self, eip: int, pa: int, size: int, write: bool) -> int:
        """The linear address of an access to `pa`, 0 where the instruction does not tell."""
        for kind in (Kind.WRITE if write else Kind.READ, Kind.ACCESS):
            for linear in decode_access(self.cpu, self._bytes(eip), eip, kind):
                for at in (linear, linear + size & 0xFFFF_FFFF):
                    if (at ^ pa) & PAGE_SIZE - 1 == 0 and self._physical(at) == pa:
                        return at
        return 0


@cache
def _disassembler() -> Any:
    import capstone  # type: ignore[import-untyped]  # 40 ms

    return capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
