#ifndef _LINUX_COMPILER_H
#define _LINUX_COMPILER_H

#include <linux/kconfig.h>

/* sparse annotations: nothing to a compiler */
#define __user
#define __kernel
#define __iomem
#define __percpu
#define __rcu
#define __force
#define __nocast
#define __bitwise
#define __bitwise__
#define __safe
#define __acquires(x)
#define __releases(x)
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)
#define __chk_user_ptr(x)	((void)0)
#define __cond_lock(x, c)	(c)

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ __volatile__("" ::: "memory")
#define unreachable()		__builtin_unreachable()

#define noinline		__attribute__((noinline))
#define __always_inline		inline __attribute__((always_inline))
#define __noreturn		__attribute__((noreturn))
#define __used			__attribute__((used))
#define __unused		__attribute__((unused))
#define __maybe_unused		__attribute__((unused))
#define __attribute_used__	__attribute__((used))
#define __attribute_pure__	__attribute__((pure))
#define __attribute_const__	__attribute__((const))
#define __pure			__attribute__((pure))
#define __must_check		__attribute__((warn_unused_result))
#define __deprecated		__attribute__((deprecated))
#define __packed		__attribute__((packed))
#define __aligned(x)		__attribute__((aligned(x)))
#define __weak			__attribute__((weak))
#define __alias(symbol)		__attribute__((alias(#symbol)))
#define __section(name)		__attribute__((section(#name)))
#define __printf(fmt, first)	__attribute__((format(printf, fmt, first)))
#define __scanf(fmt, first)	__attribute__((format(scanf, fmt, first)))
#define __cold			__attribute__((cold))
#define __hot
#define __visible
#define __malloc
#define fallthrough		__attribute__((fallthrough))
#define uninitialized_var(x)	x = x
#define __nonstring
#define __always_unused		__attribute__((unused))
#define __noclone
#define __flatten		__attribute__((flatten))
#define __mode(x)		__attribute__((mode(x)))
#define __gnu_inline		__attribute__((gnu_inline))
#define noinline_for_stack	noinline
#define __no_sanitize_address
#define __counted_by(member)
#define __realloc_size(...)
#define __alloc_size(...)
#define __assume_aligned(...)
#define __no_kasan_or_inline	__always_inline

#define __same_type(a, b)	__builtin_types_compatible_p(typeof(a), typeof(b))
#define __must_be_array(a) \
	(sizeof(struct { int : (-!!__same_type((a), &(a)[0])); }))

/* Whether x is an integer constant expression: beside an int * only a constant 0 is a null pointer, and not a void *. */
#define __is_constexpr(x)	__same_type(1 ? (int *)0 : (void *)((unsigned long)(x) & 0), int *)
#define __if_constexpr(x, then, otherwise)	__builtin_choose_expr(__is_constexpr(x), then, otherwise)
#define is_signed_type(type)	(!((type)-1 > (type)0))
#define is_unsigned_type(type)	(!is_signed_type(type))
#define __native_word(t) \
	(sizeof(t) == sizeof(char) || sizeof(t) == sizeof(short) || sizeof(t) == sizeof(long))

/* Breaks the build where the condition is false and no constant either. */
#define compiletime_assert(condition, text)	((void)sizeof(char[1 - 2 * !(condition)]))
#define __compiletime_error(text)
#define __compiletime_warning(text)
#define __compiletime_object_size(obj)	__builtin_object_size(obj, 0)
#define __struct_size(p)	__builtin_object_size(p, 0)
#define __member_size(p)	__builtin_object_size(p, 1)

/* The compiler forgets what it knows of the variable. */
#define OPTIMIZER_HIDE_VAR(var)	__asm__("" : "=r" (var) : "0" (var))
#define barrier_data(ptr)	__asm__ __volatile__("" : : "r" (ptr) : "memory")
#define data_race(expression)	(expression)
#define __unqual_scalar_typeof(x)	typeof(__builtin_choose_expr(0, x, (x) + 0))
#define __UNIQUE_ID(prefix)	__PASTE(__UNIQUE_ID_##prefix, __COUNTER__)

/* Warnings that are switched off for a few lines stay on: they are not those that we ask for. */
#define __diag_push()
#define __diag_pop()
#define __diag_ignore(compiler, version, option, comment)
#define __diag_ignore_all(option, comment)

#define ACCESS_ONCE(x)		(*(volatile typeof(x) *)&(x))
#define READ_ONCE(x)		ACCESS_ONCE(x)
#define WRITE_ONCE(x, value)	((void)(ACCESS_ONCE(x) = (value)))
#define RELOC_HIDE(ptr, off) \
	({ unsigned long __p; __asm__("" : "=r" (__p) : "0" (ptr)); (typeof(ptr))(__p + (off)); })

/* How many arguments a macro got: 1 to 8. */
#define __COUNT_ARGS(...)	__COUNT_ARGS_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define __COUNT_ARGS_(a, b, c, d, e, f, g, h, n, ...)	n
#define __PASTE_(a, b)		a##b
#define __PASTE(a, b)		__PASTE_(a, b)

#endif
