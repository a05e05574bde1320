"""Where the bytes of a serial port go to and come from on the host: the standard streams or a pty."""

from __future__ import annotations

import os
import select
import sys
import tty


class Stdio:
    """Standard output and standard input of this process, past the buffers of Python."""

    def __init__(self, output: int | None = None, source: int | None = None) -> None:
        """``output`` and ``source``: other file descriptors. They are not closed."""
        self._output = sys.stdout.fileno() if output is None else output
        self._source = sys.stdin.fileno() if source is None else source

    def write(self, data: bytes) -> None:
        """Write all of it; raises OSError as file work does."""
        while data:
            data = data[os.write(self._output, data):]

    def read(self) -> bytes:
        """What is there to read, without waiting; empty too at the end of the input."""
        return _available(self._source)


class Pty:
    """A pseudo terminal, raw: connect a terminal program to ``path``. What nobody reads is lost."""

    def __init__(self) -> None:
        """Open it; raises OSError when the host has none."""
        self._fd, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._fd, False)
        self.path: str = os.ttyname(self._slave)

    def write(self, data: bytes) -> None:
        """Send ``data`` to who is connected."""
        while data:
            try:
                data = data[os.write(self._fd, data):]
            except BlockingIOError:
                return

    def read(self) -> bytes:
        """What was typed there, without waiting."""
        return _available(self._fd)

    def close(self) -> None:
        """Hang up."""
        if self._fd >= 0:
            os.close(self._slave)
            os.close(self._fd)
            self._fd = -1


def _available(fd: int) -> bytes:
    if not select.select([fd], [], [], 0)[0]:
        return b""
    try:
        return os.read(fd, 4096)
    except BlockingIOError:
        return b""
