"""Draws docs/oops.svg, the picture in the README: `python3 docs/picture.py` in the project's environment."""

from __future__ import annotations

import html
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
COMMAND = ["run", "guest/programs/oops.c", "-ex", "vtop f8806000"]
LINE, WIDTH, LEFT, TOP = 17, 960, 20, 34


def main() -> None:
    """Run the program and draw what it prints, the interesting lines in colour."""
    result = subprocess.run(
        [sys.executable, "-m", "tools.cli", *COMMAND], cwd=DOCS.parent, capture_output=True, text=True, check=False
    )
    words = " ".join(COMMAND).replace("vtop f8806000", '"vtop f8806000"')
    lines = [f"$ python3 -m tools {words}", *result.stdout.splitlines()]
    height = TOP + LINE * len(lines) + 8
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#14181f"/>',
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" fill="#c9d1d9" xml:space="preserve">',
    ]
    for n, line in enumerate(lines):
        colour = ""
        if line.startswith("$"):
            colour = ' fill="#7ee787"'
        elif line.startswith(("BUG", "=>", "Source", "EIP is at")):
            colour = ' fill="#ff7b72"'
        elif line.startswith(("*p", "VIRTUAL", "f8806000", "  PGD", "  PTE")):
            colour = ' fill="#79c0ff"'
        out.append(f'<text x="{LEFT}" y="{TOP + LINE * n}"{colour}>{html.escape(line)}</text>')
    (DOCS / "oops.svg").write_text("\n".join([*out, "</g>", "</svg>"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
