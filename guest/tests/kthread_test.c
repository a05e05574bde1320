/* Kernel threads: how they begin, run and end, and how one waits for another. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static int idle(void *result)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return (long)result;
}

static void a_thread_gives_its_result(struct kunit *test)
{
	struct task_struct *task = kthread_run(idle, (void *)42, "idle/%d", 7);

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_STREQ(test, task->comm, "idle/7");
	KUNIT_EXPECT_NE(test, task->pid, current->pid);
	msleep(20);
	KUNIT_EXPECT_EQ(test, kthread_stop(task), 42);
}

static int mark(void *data)
{
	*(int *)data = current->pid;
	return 0;
}

static void a_new_thread_waits_to_be_woken(struct kunit *test)
{
	int pid = 0;
	struct task_struct *task = kthread_create(mark, &pid, "mark");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	msleep(20);
	KUNIT_EXPECT_EQ(test, pid, 0);
	KUNIT_EXPECT_EQ(test, wake_up_process(task), 1);
	KUNIT_EXPECT_EQ_MSG(test, wake_up_process(task), 0, "it is awake");
	msleep(20);
	KUNIT_EXPECT_NE(test, pid, 0);
}

static void one_that_never_ran_is_stopped(struct kunit *test)
{
	int pid = 0;
	struct task_struct *task = kthread_create(mark, &pid, "mark");

	KUNIT_EXPECT_EQ_MSG(test, kthread_stop(task), -EINTR, "its function is not called");
	KUNIT_EXPECT_EQ(test, pid, 0);
}

static DECLARE_COMPLETION(ended);

static int leave(void *data)
{
	complete(&ended);
	*(int *)data = 1;
	do_exit(3);
}

static void do_exit_ends_a_thread(struct kunit *test)
{
	int seen = 0;
	struct task_struct *task = kthread_run(leave, &seen, "leave");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&ended);
	msleep(10);
	KUNIT_EXPECT_EQ(test, seen, 1);
}

static int order[6], turns;

static int take_turns(void *data)
{
	int i;

	for (i = 0; i < 3; i++) {
		order[turns++] = (long)data;
		yield();
	}
	complete(&ended);
	return 0;
}

static void yield_lets_the_other_run(struct kunit *test)
{
	turns = 0;
	kthread_run(take_turns, (void *)1, "first");
	kthread_run(take_turns, (void *)2, "second");
	wait_for_completion(&ended);
	wait_for_completion(&ended);
	msleep(10);
	KUNIT_EXPECT_EQ(test, turns, 6);
	KUNIT_EXPECT_TRUE(test, order[0] == order[2] && order[2] == order[4]);
	KUNIT_EXPECT_TRUE(test, order[1] == order[3] && order[0] != order[1]);
}

static void a_sleeper_is_woken_early(struct kunit *test)
{
	struct task_struct *task = kthread_create(mark, &turns, "waker");
	unsigned long before = jiffies;
	long left;

	set_current_state(TASK_INTERRUPTIBLE);
	left = schedule_timeout(5);
	KUNIT_EXPECT_EQ_MSG(test, left, 0, "nobody came");
	KUNIT_EXPECT_GE(test, jiffies - before, 5UL);
	KUNIT_EXPECT_EQ(test, current->state, TASK_RUNNING);
	kthread_stop(task);
	set_current_state(TASK_UNINTERRUPTIBLE);
	wake_up_process(current);	/* between the state and the sleep: it does not sleep */
	schedule();
	KUNIT_EXPECT_EQ(test, current->state, TASK_RUNNING);
}

static void giving_way_is_no_sleep(struct kunit *test)
{
	unsigned long before = jiffies;

	KUNIT_EXPECT_EQ_MSG(test, cond_resched(), 0, "the time slice is not over");
	might_sleep();
	KUNIT_EXPECT_LE(test, jiffies - before, 1UL);
	before = jiffies;
	KUNIT_EXPECT_EQ(test, congestion_wait(WRITE, HZ / 10), 0);
	KUNIT_EXPECT_GE(test, jiffies - before, (unsigned long)HZ / 10);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_thread_gives_its_result),
	KUNIT_CASE(a_new_thread_waits_to_be_woken),
	KUNIT_CASE(one_that_never_ran_is_stopped),
	KUNIT_CASE(do_exit_ends_a_thread),
	KUNIT_CASE(yield_lets_the_other_run),
	KUNIT_CASE(a_sleeper_is_woken_early),
	KUNIT_CASE(giving_way_is_no_sleep),
	{}
};

static struct kunit_suite suite = { .name = "kthread", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
