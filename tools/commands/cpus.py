"""`info cpus` and `cpu`, as in QEMU's monitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

if TYPE_CHECKING:
    from guest.views import CpuState


@dataclass
class Cpus:
    """CPUs, and the number of the one that the session looks through."""

    current: int
    cpus: list[CpuState]


def info_cpus(session: Session) -> Cpus:
    """Every CPU, and what runs on it."""
    return Cpus(session.cpu_number, session.kernel.cpus())


def choose_cpu(session: Session, number: int) -> Cpus:
    """Look through another CPU from now on."""
    session.cpu_number = number
    return Cpus(number, session.kernel.cpus()[number : number + 1])


def render(result: Cpus) -> str:
    """QEMU's lines, with the pid for the thread's number, and the task's name behind."""
    return "".join(
        f"{'*' if c.cpu == result.current else ' '} CPU #{c.cpu}: pc=0x{c.eip:08x}{' (halted)' if c.idle else ''} "
        f"thread_id={c.pid} {c.comm}\n"
        for c in result.cpus
    )


def _number(session: Session, text: str) -> tuple[int]:
    count = len(session.kernel.machine.cpus)
    if not text.isdecimal() or int(text) >= count:
        raise CommandError(f"there is no CPU {text!r}, there are {count}, from 0 on" if text else "which CPU?")
    return (int(text),)


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="info cpus", summary="the CPUs, and the task on each", example="info cpus",
        details="* is the CPU that registers and translations are shown of; (halted): it has nothing to do.",
        compute=info_cpus, text=render,
    ))  # fmt: skip
    registry.add(Command(
        name="cpu", arguments="N", summary="look through another CPU from now on", example="cpu 0",
        details="What depends on a CPU: registers, and the page tables that an address is looked up in.",
        parse=_number, compute=choose_cpu, text=render,
    ))  # fmt: skip
