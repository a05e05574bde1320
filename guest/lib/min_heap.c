#include <linux/min_heap.h>
#include "lib.h"

typedef bool (*less_t)(const void *, const void *, void *);
typedef void (*swap_t)(void *, void *, void *);

static void *at(min_heap_char *heap, size_t pos, size_t size)
{
	return heap->data + pos * size;
}

static bool less(min_heap_char *heap, size_t a, size_t b, size_t size, const struct min_heap_callbacks *func,
		 void *args)
{
	return ((less_t)func->less)(at(heap, a, size), at(heap, b, size), args);
}

static void exchange(min_heap_char *heap, size_t a, size_t b, size_t size, const struct min_heap_callbacks *func,
		     void *args)
{
	char *x = at(heap, a, size), *y = at(heap, b, size);

	if (func->swp) {
		((swap_t)func->swp)(x, y, args);
		return;
	}
	for (; size; size--, x++, y++)
		swap(*x, *y);
}

LIB void __min_heap_sift_down(void *heap, size_t pos, size_t elem_size, const struct min_heap_callbacks *func,
			      void *args)
{
	min_heap_char *h = heap;
	size_t child;

	for (; (child = 2 * pos + 1) < h->nr; pos = child) {
		if (child + 1 < h->nr && less(h, child + 1, child, elem_size, func, args))
			child++;
		if (!less(h, child, pos, elem_size, func, args))
			break;
		exchange(h, child, pos, elem_size, func, args);
	}
}

LIB void __min_heap_sift_up(void *heap, size_t pos, size_t elem_size, const struct min_heap_callbacks *func, void *args)
{
	size_t parent;

	for (; pos; pos = parent) {
		parent = (pos - 1) / 2;
		if (!less(heap, pos, parent, elem_size, func, args))
			break;
		exchange(heap, pos, parent, elem_size, func, args);
	}
}

LIB void __min_heapify_all(void *heap, size_t elem_size, const struct min_heap_callbacks *func, void *args)
{
	size_t pos = ((min_heap_char *)heap)->nr / 2;

	while (pos--)
		__min_heap_sift_down(heap, pos, elem_size, func, args);
}

LIB bool __min_heap_del(void *heap, size_t pos, size_t elem_size, const struct min_heap_callbacks *func, void *args)
{
	min_heap_char *h = heap;

	if (WARN_ON_ONCE(h->nr <= pos))
		return false;
	if (--h->nr != pos) {
		memcpy(at(h, pos, elem_size), at(h, h->nr, elem_size), elem_size);
		__min_heap_sift_up(h, pos, elem_size, func, args);
		__min_heap_sift_down(h, pos, elem_size, func, args);
	}
	return true;
}

LIB void __min_heap_pop_push(void *heap, const void *element, size_t elem_size, const struct min_heap_callbacks *func,
			     void *args)
{
	memcpy(at(heap, 0, elem_size), element, elem_size);
	__min_heap_sift_down(heap, 0, elem_size, func, args);
}

LIB bool __min_heap_push(void *heap, const void *element, size_t elem_size, const struct min_heap_callbacks *func,
			 void *args)
{
	min_heap_char *h = heap;

	if (WARN_ON_ONCE(h->nr >= h->size))
		return false;
	memcpy(at(h, h->nr, elem_size), element, elem_size);
	__min_heap_sift_up(h, h->nr++, elem_size, func, args);
	return true;
}
