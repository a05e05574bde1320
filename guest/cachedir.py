"""The folder where compiled things are kept: safe for two programs at once and against being interrupted.

`$HIGHMEM_CACHE`, else ~/.cache/highmem. Every file in it can be made again: deleting the folder costs time only.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hw.errors import HighmemError


class CacheError(HighmemError):
    """The cache folder cannot be made or written."""


def cache_dir(*below: str) -> Path:
    """The cache folder, or a folder in it, made if need be. Raises CacheError where that fails."""
    chosen = os.environ.get("HIGHMEM_CACHE")
    try:
        root = Path(chosen).absolute() if chosen else Path.home() / ".cache" / "highmem"
    except RuntimeError:  # nobody's home
        root = Path(tempfile.gettempdir()) / f"highmem-{os.getuid()}"
    folder = root.joinpath(*below)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheError(
            f"{folder}: cannot be made: {error.strerror}; set HIGHMEM_CACHE to a folder of yours"
        ) from error
    return folder


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the time of the block, in the cache: what is ready can be renamed into place."""
    try:
        with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except PermissionError as error:
        raise CacheError(
            f"{error.filename}: {error.strerror}; set HIGHMEM_CACHE to a folder of yours"
        ) from error


def publish(made: Path, target: Path) -> Path:
    """Moves a finished file or folder to its place. Of two that make the same one at once, either will do."""
    try:
        os.replace(made, target)
    except OSError:
        if not target.exists():
            raise
    return target


def read_json(path: Path) -> Any:
    """What write_json left there; None where there is nothing, or nothing sensible."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def write_json(path: Path, value: Any) -> None:
    """Writes in one step: a reader sees the old contents or the new."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    with os.fdopen(handle, "w") as file:
        json.dump(value, file)
    os.replace(name, path)
