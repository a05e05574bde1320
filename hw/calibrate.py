"""Where the state that Unicorn's API does not name lies in its saved contexts.

Unicorn 2.1.4 leaves ``old_exception`` set after a hook has handled an exception: the second page fault of
a run arrives as #DF without its error code, and the third ends the run as if all were well. The cure is to
write -1 over it in a saved context and restore that. Neither it nor ``error_code`` is a register of the
API, so their places are found by provoking faults whose codes are known; whatever is not found exactly
once, or does not behave afterwards, is an engine this project cannot use.
"""

from __future__ import annotations

import ctypes
import mmap
from functools import cache
from typing import Any, NamedTuple

from hw.engine import HOOK_INTR, REGISTERS, Context, Engine, HookInterrupt
from hw.errors import EngineError

NO_EXCEPTION = 0xFFFF_FFFF
_NAMES = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "cr2")

# A machine of 64 KB: page directory, page table, code, and pages made to fault.
_SIZE = 0x10000
_DIRECTORY, _TABLE, _CODE, _READ_ONLY, _ABSENT, _RESERVED, _UNTIL = (
    0x1000, 0x2000, 0x3000, 0x5000, 0x6000, 0x40_0000, 0x3F00)


class Offsets(NamedTuple):
    """Word indexes into Context.words."""

    eax: int
    ecx: int
    edx: int
    ebx: int
    esp: int
    ebp: int
    esi: int
    edi: int
    eip: int
    cr2: int
    error_code: int
    is_int: int
    old_exception: int


class _Probe(NamedTuple):
    code: bytes
    vector: int
    error_code: int
    is_int: int
    address: int | None


def _store(address: int) -> bytes:
    return b"\xa3" + address.to_bytes(4, "little")  # mov [address], eax


def _load(address: int) -> bytes:
    return b"\xa1" + address.to_bytes(4, "little")  # mov eax, [address]


_PROBES = (
    _Probe(_store(_READ_ONLY), 14, 3, 0, _READ_ONLY),
    _Probe(b"\xcd\x80", 0x80, 0, 1, None),
    _Probe(_load(_ABSENT), 14, 0, 0, _ABSENT),
    _Probe(_store(_RESERVED), 14, 0xB, 0, _RESERVED),
    _Probe(b"\xcd\x0e", 14, 0, 1, None),
    _Probe(_store(_ABSENT + 8), 14, 2, 0, _ABSENT + 8),
    _Probe(b"\x31\xc9\xf7\xf1", 0, 0, 0, None),  # xor ecx, ecx; div ecx
    _Probe(_load(_RESERVED + 64), 14, 9, 0, _RESERVED + 64),
)


def _refuse(what: str) -> EngineError:
    return EngineError(f"this Unicorn cannot be used: {what} is not where it can be found (calibration failed)")


def _one(what: str, candidates: list[int]) -> int:
    if len(candidates) != 1:
        raise _refuse(what)
    return candidates[0]


class _Bench:
    """The small machine. Every probe runs to its exception; what the hook saw is in ``seen``."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, _SIZE)
        self.words = memoryview(self.memory).cast("I")
        self.engine = Engine()
        self.engine.map_ptr(0, _SIZE, ctypes.addressof(ctypes.c_char.from_buffer(self.memory)))
        self.context: Context = self.engine.context()
        self.seen: list[tuple[int, list[int]]] = []
        self.reset_word: int | None = None
        self.next_code = _CODE
        self.engine.hook(HOOK_INTR, HookInterrupt(self._hook))
        self.words[_DIRECTORY >> 2] = _TABLE | 3
        self.words[(_DIRECTORY >> 2) + 1] = 1 << 21 | 0x83  # a 4 MB page with its reserved bit set
        for page in range(_SIZE >> 12):
            self.words[(_TABLE >> 2) + page] = page << 12 | 3
        self.words[(_TABLE >> 2) + (_READ_ONLY >> 12)] = _READ_ONLY | 1
        self.words[(_TABLE >> 2) + (_ABSENT >> 12)] = 0
        for name, value in (("cr3", _DIRECTORY), ("cr4", 0x10), ("cr0", 0x8001_0011)):
            self.engine.write_register(REGISTERS[name], value)

    def _hook(self, _handle: Any, vector: int, _data: Any) -> None:
        self.context.save()
        self.seen.append((vector, self.context.words.tolist()))
        if self.reset_word is not None:
            self.context.words[self.reset_word] = NO_EXCEPTION
            self.context.restore()
        self.engine.stop()

    def run(self, code: bytes) -> tuple[int, list[int]]:
        at = self.next_code  # new code at a new place: nothing to drop from the translation cache
        self.next_code += 16
        self.memory[at:at + len(code)] = code
        self.engine.start(at, _UNTIL)
        vector, words = self.seen[-1] if self.seen else (-1, [])
        return vector, words

    def close(self) -> None:
        self.engine.close()
        self.words.release()
        self.memory.close()


def _find_registers(bench: _Bench) -> list[int]:
    """Two sets of distinct magic values: a register lies where both are found."""
    saved = []
    for base in (0x1122_3345, 0x5162_7785):
        for index, name in enumerate(_NAMES):
            bench.engine.write_register(REGISTERS[name], base + index * 0x0101_1011)
        bench.context.save()
        saved.append((base, bench.context.words.tolist()))
    return [
        _one(f"register {name.upper()}",
             [at for at in range(len(saved[0][1]))
              if all(words[at] == base + index * 0x0101_1011 for base, words in saved)])
        for index, name in enumerate(_NAMES)
    ]


def _find_old_exception(bench: _Bench) -> int:
    """-1 at rest, 14 after a page fault, 8 after a second one that nobody cleared away."""
    bench.context.save()
    states = [bench.context.words.tolist()]
    vectors = []
    for _ in range(2):
        vector, words = bench.run(_store(_READ_ONLY))
        vectors.append(vector)
        states.append(words)
    if len(bench.seen) != 2:
        raise _refuse("a page fault")
    if vectors == [14, 14]:  # an engine that resets it itself: any word at -1 throughout may be written so
        raise _refuse("old_exception")
    return _one("old_exception", [at for at in range(len(states[0]))
                                  if [words[at] for words in states] == [NO_EXCEPTION, 14, 8]])


@cache
def offsets() -> Offsets:
    """Calibrate once in a process (about 15 ms); raises EngineError for an engine that fails."""
    bench = _Bench()
    try:
        found = _find_registers(bench)
        old_exception = _find_old_exception(bench)
        # from the #DF state back to rest
        bench.context.words[old_exception] = NO_EXCEPTION
        bench.context.restore()
        bench.reset_word = old_exception
        bench.seen.clear()
        for number, probe in enumerate(_PROBES, 1):
            vector, words = bench.run(probe.code)
            if len(bench.seen) != number or vector != probe.vector:
                raise _refuse(f"exception {probe.vector} (number {number} of a series)")
            if probe.address is not None and words[found[-1]] != probe.address:
                raise _refuse("the fault address in CR2")
        states = [words for _, words in bench.seen]
        error_code = _one("the error code", [
            at for at in range(len(states[0]))
            if all(words[at] == probe.error_code for words, probe in zip(states, _PROBES, strict=True))])
        is_int = _one("the mark of INT n", [
            at for at in range(len(states[0]))
            if all(words[at] == probe.is_int for words, probe in zip(states, _PROBES, strict=True))])
        return Offsets._make([*found, error_code, is_int, old_exception])
    finally:
        bench.close()
