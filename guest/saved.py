"""A kernel in a file: the machine as hw.core writes it, and with it the programs that the host knows by name.

The programs are in memory anyhow; what a saved machine keeps of them are their ELF files, for symbols and lines.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator

from guest.calls import SYMBOLS
from guest.elf import read
from guest.module import Loaded
from hw.core import NT_USER
from hw.errors import ImageError

NT_PROGRAM = NT_USER
NT_HISTORY = NT_USER + 1
NT_FAULTS = NT_USER + 2


def programs_note(programs: Iterable[Loaded]) -> bytes:
    """The note that names the programs, the newest first."""
    rows, files = [], bytearray()
    for loaded in programs:
        packed = zlib.compress(loaded.program.file.data)
        rows.append([loaded.program.name, loaded.module, loaded.image.base, len(packed)])
        files += packed
    return json.dumps(rows, separators=(",", ":")).encode() + b"\n" + bytes(files)


def programs(note: bytes) -> Iterator[Loaded]:
    """What `programs_note` wrote. Raises ImageError where it is damaged."""
    head, _, files = note.partition(b"\n")
    try:
        for name, module, base, size in json.loads(head):
            packed, files = files[:size], files[size:]
            program = read(zlib.decompress(packed), name)
            yield Loaded(module, program, program.link(base, SYMBOLS.get))
    except (ValueError, TypeError, zlib.error) as error:
        raise ImageError(f"the programs of a saved machine cannot be read: {error}") from None
