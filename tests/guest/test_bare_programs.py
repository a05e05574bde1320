"""The bare-metal programs of guest/programs/bare: what they say on the serial port, here and on QEMU."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from guest import bare
from hw.bare import BarePC, Report
from hw.devices.disk import Disk
from hw.e820 import E820Map

EXPECTED = Path(__file__).parent / "bare"
#: what a program writes to the debug-exit port, where that is not 0
STATUS = {"taskgate": 3}
NAMES = [path.stem for path in bare.programs()]


def disk_image(path: Path) -> Path:
    """64 sectors that all differ."""
    path.write_bytes(b"".join(bytes(number * 7 + index * 13 + index // 256 & 255 for index in range(512))
                              for number in range(64)))
    return path


def run(name: str, folder: Path, timer: bool = False) -> tuple[Report, bytes, int]:
    output = bytearray()
    disk = Disk(disk_image(folder / "disk.img"))
    with BarePC(E820Map.pc(64 << 20), 2, serial=output.extend, disks=[disk]) as machine:
        machine.load(bare.build(bare.FOLDER / f"{name}.c").read_bytes(), name)
        if timer:
            machine.clock.at(1 << 60, lambda: None)
        report = machine.run(60)
        now = machine.clock.now
    disk.close()
    return report, bytes(output), now


def test_every_program_has_an_expected_output() -> None:
    assert NAMES == sorted(path.stem for path in EXPECTED.glob("*.txt"))


@pytest.mark.parametrize("name", NAMES)
def test_programs(name: str, tmp_path: Path) -> None:
    report, output, _ = run(name, tmp_path)
    assert output.decode() == (EXPECTED / f"{name}.txt").read_text()
    assert (report.kind, report.status) == ("exit", STATUS.get(name, 0) << 1 | 1)


@pytest.mark.parametrize("name", NAMES)
def test_programs_while_time_is_counted(name: str, tmp_path: Path) -> None:
    """With a timer armed the engine runs in another way; nothing that a program sees changes."""
    assert run(name, tmp_path, timer=True)[1].decode() == (EXPECTED / f"{name}.txt").read_text()


def test_ide_without_a_disk() -> None:
    output = bytearray()
    with BarePC(E820Map.pc(64 << 20), serial=output.extend) as machine:
        machine.load(bare.build(bare.FOLDER / "ide.c").read_bytes(), "ide")
        report = machine.run(60)
    assert output == b"no disk: this program needs --disk FILE\n" and (report.kind, report.status) == ("exit", 3)


@pytest.mark.parametrize("name", ["preempt", "smp"])
def test_time_is_the_same_each_time(name: str, tmp_path: Path) -> None:
    """Virtual time depends on the program alone."""
    assert run(name, tmp_path)[1:] == run(name, tmp_path)[1:]


@pytest.mark.parametrize("name", NAMES)
def test_programs_say_the_same_on_qemu(name: str, tmp_path: Path) -> None:
    qemu = shutil.which("qemu-system-i386")
    if qemu is None:
        pytest.skip("qemu-system-i386 is not installed: nothing to compare with")
    image = bare.build(bare.FOLDER / f"{name}.c")
    disk = disk_image(tmp_path / "disk.img")
    result = subprocess.run(
        [qemu, "-kernel", os.fspath(image), "-m", "64", "-smp", "2", "-display", "none", "-serial", "stdio",
         "-monitor", "none", "-no-reboot", "-net", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
         "-drive", f"file={disk},format=raw,if=ide"],
        capture_output=True, timeout=120, check=False)  # fmt: skip
    assert result.stdout == (EXPECTED / f"{name}.txt").read_bytes()
    assert result.returncode == STATUS.get(name, 0) << 1 | 1
