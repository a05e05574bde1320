"""The kernel image: text, strings, variables, descriptors."""

from __future__ import annotations

import numpy as np

from hw.machine import TRAP_WINDOW
from mm.fixmap import FIX_KMAP_BEGIN, fix_to_virt, pkmap_base, pte_offset, vmalloc_start
from mm.fsck.boot import BootMap
from mm.fsck.memory import MOST, Memory, runs, shown
from mm.fsck.params import Kernel
from mm.layout import KERNEL_CACHES, LOG_BUF_LEN, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, TEXT_SIZE, TEXT_START
from mm.oops import CONSOLE_VERBOSE
from mm.printk import RATELIMIT_BURST, RATELIMIT_JIFFIES
from mm.sched import LONGEST_TURN
from mm.time import TICK_NSEC, TRAP_NSEC

HYPERCALL_FRAME = TRAP_WINDOW >> PAGE_SHIFT

# Flat segments of 4 GB by their place in the table (arch/i386/kernel/head.S): kernel code and data, user code and data.
_GDT = {12: 0x00CF9A000000FFFF, 13: 0x00CF92000000FFFF, 14: 0x00CFFA000000FFFF, 15: 0x00CFF2000000FFFF}
_ACCESSED = 1 << 40
_MAX_TAINTS = 1 << 6


def check_image(memory: Memory, kernel: Kernel, boot: BootMap, text: bytes | None) -> None:
    """Everything in the image that is no structure of an allocator."""
    if text is not None:
        _bytes(memory, "kernel text", TEXT_START, text[:TEXT_SIZE])
    layout = memory.layout
    strings = b"".join(name.encode() + b"\0" for name in layout.strings)
    _bytes(memory, "kernel strings", layout.va("kernel_strings"), strings)
    _bytes(memory, "empty_zero_page", layout.va("empty_zero_page"), bytes(PAGE_SIZE))
    _gdt(memory)
    _constants(memory, kernel, boot)
    _ranges(memory)
    _log(memory, kernel)


def variable_damage(memory: Memory, name: str, text: str) -> None:
    """Note that a variable of the kernel is wrong."""
    memory.damage(f"variable {name}", memory.layout.va(name), "", text)


def _bytes(memory: Memory, title: str, va: int, expected: bytes) -> None:
    pa = va - PAGE_OFFSET
    actual = bytes(memory.ram.bytes[pa : pa + len(expected)])
    if actual == expected:
        return
    differing = np.flatnonzero(np.frombuffer(actual, dtype=np.uint8) != np.frombuffer(expected, dtype=np.uint8))
    found = runs(differing.tolist())
    for first, last in found[:MOST]:
        memory.damage(
            title, va, f"bytes {va + first:08x}-{va + last:08x}" if last - first > 1 else f"byte {va + first:08x}",
            f"{'are' if last - first > 1 else 'is'} {actual[first:last][:16].hex(' ')}, "
            f"should be {expected[first:last][:16].hex(' ')}",
        )  # fmt: skip
    if len(found) > MOST:
        memory.damage(title, va, "", f"differs in {len(found) - MOST} more places")


def _gdt(memory: Memory) -> None:
    va = memory.layout.va("cpu_gdt_table")
    table = memory.block(va, memory.layout.symbols["cpu_gdt_table"].size >> 2).tolist()
    for i in range(len(table) // 2):
        value = table[2 * i] | table[2 * i + 1] << 32
        expected = _GDT.get(i, 0)
        if value != expected and value != expected | (_ACCESSED if expected else 0):
            memory.damage("cpu_gdt_table", va, f"entry {i}", f"is {value:#018x}, should be {expected:#018x}")


def _constants(memory: Memory, kernel: Kernel, boot: BootMap) -> None:
    """Variables that never change after the boot."""
    limits, layout = kernel.limits, kernel.layout
    low, end = limits.max_low_pfn, limits.max_pfn
    high_memory = PAGE_OFFSET + (low << PAGE_SHIFT) & 0xFFFFFFFF
    fixmap = boot.page_tables[1]
    ram = high = 0
    for first, last in kernel.usable:
        ram += max(0, min(last, low) - first)
        high += max(0, last - max(first, low))
    ram -= int((memory.kinds[:low] > 1).sum())  # what is RAM and was claimed by now
    expected = {
        "mem_map": boot.mem_map, "max_mapnr": end, "num_physpages": end, "high_memory": high_memory,
        "max_low_pfn": low, "max_pfn": end, "totalram_pages": ram + high, "totalhigh_pages": high,
        "nr_cpus_online": memory.cpus, "node_data": layout.va("contig_page_data"),
        "init_mm_pointer": layout.va("init_mm"),
        "highstart_pfn": low, "highend_pfn": end, "vmalloc_start": vmalloc_start(high_memory),
        "slab_break_gfp_order": 1 if end > 32 << 8 else 0, "g_cpucache_up": 3,
        "pkmap_page_table": boot.page_tables[0] + pte_offset(pkmap_base(layout), layout),
        "kmap_pte": fixmap + pte_offset(fix_to_virt(FIX_KMAP_BEGIN), layout),
    }  # fmt: skip
    expected |= {variable: 0 for name, variable in KERNEL_CACHES.items() if name not in layout.kernel_caches}
    if memory.variable("nr_cpus_online") != memory.cpus:
        text = f"says maxcpus={memory.cpus}, nr_cpus_online is {shown(memory.variable('nr_cpus_online'))}"
        memory.damage("boot_params", layout.va("boot_params"), "command_line", text)
    if bool(memory.variable("schedule_state")) != (kernel.options.schedule is not None):
        said = "no schedule" if kernel.options.schedule is None else f"schedule={kernel.options.schedule}"
        variable_damage(
            memory, "schedule_state",
            f"is {memory.variable('schedule_state'):#x}, the command line says {said}",
        )  # fmt: skip
    for name, value in expected.items():
        if memory.variable(name) != value:
            variable_damage(memory, name, f"is {shown(memory.variable(name))}, should be {shown(value)}")


def _ranges(memory: Memory) -> None:
    """Variables of which only the range is known."""
    if (nsec := memory.variable("tick_nsec")) >= TICK_NSEC or nsec % TRAP_NSEC:
        variable_damage(memory, "tick_nsec", f"is {shown(nsec)}, should be a multiple of {TRAP_NSEC} below {TICK_NSEC}")
    if (nr := memory.variable("last_pkmap_nr")) >= memory.layout.last_pkmap:
        variable_damage(memory, "last_pkmap_nr", f"is {shown(nr)}, should be below {memory.layout.last_pkmap}")
    if (taints := memory.variable("tainted")) >= _MAX_TAINTS:
        variable_damage(memory, "tainted", f"is {taints:#x}, there are six taints")
    if (toks := memory.variable("ratelimit_toks")) > RATELIMIT_BURST * RATELIMIT_JIFFIES:
        variable_damage(memory, "ratelimit_toks", f"is {shown(toks)}, more than there can be")
    for name, most in (("vm_swappiness", 100), ("panic_on_oom", 1)):
        if (value := memory.variable(name)) > most:
            variable_damage(memory, name, f"is {shown(value)}, should be 0..{most}")
    if (cpu := memory.variable("turn_cpu")) >= memory.cpus:
        variable_damage(memory, "turn_cpu", f"is {shown(cpu)}, there are {memory.cpus} CPUs")
    if (left := memory.variable("turn_left")) > LONGEST_TURN:
        variable_damage(memory, "turn_left", f"is {shown(left)}, should be 0..{LONGEST_TURN}")
    va = memory.layout.va("kmap_atomic_idx")
    for cpu in range(memory.layout.nr_cpus):
        if memory.word(va + 4 * cpu) > 4:
            memory.damage("kmap_atomic_idx", va, f"[{cpu}]", f"is {shown(memory.word(va + 4 * cpu))}, should be 0..4")


def _log(memory: Memory, kernel: Kernel) -> None:
    """The ring's indexes; what it holds is text."""
    end = memory.variable("log_end")
    logged = memory.variable("logged_chars")
    start = max(0, end - LOG_BUF_LEN)
    if logged == LOG_BUF_LEN and end - memory.variable("log_start") & 0xFFFFFFFF == LOG_BUF_LEN:
        start = end - LOG_BUF_LEN & 0xFFFFFFFF  # log_end may have wrapped
    else:
        logged = min(end, LOG_BUF_LEN)
    expected = {"log_start": start, "con_start": end, "logged_chars": logged}
    wrong = [name for name, value in expected.items() if memory.variable(name) != value]
    if "con_start" in wrong and len(wrong) > 1:
        seen = memory.variable("con_start")
        variable_damage(memory, "log_end", f"is {shown(end)}, the console has seen {shown(seen)} characters")
    else:
        for name in wrong:
            variable_damage(memory, name, f"is {shown(memory.variable(name))}, should be {shown(expected[name])}")
        last = memory.ram.bytes[memory.layout.va("__log_buf") - PAGE_OFFSET + (end - 1 & LOG_BUF_LEN - 1)]
        unknown = int(not end or last == 0x0A)
        if (value := memory.variable("log_level_unknown")) != unknown:
            text = f"is {shown(value)}, the log {'ends' if unknown else 'does not end'} with a whole line"
            variable_damage(memory, "log_level_unknown", text)
    level, at_line_start = memory.variable("msg_level"), memory.variable("log_level_unknown")
    if level != 0xFFFFFFFF if at_line_start else level > 7:
        variable_damage(memory, "msg_level", f"is {shown(level)}, should be {'-1' if at_line_start else '0..7'}")
    level = memory.variable("console_loglevel")
    if level != kernel.options.loglevel and level != CONSOLE_VERBOSE:
        text = f"is {shown(level)}, the command line says {kernel.options.loglevel}"
        variable_damage(memory, "console_loglevel", text)
        memory.damage("boot_params", memory.layout.va("boot_params"), "command_line",
                      f"says loglevel={kernel.options.loglevel}, console_loglevel is {shown(level)}")  # fmt: skip
