/* Memory for each CPU: as mm/allocpercpu.c. */
#include <linux/percpu.h>
#include "lib.h"

#ifdef CONFIG_SMP

LIB void free_percpu(const void *objp)
{
	struct percpu_data *data = __percpu_disguise(objp);
	int cpu;

	if (!objp)
		return;
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		kfree(data->ptrs[cpu]);
	kfree(data);
}

LIB void *__alloc_percpu(size_t size)
{
	struct percpu_data *data = kzalloc(sizeof(*data), GFP_KERNEL);
	int cpu;

	if (!data)
		return NULL;
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		data->ptrs[cpu] = kzalloc(size, GFP_KERNEL);
		if (!data->ptrs[cpu]) {
			free_percpu(__percpu_disguise(data));
			return NULL;
		}
	}
	return __percpu_disguise(data);
}

#else

LIB void *__alloc_percpu(size_t size)
{
	return kzalloc(size, GFP_KERNEL);
}

LIB void free_percpu(const void *objp)
{
	kfree(objp);
}

#endif
