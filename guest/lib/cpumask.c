#include <linux/cpumask.h>
#include "lib.h"

LIB const struct cpumask __cpu_possible_mask = { { ~0UL >> (BITS_PER_LONG - NR_CPUS) } };

LIB const struct cpumask *__cpu_online_mask(void)
{
	static struct cpumask online;

	online = cpu_online_map;
	return &online;
}

LIB const struct cpumask *cpumask_of(unsigned int cpu)
{
	static struct cpumask masks[NR_CPUS];

	masks[cpu] = cpumask_of_cpu(cpu);
	return &masks[cpu];
}
