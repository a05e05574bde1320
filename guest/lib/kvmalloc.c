/* Memory from kmalloc() where that has so much, else from vmalloc(): of mm/util.c of later kernels. */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "lib.h"

LIB void *kvmalloc(size_t size, gfp_t flags)
{
	gfp_t first = flags;
	void *p;

	if (size > PAGE_SIZE)	/* then vmalloc() is as good, and nobody need search long */
		first |= __GFP_NOWARN | __GFP_NORETRY;
	p = kmalloc(size, first);
	if (p || size <= PAGE_SIZE || (flags & GFP_KERNEL) != GFP_KERNEL)
		return p;
	return __vmalloc(size, flags | __GFP_HIGHMEM, PAGE_KERNEL);
}

LIB void *kvzalloc(size_t size, gfp_t flags)
{
	return kvmalloc(size, flags | __GFP_ZERO);
}

LIB void kvfree(const void *addr)
{
	if (is_vmalloc_addr(addr))
		vfree(addr);
	else
		kfree(addr);
}

LIB void kvfree_sensitive(const void *addr, size_t size)
{
	if (addr)
		memset((void *)addr, 0, size);
	kvfree(addr);
}

/* The bytes that may be used at `p`. */
static size_t room(const void *p)
{
	struct page *page;
	size_t size = 0;

	if (!is_vmalloc_addr(p))
		return ksize(p);
	for (; (page = vmalloc_to_page(p + size)); size += PAGE_SIZE)
		;
	return size;
}

/* old_size 0: it is not known. */
LIB void *__kvrealloc(const void *p, size_t old_size, size_t size, gfp_t flags)
{
	size_t has = room(p);
	void *new;

	if (!size) {
		kvfree(p);
		return NULL;
	}
	if (size <= has)
		return (void *)p;
	new = kvmalloc(size, flags);
	if (new && p) {
		if (old_size)
			has = min(old_size, has);
		if (is_vmalloc_addr(p))
			vread(new, (char *)p, has);	/* which may look at the whole of the last page */
		else
			memcpy(new, p, has);
		kvfree(p);
	}
	return new;
}

LIB void *kvmemdup(const void *from, size_t n, gfp_t gfp)
{
	void *copy = kvmalloc(n, gfp);

	return copy ? memcpy(copy, from, n) : NULL;
}

LIB void *memdup_user_nul(const void __user *from, size_t n)
{
	char *copy = kmalloc(n + 1, GFP_KERNEL);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, from, n)) {
		kfree(copy);
		return ERR_PTR(-EFAULT);
	}
	copy[n] = 0;
	return copy;
}

LIB void *memdup_user(const void __user *from, size_t n)
{
	void *copy = kmalloc(n, GFP_KERNEL);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, from, n)) {
		kfree(copy);
		return ERR_PTR(-EFAULT);
	}
	return copy;
}
