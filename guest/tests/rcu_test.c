/*
 * highmem: --ram 32M
 *
 * Read-copy-update: what is freed when its readers are gone.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/vmalloc.h>

struct item {
	int value;
	struct rcu_head rcu;
};

static int called;
static bool in_a_softirq;

static void free_item(struct rcu_head *head)
{
	called++;
	in_a_softirq = in_softirq() != 0;
	kfree(container_of(head, struct item, rcu));
}

static struct item *new_item(int value)
{
	struct item *item = kmalloc(sizeof(*item), GFP_KERNEL);

	if (item)
		item->value = value;
	return item;
}

static int start(struct kunit *test)
{
	called = 0;
	return 0;
}

static void pointers(struct kunit *test)
{
	static struct item __rcu *shared;
	struct item one = { 1 }, two = { 2 };

	RCU_INIT_POINTER(shared, &one);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, rcu_dereference(shared)->value, 1);
	rcu_read_unlock();
	KUNIT_EXPECT_PTR_EQ(test, rcu_replace_pointer(shared, &two, true), &one);
	KUNIT_EXPECT_EQ(test, rcu_dereference_protected(shared, 1)->value, 2);
	rcu_assign_pointer(shared, NULL);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(shared));
	synchronize_rcu();
}

static void a_callback_comes_later(struct kunit *test)
{
	call_rcu(&new_item(1)->rcu, free_item);
	call_rcu(&new_item(2)->rcu, free_item);
	KUNIT_EXPECT_EQ(test, called, 0);
	msleep(1000);
	KUNIT_EXPECT_EQ(test, called, 2);
	KUNIT_EXPECT_TRUE(test, in_a_softirq);
}

static void a_reader_is_waited_for(struct kunit *test)
{
	struct item *item = new_item(7);

	rcu_read_lock();
	call_rcu(&item->rcu, free_item);
	mdelay(200);
	KUNIT_EXPECT_EQ(test, called, 0);
	KUNIT_EXPECT_EQ(test, item->value, 7);
	rcu_read_unlock();
	msleep(1000);
	KUNIT_EXPECT_EQ(test, called, 1);
}

static void the_barrier_waits_for_all(struct kunit *test)
{
	int i;

	rcu_barrier();
	for (i = 0; i < 10; i++)
		call_rcu(&new_item(i)->rcu, free_item);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, called, 10);
	KUNIT_EXPECT_TRUE(test, in_a_softirq);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, called, 10);
}

static DECLARE_COMPLETION(done);

static void wake(struct rcu_head *head)
{
	complete(&done);
}

static void a_callback_may_wake_a_task(struct kunit *test)
{
	struct rcu_head head;

	init_rcu_head(&head);
	call_rcu(&head, wake);
	wait_for_completion(&done);
	destroy_rcu_head(&head);
}

static struct item *again;

static void call_again(struct rcu_head *head)
{
	if (!called++)
		call_rcu(&again->rcu, call_again);
}

static void a_callback_may_ask_for_another(struct kunit *test)
{
	struct item item;

	again = &item;
	call_rcu(&item.rcu, call_again);
	rcu_barrier();
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, called, 2);
}

static void memory_is_freed(struct kunit *test)
{
	struct { char room[2000]; struct rcu_head rcu; } *large;
	struct item *item = new_item(1), *none = NULL;
	int i;

	kfree_rcu(item, rcu);
	kfree_rcu(none, rcu);
	for (i = 0; i < 3; i++) {
		large = kvmalloc(i ? 200000 : 3000, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, large);
		kvfree_rcu(large, rcu);
	}
	kvfree_rcu(vmalloc(100));
	kfree_rcu_mightsleep(new_item(2));
	rcu_barrier();	/* and nothing leaks */
}

static void who_may_not_sleep_frees_too(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct item *item = new_item(5), *other = new_item(6);

	spin_lock(&lock);
	rcu_read_lock();
	kfree_rcu(item, rcu);
	KUNIT_EXPECT_EQ(test, item->value, 5);
	rcu_read_unlock();
	kfree_rcu(other, rcu);
	spin_unlock(&lock);
	item = vmalloc(sizeof(*item));
	local_irq_disable();
	kvfree_rcu(item, rcu);
	local_irq_enable();
	msleep(1000);
	rcu_barrier();
}

/* Readers that sleep */

DEFINE_STATIC_SRCU(srcu);
static int updated;

static int update(void *data)
{
	synchronize_srcu(&srcu);
	updated = 1;
	return 0;
}

static void a_reader_may_sleep(struct kunit *test)
{
	int index = srcu_read_lock(&srcu), next;
	struct task_struct *updater;

	updated = 0;
	updater = kthread_run(update, NULL, "updater");
	KUNIT_ASSERT_FALSE(test, IS_ERR(updater));
	msleep(100);
	next = srcu_read_lock(&srcu);
	KUNIT_EXPECT_NE_MSG(test, next, index, "who comes now is not waited for");
	KUNIT_EXPECT_EQ(test, updated, 0);
	srcu_read_unlock(&srcu, index);
	msleep(100);
	KUNIT_EXPECT_EQ(test, updated, 1);
	srcu_read_unlock(&srcu, next);
	synchronize_srcu(&srcu);
	cleanup_srcu_struct(&srcu);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pointers),
	KUNIT_CASE(a_callback_comes_later),
	KUNIT_CASE(a_reader_is_waited_for),
	KUNIT_CASE(the_barrier_waits_for_all),
	KUNIT_CASE(a_callback_may_wake_a_task),
	KUNIT_CASE(a_callback_may_ask_for_another),
	KUNIT_CASE(memory_is_freed),
	KUNIT_CASE(who_may_not_sleep_frees_too),
	KUNIT_CASE(a_reader_may_sleep),
	{}
};

static struct kunit_suite suite = { .name = "rcu", .init = start, .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
