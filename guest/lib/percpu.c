/* Memory for each CPU: as mm/allocpercpu.c. */
#include <linux/percpu.h>
#include "lib.h"

/* What kmalloc() gives is aligned to no more than a cache line, but from a certain size on to that size. */
static void *alloc_aligned(size_t size, size_t align)
{
	static const size_t enough[] = { 0, 512, PAGE_SIZE };
	void *p;
	int i;

	for (i = 0; i < ARRAY_SIZE(enough); i++) {
		p = kzalloc(max(ALIGN(size, align), enough[i]), GFP_KERNEL);
		if (!p || IS_ALIGNED((unsigned long)p, align))
			return p;
		kfree(p);
	}
	WARN_ON(1);
	return NULL;
}

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

LIB void *__alloc_percpu_aligned(size_t size, size_t align)
{
	struct percpu_data *data = kzalloc(sizeof(*data), GFP_KERNEL);
	int cpu;

	if (!data)
		return NULL;
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		data->ptrs[cpu] = alloc_aligned(size, align);
		if (!data->ptrs[cpu]) {
			free_percpu(__percpu_disguise(data));
			return NULL;
		}
	}
	return __percpu_disguise(data);
}

#else

LIB void *__alloc_percpu_aligned(size_t size, size_t align)
{
	return alloc_aligned(size, align);
}

LIB void free_percpu(const void *objp)
{
	kfree(objp);
}

#endif
