#ifndef _LINUX_CPUMASK_H
#define _LINUX_CPUMASK_H

#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/smp.h>

typedef struct cpumask cpumask_t;

#define cpu_set(cpu, mask)		set_bit(cpu, (mask).bits)
#define cpu_clear(cpu, mask)		clear_bit(cpu, (mask).bits)
#define cpu_isset(cpu, mask)		test_bit(cpu, (mask).bits)
#define cpu_test_and_set(cpu, mask)	test_and_set_bit(cpu, (mask).bits)
#define cpus_setall(mask)		((void)((mask) = CPU_MASK_ALL))
#define cpus_clear(mask)		bitmap_zero((mask).bits, NR_CPUS)
#define cpus_and(to, a, b)		bitmap_and((to).bits, (a).bits, (b).bits, NR_CPUS)
#define cpus_or(to, a, b)		bitmap_or((to).bits, (a).bits, (b).bits, NR_CPUS)
#define cpus_xor(to, a, b)		bitmap_xor((to).bits, (a).bits, (b).bits, NR_CPUS)
#define cpus_andnot(to, a, b)		bitmap_andnot((to).bits, (a).bits, (b).bits, NR_CPUS)
#define cpus_complement(to, from)	bitmap_complement((to).bits, (from).bits, NR_CPUS)
#define cpus_equal(a, b)		bitmap_equal((a).bits, (b).bits, NR_CPUS)
#define cpus_intersects(a, b)		bitmap_intersects((a).bits, (b).bits, NR_CPUS)
#define cpus_subset(a, b)		bitmap_subset((a).bits, (b).bits, NR_CPUS)
#define cpus_empty(mask)		bitmap_empty((mask).bits, NR_CPUS)
#define cpus_full(mask)			bitmap_full((mask).bits, NR_CPUS)
#define cpus_weight(mask)		bitmap_weight((mask).bits, NR_CPUS)
#define cpus_addr(mask)			((mask).bits)

#define first_cpu(mask)			((int)find_first_bit((mask).bits, NR_CPUS))
#define next_cpu(cpu, mask)		((int)find_next_bit((mask).bits, NR_CPUS, (cpu) + 1))
#define any_online_cpu(mask)		first_cpu(mask)
#define for_each_cpu_mask(cpu, mask)					\
	for ((cpu) = first_cpu(mask); (cpu) < NR_CPUS; (cpu) = next_cpu(cpu, mask))

/* NR_CPUS is 32 at most: a mask is one word. */
#define CPU_MASK_NONE		((cpumask_t) { { 0 } })
#define CPU_MASK_CPU0		((cpumask_t) { { 1 } })
#define CPU_MASK_ALL		((cpumask_t) { { ~0UL >> (BITS_PER_LONG - NR_CPUS) } })
#define cpumask_of_cpu(cpu)	((cpumask_t) { { 1UL << (cpu) } })

/* The CPUs that the kernel is built for, and those of them that run: the first ones. */
#define cpu_possible_map	CPU_MASK_ALL
#define num_possible_cpus()	NR_CPUS
#define cpu_possible(cpu)	((unsigned int)(cpu) < NR_CPUS)
#define nr_cpu_ids		NR_CPUS
#ifdef CONFIG_SMP
extern int nr_cpus_online;
#else
#define nr_cpus_online		1
#endif
#define cpu_online_map		((cpumask_t) { { ~0UL >> (BITS_PER_LONG - nr_cpus_online) } })
#define cpu_present_map		cpu_online_map
#define num_online_cpus()	nr_cpus_online
#define num_present_cpus()	nr_cpus_online
#define cpu_online(cpu)		((cpu) < nr_cpus_online)
#define cpu_present(cpu)	cpu_online(cpu)

#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < NR_CPUS; (cpu)++)
#define for_each_online_cpu(cpu)	for ((cpu) = 0; (cpu) < nr_cpus_online; (cpu)++)
#define for_each_present_cpu(cpu)	for_each_online_cpu(cpu)

/* Of each CPU that can be, as in 2.6.20; of each in a mask, as later. */
#define __for_each_cpu_1(cpu)		for_each_possible_cpu(cpu)
#define __for_each_cpu_2(cpu, mask)	for_each_set_bit(cpu, cpumask_bits(mask), nr_cpumask_bits)
#define for_each_cpu(...)	__PASTE(__for_each_cpu_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#include <linux/cpumask_later.h>

#endif
