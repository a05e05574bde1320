"""`--coverage FILE`: an lcov tracefile to which every run adds its lines."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from guest.coverage import merge, read_lcov, write_lcov

if TYPE_CHECKING:
    from guest.coverage import Files

_NOT_THE_PROGRAM = ("guest/lib/", "guest/include/")  # the start library, as the compiler names it


def add_to(path: str, files: Files) -> None:
    """Add a run to the file, or make it; relative source names become those below the present folder.

    Several processes may do so at once. Raises HighmemError where the file holds something else, OSError.
    """
    with open(path, "a+", encoding="utf-8", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        whole = read_lcov(file, path)
        own = {name: coverage for name, coverage in files.items() if not name.startswith(_NOT_THE_PROGRAM)}
        merge(whole, {os.path.abspath(name): coverage for name, coverage in own.items()})
        file.seek(0)
        file.truncate()
        file.write(write_lcov(whole))
