"""The errors that hw raises. str() of each is one clear line for a user."""

from __future__ import annotations


class HighmemError(Exception):
    """Root of the project's error hierarchy."""


class MapError(HighmemError, ValueError):
    """A firmware memory map, or a size of RAM, that no machine can be built from."""


class EngineError(HighmemError):
    """Unicorn is missing or does not behave as measured, or a run ended where it should not.

    ``eip`` is the linear address at which the run ended, None outside a run.
    """

    def __init__(self, message: str, eip: int | None = None) -> None:
        super().__init__(message)
        self.eip = eip


class PhysicalError(HighmemError):
    """An access to a physical address that neither RAM nor a device answers.

    ``pa`` is the physical address, ``eip`` the instruction (None for an access by the host).
    """

    def __init__(self, message: str, pa: int, eip: int | None = None) -> None:
        super().__init__(message)
        self.pa = pa
        self.eip = eip


class ImageError(HighmemError):
    """A file that is no saved machine of this project, or a damaged one."""


class DeviceError(HighmemError, ValueError):
    """A device that cannot be attached where it shall be, or a state that is not its own."""
