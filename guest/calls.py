"""The table of calls: what guest programs can call, in one place.

A row gives the call's number, the header that declares it, its C prototype and the Python method behind it, as
"part.method" of what the Kernel wires; a leading "__" is one "_" there. From the table are made the stubs in the
kernel's text, the declarations in the headers (`header_text`), the addresses that programs are linked to (`SYMBOLS`)
and the dispatch (`guest.kernel`). Adding a call is one row here and one method there. Numbers are for ever: linked
programs know the addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mm.layout import EMPTY_ZERO_PAGE, EXPORT_PAGE, EXPORTED_VARIABLES, TEXT_START, Layout
from mm.vmscan import KSWAPD_LOCALS

STUB_SIZE = 16
STUBS_START = TEXT_START + 0x1000  # the page before holds the kernel's own few instructions


@dataclass(frozen=True, slots=True)
class Call:
    """One exported function. `handler` names the method that serves it, e.g. "slab.kmalloc"."""

    number: int
    header: str
    prototype: str
    handler: str

    @property
    def name(self) -> str:
        match = re.search(r"(\w+)\s*\(", self.prototype)
        assert match
        return match[1]

    @property
    def arguments(self) -> int:
        """Number of 32-bit arguments; of a variadic function those before the dots."""
        text = self.prototype[self.prototype.index("(") + 1 : self.prototype.rindex(")")]
        while "(" in text:  # drop what is in the parentheses of function pointers
            text = re.sub(r"\([^()]*\)", "", text)
        parts = [part.strip() for part in text.split(",")]
        return 0 if parts == ["void"] else len(parts) - self.variadic

    @property
    def pointers(self) -> tuple[bool, ...]:
        """Of every argument whether it is an address."""
        text = self.prototype[self.prototype.index("(") + 1 : self.prototype.rindex(")")]
        parts = re.sub(r"\(\*\w+\)\([^()]*\)", "*", text).split(",")
        return tuple("*" in part or part.split()[-1] == "addr" for part in parts)[: self.arguments]

    @property
    def pgprot(self) -> int | None:
        """Which argument is a pgprot_t: with PAE it takes two words."""
        parts = self.prototype.split(",")
        return next((n for n, part in enumerate(parts) if "pgprot_t" in part), None)

    @property
    def variadic(self) -> bool:
        """Whether the handler gets, as one more argument, the address of the first unnamed argument."""
        return "..." in self.prototype

    @property
    def address(self) -> int:
        """Virtual address of the stub."""
        return STUBS_START + self.number * STUB_SIZE


def _rows(header: str, first: int, *rows: tuple[str, str]) -> list[Call]:
    return [Call(first + i, header, prototype, handler) for i, (prototype, handler) in enumerate(rows)]


_INTERNAL = ""  # calls of the kernel's own code, which no program is linked to
_CTOR = "void (*{})(void *, struct kmem_cache *, unsigned long)"

TABLE: tuple[Call, ...] = (
    *_rows("slab", 0,
        ("void *kmalloc(size_t size, gfp_t flags)", "slab.kmalloc"),
        ("void *kzalloc(size_t size, gfp_t flags)", "slab.kzalloc"),
        ("void *kcalloc(size_t n, size_t size, gfp_t flags)", "slab.kcalloc"),
        ("void *krealloc(const void *p, size_t new_size, gfp_t flags)", "slab.krealloc"),
        ("size_t ksize(const void *objp)", "slab.ksize"),
        ("void kfree(const void *objp)", "slab.kfree"),
        ("struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, unsigned long flags, "
         + _CTOR.format("ctor") + ", " + _CTOR.format("dtor") + ")", "slab.kmem_cache_create"),
        ("void *kmem_cache_alloc(struct kmem_cache *cachep, gfp_t flags)", "slab.kmem_cache_alloc"),
        ("void *kmem_cache_zalloc(struct kmem_cache *cachep, gfp_t flags)", "slab.kmem_cache_zalloc"),
        ("void kmem_cache_free(struct kmem_cache *cachep, void *objp)", "slab.kmem_cache_free"),
        ("void kmem_cache_destroy(struct kmem_cache *cachep)", "slab.kmem_cache_destroy"),
        ("unsigned int kmem_cache_size(struct kmem_cache *cachep)", "slab.kmem_cache_size"),
        ("const char *kmem_cache_name(struct kmem_cache *cachep)", "slab.kmem_cache_name"),
        ("int kmem_cache_shrink(struct kmem_cache *cachep)", "slab.kmem_cache_shrink"),
        ("int kmem_ptr_validate(struct kmem_cache *cachep, const void *ptr)", "slab.kmem_ptr_validate"),
        ("struct kmem_cache *kmem_find_general_cachep(size_t size, gfp_t gfpflags)", "slab.kmem_find_general_cachep"),
    ),
    *_rows("vmalloc", 64,
        ("void *vmalloc(unsigned long size)", "vmalloc.vmalloc"),
        ("void *__vmalloc(unsigned long size, gfp_t gfp_mask, pgprot_t prot)", "vmalloc._vmalloc"),
        ("void *vmalloc_32(unsigned long size)", "vmalloc.vmalloc_32"),
        ("void *vzalloc(unsigned long size)", "vmalloc.vzalloc"),
        ("void vfree(const void *addr)", "vmalloc.vfree"),
        ("struct page *vmalloc_to_page(const void *addr)", "vmalloc.vmalloc_to_page"),
        ("unsigned long vmalloc_to_pfn(const void *addr)", "vmalloc.vmalloc_to_pfn"),
        ("void *vmalloc_exec(unsigned long size)", "vmalloc.vmalloc_exec"),
        ("void *vmalloc_user(unsigned long size)", "vmalloc.vmalloc_user"),
        ("void *vmalloc_32_user(unsigned long size)", "vmalloc.vmalloc_32_user"),
        ("void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot)", "vmalloc.vmap"),
        ("void vunmap(const void *addr)", "vmalloc.vunmap"),
        ("struct vm_struct *get_vm_area(unsigned long size, unsigned long flags)", "vmalloc.get_vm_area"),
        ("struct vm_struct *remove_vm_area(const void *addr)", "vmalloc.remove_vm_area"),
        ("int map_vm_area(struct vm_struct *area, pgprot_t prot, struct page ***pages)", "vmalloc.map_vm_area"),
        ("long vread(char *buf, char *addr, unsigned long count)", "vmalloc.vread"),
        ("long vwrite(char *buf, char *addr, unsigned long count)", "vmalloc.vwrite"),
    ),
    *_rows("gfp", 96,
        ("struct page *alloc_pages(gfp_t gfp_mask, unsigned int order)", "page_alloc.alloc_pages"),
        ("unsigned long __get_free_pages(gfp_t gfp_mask, unsigned int order)", "page_alloc._get_free_pages"),
        ("unsigned long get_zeroed_page(gfp_t gfp_mask)", "page_alloc.get_zeroed_page"),
        ("void __free_pages(struct page *page, unsigned int order)", "page_alloc._free_pages"),
        ("void free_pages(unsigned long addr, unsigned int order)", "page_alloc.free_pages"),
    ),
    *_rows("mm", 128,
        ("void put_page(struct page *page)", "page_alloc.put_page"),
        ("unsigned int nr_free_pages(void)", "page_alloc.nr_free_pages"),
        ("struct shrinker *set_shrinker(int seeks, int (*theshrinker)(int, gfp_t))", "vmscan.set_shrinker"),
        ("void remove_shrinker(struct shrinker *shrinker)", "vmscan.remove_shrinker"),
    ),
    *_rows("highmem", 144,
        ("void *kmap(struct page *page)", "highmem.kmap"),
        ("void kunmap(struct page *page)", "highmem.kunmap"),
        ("void *kmap_atomic(struct page *page, enum km_type type)", "highmem.kmap_atomic"),
        ("void kunmap_atomic(void *kvaddr, enum km_type type)", "highmem.kunmap_atomic"),
        ("void *kmap_atomic_push(struct page *page)", "highmem.kmap_atomic_push"),
        ("void kunmap_atomic_pop(void *kvaddr)", "highmem.kunmap_atomic_pop"),
        ("void *page_address(struct page *page)", "highmem.page_address"),
        ("struct page *kmap_atomic_to_page(void *ptr)", "highmem.kmap_atomic_to_page"),
        ("void *kmap_atomic_pfn(unsigned long pfn, enum km_type type)", "highmem.kmap_atomic_pfn"),
        ("void set_fixmap_words(unsigned int idx, unsigned long phys, unsigned long prot, unsigned long prot_high)",
         "fixmap.set_fixmap"),
    ),
    *_rows("kernel", 176,
        ("int printk(const char *fmt, ...)", "library.printk"),
        ("int vprintk(const char *fmt, va_list args)", "library.vprintk"),
        ("int snprintf(char *buf, size_t size, const char *fmt, ...)", "library.vsnprintf"),
        ("int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)", "library.vsnprintf"),
        ("int sprintf(char *buf, const char *fmt, ...)", "library.vsprintf"),
        ("int vsprintf(char *buf, const char *fmt, va_list args)", "library.vsprintf"),
        ("void panic(const char *fmt, ...)", "library.panic"),
        ("void dump_stack(void)", "library.dump_stack"),
        ("void warn_slowpath(const char *file, int line, const char *function)", "library.warn_slowpath"),
    ),
    *_rows("sched", 208,
        ("void schedule(void)", "sched.schedule"),
        ("long schedule_timeout(long timeout)", "sched.schedule_timeout"),
        ("int wake_up_process(struct task_struct *p)", "sched.wake_up_process"),
        ("void yield(void)", "sched.sched_yield"),
        ("int cond_resched(void)", "sched.cond_resched"),
        ("struct task_struct *kthread_create(int (*threadfn)(void *), void *data, const char *namefmt, ...)",
         "library.kthread_create"),
        ("int kthread_stop(struct task_struct *k)", "kthreads.kthread_stop"),
        ("int kthread_should_stop(void)", "kthreads.kthread_should_stop"),
        ("void do_exit(long code)", "kthreads.do_exit"),
        ("void add_timer(struct timer_list *timer)", "timers.add_timer"),
        ("int mod_timer(struct timer_list *timer, unsigned long expires)", "timers.mod_timer"),
        ("int del_timer(struct timer_list *timer)", "timers.del_timer"),
        ("void run_in_irq(void (*fn)(void *), void *data)", "sched.run_in_irq"),
        ("void run_in_softirq(void (*fn)(void *), void *data)", "sched.run_in_softirq"),
        ("void __might_sleep(char *file, int line)", "library.might_sleep"),
        ("long congestion_wait(int rw, long timeout)", "sched.congestion_wait"),
        ("void __cpu_relax(void)", "sched.cpu_relax"),
    ),
    *_rows("smp", 225,
        ("int smp_call_function(void (*func)(void *info), void *info, int retry, int wait)", "smp.smp_call_function"),
        ("int smp_call_function_single(int cpuid, void (*func)(void *info), void *info, int retry, int wait)",
         "smp.smp_call_function_single"),
        ("int set_cpus_allowed_ptr(struct task_struct *p, const struct cpumask *new_mask)", "sched.set_cpus_allowed"),
    ),
    *_rows("pagemap", 240,
        ("struct page *find_get_page(struct address_space *mapping, unsigned long index)", "filemap.find_get_page"),
        ("struct page *find_lock_page(struct address_space *mapping, unsigned long index)", "filemap.find_lock_page"),
        ("struct page *find_or_create_page(struct address_space *mapping, unsigned long index, gfp_t gfp_mask)",
         "filemap.find_or_create_page"),
        ("unsigned int find_get_pages(struct address_space *mapping, unsigned long start, unsigned int nr_pages, "
         "struct page **pages)", "filemap.find_get_pages"),
        ("unsigned int find_get_pages_contig(struct address_space *mapping, unsigned long start, "
         "unsigned int nr_pages, struct page **pages)", "filemap.find_get_pages_contig"),
        ("unsigned int find_get_pages_tag(struct address_space *mapping, unsigned long *index, int tag, "
         "unsigned int nr_pages, struct page **pages)", "filemap.find_get_pages_tag"),
        ("int add_to_page_cache(struct page *page, struct address_space *mapping, unsigned long index, "
         "gfp_t gfp_mask)", "filemap.add_to_page_cache"),
        ("int add_to_page_cache_lru(struct page *page, struct address_space *mapping, unsigned long index, "
         "gfp_t gfp_mask)", "filemap.add_to_page_cache_lru"),
        ("void remove_from_page_cache(struct page *page)", "filemap.remove_from_page_cache"),
        ("void __lock_page(struct page *page)", "filemap._lock_page"),
        ("void unlock_page(struct page *page)", "filemap.unlock_page"),
        ("void wait_on_page_bit(struct page *page, int bit_nr)", "filemap.wait_on_page_bit"),
        ("int set_page_dirty(struct page *page)", "filemap.set_page_dirty"),
        ("int clear_page_dirty_for_io(struct page *page)", "filemap.clear_page_dirty_for_io"),
        ("int test_set_page_writeback(struct page *page)", "filemap.test_set_page_writeback"),
        ("int test_clear_page_writeback(struct page *page)", "filemap.test_clear_page_writeback"),
        ("void end_page_writeback(struct page *page)", "filemap.end_page_writeback"),
        ("void truncate_inode_pages_from(struct address_space *mapping, unsigned long start, unsigned int partial)",
         "truncate.truncate_inode_pages_from"),
        ("unsigned long invalidate_mapping_pages(struct address_space *mapping, unsigned long start, "
         "unsigned long end)", "truncate.invalidate_mapping_pages"),
    ),
    *_rows("fs", 264,
        ("struct inode *new_inode(struct super_block *sb)", "inodes.new_inode"),
        ("void iput(struct inode *inode)", "inodes.iput"),
    ),
    *_rows("swap", 272,
        ("void lru_cache_add(struct page *page)", "swap.lru_cache_add"),
        ("void lru_cache_add_active(struct page *page)", "swap.lru_cache_add_active"),
        ("void lru_add_drain(void)", "swap.lru_add_drain"),
        ("void activate_page(struct page *page)", "swap.activate_page"),
        ("void mark_page_accessed(struct page *page)", "swap.mark_page_accessed"),
    ),
    *_rows("io", 304,
        ("void __iomem *__ioremap(unsigned long phys_addr, unsigned long size, unsigned long flags)",
         "ioremap._ioremap"),
        ("void __iomem *ioremap_nocache(unsigned long phys_addr, unsigned long size)", "ioremap.ioremap_nocache"),
        ("void iounmap(volatile void __iomem *addr)", "ioremap.iounmap"),
    ),
    *_rows("dma-mapping", 312,
        ("void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t flag)",
         "pci_dma.dma_alloc_coherent"),
        ("void dma_free_coherent(struct device *dev, size_t size, void *vaddr, dma_addr_t dma_handle)",
         "pci_dma.dma_free_coherent"),
    ),
    *_rows(_INTERNAL, 280,
        ("void kswapd_work(struct pglist_data *pgdat, void *frame)", "vmscan.kswapd_work"),
    ),
    *_rows("sched", 288,
        ("struct mm_struct *mm_alloc(void)", "spaces.mm_alloc"),
        ("struct mm_struct *get_task_mm(struct task_struct *task)", "spaces.get_task_mm"),
        ("void mmput(struct mm_struct *mm)", "spaces.mmput"),
    ),
    *_rows("mmu_context", 291,
        ("void use_mm(struct mm_struct *mm)", "spaces.use_mm"),
        ("void unuse_mm(struct mm_struct *mm)", "spaces.unuse_mm"),
    ),
    *_rows("vmalloc", 293,
        ("void vmalloc_sync_all(void)", "directories.vmalloc_sync_all"),
    ),
    *_rows("sched", 294,
        ("int try_to_del_timer_sync(struct timer_list *timer)", "timers.try_to_del_timer_sync"),
    ),
)  # fmt: skip

_VARIABLE_TYPES = {
    "mem_map": ("mm", "struct page *mem_map"),
    "max_mapnr": ("mm", "unsigned long max_mapnr"),
    "num_physpages": ("mm", "unsigned long num_physpages"),
    "high_memory": ("mm", "void *high_memory"),
    "max_low_pfn": ("mm", "unsigned long max_low_pfn"),
    "max_pfn": ("mm", "unsigned long max_pfn"),
    "totalram_pages": ("mm", "unsigned long totalram_pages"),
    "totalhigh_pages": ("mm", "unsigned long totalhigh_pages"),
    "node_data": ("mm", "struct pglist_data *node_data[1]"),
    "jiffies": ("kernel", "unsigned long volatile jiffies"),
    "nr_cpus_online": ("kernel", "int nr_cpus_online"),
    "vmalloc_faults": ("vmalloc", "unsigned long volatile vmalloc_faults"),
    "init_mm_pointer": ("sched", "struct mm_struct *init_mm_pointer"),
}

SYMBOLS: dict[str, int] = {call.name: call.address for call in TABLE if call.header != _INTERNAL} | {
    name: EXPORT_PAGE + 4 * EXPORTED_VARIABLES.index(name) for name in _VARIABLE_TYPES
}
"""Exported symbol -> its kernel virtual address, the same in every configuration and for every boot."""

SYMBOLS["empty_zero_page"] = EMPTY_ZERO_PAGE
# 2.6.20 exports kmalloc under this name; a relocatable object may carry it.
SYMBOLS["__kmalloc"] = SYMBOLS["kmalloc"]

HEADERS: tuple[str, ...] = tuple(dict.fromkeys(call.header for call in TABLE if call.header != _INTERNAL))
"""Names of the generated headers: generated/calls/NAME.h."""


def stub(call: Call, trap_window: int) -> bytes:
    """The stub's code: push ebp; pushf; mov [trap_window + 4*number], esp; pop eax; pop ebp; ret.

    EFLAGS, which tell whether interrupts are on, lie where the result will be; above them the frame pointer, the
    return address and the arguments. `trap_window` is the virtual address of the hypercall page.
    """
    target = trap_window + 4 * call.number
    return b"\x55\x9c\x89\x25" + target.to_bytes(4, "little") + b"\x58\x5d\xc3"


def kswapd(layout: Layout) -> bytes:
    """The body of kswapd(pgdat): its local variables, zeros, on the stack, and the call kswapd_work for ever."""
    work = next(call.address for call in TABLE if call.name == "kswapd_work")
    code = b"\x31\xc0" + KSWAPD_LOCALS * b"\x50"  # xor eax, eax; push eax ...
    again = len(code)
    code += b"\x89\xe0\x50"  # mov eax, esp; push eax
    code += b"\xff\x74\x24" + bytes([4 * KSWAPD_LOCALS + 8])  # push [esp + ...]: pgdat
    code += b"\xe8" + (work - layout.va("kswapd") - len(code) - 5 & 0xFFFFFFFF).to_bytes(4, "little")
    code += b"\x83\xc4\x08"  # add esp, 8
    return code + b"\xeb" + (again - len(code) - 2 & 0xFF).to_bytes(1, "little")


def header_text(name: str) -> str:
    """C declarations of the calls and variables that <linux/NAME.h> offers."""
    lines = ["#pragma once"]
    lines += ["extern unsigned long empty_zero_page[1024];"] if name == "mm" else []
    lines += [f"extern {text};" for header, text in _VARIABLE_TYPES.values() if header == name]
    lines += [f"{call.prototype};" for call in TABLE if call.header == name]
    return "\n".join(lines) + "\n"
