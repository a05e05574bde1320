#ifndef _LINUX_PERCPU_H
#define _LINUX_PERCPU_H

#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

/*
 * A variable for each CPU: with one CPU an ordinary variable, with more an array. What stands behind the macro is the
 * initial value of one that the loader copies to all.
 */
#ifdef CONFIG_SMP
struct percpu_initial {
	const void *initial;
	void *copies;
	unsigned long size;
};
#define DEFINE_PER_CPU(type, name)						\
	__typeof__(type) per_cpu__##name[NR_CPUS];				\
	static __typeof__(type) per_cpu_initial__##name;			\
	static struct percpu_initial per_cpu_entry__##name			\
		__attribute__((used, section("__percpu"))) =			\
		{ &per_cpu_initial__##name, per_cpu__##name, sizeof(__typeof__(type)) }; \
	static __typeof__(type) per_cpu_initial__##name
#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) per_cpu__##name[NR_CPUS]
#define per_cpu(name, cpu)		(per_cpu__##name[cpu])
#define __this_cpu(name)		(per_cpu__##name[raw_smp_processor_id()])
#else
#define DEFINE_PER_CPU(type, name)	__typeof__(type) name
#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) name
#define per_cpu(name, cpu)		(*((void)(cpu), &(name)))
#define __this_cpu(name)		(name)
#endif
#define __get_cpu_var(name)		__this_cpu(name)
#define __raw_get_cpu_var(name)		__this_cpu(name)
#define get_cpu_var(name)		(*({ preempt_disable(); &__this_cpu(name); }))
#define put_cpu_var(name)		preempt_enable()
#define EXPORT_PER_CPU_SYMBOL(name)
#define EXPORT_PER_CPU_SYMBOL_GPL(name)
#define DEFINE_PER_CPU_ALIGNED(type, name)		DEFINE_PER_CPU(type, name)
#define DEFINE_PER_CPU_SHARED_ALIGNED(type, name)	DEFINE_PER_CPU(type, name)
#define DEFINE_PER_CPU_PAGE_ALIGNED(type, name)		DEFINE_PER_CPU(type, name)
#define DEFINE_PER_CPU_READ_MOSTLY(type, name)		DEFINE_PER_CPU(type, name)

/*
 * Of later kernels. With one CPU they take all that they take there: a variable, *pointer, pointer->member. With more
 * they take variables only: no address could say how far the next CPU's copy is.
 */
#define this_cpu_read(name)		(__this_cpu(name))
#define this_cpu_write(name, value)	((void)(__this_cpu(name) = (value)))
#define this_cpu_add(name, value)	((void)(__this_cpu(name) += (value)))
#define this_cpu_sub(name, value)	((void)(__this_cpu(name) -= (value)))
#define this_cpu_inc(name)		((void)++__this_cpu(name))
#define this_cpu_dec(name)		((void)--__this_cpu(name))
#define this_cpu_and(name, value)	((void)(__this_cpu(name) &= (value)))
#define this_cpu_or(name, value)	((void)(__this_cpu(name) |= (value)))
#define this_cpu_add_return(name, value)	(__this_cpu(name) += (value))
#define this_cpu_sub_return(name, value)	(__this_cpu(name) -= (value))
#define this_cpu_inc_return(name)	(++__this_cpu(name))
#define this_cpu_dec_return(name)	(--__this_cpu(name))
#define this_cpu_xchg(name, value) \
	({ __typeof__(&__this_cpu(name)) __at = &__this_cpu(name); __typeof__(*__at) __before = *__at; \
	   *__at = (value); __before; })
#define this_cpu_cmpxchg(name, expected, value) \
	({ __typeof__(&__this_cpu(name)) __at = &__this_cpu(name); __typeof__(*__at) __before = *__at; \
	   if (__before == (expected)) *__at = (value); __before; })

#define __this_cpu_read(name)		this_cpu_read(name)
#define __this_cpu_write(name, value)	this_cpu_write(name, value)
#define __this_cpu_add(name, value)	this_cpu_add(name, value)
#define __this_cpu_sub(name, value)	this_cpu_sub(name, value)
#define __this_cpu_inc(name)		this_cpu_inc(name)
#define __this_cpu_dec(name)		this_cpu_dec(name)
#define __this_cpu_and(name, value)	this_cpu_and(name, value)
#define __this_cpu_or(name, value)	this_cpu_or(name, value)
#define __this_cpu_add_return(name, value)	this_cpu_add_return(name, value)
#define __this_cpu_sub_return(name, value)	this_cpu_sub_return(name, value)
#define __this_cpu_inc_return(name)	this_cpu_inc_return(name)
#define __this_cpu_dec_return(name)	this_cpu_dec_return(name)
#define __this_cpu_xchg(name, value)	this_cpu_xchg(name, value)
#define __this_cpu_cmpxchg(name, expected, value)	this_cpu_cmpxchg(name, expected, value)
#define raw_cpu_read(name)		this_cpu_read(name)
#define raw_cpu_write(name, value)	this_cpu_write(name, value)
#define raw_cpu_add(name, value)	this_cpu_add(name, value)
#define raw_cpu_inc(name)		this_cpu_inc(name)
#define raw_cpu_dec(name)		this_cpu_dec(name)

/*
 * Memory for each CPU, zeroed. With several CPUs what is handed out is no address, but names a table of them, as
 * in 2.6.20. Later kernels say the alignment too: a page at most.
 */
extern void *__alloc_percpu_aligned(size_t size, size_t align);
extern void free_percpu(const void *objp);
#define ____alloc_percpu_1(size)	__alloc_percpu_aligned(size, sizeof(long))
#define ____alloc_percpu_2(size, align)	__alloc_percpu_aligned(size, align)
#define __alloc_percpu(...)	__PASTE(____alloc_percpu_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define __alloc_percpu_gfp(size, align, gfp)	((void)(gfp), __alloc_percpu_aligned(size, align))
#define alloc_percpu(type) \
	((__typeof__(type) *)__alloc_percpu_aligned(sizeof(type), __alignof__(__typeof__(type))))
#define alloc_percpu_gfp(type, gfp)	((void)(gfp), alloc_percpu(type))

#ifdef CONFIG_SMP
struct percpu_data {
	void *ptrs[NR_CPUS];
};
#define __percpu_disguise(p)	((struct percpu_data *)~(unsigned long)(p))
#define per_cpu_ptr(ptr, cpu)	((__typeof__(ptr))__percpu_disguise(ptr)->ptrs[cpu])
#else
#define per_cpu_ptr(ptr, cpu)	((void)(cpu), (ptr))
#endif
#define this_cpu_ptr(ptr)	per_cpu_ptr(ptr, smp_processor_id())
#define raw_cpu_ptr(ptr)	per_cpu_ptr(ptr, raw_smp_processor_id())
#define __this_cpu_ptr(ptr)	raw_cpu_ptr(ptr)
#define get_cpu_ptr(ptr)	({ preempt_disable(); this_cpu_ptr(ptr); })
#define put_cpu_ptr(ptr)	do { (void)(ptr); preempt_enable(); } while (0)

#endif
