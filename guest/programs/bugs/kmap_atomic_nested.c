/*
 * Two pages in one slot at a time: the second kmap_atomic of the same type would take the window from the first. A BUG.
 * highmem: --ram 1G
 * expect: kmap_atomic_nested.c:17: log: kernel BUG at mm/highmem.py:...
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

static noinline void copy(struct page *target, struct page *source)
{
	char *from, *to;

	from = kmap_atomic(source, KM_USER0);
	to = kmap_atomic(target, KM_USER0);
	memcpy(to, from, PAGE_SIZE);
	kunmap_atomic(to, KM_USER0);
	kunmap_atomic(from, KM_USER0);
}

int main(void)
{
	struct page *one = alloc_page(GFP_HIGHUSER), *other = alloc_page(GFP_HIGHUSER);

	if (!one || !other)
		return -ENOMEM;
	copy(other, one);
	__free_page(one);
	__free_page(other);
	return 0;
}
