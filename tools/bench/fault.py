"""The price of a demand fault: exception, frame, one PTE written by Python, the instruction again."""

from __future__ import annotations

from typing import Any

from hw import ExceptionFrame
from hw.calibrate import NO_EXCEPTION, offsets
from hw.engine import HOOK_INTR, HookInterrupt
from hw.ram import RAM
from tools.bench import bare

PAGES = 64 * 1024
_FIRST_PTE = bare.TABLES + 2 * 4096 >> 2
# mov [ebx], ecx; add ebx, 4096
_TOUCH = b"\x89\x0b\x81\xc3\x00\x10\x00\x00"


def _clear(ram: RAM) -> None:
    ram.bytes[_FIRST_PTE << 2:(_FIRST_PTE + PAGES) << 2] = bytes(PAGES * 4)


def main() -> None:
    """Print the cost of a fault through hw and through the raw engine."""
    at = offsets()
    ram, engine = bare.raw()
    words = ram.words
    context = engine.context()
    state = context.words
    quick = engine.library.quick
    save, restore = quick.uc_context_save, quick.uc_context_restore
    handle, pointer = engine.handle, context.pointer

    def raw_hook(_handle: Any, _vector: int, _data: Any) -> None:
        save(handle, pointer)
        words[_FIRST_PTE + (state[at.cr2] - bare.SCRATCH >> 12)] = 0x20_0003
        state[at.old_exception] = NO_EXCEPTION
        restore(handle, pointer)

    engine.hook(HOOK_INTR, HookInterrupt(raw_hook))
    start, end = bare.loop(ram, PAGES, _TOUCH)
    flush = engine.tlb_flusher()

    def raw_round() -> None:
        _clear(ram)
        flush()
        engine.write_register(21, bare.SCRATCH)
        engine.start(start, end)

    raw = bare.best(raw_round, PAGES)

    machine, cpu = bare.machine()
    table = machine.ram.words
    faults = 0

    def on_exception(frame: ExceptionFrame) -> None:
        nonlocal faults
        faults += 1
        if frame.vector == 14 and frame.error_code == 2:
            table[_FIRST_PTE + (frame.cr2 - bare.SCRATCH >> 12)] = 0x20_0003

    cpu.on_exception = on_exception
    bare.loop(machine.ram, PAGES, _TOUCH)

    def our_round() -> None:
        _clear(machine.ram)
        cpu.flush_tlb()
        cpu["ebx"] = bare.SCRATCH
        cpu.run(start, end)

    ours = bare.best(our_round, PAGES)
    if faults != 5 * PAGES:
        raise AssertionError(f"{faults} faults instead of {5 * PAGES}")
    bare.report("demand fault", ours, raw, "raw engine")


if __name__ == "__main__":
    main()
