/*
 * highmem: --ram 32M
 *
 * Works, functions that a kernel thread calls; tasklets, that a softirq calls; and who called whom.
 */
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/workqueue.h>

static int called, order[8];
static struct task_struct *worker;

static void note(struct work_struct *work)
{
	worker = current;
	called++;
}

static void note_data(void *data)
{
	called += *(int *)data;
}

struct numbered {
	struct work_struct work;
	int number;
};

static void note_number(struct work_struct *work)
{
	order[called++] = container_of(work, struct numbered, work)->number;
	msleep(10);
}

static int start(struct kunit *test)
{
	called = 0;
	return 0;
}

static void a_work_is_done_by_a_thread(struct kunit *test)
{
	static DECLARE_WORK(work, note);

	KUNIT_EXPECT_EQ(test, schedule_work(&work), 1);
	KUNIT_EXPECT_EQ_MSG(test, schedule_work(&work), 0, "it waits already");
	KUNIT_EXPECT_EQ(test, called, 0);
	KUNIT_EXPECT_TRUE(test, work_pending(&work));
	flush_scheduled_work();
	KUNIT_EXPECT_EQ(test, called, 1);
	KUNIT_EXPECT_PTR_NE(test, worker, current);
	KUNIT_EXPECT_FALSE(test, work_pending(&work));
	KUNIT_EXPECT_EQ(test, schedule_work(&work), 1);
	KUNIT_EXPECT_TRUE(test, flush_work(&work));
	KUNIT_EXPECT_EQ(test, called, 2);
	KUNIT_EXPECT_FALSE(test, flush_work(&work));
}

static void works_with_data(struct kunit *test)
{
	struct work_struct work;
	int five = 5;

	INIT_WORK(&work, note_data, &five);
	schedule_work(&work);
	flush_scheduled_work();
	KUNIT_EXPECT_EQ(test, called, 5);
}

static void one_behind_the_other(struct kunit *test)
{
	struct workqueue_struct *wq = create_workqueue("own");
	struct numbered works[5];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, wq);
	for (i = 0; i < 5; i++) {
		INIT_WORK(&works[i].work, note_number);
		works[i].number = i;
		KUNIT_EXPECT_EQ(test, queue_work(wq, &works[i].work), 1);
	}
	flush_workqueue(wq);
	KUNIT_EXPECT_EQ(test, called, 5);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, order[i], i);
	queue_work(wq, &works[3].work);
	destroy_workqueue(wq);
	KUNIT_EXPECT_EQ_MSG(test, called, 6, "what waits is done first");
}

static void a_work_that_is_delayed(struct kunit *test)
{
	static DECLARE_DELAYED_WORK(work, note);
	unsigned long before = jiffies;

	KUNIT_EXPECT_EQ(test, schedule_delayed_work(&work, HZ), 1);
	msleep(500);
	KUNIT_EXPECT_EQ(test, called, 0);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&work));
	msleep(600);
	KUNIT_EXPECT_EQ(test, called, 1);
	schedule_delayed_work(&work, 100 * HZ);
	KUNIT_EXPECT_TRUE(test, flush_delayed_work(&work));
	KUNIT_EXPECT_EQ(test, called, 2);
	schedule_delayed_work(&work, 100 * HZ);
	KUNIT_EXPECT_EQ(test, mod_delayed_work(system_wq, &work, HZ), 1);
	msleep(1100);
	KUNIT_EXPECT_EQ(test, called, 3);
	KUNIT_EXPECT_LT(test, jiffies - before, 4 * HZ);
}

static void a_work_that_is_called_off(struct kunit *test)
{
	struct delayed_work later;
	struct work_struct work;

	INIT_WORK(&work, note);
	INIT_DELAYED_WORK(&later, note);
	KUNIT_EXPECT_EQ(test, cancel_work_sync(&work), 0);
	schedule_work(&work);
	schedule_delayed_work(&later, 1);
	KUNIT_EXPECT_EQ(test, cancel_work_sync(&work), 1);
	KUNIT_EXPECT_EQ(test, cancel_delayed_work_sync(&later), 1);
	msleep(100);
	KUNIT_EXPECT_EQ(test, called, 0);
}

static struct work_struct from_elsewhere;

static void schedule_it(void *data)
{
	schedule_work(&from_elsewhere);
}

static void from_a_softirq_and_under_a_lock(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);

	INIT_WORK(&from_elsewhere, note);
	run_in_softirq(schedule_it, NULL);
	flush_work(&from_elsewhere);
	KUNIT_EXPECT_EQ(test, called, 1);
	spin_lock(&lock);
	schedule_work(&from_elsewhere);
	spin_unlock(&lock);
	flush_work(&from_elsewhere);
	KUNIT_EXPECT_EQ(test, called, 2);
	local_irq_disable();
	schedule_work(&from_elsewhere);
	local_irq_enable();
	flush_scheduled_work();
	KUNIT_EXPECT_EQ(test, called, 3);
}

static void its_thread_is_a_task(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("named%d", WQ_UNBOUND, 0, 5);
	struct task_struct *task;
	int me = 0, thread = 0;

	KUNIT_ASSERT_NOT_NULL(test, wq);
	for_each_process(task) {
		me += task == current;
		thread += !strcmp(task->comm, "named5");
		KUNIT_EXPECT_PTR_EQ(test, task->parent, &init_task);
	}
	KUNIT_EXPECT_EQ(test, me, 1);
	KUNIT_EXPECT_EQ(test, thread, 1);
	destroy_workqueue(wq);
}

/* What is on the stack */

static noinline unsigned int save(unsigned long *entries, unsigned int skip)
{
	return stack_trace_save(entries, 8, skip);
}

static noinline void who_called(struct kunit *test)
{
	unsigned long entries[8], fewer[8];
	unsigned int count = save(entries, 0);

	KUNIT_ASSERT_GE(test, count, 3);
	KUNIT_EXPECT_GE(test, entries[0], (unsigned long)save);
	KUNIT_EXPECT_LT(test, entries[0], (unsigned long)save + 100);
	KUNIT_EXPECT_GE(test, entries[1], (unsigned long)who_called);
	KUNIT_EXPECT_EQ(test, entries[2], (unsigned long)__builtin_return_address(0));
	save(fewer, 2);
	KUNIT_EXPECT_EQ(test, fewer[0], entries[2]);
	stack_trace_print(entries, 2, 1);
}

/* Tasklets */

static void softly(unsigned long data)
{
	called += data;
	KUNIT_EXPECT_TRUE(kunit_get_current_test(), in_softirq());
}

static DECLARE_TASKLET(old, softly, 3);

struct part {
	int number;
	struct tasklet_struct tasklet;
};

static void part_softly(struct tasklet_struct *t)
{
	struct part *part = from_tasklet(part, t, tasklet);

	called += part->number;
}

static void a_tasklet_is_called_once(struct kunit *test)
{
	struct part part = { 100 };

	tasklet_schedule(&old);
	tasklet_schedule(&old);
	KUNIT_EXPECT_EQ(test, called, 0);
	msleep(100);
	KUNIT_EXPECT_EQ(test, called, 3);
	tasklet_setup(&part.tasklet, part_softly);
	tasklet_disable(&part.tasklet);
	tasklet_schedule(&part.tasklet);
	msleep(100);
	KUNIT_EXPECT_EQ(test, called, 3);
	tasklet_enable(&part.tasklet);
	msleep(100);
	KUNIT_EXPECT_EQ(test, called, 103);
	tasklet_schedule(&part.tasklet);
	tasklet_kill(&part.tasklet);
	KUNIT_EXPECT_EQ(test, called, 203);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_work_is_done_by_a_thread),
	KUNIT_CASE(works_with_data),
	KUNIT_CASE(one_behind_the_other),
	KUNIT_CASE(a_work_that_is_delayed),
	KUNIT_CASE(a_work_that_is_called_off),
	KUNIT_CASE(from_a_softirq_and_under_a_lock),
	KUNIT_CASE(its_thread_is_a_task),
	KUNIT_CASE(a_tasklet_is_called_once),
	KUNIT_CASE(who_called),
	{}
};

static struct kunit_suite suite = { .name = "workqueue", .init = start, .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
