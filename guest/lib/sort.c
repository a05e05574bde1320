#include <linux/sort.h>
#include "lib.h"

static void swap_bytes(void *a, void *b, int size)
{
	char *x = a, *y = b;

	for (; size; size--, x++, y++)
		swap(*x, *y);
}

/* Heap sort: no memory, no recursion. */
LIB void sort(void *base, size_t num, size_t size, int (*cmp)(const void *, const void *),
	      void (*exchange)(void *, void *, int))
{
	char *items = base;
	size_t start = num / 2, end = num;

	if (!exchange)
		exchange = swap_bytes;
	while (end > 1) {
		size_t parent, child;

		if (start)
			start--;
		else
			exchange(items, items + --end * size, size);
		for (parent = start; (child = 2 * parent + 1) < end; parent = child) {
			if (child + 1 < end && cmp(items + child * size, items + (child + 1) * size) < 0)
				child++;
			if (cmp(items + parent * size, items + child * size) >= 0)
				break;
			exchange(items + parent * size, items + child * size, size);
		}
	}
}
