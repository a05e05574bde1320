#ifndef _LINUX_BSEARCH_H
#define _LINUX_BSEARCH_H

#include <linux/types.h>

/* The element of a sorted array that cmp(key, element) finds equal, or NULL. */
static inline void *bsearch(const void *key, const void *base, size_t num, size_t size,
			    int (*cmp)(const void *key, const void *element))
{
	const char *items = base;

	while (num) {
		const char *middle = items + num / 2 * size;
		int c = cmp(key, middle);

		if (!c)
			return (void *)middle;
		if (c > 0) {
			items = middle + size;
			num--;
		}
		num /= 2;
	}
	return NULL;
}

#endif
