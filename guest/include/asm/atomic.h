#ifndef _ASM_ATOMIC_H
#define _ASM_ATOMIC_H

#include <linux/types.h>

#ifdef CONFIG_SMP
#define LOCK_PREFIX	"lock; "
#else
#define LOCK_PREFIX	""
#endif

#define ATOMIC_INIT(value)	{ (value) }
#define atomic_read(v)		((v)->counter)
#define atomic_set(v, value)	((void)((v)->counter = (value)))

static inline void atomic_add(int i, atomic_t *v)
{
	__asm__ __volatile__(LOCK_PREFIX "addl %1, %0" : "+m" (v->counter) : "ir" (i));
}

static inline void atomic_sub(int i, atomic_t *v)
{
	__asm__ __volatile__(LOCK_PREFIX "subl %1, %0" : "+m" (v->counter) : "ir" (i));
}

static inline void atomic_inc(atomic_t *v)
{
	__asm__ __volatile__(LOCK_PREFIX "incl %0" : "+m" (v->counter));
}

static inline void atomic_dec(atomic_t *v)
{
	__asm__ __volatile__(LOCK_PREFIX "decl %0" : "+m" (v->counter));
}

/* The old value comes back in the register: the new one is what the others are made from. */
static inline int atomic_add_return(int i, atomic_t *v)
{
	int old = i;

	__asm__ __volatile__(LOCK_PREFIX "xaddl %0, %1" : "+r" (old), "+m" (v->counter) : : "memory");
	return old + i;
}

static inline int atomic_cmpxchg(atomic_t *v, int old, int new)
{
	int found;

	__asm__ __volatile__(LOCK_PREFIX "cmpxchgl %2, %1"
			     : "=a" (found), "+m" (v->counter) : "r" (new), "0" (old) : "memory");
	return found;
}

static inline int atomic_xchg(atomic_t *v, int new)
{
	__asm__ __volatile__("xchgl %0, %1" : "+r" (new), "+m" (v->counter) : : "memory");
	return new;
}

static inline int atomic_add_unless(atomic_t *v, int i, int unless)
{
	int old = atomic_read(v), found;

	while (old != unless && (found = atomic_cmpxchg(v, old, old + i)) != old)
		old = found;
	return old != unless;
}

#define atomic_sub_return(i, v)		atomic_add_return(-(i), v)
#define atomic_inc_return(v)		atomic_add_return(1, v)
#define atomic_dec_return(v)		atomic_add_return(-1, v)
#define atomic_sub_and_test(i, v)	(atomic_sub_return(i, v) == 0)
#define atomic_dec_and_test(v)		(atomic_sub_return(1, v) == 0)
#define atomic_inc_and_test(v)		(atomic_add_return(1, v) == 0)
#define atomic_add_negative(i, v)	(atomic_add_return(i, v) < 0)
#define atomic_inc_not_zero(v)		atomic_add_unless(v, 1, 0)

/*
 * Of later kernels. atomic_OP changes, atomic_fetch_OP gives the value before, atomic_OP_return the one behind; all
 * are full barriers, so the forms with an order are the same.
 */
#define atomic_set_release(v, value)	atomic_set(v, value)
#define atomic_read_acquire(v)		atomic_read(v)
#define atomic_fetch_add(i, v)		(atomic_add_return(i, v) - (i))
#define atomic_fetch_sub(i, v)		(atomic_sub_return(i, v) + (i))
#define atomic_fetch_inc(v)		atomic_fetch_add(1, v)
#define atomic_fetch_dec(v)		atomic_fetch_sub(1, v)

/* The operations for which there is no instruction with a result, by comparing and exchanging until it succeeds. */
#define __ATOMIC_FETCH(atomic, type, name, expression)			\
static inline type atomic##_fetch_##name(type i, atomic##_t *v)		\
{									\
	type old = atomic##_read(v), found;				\
									\
	while ((found = atomic##_cmpxchg(v, old, expression)) != old)	\
		old = found;						\
	return old;							\
}									\
static inline void atomic##_##name(type i, atomic##_t *v)		\
{									\
	atomic##_fetch_##name(i, v);					\
}
__ATOMIC_FETCH(atomic, int, and, old & i)
__ATOMIC_FETCH(atomic, int, or, old | i)
__ATOMIC_FETCH(atomic, int, xor, old ^ i)
__ATOMIC_FETCH(atomic, int, andnot, old & ~i)

#define __ATOMIC_MORE(atomic, type)					\
static inline bool atomic##_try_cmpxchg(atomic##_t *v, type *old, type new) \
{									\
	type wanted = *old;						\
									\
	*old = atomic##_cmpxchg(v, wanted, new);			\
	return *old == wanted;						\
}									\
static inline type atomic##_fetch_add_unless(atomic##_t *v, type i, type unless) \
{									\
	type old = atomic##_read(v);					\
									\
	while (old != unless && !atomic##_try_cmpxchg(v, &old, old + i)) \
		;							\
	return old;							\
}									\
static inline bool atomic##_inc_unless_negative(atomic##_t *v)		\
{									\
	type old = atomic##_read(v);					\
									\
	while (old >= 0 && !atomic##_try_cmpxchg(v, &old, old + 1))	\
		;							\
	return old >= 0;						\
}									\
static inline bool atomic##_dec_unless_positive(atomic##_t *v)		\
{									\
	type old = atomic##_read(v);					\
									\
	while (old <= 0 && !atomic##_try_cmpxchg(v, &old, old - 1))	\
		;							\
	return old <= 0;						\
}									\
/* What it would be after the decrement, that is made if this is not negative. */ \
static inline type atomic##_dec_if_positive(atomic##_t *v)		\
{									\
	type old = atomic##_read(v);					\
									\
	while (old > 0 && !atomic##_try_cmpxchg(v, &old, old - 1))	\
		;							\
	return old - 1;							\
}
__ATOMIC_MORE(atomic, int)

/* 64 bits, by cmpxchg8b. */
#define ATOMIC64_INIT(value)	{ (value) }

static inline s64 atomic64_cmpxchg(atomic64_t *v, s64 old, s64 new)
{
	__asm__ __volatile__(LOCK_PREFIX "cmpxchg8b %1"
			     : "+A" (old), "+m" (v->counter) : "b" ((u32)new), "c" ((u32)(new >> 32)) : "memory");
	return old;
}

#define atomic64_read(v)	atomic64_cmpxchg((atomic64_t *)(v), 0, 0)

#define __ATOMIC64(name, expression)					\
static inline s64 atomic64_##name(atomic64_t *v, s64 i)			\
{									\
	s64 old = v->counter, found;					\
									\
	while ((found = atomic64_cmpxchg(v, old, expression)) != old)	\
		old = found;						\
	return old;							\
}
__ATOMIC64(xchg, i)
__ATOMIC64(__add, old + i)
#undef __ATOMIC64

#define atomic64_set(v, value)		((void)atomic64_xchg(v, value))
#define atomic64_fetch_add(i, v)	atomic64___add(v, i)
#define atomic64_fetch_sub(i, v)	atomic64___add(v, -(i))
#define atomic64_add_return(i, v)	(atomic64___add(v, i) + (i))
#define atomic64_sub_return(i, v)	(atomic64___add(v, -(i)) - (i))
#define atomic64_add(i, v)		((void)atomic64___add(v, i))
#define atomic64_sub(i, v)		((void)atomic64___add(v, -(i)))
#define atomic64_inc(v)			atomic64_add(1, v)
#define atomic64_dec(v)			atomic64_sub(1, v)
#define atomic64_fetch_inc(v)		atomic64_fetch_add(1, v)
#define atomic64_fetch_dec(v)		atomic64_fetch_sub(1, v)
#define atomic64_inc_return(v)		atomic64_add_return(1, v)
#define atomic64_dec_return(v)		atomic64_sub_return(1, v)
#define atomic64_sub_and_test(i, v)	(atomic64_sub_return(i, v) == 0)
#define atomic64_dec_and_test(v)	(atomic64_dec_return(v) == 0)
#define atomic64_inc_and_test(v)	(atomic64_inc_return(v) == 0)
#define atomic64_add_negative(i, v)	(atomic64_add_return(i, v) < 0)
#define atomic64_set_release(v, value)	atomic64_set(v, value)
#define atomic64_read_acquire(v)	atomic64_read(v)
__ATOMIC_FETCH(atomic64, s64, and, old & i)
__ATOMIC_FETCH(atomic64, s64, or, old | i)
__ATOMIC_FETCH(atomic64, s64, xor, old ^ i)
__ATOMIC_FETCH(atomic64, s64, andnot, old & ~i)
__ATOMIC_MORE(atomic64, s64)
#undef __ATOMIC_FETCH
#undef __ATOMIC_MORE
#define atomic64_add_unless(v, i, unless) \
	({ s64 __unless = (unless); atomic64_fetch_add_unless(v, i, __unless) != __unless; })
#define atomic64_inc_not_zero(v)	atomic64_add_unless(v, 1, 0)

#include <linux/atomic_orders.h>

typedef atomic_t atomic_long_t;
#define ATOMIC_LONG_INIT(value)	ATOMIC_INIT(value)
#define atomic_long_read(v)	((long)atomic_read(v))
#define atomic_long_set(v, i)	atomic_set(v, i)
#define atomic_long_inc(v)	atomic_inc(v)
#define atomic_long_dec(v)	atomic_dec(v)
#define atomic_long_add(i, v)	atomic_add(i, v)
#define atomic_long_sub(i, v)	atomic_sub(i, v)
#define atomic_long_add_return(i, v)	((long)atomic_add_return(i, v))
#define atomic_long_sub_return(i, v)	((long)atomic_sub_return(i, v))
#define atomic_long_inc_return(v)	((long)atomic_inc_return(v))
#define atomic_long_dec_return(v)	((long)atomic_dec_return(v))
#define atomic_long_fetch_add(i, v)	((long)atomic_fetch_add(i, v))
#define atomic_long_dec_and_test(v)	atomic_dec_and_test(v)
#define atomic_long_inc_and_test(v)	atomic_inc_and_test(v)
#define atomic_long_sub_and_test(i, v)	atomic_sub_and_test(i, v)
#define atomic_long_cmpxchg(v, old, new)	((long)atomic_cmpxchg(v, old, new))
#define atomic_long_xchg(v, new)	((long)atomic_xchg(v, new))
#define atomic_long_add_unless(v, i, unless)	atomic_add_unless(v, i, unless)
#define atomic_long_inc_not_zero(v)	atomic_inc_not_zero(v)

#define smp_mb__before_atomic()		barrier()
#define smp_mb__after_atomic()		barrier()
#define smp_mb__before_atomic_dec()	barrier()
#define smp_mb__after_atomic_dec()	barrier()
#define smp_mb__before_atomic_inc()	barrier()
#define smp_mb__after_atomic_inc()	barrier()

#endif
