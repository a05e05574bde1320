"""Imports point down only: tools > guest > mm > hw."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("hw", "mm", "guest", "tools")
STDLIB_ONLY = ("bootstrap.py", "install.py", "progress.py")


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, at any depth of it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its room"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_down(room: str) -> None:
    allowed = ROOMS[: ROOMS.index(room) + 1]
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        rooms = {name.split(".")[0] for name in imported(path)} & {*ROOMS, "tests"}
        assert rooms <= set(allowed), f"{path} imports {rooms - set(allowed)}"


@pytest.mark.parametrize("name", STDLIB_ONLY)
def test_the_bootstrap_needs_the_standard_library_only(name: str) -> None:
    for module in imported(ROOT / "tools" / name):
        top = module.split(".")[0]
        assert top in sys.stdlib_module_names or top == "tools", f"{name} imports {module}"


def test_no_module_is_long() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert not [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 700]
