"""Progress of the set-up, in plain text: one line that renews itself on a terminal, else few lines."""

import os
import re
import selectors
import shutil
import subprocess
import time
from typing import IO, TextIO

RENEW_SECONDS = 0.25
DISK_SECONDS = 1.0
QUIET_SECONDS = 10.0

_ITEM = re.compile(
    r"^\s*(Downloading|Using cached|Processing)\s+(\S+?)(?:\s+\(([\d.]+\s*[kKMG]?B)\))?(?:\s+\(from .*\))?\s*$"
)


def megabytes(size: float) -> str:
    """A size in bytes in a user's words: '411 MB', '1.8 MB'."""
    value = size / 1e6
    return f"{value:.0f} MB" if value >= 10 else f"{value:.1f} MB"


def disk_usage(folder: str) -> int:
    """Bytes in the regular files below `folder`; files that vanish meanwhile count nothing."""
    total = 0
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total


class Progress:
    """Writes `highmem: ...` lines to `stream`; `status` renews one line in place on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.terminal = stream.isatty()
        self._open = False

    def line(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        self.stream.write(f"highmem: {text}\n")
        self.stream.flush()

    def status(self, text: str) -> None:
        """What goes on now: on a terminal over the last such line, elsewhere nothing."""
        if not self.terminal:
            return
        width = shutil.get_terminal_size().columns
        self.stream.write("\r\x1b[K" + f"highmem: {text}"[: width - 1])
        self.stream.flush()
        self._open = True

    def clear(self) -> None:
        """Take the status line away."""
        if self._open:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._open = False


class PipReport:
    """Turns the output of a running pip into progress.

    `temporary` is the folder pip downloads to: what grows there is what has come so far.
    """

    def __init__(self, progress: Progress, what: str, temporary: str, venv: str) -> None:
        self.progress = progress
        self.what = what
        self.temporary = temporary
        self.venv = venv
        self.lines: list[str] = []
        self.item = ""  # being downloaded, '' for none
        self.item_size = ""
        self.phase = ""
        self._disk: tuple[float, int] = (0.0, 0)
        self._before = 0
        self._quiet_since = time.monotonic()

    def follow(self, process: "subprocess.Popen[bytes]", log: IO[str]) -> None:
        """Read pip's output to its end, showing it and writing it to `log`."""
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            pending = b""
            while True:
                if selector.select(RENEW_SECONDS):
                    chunk = os.read(process.stdout.fileno(), 65536)
                    if not chunk:
                        break
                    *whole, pending = (pending + chunk).split(b"\n")
                    for raw in whole:
                        text = raw.decode(errors="replace")
                        log.write(text + "\n")
                        self.heard(text)
                self.show()
        self.end_item()

    def heard(self, text: str) -> None:
        """Take in one line of pip's output."""
        self.lines.append(text)
        match = _ITEM.match(text)
        if match and not match[2].endswith(".metadata"):
            self.end_item()
            self.item = _item_name(match[2])
            self.item_size = match[3] or _file_size(match[2])
            self._before = disk_usage(self.temporary)
            self.phase = ""
        elif text.lstrip().startswith("Installing collected packages"):
            self.end_item()
            self.phase = "unpacking"
        elif not text.startswith(" "):
            self.end_item()
            if text.startswith("Collecting "):
                self.phase = "looking for " + text.split()[1]
        elif text.endswith(": started"):
            self.phase = text.strip().removesuffix(": started").lower()

    def end_item(self) -> None:
        """The item on its way, if any, has come: a line for it, unless it is our own project."""
        if self.item and self.item_size:
            self.progress.line(f"  {self.item}: {self.item_size}")
            self._quiet_since = time.monotonic()
        self.item = ""

    def show(self) -> None:
        """Renew the status line (on a terminal), or say now and then that the work goes on."""
        now = time.monotonic()
        if not self.progress.terminal and now - self._quiet_since < QUIET_SECONDS:
            return
        if self.item:
            come = max(disk_usage(self.temporary) - self._before, 0)
            text = f"downloading {self.item}: {megabytes(come)} of {self.item_size or '?'}"
        else:
            if now - self._disk[0] >= DISK_SECONDS:
                self._disk = (now, disk_usage(self.venv))
            text = f"installing {self.what}: {megabytes(self._disk[1])} on disk"
            text += f", {self.phase}" if self.phase else ""
        if self.progress.terminal:
            self.progress.status(text)
        else:
            self.progress.line(text)
            self._quiet_since = now

    def reason(self) -> str:
        """Why pip failed, from its last lines: one line."""
        told = [line.strip() for line in self.lines if line.strip()] or ["it said nothing"]
        errors = [line for line in told if line.lower().startswith("error:") and "subprocess-exited" not in line]
        text = (errors or told)[-1]
        cut_off = any(word in line for line in told for word in ("connection broken", "Failed to establish"))
        text = text[len("error:") :].strip() if errors else text
        return f"PyPI cannot be reached ({text})" if cut_off else text


def _file_size(path: str) -> str:
    """The size of a package that already lies on this machine; '' where it has none."""
    return megabytes(os.path.getsize(path)) if os.path.isfile(path) else ""


def _item_name(file: str) -> str:
    """'unicorn 2.1.4' of a wheel's or an archive's file name or address."""
    name = file.rsplit("/", 1)[-1]
    parts = name.removesuffix(".tar.gz").removesuffix(".whl").split("-")
    return " ".join(parts[:2])
