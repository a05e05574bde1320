#ifndef _LINUX_UTIL_MACROS_H
#define _LINUX_UTIL_MACROS_H

#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/types.h>

/* The index of the first element that is next to x, in an array that goes up or down. */
#define find_closest(x, array, count) ({				\
	typeof((array)[0]) *__array = (array);				\
	s64 __wanted = (x), __best = -1;				\
	int __i, __found = 0;						\
									\
	for (__i = 0; __i < (count); __i++) {				\
		s64 __apart = abs_diff((s64)__array[__i], __wanted);	\
									\
		if (__best < 0 || __apart < __best) {			\
			__best = __apart;				\
			__found = __i;					\
		}							\
	}								\
	__found; })
#define find_closest_descending(x, array, count)	find_closest(x, array, count)

#define is_insidevar(ptr, var) \
	((uintptr_t)(ptr) >= (uintptr_t)(var) && (uintptr_t)(ptr) < (uintptr_t)(var) + sizeof(var))

#endif
