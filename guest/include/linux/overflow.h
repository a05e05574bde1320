#ifndef _LINUX_OVERFLOW_H
#define _LINUX_OVERFLOW_H

#include <linux/kernel.h>
#include <linux/limits.h>

/* The largest and the smallest number of an integer type or of a variable's type; constants. */
#define __type_max(T)	((T)(~0ULL >> (64 - 8 * sizeof(T) + is_signed_type(T))))
#define __type_min(T)	((T)(is_signed_type(T) ? -(long long)__type_max(T) - 1 : 0))
#define type_max(t)	__type_max(typeof(t))
#define type_min(t)	__type_min(typeof(t))

/* True where the result does not fit *d, which gets what is left of it. */
#define check_add_overflow(a, b, d)	((bool)__builtin_add_overflow(a, b, d))
#define check_sub_overflow(a, b, d)	((bool)__builtin_sub_overflow(a, b, d))
#define check_mul_overflow(a, b, d)	((bool)__builtin_mul_overflow(a, b, d))

/* The same for a << s. What is negative, or shifted by a type's width or more, does not fit. */
#define check_shl_overflow(a, s, d) ({					\
	typeof(a) __shl_a = (a);					\
	typeof(s) __shl_s = (s);					\
	typeof(d) __shl_d = (d);					\
	unsigned long long __shl_all = __shl_a;				\
	unsigned int __shl_by = __shl_s >= 0 && __shl_s < 8 * sizeof(*__shl_d) ? __shl_s : 0; \
	*__shl_d = __shl_all << __shl_by;				\
	(bool)(__shl_by != __shl_s || *__shl_d < 0 || __shl_a < 0 ||	\
	       (typeof(*__shl_d))(__shl_all << __shl_by) >> __shl_by != __shl_a); })

/* What wraps around is wanted. */
#define wrapping_add(type, a, b) ({ type __sum; (void)__builtin_add_overflow(a, b, &__sum); __sum; })
#define wrapping_sub(type, a, b) ({ type __less; (void)__builtin_sub_overflow(a, b, &__less); __less; })
#define wrapping_mul(type, a, b) ({ type __product; (void)__builtin_mul_overflow(a, b, &__product); __product; })
#define wrapping_assign_add(var, n) ({ typeof(var) *__var = &(var); *__var = wrapping_add(typeof(var), *__var, n); })
#define wrapping_assign_sub(var, n) ({ typeof(var) *__var = &(var); *__var = wrapping_sub(typeof(var), *__var, n); })

/* Whether a number does not fit a type (or a variable's); and whether all numbers of its type, if no constant, do. */
#define __fits_type(n, T)	((typeof(T))(n) == (n) && ((typeof(T))(n) < 0) == ((n) < 0))
#define __overflows_type_constexpr(n, T)	(!__fits_type(n, T))
#define __overflows_type(n, T)	({ typeof(T) __fits; (bool)__builtin_add_overflow(n, 0, &__fits); })
#define overflows_type(n, T)	__if_constexpr(n, __overflows_type_constexpr(n, T), __overflows_type(n, T))
#define castable_to_type(n, T)						\
	__if_constexpr(n, __fits_type(n, T), type_max(n) <= type_max(T) && \
		       (!is_signed_type(typeof(n)) || is_signed_type(typeof(T))))

#define range_overflows(start, size, max) ({				\
	typeof(start) __start = (start);				\
	typeof(size) __size = (size);					\
	typeof(max) __max = (max);					\
	__start >= __max || __size > __max - __start; })
#define range_end_overflows(start, size, max) ({			\
	typeof(start) __start = (start);				\
	typeof(size) __size = (size);					\
	typeof(max) __max = (max);					\
	__start > __max || __size > __max - __start; })
#define range_overflows_t(type, start, size, max) \
	range_overflows((type)(start), (type)(size), (type)(max))
#define range_end_overflows_t(type, start, size, max) \
	range_end_overflows((type)(start), (type)(size), (type)(max))

/* Sizes: SIZE_MAX where they do not fit, and for whatever is reckoned with SIZE_MAX. */
static inline size_t __must_check size_mul(size_t a, size_t b)
{
	size_t size;

	return check_mul_overflow(a, b, &size) ? SIZE_MAX : size;
}

static inline size_t __must_check size_add(size_t a, size_t b)
{
	size_t size;

	return check_add_overflow(a, b, &size) ? SIZE_MAX : size;
}

static inline size_t __must_check size_sub(size_t a, size_t b)
{
	size_t size;

	return a == SIZE_MAX || b == SIZE_MAX || check_sub_overflow(a, b, &size) ? SIZE_MAX : size;
}

#define array_size(a, b)	size_mul(a, b)
#define array3_size(a, b, c)	size_mul(size_mul(a, b), c)

/* Of a constant count these are constants. */
#define __flex_size(before, size, count) \
	__if_constexpr(count, (before) + (size) * (count), size_add(before, size_mul(size, count)))
#define flex_array_size(p, member, count)	__flex_size(0, sizeof((p)->member[0]), count)
#define struct_size(p, member, count)	__flex_size(sizeof(*(p)), sizeof((p)->member[0]), count)
#define struct_size_t(type, member, count)	struct_size((type *)NULL, member, count)
#define struct_offset(p, member)	offsetof(typeof(*(p)), member)

/* A struct with an array of `count` members on the stack. */
#define __DEFINE_FLEX(type, name, member, count, initial)		\
	union {								\
		type flex;						\
		u8 room[struct_size_t(type, member, count)];		\
	} __all_of_##name initial;					\
	type *name = (type *)&__all_of_##name
#define DEFINE_RAW_FLEX(type, name, member, count) \
	__DEFINE_FLEX(type, name, member, count, = { })
#define DEFINE_FLEX(type, name, member, counter, count) \
	__DEFINE_FLEX(type, name, member, count, = { .flex.counter = (count) })
#define STACK_FLEX_ARRAY_SIZE(name, array) \
	((sizeof(__all_of_##name) - offsetof(typeof(*(name)), array)) / sizeof((name)->array[0]))

#endif
