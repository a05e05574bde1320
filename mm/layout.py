"""The structs of the kernel, each declared once.

Everything that needs to know a layout is made from this table: the word indexes that the allocators use, the
C header that guest programs include (`Layout.c_header`) and what debuggers read. Field order and sizes are
2.6.20's for i386 (include/linux/mm_types.h, mmzone.h, mm/slab.c, vmalloc.h, sched.h, asm-i386/thread_info.h).

A layout depends on what was a build option in life: the number of CPUs (1 means a UP kernel: no spinlocks),
whether `struct page` carries `virtual` and the owner word, the L1 line size, and whether slabs can be debugged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_OFFSET = 0xC0000000
THREAD_SIZE = 8192
MAX_ORDER = 11
MAX_NR_ZONES = 3
NR_VM_ZONE_STAT_ITEMS = 11
NR_VM_EVENT_ITEMS = 31
KM_TYPE_NR = 13
PAGEVEC_SIZE = 14
RADIX_TREE_MAP_SHIFT = 6
RADIX_TREE_MAX_PATH = 7  # levels that an index of 32 bits can need, and one
PA_HASH_ORDER = 7
PAGE_OWNER_RECORDS = 4096
PAGE_OWNER_HASH_ORDER = 10
PAGE_OWNER_DEPTH = 10
LOG_BUF_LEN = 1 << 17
COMMAND_LINE_SIZE = 256
SLAB_DEBUG_SLABS_LEN = 128  # for the names of caches in --slab-debug
E820MAX = 128
GDT_ENTRIES = 32
TASK_COMM_LEN = 16
MODULE_NAME_LEN = 60

# The kernel image. Text, the exported variables and the zero page have fixed addresses, the same in every
# configuration: linked programs are bound to them.
TEXT_START = 0xC0100000
TEXT_SIZE = 0x5000
EXPORT_PAGE = TEXT_START + TEXT_SIZE
BOOT_PARAMS = EXPORT_PAGE + PAGE_SIZE
EMPTY_ZERO_PAGE = BOOT_PARAMS + PAGE_SIZE

#: C's basic types for i386 and their sizes in bytes
SCALARS = {
    "char": 1,
    "signed char": 1,
    "unsigned char": 1,
    "unsigned short": 2,
    "int": 4,
    "unsigned int": 4,
    "long": 4,
    "unsigned long": 4,
    "long long": 8,
    "unsigned long long": 8,
    "atomic_t": 4,
}
_SLAB_STATISTICS = (
    "unsigned long num_active; unsigned long num_allocations; unsigned long high_mark; unsigned long grown;"
    "unsigned long reaped; unsigned long errors; unsigned long max_freeable; unsigned long node_allocs;"
    "unsigned long node_frees; unsigned long node_overflow; atomic_t allochit; atomic_t allocmiss; atomic_t freehit;"
    "atomic_t freemiss"
)
_DECLARATION = re.compile(r"(?P<type>[a-z_0-9 ]+?)\s*(?P<pointer>\**)(?P<name>\w+)(?:\[(?P<count>\d+)\])?$")


@dataclass(frozen=True, slots=True)
class Field:
    """One member: `offset` and `size` (of one element) in bytes, `count` elements (1: no array)."""

    name: str
    ctype: str
    offset: int
    size: int
    count: int
    is_array: bool
    struct: Struct | None

    @property
    def word(self) -> int:
        """The member's offset in 32-bit words from the start of its struct."""
        return self.offset >> 2


class Struct:
    """A C struct for i386: natural alignment of at most 4 bytes, unless `align` asks for more."""

    def __init__(self, name: str, fields: list[Field], size: int, align: int) -> None:
        self.name = name
        self.fields = {field.name: field for field in fields}
        self.size = size
        self.align = align

    def offset(self, path: str) -> int:
        """Byte offset of a member; `path` may lead into embedded structs ("lru.next")."""
        head, _, rest = path.partition(".")
        field = self.fields[head]
        if not rest:
            return field.offset
        assert field.struct is not None
        return field.offset + field.struct.offset(rest)

    def word(self, path: str) -> int:
        """Offset of a member in 32-bit words."""
        return self.offset(path) >> 2

    @property
    def words(self) -> int:
        """Size of the struct in 32-bit words."""
        return self.size >> 2


def _round(value: int, to: int) -> int:
    return (value + to - 1) & -to


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable or function of the kernel image: its virtual address and size in bytes.

    ctype: a variable's type as C writes it before and behind the name ("struct rq[2]"), "" where it has none.
    """

    name: str
    va: int
    size: int
    section: str
    ctype: str = ""


class Layout:
    """All structs and the kernel image's symbols for one configuration.

    nr_cpus: 1..32, 1 means a UP kernel. page_owner: 40-byte `struct page`. l1: L1_CACHE_BYTES, 32, 64 or 128.
    slab_debug: CONFIG_DEBUG_SLAB; `struct kmem_cache` is longer, for statistics and the place of the object. Programs
    do not depend on it. pae: HIGHMEM64G, page tables of three levels with entries of 8 bytes.
    """

    def __init__(
        self, nr_cpus: int = 1, page_owner: bool = True, l1: int = 64, slab_debug: bool = False, pae: bool = False
    ) -> None:
        self.nr_cpus = nr_cpus
        self.page_owner = page_owner
        self.l1 = l1
        self.slab_debug = slab_debug
        self.pae = pae
        self.last_pkmap = 512 if pae else 1024  # slots of the kmap window: what one page table maps
        self.kernel_caches = {name: variable for name, variable in KERNEL_CACHES.items() if pae or name != "pmd"}
        self.smp = nr_cpus > 1
        self._lock_size = 4 if self.smp else 0
        self.structs: dict[str, Struct] = {}
        self._declare_structs()
        self.symbols: dict[str, Symbol] = {}
        self._link_image()

    def __getitem__(self, name: str) -> Struct:
        return self.structs[name]

    @property
    def vermagic(self) -> str:
        """What a compiled program must have been built for (kernel/vermagic.h)."""
        smp = f"SMP-{self.nr_cpus} " if self.smp else ""
        owner = "page-owner " if self.page_owner else ""
        pae = "PAE " if self.pae else ""
        return f"2.6.20-highmem {smp}{pae}{owner}L1-{self.l1} 586"

    def va(self, symbol: str) -> int:
        """Virtual address of a symbol of the kernel image."""
        return self.symbols[symbol].va

    # structs

    def _struct(self, name: str, declarations: str, align: int = 4) -> None:
        fields: list[Field] = []
        offset = 0
        for text in filter(None, (part.strip() for part in declarations.split(";"))):
            match = _DECLARATION.match(text)
            assert match, text
            base, inner = match["type"].strip(), None
            if match["pointer"]:
                size, natural = 4, 4
            elif base in ("spinlock_t", "rwlock_t"):
                size, natural = self._lock_size, 1 if not self._lock_size else 4
            elif base.startswith("struct "):
                inner = self.structs[base[7:]]
                size, natural = inner.size, inner.align
            else:
                size = SCALARS[base]
                natural = min(size, 4)
            offset = _round(offset, natural)
            align = max(align, natural)
            count = int(match["count"]) if match["count"] else 1
            ctype = base + (" " + match["pointer"] if match["pointer"] else "")
            fields.append(Field(match["name"], ctype, offset, size, count, bool(match["count"]), inner))
            offset += size * count
        self.structs[name] = Struct(name, fields, _round(offset, align), align)

    def _declare_structs(self) -> None:
        smp, n = self.smp, self.nr_cpus
        declare = self._struct
        cacheline = self.l1 if smp else 4
        declare("list_head", "struct list_head *next; struct list_head *prev")
        declare("hlist_node", "struct hlist_node *next; struct hlist_node **pprev")
        declare("wait_queue_head", "spinlock_t lock; struct list_head task_list")
        declare(
            "page",
            "unsigned long flags; atomic_t _count; atomic_t _mapcount; unsigned long private;"
            "struct address_space *mapping; unsigned long index; struct list_head lru;"
            + ("void *virtual; struct page_owner *owner" if self.page_owner else ""),
        )
        if self.page_owner:
            declare(
                "page_owner",
                "struct page_owner *next; unsigned long users; unsigned int gfp_mask; unsigned int order; int pid;"
                f"unsigned int nr_entries; unsigned long entries[{PAGE_OWNER_DEPTH}]",
            )
            declare("pkmap_owner", "int pid; unsigned long caller")
        declare("per_cpu_pages", "int count; int high; int batch; struct list_head list")
        declare(
            "per_cpu_pageset",
            "struct per_cpu_pages pcp[2];"
            + (f"signed char stat_threshold; signed char vm_stat_diff[{NR_VM_ZONE_STAT_ITEMS}]" if smp else ""),
            align=cacheline,
        )
        declare("free_area", "struct list_head free_list; unsigned long nr_free")
        declare(
            "zone",
            "unsigned long free_pages; unsigned long pages_min; unsigned long pages_low; unsigned long pages_high;"
            f"unsigned long lowmem_reserve[{MAX_NR_ZONES}]; struct per_cpu_pageset pageset[{n}]; spinlock_t lock;"
            f"struct free_area free_area[{MAX_ORDER}]; spinlock_t lru_lock; struct list_head active_list;"
            "struct list_head inactive_list; unsigned long nr_scan_active; unsigned long nr_scan_inactive;"
            "unsigned long nr_active; unsigned long nr_inactive; unsigned long pages_scanned;"
            "int all_unreclaimable; atomic_t reclaim_in_progress;"
            f"unsigned long vm_stat[{NR_VM_ZONE_STAT_ITEMS}]; int prev_priority;"
            "struct wait_queue_head *wait_table; unsigned long wait_table_hash_nr_entries;"
            "unsigned long wait_table_bits; struct pglist_data *zone_pgdat; unsigned long zone_start_pfn;"
            "unsigned long spanned_pages; unsigned long present_pages; char *name",
            align=cacheline,
        )
        declare("zonelist", f"struct zone *zones[{MAX_NR_ZONES + 1}]")
        declare(
            "pglist_data",
            f"struct zone node_zones[{MAX_NR_ZONES}]; struct zonelist node_zonelists[{MAX_NR_ZONES}];"
            "int nr_zones; struct page *node_mem_map; struct bootmem_data *bdata; unsigned long node_start_pfn;"
            "unsigned long node_present_pages; unsigned long node_spanned_pages; int node_id;"
            "struct wait_queue_head kswapd_wait; struct task_struct *kswapd; int kswapd_max_order",
        )
        declare(
            "bootmem_data",
            "unsigned long node_boot_start; unsigned long node_low_pfn; void *node_bootmem_map;"
            "unsigned long last_offset; unsigned long last_pos; unsigned long last_success",
        )
        declare(
            "slab",
            "struct list_head list; unsigned long colouroff; void *s_mem; unsigned int inuse; unsigned int free;"
            "unsigned short nodeid",
        )
        declare(
            "array_cache",
            "unsigned int avail; unsigned int limit; unsigned int batchcount; unsigned int touched; spinlock_t lock",
        )
        declare("arraycache_init", "struct array_cache cache; void *entries[1]")
        declare(
            "kmem_list3",
            "struct list_head slabs_partial; struct list_head slabs_full; struct list_head slabs_free;"
            "unsigned long free_objects; unsigned int free_limit; unsigned int colour_next; spinlock_t list_lock;"
            "struct array_cache *shared; struct array_cache **alien; unsigned long next_reap; int free_touched",
        )
        declare(
            "kmem_cache",
            f"struct array_cache *array[{n}]; unsigned int batchcount; unsigned int limit; unsigned int shared;"
            "unsigned int buffer_size; unsigned int reciprocal_buffer_size; struct kmem_list3 *nodelists[1];"
            "unsigned int flags; unsigned int num; unsigned int gfporder; unsigned int gfpflags;"
            "unsigned int colour; unsigned int colour_off; struct kmem_cache *slabp_cache; unsigned int slab_size;"
            "unsigned int dflags; void *ctor; void *dtor; char *name; struct list_head next"
            + (f"; {_SLAB_STATISTICS}; int obj_offset; int obj_size" if self.slab_debug else ""),
        )
        declare("ccupdate_struct", f"struct kmem_cache *cachep; struct array_cache *new[{n}]")
        declare("cache_sizes", "unsigned int cs_size; struct kmem_cache *cs_cachep; struct kmem_cache *cs_dmacachep")
        declare(
            "vm_struct",
            "struct vm_struct *next; void *addr; unsigned long size; unsigned long flags; struct page **pages;"
            "unsigned int nr_pages; unsigned long phys_addr",
        )
        declare(
            "device",
            "struct device *parent; char bus_id[20]; void *driver_data; unsigned long long *dma_mask;"
            "unsigned long long coherent_dma_mask; void *dma_mem",
        )
        declare("page_address_map", "struct page *page; void *virtual; struct list_head list")
        declare("page_address_slot", "struct list_head lh; spinlock_t lock")
        declare("restart_block", "void *fn; " + "; ".join(f"unsigned long arg{n}" for n in range(4)))
        declare(
            "thread_info",
            "struct task_struct *task; void *exec_domain; unsigned long flags; unsigned long status;"
            "unsigned int cpu; int preempt_count; unsigned long addr_limit; void *sysenter_return;"
            "struct restart_block restart_block; unsigned long previous_esp",
        )
        declare("timespec", "long tv_sec; long tv_nsec")
        declare("rw_semaphore", "int activity; spinlock_t wait_lock; struct list_head wait_list")
        declare("mutex", "atomic_t count; spinlock_t wait_lock; struct list_head wait_list")
        declare("__wait_queue", "unsigned int flags; void *private; void *func; struct list_head task_list")
        declare("shrinker", "void *shrinker; struct list_head list; int seeks; long nr")
        declare("pagevec", f"unsigned long nr; unsigned long cold; struct page *pages[{PAGEVEC_SIZE}]")
        declare("rcu_head", "struct rcu_head *next; void *func")
        declare("radix_tree_root", "unsigned int height; unsigned int gfp_mask; struct radix_tree_node *rnode")
        declare(
            "radix_tree_node",
            "unsigned int height; unsigned int count; struct rcu_head rcu_head;"
            f"void *slots[{1 << RADIX_TREE_MAP_SHIFT}]; unsigned long tags[4]",
        )
        declare("radix_tree_preload", f"int nr; struct radix_tree_node *nodes[{RADIX_TREE_MAX_PATH}]")
        declare(
            "prio_tree_root", "struct prio_tree_node *prio_tree_node; unsigned short index_bits; unsigned short raw"
        )
        declare(
            "address_space",
            "struct inode *host; struct radix_tree_root page_tree; rwlock_t tree_lock; unsigned int i_mmap_writable;"
            "struct prio_tree_root i_mmap; struct list_head i_mmap_nonlinear; spinlock_t i_mmap_lock;"
            "unsigned int truncate_count; unsigned long nrpages; unsigned long writeback_index;"
            "struct address_space_operations *a_ops; unsigned long flags; struct backing_dev_info *backing_dev_info;"
            "spinlock_t private_lock; struct list_head private_list; struct address_space *assoc_mapping",
        )
        declare(
            "inode",
            "struct hlist_node i_hash; struct list_head i_list; struct list_head i_sb_list; struct list_head i_dentry;"
            "unsigned long i_ino; atomic_t i_count; unsigned short i_mode; unsigned int i_nlink; unsigned int i_uid;"
            "unsigned int i_gid; unsigned int i_rdev; unsigned long i_version; long long i_size;"
            + ("unsigned int i_size_seqcount;" if smp else "")
            + "struct timespec i_atime; struct timespec i_mtime; struct timespec i_ctime; unsigned int i_blkbits;"
            "unsigned long i_blocks; unsigned short i_bytes; spinlock_t i_lock; struct mutex i_mutex;"
            "struct rw_semaphore i_alloc_sem; struct inode_operations *i_op; struct file_operations *i_fop;"
            "struct super_block *i_sb; struct file_lock *i_flock; struct address_space *i_mapping;"
            "struct address_space i_data; struct list_head i_devices; struct cdev *i_cdev; int i_cindex;"
            "unsigned int i_generation; unsigned long i_state; unsigned long dirtied_when; unsigned int i_flags;"
            "atomic_t i_writecount; void *i_security; void *i_private",
        )
        declare(
            "mm_struct",
            "struct vm_area_struct *mmap; struct rb_node *mm_rb; struct vm_area_struct *mmap_cache;"
            "void *get_unmapped_area; void *unmap_area; unsigned long mmap_base; unsigned long task_size;"
            "unsigned long cached_hole_size; unsigned long free_area_cache; unsigned long *pgd; atomic_t mm_users;"
            "atomic_t mm_count; int map_count; struct rw_semaphore mmap_sem; spinlock_t page_table_lock;"
            "struct list_head mmlist; unsigned long _file_rss; unsigned long _anon_rss; unsigned long hiwater_rss;"
            "unsigned long hiwater_vm; unsigned long total_vm; unsigned long locked_vm; unsigned long shared_vm;"
            "unsigned long exec_vm; unsigned long stack_vm; unsigned long reserved_vm; unsigned long def_flags;"
            "unsigned long nr_ptes; unsigned long start_code; unsigned long end_code; unsigned long start_data;"
            "unsigned long end_data; unsigned long start_brk; unsigned long brk; unsigned long start_stack;"
            "unsigned long arg_start; unsigned long arg_end; unsigned long env_start; unsigned long env_end;"
            "unsigned long saved_auxv[44]; unsigned long cpu_vm_mask; void *ldt; int ldt_size; void *vdso;"
            "unsigned int dumpable; int core_waiters",
        )
        declare("cpumask", "unsigned long bits[1]")
        declare("timer_list", "struct list_head entry; unsigned long expires; void *function; unsigned long data")
        declare("thread_struct", "unsigned long esp0; unsigned long esp; unsigned long eip; unsigned long cr2")
        declare(
            "task_struct",
            "long state; struct thread_info *thread_info; atomic_t usage; unsigned long flags; int prio;"
            "int static_prio; struct list_head run_list; struct timer_list timer; struct __wait_queue wait;"
            "struct list_head tasks; struct mm_struct *mm; struct mm_struct *active_mm; long exit_state;"
            "int exit_code; int pid; int tgid; struct task_struct *parent; struct list_head children;"
            "struct list_head sibling; unsigned long utime; unsigned long stime; unsigned long nvcsw;"
            "unsigned long nivcsw; unsigned long long start_time; unsigned long min_flt; unsigned long maj_flt;"
            "unsigned int uid; unsigned int euid; unsigned long cap_effective; int oomkilladj;"
            "unsigned int pauses;"
            f"char comm[{TASK_COMM_LEN}]; struct thread_struct thread; struct fs_struct *fs;"
            "struct files_struct *files; struct signal_struct *signal; struct sighand_struct *sighand;"
            "struct kunit *kunit_test"
            + ("; struct cpumask cpus_allowed" if smp else ""),
        )
        declare(
            "rq",
            "struct list_head queue; struct task_struct *curr; struct task_struct *idle; unsigned long time_slice;"
            "struct timer_list *running_timer",
        )
        declare(
            "module",
            f"int state; struct list_head list; char name[{MODULE_NAME_LEN}]; void *init; void *exit;"
            "void *module_core; unsigned long core_size; unsigned long text_size;"
            "void *extable; unsigned long num_exentries; void *bug_table; unsigned long num_bugs; void *args",
        )

    # the kernel image

    def _link_image(self) -> None:
        size = {name: struct.size for name, struct in self.structs.items()}
        n_sizes = len(self.kmalloc_sizes) + 1
        cursor = EXPORT_PAGE

        def place(name: str, length: int, align: int = 4, section: str = ".data", ctype: str = "") -> None:
            nonlocal cursor
            cursor = _round(cursor, align)
            self.symbols[name] = Symbol(name, cursor, length, section, ctype)
            cursor += length

        def place_struct(name: str, struct: str, count: int = 0, align: int = 4, section: str = ".data") -> None:
            """A struct, or an array of `count`."""
            array = f"[{count}]" if count else ""
            place(name, size[struct] * (count or 1), align, section, f"struct {struct}{array}")

        def place_words(
            name: str, count: int, align: int = 4, section: str = ".bss", ctype: str = "unsigned long"
        ) -> None:
            place(name, 4 * count, align, section, f"{ctype}[{count}]")

        entry = "unsigned long long" if self.pae else "unsigned long"
        pointers = _POINTERS | dict.fromkeys(self.kernel_caches.values(), "struct kmem_cache *")
        pointers |= {"pkmap_page_table": f"{entry} *", "kmap_pte": f"{entry} *"}
        for name in EXPORTED_VARIABLES:
            place(name, 4, ctype=pointers.get(name, "unsigned long"))
        # Functions that only our own code serves: the destructor of compound pages, the timers of a sleeping task and
        # of the slab allocator, what wakes a task, constructors; and the body of kswapd, which is code that calls ours.
        functions = ("free_compound_page", "process_timeout", "autoremove_wake_function", "kswapd", "cache_reap",
                     "pgd_ctor", "pgd_dtor", "pmd_ctor")  # fmt: skip
        for i, name in enumerate(functions):
            self.symbols[name] = Symbol(name, TEXT_START + 0x20 + 32 * i, 32, ".text")
        place("boot_params", PAGE_SIZE, PAGE_SIZE, ctype=f"unsigned char[{PAGE_SIZE}]")
        assert self.va("boot_params") == BOOT_PARAMS
        place("empty_zero_page", PAGE_SIZE, PAGE_SIZE, ctype=f"unsigned char[{PAGE_SIZE}]")
        assert self.va("empty_zero_page") == EMPTY_ZERO_PAGE
        place("init_thread_union", THREAD_SIZE, THREAD_SIZE, ctype="struct thread_info")
        place_struct("init_task", "task_struct", align=16)
        place_struct("init_mm", "mm_struct")
        gdt = GDT_ENTRIES * self.nr_cpus
        place("cpu_gdt_table", 8 * gdt, 32, ctype=f"unsigned long long[{gdt}]")
        place_struct("contig_page_data", "pglist_data", align=128)
        place_struct("contig_bootmem_data", "bootmem_data")
        place_struct("cache_cache", "kmem_cache", align=self.l1)
        place_struct("initkmem_list3", "kmem_list3", 3)
        place_struct("initarray_cache", "arraycache_init")
        place_struct("initarray_generic", "arraycache_init")
        place_struct("malloc_sizes", "cache_sizes", n_sizes)
        place_struct("cache_chain", "list_head")
        for name in ("modules", "timers", "timers_due", "shrinker_list", "inode_in_use", "inode_unused",
                     "rcu_slabs"):  # fmt: skip
            place_struct(name, "list_head")
        place_struct("runqueues", "rq", self.nr_cpus)
        place_struct("pkmap_map_wait", "wait_queue_head")
        for name, struct in (
            ("lru_add_pvecs", "pagevec"), ("lru_add_active_pvecs", "pagevec"),
            ("radix_tree_preloads", "radix_tree_preload"), ("reap_work", "timer_list"),
        ):  # fmt: skip
            place_struct(name, struct, self.nr_cpus)
        place_words("sysctl_lowmem_reserve_ratio", MAX_NR_ZONES - 1, section=".data")
        for name in KERNEL_VARIABLES:
            place(name, 4, ctype=pointers.get(name, "unsigned long"))
        place("_edata", 0)
        place("__init_begin", 0, PAGE_SIZE, ".init")
        place("__init_end", 0, PAGE_SIZE, ".init")
        place("swapper_pg_dir", PAGE_SIZE, PAGE_SIZE, ".bss", f"{entry}[{PAGE_SIZE // (8 if self.pae else 4)}]")
        place_words("vm_stat", NR_VM_ZONE_STAT_ITEMS, 64)
        place_words("vm_event_states", NR_VM_EVENT_ITEMS * self.nr_cpus, 64)
        place_words("kmap_atomic_idx", self.nr_cpus)
        place_words("pkmap_count", self.last_pkmap, 64, ctype="int")
        if self.page_owner:
            place_words("page_owner_hash", 1 << PAGE_OWNER_HASH_ORDER, 64, ctype="struct page_owner *")
            place_struct("page_owners", "page_owner", PAGE_OWNER_RECORDS, 64, ".bss")
            place("page_owners_taken", 4, 4, ".bss", "unsigned long")
            place("page_owner_times", 4, 4, ".bss", "unsigned long")
            place_struct("pkmap_owners", "pkmap_owner", self.last_pkmap, section=".bss")
        else:
            place_struct("page_address_htable", "page_address_slot", 1 << PA_HASH_ORDER, 64, ".bss")
            place_struct("page_address_maps", "page_address_map", self.last_pkmap, section=".bss")
            place_struct("page_address_pool", "list_head", section=".bss")
        if self.slab_debug:
            place("slab_debug_flags", 4, 4, ".bss", "unsigned long")
            place("slab_debug_slabs", SLAB_DEBUG_SLABS_LEN, 4, ".bss", f"char[{SLAB_DEBUG_SLABS_LEN}]")
        texts = [
            *ZONE_NAMES, "kmem_cache", *self.kernel_caches,
            *(f"size-{n}{dma}" for n in self.kmalloc_sizes for dma in ("", "(DMA)")),
        ]  # fmt: skip
        length = sum(len(text) + 1 for text in texts)
        place("kernel_strings", length, 4, ".bss", f"char[{length}]")
        at = self.va("kernel_strings")
        self.strings: dict[str, int] = {}
        for text in texts:
            self.strings[text] = at
            at += len(text) + 1
        place("__log_buf", LOG_BUF_LEN, 64, ".bss", f"char[{LOG_BUF_LEN}]")
        place("_end", 0, 4, ".bss")

    @property
    def kmalloc_sizes(self) -> list[int]:
        """Sizes of the general caches (include/linux/kmalloc_sizes.h): 96 and 192 depend on the L1 line."""
        sizes = [32, 64, 96, 128, 192, *(1 << shift for shift in range(8, 18))]
        return [s for s in sizes if not (s == 96 and self.l1 >= 64) and not (s == 192 and self.l1 >= 128)]

    # what is generated from it

    def c_config(self) -> str:
        """Text of generated/autoconf.h: the build options as a kernel's autoconf.h has them."""
        lines = [
            "#pragma once",
            f"#define CONFIG_NR_CPUS {self.nr_cpus}",
            f"#define CONFIG_X86_L1_CACHE_SHIFT {self.l1.bit_length() - 1}",
            f'#define HIGHMEM_VERMAGIC "{self.vermagic}"',
            "#define CONFIG_HZ 250",
        ]
        options = ["X86", "X86_32", "MMU", "MODULES", "PRINTK", "BUG", "STACKTRACE", "INIT_STACK_NONE"]
        options += ["HIGHMEM", "SLAB"]
        options += ["SMP"] if self.smp else []
        options += ["HIGHMEM64G", "X86_PAE"] if self.pae else ["HIGHMEM4G"]
        options += ["PAGE_OWNER"] if self.page_owner else []
        lines += [f"#define CONFIG_{option} 1" for option in options]
        if self.page_owner:
            lines.append("#define WANT_PAGE_VIRTUAL 1")
        return "\n".join(lines) + "\n"

    def c_header(self) -> str:
        """Text of generated/structs.h: every struct but `struct device`, with its size checked by the compiler."""
        return _c_header([struct for name, struct in self.structs.items() if name != "device"])

    def c_device(self) -> str:
        """Text of generated/device.h: a name that programs without drivers may use for something of their own."""
        return _c_header([self["device"]])


def _c_header(structs: list[Struct]) -> str:
    lines = ["#pragma once"]
    for struct in structs:
        lines.append(f"struct {struct.name} {{")
        for field in struct.fields.values():
            space = "" if field.ctype.endswith("*") else " "
            array = f"[{field.count}]" if field.is_array else ""
            lines.append(f"\t{field.ctype}{space}{field.name}{array};")
        align = f" __attribute__((aligned({struct.align})))" if struct.align > 4 else ""
        lines.append(f"}}{align};")
        lines.append(f'_Static_assert(sizeof(struct {struct.name}) == {struct.size}, "struct {struct.name}");')
    return "\n".join(lines) + "\n"


ZONE_NAMES = ("DMA", "Normal", "HighMem")

# Caches of the kernel's own, and the variable that names each; the general caches come before them.
KERNEL_CACHES = {
    "pid": "pid_cachep", "pmd": "pmd_cache", "pgd": "pgd_cache", "anon_vma": "anon_vma_cachep",
    "task_struct": "task_struct_cachep",
    "sighand_cache": "sighand_cachep", "signal_cache": "signal_cachep", "files_cache": "files_cachep",
    "fs_cache": "fs_cachep", "vm_area_struct": "vm_area_cachep", "mm_struct": "mm_cachep", "buffer_head": "bh_cachep",
    "idr_layer_cache": "idr_layer_cache", "names_cache": "names_cachep", "filp": "filp_cachep",
    "dentry_cache": "dentry_cache", "inode_cache": "inode_cachep", "mnt_cache": "mnt_cache",
    "sysfs_dir_cache": "sysfs_dir_cachep", "bdev_cache": "bdev_cachep", "radix_tree_node": "radix_tree_node_cachep",
    "sigqueue": "sigqueue_cachep", "proc_inode_cache": "proc_inode_cachep",
}  # fmt: skip

# Variables of one word that guest programs can link to; fixed addresses, in this order, for ever.
EXPORTED_VARIABLES = (
    "mem_map", "max_mapnr", "num_physpages", "high_memory", "max_low_pfn", "max_pfn",
    "totalram_pages", "totalhigh_pages", "jiffies", "jiffies_hi", "nr_cpus_online", "node_data",
    "vmalloc_faults", "init_mm_pointer",
)  # fmt: skip

# Those of one word that are pointers, as are all of KERNEL_CACHES.
_POINTERS = {
    "mem_map": "struct page *", "high_memory": "void *", "node_data": "struct pglist_data *",
    "init_mm_pointer": "struct mm_struct *", "vmlist": "struct vm_struct *", "pgd_list": "struct page *",
    "kthread_stop_k": "struct task_struct *", "kthread_stop_waiter": "struct task_struct *", "call_func": "void *",
    "call_info": "void *",
}  # fmt: skip

# Variables of one word of the kernel's own.
KERNEL_VARIABLES = (
    "highstart_pfn", "highend_pfn", "vmalloc_start", "tick_nsec",
    "slab_break_gfp_order", "g_cpucache_up", "vmlist", "pkmap_page_table", "last_pkmap_nr", "kmap_pte",
    "log_start", "con_start", "log_end", "logged_chars", "log_level_unknown", "msg_level", "console_loglevel",
    "ratelimit_toks", "ratelimit_last_msg", "ratelimit_missed",
    "kthread_stop_k", "kthread_stop_err", "kthread_stop_waiter", "might_sleep_jiffy",
    "min_free_kbytes", "die_counter", "last_pid", "tainted", *KERNEL_CACHES.values(),
    "last_ino", "vm_swappiness", "panic_on_oom", "work_pending", "shrinker_readers", "rcu_cpumask",
    "turn_cpu", "turn_left", "schedule_state", "pgd_list", "call_func", "call_info", "call_cpus", "call_caller",
)  # fmt: skip


@lru_cache(maxsize=8)
def layout_for(nr_cpus: int, page_owner: bool, l1: int, slab_debug: bool = False, pae: bool = False) -> Layout:
    """The layout of a configuration, made once."""
    return Layout(nr_cpus, page_owner, l1, slab_debug, pae)
