"""`check`: the project's test suite, with the running Python."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from hw.errors import HighmemError

ROOT = Path(__file__).resolve().parent.parent
TEST_PACKAGES = ("pytest", "xdist", "hypothesis")


def check(pytest_arguments: list[str], slow: bool = False) -> int:
    """Run pytest over tests/ on every core, or over what the arguments name; its exit status.

    The slow tests are left out unless `slow`, or in a CI run (the variable CI is set).
    Raises HighmemError outside a checkout, and where the test extra is not installed.
    """
    if not (ROOT / "tests").is_dir() or not (ROOT / "pyproject.toml").is_file():
        raise HighmemError("check runs the test suite of a checkout, and this is an installed highmem")
    missing = [name for name in TEST_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise HighmemError(f"check needs {' and '.join(missing)}: pip install -e '{ROOT}[test]'")
    cores = [] if pytest_arguments else ["-n", "auto"]
    marks = [] if slow or os.environ.get("CI") else ["-m", "not slow"]
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *cores, *marks, *pytest_arguments]
    folder = os.getcwd() if any(os.path.exists(argument) for argument in pytest_arguments) else ROOT
    return subprocess.run(command, cwd=folder, check=False).returncode
