"""One wrong word in any structure is found, and the structure is named.

`targets` lists the structures of a busy machine with the bits of each word that fsck answers for. What is left out is
free by nature; each exemption says why.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from guest.kernel import Kernel
from mm.fixmap import FIX_KMAP_BEGIN, FIXADDR_TOP
from mm.fork import PARTS
from mm.fsck import KINDS, Report, fsck
from mm.layout import (
    EXPORTED_VARIABLES,
    KERNEL_VARIABLES,
    MAX_NR_ZONES,
    MAX_ORDER,
    PAGE_OFFSET,
    PAGE_OWNER_RECORDS,
    ZONE_NAMES,
)  # fmt: skip
from mm.list import list_for_each
from mm.slab_geometry import BUFCTL_END, SLAB_POISON
from mm.vmalloc import VM_IOREMAP

ALL = 0xFFFFFFFF
# Of a count, an index or a set of which only the range is known: values far outside.
WILD = 0xFF000000


@dataclass
class Target:
    """A structure: what reports call it (how that begins), where it is, and which bits of which word count."""

    title: str
    address: int
    masks: dict[int, int] = field(default_factory=dict)  # va of the word -> bits

    def add(self, va: int, words: int = 1, mask: int = ALL) -> Target:
        """Count these words."""
        self.masks.update((va + 4 * n, mask) for n in range(words))
        return self

    def only(self, va: int, mask: int) -> Target:
        """Of this word count these bits."""
        if mask:
            self.masks[va] = mask
        else:
            self.masks.pop(va, None)
        return self


def word(kernel: Kernel, va: int) -> int:
    return kernel.ram.words[va - PAGE_OFFSET >> 2]


def struct(kernel: Kernel, name: str, title: str, va: int, /, **masks: int) -> Target:
    """All words of a struct, but for the members in `masks` (dots are written `__`)."""
    layout = kernel.layout[name]
    target = Target(title, va).add(va, layout.words)
    for path, mask in masks.items():
        at = layout.fields[path] if "__" not in path else None
        offset = layout.offset(path.replace("__", "."))
        for n in range(max(1, at.size * at.count >> 2) if at else 1):
            target.only(va + (offset & -4) + 4 * n, mask)
    return target


# the kinds of structures


def boot_params(kernel: Kernel) -> Iterator[Target]:
    va = kernel.layout.va("boot_params")
    # loglevel is compared with the variable, which is named as well
    yield Target("boot_params", va).add(va, 1024)


def image(kernel: Kernel) -> Iterator[Target]:
    layout = kernel.layout
    strings = layout.va("kernel_strings")
    yield Target("kernel strings", strings).add(strings & -4, sum(len(text) + 1 for text in layout.strings) // 4)
    zero = layout.va("empty_zero_page")
    yield Target("empty_zero_page", zero).add(zero, 1024)
    gdt = layout.va("cpu_gdt_table")
    target = Target("cpu_gdt_table", gdt).add(gdt, 64 * layout.nr_cpus)
    for n in range(32 * layout.nr_cpus):
        target.only(gdt + 8 * n + 4, ALL & ~0x100)  # the CPU sets "accessed"
    yield target
    ratio = layout.va("sysctl_lowmem_reserve_ratio")
    yield Target("variable sysctl_lowmem_reserve_ratio", ratio).add(ratio, 2)
    va = layout.va("kmap_atomic_idx")
    yield Target("kmap_atomic_idx", va).add(va, layout.nr_cpus, WILD)
    va = layout.va("vm_stat")
    yield Target("variable vm_stat", va).add(va, 11)


# Variables of which any value, or any in a range, can be right.
FREE_VARIABLES = {
    "jiffies": 0, "jiffies_hi": 0, "die_counter": 0,  # nothing else says what time it is, or how often we died
    "tick_nsec": WILD, "tainted": WILD, "ratelimit_toks": WILD,
    "turn_cpu": WILD, "turn_left": WILD, "kthread_stop_err": 0, "might_sleep_jiffy": 0,
    "ratelimit_last_msg": 0, "ratelimit_missed": 0,  # of a time, and of messages that nobody saw
    "last_pkmap_nr": WILD,  # where the next search for a slot begins
    "last_pid": 0x80000000,  # pids that are no longer in use
    "vmalloc_faults": 0, "last_ino": 0,  # as with the inode numbers
    "vm_swappiness": WILD, "panic_on_oom": ALL & ~1,
}  # fmt: skip


def variables(kernel: Kernel) -> Iterator[Target]:
    for name in (*EXPORTED_VARIABLES, *KERNEL_VARIABLES):
        va = kernel.layout.va(name)
        if mask := FREE_VARIABLES.get(name, ALL):
            yield Target(f"variable {name}", va).add(va, 1, mask)


def node(kernel: Kernel) -> Iterator[Target]:
    layout, pgdat = kernel.layout, kernel.layout["pglist_data"]
    va = layout.va("contig_page_data")
    free = {"node_zones": 0, "node_zonelists": 0, "kswapd_max_order": WILD}
    yield struct(kernel, "pglist_data", "contig_page_data", va, **free)
    for i in range(MAX_NR_ZONES):
        at = va + pgdat.offset("node_zonelists") + i * layout["zonelist"].size
        yield struct(kernel, "zonelist", f"zonelist {ZONE_NAMES[i]}", at)
    yield struct(kernel, "bootmem_data", "contig_bootmem_data", layout.va("contig_bootmem_data"))


def zones(kernel: Kernel) -> Iterator[Target]:
    layout, zone = kernel.layout, kernel.layout["zone"]
    for i in range(MAX_NR_ZONES):
        va = layout.va("contig_page_data") + i * zone.size
        # how far reclaim has come
        free = {"pages_scanned": 0, "nr_scan_active": WILD, "nr_scan_inactive": WILD, "prev_priority": WILD,
                "all_unreclaimable": ALL & ~1}  # fmt: skip
        yield struct(kernel, "zone", f"struct zone {ZONE_NAMES[i]}", va, pageset=0, **free)
        for cpu in range(layout.nr_cpus):
            at = va + zone.offset("pageset") + cpu * layout["per_cpu_pageset"].size
            yield struct(kernel, "per_cpu_pageset", f"pageset of struct zone {ZONE_NAMES[i]}", at)


def wait_tables(kernel: Kernel) -> Iterator[Target]:
    zone, head = kernel.layout["zone"], kernel.layout["wait_queue_head"]
    for i in range(MAX_NR_ZONES):
        va = kernel.layout.va("contig_page_data") + i * zone.size
        table, n = (word(kernel, va + zone.offset(name)) for name in ("wait_table", "wait_table_hash_nr_entries"))
        for row in {0, n // 2, n - 1}:
            at = table + row * head.size
            yield Target("wait table of", at).add(at, head.words)


# Flag bits that neither the free nor the allocation of a block takes from all of its pages: error, referenced,
# uptodate, checked, arch_1, nosave, mappedtodisk, nosave_free.
STALE = 0x2 | 0x4 | 0x8 | 0x100 | 0x200 | 1 << 13 | 1 << 16 | 1 << 18
# What fsck answers for where a program owns the page: slab, buddy, the undefined bits and the zone.
OWNED = 1 << 7 | 1 << 19 | 0xFFF00000


def pages(kernel: Kernel) -> Iterator[Target]:
    report = fsck(kernel.ram)
    seen: dict[str, int] = {}
    for pfn, kind in enumerate(report.kinds.tolist()):
        name = KINDS[kind]
        count = kernel.ram.words[(kernel.page_alloc.pfn_to_page(pfn) - PAGE_OFFSET >> 2) + 1]
        name += "" if not name.startswith(("buddy", "slab", "in use")) else (" head" if count else " tail")
        if name.startswith("buddy"):
            flags = kernel.ram.words[kernel.page_alloc.pfn_to_page(pfn) - PAGE_OFFSET >> 2]
            name = name.replace("tail", "head") if flags >> 19 & 1 else name
        seen[name] = seen.get(name, 0) + 1
        if seen[name] in (1, 2, 5, 100):
            yield page(kernel, pfn, name)


def page(kernel: Kernel, pfn: int, kind: str) -> Target:
    va = kernel.page_alloc.pfn_to_page(pfn)
    masks = {"flags": ALL, "index": 0, "private": 0}
    if kernel.layout.page_owner:
        # a wrong record that is in use: then both have a wrong number of users
        masks["owner"] = ALL & ~(64 * PAGE_OWNER_RECORDS - 64)
        if pfn >= kernel.limits.max_low_pfn:
            masks["virtual"] = ALL
    if kind in ("hole", "reserved", "mem_map"):
        masks.clear()
    elif kind == "page table":
        masks |= {"flags": ALL & ~STALE, "lru": 0}
        if word(kernel, va) >> 10 & 1:  # one from the boot
            masks.clear()
    elif kind == "per-cpu":
        masks |= {"flags": ALL & ~STALE}  # private: left by the last owner
    elif kind.startswith("buddy"):
        masks |= {"flags": ALL & ~STALE, "private": ALL}
        if kind.endswith("tail"):  # private, index, lru of a tail: left by the last owner
            masks |= {"private": 0, "lru": 0}
    elif kind.startswith("slab"):
        masks |= {"flags": ALL & ~STALE}
    elif kind == "page cache":
        # whoever uses the page may hold it and mark it; all say so who it belongs to
        lists = 0x20 | 0x40 * (word(kernel, va) >> 5 & 1)
        masks |= {"flags": OWNED | lists | 1 << 14, "_count": WILD, "index": ALL}
        if not lists & 0x40:
            masks["lru"] = 0
    elif kind == "vmalloc":
        masks |= {"flags": OWNED | 1 << 14, "_count": WILD | 1, "mapping": 0, "lru": 0}
    else:  # in use: an owner may hold more references, map it, link it and mark it
        compound = word(kernel, va) >> 14 & 1
        masks |= {"flags": OWNED | 0x20, "_count": WILD, "mapping": 0, "lru": 0, "private": ALL * compound}
    return struct(kernel, "page", "struct page of frame", va, **masks)


def free_lists(kernel: Kernel) -> Iterator[Target]:
    """Links of pages in the middle of the longest free lists."""
    zone, page = kernel.layout["zone"], kernel.layout["page"]
    for i in range(MAX_NR_ZONES):
        for order in range(MAX_ORDER):
            va = kernel.layout.va("contig_page_data") + i * zone.size
            entries = list(list_for_each(kernel.ram.words, va + zone.offset("free_area") + 12 * order))
            for entry in {*entries[:1], *entries[len(entries) // 2 :][:1], *entries[-1:]}:
                yield Target("struct page of frame", entry - page.offset("lru")).add(entry, 2)


def caches(kernel: Kernel) -> Iterator[Target]:
    layout = kernel.layout
    va = layout.va("malloc_sizes")
    yield Target("malloc_sizes", va).add(va, 3 * (len(layout.kmalloc_sizes) + 1))
    yield Target("cache_chain", layout.va("cache_chain")).add(layout.va("cache_chain"), 2)
    for cache in kernel.slab.caches():
        masks = {}
        if kernel.slab.name(cache).startswith("cache"):
            # what the program that made it chose: functions, flags that show nowhere else, a name where memory is
            masks = {"ctor": 0, "dtor": 0, "name": 0xC0000000, "flags": ALL & ~0x1FE000}
            if layout.slab_debug:
                masks["obj_size"] = WILD  # within what an alignment leaves free; then its poison is wrong
        if layout.slab_debug:
            masks |= {"num_allocations": 0} | dict.fromkeys(COUNTERS, WILD)
        yield struct(kernel, "kmem_cache", "struct kmem_cache", cache, **masks)
        l3 = word(kernel, cache + layout["kmem_cache"].offset("nodelists"))
        # next_reap is a time; colour_next and free_touched can be anything in range
        yield struct(kernel, "kmem_list3", "kmem_list3 of", l3, next_reap=0, colour_next=WILD, free_touched=ALL & ~1)


# Counters that only have to fit each other.
COUNTERS = ("high_mark", "grown", "reaped", "max_freeable", "allochit", "allocmiss", "freehit", "freemiss")


def debugged(kernel: Kernel) -> Iterator[Target]:
    """The option, and objects in use and free with what is around them."""
    layout, slab = kernel.layout, kernel.slab
    for name in ("slab_debug_flags", "slab_debug_slabs"):
        va = layout.va(name)
        yield Target(f"variable {name}", va).add(va, layout.symbols[name].size >> 2)
    for cache in slab.caches():
        size, offset = slab.kmem_cache_size(cache), slab.obj_offset(cache)
        end = word(kernel, cache + layout["kmem_cache"].offset("buffer_size")) - offset
        objects = [obj for state in kernel.slabs(cache)[-2:] for obj in state.objects]
        for kind in ("allocated", "free", "cpu", "shared"):
            for obj in [obj for obj in objects if obj.state == kind][:2]:
                target = Target(f"object of {slab.name(cache)}", obj.address)
                if offset:
                    target.add(obj.address - 4).add(obj.address + end - 8)
                if slab.last_user(cache, obj.address) == 0:
                    target.add(obj.address + end - 4, 1, ALL & ~0xC0000000)  # both would be an address
                if kind != "allocated" and word(kernel, cache + layout["kmem_cache"].offset("flags")) & SLAB_POISON:
                    target.add(obj.address, size >> 2)
                yield target


def arrays(kernel: Kernel) -> Iterator[Target]:
    layout, size = kernel.layout, kernel.layout["array_cache"].size
    for cache in kernel.slab.caches():
        arrays = [word(kernel, cache)]  # CPUs that are not online have none
        l3 = word(kernel, cache + layout["kmem_cache"].offset("nodelists"))
        arrays += [shared] if (shared := word(kernel, l3 + layout["kmem_list3"].offset("shared"))) else []
        for ac in arrays:
            # a smaller avail makes allocated objects of free ones, and a larger one uses what was there before
            target = struct(kernel, "array_cache", "", ac, avail=WILD, touched=ALL & ~1)
            # a wrong entry can be another object: then two are lost and none is free twice
            yield target.add(ac + size, min(word(kernel, ac), 4), 0x1F)


def slabs(kernel: Kernel) -> Iterator[Target]:
    layout, fields = kernel.layout, kernel.layout["kmem_cache"]
    for cache in kernel.slab.caches():
        l3 = word(kernel, cache + fields.offset("nodelists"))
        for name in ("slabs_partial", "slabs_full", "slabs_free"):
            for slab in list(list_for_each(kernel.ram.words, l3 + layout["kmem_list3"].offset(name)))[:2]:
                target = Target("struct slab of", slab).add(slab, 7)
                free = word(kernel, slab + 20)
                while free != BUFCTL_END:  # the entries of allocated objects are left over
                    # a link can lead to an allocated object whose old link closes the chain again
                    target.add(slab + 28 + 4 * free, 1, 0xFFFF0000)
                    free = word(kernel, slab + 28 + 4 * free)
                yield target.only(slab + 20, 0xFFFF0000)


def _mapped(kernel: Kernel, area: int) -> bool:
    """Whether an area shows pages of somebody else."""
    vm = kernel.layout["vm_struct"]
    addr, flags, pages = (word(kernel, area + vm.offset(name)) for name in ("addr", "flags", "pages"))
    return not pages and not flags & VM_IOREMAP and kernel.tables.get_pte(addr) != 0


def areas(kernel: Kernel) -> Iterator[Target]:
    vm = kernel.layout["vm_struct"]
    for area in kernel.vmalloc.areas():
        flags, pages, n = (word(kernel, area + vm.offset(name)) for name in ("flags", "pages", "nr_pages"))
        # whether a program may map it to user space shows nowhere else; of an area without pages, what it is for
        masks = {"flags": ALL & ~8 if pages or flags & VM_IOREMAP else 0}
        if not masks["flags"] and not _mapped(kernel, area):
            masks |= {"addr": 0xF8000FFF, "size": 0xF8000FFF}  # a hole may be anywhere
        yield struct(kernel, "vm_struct", "struct vm_struct", area, **masks)
        if 0 < pages < kernel.layout.va("_end") + (kernel.limits.max_low_pfn << 12):
            yield Target("pages array of", pages).add(pages, min(n, 4))


def tables(kernel: Kernel) -> Iterator[Target]:
    va, size, entry = kernel.layout.va("swapper_pg_dir"), kernel.tables.pmd_size, kernel.tables.pte_size
    yield Target("swapper_pg_dir", va).add(va, 1024)
    if kernel.layout.pae:
        pmds = kernel.tables.pmd_address(PAGE_OFFSET)
        yield Target("the kernel's pmds", pmds).add(pmds, 1024)
    for area in kernel.vmalloc.areas():
        addr, length = word(kernel, area + 4), word(kernel, area + 8)
        for page in (addr, addr + length - 8192, addr + length - 4096):
            pte = kernel.tables.pte_address(page)
            # accessed and dirty are the CPU's; with less than three pages RW, PCD and G are what __vmalloc was told
            exact = length > 4 * 4096 or page == addr + length - 4096 or word(kernel, area + 12) & VM_IOREMAP
            mask = ALL & ~0x60 & (ALL if exact else ~0x112)
            if _mapped(kernel, area) and page < addr + length - 4096:
                mask &= 0xFFF  # which pages vmap was told
            yield Target("page table of", pte & -4096).add(pte, 1, mask)
            if entry == 8 and exact and not _mapped(kernel, area):
                yield Target("page table of", pte & -4096).add(pte + 4)
    pkmap = word(kernel, kernel.layout.va("pkmap_page_table"))
    target = Target("page table of", pkmap).add(pkmap, 1024)
    for slot in range(kernel.layout.last_pkmap):
        if word(kernel, pkmap + entry * slot):
            target.only(pkmap + entry * slot, ALL & ~0x20)  # accessed
    yield target
    fixmap = word(kernel, kernel.layout.va("kmap_pte")) & -4096
    target = Target("page table of", fixmap).add(fixmap, 1024)
    for slot in range(FIX_KMAP_BEGIN, FIX_KMAP_BEGIN + 13 * kernel.layout.nr_cpus):
        pte = fixmap + (FIXADDR_TOP - (slot << 12) & size - 1) // 4096 * entry
        if word(kernel, pte):
            target.only(pte, 0x80000FFF)  # which page it maps, nothing else says
    yield target


def spaces(kernel: Kernel) -> Iterator[Target]:
    """Every address space with its page directory, and the directories that rest in the cache."""
    layout, pae = kernel.layout, kernel.layout.pae
    yield struct(kernel, "mm_struct", "init_mm", layout.va("init_mm"))
    for mm in in_use(kernel, "mm_struct"):
        # whoever has called get_task_mm
        yield struct(kernel, "mm_struct", "struct mm_struct", mm, total_vm=WILD, mm_users=WILD)
        pgd = word(kernel, mm + layout["mm_struct"].offset("pgd"))
        target = Target("page directory", pgd).add(pgd, 8 if pae else 1024)
        if not pae:  # a page table of vmalloc space may be missing: each is one that init_mm has
            page = kernel.page_alloc.virt_to_page(pgd)
            yield Target("struct page of frame", page).add(page + layout["page"].offset("index"))
            yield Target("struct page of frame", page).add(page + layout["page"].offset("private"))
        yield target
        for entry in range(pgd, pgd + 24 * pae, 8):
            pmds = PAGE_OFFSET + (word(kernel, entry) & -4096)
            yield Target("page of pmds", pmds).add(pmds, 1024)


def in_use(kernel: Kernel, name: str) -> list[int]:
    """The allocated objects of a cache."""
    cache = kernel.slab.find(name)
    return [obj.address for slab in kernel.slabs(cache) for obj in slab.objects if obj.state == "allocated"]


def kmaps(kernel: Kernel) -> Iterator[Target]:
    layout = kernel.layout
    va = layout.va("pkmap_count")
    target = Target("pkmap_count", va)
    for slot in range(layout.last_pkmap):
        # how many users there are, nothing else says
        target.add(va + 4 * slot, 1, WILD if word(kernel, va + 4 * slot) else ALL)
    yield target
    if layout.page_owner:
        owners = layout.va("pkmap_owners")
        target = Target("pkmap_owners", owners)
        for slot in range(layout.last_pkmap):
            # which task, and which call of its code, nothing else says
            used = word(kernel, va + 4 * slot)
            target.add(owners + 8 * slot, 1, WILD if used else ALL)
            caller = word(kernel, owners + 8 * slot + 4)
            target.add(owners + 8 * slot + 4, 1, (0xC0000000 if caller else 0x3FFFFFFF) if used else ALL)
        yield target
        return
    table, node, maps = layout.va("page_address_htable"), layout["page_address_map"], layout.va("page_address_maps")
    yield Target("page_address_htable", table).add(table, layout["page_address_slot"].words << 7)
    yield Target("page_address_pool", layout.va("page_address_pool")).add(layout.va("page_address_pool"), 2)
    pool = set(list_for_each(kernel.ram.words, layout.va("page_address_pool")))
    nodes = [maps + n * node.size for n in range(layout.last_pkmap)]
    used = [at for at in nodes if at + node.offset("list") not in pool]
    for at in [*nodes[:3], *used]:
        # in the pool page and virtual are left over
        free = {} if at in used else {"page": 0, "virtual": 0}
        yield struct(kernel, "page_address_map", "struct page_address_map", at, **free)


def tasks(kernel: Kernel) -> Iterator[Target]:
    layout, fields = kernel.layout, kernel.layout["task_struct"]
    # saved registers; the name can be any text; the last is the program's own
    free = {"thread__esp": 0, "thread__eip": 0, "thread__cr2": 0, "comm": 0, "stime": 0, "oomkilladj": WILD}
    free |= {"kunit_test": 0}
    yield struct(kernel, "task_struct", "init_task", layout.va("init_task"), **free)
    for cpu in range(layout.nr_cpus):
        slice_left = {"time_slice": WILD} if cpu < len(kernel.machine.cpus) else {}
        va = layout.va("runqueues") + cpu * layout["rq"].size
        yield struct(kernel, "rq", f"runqueue of CPU {cpu}", va, **slice_left)
    idle = [kernel.sched.idle_task(cpu) for cpu in range(len(kernel.machine.cpus))]
    for cpu, task in enumerate(idle[1:], 1):
        yield struct(kernel, "task_struct", f"idle task of CPU {cpu}", task, **free)
    for name in ("timers", "timers_due"):
        yield Target(name, layout.va(name)).add(layout.va(name), 2)
    for cpu in range(layout.nr_cpus):
        va = layout.va("reap_work") + cpu * layout["timer_list"].size
        # a CPU may have been late
        free_times = {"expires": 0} if cpu < len(kernel.machine.cpus) else {}
        yield struct(kernel, "timer_list", f"reap_work of CPU {cpu}", va, **free_times)
    # when a sleep that is over would have ended; whether the task has run at all
    free |= {"timer__expires": 0, "start_time": 0}
    for task in kernel.tasks.each():
        # being the task of reclaim, and helping it
        target = struct(kernel, "task_struct", "struct task_struct", task, **free, flags=ALL & ~0x802)
        if layout.smp:
            target.only(task + fields.offset("cpus_allowed"), ALL << layout.nr_cpus & ALL)
        yield target.only(task + fields.offset("comm") + 12, 0x80000000)
        for name, cachep, _ in PARTS:
            if part := word(kernel, task + fields.offset(name)):
                size = kernel.slab.kmem_cache_size(word(kernel, layout.va(cachep)))
                yield Target(f"struct {name}_struct", part).add(part, size >> 2)
    for task in (*idle, *kernel.tasks.each()):
        # the depth of kmap_atomic and locks; whether the time slice is over; where a task that sleeps ran last
        masks = {"preempt_count": WILD, "flags": ALL & ~8, "cpu": ALL if task in idle or not layout.smp else WILD}
        yield struct(kernel, "thread_info", "struct thread_info", kernel.tasks.stack(task), **masks)


def modules(kernel: Kernel) -> Iterator[Target]:
    layout, fields = kernel.layout, kernel.layout["module"]
    head = layout.va("modules")
    yield Target("modules", head).add(head, 2)
    for entry in list_for_each(kernel.ram.words, head):
        va = entry - fields.offset("list")
        # what the loader read from the file: only that it lies in the module is known
        free = dict.fromkeys(("core_size", "text_size", "init", "exit", "extable", "bug_table"), 0xFF000000)
        free |= {"num_exentries": WILD, "num_bugs": WILD, "name": 0}
        yield struct(kernel, "module", "struct module", va, **free)


# Members of an inode and its mapping that are its user's.
INODE_FREE = (
    "i_ino", "i_mode", "i_nlink", "i_uid", "i_gid", "i_rdev", "i_version", "i_size", "i_size_seqcount", "i_atime",
    "i_mtime", "i_ctime", "i_blkbits", "i_blocks", "i_bytes", "i_lock", "i_mutex", "i_alloc_sem", "i_op", "i_fop",
    "i_flock", "i_devices", "i_cdev", "i_cindex", "i_generation", "i_state", "dirtied_when", "i_flags",
    "i_writecount", "i_security", "i_private",
)  # fmt: skip
MAPPING_FREE = (
    "tree_lock", "i_mmap_lock", "writeback_index", "a_ops", "backing_dev_info", "private_lock", "private_list",
    "assoc_mapping",
)  # fmt: skip


def inodes(kernel: Kernel) -> Iterator[Target]:
    layout, fields = kernel.layout, kernel.layout["inode"]
    for name in ("inode_in_use", "inode_unused"):
        yield Target(name, layout.va(name)).add(layout.va(name), 2)
    for entry in list_for_each(kernel.ram.words, layout.va("inode_in_use")):
        va = entry - fields.offset("i_list")
        target = struct(kernel, "inode", "struct inode", va, i_count=WILD, i_data__flags=0xFFC00000)
        data = va + fields.offset("i_data")
        for inner, free, at in (("inode", INODE_FREE, va), ("address_space", MAPPING_FREE, data)):
            for name in set(free) & set(layout[inner].fields):
                member = layout[inner].fields[name]
                for n in range((member.size + 3) >> 2):
                    target.only(at + (member.offset & -4) + 4 * n, 0)
        yield target.only(va + fields.offset("i_sb"), 0)  # a super block that the program has made


def nodes(kernel: Kernel) -> Iterator[Target]:
    """The nodes of all trees, and those that wait in the pools."""
    layout, node = kernel.layout, kernel.layout["radix_tree_node"]
    slots, tags = node.offset("slots"), node.offset("tags")

    def tree(va: int, height: int) -> Iterator[Target]:
        target = struct(kernel, "radix_tree_node", "struct radix_tree_node", va)
        below = [word(kernel, va + slots + 4 * n) for n in range(64)]
        if height == 1:
            for n, page in enumerate(below):
                if page and word(kernel, page) & 0x1011:  # dirty, being written or locked: tagged or not
                    for tag in range(2):
                        at = va + tags + 8 * tag + 4 * (n >> 5)
                        target.only(at, target.masks[at] & ~(1 << (n & 31)))
        yield target
        for child in filter(None, below):
            if height > 1:
                yield from tree(child, height - 1)

    for entry in list_for_each(kernel.ram.words, layout.va("inode_in_use")):
        root = entry - layout["inode"].offset("i_list") + layout["inode"].offset("i_data.page_tree")
        if height := word(kernel, root):
            yield from tree(word(kernel, root + 8), height)
    for cpu in range(layout.nr_cpus):
        va = layout.va("radix_tree_preloads") + cpu * layout["radix_tree_preload"].size
        yield struct(kernel, "radix_tree_preload", "radix_tree_preloads, CPU", va)
        for n in range(word(kernel, va)):
            yield struct(kernel, "radix_tree_node", "struct radix_tree_node", word(kernel, va + 4 + 4 * n))


def pagevecs(kernel: Kernel) -> Iterator[Target]:
    layout = kernel.layout
    for name in ("lru_add_pvecs", "lru_add_active_pvecs"):
        for cpu in range(layout.nr_cpus):
            va = layout.va(name) + cpu * layout["pagevec"].size
            # a smaller nr leaves references that nobody gives back, as a larger one takes too many
            target = Target(f"{name}, CPU", va).add(va, 1, WILD).add(va + 4)
            for n in range(word(kernel, va)):
                target.add(va + 8 + 4 * n, 1, 0xFF000007)  # another page could be meant
            yield target


def owners(kernel: Kernel) -> Iterator[Target]:
    layout, record = kernel.layout, kernel.layout["page_owner"]
    for name in ("page_owners_taken", "page_owner_times"):
        yield Target(f"variable {name}", layout.va(name)).add(layout.va(name))
    va = layout.va("page_owner_hash")
    yield Target("page_owner_hash", va).add(va, 1024)
    va = layout.va("page_owners")
    for number in range(word(kernel, layout.va("page_owners_taken")) + 1):
        yield struct(kernel, "page_owner", "struct page_owner", va + number * record.size)
    va = word(kernel, layout.va("page_owner_times"))
    target = Target("page_owner_times", va)
    for pfn in range(kernel.limits.max_pfn):
        if word(kernel, va + 8 * pfn):
            # an earlier jiffy can be right as well
            target.add(va + 8 * pfn, 1, 1 << 31).add(va + 8 * pfn + 4)
    yield target


KIND_OF_TARGETS: tuple[Callable[[Kernel], Iterator[Target]], ...] = (
    boot_params, image, variables, node, zones, wait_tables, pages, free_lists, caches, arrays, slabs, areas, tables,
    spaces, kmaps, tasks, modules, inodes, nodes, pagevecs, owners,
)  # fmt: skip


# the tests


def names(report: Report, target: Target) -> bool:
    return any(d.address == target.address and d.structure.startswith(target.title) for d in report.damages)


def flip(kernel: Kernel, target: Target, va: int, bit: int) -> str:
    """Flip one bit; what is wrong with the report of that, "" if nothing."""
    at = va - PAGE_OFFSET >> 2
    kernel.ram.words[at] ^= 1 << bit
    try:
        report = fsck(kernel.ram)
    finally:
        kernel.ram.words[at] ^= 1 << bit
    if sum(report.frames.values()) != kernel.limits.max_pfn and target.title != "boot_params":
        return f"{target.title} {va:08x} bit {bit}: the frames do not add up"
    if names(report, target):
        return ""
    told = "; ".join(str(d) for d in report.damages[:3]) or "nothing"
    return f"{target.title} at {target.address:08x}: word {va:08x} +{va - target.address:#x} bit {bit}: told {told}"


def sample(kernel: Kernel, kind: Callable[[Kernel], Iterator[Target]], count: int, seed: int) -> list[str]:
    """Flip random bits of random words, as many of each structure where there are many."""
    rng = random.Random(seed)
    targets = [target for target in kind(kernel) if target.masks]
    rng.shuffle(targets)
    failures = []
    for n in range(count):
        target = targets[n % len(targets)]
        va, mask = rng.choice(list(target.masks.items()))
        bit = rng.choice([b for b in range(32) if mask >> b & 1])
        failures.append(flip(kernel, target, va, bit))
    assert fsck(kernel.ram).damages == []
    return [failure for failure in failures if failure]


@pytest.mark.variants
@pytest.mark.parametrize("kind", KIND_OF_TARGETS, ids=lambda kind: kind.__name__)
def test_flipped_word_is_named(busy: Kernel, kind: Callable[[Kernel], Iterator[Target]]) -> None:
    assert sample(busy, kind, 8, 1) == []


@pytest.mark.variants
@pytest.mark.parametrize(
    "kind",
    (zones, pages, caches, arrays, kmaps, tables, spaces, inodes, nodes, pagevecs, tasks, boot_params, variables),
    ids=lambda kind: kind.__name__
)
def test_flipped_word_is_named_smp_hash(busy_hash: Kernel, kind: Callable[[Kernel], Iterator[Target]]) -> None:
    assert sample(busy_hash, kind, 8, 2) == []


@pytest.mark.variants
@pytest.mark.parametrize(
    "kind", (debugged, caches, arrays, slabs, pages, boot_params, variables, image, tasks, spaces, inodes, nodes,
     areas),
    ids=lambda kind: kind.__name__,
)
def test_flipped_word_is_named_with_debugged_slabs(
    busy_debug: Kernel, kind: Callable[[Kernel], Iterator[Target]]
) -> None:
    assert sample(busy_debug, kind, 12 if kind is debugged else 4, 3) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", (debugged, caches, slabs), ids=lambda kind: kind.__name__)
def test_every_word_of_debugged_slabs(busy_debug: Kernel, kind: Callable[[Kernel], Iterator[Target]]) -> None:
    assert sample(busy_debug, kind, 250, 4) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KIND_OF_TARGETS, ids=lambda kind: kind.__name__)
def test_every_word(busy: Kernel, kind: Callable[[Kernel], Iterator[Target]]) -> None:
    """One random bit of every word of every structure, 150 words a kind at most."""
    rng = random.Random(3)
    words = [(target, va, mask) for target in kind(busy) for va, mask in target.masks.items()]
    failures = []
    for target, va, mask in rng.sample(words, min(len(words), 150)):
        failures.append(flip(busy, target, va, rng.choice([b for b in range(32) if mask >> b & 1])))
    assert [failure for failure in failures if failure] == []


def test_kernel_text(busy: Kernel) -> None:
    va = 0xC0101000
    text = busy.ram.read(0x100000, 0x5000)
    assert fsck(busy.ram, text).clean
    busy.ram.words[va - PAGE_OFFSET >> 2] ^= 1 << 9
    report = fsck(busy.ram, text)
    busy.ram.words[va - PAGE_OFFSET >> 2] ^= 1 << 9
    assert [(d.structure, d.field) for d in report.damages] == [("kernel text", f"byte {va + 1:08x}")]


def test_memory_map_of_another_machine(busy: Kernel) -> None:
    """The count of e820 entries is part of the parameters too."""
    va = busy.layout.va("boot_params") - PAGE_OFFSET
    busy.ram.bytes[va + 0x1E8] -= 1
    report = fsck(busy.ram)
    busy.ram.bytes[va + 0x1E8] += 1
    assert {d.structure for d in report.damages} == {"boot_params"}


@pytest.mark.slow
def test_garbage_raises_nothing(busy: Kernel) -> None:
    """Random words and whole pages of noise in the structures: a report, never an exception."""
    rng = random.Random(4)
    targets = [target for kind in KIND_OF_TARGETS for target in kind(busy) if target.masks]
    for n in range(30):
        saved: dict[int, int] = {}
        for target in rng.sample(targets, 3):
            run = rng.random() < 0.5
            for va in list(target.masks) if run else rng.sample(list(target.masks), 1):
                at = va - PAGE_OFFSET >> 2
                saved.setdefault(at, busy.ram.words[at])
                wild = (rng.getrandbits(32), 0, ALL, PAGE_OFFSET, 0xF7FFFFFC, rng.choice(targets).address)
                busy.ram.words[at] = rng.choice(wild)
        report = fsck(busy.ram)
        for at, value in saved.items():
            busy.ram.words[at] = value
        assert report.damages, n
    assert fsck(busy.ram).clean


