"""The `highmem` command (the same as `python3 -m tools ...`): what each of its words does.

Exit statuses: the guest's own for `run`; 1 for a monitor command or a self-test that failed or found damage; 2 for
a wrong command line; 124 timeout, 130 Ctrl-C, 137 a guest that died in an oops; 125 for what highmem itself cannot do.
Importing this module imports only the standard library, so that help needs no environment.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.command_line import parse, parsers
from tools.launch import boot_and_run, compile_program, load
from tools.options import apply_settings, boot_options, is_core
from tools.progress import Progress
from tools.trace.command import Tracing, trace

if TYPE_CHECKING:
    from guest.kernel import Kernel
    from tools.monitor import Monitor

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_OWN_ERROR = 125
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

OWN_PACKAGES = ("hw", "mm", "guest", "tools")


def main(arguments: list[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit status. Never raises an Exception."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a guest prints what it likes
    try:
        if _is_bare(arguments):
            from tools import bare

            return bare.main(arguments[1:])
        options = parse(arguments)
        status = _WORDS[options.word](options)
        sys.stdout.flush()
        return status
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer must not be tried again when Python ends.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:   # whatever happened, a user gets one line
        return _report(error)


def _is_bare(arguments: list[str]) -> bool:
    """Whether this is `run --bare`, which has options of its own."""
    return arguments[:1] == ["run"] and "--bare" in arguments[:arguments.index("--") if "--" in arguments else None]


def _report(error: Exception) -> int:
    from hw.errors import HighmemError

    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if isinstance(error, HighmemError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in OWN_PACKAGES:
        text = f"the Python package {error.name} is missing (pip install highmem; in a checkout: remove .venv)"
    elif isinstance(error, MemoryError):
        text = "this machine has not enough memory"
    else:
        if os.environ.get("HIGHMEM_DEBUG"):
            raise error
        text = f"a fault in highmem itself: {type(error).__name__}: {error} (HIGHMEM_DEBUG=1 shows where)"
    sys.stderr.write(f"highmem: error: {text}\n")
    return EXIT_OWN_ERROR


def usage_status(arguments: list[str]) -> int | None:
    """The exit status of a command line that is answered by its parsing alone (help, a mistake); None for others."""
    if _is_bare(arguments):
        return None  # its options are not known here
    try:
        parse(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    return None


# The words


def _run(options: argparse.Namespace) -> int:
    status, kernel = boot_and_run(options, sys.stdout)
    well = _answer(kernel, options)
    return status if status or well else EXIT_FAILED


def _monitor(options: argparse.Namespace) -> int:
    from tools.prompt import interact

    status, kernel = boot_and_run(options, sys.stderr)
    if options.stop:
        return _under_control(kernel, options)
    if options.program and status:
        sys.stderr.write(f"highmem: {options.program} ended with status {status}\n")
    if options.commands:
        return 0 if _answer(kernel, options) else EXIT_FAILED
    return 0 if interact(_look(kernel, options), options.json) else EXIT_FAILED


def _under_control(kernel: Kernel, options: argparse.Namespace) -> int:
    """`monitor -S`: the program stands before its first instruction."""
    from tools.prompt import interact
    from tools.stops import controlled, render_stop

    program = load(options, kernel.layout)
    monitor = _look(kernel, options)
    with (
        Tracing(options).record(kernel) if options.trace else contextlib.nullcontext(),
        controlled(monitor.session, program, [options.program, *options.arguments]) as control,
    ):
        view = control.view(control.start(True))
        if not options.commands:
            control.shows_context = sys.stdin.isatty() and not options.json
            sys.stderr.write(render_stop(view))
            return 0 if interact(monitor, options.json) else EXIT_FAILED
        return 0 if monitor.answer_all(options.commands, sys.stdout, sys.stderr, options.json) else EXIT_FAILED


def _report_page(options: argparse.Namespace) -> int:
    from tools.report.command import report

    for action in parsers()[1]["run"]._actions:  # what `run` can do besides is not done here
        if not hasattr(options, action.dest):
            setattr(options, action.dest, action.default)
    return report(options, lambda options: boot_and_run(options, sys.stderr), is_core(options.program))


def _top(options: argparse.Namespace) -> int:
    from guest.kernel import Kernel
    from tools.top import looks, show

    boot = boot_options(options)
    program = load(options, boot.layout)
    with Kernel.boot(boot) as kernel:
        apply_settings(options, kernel)
        arguments = [options.program, *options.arguments]
        found = looks(kernel, options.program, lambda seconds: kernel.run(program, arguments, seconds), options.delay)
        return show(found, options, sys.stdout) or 0


def _look(kernel: Kernel, options: argparse.Namespace) -> Monitor:
    """A monitor that knows which call of a script would make such a kernel."""
    from tools.monitor import Monitor
    from tools.script import origin

    monitor = Monitor(kernel)
    monitor.session.origin = origin(options)
    return monitor


def _answer(kernel: Kernel, options: argparse.Namespace) -> bool:
    if not options.commands:
        return True
    return _look(kernel, options).answer_all(options.commands, sys.stdout, sys.stderr, options.json)


def _boot(options: argparse.Namespace) -> int:
    from guest.kernel import Kernel

    kernel = Kernel.boot(boot_options(options))
    apply_settings(options, kernel)
    sys.stdout.write(kernel.log.text())
    return 0


def _build(options: argparse.Namespace) -> int:
    import shutil

    from hw.files import replaced

    built = compile_program(options, boot_options(options).layout, "exec")
    with replaced(options.output) as partial:
        shutil.copy(built, partial)
    return 0


def _selftest(options: argparse.Namespace) -> int:
    from tools.selftest import selftest_mmu

    return 0 if selftest_mmu(options.quick, options.json, sys.stdout, Progress(sys.stderr)) else EXIT_FAILED


def _test(options: argparse.Namespace) -> int:
    from tools.testing.command import test

    return test(options)


def _check(options: argparse.Namespace) -> int:
    from tools.check import check

    return check(options.pytest, slow=options.all)


_WORDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "boot": _boot,
    "build": _build,
    "monitor": _monitor,
    "report": _report_page,
    "selftest": _selftest,
    "test": _test,
    "top": _top,
    "trace": trace,
    "check": _check,
}

if __name__ == "__main__":
    sys.exit(main())
