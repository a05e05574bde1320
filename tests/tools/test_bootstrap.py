"""The set-up at first use, without installing anything."""

from __future__ import annotations

import ast
import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import bootstrap, install
from tools.progress import PipReport, Progress, disk_usage, megabytes

ROOT = Path(__file__).resolve().parents[2]
ENTRY = ("__init__.py", "__main__.py")


def venv_like(folder: Path, **changes: str) -> Path:
    """A folder that looks like a finished environment of this checkout."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / bootstrap.MADE).touch()
    stamp = {
        "version": bootstrap.STAMP_VERSION,
        "root": bootstrap.ROOT,
        "python": os.path.realpath(sys.executable),
        "pyproject": bootstrap.pyproject_state(),
        "dependencies": bootstrap.dependencies_hash(),
        "has": "compiler,test",
    }
    bootstrap.write_stamp(str(folder), stamp | changes)
    return folder


# A Python that is too old


@pytest.mark.parametrize("name", ENTRY)
def test_any_python_can_read_the_entry(name: str) -> None:
    tree = ast.parse((ROOT / "tools" / name).read_text(encoding="utf-8"), feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.FunctionDef, ast.NamedExpr)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


def test_too_old_a_python_gets_one_line() -> None:
    program = "import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_module('tools', run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 125
    expected = f"Python 3.11 or newer is needed, and this is Python 3.9 ({sys.executable})"
    assert result.stderr == f"highmem: error: {expected}\n"


@pytest.mark.parametrize("name", ["python2", "python2.7", "python3.6", "python3.8", "python3.9", "python3.10"])
def test_really_old_pythons(name: str) -> None:
    python = shutil.which(name)
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"no {name} here")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [python, "-m", "tools", "run", "x.c"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 125
    assert result.stderr.startswith("highmem: error: Python 3.11 or newer is needed") and result.stderr.count("\n") == 1


# What state an environment is in


def test_a_finished_environment_is_ready(tmp_path: Path) -> None:
    venv = str(venv_like(tmp_path / "venv"))
    assert bootstrap.is_ready(venv, set())
    assert bootstrap.is_ready(venv, {"test", "compiler"})
    assert not bootstrap.is_ready(venv, {"more"})


def test_none_or_a_half_made_one_is_not(tmp_path: Path) -> None:
    assert not bootstrap.is_ready(str(tmp_path / "none"), set())
    venv = venv_like(tmp_path / "venv")
    (venv / bootstrap.STAMP).unlink()
    assert not bootstrap.is_ready(str(venv), set())


@pytest.mark.parametrize("change", [{"root": "/elsewhere"}, {"python": "/usr/bin/python3.7"}, {"version": "0"}])
def test_a_moved_or_outdated_one_is_not(tmp_path: Path, change: dict[str, str]) -> None:
    assert not bootstrap.is_ready(str(venv_like(tmp_path / "venv", **change)), set())


def test_one_whose_python_is_gone_is_not(tmp_path: Path) -> None:
    venv = venv_like(tmp_path / "venv")
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nowhere/python3")
    assert not bootstrap.is_ready(str(venv), set())


def test_dependencies_decide_not_the_time_of_the_file(tmp_path: Path) -> None:
    assert bootstrap.is_ready(str(venv_like(tmp_path / "touched", pyproject="0:0")), set())
    assert not bootstrap.is_ready(str(venv_like(tmp_path / "changed", pyproject="0:0", dependencies="other")), set())


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("", set()),
        ("boot --ram 64M", set()),
        ("run a.o", set()),
        ("run --ram 64M a.c", {"compiler"}),
        ("monitor -ex dmesg", set()),
        ("monitor a.c", {"compiler"}),
        ("build a.c -o a", {"compiler"}),
        ("check", {"compiler", "test"}),
        ("run a.c --trace a.parquet", {"compiler", "trace"}),
        ("trace summary a.parquet", {"trace"}),
        ("trace convert a.dat a.json", set()),
    ],
)
def test_needs(line: str, needed: set[str]) -> None:
    assert bootstrap.needs(line.split()) == needed


# Making one


def quiet() -> Progress:
    return Progress(io.StringIO())


def test_an_environment_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    venv = tmp_path / ".venv"
    venv.mkdir()
    (venv / "theirs").touch()
    with pytest.raises(bootstrap.SetupError, match="was not made by highmem"):
        install._make(str(venv), quiet())
    assert (venv / "theirs").exists()


def test_a_half_made_one_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = venv_like(tmp_path / ".venv")
    (venv / "lib").mkdir()
    (venv / "lib" / "rest").touch()
    monkeypatch.setattr(install.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, ""))
    install._make(str(venv), quiet())
    assert [path.name for path in venv.iterdir()] == [bootstrap.MADE]


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_gets_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(bootstrap.SetupError, match=r"lacks venv or ensurepip; .* apt install python3\.\d+-venv"):
        install._make(str(tmp_path / ".venv"), quiet())
    assert not (tmp_path / ".venv").exists()


def test_a_second_first_run_waits_and_says_so(tmp_path: Path) -> None:
    lock = tmp_path / ".venv.lock"
    program = (
        "import sys, time; from tools import install; from tools.progress import Progress\n"
        f"with install._lock({str(lock)!r}, Progress(sys.stderr)):\n"
        "    print('held', time.monotonic(), flush=True)\n"
        "    sys.stdin.read()\n"
        "    print('left', time.monotonic(), flush=True)\n"
    )

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    with start() as first:
        assert first.stdout is not None and first.stdout.readline().startswith("held")
        with start() as second:
            assert second.stderr is not None
            assert "another highmem is setting up the environment; waiting" in second.stderr.readline()
            time.sleep(0.1)
            left = first.communicate("")[0]
            held = second.communicate("")[0]
    assert float(held.split()[1]) >= float(left.split()[1])


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    lock = str(tmp_path / ".venv.lock")
    program = (
        "import time; from tools import install\n"
        f"lock = install._lock({lock!r}, None); lock.__enter__(); print(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-uc", program], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        holder.kill()
        holder.wait()
    with install._lock(lock, quiet()):
        pass


@pytest.mark.parametrize(("line", "status"), [("--help", 0), ("run --help", 0), ("--version", 0), ("nonsense", 2)])
def test_help_and_mistakes_are_answered_before_anything_is_installed(tmp_path: Path, line: str, status: int) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = [sys.executable, "-S", "-m", "tools", *line.split()]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / ".venv").exists()


# Progress

PIP = """\
Obtaining file:///home/me/highmem
  Installing build dependencies: started
  Installing build dependencies: finished with status 'done'
Collecting unicorn==2.1.4 (from highmem==0.1.0)
  Downloading unicorn-2.1.4-cp37-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl.metadata (4.5 kB)
  Downloading unicorn-2.1.4-cp37-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl (16.3 MB)
Collecting pyelftools>=0.31 (from highmem==0.1.0)
  Using cached pyelftools-0.33-py3-none-any.whl (201 kB)
Building wheels for collected packages: highmem
Installing collected packages: unicorn, pyelftools, highmem
Successfully installed highmem-0.1.0 pyelftools-0.33 unicorn-2.1.4
"""


def heard(text: str, tmp_path: Path) -> tuple[PipReport, str]:
    stream = io.StringIO()
    report = PipReport(Progress(stream), "highmem", str(tmp_path), str(tmp_path))
    for line in text.splitlines():
        report.heard(line)
    report.end_item()
    return report, stream.getvalue()


def test_every_package_is_shown_with_its_size(tmp_path: Path) -> None:
    assert heard(PIP, tmp_path)[1] == "highmem:   unicorn 2.1.4: 16.3 MB\nhighmem:   pyelftools 0.33: 201 kB\n"


def test_why_pip_failed(tmp_path: Path) -> None:
    text = (
        "WARNING: Retrying after connection broken by 'ProxyError'\n  ERROR: No matching distribution found for x\n"
        "error: subprocess-exited-with-error\nnote: This error originates from a subprocess.\n"
    )
    assert heard(text, tmp_path)[0].reason() == "PyPI cannot be reached (No matching distribution found for x)"
    assert heard("ERROR: no space\n", tmp_path)[0].reason() == "no space"
    assert heard("something odd\n\n", tmp_path)[0].reason() == "something odd"
    assert heard("", tmp_path)[0].reason() == "it said nothing"


def test_sizes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(1000))
    (tmp_path / "c").write_bytes(bytes(24))
    (tmp_path / "loop").symlink_to(tmp_path)
    assert disk_usage(str(tmp_path)) == 1024
    assert disk_usage(str(tmp_path / "none")) == 0
    assert (megabytes(411e6), megabytes(1.84e6)) == ("411 MB", "1.8 MB")
