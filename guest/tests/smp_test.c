/*
 * highmem: --ram 32M --cpus 2
 *
 * Two CPUs: functions on the other one, threads that are bound to one, locks between them, data for each.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hardirq.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

static int ran_on[NR_CPUS];

static void note_cpu(void *amount)
{
	ran_on[smp_processor_id()] += (long)amount;
}

static int forget(struct kunit *test)
{
	memset(ran_on, 0, sizeof(ran_on));
	KUNIT_ASSERT_EQ(test, num_online_cpus(), 2);
	return 0;
}

static void a_function_runs_on_the_others(struct kunit *test)
{
	int me = get_cpu();

	KUNIT_EXPECT_EQ(test, smp_call_function(note_cpu, (void *)1, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, ran_on[me], 0);
	KUNIT_EXPECT_EQ(test, ran_on[!me], 1);
	KUNIT_EXPECT_EQ(test, smp_call_function_single(!me, note_cpu, (void *)10, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, ran_on[!me], 11);
	KUNIT_EXPECT_EQ(test, on_each_cpu(note_cpu, (void *)100, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, ran_on[me], 100);
	KUNIT_EXPECT_EQ(test, ran_on[!me], 111);
	KUNIT_EXPECT_EQ_MSG(test, smp_call_function_single(me, note_cpu, NULL, 0, 1), -EBUSY, "not oneself");
	put_cpu();
}

static DECLARE_COMPLETION(done);

static int where_am_i(void *cpu)
{
	*(int *)cpu = smp_processor_id();
	complete(&done);
	return 0;
}

static void a_bound_thread_runs_there(struct kunit *test)
{
	int cpu, ran;

	for_each_online_cpu(cpu) {
		struct task_struct *task = kthread_create(where_am_i, &ran, "bound/%d", cpu);

		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		ran = -1;
		kthread_bind(task, cpu);
		wake_up_process(task);
		wait_for_completion(&done);
		KUNIT_EXPECT_EQ(test, ran, cpu);
	}
	msleep(10);
}

static void a_task_moves_where_it_may_run(struct kunit *test)
{
	int cpu;

	for_each_online_cpu(cpu) {
		KUNIT_EXPECT_EQ(test, set_cpus_allowed(current, cpumask_of_cpu(cpu)), 0);
		KUNIT_EXPECT_EQ(test, smp_processor_id(), cpu);
	}
	KUNIT_EXPECT_EQ_MSG(test, set_cpus_allowed(current, CPU_MASK_NONE), -EINVAL, "it must run somewhere");
	set_cpus_allowed(current, CPU_MASK_ALL);
}

enum { ROUNDS = 200 };

static DEFINE_SPINLOCK(lock);
static DEFINE_PER_CPU(int, mine);
static volatile int together;

static int count(void *unused)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		spin_lock(&lock);
		together = together + 1;
		__get_cpu_var(mine)++;
		spin_unlock(&lock);
		if (i % 16 == 0)
			cond_resched();
	}
	complete(&done);
	return 0;
}

static void a_spinlock_keeps_counts_right(struct kunit *test)
{
	int cpu, sum = 0;

	together = 0;
	for_each_online_cpu(cpu) {
		struct task_struct *task = kthread_create(count, NULL, "count/%d", cpu);

		per_cpu(mine, cpu) = 0;
		kthread_bind(task, cpu);
		wake_up_process(task);
	}
	wait_for_completion(&done);
	wait_for_completion(&done);
	KUNIT_EXPECT_EQ(test, together, 2 * ROUNDS);
	for_each_online_cpu(cpu) {
		KUNIT_EXPECT_EQ(test, per_cpu(mine, cpu), ROUNDS);
		sum += per_cpu(mine, cpu);
	}
	KUNIT_EXPECT_EQ(test, sum, together);
	msleep(10);
}

static void map_one(void *slot)
{
	struct page *page = pfn_to_page(0x100);

	((void **)slot)[smp_processor_id()] = kmap_atomic_pfn(page_to_pfn(page), KM_USER0);
	kunmap_atomic(((void **)slot)[smp_processor_id()], KM_USER0);
}

static void each_cpu_has_atomic_slots_of_its_own(struct kunit *test)
{
	void *windows[NR_CPUS] = { NULL };

	on_each_cpu(map_one, windows, 0, 1);
	KUNIT_ASSERT_TRUE(test, windows[0] && windows[1]);
	KUNIT_EXPECT_EQ(test, windows[0] - windows[1], KM_TYPE_NR * PAGE_SIZE);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_function_runs_on_the_others),
	KUNIT_CASE(a_bound_thread_runs_there),
	KUNIT_CASE(a_task_moves_where_it_may_run),
	KUNIT_CASE(a_spinlock_keeps_counts_right),
	KUNIT_CASE(each_cpu_has_atomic_slots_of_its_own),
	{}
};

static struct kunit_suite suite = { .name = "smp", .init = forget, .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
