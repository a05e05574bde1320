#ifndef _ASM_SYSTEM_H
#define _ASM_SYSTEM_H

#include <linux/compiler.h>

#define mb()	__asm__ __volatile__("lock; addl $0, 0(%%esp)" ::: "memory")
#define rmb()	mb()
#define wmb()	barrier()
#ifdef CONFIG_SMP
#define smp_mb()	mb()
#define smp_rmb()	rmb()
#define smp_wmb()	wmb()
#else
#define smp_mb()	barrier()
#define smp_rmb()	barrier()
#define smp_wmb()	barrier()
#endif
#define read_barrier_depends()		do { } while (0)
#define smp_read_barrier_depends()	do { } while (0)
#define set_mb(var, value)	do { (var) = (value); mb(); } while (0)

#define nop()	__asm__ __volatile__("nop")

#define xchg(ptr, value) ({						\
	typeof(*(ptr)) __x = (value);					\
	_Static_assert(sizeof(__x) == 4, "xchg of a 32-bit variable");	\
	__asm__ __volatile__("xchgl %0, %1" : "+r" (__x), "+m" (*(ptr)) : : "memory"); \
	__x; })

#define cmpxchg(ptr, old, new) ({					\
	typeof(*(ptr)) __found;						\
	_Static_assert(sizeof(__found) == 4, "cmpxchg of a 32-bit variable"); \
	__asm__ __volatile__("lock; cmpxchgl %2, %1"			\
			     : "=a" (__found), "+m" (*(ptr))		\
			     : "r" ((typeof(*(ptr)))(new)), "0" ((typeof(*(ptr)))(old)) : "memory"); \
	__found; })

/* *old becomes what was found; true where this was *old. */
#define try_cmpxchg(ptr, old, new) ({					\
	typeof(*(ptr)) *__old = (typeof(*(ptr)) *)(old), __expected = *__old; \
	*__old = cmpxchg(ptr, __expected, new);				\
	*__old == __expected; })
#define cmpxchg_local(ptr, old, new)	cmpxchg(ptr, old, new)
#define cmpxchg_relaxed(ptr, old, new)	cmpxchg(ptr, old, new)
#define cmpxchg_acquire(ptr, old, new)	cmpxchg(ptr, old, new)
#define cmpxchg_release(ptr, old, new)	cmpxchg(ptr, old, new)

static inline unsigned long long cmpxchg64(volatile unsigned long long *ptr, unsigned long long old,
					   unsigned long long new)
{
	__asm__ __volatile__("lock; cmpxchg8b %1"
			     : "+A" (old), "+m" (*ptr)
			     : "b" ((unsigned int)new), "c" ((unsigned int)(new >> 32)) : "memory");
	return old;
}

/* What comes before a release is seen by who sees it; what comes behind an acquire is read after it. */
#define smp_store_release(ptr, value)	do { smp_mb(); WRITE_ONCE(*(ptr), value); } while (0)
#define smp_load_acquire(ptr) ({ typeof(*(ptr)) __loaded = READ_ONCE(*(ptr)); smp_mb(); __loaded; })
#define smp_store_mb(var, value)	set_mb(var, value)
#define dma_rmb()	rmb()
#define dma_wmb()	wmb()

#define __DEFINE_CONTROL_REGISTER(n)					\
static inline unsigned long read_cr##n(void)				\
{									\
	unsigned long value;						\
	__asm__ __volatile__("movl %%cr" #n ", %0" : "=r" (value));	\
	return value;							\
}									\
static inline void write_cr##n(unsigned long value)			\
{									\
	__asm__ __volatile__("movl %0, %%cr" #n : : "r" (value) : "memory"); \
}
__DEFINE_CONTROL_REGISTER(0)
__DEFINE_CONTROL_REGISTER(2)
__DEFINE_CONTROL_REGISTER(3)
__DEFINE_CONTROL_REGISTER(4)
#undef __DEFINE_CONTROL_REGISTER

#include <linux/irqflags.h>

#endif
