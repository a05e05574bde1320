"""Time-out and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from hw import Watchdog
from hw.watchdog import CallbackStuck

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = """
import signal, sys
from hw import E820Map, Machine, Watchdog
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
machine = Machine(E820Map.pc(16 << 20))
machine.ram.write(0x1000, b"\\xeb\\xfe")
cpu = machine.cpus[0]
with Watchdog(machine.cpus, float(sys.argv[1]) if len(sys.argv) > 1 else None) as dog:
    print("running", flush=True)
    end = cpu.run(0x1000, 0x2000)
print(end, dog.verdict, hex(cpu["eip"]))
"""


def test_timeout_of_an_endless_loop(bench) -> None:
    before = time.monotonic()
    with Watchdog(bench.machine.cpus, 0.05) as dog:
        assert bench.start(b"\xeb\xfe\x90") == "stopped"
    assert dog.verdict == "timeout"
    assert 0.04 < time.monotonic() - before < 2
    assert bench.start(b"\x43") == "until"


def test_a_run_that_ends_in_time(bench, request) -> None:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))
    handler = signal.getsignal(signal.SIGINT)
    with Watchdog(bench.machine.cpus, 5) as dog:
        assert signal.getsignal(signal.SIGINT) != handler
        assert bench.start(b"\x43") == "until"
    assert dog.verdict is None
    assert signal.getsignal(signal.SIGINT) == handler
    with Watchdog(bench.machine.cpus) as dog:
        assert bench.start(b"\x43") == "until"
    with Watchdog(bench.machine.cpus, interrupts=False) as dog:
        assert bench.start(b"\x43") == "until"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Watchdog(bench.machine.cpus, 5):
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    with pytest.raises(ValueError):
        Watchdog(bench.machine.cpus, 0)
    assert threading.active_count() == 1


def test_timeout_reaches_a_nested_run_and_every_run_above(bench) -> None:
    cpu, ends = bench.cpu, []
    bench.code(0x2000, b"\xeb\xfe")

    def on_write(offset: int, size: int, value: int) -> None:
        ends.append(cpu.run(0x2000, 0x2800))
        ends.append(cpu.run(0x2000, 0x2800))

    bench.on_write = on_write
    with Watchdog(bench.machine.cpus, 0.05) as dog:
        ends.append(bench.start(bench.store(bench.TRAP) + b"\xeb\xfe"))
    assert ends == ["stopped"] * 3 and dog.verdict == "timeout"


def test_a_halt_cuts_no_trap_and_repeats_none(bench) -> None:
    """After each of many halts the guest's count of stores done is that of the calls made."""
    cpu, made = bench.cpu, 0

    def on_write(offset: int, size: int, value: int) -> None:
        nonlocal made
        made += 1

    bench.on_write = on_write
    cpu["ebx"] = 0
    body = bench.store(bench.TRAP, "esp") + b"\x43"  # inc ebx
    total = 3_000_000
    bench.code(bench.CODE, bench.loop(total, body) + b"\x90" * 4)
    end, eip = bench.CODE + len(bench.loop(total, body)), bench.CODE
    halts = 0
    for attempt in range(40):
        with Watchdog(bench.machine.cpus, 0.003 + attempt * 0.0007, interrupts=False) as dog:
            if cpu.run(eip, end) == "until":
                break
        halts += 1
        eip = cpu["eip"]
        assert dog.verdict == "timeout"
        # between the store and the increment there is no place to stop at but by a halt
        assert made - cpu["ebx"] == (1 if bench.ram.read(eip, 1) == b"\x43" else 0)
    assert halts >= 10


def test_a_halt_during_faults(bench) -> None:
    cpu, faults = bench.cpu, 0

    def on_exception(frame) -> None:
        nonlocal faults
        faults += 1
        bench.map(bench.SCRATCH + (faults & 1) * 4096, 0)
        bench.map(frame.cr2, 0x20_0003)
        cpu.flush_tlb()

    cpu.on_exception = on_exception
    code = b"\x43" + bench.store(bench.SCRATCH) + bench.store(bench.SCRATCH + 4096)
    code += b"\xeb" + bytes((256 - len(code) - 2,))
    with Watchdog(bench.machine.cpus, 0.05):
        assert bench.start(code) == "stopped"
    assert faults > 100
    bench.cpu.on_exception = None
    assert bench.start(b"\x43") == "until"


def _start(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == "running\n"
    return process


def test_sigint_in_a_process() -> None:
    process = _start()
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (out, err, process.returncode) == ("stopped interrupted 0x1000\n", "", 0)


def test_timeout_in_a_process() -> None:
    out, err = _start("0.1").communicate(timeout=10)
    assert (out, err) == ("stopped timeout 0x1000\n", "")


def test_a_callback_that_never_comes_back(bench, monkeypatch) -> None:
    monkeypatch.setattr("hw.watchdog._GRACE_SECONDS", 0.1)

    def stuck(offset: int, size: int, value: int) -> None:
        while True:
            pass

    bench.on_write = stuck
    store = b"\x89\x25" + bench.TRAP.to_bytes(4, "little") + b"\x90"
    with Watchdog(bench.machine.cpus, 0.05) as dog, pytest.raises(CallbackStuck):
        bench.start(store)
    assert dog.verdict == "timeout"
    bench.on_write = lambda offset, size, value: None
    assert bench.start(store) == "until"
