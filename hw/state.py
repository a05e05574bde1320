"""Where the whole state of a CPU lies in a saved context: segments, flags, control and debug registers.

hw.calibrate finds what an exception handler needs; a machine without a Python kernel also changes privilege,
segments and flags behind the API, in the words of a context. The distances between the fields are those of
Unicorn 2.1.4; each is proved here by what the engine does with it, and an engine that differs is refused.
"""

from __future__ import annotations

import ctypes
import mmap
from functools import cache
from typing import NamedTuple

from hw.calibrate import Offsets, offsets
from hw.engine import (
    HOOK_BLOCK,
    HOOK_CODE,
    HOOK_INTR,
    NOWHERE,
    REGISTERS,
    DescriptorTable,
    Engine,
    HookInterrupt,
)
from hw.errors import EngineError

# Bits of the word `hflags`: what the translator goes by.
HF_CPL = 3
HF_INHIBIT = 1 << 3  # the shadow of STI and MOV SS
HF_CS32 = 1 << 4
HF_SS32 = 1 << 5
HF_ADDSEG = 1 << 6
HF_PE = 1 << 7
HF_TF = 1 << 8  # set here only: steps without EFLAGS.TF
HF_TS = 1 << 11
HF2_NMI = 1 << 2  # in `hflags2`: NMIs wait for an IRET

ES, CS, SS, DS, FS, GS, LDTR, TR = range(8)
STRIDE = 6  # words of a segment: selector, pad, base (64 bits), limit, flags (the descriptor's second word)
BASE, LIMIT, FLAGS = 2, 4, 5

_SIZE = 0x8000
_CODE, _GDT, _STACK = 0x1000, 0x2000, 0x4000
_LOOPS = 1003


class State(NamedTuple):
    """Word indexes into Context.words. A segment is STRIDE words from ``segments`` + STRIDE * number on."""

    eflags: int  # of which the arithmetic flags and DF may be stale
    cc_src: int
    cc_op: int
    df: int
    hflags: int
    hflags2: int
    segments: int
    gdt: int
    idt: int
    cr0: int
    cr2: int
    cr3: int
    cr4: int
    a20: int  # what physical addresses are masked with
    dr0: int
    dr6: int
    dr7: int
    counter: int  # quadwords from the start of the engine's own structure to its count
    count_function: int  # address of the engine's own hook that counts, and stops beyond the limit


def _refuse(what: str) -> EngineError:
    return EngineError(f"this Unicorn cannot be used: {what} is not where it can be found (calibration failed)")


def _prove(fact: bool, what: str) -> None:
    if not fact:
        raise _refuse(what)


class _Bench:
    def __init__(self, at: Offsets) -> None:
        self.at = at
        self.memory = mmap.mmap(-1, _SIZE)
        self.engine = Engine()
        self.engine.map_ptr(0, _SIZE, ctypes.addressof(ctypes.c_char.from_buffer(self.memory)))
        self.engine.run_for_ever()
        self.context = self.engine.context()
        self.vectors: list[int] = []
        self.engine.hook(HOOK_INTR, HookInterrupt(self._hook))

    def _hook(self, _handle: int, vector: int, _data: int) -> None:
        self.vectors.append(vector)
        self.context.save()
        self.context.words[self.at.old_exception] = 0xFFFF_FFFF
        self.context.restore()
        self.engine.stop()

    def words(self) -> list[int]:
        self.context.save()
        return self.context.words.tolist()

    def set(self, name: str, value: int) -> list[int]:
        self.engine.write_register(REGISTERS[name], value)
        return self.words()

    def close(self) -> None:
        self.engine.close()
        self.memory.close()


@cache
def state() -> State:
    """Calibrate once in a process (about 10 ms); raises EngineError for an engine that fails."""
    at = offsets()
    bench = _Bench(at)
    try:
        found = _registers(bench, at)
        _privilege(bench, found)
        counter, function = _counter(bench.engine, bench.memory)
        return found._replace(counter=counter, count_function=function)
    finally:
        bench.close()


def _registers(bench: _Bench, at: Offsets) -> State:
    hflags = at.eax + 44
    found = State(eflags=at.eax + 34, cc_src=at.eax + 38, cc_op=at.eax + 42, df=at.eax + 43, hflags=hflags,
                  hflags2=hflags + 1, segments=hflags + 2, gdt=hflags + 2 + STRIDE * 8,
                  idt=hflags + 2 + STRIDE * 9, cr0=at.cr2 - 4, cr2=at.cr2, cr3=at.cr2 + 2, cr4=at.cr2 + 4,
                  a20=at.cr2 + 14, dr0=at.is_int + 3,
                  dr6=at.is_int + 15, dr7=at.is_int + 17, counter=0, count_function=0)
    before = bench.words()
    _prove(before[found.hflags] & (HF_CPL | HF_CS32 | HF_SS32 | HF_PE) == HF_CS32 | HF_SS32 | HF_PE, "hflags")
    words = bench.set("eflags", 0x3202 | 0x4000 | 0x8D5 | 0x400)
    _prove(words[found.eflags] & 0x7200 == 0x7200 and words[found.df] == 0xFFFF_FFFF and words[found.cc_op] == 1
           and words[found.cc_src] == 0x8D5, "EFLAGS")
    words = bench.set("eflags", 2)
    _prove(words[found.eflags] & 0x7200 == 0 and words[found.df] == 1, "EFLAGS")
    cr0 = bench.engine.read_register(REGISTERS["cr0"])
    words = bench.set("cr0", cr0 | 8)
    _prove(words[found.cr0] == cr0 | 8 and words[found.hflags] ^ before[found.hflags] == HF_TS, "CR0.TS")
    bench.set("cr0", cr0)
    _prove(bench.set("cr3", 0x12345000)[found.cr3] == 0x12345000, "CR3")
    bench.set("cr3", 0)
    cr4 = bench.engine.read_register(REGISTERS["cr4"])
    _prove(bench.set("cr4", cr4 | 0x10)[found.cr4] == cr4 | 0x10, "CR4")
    for number, value in ((0, 0x1234_5600), (1, 0x1234_5601), (2, 0x1234_5602), (3, 0x1234_5603), (6, 0xFFFF_0FF6),
                          (7, 0x600)):
        _prove(bench.set(f"dr{number}", value)[found.dr0 + 2 * number] == value, f"DR{number}")
    _address_mask(bench, found)
    _tables(bench, found)
    return found


def _tables(bench: _Bench, found: State) -> None:
    for number, name in ((LDTR, "ldtr"), (TR, "tr"), (8, "gdtr"), (9, "idtr")):
        table = DescriptorTable(0x28 + 8 * number, 0x0102_0300 + number, 0x4567 + number, 0x8900 + number)
        bench.engine.write_table(REGISTERS[name], table)
        first = found.segments + STRIDE * number
        words = bench.words()
        _prove(words[first + BASE] == table.base and words[first + LIMIT] == table.limit, name.upper())
        if number in (LDTR, TR):
            _prove(words[first] == table.selector and words[first + FLAGS] == table.flags, name.upper())
    # a descriptor with base 0x00345678 (data, writable), loaded into each data segment
    bench.memory[_GDT + 8:_GDT + 16] = bytes((0xFF, 0xFF, 0x78, 0x56, 0x34, 0x93, 0xCF, 0))
    bench.engine.write_table(REGISTERS["gdtr"], DescriptorTable(0, _GDT, 0xFF, 0))
    for number, name in ((ES, "es"), (DS, "ds"), (FS, "fs"), (GS, "gs"), (SS, "ss")):
        words = bench.set(name, 8)
        first = found.segments + STRIDE * number
        _prove(words[first] == 8 and words[first + BASE] == 0x34_5678 and words[first + LIMIT] == 0xFFFF_FFFF
               and words[first + FLAGS] & 0xFF00 == 0x9300, name.upper())


def _address_mask(bench: _Bench, found: State) -> None:
    """With bit 13 forced to 0 a load from 0x2100 gives what is at 0x100."""
    context, at = bench.context, bench.at
    bench.memory[_CODE:_CODE + 6] = b"\xa1\x00\x21\x00\x00\xf4"  # mov eax, [0x2100]; hlt
    bench.memory[0x100:0x104] = b"\x5a\x5a\x5a\x5a"
    eax = []
    for mask in (0xFFFF_DFFF, 0xFFFF_FFFF):
        context.save()
        context.words[found.a20] = mask
        context.restore()
        bench.engine.tlb_flusher()()
        bench.engine.start(_CODE, NOWHERE)
        eax.append(bench.words()[at.eax])
    bench.engine.flush_code()
    _prove(eax == [0x5A5A_5A5A, 0], "the mask of physical addresses")


def _privilege(bench: _Bench, found: State) -> None:
    """CLI faults in ring 3 and not in ring 0; HF_TF steps. CS lies between its neighbours."""
    context, at = bench.context, bench.at
    bench.memory[_CODE:_CODE + 4] = b"\xfa\x90\x90\xf4"  # cli; nop; nop; hlt
    flat = (0, 0, 0, 0, 0xFFFF_FFFF, 0xCF_9B00)
    for cpl, step, vectors, eip in ((3, False, [13], _CODE), (0, True, [1], _CODE + 1), (0, False, [], _CODE + 4)):
        context.save()
        for number in (ES, CS, SS, DS):
            for word, value in enumerate(flat):
                context.words[found.segments + STRIDE * number + word] = value
        context.words[found.hflags] = context.words[found.hflags] & ~(HF_CPL | HF_TF) | cpl | step * HF_TF
        context.words[at.esp] = _STACK
        context.restore()
        bench.vectors.clear()
        bench.engine.start(_CODE, NOWHERE)
        words = bench.words()
        _prove(bench.vectors == vectors and words[at.eip] == eip, "the privilege level")
    # a base of CS moves the fetch
    context.words[found.segments + STRIDE * CS + BASE] = 0x10
    bench.memory[_CODE + 0x20:_CODE + 0x23] = b"\x40\x40\xf4"  # inc eax twice; hlt
    eax = context.words[at.eax]
    context.restore()
    bench.engine.start(_CODE + 0x10, NOWHERE)
    _prove(bench.words()[at.eax] == eax + 2, "the base of CS")


def _counter(engine: Engine, memory: mmap.mmap) -> tuple[int, int]:
    """Count a loop: the engine's counter follows its counting hook, and is followed by the limit it was given.

    That hook counts instructions when it is asked to. The same function, as a hook of blocks, counts those, six
    times as fast.
    """
    engine.flush_code()
    memory[_CODE + 0x30:_CODE + 0x34] = b"\x40\x90\xeb\xfc"  # inc eax; nop; jmp -4; CS has base 0x10
    words = engine.own_words()
    try:
        for count in (_LOOPS, _LOOPS + 2):
            engine.start(_CODE + 0x20, NOWHERE, count)
            found = [at for at in range(1, len(words) - 1) if words[at] == count + 1 and words[at + 1] == count]
            _prove(len(found) == 1, "the count of instructions")
        at = found[0]
        # A hook begins with its kind; where it has its function shows one that is ours.
        known = HookInterrupt(lambda _handle, _vector, _data: None)
        address = ctypes.cast(known, ctypes.c_void_p).value or 0
        example = _quadwords(engine.hook_native(HOOK_INTR, address))
        _prove(example.count(address) == 1 and example[0] & 0xFFFF_FFFF == HOOK_INTR, "a hook's function")
        hook = words[at - 1]
        _prove(hook > 0x1_0000 and hook % 8 == 0, "the counting hook")
        counting = _quadwords(hook)
        _prove(counting[0] & 0xFFFF_FFFF == HOOK_CODE, "the counting hook")
        function = counting[example.index(address)]
        _prove_blocks(engine, memory, words, at, function)
        return at, function
    finally:
        words.release()


def _quadwords(address: int) -> list[int]:
    return list((ctypes.c_uint64 * 8).from_address(address))


def _prove_blocks(engine: Engine, memory: mmap.mmap, words: memoryview, at: int, function: int) -> None:
    memory[_CODE + 0x40:_CODE + 0x41] = b"\xf4"
    engine.start(_CODE + 0x30, NOWHERE)
    _prove(words[at - 1] == 0, "the counting hook")
    words[at - 1] = engine.hook_native(HOOK_BLOCK, function)
    engine.flush_code()
    engine.write_register(REGISTERS["eax"], 0)
    engine.start(_CODE + 0x20, NOWHERE, _LOOPS)
    _prove(engine.read_register(REGISTERS["eax"]) == _LOOPS and words[at] == _LOOPS + 1, "the count of blocks")
