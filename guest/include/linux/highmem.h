#ifndef _LINUX_HIGHMEM_H
#define _LINUX_HIGHMEM_H

#include <linux/mm.h>
#include <asm/cacheflush.h>
#include <asm/highmem.h>

static inline void clear_highpage(struct page *page)
{
	void *kaddr = kmap_atomic(page, KM_USER0);

	clear_page(kaddr);
	kunmap_atomic(kaddr, KM_USER0);
}

static inline void copy_highpage(struct page *to, struct page *from)
{
	char *vfrom = kmap_atomic(from, KM_USER0);
	char *vto = kmap_atomic(to, KM_USER1);

	copy_page(vto, vfrom);
	kunmap_atomic(vfrom, KM_USER0);
	kunmap_atomic(vto, KM_USER1);
}

static inline void memclear_highpage_flush(struct page *page, unsigned int offset, unsigned int size)
{
	char *kaddr = kmap_atomic(page, KM_USER0);

	memset(kaddr + offset, 0, size);
	kunmap_atomic(kaddr, KM_USER0);
}

#define zero_user_page(page, offset, size, km)	memclear_highpage_flush(page, offset, size)
#define zero_user(page, offset, size)		memclear_highpage_flush(page, offset, size)
#define flush_kernel_dcache_page(page)		do { } while (0)

/* Of later kernels: bytes of one page. */
static inline void memcpy_from_page(char *to, struct page *page, size_t offset, size_t length)
{
	char *from = kmap_local_page(page);

	memcpy(to, from + offset, length);
	kunmap_local(from);
}

static inline void memcpy_to_page(struct page *page, size_t offset, const char *from, size_t length)
{
	char *to = kmap_local_page(page);

	memcpy(to + offset, from, length);
	kunmap_local(to);
}

static inline void memset_page(struct page *page, size_t offset, int value, size_t length)
{
	char *to = kmap_local_page(page);

	memset(to + offset, value, length);
	kunmap_local(to);
}

#define memzero_page(page, offset, length)	memset_page(page, offset, 0, length)

#endif
