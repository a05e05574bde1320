/* Waiting: wait queues, completions, mutexes, semaphores, reader-writer semaphores. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(queue);
static DECLARE_COMPLETION(done);
static int condition, woken;

static int begin(struct kunit *test)
{
	condition = woken = 0;
	init_completion(&done);
	return 0;
}

static int waiter(void *unused)
{
	wait_event(queue, condition);
	woken++;
	complete(&done);
	return 0;
}

static int exclusive_waiter(void *unused)
{
	wait_event_interruptible_exclusive(queue, condition);
	woken++;
	complete(&done);
	return 0;
}

static void everybody_is_woken(struct kunit *test)
{
	int i;

	for (i = 0; i < 3; i++)
		kthread_run(waiter, NULL, "waiter");
	msleep(10);
	KUNIT_EXPECT_TRUE(test, waitqueue_active(&queue));
	wake_up(&queue);
	msleep(10);
	KUNIT_EXPECT_EQ_MSG(test, woken, 0, "the condition does not hold: they sleep again");
	condition = 1;
	wake_up(&queue);
	for (i = 0; i < 3; i++)
		wait_for_completion(&done);
	KUNIT_EXPECT_EQ(test, woken, 3);
	KUNIT_EXPECT_FALSE(test, waitqueue_active(&queue));
	msleep(10);
}

static void one_exclusive_waiter_is_woken(struct kunit *test)
{
	int i;

	for (i = 0; i < 3; i++)
		kthread_run(exclusive_waiter, NULL, "waiter");
	msleep(10);
	condition = 1;
	wake_up(&queue);
	msleep(10);
	KUNIT_EXPECT_EQ(test, woken, 1);
	wake_up_nr(&queue, 2);
	msleep(10);
	KUNIT_EXPECT_EQ(test, woken, 3);
}

static void waiting_ends_in_time(struct kunit *test)
{
	unsigned long before = jiffies;

	KUNIT_EXPECT_EQ(test, wait_event_timeout(queue, 0, 10), 0);
	KUNIT_EXPECT_GE(test, jiffies - before, 10UL);
	KUNIT_EXPECT_EQ_MSG(test, wait_event_timeout(queue, 1, 10), 10, "it holds already");
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, 5), 0);
	complete(&done);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, 5), 5);
}

static void completions_are_counted(struct kunit *test)
{
	complete(&done);
	complete(&done);
	wait_for_completion(&done);
	wait_for_completion(&done);
	KUNIT_EXPECT_EQ(test, done.done, 0);
	complete_all(&done);
	wait_for_completion(&done);
	wait_for_completion(&done);
	KUNIT_EXPECT_GT(test, done.done, 0);
}

static DEFINE_MUTEX(mutex);
static char order[8];
static int entered;

static int locker(void *name)
{
	mutex_lock(&mutex);
	order[entered++] = (long)name;
	mutex_unlock(&mutex);
	complete(&done);
	return 0;
}

static void a_mutex_is_given_in_the_order_of_coming(struct kunit *test)
{
	int i;

	entered = 0;
	mutex_lock(&mutex);
	KUNIT_EXPECT_EQ(test, mutex_trylock(&mutex), 0);
	for (i = 0; i < 3; i++) {
		kthread_run(locker, (void *)(long)('a' + i), "locker");
		msleep(10);
	}
	KUNIT_EXPECT_EQ(test, entered, 0);
	mutex_unlock(&mutex);
	for (i = 0; i < 3; i++)
		wait_for_completion(&done);
	KUNIT_EXPECT_MEMEQ(test, order, "abc", 3);
	KUNIT_EXPECT_EQ(test, mutex_trylock(&mutex), 1);
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&mutex));
	mutex_unlock(&mutex);
	msleep(10);
}

static struct semaphore semaphore;
static int inside, most;

static int visitor(void *unused)
{
	down(&semaphore);
	if (++inside > most)
		most = inside;
	msleep(10);
	inside--;
	up(&semaphore);
	complete(&done);
	return 0;
}

static void a_semaphore_lets_so_many_in(struct kunit *test)
{
	int i;

	sema_init(&semaphore, 2);
	inside = most = 0;
	for (i = 0; i < 5; i++)
		kthread_run(visitor, NULL, "visitor");
	for (i = 0; i < 5; i++)
		wait_for_completion(&done);
	KUNIT_EXPECT_EQ(test, most, 2);
	KUNIT_EXPECT_EQ(test, down_trylock(&semaphore), 0);
	KUNIT_EXPECT_EQ(test, down_trylock(&semaphore), 0);
	KUNIT_EXPECT_NE(test, down_trylock(&semaphore), 0);
	up(&semaphore);
	up(&semaphore);
	msleep(10);
}

static DECLARE_RWSEM(rwsem);

static int writer(void *unused)
{
	down_write(&rwsem);
	woken++;
	up_write(&rwsem);
	complete(&done);
	return 0;
}

static void readers_share_and_a_writer_is_alone(struct kunit *test)
{
	down_read(&rwsem);
	KUNIT_EXPECT_EQ(test, down_read_trylock(&rwsem), 1);
	KUNIT_EXPECT_EQ(test, down_write_trylock(&rwsem), 0);
	kthread_run(writer, NULL, "writer");
	msleep(10);
	KUNIT_EXPECT_EQ(test, woken, 0);
	KUNIT_EXPECT_EQ_MSG(test, down_read_trylock(&rwsem), 0, "a writer waits: no reader overtakes it");
	up_read(&rwsem);
	up_read(&rwsem);
	wait_for_completion(&done);
	KUNIT_EXPECT_EQ(test, woken, 1);
	down_write(&rwsem);
	KUNIT_EXPECT_EQ(test, down_read_trylock(&rwsem), 0);
	downgrade_write(&rwsem);
	KUNIT_EXPECT_EQ(test, down_read_trylock(&rwsem), 1);
	up_read(&rwsem);
	up_read(&rwsem);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&rwsem));
	msleep(10);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(everybody_is_woken),
	KUNIT_CASE(one_exclusive_waiter_is_woken),
	KUNIT_CASE(waiting_ends_in_time),
	KUNIT_CASE(completions_are_counted),
	KUNIT_CASE(a_mutex_is_given_in_the_order_of_coming),
	KUNIT_CASE(a_semaphore_lets_so_many_in),
	KUNIT_CASE(readers_share_and_a_writer_is_alone),
	{}
};

static struct kunit_suite suite = { .name = "wait", .init = begin, .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
