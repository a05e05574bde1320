"""Callbacks of the engine that are a few instructions of machine code, where the host can run them."""

from __future__ import annotations

import ctypes
import mmap
import platform
import sys


def x86_64(code: bytes) -> ctypes.Array[ctypes.c_char] | None:
    """The code in memory that can be executed, for as long as the array lives.

    It follows System V's calling convention. None where the host is no x86-64 with that, or forbids such memory: then
    Python has to answer.
    """
    if platform.machine().lower() not in ("x86_64", "amd64") or sys.platform == "win32":
        return None
    try:
        page = mmap.mmap(-1, -len(code) % mmap.PAGESIZE + len(code),
                         prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)  # fmt: skip
    except OSError:
        return None
    page[: len(code)] = code
    return (ctypes.c_char * len(code)).from_buffer(page)
