"""The README shows what the commands really print."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Addresses in a program, and what comes of its size, depend on the compiler.
HEX = re.compile(r"\b(?:0x)?[0-9a-f]{5,8}\b|\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?")


def examples() -> list[tuple[str, list[str]]]:
    """(command line, lines shown) of every example that shows output."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        command, *shown = block.splitlines()
        assert command.startswith("$ python3 -m tools "), command
        if shown:
            found.append((command[len("$ ") :], shown))
    return found


def matches(shown: list[str], printed: list[str]) -> str:
    """What is shown and not printed in that order; "..." stands for any lines. Empty: all of it is."""
    at, gap = 0, False
    for line in shown:
        if line == "...":
            gap = True
            continue
        try:
            found = printed.index(line, at) if gap else at
        except ValueError:
            return f"not printed after line {at}: {line}"
        if found >= len(printed) or printed[found] != line:
            return f"line {found + 1} is {printed[found] if found < len(printed) else 'missing'!r}, shown is {line!r}"
        at, gap = found + 1, False
    return "" if gap or at == len(printed) else f"printed and not shown: {printed[at]}"


@pytest.mark.variants
@pytest.mark.parametrize(("command", "shown"), examples(), ids=[command for command, _ in examples()])
def test_example(command: str, shown: list[str], tmp_path: Path) -> None:
    if "gdb " in command and shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    line = command.replace("python3 -m tools", f"{shlex.quote(sys.executable)} -m tools.cli")
    line = line.replace("oops.core", f"{tmp_path}/oops.core").replace("tour.dat", f"{tmp_path}/tour.dat")
    result = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120)
    printed = result.stdout.replace(f"{tmp_path}/", "").splitlines()
    assert "--save" in command or "-S" in command or result.stderr == ""
    if "guest/programs" in command or "tests/guest" in command:
        shown, printed = ([HEX.sub("#", line) for line in lines] for lines in (shown, printed))
        shown = [line for line in shown if not re.match(r"=> #: ", line)]  # the compiler's choice of instruction
    assert matches(shown, printed) == ""


def test_python_example() -> None:
    code = re.search(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert code
    result = subprocess.run([sys.executable, "-c", code[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"1000000 the guard page behind .*\n[0-9a-f]{8} 128 \d+\n", result.stdout)


def test_c_example(tmp_path: Path) -> None:
    code = re.search(r"^```c\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert code
    (tmp_path / "example.c").write_text(code[1])
    result = subprocess.run(
        [sys.executable, "-m", "tools.cli", "run", str(tmp_path / "example.c")],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.fullmatch(r"kmalloc\(100\) = c[0-9a-f]{7}, ksize 128\n", result.stdout)
