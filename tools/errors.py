"""Errors of the command line and the monitor."""

from __future__ import annotations

from hw.errors import HighmemError


class CommandError(HighmemError):
    """A monitor command that cannot be answered: unknown, wrong arguments, an address that is not there."""
