/* All 13 types of kmap_atomic on two CPUs at the same time: each CPU has slots of its own. */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/fixmap.h>
#include <asm/processor.h>

static atomic_t mapped = ATOMIC_INIT(0), done = ATOMIC_INIT(0);
static struct page *pages[2][KM_TYPE_NR];
static int failures;

static int worker(void *unused)
{
	int cpu = smp_processor_id(), type;
	int *p[KM_TYPE_NR];

	for (type = 0; type < KM_TYPE_NR; type++) {
		p[type] = kmap_atomic(pages[cpu][type], type);
		*p[type] = 100 * cpu + type;
	}
	atomic_inc(&mapped);
	while (atomic_read(&mapped) < 2)
		cpu_relax();
	for (type = 0; type < KM_TYPE_NR; type++) {
		failures += *p[type] != 100 * cpu + type;
		failures += (unsigned long)p[type] != fix_to_virt(FIX_KMAP_BEGIN + type + KM_TYPE_NR * cpu);
		failures += kmap_atomic_to_page(p[type]) != pages[cpu][type];
	}
	atomic_inc(&done);
	while (atomic_read(&done) < 2)
		cpu_relax();
	for (type = 0; type < KM_TYPE_NR; type++)
		kunmap_atomic(p[type], type);
	printk("CPU %d: %d slots\n", cpu, type);
	atomic_inc(&done);
	return 0;
}

int main(int argc, char **argv)
{
	struct task_struct *task;
	int cpu, type;

	for (cpu = 0; cpu < 2; cpu++)
		for (type = 0; type < KM_TYPE_NR; type++)
			pages[cpu][type] = alloc_page(GFP_HIGHUSER);
	for (cpu = 0; cpu < 2; cpu++) {
		task = kthread_create(worker, NULL, "worker/%d", cpu);
		if (IS_ERR(task))
			return 2;
		kthread_bind(task, cpu);
		wake_up_process(task);
	}
	while (atomic_read(&done) < 4)
		schedule_timeout_uninterruptible(1);
	for (cpu = 0; cpu < 2; cpu++)
		for (type = 0; type < KM_TYPE_NR; type++)
			__free_page(pages[cpu][type]);
	return failures != 0;
}
