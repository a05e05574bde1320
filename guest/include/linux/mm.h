#ifndef _LINUX_MM_H
#define _LINUX_MM_H

#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mmzone.h>
#include <linux/page-flags.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/page.h>
#include <asm/pgtable.h>
#include <asm/atomic.h>
#include <generated/calls/mm.h>
#include <asm/kmap_types.h>
#include <generated/calls/highmem.h>

/* The zone's number is in the top bits of page->flags. */
#define ZONES_PGSHIFT	30
#define ZONES_MASK	3UL

static inline enum zone_type page_zonenum(const struct page *page)
{
	return (page->flags >> ZONES_PGSHIFT) & ZONES_MASK;
}

#define page_to_nid(page)	((void)(page), 0)
#define page_zone(page)		(&NODE_DATA(0)->node_zones[page_zonenum(page)])
#define page_zone_id(page)	page_zonenum(page)
#define is_highmem(zone)	((zone) == &NODE_DATA(0)->node_zones[ZONE_HIGHMEM])
#define PageHighMem(page)	(page_zonenum(page) == ZONE_HIGHMEM)

#define for_each_zone(zone)						\
	for (zone = NODE_DATA(0)->node_zones;				\
	     zone < NODE_DATA(0)->node_zones + MAX_NR_ZONES; zone++)
#define populated_zone(zone)	((zone)->present_pages != 0)

/* A page of a compound block stands for the block's first page. */
static inline struct page *compound_head(struct page *page)
{
	return PageCompound(page) ? (struct page *)page->private : page;
}

#define virt_to_head_page(addr)	compound_head(virt_to_page(addr))

static inline int page_count(struct page *page)
{
	return atomic_read(&compound_head(page)->_count);
}

static inline int page_mapcount(struct page *page)
{
	return atomic_read(&page->_mapcount) + 1;
}

static inline int page_mapped(struct page *page)
{
	return atomic_read(&page->_mapcount) >= 0;
}

static inline void get_page(struct page *page)
{
	atomic_inc(&compound_head(page)->_count);
}

#define put_page_testzero(page)	atomic_dec_and_test(&(page)->_count)
#define init_page_count(page)	atomic_set(&(page)->_count, 1)
#define set_page_count(page, n)	atomic_set(&(page)->_count, n)
#define page_private(page)	((page)->private)
#define set_page_private(page, value)	((void)((page)->private = (value)))
#define lowmem_page_address(page)	__va(page_to_pfn(page) << PAGE_SHIFT)

#define nth_page(page, n)	pfn_to_page(page_to_pfn(page) + (n))
#define pfn_to_nid(pfn)		((void)(pfn), 0)

/* page->mapping of an anonymous page has its lowest bit set. */
#define PAGE_MAPPING_ANON	1
#define PageAnon(page)		(((unsigned long)(page)->mapping & PAGE_MAPPING_ANON) != 0)

extern unsigned int nr_free_highpages(void);
extern void si_meminfo(struct sysinfo *val);

/* Of later kernels, where these are functions. */
#define totalram_pages()	(totalram_pages)
#define totalhigh_pages()	(totalhigh_pages)
#define get_num_physpages()	(num_physpages)

#define page_ref_count(page)	atomic_read(&(page)->_count)
#define page_to_section(page)	0
#define PAGE_ALIGNED(addr)	IS_ALIGNED((unsigned long)(addr), PAGE_SIZE)
#define PAGE_ALIGN_DOWN(addr)	((addr) & PAGE_MASK)

/* A block of 2^order pages becomes so many pages of order 0. Not for compound blocks. */
extern void split_page(struct page *page, unsigned int order);

/* The size of the compound block, or of the page. */
static inline unsigned int compound_order(struct page *page)
{
	return PageCompound(page) ? (unsigned long)compound_head(page)[1].lru.prev : 0;
}
#define page_size(page)		(PAGE_SIZE << compound_order(page))

#define VM_READ		0x00000001
#define VM_WRITE	0x00000002
#define VM_EXEC		0x00000004
#define VM_SHARED	0x00000008
#define VM_MAYREAD	0x00000010
#define VM_MAYWRITE	0x00000020
#define VM_MAYEXEC	0x00000040
#define VM_MAYSHARE	0x00000080
#define VM_PFNMAP	0x00000400
#define VM_IO		0x00004000
#define VM_DONTCOPY	0x00020000
#define VM_DONTEXPAND	0x00040000
#define VM_RESERVED	0x00080000
#define VM_DONTDUMP	0x00080000

struct mm_struct;

/*
 * What the mmap method of a driver is written with. Nothing maps a file here: that is for the compiler, and for
 * programs that make such a struct themselves.
 */
struct vm_area_struct {
	struct mm_struct *vm_mm;
	unsigned long vm_start, vm_end;
	struct vm_area_struct *vm_next;
	pgprot_t vm_page_prot;
	unsigned long vm_flags;
	const struct vm_operations_struct *vm_ops;
	unsigned long vm_pgoff;	/* in pages */
	struct file *vm_file;
	void *vm_private_data;
};

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned int flags;
	unsigned long pgoff;
	unsigned long address;
	void __user *virtual_address;
	struct page *page;
};

typedef unsigned int vm_fault_t;

/* fault(vmf), and up to 4.10 fault(vma, vmf). */
struct vm_operations_struct {
	void (*open)(struct vm_area_struct *area);
	void (*close)(struct vm_area_struct *area);
	struct page *(*nopage)(struct vm_area_struct *area, unsigned long address, int *type);
	void *fault;
	int (*access)(struct vm_area_struct *vma, unsigned long addr, void *buf, int len, int write);
};

#define NOPAGE_SIGBUS	((struct page *)0)
#define NOPAGE_OOM	((struct page *)-1L)
#define VM_FAULT_OOM	1
#define VM_FAULT_MINOR	2
#define VM_FAULT_MAJOR	3
#define VM_FAULT_SIGBUS	0
#define VM_FAULT_NOPAGE	0x100
#define VM_FAULT_LOCKED	0x200

#define vma_pages(vma)	(((vma)->vm_end - (vma)->vm_start) >> PAGE_SHIFT)

/* -EINVAL: no page of a program is mapped. */
extern int remap_pfn_range(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, unsigned long size,
			   pgprot_t prot);
extern int vm_insert_page(struct vm_area_struct *vma, unsigned long addr, struct page *page);
#define io_remap_pfn_range(vma, addr, pfn, size, prot)	remap_pfn_range(vma, addr, pfn, size, prot)

/* The mapping of a page of the page cache, NULL of any other. */
static inline struct address_space *page_mapping(struct page *page)
{
	return PageAnon(page) ? NULL : page->mapping;
}

#define page_index(page)	((page)->index)

extern int set_page_dirty_lock(struct page *page);

/* All pages of a mapping from the byte `start` on. */
static inline void truncate_inode_pages(struct address_space *mapping, loff_t start)
{
	truncate_inode_pages_from(mapping, (start + PAGE_SIZE - 1) >> PAGE_SHIFT, start & (PAGE_SIZE - 1));
}

#define invalidate_inode_pages(mapping)	invalidate_mapping_pages(mapping, 0, ~0UL)

/*
 * A shrinker gives up to `nr_to_scan` of its objects back and says how many it has left, -1 where it cannot now. With
 * 0 it only counts them.
 */
typedef int (*shrinker_t)(int nr_to_scan, gfp_t gfp_mask);
#define DEFAULT_SEEKS	2

/* From <linux/vmalloc.h> in life: 2.6.20 declares these two here. */
struct page *vmalloc_to_page(const void *addr);
unsigned long vmalloc_to_pfn(const void *addr);

static inline int is_vmalloc_addr(const void *x)
{
	unsigned long addr = (unsigned long)x;

	return addr >= VMALLOC_START && addr < VMALLOC_END;
}

#include <asm/io.h>

#endif
