"""The kernel log: a ring in guest RAM (kernel/printk.c, 2.6.20).

`log_start`, `con_start` and `log_end` count characters without wrapping at the ring's size; a line begins with its
level, "<4>". The console is a listener that gets the text of levels below `console_loglevel` without the tag.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.layout import LOG_BUF_LEN, PAGE_OFFSET, Layout
from mm.list import Words
from mm.time import HZ

Console = Callable[[str], None]

DEFAULT_MESSAGE_LOGLEVEL = 4
DEFAULT_CONSOLE_LOGLEVEL = 7
_MASK = LOG_BUF_LEN - 1
_LINE_START = 0xFFFFFFFF  # of msg_level: -1, the next character begins a line
RATELIMIT_JIFFIES, RATELIMIT_BURST = 5 * HZ, 10


class Printk:
    """printk over the ring. `console` may be changed at any time; None: nobody looks."""

    def __init__(self, w: Words, memory: memoryview, layout: Layout, console: Console | None) -> None:
        self._w = w
        self._memory = memory
        self._buffer = layout.va("__log_buf") - PAGE_OFFSET
        index = {name: (layout.va(name) - PAGE_OFFSET) >> 2 for name in (
            "log_start", "con_start", "log_end", "logged_chars", "log_level_unknown", "msg_level", "console_loglevel",
            "ratelimit_toks", "ratelimit_last_msg", "ratelimit_missed", "jiffies",
        )}  # fmt: skip
        self._log_start, self._con_start, self._log_end = index["log_start"], index["con_start"], index["log_end"]
        self._logged_chars, self._unknown = index["logged_chars"], index["log_level_unknown"]
        self._msg_level, self._loglevel = index["msg_level"], index["console_loglevel"]
        self._toks, self._last_msg = index["ratelimit_toks"], index["ratelimit_last_msg"]
        self._missed, self._jiffies = index["ratelimit_missed"], index["jiffies"]
        self.console = console

    def init(self, console_loglevel: int = DEFAULT_CONSOLE_LOGLEVEL) -> None:
        """Empty the ring. Messages of a level below `console_loglevel` reach the console."""
        w = self._w
        for i in (self._log_start, self._con_start, self._log_end, self._logged_chars):
            w[i] = 0
        w[self._unknown] = 1
        w[self._msg_level] = _LINE_START
        w[self._loglevel] = console_loglevel
        w[self._toks] = RATELIMIT_BURST * RATELIMIT_JIFFIES
        w[self._last_msg] = w[self._missed] = 0

    def __call__(self, text: str | bytes) -> int:
        """Log `text`, which may hold "<level>" tags at line starts; its length, 3 added for every line begun."""
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        out = bytearray()
        length = len(data)
        unknown = self._w[self._unknown]
        for line in _lines(data):
            if unknown:
                length += 3
                if not _is_tagged(line):
                    out += b"<%d>" % DEFAULT_MESSAGE_LOGLEVEL
            out += line
            unknown = int(line.endswith(b"\n"))
        self._w[self._unknown] = unknown
        self._emit(bytes(out))
        self._call_console()
        return length

    def ratelimit(self) -> bool:
        """printk_ratelimit: whether a message may be logged; ten at once, then one in five seconds."""
        w = self._w
        now = w[self._jiffies]
        toks = w[self._toks] + (now - w[self._last_msg] & 0xFFFFFFFF)
        w[self._last_msg] = now
        toks = min(toks, RATELIMIT_BURST * RATELIMIT_JIFFIES)
        allowed = toks >= RATELIMIT_JIFFIES
        if allowed:
            missed, w[self._missed] = w[self._missed], 0
            toks -= RATELIMIT_JIFFIES
            if missed:
                self(f"<4>printk: {missed} messages suppressed.\n")
        else:
            w[self._missed] = w[self._missed] + 1 & 0xFFFFFFFF
        w[self._toks] = toks
        return allowed

    def _emit(self, data: bytes) -> None:
        w = self._w
        data = data[-LOG_BUF_LEN:]
        end = w[self._log_end]
        at = end & _MASK
        first = data[: LOG_BUF_LEN - at]
        self._memory[self._buffer + at : self._buffer + at + len(first)] = first
        rest = data[len(first) :]
        self._memory[self._buffer : self._buffer + len(rest)] = rest
        end = end + len(data) & 0xFFFFFFFF
        w[self._log_end] = end
        for i in (self._log_start, self._con_start):
            if end - w[i] & 0xFFFFFFFF > LOG_BUF_LEN:
                w[i] = end - LOG_BUF_LEN & 0xFFFFFFFF
        w[self._logged_chars] = min(w[self._logged_chars] + len(data), LOG_BUF_LEN)

    def _read(self, start: int, end: int) -> bytes:
        at, length = start & _MASK, end - start & 0xFFFFFFFF
        ring = self._memory[self._buffer : self._buffer + LOG_BUF_LEN]
        return bytes(ring[at : at + length]) + bytes(ring[: max(0, at + length - LOG_BUF_LEN)])

    def _call_console(self) -> None:
        w = self._w
        data = self._read(w[self._con_start], w[self._log_end])
        w[self._con_start] = w[self._log_end]
        level = w[self._msg_level]
        for line in _lines(data):
            if level == _LINE_START:
                level = DEFAULT_MESSAGE_LOGLEVEL
                if _is_tagged(line):
                    level, line = line[1] - 0x30, line[3:]
            if self.console is not None and level < w[self._loglevel]:
                self.console(line.decode("utf-8", "replace"))
            if line.endswith(b"\n"):
                level = _LINE_START
        w[self._msg_level] = level

    def text(self) -> str:
        """What the ring holds, as dmesg prints it: without the levels."""
        w = self._w
        data = self._read(w[self._log_end] - w[self._logged_chars] & 0xFFFFFFFF, w[self._log_end])
        lines = (line[3:] if _is_tagged(line) else line for line in _lines(data))
        return b"".join(lines).decode("utf-8", "replace")


def _is_tagged(line: bytes) -> bool:
    return len(line) > 2 and line[0] == 0x3C and 0x30 <= line[1] <= 0x37 and line[2] == 0x3E


def _lines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines
