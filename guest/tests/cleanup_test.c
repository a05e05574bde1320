/*
 * What is given back at the end of a scope: guards, classes and __free().
 * highmem: --cpus 2
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

static DEFINE_MUTEX(mutex);
static DEFINE_SPINLOCK(lock);
static DEFINE_RAW_SPINLOCK(raw);
static DEFINE_RWLOCK(rwlock);
static DECLARE_RWSEM(sem);

static int guarded(struct kunit *test, int early)
{
	guard(mutex)(&mutex);
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&mutex));
	if (early)
		return 1;
	scoped_guard(spinlock, &lock) {
		KUNIT_EXPECT_TRUE(test, spin_is_locked(&lock));
		KUNIT_EXPECT_EQ(test, preempt_count(), 1);
	}
	KUNIT_EXPECT_FALSE(test, spin_is_locked(&lock));
	return 2;
}

static void a_guard_ends_with_its_block(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, guarded(test, 1), 1);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
	KUNIT_EXPECT_EQ(test, guarded(test, 0), 2);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
}

static void a_scoped_guard_can_be_left(struct kunit *test)
{
	int rounds = 0;

	scoped_guard(mutex, &mutex) {
		rounds++;
		if (rounds)
			break;
		rounds = 100;
	}
	KUNIT_EXPECT_EQ(test, rounds, 1);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
}

static int may_be_taken(struct kunit *test)
{
	scoped_cond_guard(mutex_try, return -EBUSY, &mutex) {
		KUNIT_EXPECT_TRUE(test, mutex_is_locked(&mutex));
		return 0;
	}
	return -1;
}

static void a_guard_that_fails(struct kunit *test)
{
	int rounds = 0;

	KUNIT_EXPECT_EQ(test, may_be_taken(test), 0);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
	mutex_lock(&mutex);
	KUNIT_EXPECT_EQ(test, may_be_taken(test), -EBUSY);
	scoped_guard(mutex_try, &mutex)
		rounds++;
	KUNIT_EXPECT_EQ(test, rounds, 0);
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&mutex));
	mutex_unlock(&mutex);
	{
		ACQUIRE(mutex_intr, held)(&mutex);
		KUNIT_EXPECT_EQ(test, ACQUIRE_ERR(mutex_intr, &held), 0);
		ACQUIRE(mutex_try, second)(&mutex);
		KUNIT_EXPECT_EQ(test, ACQUIRE_ERR(mutex_try, &second), -EBUSY);
	}
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
	spin_lock(&lock);
	scoped_guard(spinlock_try, &lock)
		rounds++;
	KUNIT_EXPECT_EQ(test, rounds, 0);
	spin_unlock(&lock);
	scoped_guard(spinlock_try, &lock)
		rounds++;
	KUNIT_EXPECT_EQ(test, rounds, 1);
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
}

static void guards_of_each_kind(struct kunit *test)
{
	scoped_guard(spinlock_irqsave, &lock) {
		KUNIT_EXPECT_TRUE(test, irqs_disabled());
		scoped_guard(raw_spinlock_irqsave, &raw)
			KUNIT_EXPECT_TRUE(test, raw_spin_is_locked(&raw));
		KUNIT_EXPECT_TRUE(test, irqs_disabled());
	}
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	scoped_guard(spinlock_irq, &lock)
		KUNIT_EXPECT_TRUE(test, irqs_disabled());
	scoped_guard(spinlock_bh, &lock)
		KUNIT_EXPECT_TRUE(test, in_softirq());
	scoped_guard(read_lock, &rwlock)
		scoped_guard(read_lock_irqsave, &rwlock)
			KUNIT_EXPECT_FALSE(test, write_trylock(&rwlock));
	scoped_guard(write_lock_irq, &rwlock)
		KUNIT_EXPECT_FALSE(test, read_trylock(&rwlock));
	scoped_guard(rwsem_read, &sem)
		KUNIT_EXPECT_FALSE(test, down_write_trylock(&sem));
	scoped_guard(rwsem_write, &sem)
		KUNIT_EXPECT_FALSE(test, down_read_trylock(&sem));
	scoped_guard(rcu)
		scoped_guard(preempt)
			KUNIT_EXPECT_EQ(test, preempt_count(), 2);
	scoped_guard(irqsave)
		KUNIT_EXPECT_TRUE(test, irqs_disabled());
	scoped_guard(irq)
		KUNIT_EXPECT_TRUE(test, irqs_disabled());
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
}

static void *kept(int keep)
{
	char *p __free(kfree) = kmalloc(100, GFP_KERNEL);

	if (!p)
		return NULL;
	*p = 'k';
	if (keep)
		return_ptr(p);
	return NULL;
}

/* What is not freed is found as a leak after the test. */
static void memory_is_freed(struct kunit *test)
{
	void *area __free(vfree) = vmalloc(5000);
	void *page __free(free_page) = (void *)__get_free_page(GFP_KERNEL);
	void *large __free(kvfree) = kvmalloc(200 << 10, GFP_KERNEL);
	void *wrong __free(kfree) = ERR_PTR(-ENOMEM), *none __free(kfree) = NULL;
	void *given __free(kfree) = kmalloc(10, GFP_KERNEL);
	char *p;

	KUNIT_EXPECT_TRUE(test, area && page && large && !none && IS_ERR(wrong));
	KUNIT_EXPECT_NULL(test, kept(0));
	p = kept(1);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, *p, 'k');
	kfree(p);
	p = no_free_ptr(given);
	KUNIT_EXPECT_NULL(test, given);
	given = p;
	retain_and_null_ptr(given);
	KUNIT_EXPECT_NULL(test, given);
	kfree(p);
}

static int open_files;
struct file_like { int number, *count; };

static struct file_like open_like(int number)
{
	open_files++;
	return (struct file_like) { number, &open_files };
}

DEFINE_CLASS(file_like, struct file_like, (*_T.count)--, open_like(number), int number)
EXTEND_CLASS(file_like, _twice, open_like(a + b), int a, int b)

static void a_class_of_ones_own(struct kunit *test)
{
	{
		CLASS(file_like, one)(7);
		CLASS(file_like_twice, two)(20, 22);

		KUNIT_EXPECT_EQ(test, one.number, 7);
		KUNIT_EXPECT_EQ(test, two.number, 42);
		KUNIT_EXPECT_EQ(test, open_files, 2);
	}
	KUNIT_EXPECT_EQ(test, open_files, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_guard_ends_with_its_block),
	KUNIT_CASE(a_scoped_guard_can_be_left),
	KUNIT_CASE(a_guard_that_fails),
	KUNIT_CASE(guards_of_each_kind),
	KUNIT_CASE(memory_is_freed),
	KUNIT_CASE(a_class_of_ones_own),
	{}
};

static struct kunit_suite suite = { .name = "cleanup", .test_cases = cases };
kunit_test_suite(suite);
