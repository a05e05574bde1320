"""The order of the checks. Who claims frames comes before who blames others for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hw.ram import RAM
from mm.fsck.areas import Areas
from mm.fsck.boot import replay
from mm.fsck.frames import MemMap, claim_boot
from mm.fsck.image import check_image
from mm.fsck.kmaps import Kmaps
from mm.fsck.memory import Memory
from mm.fsck.page_cache import PageCache
from mm.fsck.page_owner import PageOwners
from mm.fsck.params import identify
from mm.fsck.report import KINDS, Damage, Report
from mm.fsck.slab_debug import DebuggedSlabs
from mm.fsck.slabs import Slabs
from mm.fsck.spaces import Spaces
from mm.fsck.tables import Tables
from mm.fsck.tasks import Tasks
from mm.fsck.zones import Zones
from mm.layout import BOOT_PARAMS
from mm.setup import BootOptions, find_limits
from mm.slab_geometry import debug_option


def check(ram: RAM, text: bytes | None = None, cr3s: Sequence[int] = ()) -> Report:
    """See `mm.fsck.fsck`."""
    damages: list[Damage] = []
    kernel = identify(ram, damages)
    if kernel is None:
        return _report(np.zeros(find_limits(ram.e820, BootOptions()).max_pfn, dtype=np.uint8), damages)
    boot = replay(kernel)
    if boot is None:
        damages.append(Damage("boot_params", BOOT_PARAMS, "", "tell of less RAM than the boot-time tables take"))
        return _report(np.zeros(kernel.limits.max_pfn, dtype=np.uint8), damages)
    memory = Memory(ram, kernel.layout, kernel.limits, damages)
    memory.cpus, memory.mem_map = kernel.options.cpus, boot.mem_map
    if kernel.options.slab_debug is not None:
        memory.slab_debug = debug_option(kernel.options.slab_debug)
    claim_boot(memory, kernel, boot)
    from_boot = memory.kinds != 0
    check_image(memory, kernel, boot, text)
    zones = Zones(memory, kernel, boot)
    zones.check()
    slabs = Slabs(memory, kernel)
    slab_pages = slabs.check()
    if kernel.layout.slab_debug:
        DebuggedSlabs(memory, slabs.objects).check()
    zones.check_wait_tables(slabs.objects)
    tables = Tables(memory, kernel, boot)
    areas = Areas(memory, slabs.objects, tables)
    areas.check()
    tables.compare()
    Kmaps(memory, tables).check()
    cache = PageCache(memory, slabs.objects)
    cache.check()
    zones.check_counts(slab_pages)
    Tasks(memory, slabs.objects, areas, zones.waiting, Spaces(memory, slabs.objects, tables, cr3s)).check()
    MemMap(memory, kernel, boot, slabs.objects, from_boot, zones.lru, cache.holds).check()
    if kernel.layout.page_owner:
        PageOwners(memory, boot).check()
    return _report(memory.kinds, damages)


def _report(kinds: np.ndarray[tuple[int], np.dtype[np.uint8]], damages: list[Damage]) -> Report:
    counts = np.bincount(kinds, minlength=len(KINDS)).tolist()
    return Report({name: n for name, n in zip(KINDS, counts) if n}, kinds, damages)
