/*
 * Two windows of kmap_atomic at a time, of different types, undone in their order; and a page that needs no window.
 * highmem: --ram 1G
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

static noinline int copy(struct page *to, struct page *from)
{
	char *source = kmap_atomic(from, KM_USER0), *target = kmap_atomic(to, KM_USER1);
	int same;

	memset(source, 'x', PAGE_SIZE);
	memcpy(target, source, PAGE_SIZE);
	same = target[PAGE_SIZE - 1] == 'x';
	kunmap_atomic(target, KM_USER1);
	kunmap_atomic(source, KM_USER0);
	return same;
}

int main(void)
{
	struct page *one = alloc_page(GFP_HIGHUSER), *other = alloc_page(GFP_HIGHUSER), *low = alloc_page(GFP_KERNEL);
	int good;

	if (!one || !other || !low)
		return -ENOMEM;
	good = copy(one, other) && copy(low, one) && copy(other, low);
	__free_page(one);
	__free_page(other);
	__free_page(low);
	return good ? 0 : 1;
}
