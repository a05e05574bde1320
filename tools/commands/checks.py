"""`fsck`: is every frame of RAM accounted for exactly once?"""

from __future__ import annotations

from tools.registry import Registry


def register(registry: Registry) -> None:
    """Add the commands of this module."""
