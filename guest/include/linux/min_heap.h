#ifndef _LINUX_MIN_HEAP_H
#define _LINUX_MIN_HEAP_H

#include <linux/kernel.h>
#include <linux/string.h>

/*
 * Heaps: an array whose first element is the least by less(a, b). Up to 6.9 there is one struct min_heap whose
 * elements have func->elem_size bytes; afterwards each heap has its type, and all calls one argument more, `args`,
 * which is what less() and swp() get as their last one. Each call takes either form here.
 */
#define DEFINE_MIN_HEAP(type, name)		MIN_HEAP_PREALLOCATED(type, name, 0)
#define MIN_HEAP_PREALLOCATED(type, name, count)	\
	struct name { size_t nr; size_t size; type *data; type preallocated[count]; }

typedef DEFINE_MIN_HEAP(char, min_heap_char) min_heap_char;

struct min_heap {
	int nr;
	int size;
	void *data;
};

/* Without prototypes, since their arguments differ. */
struct min_heap_callbacks {
	int elem_size;		/* only of heaps without a type */
	bool (*less)();
	void (*swp)();		/* NULL: the bytes are swapped */
};

/* An element moves down, or up, to its place. */
extern void __min_heap_sift_down(void *heap, size_t pos, size_t elem_size, const struct min_heap_callbacks *func,
				 void *args);
extern void __min_heap_sift_up(void *heap, size_t pos, size_t elem_size, const struct min_heap_callbacks *func,
			       void *args);
extern void __min_heapify_all(void *heap, size_t elem_size, const struct min_heap_callbacks *func, void *args);
extern bool __min_heap_del(void *heap, size_t pos, size_t elem_size, const struct min_heap_callbacks *func, void *args);
extern void __min_heap_pop_push(void *heap, const void *element, size_t elem_size,
				const struct min_heap_callbacks *func, void *args);
extern bool __min_heap_push(void *heap, const void *element, size_t elem_size, const struct min_heap_callbacks *func,
			    void *args);

#define __MIN_HEAP_SIZE(heap, func) \
	(__same_type((heap)->data, void *) ? (size_t)(func)->elem_size : sizeof(*(heap)->data))

#define min_heap_init(heap, values, count) ({				\
	typeof(heap) __heap = (heap);					\
	typeof(__heap->data) __values = (values);			\
	__heap->nr = 0;							\
	__heap->size = (count);						\
	__heap->data = __values ? __values : __heap->preallocated; })
#define min_heap_peek(heap)	((heap)->nr ? (heap)->data : NULL)
#define min_heap_full(heap)	((heap)->nr == (heap)->size)

#define __MIN_HEAP_FORM(name, ...)	__PASTE(name, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define min_heapify_all(...)		__MIN_HEAP_FORM(__min_heapify_all_, __VA_ARGS__)
#define min_heap_pop(...)		__MIN_HEAP_FORM(__min_heap_pop_, __VA_ARGS__)
#define min_heap_push(...)		__MIN_HEAP_FORM(__min_heap_push_, __VA_ARGS__)
#define min_heap_pop_push(...)		__MIN_HEAP_FORM(__min_heap_pop_push_, __VA_ARGS__)
#define min_heapify(heap, pos, func)	min_heap_sift_down(heap, pos, func, NULL)

#define __min_heapify_all_2(heap, func)		__min_heapify_all_3(heap, func, NULL)
#define __min_heap_pop_2(heap, func)		__min_heap_pop_3(heap, func, NULL)
#define __min_heap_push_3(heap, element, func)	__min_heap_push_4(heap, element, func, NULL)
#define __min_heap_pop_push_3(heap, element, func)	__min_heap_pop_push_4(heap, element, func, NULL)

#define min_heap_sift_down(heap, pos, func, args) \
	__min_heap_sift_down(heap, pos, __MIN_HEAP_SIZE(heap, func), func, args)
#define min_heap_sift_up(heap, pos, func, args) \
	__min_heap_sift_up(heap, pos, __MIN_HEAP_SIZE(heap, func), func, args)
#define __min_heapify_all_3(heap, func, args) \
	__min_heapify_all(heap, __MIN_HEAP_SIZE(heap, func), func, args)
#define __min_heap_pop_3(heap, func, args) \
	__min_heap_del(heap, 0, __MIN_HEAP_SIZE(heap, func), func, args)
#define __min_heap_push_4(heap, element, func, args) \
	__min_heap_push(heap, element, __MIN_HEAP_SIZE(heap, func), func, args)
#define __min_heap_pop_push_4(heap, element, func, args) \
	__min_heap_pop_push(heap, element, __MIN_HEAP_SIZE(heap, func), func, args)
#define min_heap_del(heap, pos, func, args) \
	__min_heap_del(heap, pos, __MIN_HEAP_SIZE(heap, func), func, args)

#define min_heap_init_inline(...)	min_heap_init(__VA_ARGS__)
#define min_heap_peek_inline(heap)	min_heap_peek(heap)
#define min_heap_full_inline(heap)	min_heap_full(heap)
#define min_heap_sift_down_inline(...)	min_heap_sift_down(__VA_ARGS__)
#define min_heap_sift_up_inline(...)	min_heap_sift_up(__VA_ARGS__)
#define min_heapify_all_inline(...)	min_heapify_all(__VA_ARGS__)
#define min_heap_pop_inline(...)	min_heap_pop(__VA_ARGS__)
#define min_heap_pop_push_inline(...)	min_heap_pop_push(__VA_ARGS__)
#define min_heap_push_inline(...)	min_heap_push(__VA_ARGS__)
#define min_heap_del_inline(...)	min_heap_del(__VA_ARGS__)

#endif
