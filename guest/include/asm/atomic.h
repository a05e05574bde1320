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

typedef atomic_t atomic_long_t;
#define ATOMIC_LONG_INIT(value)	ATOMIC_INIT(value)
#define atomic_long_read(v)	((long)atomic_read(v))
#define atomic_long_set(v, i)	atomic_set(v, i)
#define atomic_long_inc(v)	atomic_inc(v)
#define atomic_long_dec(v)	atomic_dec(v)
#define atomic_long_add(i, v)	atomic_add(i, v)
#define atomic_long_sub(i, v)	atomic_sub(i, v)

#define smp_mb__before_atomic_dec()	barrier()
#define smp_mb__after_atomic_dec()	barrier()
#define smp_mb__before_atomic_inc()	barrier()
#define smp_mb__after_atomic_inc()	barrier()

#endif
