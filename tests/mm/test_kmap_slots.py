"""The search for a kmap slot."""

from __future__ import annotations

import pytest

from guest.kernel import Kernel
from mm.errors import KernelBug
from mm.gfp import GFP_HIGHUSER
from mm.setup import BootOptions


def test_a_slot_freed_behind_the_search_is_found() -> None:
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(1026)]
        slots = {page: kernel.highmem.kmap(page) for page in pages[:1024]}
        assert len(set(slots.values())) == 1024
        kernel.highmem.kunmap(pages[4])
        assert kernel.highmem.kmap(pages[1024]) == slots[pages[4]]
        with pytest.raises(KernelBug):
            kernel.highmem.kmap(pages[1025])
        assert "all 1024 slots are in use" in kernel.log.text()
