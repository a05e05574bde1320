/* What belongs to each CPU: variables, array caches, lists of free pages, kmap_atomic slots. */
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>

static DEFINE_PER_CPU(int, counter) = 5;
DEFINE_PER_CPU(struct list_head, heads);
static struct kmem_cache *cache;
static void *object;
static struct page *low, *high[2];
static volatile int step;
static char *volatile slot;
static int *allocated;

static void wait_for(int n)
{
	while (step < n)
		cpu_relax();
}

static int pages_of(int cpu)
{
	return page_zone(low)->pageset[cpu].pcp[0].count;
}

static int other(void *unused)
{
	int cpu = get_cpu();

	__get_cpu_var(counter) += 10 * cpu;
	per_cpu_ptr(allocated, cpu)[0] = 100 + cpu;
	printk("%s runs on CPU %d of %d\n", current->comm, cpu, num_online_cpus());
	kmem_cache_free(cache, object);
	__free_page(low);
	slot = kmap_atomic(high[1], KM_USER0);
	*slot = 'b';
	step = 1;
	put_cpu();
	wait_for(2);
	printk("the other's page has %c\n", *slot);
	kunmap_atomic(slot, KM_USER0);
	while (!kthread_should_stop())
		cpu_relax();
	return 0;
}

int main(void)
{
	struct task_struct *task;
	int cpu, arrays[2], pages[2];
	char *mine;

	cache = kmem_cache_create("objects", 100, 0, 0, NULL, NULL);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	low = alloc_page(GFP_KERNEL);
	high[0] = alloc_page(GFP_HIGHUSER);
	high[1] = alloc_page(GFP_HIGHUSER);
	allocated = alloc_percpu(int);
	task = kthread_create(other, NULL, "other");
	kthread_bind(task, 1);
	for (cpu = 0; cpu < 2; cpu++) {
		arrays[cpu] = cache->array[cpu]->avail;
		pages[cpu] = pages_of(cpu);
	}
	wake_up_process(task);
	wait_for(1);
	for (cpu = 0; cpu < 2; cpu++)
		printk("CPU %d: array %+d, pages %+d\n", cpu, cache->array[cpu]->avail - arrays[cpu],
		       pages_of(cpu) - pages[cpu]);
	mine = kmap_atomic(high[0], KM_USER0);
	*mine = 'a';
	printk("slots are %ld apart, with %c and %c\n", (slot - mine) / (long)PAGE_SIZE, *mine, *slot);
	kunmap_atomic(mine, KM_USER0);
	step = 2;
	for_each_online_cpu(cpu)
		printk("counter of CPU %d: %d, %d\n", cpu, per_cpu(counter, cpu), per_cpu_ptr(allocated, cpu)[0]);
	while (kthread_stop(task))
		;
	free_percpu(allocated);
	__free_page(high[0]);
	__free_page(high[1]);
	kmem_cache_destroy(cache);
	printk("main is on CPU %d\n", raw_smp_processor_id());
	return 0;
}
