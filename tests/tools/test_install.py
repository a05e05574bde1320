"""The set-up at first use and the wheel, for real: these tests install packages, from PyPI or pip's cache."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hw", "mm", "guest", "tools")
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
BOOT = [BASE_PYTHON, "-m", "tools", "boot", "--ram", "16M"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh checkout."""
    folder = tmp_path / "clone"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".venv.lock":
            shutil.copy(path, folder)
    return folder


def start(folder: Path, **options: bool) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    pipe = subprocess.PIPE
    return subprocess.Popen(BOOT, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, **options)


def test_two_first_runs_at_once_after_a_killed_one(clone: Path) -> None:
    with start(clone, start_new_session=True) as killed:
        assert killed.stderr is not None and "made " in killed.stderr.readline()
        os.killpg(killed.pid, signal.SIGKILL)
    with start(clone) as first, start(clone) as second:
        told = [process.communicate() for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    assert told[0][0] == told[1][0] and "Linux version" in told[0][0]
    err = told[0][1] + told[1][1]
    assert err.count("not finished or no longer fits: making it again") == 1
    assert err.count("waiting") == 1 and err.count("the environment is ready: ") == 1
    assert all(line.startswith("highmem: ") for line in err.splitlines())

    began = time.monotonic()
    with start(clone) as again:
        out, err = again.communicate()
    assert (again.returncode, out, err) == (0, told[0][0], "")
    assert time.monotonic() - began < 10

    pyproject = clone / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"pyelftools>=0.31"', '"pyelftools>=0.30"'))
    with start(clone) as changed:
        out, err = changed.communicate()
    assert changed.returncode == 0 and "the environment is ready: " in err and "made " not in err


def test_the_wheel_has_everything_and_works_from_anywhere(clone: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(clone)]
    subprocess.run(pip, check=True)
    (wheel,) = tmp_path.glob("highmem-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    kept = (".py", ".c", ".h", ".S", ".typed")
    missing = [
        path
        for name in PACKAGES
        for path in (clone / name).rglob("*")
        if path.suffix in kept and not (site / path.relative_to(clone)).exists()
    ]
    assert not missing
    assert "highmem = tools.cli:main" in next(site.glob("*.dist-info/entry_points.txt")).read_text()

    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def highmem(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )

    shutil.copy(clone / "guest" / "programs" / "tour.c", elsewhere)
    result = highmem("run", "tour.c")
    assert result.returncode == 0, result.stderr
    result = highmem("check")
    assert result.returncode == 125 and "installed highmem" in result.stderr
