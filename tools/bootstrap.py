"""`python3 -m tools`: make the project's own environment at first use, then run the command in it.

Only the standard library, and on the way that every later start takes only what is loaded anyway:
that start costs a few file lookups and one exec.

The environment is `.venv` in the project root. Two files in it tell its state: MADE is written
before anything else (so that nobody else's environment is ever removed), STAMP after everything
else (so that an interrupted set-up is seen and made again). Changes happen under a file lock.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MADE = "highmem-made"
STAMP = "highmem-stamp"
LOG = "highmem-install.log"
STAMP_VERSION = "1"
EXIT_OWN_ERROR = 125
EXIT_INTERRUPTED = 130


class SetupError(Exception):
    """The environment cannot be made; `str()` is one clear line for a user."""


def main(arguments: list[str]) -> int:
    """Run the highmem command, in the project's own environment; returns its exit status.

    In an environment where highmem is installed already, nothing is made and nothing changed.
    """
    venv = os.path.join(ROOT, ".venv")
    if not os.path.exists(os.path.join(ROOT, "pyproject.toml")) or _installed_here(venv):
        return _run(arguments)
    try:
        if not is_ready(venv, needs(arguments)):
            if (status := _answer_without_environment(arguments)) is not None:
                return status
            if os.name != "posix":
                raise SetupError("Linux is needed, or another POSIX system")
            from tools import install

            install.prepare(venv, ROOT, needs(arguments))
        if os.path.realpath(sys.prefix) == os.path.realpath(venv):
            return _run(arguments)
        return _exec(python_of(venv), arguments)
    except SetupError as error:
        sys.stderr.write(f"highmem: error: {error}\n")
        return EXIT_OWN_ERROR
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"highmem: error: setting up {venv}: {error.strerror}{where}\n")
        return EXIT_OWN_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("highmem: interrupted; the next start does the set-up again\n")
        return EXIT_INTERRUPTED


def needs(arguments: list[str]) -> set[str]:
    """What a command line needs beyond the project itself: of 'test', 'compiler' and 'trace'."""
    word = arguments[0] if arguments else ""
    if word == "check":
        return {"test", "compiler"}
    wanted = set()
    if word in ("run", "monitor", "trace") and any(a.endswith(".parquet") for a in arguments):
        wanted.add("trace")
    if word == "build" or (word in ("run", "monitor") and any(a.endswith((".c", ".S", ".s")) for a in arguments)):
        wanted.add("compiler")
    return wanted


def python_of(venv: str) -> str:
    """The interpreter of an environment."""
    return os.path.join(venv, "bin", "python")


def read_stamp(venv: str) -> dict[str, str]:
    """The stamp of a finished environment, {} where it is missing (none there, or half made)."""
    try:
        with open(os.path.join(venv, STAMP), encoding="utf-8", errors="surrogateescape") as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except FileNotFoundError:
        return {}


def write_stamp(venv: str, stamp: dict[str, str]) -> None:
    """Declare an environment finished (whole or not at all: written aside, then renamed)."""
    path = os.path.join(venv, STAMP)
    with open(path + ".new", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{key}={value}\n" for key, value in stamp.items())
    os.replace(path + ".new", path)


def is_sound(venv: str, stamp: dict[str, str]) -> bool:
    """Whether an environment was finished, here, by this version, and its Python is still the same."""
    python = python_of(venv)
    return (
        stamp.get("version") == STAMP_VERSION
        and stamp.get("root") == ROOT
        and os.path.exists(python)
        and stamp.get("python") == os.path.realpath(python)
    )


def is_current(stamp: dict[str, str]) -> bool:
    """Whether what is installed is what pyproject.toml asks for now.

    Its time and size answer at once; only when they differ are the dependencies themselves compared.
    """
    if stamp.get("pyproject") == pyproject_state():
        return True
    return stamp.get("dependencies") == dependencies_hash()


def is_ready(venv: str, wanted: set[str]) -> bool:
    """Whether an environment can run a command that needs `wanted`."""
    stamp = read_stamp(venv)
    return (
        is_sound(venv, stamp)
        and wanted <= set(stamp.get("has", "").split(","))
        and is_current(stamp)
    )


def pyproject_state() -> str:
    """Time and size of pyproject.toml."""
    state = os.stat(os.path.join(ROOT, "pyproject.toml"))
    return f"{state.st_mtime_ns}:{state.st_size}"


def dependencies_hash() -> str:
    """A hash of those parts of pyproject.toml that decide what is installed."""
    import hashlib
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        try:
            content = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise SetupError(f"pyproject.toml: {error}") from None
    project = content.get("project", {})
    keys = ("requires-python", "dependencies", "optional-dependencies", "scripts")
    deciding = [content.get("build-system"), *(project.get(key) for key in keys)]
    return hashlib.sha256(repr(deciding).encode()).hexdigest()


def _installed_here(venv: str) -> bool:
    """Whether the running Python, if it is not our own environment's, has highmem installed."""
    if os.path.realpath(sys.prefix) == os.path.realpath(venv):
        return False
    for folder in sys.path:
        if not folder.endswith("-packages"):
            continue
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if any(name.startswith("highmem-") and name.endswith(".dist-info") for name in names):
            return True
    return False


def _answer_without_environment(arguments: list[str]) -> int | None:
    """Answer a call for help or a wrong command line at once, before anything is installed."""
    from tools import cli

    return cli.usage_status(arguments)


def _run(arguments: list[str]) -> int:
    from tools import cli

    return cli.main(arguments)


def _exec(python: str, arguments: list[str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [python, "-m", "tools", *arguments])
