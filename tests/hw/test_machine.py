"""A machine saved, and going on in another process; files that are none; what 4 GB cost."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib

import pytest

from hw import E820Map, EngineError, HighmemError, ImageError, Machine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GO_ON = """
import json, sys
from hw import Machine
machine = Machine.load(sys.argv[1])
cpu = machine.cpus[0]
registers = cpu.registers()
end = cpu.run(cpu["eip"], int(sys.argv[2]))
print(json.dumps([end, registers, machine.ram.words[0x200000 >> 2], machine.ram.resident(), len(machine.cpus)]))
"""


def _run(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, check=True, text=True,
                          capture_output=True).stdout


def test_a_saved_machine_goes_on_in_a_new_process(make_bench, tmp_path) -> None:
    import json

    bench = make_bench(4096, 2)
    cpu = bench.cpu
    bench.map(bench.SCRATCH, 0x20_0003)
    # fldpi; stc; mov eax, 7; [stopped here] mov [SCRATCH], eax; fist dword [SCRATCH + 4]; setc bl; mov ecx, fs
    first = b"\xd9\xeb\xf9\xb8\x07\x00\x00\x00"
    second = (bench.store(bench.SCRATCH) + b"\xdb\x15" + (bench.SCRATCH + 4).to_bytes(4, "little")
              + b"\x0f\x92\xc3\x8c\xe1")
    cpu.load_segments(fs=0x7B)
    cpu["dr0"], cpu["cr2"] = 0x1234, 0x5678
    bench.ram.words[0x1_1000_0000 >> 2] = 99  # above 4 GB
    bench.code(bench.CODE, first + second + b"\x90" * 4)
    middle, end = bench.CODE + len(first), bench.CODE + len(first + second)
    assert cpu.run(bench.CODE, middle) == "until"
    before = cpu.registers()
    path = tmp_path / "image"
    bench.machine.save(path)
    assert path.stat().st_blocks * 512 < 400_000
    assert os.listdir(tmp_path) == ["image"]

    how, registers, word, resident, cpus = json.loads(_run(GO_ON, str(path), str(end)))
    assert (how, word, cpus) == ("until", 7, 2)
    assert registers == before
    assert resident < 20 << 20

    with Machine.load(path) as loaded:
        other = loaded.cpus[0]
        assert other.run(other["eip"], end) == "until"
        assert cpu.run(middle, end) == "until"
        assert other.registers() == cpu.registers()
        assert (other["ecx"], other["ebx"] & 1, loaded.ram.words[0x20_0004 >> 2]) == (0x7B, 1, 3)
        assert loaded.ram.words[0x1_1000_0000 >> 2] == 99
        assert loaded.e820 == bench.machine.e820


def test_a_machine_is_saved_outside_of_runs(bench, tmp_path) -> None:
    bench.on_write = lambda *access: bench.machine.save(tmp_path / "image")
    with pytest.raises(EngineError, match="while it runs"):
        bench.start(bench.store(bench.TRAP))
    assert os.listdir(tmp_path) == []


def test_an_image_is_replaced_as_a_whole(bench, tmp_path, monkeypatch) -> None:
    path = tmp_path / "image"
    bench.machine.save(path)
    good = path.read_bytes()
    monkeypatch.setattr(bench.machine.ram, "extents", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        bench.machine.save(path)
    assert path.read_bytes() == good and os.listdir(tmp_path) == ["image"]


def _with_crc(data: bytes) -> bytes:
    """With the checksum that the file says it has, made good."""
    at = data.rindex(b"highmem\0", 0, data.index(b'{"version"') + 100_000 if b'{"version"' in data else None) + 8
    data = data[:at] + bytes(4) + data[at + 4:]
    return data[:at] + zlib.crc32(data).to_bytes(4, "little") + data[at + 4:]


def test_foreign_and_damaged_files(bench, tmp_path) -> None:
    path, copy = tmp_path / "image", tmp_path / "copy"
    bench.machine.save(path)
    good = path.read_bytes()
    bad = [b"", b"\x7fELF", b"\x7fELF\2" + good[5:], os.urandom(5000), good + b"", good[:18], good + b"\0"]
    bad += [good[:size] for size in range(0, len(good) - 1, len(good) // 40)]
    bad += [good[:at] + bytes((good[at] ^ 0x55,)) + good[at + 1:] for at in range(0, len(good), len(good) // 60)]
    bad += [good[:at] + bytes((good[at] ^ 0x55,)) + good[at + 1:] for at in range(0, 6000, 37)]
    start, end = good.index(b'{"version"'), good.index(b'"base"')
    end = good.index(b"}", end) + 1
    for text in (b"[]", b"{}", b'{"version":1,"e820":[],"cpus":[],"pieces":[],"base":"0"}',
                 b'{"version":1,"e820":[[0,16777216,1]],"cpus":[{}],"pieces":[],"base":"0"}',
                 b'{"version":1,"e820":[[0,1e999,1]],"cpus":[],"pieces":[],"base":"0"}',
                 b'{"version":1,"e820":[[0,16777216,1]],"cpus":[[1]],"pieces":[[0,99]],"base":"0"}',
                 b'{"version":2}'):
        bad.append(_with_crc(good[:start] + text.ljust(end - start) + good[end:]))
    for data in bad:
        copy.write_bytes(data)
        if data == good:
            Machine.load(copy).close()
            continue
        with pytest.raises(ImageError) as caught:
            Machine.load(copy).close()
        assert "\n" not in str(caught.value) and str(copy) in str(caught.value)
    with pytest.raises(FileNotFoundError):
        Machine.load(tmp_path / "nothing")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the host does not tell")
def test_4_gb_cost_what_is_touched() -> None:
    code = """
from hw import E820Map, Machine
machine = Machine(E820Map.pc(4 << 30))
for pa in range(0, 4 << 30, 64 << 20):
    if machine.ram.has(pa):
        machine.ram.words[pa >> 2] = 1
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(machine.ram.size, machine.ram.resident(), status["VmHWM"].split()[0])
"""
    size, resident, rss = map(int, _run(code).split())
    assert size == (4 << 30) + (512 << 20)
    assert resident <= 64 * 4096
    assert rss < 80_000  # KB


def test_machines_are_made_and_closed() -> None:
    for _ in range(20):
        with Machine(E820Map.pc(16 << 20), 2) as machine:
            assert len(machine.cpus) == 2
    with pytest.raises(EngineError):
        Machine(E820Map.pc(16 << 20), 0)


def test_errors_are_one_hierarchy() -> None:
    assert issubclass(ImageError, HighmemError) and issubclass(EngineError, HighmemError)
