"""Rows of `walk_all`, page by page."""

from __future__ import annotations

from typing import Any


def by_page(rows: Any) -> dict[int, tuple[int, int, int]]:
    """Linear address of each page -> physical address, flags, page size. The rows must ascend and not overlap."""
    found: dict[int, tuple[int, int, int]] = {}
    last_end = 0
    for start, end, pa, flags, size in rows.tolist():
        assert last_end <= start < end
        last_end = end
        for linear in range(start, end, 4096):
            found[linear] = pa + linear - start, flags, size
    return found
