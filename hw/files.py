"""Files that are written as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[str]:
    """The name of a file to write, which takes the place of `path` at the end; nothing is left of it after an error.

    An OSError tells the name that the user knows.
    """
    partial = f"{os.fspath(path)}.{os.getpid()}.new"
    try:
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        if isinstance(error, OSError) and error.filename == partial:
            error.filename, error.filename2 = os.fspath(path), None
        raise
