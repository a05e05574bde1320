#ifndef _LINUX_CPUMASK_LATER_H
#define _LINUX_CPUMASK_LATER_H

#include <linux/cpumask.h>

/* Masks by their addresses, as since 2.6.28. */
#define nr_cpumask_bits		NR_CPUS
#define cpumask_bits(mask)	((mask)->bits)
#define cpumask_size()		sizeof(struct cpumask)
#define cpumask_pr_args(mask)	nr_cpumask_bits, cpumask_bits(mask)
#define to_cpumask(bitmap)	((struct cpumask *)(bitmap))

typedef struct cpumask cpumask_var_t[1];
#define alloc_cpumask_var(mask, flags)	true
#define zalloc_cpumask_var(mask, flags)	(cpumask_clear(*(mask)), true)
#define alloc_cpumask_var_node(mask, flags, node)	true
#define zalloc_cpumask_var_node(mask, flags, node)	zalloc_cpumask_var(mask, flags)
#define free_cpumask_var(mask)	((void)(mask))
#define cpumask_available(mask)	true

/* The sets of <linux/cpumask.h>, and the set of one CPU. */
extern const struct cpumask __cpu_possible_mask;
extern const struct cpumask *__cpu_online_mask(void);
extern const struct cpumask *cpumask_of(unsigned int cpu);
#define cpu_possible_mask	(&__cpu_possible_mask)
#define cpu_online_mask		__cpu_online_mask()
#define cpu_present_mask	__cpu_online_mask()
#define cpu_active_mask		__cpu_online_mask()
#define cpu_all_mask		(&__cpu_possible_mask)

#define cpumask_set_cpu(cpu, mask)	set_bit(cpu, cpumask_bits(mask))
#define cpumask_clear_cpu(cpu, mask)	clear_bit(cpu, cpumask_bits(mask))
#define cpumask_assign_cpu(cpu, mask, value)	assign_bit(cpu, cpumask_bits(mask), value)
#define cpumask_test_cpu(cpu, mask)	((bool)test_bit(cpu, cpumask_bits(mask)))
#define cpumask_test_and_set_cpu(cpu, mask)	((bool)test_and_set_bit(cpu, cpumask_bits(mask)))
#define cpumask_test_and_clear_cpu(cpu, mask)	((bool)test_and_clear_bit(cpu, cpumask_bits(mask)))
#define __cpumask_set_cpu(cpu, mask)	__set_bit(cpu, cpumask_bits(mask))
#define __cpumask_clear_cpu(cpu, mask)	__clear_bit(cpu, cpumask_bits(mask))

#define cpumask_setall(mask)		((void)(*(mask) = __cpu_possible_mask))
#define cpumask_clear(mask)		bitmap_zero(cpumask_bits(mask), nr_cpumask_bits)
#define cpumask_copy(to, from)		((void)(*(to) = *(from)))
#define __CPUMASK(name, to, a, b) \
	bitmap_##name(cpumask_bits(to), cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)
#define cpumask_and(to, a, b)		__CPUMASK(and, to, a, b)
#define cpumask_or(to, a, b)		__CPUMASK(or, to, a, b)
#define cpumask_xor(to, a, b)		__CPUMASK(xor, to, a, b)
#define cpumask_andnot(to, a, b)	__CPUMASK(andnot, to, a, b)
#define cpumask_complement(to, from)	bitmap_complement(cpumask_bits(to), cpumask_bits(from), nr_cpumask_bits)
#define cpumask_shift_left(to, from, n) \
	bitmap_shift_left(cpumask_bits(to), cpumask_bits(from), n, nr_cpumask_bits)
#define cpumask_shift_right(to, from, n) \
	bitmap_shift_right(cpumask_bits(to), cpumask_bits(from), n, nr_cpumask_bits)
#define cpumask_equal(a, b)		bitmap_equal(cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)
#define cpumask_intersects(a, b)	bitmap_intersects(cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)
#define cpumask_subset(a, b)		bitmap_subset(cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)
#define cpumask_empty(mask)		bitmap_empty(cpumask_bits(mask), nr_cpumask_bits)
#define cpumask_full(mask)		bitmap_full(cpumask_bits(mask), nr_cpumask_bits)
#define cpumask_weight(mask)		bitmap_weight(cpumask_bits(mask), nr_cpumask_bits)
#define cpumask_weight_and(a, b)	bitmap_weight_and(cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)

/* nr_cpu_ids or more where there is none. */
#define cpumask_first(mask)		((unsigned int)find_first_bit(cpumask_bits(mask), nr_cpumask_bits))
#define cpumask_first_zero(mask)	((unsigned int)find_first_zero_bit(cpumask_bits(mask), nr_cpumask_bits))
#define cpumask_first_and(a, b) \
	((unsigned int)find_first_and_bit(cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits))
#define cpumask_last(mask)		((unsigned int)find_last_bit(cpumask_bits(mask), nr_cpumask_bits))
#define cpumask_next(n, mask)		((unsigned int)find_next_bit(cpumask_bits(mask), nr_cpumask_bits, (n) + 1))
#define cpumask_next_zero(n, mask) \
	((unsigned int)find_next_zero_bit(cpumask_bits(mask), nr_cpumask_bits, (n) + 1))
#define cpumask_next_and(n, a, b) \
	((unsigned int)find_next_and_bit(cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits, (n) + 1))
#define cpumask_next_wrap(n, mask)	((unsigned int)find_next_bit_wrap(cpumask_bits(mask), nr_cpumask_bits, (n) + 1))
#define cpumask_nth(n, mask)		((unsigned int)find_nth_bit(cpumask_bits(mask), nr_cpumask_bits, n))
#define cpumask_any(mask)		cpumask_first(mask)
#define cpumask_any_and(a, b)		cpumask_first_and(a, b)

#define for_each_cpu_not(cpu, mask)	for_each_clear_bit(cpu, cpumask_bits(mask), nr_cpumask_bits)
#define for_each_cpu_wrap(cpu, mask, start) \
	for_each_set_bit_wrap(cpu, cpumask_bits(mask), nr_cpumask_bits, start)
#define for_each_cpu_and(cpu, a, b)	for_each_and_bit(cpu, cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)
#define for_each_cpu_andnot(cpu, a, b)	for_each_andnot_bit(cpu, cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)
#define for_each_cpu_or(cpu, a, b)	for_each_or_bit(cpu, cpumask_bits(a), cpumask_bits(b), nr_cpumask_bits)
#define for_each_possible_cpu_wrap(cpu, start)	for_each_cpu_wrap(cpu, cpu_possible_mask, start)
#define for_each_online_cpu_wrap(cpu, start)	for_each_cpu_wrap(cpu, cpu_online_mask, start)

#define cpumask_parse(text, mask)	bitmap_parse(text, ~0U, cpumask_bits(mask), nr_cpumask_bits)
#define cpulist_parse(text, mask)	bitmap_parselist(text, cpumask_bits(mask), nr_cpumask_bits)
#define cpumask_scnprintf(buf, size, mask)	bitmap_scnprintf(buf, size, cpumask_bits(mask), nr_cpumask_bits)
#define cpulist_scnprintf(buf, size, mask)	bitmap_scnlistprintf(buf, size, cpumask_bits(mask), nr_cpumask_bits)
#define cpumap_print_to_pagebuf(list, buf, mask) \
	bitmap_print_to_pagebuf(list, buf, cpumask_bits(mask), nr_cpumask_bits)

#endif
