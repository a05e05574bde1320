"""The caches of the kernel's own structs: what kmem_cache_create is called with for each (2.6.20)."""

from __future__ import annotations

from dataclasses import dataclass

from mm.layout import Layout
from mm.list import Words
from mm.slab import SLAB_HWCACHE_ALIGN, SLAB_MEM_SPREAD, SLAB_PANIC, SlabAllocator
from mm.slab_objects import SLAB_DESTROY_BY_RCU, SLAB_RECLAIM_ACCOUNT

ARCH_MIN_TASKALIGN = 16


@dataclass(frozen=True, slots=True)
class KernelCache:
    """What a cache is made with. objects: the struct of ours that it holds; else the bytes that /proc/slabinfo of a
    real machine shows, of one with a CPU (2.6.16) and of one with more (2.6.18 or a little later). ctor, dtor: symbols
    of functions of our own, "" for none.
    """

    objects: str | tuple[int, int]
    align: int = 0
    flags: int = 0
    ctor: str = ""
    dtor: str = ""

    def size(self, layout: Layout) -> int:
        """Bytes of an object."""
        if isinstance(self.objects, str):
            return layout[self.objects].size
        return self.objects[layout.smp]


_H, _P, _RCU = SLAB_HWCACHE_ALIGN, SLAB_PANIC, SLAB_DESTROY_BY_RCU
_RECLAIM = SLAB_RECLAIM_ACCOUNT | SLAB_MEM_SPREAD

#: In the order of start_kernel: pidmap_init, pgtable_cache_init, anon_vma_init, fork_init, proc_caches_init,
#: buffer_init, unnamed_dev_init, vfs_caches_init (with mnt_init, sysfs_init and bdev_cache_init), radix_tree_init,
#: signals_init, proc_root_init. Initcalls make more, of drivers and protocols. The size of "pid" is from the second
#: machine: a `struct pid` has no lock, and the first kernel has no such cache. A bdev_inode has less than the 512 bytes
#: that it is rounded up to: its slabs hold 7.
TABLE = {
    "pid": KernelCache((36, 36), 4, _P),
    "pmd": KernelCache((4096, 4096), 4096, 0, "pmd_ctor"),
    "pgd": KernelCache((4096, 4096), 4096, 0, "pgd_ctor", "pgd_dtor"),
    "anon_vma": KernelCache((8, 12), 0, _RCU | _P),
    "task_struct": KernelCache("task_struct", ARCH_MIN_TASKALIGN, _P),
    "sighand_cache": KernelCache((1344, 1344), 0, _H | _P | _RCU),
    "signal_cache": KernelCache((384, 384), 0, _H | _P),
    "files_cache": KernelCache((192, 384), 0, _H | _P),
    "fs_cache": KernelCache((32, 64), 0, _H | _P),
    "vm_area_struct": KernelCache((88, 84), 0, _P),
    "mm_struct": KernelCache("mm_struct", 0, _H | _P),
    "buffer_head": KernelCache((48, 52), 0, _RECLAIM | _P),
    "idr_layer_cache": KernelCache((136, 136)),
    "names_cache": KernelCache((4096, 4096), 0, _H | _P),
    "filp": KernelCache((192, 192), 0, _H | _P),
    "dentry_cache": KernelCache((128, 132), 0, _RECLAIM | _P),
    "inode_cache": KernelCache("inode", 0, _RECLAIM | _P),
    "mnt_cache": KernelCache((128, 128), 0, _H | _P),
    "sysfs_dir_cache": KernelCache((40, 44)),
    "bdev_cache": KernelCache((508, 508), 0, _H | _RECLAIM | _P),
    "radix_tree_node": KernelCache("radix_tree_node", 0, _P),
    "sigqueue": KernelCache((144, 144), 4, _P),
    "proc_inode_cache": KernelCache((372, 364), 0, _RECLAIM),
}


def kernel_cache(name: str, layout: Layout) -> KernelCache:
    """What the cache `name` is made with. With PAE a pgd has 4 entries of 8 bytes, and their tables are pmds."""
    return KernelCache((32, 32), 32, 0, "pgd_ctor") if name == "pgd" and layout.pae else TABLE[name]


def create_caches(w: Words, layout: Layout, slab: SlabAllocator) -> None:
    """Make all of the kernel's caches; a variable names each from then on."""
    for name, variable in layout.kernel_caches.items():
        cache = kernel_cache(name, layout)
        w[(layout.va(variable) ^ 0xC0000000) >> 2] = slab.kmem_cache_create(
            layout.strings[name], cache.size(layout), cache.align, cache.flags,
            *(layout.va(function) if function else 0 for function in (cache.ctor, cache.dtor)),
        )  # fmt: skip
