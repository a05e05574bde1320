/*
 * Kernel threads and address spaces: what use_mm and unuse_mm make of mm, active_mm, the counts and CR3. "wrong" as the
 * argument: a second use_mm; "exit": a thread that ends in a borrowed address space.
 */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/system.h>

static struct mm_struct *other;
static const char *argument = "";
static int failures;

#define CHECK(condition) \
	do { if (!(condition)) { failures++; printk("line %d: %s\n", __LINE__, #condition); } } while (0)

static int count(struct mm_struct *mm)
{
	return atomic_read(&mm->mm_count);
}

/* What one CPU alone makes of the count: others that are idle borrow address spaces, too. */
#define COUNT(mm, right)	(num_online_cpus() > 1 || atomic_read(&(mm)->mm_count) == (right))

static int users(struct mm_struct *mm)
{
	return atomic_read(&mm->mm_users);
}

/* Whether CR3 leads to the page directory of `mm`. */
static int walks(struct mm_struct *mm)
{
	return read_cr3() == __pa(mm->pgd);
}

static int thread(void *mine)
{
	struct mm_struct *mm = mine;
	int before = count(other);

	CHECK(!current->mm && current->active_mm && walks(current->active_mm));
	CHECK(get_task_mm(current) == NULL);
	use_mm(other);
	CHECK(current->mm == other && current->active_mm == other && walks(other));
	CHECK(current->flags & PF_BORROWED_MM);
	CHECK(COUNT(other, before + 1) && users(other) == 1);
	CHECK(get_task_mm(current) == NULL);
	if (!strcmp(argument, "wrong"))
		use_mm(mm);
	schedule_timeout_uninterruptible(2);	/* others run, the address space stays */
	CHECK(current->mm == other && walks(other) && COUNT(other, before + 1));
	if (!strcmp(argument, "exit"))
		return 0;
	unuse_mm(other);
	CHECK(!current->mm && current->active_mm == other && walks(other) && COUNT(other, before + 1));
	use_mm(mm);
	CHECK(walks(mm) && COUNT(other, before) && users(mm) == 2);
	unuse_mm(mm);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	CHECK(!current->mm && current->active_mm && walks(current->active_mm));
	return failures;
}

int main(int argc, char **argv)
{
	struct mm_struct *mm = get_task_mm(current);
	struct task_struct *task;
	int before;

	if (argc > 1)
		argument = argv[1];
	CHECK(mm == current->mm && mm == current->active_mm && users(mm) == 2 && walks(mm));
	other = mm_alloc();
	CHECK(other && users(other) == 1 && COUNT(other, 1) && other->pgd != mm->pgd);
	before = count(mm);
	task = kthread_run(thread, mm, "thread");
	CHECK(get_task_mm(task) == NULL);
	schedule_timeout_uninterruptible(10);
	CHECK(walks(mm));
	if (strcmp(argument, "exit"))
		kthread_stop(task);
	schedule_timeout_uninterruptible(1);
	CHECK(COUNT(mm, before) && users(mm) == 2 && COUNT(other, 1));
	mmput(other);
	mmput(mm);
	return failures;
}
