"""The monitor's prompt: history, completion, and commands read from a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator

from guest.cachedir import cache_dir
from tools.monitor import Monitor

PROMPT = "(highmem) "
HISTORY_LINES = 1000
LEAVE = ("q", "quit", "exit")


def interact(monitor: Monitor, as_json: bool = False) -> bool:
    """Answer commands from standard input until its end or `quit`.

    Returns whether all went well; at a terminal always True, as errors were seen there.
    """
    if not sys.stdin.isatty():
        lines = (line.strip() for line in sys.stdin)
        return monitor.answer_all(_until_leaving(line for line in lines if line), sys.stdout, sys.stderr, as_json)
    with _line_editing(monitor):
        sys.stdout.write("'help' lists the commands, 'quit' ends.\n")
        while True:
            try:
                line = input(PROMPT).strip()
            except EOFError:
                sys.stdout.write("\n")
                return True
            except KeyboardInterrupt:
                sys.stdout.write("\n")
                continue
            if line in LEAVE:
                return True
            if line:
                try:
                    monitor.answer_all([line], sys.stdout, sys.stderr, as_json)
                except KeyboardInterrupt:
                    sys.stdout.write("\n")


def _until_leaving(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if line in LEAVE:
            return
        yield line


@contextlib.contextmanager
def _line_editing(monitor: Monitor) -> Iterator[None]:
    """readline with our completion and history, where Python has it."""
    try:
        import readline
    except ImportError:
        yield
        return
    history = cache_dir() / "monitor_history"
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    readline.set_history_length(HISTORY_LINES)
    readline.set_completer_delims(" ")

    def complete(text: str, state: int) -> str | None:
        matches = monitor.completions(readline.get_line_buffer()[: readline.get_endidx()])
        return matches[state] + " " if state < len(matches) else None

    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)
