"""`memsave` and `pmemsave`, as QEMU has them: memory to a file, by linear or by physical address."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_PIECE = 1 << 20


@dataclass
class Written:
    """What was written: `size` bytes from `address` on, to `file`."""

    address: int
    size: int
    file: str


def _arguments(session: Session, text: str, evaluate: Callable[[str], int]) -> tuple[Any, ...]:
    try:
        address, size, file = shlex.split(text)
    except ValueError:
        raise CommandError("takes an address, a size and a file") from None
    size_value = evaluate(size)
    if not size_value:
        raise CommandError("nothing to write: the size is 0")
    return evaluate(address), size_value, file


def memsave(session: Session, address: int, size: int, file: str) -> Written:
    """Linear memory: every page must be mapped."""
    if address + size > 1 << 32:
        raise CommandError("there are no linear addresses beyond 4 GB")

    def write(out: BinaryIO) -> None:
        for at in range(address, address + size, _PIECE):
            out.write(session.read(at, min(_PIECE, address + size - at)))

    return _write(address, size, file, write)


def pmemsave(session: Session, address: int, size: int, file: str) -> Written:
    """Physical memory; where there is no RAM, and where it was never touched, the file has a hole of zeros."""
    ram = session.kernel.ram

    def write(out: BinaryIO) -> None:
        out.truncate(size)
        for start, end in ram.extents():
            for at in range(max(start, address), min(end, address + size), _PIECE):
                out.seek(at - address)
                out.write(ram.bytes[at : min(at + _PIECE, end, address + size)])

    return _write(address, size, file, write)


def _write(address: int, size: int, file: str, write: Callable[[BinaryIO], None]) -> Written:
    try:
        with open(file, "wb") as out:
            write(out)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    return Written(address, size, file)


def _text(result: Written) -> str:
    return f"{result.size} bytes from {result.address:x} on written to {result.file}\n"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="memsave", arguments="ADDR SIZE FILE", summary="write linear memory to a file",
        example="memsave c0100000 5000 text.bin", details="Numbers are hexadecimal, as in all addresses.",
        parse=lambda session, text: _arguments(session, text, session.address), compute=memsave, text=_text,
    ))  # fmt: skip
    registry.add(Command(
        name="pmemsave", arguments="ADDR SIZE FILE", summary="write physical memory to a file (a raw image)",
        example="pmemsave 0 40000000 ram.raw",
        details="Numbers are hexadecimal. Untouched memory and holes of the machine are holes of the file.",
        parse=lambda session, text: _arguments(session, text, session.physical), compute=pmemsave, text=_text,
    ))  # fmt: skip
