"""What the benchmarks share: a paged machine without a kernel, and the same on the raw engine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from hw import CPU, TRAP_WINDOW, E820Map, Machine
from hw.engine import REGISTERS, Engine
from hw.ram import RAM

DIRECTORY, TABLES, CODE = 0x10_0000, 0x10_1000, 0x1000
TRAP = 0xFFFF_E000
SCRATCH = 0x4000_0000
CR0, CR4 = 0x8001_0033, 0x90


def write_tables(ram: RAM) -> None:
    """Linear 0-4 MB one to one, the trap window at TRAP, 64 empty tables from SCRATCH on."""
    words = ram.words
    slots = [0, 1023, *range(SCRATCH >> 22, (SCRATCH >> 22) + 64)]
    for index, slot in enumerate(slots):
        words[(DIRECTORY >> 2) + slot] = TABLES + index * 4096 | 3
    for page in range(1024):
        words[(TABLES >> 2) + page] = page << 12 | 3
    words[(TABLES + 4096 >> 2) + (TRAP >> 12 & 1023)] = TRAP_WINDOW | 3


def machine() -> tuple[Machine, CPU]:
    """The machine of hw, paging on."""
    result = Machine(E820Map.pc(64 << 20))
    write_tables(result.ram)
    cpu = result.cpus[0]
    for name, value in (("cr3", DIRECTORY), ("cr4", CR4), ("cr0", CR0), ("esp", 0x9000)):
        cpu[name] = value
    return result, cpu


def raw() -> tuple[RAM, Engine]:
    """The bare engine, paging on."""
    ram = RAM(E820Map.pc(64 << 20))
    write_tables(ram)
    engine = Engine()
    ram.map_into(engine)
    for name, value in (("cr3", DIRECTORY), ("cr4", CR4), ("cr0", CR0), ("esp", 0x9000)):
        engine.write_register(REGISTERS[name], value)
    return ram, engine


def loop(ram: RAM, count: int, body: bytes) -> tuple[int, int]:
    """Put a loop of ``count`` times ``body`` (which keeps ECX) at CODE; the answer is its start and its end."""
    code = b"\xb9" + count.to_bytes(4, "little") + body + b"\x49\x75" + bytes((256 - len(body) - 3,))
    ram.write(CODE, code + b"\x90" * 4)
    return CODE, CODE + len(code)


def best(action: Callable[[], object], count: int, rounds: int = 5) -> float:
    """Microseconds for one of ``count`` in the best of ``rounds`` calls of ``action``."""
    gc.collect()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times) / count * 1e6


def report(name: str, ours: float, base: float, base_name: str) -> None:
    """One line: our microseconds, the other's, and the ratio."""
    print(f"{name:<34} {ours:9.3f} us   {base_name}: {base:9.3f} us   ratio {ours / base:5.2f}")
