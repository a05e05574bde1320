"""Makes and updates the project's own virtual environment, with progress; see tools/bootstrap.py."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator

from tools import bootstrap
from tools.bootstrap import SetupError
from tools.progress import PipReport, Progress, disk_usage, megabytes

#: Variables that would make pip install to, or look at, another place than the environment.
ELSEWHERE = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
PROBE = """
from guest import cc
cc.find_compiler()
"""


def prepare(venv: str, root: str, wanted: set[str]) -> None:
    """Bring the environment `venv` to a state that has `wanted` ('test', 'compiler').

    Raises SetupError with one clear line; waits where another process is at it.
    """
    progress = Progress(sys.stderr)
    with _lock(venv + ".lock", progress):
        if bootstrap.is_ready(venv, wanted):
            return
        stamp = bootstrap.read_stamp(venv)
        has = set(filter(None, stamp.get("has", "").split(",")))
        sound = bootstrap.is_sound(venv, stamp)
        if not sound:
            has = set()
            _make(venv, progress)
        Environment(venv, root, progress).install(has, wanted, base=not (sound and bootstrap.is_current(stamp)))


@contextlib.contextmanager
def _lock(path: str, progress: Progress) -> Iterator[None]:
    """Hold the lock file: one set-up at a time. The lock ends with its process, however that ends."""
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.line("another highmem is setting up the environment; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(venv: str, progress: Progress) -> None:
    """A new, empty environment with pip in place of whatever we left there before."""
    python = getattr(sys, "_base_executable", None) or sys.executable
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        import ensurepip
        import venv as _venv  # noqa: F401
    except ImportError:
        raise SetupError(
            f"this Python ({python}) lacks venv or ensurepip; "
            f"on Debian and Ubuntu: apt install python{version}-venv"
        ) from None
    if os.path.lexists(venv):
        ours = os.path.exists(os.path.join(venv, bootstrap.MADE))
        if not ours and not (os.path.isdir(venv) and not os.listdir(venv)):
            raise SetupError(f"{venv} exists and was not made by highmem; rename or remove it")
        if ours:
            progress.line(f"{venv} is not finished or no longer fits: making it again")
        # The stamp goes first: what is left of an interrupted removal is no environment.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(venv, bootstrap.STAMP))
        made = os.path.join(venv, bootstrap.MADE)
        for name in os.listdir(venv):
            path = os.path.join(venv, name)
            if path == made:
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
    os.makedirs(venv, exist_ok=True)
    with open(os.path.join(venv, bootstrap.MADE), "w", encoding="utf-8") as file:
        file.write("This environment belongs to highmem, which makes it again when needed.\n")
    progress.status(f"making {venv} (Python {sys.version.split()[0]}, pip {ensurepip.version()})")
    result = subprocess.run(
        [python, "-m", "venv", venv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if result.returncode:
        lines = result.stdout.strip().splitlines() or ["no output"]
        raise SetupError(f"{python} -m venv {venv} failed: {lines[-1].strip()}")
    progress.line(f"made {venv} (Python {sys.version.split()[0]})")


class Environment:
    """An existing environment `venv` (with pip) into which the project at `root` is installed."""

    def __init__(self, venv: str, root: str, progress: Progress) -> None:
        self.venv = venv
        self.root = root
        self.progress = progress
        self.python = bootstrap.python_of(venv)

    def install(self, has: set[str], wanted: set[str], base: bool) -> None:
        """Install the project (`base`) and what is `wanted` beyond what it `has`; then write the stamp."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.venv, bootstrap.STAMP))
        # Read before pip does: an edit in between leads to one update too many, never too few.
        state, dependencies = bootstrap.pyproject_state(), bootstrap.dependencies_hash()
        extras = {"test", "trace"} & (has | wanted) | {"guest"} & has
        if base or extras - has:
            extras_text = f"[{','.join(sorted(extras))}]" if extras else ""
            what = "highmem" + (f" {extras_text}" if extras_text else "")
            self._pip(["-e", self.root + extras_text], what)
        if "compiler" in wanted and "compiler" not in has:
            self.progress.status("looking for a C compiler for i386")
            if self._compiler_works():
                self.progress.line("C compiler for i386: this machine has one")
            else:
                self.progress.line("C compiler for i386: none here that works; installing ziglang from PyPI")
                self._pip(self._extra("guest"), "ziglang")
                extras.add("guest")
                if not self._compiler_works():
                    self.progress.line("the compiler that was installed does not work either")
        self.progress.line(f"the environment is ready: {megabytes(disk_usage(self.venv))} in {self.venv}")
        bootstrap.write_stamp(
            self.venv,
            {
                "version": bootstrap.STAMP_VERSION,
                "root": bootstrap.ROOT,
                "python": os.path.realpath(self.python),
                "pyproject": state,
                "dependencies": dependencies,
                "has": ",".join(sorted(has | wanted | extras)),
            },
        )

    def _extra(self, name: str) -> list[str]:
        with open(os.path.join(self.root, "pyproject.toml"), "rb") as file:
            requirements = tomllib.load(file)["project"]["optional-dependencies"][name]
        return [str(requirement) for requirement in requirements]

    def _compiler_works(self) -> bool:
        command = [self.python, "-c", PROBE]
        quiet = subprocess.DEVNULL
        return subprocess.run(command, cwd=self.root, stdout=quiet, stderr=quiet, check=False).returncode == 0

    def _pip(self, requirements: list[str], what: str) -> None:
        """pip install, with sizes shown as they come; raises SetupError with pip's own reason."""
        temporary = os.path.join(self.venv, "tmp")
        os.makedirs(temporary, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
        environment |= {"PIP_USER": "0", "TMPDIR": temporary, "PYTHONUNBUFFERED": "1"}
        command = [self.python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
                   "--progress-bar", "off", *requirements]  # fmt: skip
        log = os.path.join(self.venv, bootstrap.LOG)
        with open(log, "a", encoding="utf-8") as log_file:
            report = PipReport(self.progress, what, temporary, self.venv)
            process = subprocess.Popen(
                command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                report.follow(process, log_file)
                status = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
        shutil.rmtree(temporary, ignore_errors=True)
        if status:
            raise SetupError(f"pip install {' '.join(requirements)}: {report.reason()} (all of it: {log})")
