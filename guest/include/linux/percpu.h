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
#else
#define DEFINE_PER_CPU(type, name)	__typeof__(type) per_cpu__##name
#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) per_cpu__##name
#define per_cpu(name, cpu)		(*((void)(cpu), &per_cpu__##name))
#endif
#define __get_cpu_var(name)		per_cpu(name, smp_processor_id())
#define __raw_get_cpu_var(name)		per_cpu(name, raw_smp_processor_id())
#define get_cpu_var(name)		(*({ preempt_disable(); &__get_cpu_var(name); }))
#define put_cpu_var(name)		preempt_enable()
#define EXPORT_PER_CPU_SYMBOL(name)
#define EXPORT_PER_CPU_SYMBOL_GPL(name)

/* Of later kernels, for variables and not for their addresses. */
#define this_cpu_read(name)		(__get_cpu_var(name))
#define this_cpu_write(name, value)	((void)(__get_cpu_var(name) = (value)))
#define this_cpu_add(name, value)	((void)(__get_cpu_var(name) += (value)))
#define this_cpu_sub(name, value)	((void)(__get_cpu_var(name) -= (value)))
#define this_cpu_inc(name)		this_cpu_add(name, 1)
#define this_cpu_dec(name)		this_cpu_sub(name, 1)

/*
 * Memory for each CPU, zeroed. With several CPUs what is handed out is no address, but names a table of them, as
 * in 2.6.20.
 */
extern void *__alloc_percpu(size_t size);
extern void free_percpu(const void *objp);
#define alloc_percpu(type)	((__typeof__(type) *)__alloc_percpu(sizeof(type)))

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
#define get_cpu_ptr(ptr)	({ preempt_disable(); this_cpu_ptr(ptr); })
#define put_cpu_ptr(ptr)	((void)(ptr), preempt_enable())

#endif
