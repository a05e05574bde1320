"""Registers, segments, device windows, runs that end where they should not, caches."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hw import TRAP_WINDOW, EngineError, PhysicalError
from hw.engine import REGISTERS
from hw.paging import RW, P


def test_register_numbers_are_those_of_the_binding() -> None:
    from unicorn import x86_const

    assert {name: getattr(x86_const, f"UC_X86_REG_{name.upper()}") for name in REGISTERS} == REGISTERS


def test_import_is_fast_and_without_numpy() -> None:
    code = "import sys, hw; sys.exit('numpy' in sys.modules or 'unicorn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_after_construction_the_control_word_is_that_of_reset(bench) -> None:
    registers = bench.cpu.registers()
    assert (registers["fpcw"], registers["mxcsr"], registers["efer"]) == (0x37F, 0x1F80, 0)


def test_segments(bench) -> None:
    cpu = bench.cpu
    cpu.load_segments(fs=0x7B, gs=0)
    # mov eax, cs; mov ecx, ss; mov edx, ds; mov ebx, es; mov esi, fs; mov edi, gs
    code = b"\x8c\xc8\x8c\xd1\x8c\xda\x8c\xc3\x8c\xe6\x8c\xef"
    assert bench.start(code) == "until"
    assert [cpu[name] for name in ("eax", "ecx", "edx", "ebx", "esi", "edi")] == [0x60, 0x68, 0x7B, 0x7B, 0x7B, 0]
    assert [cpu[name] for name in ("cs", "ss", "ds", "es", "fs", "gs")] == [0x60, 0x68, 0x7B, 0x7B, 0x7B, 0]
    # sgdt [0x6000]
    assert bench.start(b"\x0f\x01\x05\x00\x60\x00\x00") == "until"
    assert bench.ram.read(0x6000, 6) == bytes.fromhex("ff0000700000")


def test_after_loading_segments_ring_0_stays_and_wp_holds(bench) -> None:
    codes = []

    def on_exception(frame) -> None:
        codes.append((frame.vector, frame.error_code, frame.cs))
        bench.map(frame.cr2 & ~0xFFF, 0x20_0000 | P | RW)

    bench.cpu.on_exception = on_exception
    bench.map(bench.SCRATCH, 0x20_0000 | P)
    # invlpg is privileged; so is mov eax, cr0
    code = bench.store(bench.SCRATCH) + b"\x0f\x01\x3d" + bench.SCRATCH.to_bytes(4, "little") + b"\x0f\x20\xc0"
    assert bench.start(code) == "until"
    assert codes == [(14, 3, 0x60)]
    assert bench.cpu["eax"] == bench.cpu["cr0"]


def test_a_selector_that_cannot_be_loaded(bench) -> None:
    for name, selector in (("ss", 0x50), ("ds", 0x200), ("ss", 0x60)):
        before = bench.cpu[name]
        with pytest.raises(EngineError, match=f"{name.upper()}="):
            bench.cpu.load_segments(**{name: selector})
        assert bench.cpu[name] == before
    with pytest.raises(KeyError):
        bench.cpu.load_segments(xs=0x60)
    assert bench.start(b"\x90") == "until"


def test_ring_3_and_back(bench) -> None:
    cpu, seen = bench.cpu, []
    bench.map(bench.SCRATCH, 0x20_0000 | P | 4)
    bench.code(0x20_0000, bench.store(bench.TRAP, "esp") + b"\x90" * 8)

    def on_exception(frame) -> None:
        seen.append((frame.vector, frame.error_code, frame.cr2, frame.cs))
        cpu.stop()

    cpu.on_exception = on_exception
    bench.on_write = lambda *access: seen.append(access)
    ring0 = cpu.save_state()
    bench.enter_ring3(bench.SCRATCH)
    assert cpu.run(bench.SCRATCH, bench.SCRATCH + 6) == "stopped"
    assert seen == [(14, 7, bench.TRAP, 0x73)]  # the trap window is not for ring 3
    cpu.restore_state(ring0)
    assert bench.start(bench.store(bench.TRAP, "esp")) == "until"
    assert seen[1:] == [(0, 4, bench.STACK)]


def test_device_window(bench) -> None:
    cpu, seen = bench.cpu, []
    bench.on_write = lambda *access: seen.append(access)
    cpu["eax"], cpu["esp"] = 0xFFFF_1234, 0xF000_9000
    code = (bench.store(bench.TRAP + 8, "esp") + b"\x66" + bench.store(bench.TRAP + 16)
            + b"\xa2" + (bench.TRAP + 21).to_bytes(4, "little") + bench.load(bench.TRAP + 0xFFC))
    assert bench.start(code) == "until"
    assert seen == [(8, 4, 0xF000_9000), (16, 2, 0x1234), (21, 1, 0x34)]
    assert cpu["eax"] == 0xFFC


def test_a_device_lies_where_no_ram_is(bench) -> None:
    for pa, size in ((0, 4096), (TRAP_WINDOW, 4096), (0xF000_0000, 100)):
        with pytest.raises(EngineError, match="map a device"):
            bench.machine.map_mmio(pa, size, lambda *_: 0, lambda *_: None)


def test_registers_in_a_trap(bench) -> None:
    cpu, seen = bench.cpu, []
    bench.on_write = lambda *access: seen.append(cpu.trap_registers())
    # call 0x2000: the stub `mov [TRAP], esp; ret`
    bench.code(0x2000, bench.store(bench.TRAP, "esp") + b"\xc3")
    call = b"\xbb\x05\x00\x00\x00\xe8" + (0x2000 - bench.CODE - 10).to_bytes(4, "little", signed=True)
    assert bench.start(call) == "until"
    assert seen[0]["eip"] == 0x2000 and seen[0]["ebx"] == 5 and seen[0]["esp"] == bench.STACK - 4


def test_stop_in_a_trap_leaves_the_store_to_do_again(bench) -> None:
    cpu, calls = bench.cpu, []

    def on_write(offset: int, size: int, value: int) -> None:
        calls.append(value)
        if len(calls) < 3:
            cpu.stop()

    bench.on_write = on_write
    code = b"\x43\x43" + bench.store(bench.TRAP, "esp") + b"\x43"
    assert bench.start(code) == "stopped"
    for _ in range(2):
        assert cpu["eip"] == bench.CODE + 2 and cpu["ebx"] == 2
        end = cpu.run(cpu["eip"], bench.CODE + len(code))
    assert end == "until" and cpu["ebx"] == 3 and len(calls) == 3


def test_flush_in_a_trap_and_nested_runs_of_the_trap(bench) -> None:
    """A present entry is changed in the callback: the next instruction sees it."""
    cpu, words = bench.cpu, bench.words
    words[0x20_0000 >> 2], words[0x20_1000 >> 2] = 1, 2
    bench.map(bench.SCRATCH, 0x20_0000 | P | RW)

    def on_write(offset: int, size: int, value: int) -> None:
        bench.map(bench.SCRATCH, 0x20_1000 | P | RW)
        cpu.flush_tlb()
        if offset == 0:
            assert cpu.run(0x2000, 0x2006) == "until"

    bench.on_write = on_write
    bench.code(0x2000, bench.store(bench.TRAP + 4, "esp") + b"\x90" * 4)
    code = b"\x8b\x1d" + bench.SCRATCH.to_bytes(4, "little")  # mov ebx, [SCRATCH]
    code += bench.store(bench.TRAP, "esp") + b"\x8b\x0d" + bench.SCRATCH.to_bytes(4, "little")
    for _ in range(100):
        bench.map(bench.SCRATCH, 0x20_0000 | P | RW)
        cpu.flush_tlb()
        assert bench.start(code) == "until"
        assert (cpu["ebx"], cpu["ecx"]) == (1, 2)


def test_call_answers_eax_and_restores(bench) -> None:
    cpu, answers = bench.cpu, []
    bench.code(0x2000, b"\x8b\x44\x24\x04\x40\x31\xdb\xc3")  # mov eax, [esp + 4]; inc eax; xor ebx, ebx; ret

    def on_write(offset: int, size: int, esp: int) -> None:
        bench.words[esp - 64 >> 2], bench.words[esp - 60 >> 2] = 0x3800, 41
        answers.append(cpu.call(0x2000, 0x3800, esp=esp - 64))

    bench.on_write = on_write
    cpu["ebx"] = 7
    assert bench.start(bench.loop(2000, bench.store(bench.TRAP, "esp"))) == "until"
    assert answers == [42] * 2000 and cpu["ebx"] == 7 and cpu["esp"] == bench.STACK


def test_a_nested_run_that_is_stopped(bench) -> None:
    cpu, ends = bench.cpu, []
    bench.code(0x2000, bench.store(bench.TRAP + 4, "esp") + b"\x90" * 4)

    def on_write(offset: int, size: int, esp: int) -> None:
        if offset == 4:
            cpu.stop()
        else:
            ends.append(cpu.run(0x2000, 0x2006))
            ends.append(cpu.call(0x2000, 0x2006, esp=esp))

    bench.on_write = on_write
    assert bench.start(bench.store(bench.TRAP) + b"\x43") == "until"
    assert ends == ["stopped", None]


@pytest.mark.parametrize(("access", "code"), [
    ("read", b"\x90\xa1\x00\x00\x0c\x00"), ("write", b"\x90\xa3\x00\x00\x0c\x00"),
    ("fetch", b"\xb8\x00\x00\x0c\x00\xff\xe0"),
])
def test_nobody_answers(bench, access: str, code: bytes) -> None:
    with pytest.raises(PhysicalError, match=f"0x000c0000 .{access} of") as caught:
        bench.start(code)
    assert caught.value.pa == 0xC_0000
    assert caught.value.eip == (0xC_0000 if access == "fetch" else bench.CODE + 1)
    assert bench.start(b"\x90") == "until"


@pytest.mark.parametrize("width", [1, 2, 4])
def test_an_open_bus_reads_ones(bench, width: int) -> None:
    bench.cpu.open_bus = True
    bench.cpu["ebx"] = bench.cpu["ecx"] = 0
    # mov [0xd00ffe], ebx; movzx/mov ecx, [0xd00ffe], which crosses into the next page where it is wide
    load = {1: b"\x0f\xb6\x0d", 2: b"\x0f\xb7\x0d", 4: b"\x8b\x0d"}[width]
    assert bench.start(b"\x89\x1d\xfe\x0f\x0d\x00" + load + b"\xfe\x0f\x0d\x00") == "until"
    assert bench.cpu["ecx"] == (1 << 8 * width) - 1
    with pytest.raises(PhysicalError, match=r"0x000d2000 .fetch of"):
        bench.start(b"\xb8\x00\x20\x0d\x00\xff\xe0")


def test_a_halted_cpu_is_an_error(bench) -> None:
    with pytest.raises(EngineError, match="0x00001001") as caught:
        bench.start(b"\xf4\x90\x90")  # hlt
    assert caught.value.eip == bench.CODE + 1


def test_code_written_by_the_host(bench) -> None:
    cpu = bench.cpu
    old, new = b"\xb8\x01\x00\x00\x00", b"\xb8\x02\x00\x00\x00"
    bench.map(bench.SCRATCH, 0x20_0000 | P | RW)
    bench.map(bench.SCRATCH + 0x1000, 0x20_3000 | P | RW)
    code = bench.SCRATCH + 0xFFB  # ends the first page; two bytes more lie in the second, in another frame
    end = code + 7

    def write(what: bytes) -> None:
        bench.ram.write(0x20_0FFB, what)
        bench.ram.write(0x20_3000, what[1:2] * 2)

    write(old)
    bench.ram.write(0x20_3000, b"\x43\x90")  # inc ebx; nop
    cpu["ebx"] = 0
    assert cpu.run(code, end) == "until" and (cpu["eax"], cpu["ebx"]) == (1, 1)
    bench.ram.write(0x20_0FFB, new)
    bench.ram.write(0x20_3000, b"\x43\x43")
    cpu.invalidate_code(code, 7)
    assert cpu.run(code, end) == "until" and (cpu["eax"], cpu["ebx"]) == (2, 3)


def test_code_is_dropped_through_an_alias(bench) -> None:
    cpu = bench.cpu
    bench.map(bench.SCRATCH, 0x20_0000 | P | RW)
    bench.ram.write(0x20_0000, b"\xb8\x01\x00\x00\x00\x90\x90")
    assert cpu.run(bench.SCRATCH, bench.SCRATCH + 5) == "until" and cpu["eax"] == 1
    bench.ram.write(0x20_0000, b"\xb8\x02\x00\x00\x00\x90\x90")
    cpu.invalidate_code(0x20_0000, 7)  # the direct map
    assert cpu.run(bench.SCRATCH, bench.SCRATCH + 5) == "until" and cpu["eax"] == 2


def test_two_cpus_over_one_ram(make_bench) -> None:
    bench = make_bench(16, 2)
    first, second = bench.machine.cpus
    first["eax"], second["eax"] = 11, 22
    bench.code(bench.CODE, bench.store(0x6000) + b"\x8b\x1d\x04\x60\x00\x00" + b"\x90" * 4)
    bench.code(0x2000, bench.store(0x6004) + b"\x8b\x1d\x00\x60\x00\x00" + b"\x90" * 4)
    assert first.run(bench.CODE, bench.CODE + 5) == "until"
    assert second.run(0x2000, 0x200B) == "until"
    assert first.run(bench.CODE + 5, bench.CODE + 11) == "until"
    assert (first["ebx"], second["ebx"]) == (22, 11)


def test_a_cpu_is_not_closed_within_its_run(bench) -> None:
    bench.on_write = lambda *access: bench.cpu.close()
    with pytest.raises(EngineError, match="while it runs"):
        bench.start(bench.store(bench.TRAP))


def test_until_at_the_start_of_a_page_with_nothing_before_it(bench) -> None:
    """The engine looks at the page before; that must not reach the exception callback."""
    bench.map(bench.SCRATCH, 0x20_0000 | P | RW)
    bench.code(bench.CODE, b"\xb8" + bench.SCRATCH.to_bytes(4, "little") + b"\xff\xe0")
    for _ in range(3):
        assert bench.cpu.run(bench.CODE, bench.SCRATCH) == "until"
    assert bench.start(b"\x43") == "until"


def test_invalidating_what_is_not_mapped_harms_nothing(bench) -> None:
    cpu, seen = bench.cpu, []

    def on_exception(frame) -> None:
        seen.append((frame.vector, frame.error_code, frame.cr2))
        cpu.invalidate_code(0x5000_0000, 8192)
        bench.map(frame.cr2, 0x20_0000 | P | RW)

    cpu.on_exception = on_exception
    bench.on_write = lambda *access: cpu.invalidate_code(0x5000_0000, 8192)
    cpu.invalidate_code(0x5000_0000, 8192)
    pages = [bench.SCRATCH, bench.SCRATCH + 0x1000]
    code = bench.load(pages[0]) + bench.store(bench.TRAP) + bench.load(pages[1])
    assert bench.start(code) == "until"
    assert seen == [(14, 0, page) for page in pages]


def test_flags_survive_a_trap_with_a_nested_call(bench) -> None:
    cpu = bench.cpu
    bench.code(0x2000, b"\x31\xc0\x40\xc3")  # xor eax, eax; inc eax; ret: other flags

    def on_write(offset: int, size: int, esp: int) -> None:
        bench.words[esp - 64 >> 2] = 0x3800
        assert cpu.call(0x2000, 0x3800, esp=esp - 64) == 1

    bench.on_write = on_write
    for value, expected in ((5, (0, 1)), (4, (1, 0)), (3, (0, 0))):
        cpu["eax"], cpu["ebx"], cpu["ecx"] = value, 0, 0
        # cmp eax, 4; mov [TRAP], esp; sete bl; seta cl
        assert bench.start(b"\x83\xf8\x04" + bench.store(bench.TRAP, "esp") + b"\x0f\x94\xc3\x0f\x97\xc1") == "until"
        assert (cpu["ebx"], cpu["ecx"]) == expected
