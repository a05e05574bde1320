"""A trace as trace-cmd's trace.dat, version 6 (trace-cmd.dat.v6(5)): `trace-cmd report`, KernelShark.

As from a 32-bit machine: ring-buffer pages of 4 KB for each CPU, format files, kallsyms, the names of tasks. Every
event has `common_caller` more than the kernel's. The source lines of places in code are in the table of trace_printk's
formats, where readers find texts by address; nothing else knows them.
"""

from __future__ import annotations

import heapq
import os
import re
import shutil
import struct
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from mm import gfp
from mm.events import NAMES_OF_TASKS
from tools.trace.model import (
    EVENT_FIELDS,
    EVENT_TYPES,
    EVENTS,
    FREE_AREA,
    SYSTEM_OF,
    Names,
    Row,
    Site,
    Symbol,
    places,
)  # fmt: skip

MAGIC = b"\x17\x08\x44tracing6\0"
PAGE = 4096
_PAGE_HEADER = struct.Struct("<QI")  # time of the first event, bytes used
_TIME_EXTEND = 30
_FIRST_ID = 1000
_COMMON_SIZE = 12
_COMM = 16

_HEADER_PAGE = b"""\
\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:4;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:12;\tsize:4084;\tsigned:0;
"""
_HEADER_EVENT = b"""\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
"""
_COMMON_FORMAT = """\
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
\tfield:unsigned long common_caller;\toffset:8;\tsize:4;\tsigned:0;

"""
_SIGNED = ("int", "long", "pid_t")
_DECIMAL = ("int", "unsigned int", "long", "pid_t", "size_t")


def _layout(event: str) -> struct.Struct:
    codes = (f"{_COMM}s" if of_type == NAMES_OF_TASKS else "I" for of_type in EVENT_TYPES[event].values())
    return struct.Struct("<IHBBiI" + "".join(codes))  # the ring buffer's word, and what is common, before


_LAYOUTS = {event: _layout(event) for event in EVENTS}
_TEXTS = {event for event, types in EVENT_TYPES.items() if NAMES_OF_TASKS in types.values()}


def _format(event: str, number: int) -> str:
    """The event's file in /sys/kernel/debug/tracing/events."""
    lines, at = [], _COMMON_SIZE
    for name, of_type in EVENT_TYPES[event].items():
        text = of_type == NAMES_OF_TASKS
        declared = f"char {name}[{_COMM}]" if text else f"{of_type} {name}"
        size = _COMM if text else 4
        lines.append(f"\tfield:{declared};\toffset:{at};\tsize:{size};\tsigned:{int(text or of_type in _SIGNED)};\n")
        at += size
    return (
        f"name: {event}\nID: {number}\nformat:\n{_COMMON_FORMAT}{''.join(lines)}\nprint fmt: {_print_format(event)}\n"
    )


def _print_format(event: str) -> str:
    texts, arguments = [], []
    for name, of_type in EVENT_TYPES[event].items():
        argument = f"REC->{name}"
        if name in ("call_site", "ip", "function"):
            text, argument = "%pS", f"(void *){argument}"
        elif of_type == NAMES_OF_TASKS:
            text = "%s"
        elif of_type == "gfp_t":
            flags = ", ".join(f'{{ 0x{flag:x}UL, "{words}" }}' for words, flag in gfp.NAMES.items())
            text, argument = "%s", f'({argument}) ? __print_flags({argument}, "|", {flags}) : "none"'
        elif of_type in _DECIMAL or event == FREE_AREA:
            text = "%d"
        else:
            text, argument = "0x%lx", f"(unsigned long){argument}"
        texts.append(f"{name.removeprefix('nr_free_')}={text}")
        arguments.append(argument)
    return f'"{" ".join(texts)}", {", ".join(arguments)}'


def _kallsyms(symbol: Symbol) -> str:
    module = f"\t[{symbol.module}]" if symbol.module else ""
    return f"{symbol.address:08x} t {symbol.name}{module}\n"


class _Buffer:
    """The ring buffer of one CPU, on its way to the file: full pages lie in a temporary one."""

    def __init__(self, folder: str) -> None:
        self.file = tempfile.TemporaryFile(dir=folder)
        self.page = bytearray()
        self._start = self._last = 0

    def begin(self, ts: int, size: int) -> int:
        """Make room for an event at `ts` of `size` bytes, its word among them; the time since what stands before."""
        delta = ts - self._last
        if not self.page or len(self.page) + size + 8 > PAGE - _PAGE_HEADER.size:
            self.flush()
            self._start, delta = ts, 0
        if delta >> 27:
            self.page += struct.pack("<II", delta << 5 & 0xFFFFFFFF | _TIME_EXTEND, delta >> 27)
            delta = 0
        self._last = ts
        return delta

    def flush(self) -> None:
        """Write the page, where there is one."""
        if self.page:
            header = _PAGE_HEADER.pack(self._start, len(self.page))
            self.file.write(header + self.page.ljust(PAGE - _PAGE_HEADER.size, b"\0"))
            self.page = bytearray()


class TraceDat:
    """Writes the file at its end: what stands before the events is known only then."""

    def __init__(self, file: BinaryIO, folder: str = "") -> None:
        self._file = file
        self._folder = folder or tempfile.gettempdir()
        self._buffers: dict[int, _Buffer] = {}
        self._names = Names()
        self._ids = {event: number for number, event in enumerate(EVENTS, _FIRST_ID)}
        self._packs = {
            event: (layout.pack, layout.size, layout.size - 4 >> 2, self._ids[event])
            for event, layout in _LAYOUTS.items()
        }

    def announce(self, tasks: dict[int, str], sites: list[Site]) -> None:
        """Names, for the end."""
        self._names.tasks |= tasks
        for site in sites:
            self._names.add(site)

    def write(self, rows: list[Row]) -> None:
        """Events, into the pages of their CPUs."""
        packs, buffers = self._packs, self._buffers
        packed: Sequence[int | bytes]
        for event, ts, cpu, pid, caller, values in rows:
            if event in _TEXTS:
                packed = [v.encode("latin-1", "replace")[:_COMM - 1] if isinstance(v, str) else v for v in values]
            else:
                packed = values  # type: ignore[assignment]  # numbers
            buffer = buffers.get(cpu) or buffers.setdefault(cpu, _Buffer(self._folder))
            pack, size, words, number = packs[event]
            delta = buffer.begin(ts, size)
            buffer.page += pack(delta << 5 | words, number, 0, 0, pid, caller, *packed)

    def end(self, symbols: list[Symbol]) -> None:
        """Put the file together."""
        out, known = self._file, {(symbol.address, symbol.name): symbol for symbol in symbols}
        for site in self._names.sites.values():
            if site.symbol:
                start = site.address - site.offset
                known.setdefault((start, site.symbol), Symbol(start, site.symbol))
        out.write(MAGIC + b"\0\x04" + struct.pack("<I", PAGE))
        for name, text in ((b"header_page", _HEADER_PAGE), (b"header_event", _HEADER_EVENT)):
            out.write(name + b"\0" + struct.pack("<Q", len(text)) + text)
        out.write(struct.pack("<I", 0))  # ftrace's own events
        systems: dict[str, list[str]] = {}
        for event in EVENTS:
            systems.setdefault(SYSTEM_OF[event], []).append(event)
        out.write(struct.pack("<I", len(systems)))
        for system, events in systems.items():
            out.write(system.encode() + b"\0" + struct.pack("<I", len(events)))
            for event in events:
                self._section("<Q", _format(event, self._ids[event]))
        self._section("<I", "".join(_kallsyms(symbol) for _, symbol in sorted(known.items())))
        placed = [site for site in self._names.sites.values() if site.source]
        self._section("<I", "".join(
            f'0x{site.address:x} : "{"call" if site.call else "code"} {site.place}"\n' for site in placed
        ))  # fmt: skip
        self._section("<Q", "".join(f"{pid} {comm or '?'}\n" for pid, comm in sorted(self._names.tasks.items())))
        cpus = max(self._buffers, default=0) + 1
        out.write(struct.pack("<I", cpus) + b"options  \0" + struct.pack("<H", 0) + b"flyrecord\0")
        at = -(-(out.tell() + 16 * cpus) // PAGE) * PAGE
        for cpu in range(cpus):
            size = 0
            if buffer := self._buffers.get(cpu):
                buffer.flush()
                size = buffer.file.tell()
            out.write(struct.pack("<QQ", at, size))
            at += size
        out.write(bytes(-out.tell() % PAGE))
        for _, buffer in sorted(self._buffers.items()):
            buffer.file.seek(0)
            shutil.copyfileobj(buffer.file, out, 1 << 20)
            buffer.file.close()

    def _section(self, length: str, text: str) -> None:
        data = text.encode("latin-1", "replace")
        self._file.write(struct.pack(length, len(data)) + data)


def read(file: BinaryIO, names: Names, unreadable: Callable[[str], Exception]) -> Iterator[Row]:
    """The events of a file that `TraceDat` wrote, those of all CPUs in the order of their time."""
    try:
        if file.read(len(MAGIC)) != MAGIC or file.read(2) != b"\0\x04" or _number(file, "<I") != PAGE:
            raise ValueError("only traces of highmem, in version 6, can be read")
        for _ in range(2):
            _text(file)
            file.seek(_number(file, "<Q"), os.SEEK_CUR)
        if _number(file, "<I"):
            raise ValueError("only traces of highmem can be read")
        events: dict[int, str] = {}
        for _ in range(_number(file, "<I")):
            _text(file)
            for _ in range(_number(file, "<I")):
                declared = file.read(_number(file, "<Q")).decode("latin-1")
                name, number = declared.split("\n")[0].removeprefix("name: "), declared.split("\n")[1].split()[1]
                if name not in EVENT_FIELDS or declared != _format(name, int(number)):
                    raise ValueError(f"its event {name} is not that of this version of highmem")
                events[int(number)] = name
        symbols = [line.split() for line in file.read(_number(file, "<I")).decode("latin-1").splitlines()]
        _read_sites(file.read(_number(file, "<I")).decode("latin-1"), names)
        for line in file.read(_number(file, "<Q")).decode("latin-1").splitlines():
            pid, _, comm = line.partition(" ")
            names.tasks[int(pid)] = comm
        cpus = _number(file, "<I")
        if _text(file) != "options  " or _number(file, "<H") or _text(file) != "flyrecord":
            raise ValueError("its options are not those of highmem")
        parts = [(_number(file, "<Q"), _number(file, "<Q")) for _ in range(cpus)]
    except (ValueError, IndexError, struct.error) as error:
        raise unreadable(str(error)) from None
    starts = sorted((int(line[0], 16), line[2]) for line in symbols)
    rows = heapq.merge(
        *(_rows(file, at, size, cpu, events) for cpu, (at, size) in enumerate(parts)), key=lambda row: row[1]
    )
    try:
        yield from _named(rows, starts, names)
    except (KeyError, struct.error):
        raise unreadable("it is cut off or damaged") from None


def _read_sites(text: str, names: Names) -> None:
    for address, kind, source, line in re.findall(r'^0x(\w+) : "(call|code) (.*):(\d+)"$', text, re.MULTILINE):
        names.add(Site(int(address, 16), kind == "call", source=source, line=int(line)))


def _number(file: BinaryIO, kind: str) -> int:
    return int(struct.unpack(kind, file.read(struct.calcsize(kind)))[0])


def _text(file: BinaryIO) -> str:
    text = bytearray()
    while (byte := file.read(1)) not in (b"\0", b""):
        text += byte
    return text.decode("latin-1")


def _rows(file: BinaryIO, at: int, size: int, cpu: int, events: dict[int, str]) -> Iterator[Row]:
    """The events of one CPU, page by page."""
    for start in range(at, at + size, PAGE):
        page = os.pread(file.fileno(), PAGE, start)
        ts, used = _PAGE_HEADER.unpack_from(page)
        i, end = _PAGE_HEADER.size, _PAGE_HEADER.size + used
        while i < end:
            word = int.from_bytes(page[i : i + 4], "little")
            i += 4
            ts += word >> 5
            if word & 31 == _TIME_EXTEND:
                ts += int.from_bytes(page[i : i + 4], "little") << 27
                i += 4
                continue
            event = events[int.from_bytes(page[i : i + 2], "little")]
            _, _, _, _, pid, caller, *values = _LAYOUTS[event].unpack_from(page, i - 4)
            if event in _TEXTS:
                values = [v.rstrip(b"\0").decode("latin-1") if isinstance(v, bytes) else v for v in values]
            yield event, ts, cpu, pid, caller, tuple(values)
            i += 4 * (word & 31)


def _named(rows: Iterator[Row], symbols: list[tuple[int, str]], names: Names) -> Iterator[Row]:
    """The rows; each place in them gets the symbol before it."""
    done: set[tuple[int, bool]] = set()
    for row in rows:
        for key in places([row]):
            if key not in done:
                done.add(key)
                at = bisect_right(symbols, key[0] - key[1], key=lambda symbol: symbol[0]) - 1
                if at >= 0:
                    start, name = symbols[at]
                    names.add(names.site(*key)._replace(symbol=name, offset=key[0] - start))
        yield row
