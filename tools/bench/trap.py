"""The price of a hypercall trap: a store to a device page, with ESP as its value, answered by Python."""

from __future__ import annotations

from typing import Any

from hw import TRAP_WINDOW
from hw.engine import MmioRead, MmioWrite
from tools.bench import bare

COUNT = 200_000
_STORE = b"\x89\x25" + (bare.TRAP + 8).to_bytes(4, "little")  # mov [TRAP + 8], esp


def main() -> None:
    """Print the cost of an empty trap, of one with two arguments, and of a nested call."""
    ram, engine = bare.raw()

    def raw_write(_handle: Any, _offset: int, _size: int, _value: int, _data: Any) -> None:
        pass

    engine.map_mmio(TRAP_WINDOW, 0x1000, MmioRead(lambda *_: 0), MmioWrite(raw_write))
    start, end = bare.loop(ram, COUNT, _STORE)
    raw = bare.best(lambda: engine.start(start, end), COUNT)

    machine, cpu = bare.machine()
    words = machine.ram.words

    def empty(_offset: int, _size: int, _esp: int) -> None:
        pass

    def with_arguments(_offset: int, _size: int, esp: int) -> None:
        at = esp >> 2
        words[at + 1] = words[at + 1] + words[at + 2] & 0xFFFF_FFFF

    machine.map_mmio(TRAP_WINDOW, 0x1000, lambda offset, size: 0, empty)
    start, end = bare.loop(machine.ram, COUNT, _STORE)
    bare.report("trap", bare.best(lambda: cpu.run(start, end), COUNT), raw, "raw engine")

    machine2, cpu2 = bare.machine()
    words = machine2.ram.words
    machine2.map_mmio(TRAP_WINDOW, 0x1000, lambda offset, size: 0, with_arguments)
    bare.loop(machine2.ram, COUNT, _STORE)
    bare.report("trap, two arguments and a result",
                bare.best(lambda: cpu2.run(start, end), COUNT), raw, "raw engine")

    machine3, cpu3 = bare.machine()
    words3 = machine3.ram.words
    machine3.ram.write(0x2000, b"\xb8\x2a\x00\x00\x00\xc3")  # mov eax, 42; ret

    def nested(_offset: int, _size: int, esp: int) -> None:
        words3[esp - 4 >> 2] = 0x3000
        if cpu3.call(0x2000, 0x3000, esp=esp - 4) != 42:
            raise AssertionError("the nested call went astray")

    machine3.map_mmio(TRAP_WINDOW, 0x1000, lambda offset, size: 0, nested)
    few = COUNT // 20
    bare.loop(machine3.ram, few, _STORE)
    bare.report("trap with a nested call", bare.best(lambda: cpu3.run(start, end), few), raw, "raw engine")


if __name__ == "__main__":
    main()
