"""The medium of a disk: sectors of 512 bytes in a host file."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Literal

from hw.bus import Saved
from hw.errors import DeviceError

SECTOR = 512
Mode = Literal["rw", "ro", "snapshot"]


class Disk(Saved):
    """A host file as a disk. Mode "rw" changes the file; "ro" refuses writes; "snapshot" keeps them in memory.

    What a snapshot has written is part of a saved machine; the file itself never is. Whole sectors count: a
    shorter rest at the end of the file is not there.
    """

    def __init__(self, path: str | os.PathLike[str], mode: Mode = "rw") -> None:
        """Open ``path``; raises OSError as file work does, DeviceError for a file of less than a sector."""
        self.path = os.fspath(path)
        self.mode = mode
        self._fd = os.open(self.path, (os.O_RDWR if mode == "rw" else os.O_RDONLY) | os.O_CLOEXEC)
        self.sectors: int = os.lseek(self._fd, 0, os.SEEK_END) // SECTOR
        self._written: dict[int, bytes] = {}
        if not self.sectors:
            self.close()
            raise DeviceError(f"{self.path} is shorter than a sector: it is no disk")

    @property
    def writable(self) -> bool:
        """Whether ``write`` may be called."""
        return self.mode != "ro"

    def read(self, sector: int) -> bytes:
        """One sector, from 0; OSError when the host cannot."""
        data = self._written.get(sector)
        if data is None:
            data = os.pread(self._fd, SECTOR, sector * SECTOR)
        if len(data) != SECTOR:
            raise OSError(f"{self.path} has become shorter")
        return data

    def write(self, sector: int, data: bytes) -> None:
        """Store one sector; OSError when the host cannot."""
        if self.mode == "snapshot":
            self._written[sector] = data
        elif os.pwrite(self._fd, data, sector * SECTOR) != SECTOR:
            raise OSError(f"{self.path}: no room")

    def flush(self) -> None:
        """See that what was written is on the host's disk."""
        if self.mode == "rw":
            os.fsync(self._fd)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def state(self) -> dict[str, object]:
        return {"sectors": self.sectors,
                "written": {str(sector): base64.b64encode(data).decode() for sector, data in self._written.items()}}

    def load_state(self, state: Mapping[str, object]) -> None:
        written = state.get("written")
        if not isinstance(written, Mapping) or state.get("sectors") != self.sectors:
            raise DeviceError(f"{self.path} is not the disk that the machine was saved with")
        self._written = {int(sector): base64.b64decode(data) for sector, data in written.items()}
