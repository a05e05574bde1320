"""The machine that the combinations are tried on: one engine, a guest loop that touches page after page.

The loop tells each access's outcome in two words: what was read (or the fault's CR2), and 0 (or the fault's vector
and error code). A fault goes on behind the access: everything the callback does is move words in the saved state.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.calibrate import NO_EXCEPTION, offsets
from hw.cpu import MSR_EFER
from hw.e820 import E820Entry, E820Map, E820Type
from hw.engine import HOOK_INTR, REGISTERS, Context, DescriptorTable, Engine, HookInterrupt
from hw.errors import EngineError
from hw.paging import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    CR4_PSE,
    CR4_SMAP,
    CR4_SMEP,
    EFER_NXE,
    EFLAGS_AC,
    PAGE_SIZE,
    RW,
    US,
    A,
    Access,
    D,
    P,
)
from hw.ram import RAM
from hw.selftest.manual import Setting
from hw.selftest.states import (
    AREA,
    HIGH_LARGE,
    HIGH_SMALL,
    KERNEL_SLOT,
    LARGE,
    PSE36,
    SMALL,
    USER_SLOT,
    Space,
)

#: A CPU that has every feature that is tried.
_MODEL = "Broadwell"

_GDT, _CODE, _LIST, _RESULTS = 0x1000, 0x2000, 0x1_0000, 0x2_0000
DIRECTORY, POINTERS, DIRECTORIES, _OWN_TABLES = 0x5_0000, 0x5_1000, 0x5_2000, 0x5_8000
_OWN_END, _LOW_END = 0x6_0000, 0x10_0000
_AREAS = (LARGE, SMALL, (1 << 32) + LARGE, HIGH_LARGE + LARGE, HIGH_SMALL + SMALL)
#: The frames in them that are page tables.
_TABLES = [LARGE + page for page in (0, PSE36, 1 << 21, PSE36 | 1 << 21)] + [
    high + LARGE + (group << 21) for high in (0, HIGH_LARGE) for group in range(4)]
_CODE_SIZE = 0x200

#: Offsets in every page: a word that tells the frame, and code that does.
DATA, CODE = 0x40, 0x80
#: Set in the second word of a result when the access has faulted; then vector << 16 | error code.
FAULT = 1 << 31

#: The second words of flat segments: code and data of ring 0, then of ring 3; and their selectors.
_SEGMENTS = 0x00CF_9A00, 0x00CF_9200, 0x00CF_FA00, 0x00CF_F200
_CS0, _SS0, _CS3, _SS3 = 0x08, 0x10, 0x1B, 0x23


def _word(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _program(at: int, accesses: Sequence[Access]) -> tuple[bytes, int]:
    """The loop at linear ``at`` and the address of its end. ESI: linear pages, ECX: how many, EDI: results."""
    code = b"\x8b\x06"  # mov eax, [esi]
    for number, access in enumerate(accesses):
        touch = {
            Access.READ: bytes((0x8B, 0x50, DATA)),  # mov edx, [eax + DATA]
            Access.WRITE: bytes((0x89, 0x78, DATA)) + b"\x89\xfa",  # mov [eax + DATA], edi; mov edx, edi
            Access.FETCH: b"\x05" + _word(CODE) + b"\xff\xe0",  # add eax, CODE; jmp eax
        }[access]
        behind = at + len(code) + 5 + 2 + len(touch)
        code += b"\xbd" + _word(behind) + b"\x31\xdb" + touch  # mov ebp, behind; xor ebx, ebx
        if access is Access.FETCH:
            code += b"\x8b\x06"  # mov eax, [esi]
        result = 8 * number
        code += bytes((0x89, 0x57, result, 0x89, 0x5F, result + 4))  # mov [edi + result], edx; ... ebx
    code += bytes((0x83, 0xC6, 4, 0x83, 0xC7, 8 * len(accesses), 0x49))  # add esi, 4; add edi, ...; dec ecx
    code += b"\x0f\x85" + _word(-(len(code) + 6) & 0xFFFF_FFFF)  # jnz at
    return code, at + len(code)


class Bench:
    """A machine for the proof. ``modes`` are the sequences of accesses that can be tried. Close it."""

    def __init__(self, modes: Sequence[tuple[Access, ...]]) -> None:
        """Raises EngineError where the engine or the host cannot."""
        areas = [(start, start + AREA) for start in _AREAS]
        self.ram = RAM(E820Map([E820Entry(start, end, E820Type.RAM) for start, end in [(0, _LOW_END), *areas]]))
        self.words: memoryview = self.ram.words
        self._array: NDArray[Any] = np.frombuffer(self.ram.words, "<u4")
        self._quads: NDArray[Any] = np.frombuffer(self.ram.words, "<u8")
        frames = np.concatenate([np.arange(start, end, PAGE_SIZE) for start, end in areas])
        self._frames = frames[~np.isin(frames, _TABLES)]
        for area in areas:
            self._fill(*area)
        self.engine = Engine(_MODEL)
        self.ram.map_into(self.engine)
        self._flush = self.engine.tlb_flusher()
        self._offsets = offsets()
        self._scratch = self.engine.context()
        self._programs: dict[tuple[tuple[Access, ...], bool, bool], tuple[int, int]] = {}
        self._write_own_tables()
        self._write_programs(modes)
        self._rings = self._enter_rings()
        self._state = self.engine.context()
        self._error: BaseException | None = None
        self._install_hook()
        self.setting = Setting()
        self.pae = self.user = False
        self.cr0 = self.cr3 = self.cr4 = self.efer = 0

    def close(self) -> None:
        """Free engine and memory."""
        self.engine.close()
        del self._array, self._quads
        with contextlib.suppress(BufferError):  # an error under way holds a view of the memory, and it goes with that
            self.ram.close()

    # -- what stays

    def _fill(self, start: int, end: int) -> None:
        """Every page of [start, end) tells its frame number, as data and as code."""
        pages = self._array[start >> 2:end >> 2].reshape(-1, PAGE_SIZE // 4)
        frames = np.arange(start >> 12, end >> 12, dtype=np.uint32)
        code = np.zeros((len(frames), 8), np.uint8)
        code[:, 0] = 0xBA  # mov edx, frame; jmp ebp
        code[:, 1:5] = frames[:, None].view(np.uint8)
        code[:, 5:7] = 0xFF, 0xE5
        pages[:, DATA >> 2] = frames
        pages[:, CODE >> 2:(CODE >> 2) + 2] = code.view("<u4")

    def _write_own_tables(self) -> None:
        """Low memory at the start of both slots, for ring 0 alone and for ring 3 too, in both formats."""
        own = P | RW | A | D
        words, quads = self._array, self._quads
        pages = np.arange(0, _OWN_END, PAGE_SIZE)
        for slot, rights in ((KERNEL_SLOT, 0), (USER_SLOT, US)):
            table, pae_table = _OWN_TABLES + slot * PAGE_SIZE, _OWN_TABLES + (2 + slot) * PAGE_SIZE
            words[(table >> 2) + (pages >> 12)] = pages | own | rights
            quads[(pae_table >> 3) + (pages >> 12)] = pages | own | rights
            words[(DIRECTORY >> 2) + slot] = table | own | rights
            quads[(DIRECTORIES >> 3) + slot] = pae_table | own | rights
        for number in range(4):
            quads[(POINTERS >> 3) + number] = DIRECTORIES + number * PAGE_SIZE | P

    def _write_programs(self, modes: Sequence[tuple[Access, ...]]) -> None:
        for number, mode in enumerate(modes):
            for pae in (False, True):
                for user in (False, True):
                    pa = _CODE + (number * 4 + pae * 2 + user) * _CODE_SIZE
                    at = pa + self.own(pae, user)
                    code, end = _program(at, mode)
                    assert len(code) < _CODE_SIZE - 16
                    self.ram.write(pa, code + b"\x90" * 16)
                    self._programs[mode, pae, user] = at, end

    def _enter_rings(self) -> tuple[Context, Context]:
        """Saved states in ring 0 and, by an IRET, in ring 3."""
        for number, high in enumerate(_SEGMENTS, 1):
            self.words[(_GDT >> 2) + 2 * number], self.words[(_GDT >> 2) + 2 * number + 1] = 0xFFFF, high
        engine, stack = self.engine, _OWN_END - 64
        for name, value in (("cr3", DIRECTORY), ("cr0", CR0_PG | CR0_PE)):
            engine.write_register(REGISTERS[name], value)
        engine.write_table(REGISTERS["gdtr"], DescriptorTable(0, _GDT, 0x27, 0))
        for name, value in (("cs", _CS0), ("ss", _SS0), ("ds", _SS3), ("es", _SS3), ("esp", stack)):
            engine.write_register(REGISTERS[name], value)
        rings = engine.context(), engine.context()
        rings[0].save()
        target = self._programs[next(iter(self._programs))[0], False, True][0]
        for number, word in enumerate((target, _CS3, 0x2, stack, _SS3)):
            self.words[(stack >> 2) + number] = word
        self.ram.write(_GDT + 0x800, b"\xcf")  # iret
        if engine.start(_GDT + 0x800, target) or engine.read_register(REGISTERS["cs"]) != _CS3:
            raise EngineError("the CPU does not come to ring 3")
        rings[1].save()
        return rings

    def _install_hook(self) -> None:
        quick, handle = self.engine.library.quick, self.engine.handle
        save, restore, pointer = quick.uc_context_save, quick.uc_context_restore, self._scratch.pointer
        words, at = self._scratch.words, self._offsets
        cr2, error_code, edx, ebx, eip, ebp, old = (
            at.cr2, at.error_code, at.edx, at.ebx, at.eip, at.ebp, at.old_exception)

        def on_interrupt(_handle: int, vector: int, _data: int) -> None:
            try:
                save(handle, pointer)
                words[edx] = words[cr2]
                words[ebx] = FAULT | vector << 16 | words[error_code]
                words[eip] = words[ebp]
                words[old] = NO_EXCEPTION
                restore(handle, pointer)
            except BaseException as error:  # Ctrl-C
                self._error = error
                self.engine.stop()

        self.engine.hook(HOOK_INTR, HookInterrupt(on_interrupt))

    # -- what is tried

    @staticmethod
    def own(pae: bool, user: bool) -> int:
        """The linear address of the bench's physical address 0, as a ring sees it."""
        return (USER_SLOT if user else KERNEL_SLOT) << (21 if pae else 22)

    def prepare(self, setting: Setting, pae: bool, user: bool) -> None:
        """Choose the format, the control registers and the ring of the runs to come."""
        self.setting, self.pae, self.user = setting, pae, user
        self.cr0 = CR0_PG | CR0_PE | (CR0_WP if setting.wp else 0)
        self.cr3 = POINTERS if pae else DIRECTORY
        self.cr4 = sum(bit for bit, on in ((CR4_PAE, pae), (CR4_PSE, setting.pse), (CR4_PGE, setting.pge),
                                           (CR4_SMEP, setting.smep), (CR4_SMAP, setting.smap)) if on)
        self.efer = EFER_NXE if setting.nxe else 0
        self._rings[user].restore()
        write = self.engine.write_register
        write(REGISTERS["cr3"], self.cr3)
        write(REGISTERS["cr4"], self.cr4)
        write(REGISTERS["cr0"], self.cr0)
        write(REGISTERS["eflags"], 2 | (EFLAGS_AC if setting.ac else 0))
        self.engine.write_msr(MSR_EFER, self.efer)
        self._state.save()

    def load(self, space: Space) -> None:
        """Write the entries of a space as they are at first."""
        memory, shift = (self._quads, 3) if space.pae else (self._array, 2)
        memory[space.pde_at >> shift] = space.pde
        memory[space.pte_at >> shift] = space.pte

    def entries(self, space: Space) -> tuple[NDArray[Any], NDArray[Any]]:
        """PDEs and PTEs of a space as they are now."""
        memory, shift = (self._quads, 3) if space.pae else (self._array, 2)
        return memory[space.pde_at >> shift].astype(np.uint64), memory[space.pte_at >> shift].astype(np.uint64)

    def run(self, space: Space, mode: tuple[Access, ...]) -> NDArray[Any]:
        """Touch every page of the space so: (pages, accesses, 2) words, as the module's text says."""
        count = len(space.linear)
        own = self.own(self.pae, self.user)
        at, end = self._programs[mode, self.pae, self.user]
        self._array[_LIST >> 2:(_LIST >> 2) + count] = space.linear
        results = self._array[_RESULTS >> 2:(_RESULTS >> 2) + 2 * len(mode) * count]
        results[:] = 0xFFFF_FFFF
        state, where = self._state.words, self._offsets
        state[where.esi], state[where.edi], state[where.ecx] = own + _LIST, own + _RESULTS, count
        self._start(at, end)
        return results.reshape(count, len(mode), 2).copy()

    def _start(self, at: int, end: int) -> None:
        """Run from ``at`` to ``end`` in the prepared state; raises what the hook has met."""
        self._state.restore()
        self._flush()
        error = self.engine.start(at, end)
        if self._error is not None:
            raise self._error
        eip = self.engine.read_register(REGISTERS["eip"])
        if error or eip != end:
            raise EngineError(f"the self-test ended at EIP {eip:#010x}: {self.engine.library.words(error)}", eip)

    def execute(self, code: bytes) -> tuple[int, int]:
        """Run straight code in ring 0, as prepared: EDX behind it (CR2 after a fault), and 0 or the fault."""
        at = _GDT + 0x900
        head = b"\xbd" + _word(at + 7 + len(code)) + b"\x31\xdb"  # mov ebp, behind; xor ebx, ebx
        self.ram.write(at, head + code + b"\x90" * 8)
        self.engine.flush_code()
        self._start(at, at + len(head) + len(code))
        return self.engine.read_register(REGISTERS["edx"]), self.engine.read_register(REGISTERS["ebx"])

    def written(self, count: int, accesses: int) -> NDArray[Any]:
        """What the writes of a run of ``count`` pages store: one word for each page."""
        return self.own(self.pae, self.user) + _RESULTS + 8 * accesses * np.arange(count)

    def take_writes(self, pa: NDArray[Any], values: NDArray[Any]) -> bool:
        """Whether exactly these words have been changed, in all pages; they are put right again."""
        found = bool((self._array[pa >> 2] == values).all())
        self._array[pa >> 2] = pa >> 12
        return found and bool((self._array[self._frames + DATA >> 2] == self._frames >> 12).all())
