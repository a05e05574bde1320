"""Runs a program under a real gdb, started with the very words that --gdb prints."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SECONDS = 60
#: Ctrl-C, a moment after the next command has been given
CTRL_C = "python import threading, os, signal; threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()"


def line(source: str, comment: str) -> int:
    """The line of a program that has a comment."""
    return next(n for n, text in enumerate(source.splitlines(), 1) if f"/* {comment} */" in text)


@functools.cache
def gdb() -> str:
    """A gdb that knows the i386: this environment's own, else the host's. Without one the test is skipped."""
    own = shutil.which("gdb", path=os.path.join(sys.prefix, "bin"))
    for path in filter(None, (os.environ.get("HIGHMEM_GDB"), own, shutil.which("gdb"))):
        command = [path, "-nx", "-batch", "-ex", "set architecture i386", "-ex", "python print(6 * 7)"]
        if "42" in subprocess.run(command, capture_output=True, text=True, check=False).stdout:
            return path
    pytest.skip("no gdb for the i386 with Python in it (pip install gdb-for-pwndbg, or apt install gdb)")


class Ran(NamedTuple):
    """What gdb printed, and the status and the output of highmem."""

    text: str
    status: int
    out: str
    err: str


def debug(folder: Path, source: str, commands: Sequence[str], *options: str, where: str = "--gdb=0") -> Ran:
    """Run a program; start gdb as its stderr says; give it the commands."""
    program = gdb()
    (folder / "prog.c").write_text(source)
    pipe = subprocess.PIPE
    line = [*COMMAND, "run", "prog.c", where, "--ram", "1G", *options]
    with subprocess.Popen(line, cwd=folder, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stderr is not None
            hint = process.stderr.readline()
            assert hint.startswith("highmem: waiting for gdb: gdb "), hint + process.stderr.read()
            _, *arguments = shlex.split(hint.partition("for gdb: ")[2])
            script = [word for command in ("set confirm off", "set width 0", *commands) for word in ("-ex", command)]
            result = subprocess.run(
                [program, "-q", "-nx", "-batch", *arguments, *script], cwd=folder, stdout=pipe,
                stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
            out, err = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert "Traceback" not in err and "fault in highmem" not in result.stdout, err + result.stdout
    text = re.sub(r"\b(\w+)=\1@entry=", r"\1=", result.stdout.replace("./prog.c", "prog.c"))  # compilers differ
    return Ran(text, process.returncode, out, err)
