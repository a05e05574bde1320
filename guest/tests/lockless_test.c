/*
 * highmem: --ram 32M --cpus 2
 *
 * What two CPUs may do at once without a lock: lists of llist.h, rings of kfifo.h with one reader and one writer.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kfifo.h>
#include <linux/kthread.h>
#include <linux/llist.h>

enum { EACH = 200 };

struct item {
	struct llist_node node;
	int number;
};

static DECLARE_COMPLETION(done);
static struct item items[2 * EACH];
static LLIST_HEAD(list);
static DEFINE_KFIFO(ring, int, 16);

static int start(int (*work)(void *), void *data, int cpu)
{
	struct task_struct *task = kthread_create(work, data, "lockless/%d", cpu);

	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	wake_up_process(task);
	return 0;
}

static int add_items(void *first)
{
	struct item *item = first;
	int i;

	for (i = 0; i < EACH; i++, item++) {
		item->number = item - items;
		llist_add(&item->node, &list);
		if (i % 8 == 0)
			cpu_relax();
	}
	complete(&done);
	return 0;
}

static void two_add_and_one_takes_all(struct kunit *test)
{
	int seen[2] = { EACH - 1, 2 * EACH - 1 }, count = 0;
	struct llist_node *all;
	struct item *item;

	KUNIT_ASSERT_EQ(test, start(add_items, items, 0), 0);
	KUNIT_ASSERT_EQ(test, start(add_items, items + EACH, 1), 0);
	wait_for_completion(&done);
	wait_for_completion(&done);
	all = llist_del_all(&list);
	llist_for_each_entry(item, all, node) {		/* what each has added comes out backwards */
		KUNIT_EXPECT_EQ(test, item->number, seen[item->number / EACH]--);
		count++;
	}
	KUNIT_EXPECT_EQ(test, count, 2 * EACH);
}

static int write_numbers(void *unused)
{
	int i;

	for (i = 0; i < EACH; i++)
		while (!kfifo_put(&ring, i))
			cpu_relax();
	complete(&done);
	return 0;
}

static int read_numbers(void *wrong)
{
	int i, number;

	for (i = 0; i < EACH; i++) {
		while (!kfifo_get(&ring, &number))
			cpu_relax();
		*(int *)wrong += number != i;
	}
	complete(&done);
	return 0;
}

static void one_writes_and_one_reads(struct kunit *test)
{
	int wrong = 0;

	KUNIT_ASSERT_EQ(test, start(read_numbers, &wrong, 0), 0);
	KUNIT_ASSERT_EQ(test, start(write_numbers, NULL, 1), 0);
	wait_for_completion(&done);
	wait_for_completion(&done);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_TRUE(test, kfifo_is_empty(&ring));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(two_add_and_one_takes_all),
	KUNIT_CASE(one_writes_and_one_reads),
	{}
};

static struct kunit_suite suite = { .name = "lockless", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
