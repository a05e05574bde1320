#ifndef _LINUX_MINMAX_H
#define _LINUX_MINMAX_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Comparing pointers of two types is a warning: so the types of both sides are checked. */
#define min(x, y) ({ typeof(x) __min_x = (x); typeof(y) __min_y = (y);	\
	(void)(&__min_x == &__min_y); __min_x < __min_y ? __min_x : __min_y; })
#define max(x, y) ({ typeof(x) __max_x = (x); typeof(y) __max_y = (y);	\
	(void)(&__max_x == &__max_y); __max_x > __max_y ? __max_x : __max_y; })
#define min_t(type, x, y) ({ type __min_x = (x); type __min_y = (y); __min_x < __min_y ? __min_x : __min_y; })
#define max_t(type, x, y) ({ type __max_x = (x); type __max_y = (y); __max_x > __max_y ? __max_x : __max_y; })
#define min3(x, y, z)	min((typeof(x))min(x, y), z)
#define max3(x, y, z)	max((typeof(x))max(x, y), z)
#define clamp(value, low, high)	min((typeof(value))max(value, low), high)
#define clamp_t(type, value, low, high)	min_t(type, max_t(type, value, low), high)
#define clamp_val(value, low, high)	clamp_t(typeof(value), value, low, high)
#define swap(a, b)	do { typeof(a) __swap = (a); (a) = (b); (b) = __swap; } while (0)

/* The smaller one that is not 0. */
#define min_not_zero(x, y) ({ typeof(x) __not_x = (x); typeof(y) __not_y = (y); \
	__not_x == 0 ? __not_y : __not_y == 0 ? __not_x : min(__not_x, __not_y); })

/* Of numbers that are not negative, whatever their types. */
#define __unsigned_op(op, x, y) ({					\
	typeof((x) + (y) + 0u) __wide_x = (x), __wide_y = (y);		\
	__wide_x op __wide_y ? __wide_x : __wide_y; })
#define umin(x, y)	__unsigned_op(<, x, y)
#define umax(x, y)	__unsigned_op(>, x, y)

/* Of constants these are constants; arguments are looked at twice. */
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))
#define MIN_T(type, a, b)	MIN((type)(a), (type)(b))
#define MAX_T(type, a, b)	MAX((type)(a), (type)(b))

#define in_range(value, start, length)	((value) - (start) < (length) && (value) >= (start))

#define __best_of(op, array, length) ({					\
	typeof((array)[0] + 0) __best = (array)[0];			\
	size_t __i;							\
	for (__i = 1; __i < (length); __i++)				\
		if ((array)[__i] op __best)				\
			__best = (array)[__i];				\
	__best; })
#define min_array(array, length)	__best_of(<, array, length)
#define max_array(array, length)	__best_of(>, array, length)

#endif
