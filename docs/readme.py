"""Brings the examples of the README up to date: `python3 docs/readme.py` in the project's environment.

Every shown line is exchanged for the line printed now that differs from it in numbers alone; "..." stays. Lines that
match nothing are named, for a person to look at.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROMPT = "$ "


def shape(line: str) -> str:
    """A line without what may change: numbers, and the names of modules behind symbols."""
    return re.sub(r"\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b|\[\w+\]$|\s+", "#", line).rstrip("#")


def refreshed(command: str, shown: list[str]) -> list[str]:
    """The shown lines as they are printed now."""
    line = command.replace("python3 -m tools", f"{shlex.quote(sys.executable)} -m tools.cli")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("oops.core", "tour.dat"):
            line = line.replace(name, f"{folder}/{name}")
        result = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
        printed = result.stdout.replace(f"{folder}/", "").splitlines()
    result, at = [], 0
    for old in shown:
        rest = range(at, len(printed))
        same = [n for n in rest if printed[n] == old] or [n for n in rest if shape(printed[n]) == shape(old)]
        found = None if old == "..." or not same else same[0]
        if found is not None:
            at = found + 1
        elif old != "...":
            print(f"{command}: not printed: {old}", file=sys.stderr)
        result.append(old if found is None else printed[found])
    return result


def main() -> None:
    """Rewrite README.md."""
    readme = ROOT / "README.md"

    def block(match: re.Match[str]) -> str:
        command, *shown = match[1].splitlines()
        lines = refreshed(command[len(PROMPT) :], shown) if shown else []
        return "```console\n" + "".join(f"{line}\n" for line in [command, *lines]) + "```"

    text = re.sub(r"^```console\n(.*?)^```", block, readme.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
