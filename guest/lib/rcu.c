#include <linux/cpumask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include "lib.h"

/* Be on each CPU once: there, another task has given way. */
LIB void synchronize_rcu(void)
{
#ifdef CONFIG_SMP
	cpumask_t before = current->cpus_allowed;
	int cpu;

	for_each_online_cpu(cpu)
		set_cpus_allowed(current, cpumask_of_cpu(cpu));
	set_cpus_allowed(current, before);
#else
	schedule();
#endif
}
