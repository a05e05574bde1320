/* Address spaces of kernel threads: mm_alloc, use_mm, and the kernel's part that all of them share. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

static struct mm_struct *mm;
static DECLARE_COMPLETION(done);
static struct {
	int borrowed, walks, given_back;
	char *area;
} seen;

static int make_mm(struct kunit *test)
{
	memset(&seen, 0, sizeof(seen));
	mm = mm_alloc();
	return mm ? 0 : -ENOMEM;
}

static void drop_mm(struct kunit *test)
{
	if (mm)		/* it is called where the beginning failed, too */
		mmput(mm);
}

static void a_new_one_has_a_directory_of_its_own(struct kunit *test)
{
	unsigned long address;

	KUNIT_EXPECT_PTR_NE(test, mm->pgd, init_mm.pgd);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
	for (address = 0; address < PAGE_OFFSET; address += PGDIR_SIZE)
		KUNIT_ASSERT_EQ(test, pgd_val(*pgd_offset(mm, address)), 0);
	KUNIT_EXPECT_MEMEQ_MSG(test, pgd_offset(mm, PAGE_OFFSET), pgd_offset_k(PAGE_OFFSET), 16 * sizeof(pgd_t),
			       "the kernel's part");
}

static int borrow(void *unused)
{
	struct mm_struct *before = current->mm;

	use_mm(mm);
	seen.borrowed = !before && current->mm == mm && current->active_mm == mm;
	seen.walks = read_cr3() == __pa(mm->pgd);
	unuse_mm(mm);
	seen.given_back = !current->mm;
	complete(&done);
	return 0;
}

static void a_thread_borrows_one(struct kunit *test)
{
	kthread_run(borrow, NULL, "borrow");
	wait_for_completion(&done);
	msleep(10);
	KUNIT_EXPECT_TRUE(test, seen.borrowed);
	KUNIT_EXPECT_TRUE_MSG(test, seen.walks, "CR3 leads to its page directory");
	KUNIT_EXPECT_TRUE(test, seen.given_back);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
}

static void a_task_keeps_its_own(struct kunit *test)
{
	struct mm_struct *mine = get_task_mm(current);

	KUNIT_ASSERT_NOT_NULL(test, mine);
	KUNIT_EXPECT_PTR_EQ(test, mine, current->mm);
	KUNIT_EXPECT_EQ(test, atomic_read(&mine->mm_users), 2);
	mmput(mine);
	KUNIT_EXPECT_EQ(test, atomic_read(&mine->mm_users), 1);
}

static int write_there(void *unused)
{
	use_mm(mm);
	strcpy(seen.area, "by a thread");	/* its directory learns of the page table by a fault, if it does not know it */
	unuse_mm(mm);
	complete(&done);
	return 0;
}

static void vmalloc_is_seen_in_all_of_them(struct kunit *test)
{
	seen.area = vmalloc(PAGE_SIZE);
	kthread_run(write_there, NULL, "write");
	wait_for_completion(&done);
	msleep(10);
	KUNIT_EXPECT_STREQ(test, seen.area, "by a thread");
	vfree(seen.area);
}

static void vmalloc_sync_all_leaves_no_fault(struct kunit *test)
{
	unsigned long faults;
	char *area = vmalloc(8 << 20);	/* page tables that are new */

	KUNIT_ASSERT_NOT_NULL(test, area);
	vmalloc_sync_all();
	faults = vmalloc_faults;
	memset(area, 1, 8 << 20);
	KUNIT_EXPECT_EQ(test, vmalloc_faults, faults);
	KUNIT_EXPECT_EQ(test, pgd_val(*pgd_offset(mm, (unsigned long)area)), pgd_val(*pgd_offset_k((unsigned long)area)));
	vfree(area);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_new_one_has_a_directory_of_its_own),
	KUNIT_CASE(a_thread_borrows_one),
	KUNIT_CASE(a_task_keeps_its_own),
	KUNIT_CASE(vmalloc_is_seen_in_all_of_them),
	KUNIT_CASE(vmalloc_sync_all_leaves_no_fault),
	{}
};

static struct kunit_suite suite = { .name = "mm", .init = make_mm, .exit = drop_mm, .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
