/*
 * vmalloc() hangs a new page table into init_mm alone. Every other address space has a page directory of its own: its
 * first access to what the table maps faults, the kernel copies the entry, and the access goes on. That is a vmalloc
 * fault; there must be one for each page table and address space, and never a second one. With PAE the kernel's pmds
 * are shared by all address spaces, and there are none.
 */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#ifdef CONFIG_X86_PAE
#define TABLE_SIZE	(2UL << 20)	/* bytes that one page table maps */
#else
#define TABLE_SIZE	(4UL << 20)
#endif
#define SPACES		3
#define TABLES		3		/* a run of as many bytes as three page tables map lies in four */

static struct space {
	const char *name;
	struct mm_struct *mm;
	struct task_struct *thread;
	int needed[TABLES + 1];		/* before: whether the page directory lacks the table */
	int faults[TABLES + 1];
	struct completion done;
} spaces[SPACES] = { { "the program's own" }, { "the second" }, { "the third" } };

static char *area;
static int tables;
static void (*work)(struct space *);
static DECLARE_COMPLETION(begin);
static DEFINE_MUTEX(alone);
static int failures;

static void check(const char *what, unsigned long is, unsigned long right)
{
	printk("%-52s %2lu%s\n", what, is, is == right ? "" : "   WRONG");
	if (is != right)
		failures++;
}

/* The first address of the area that table `n` maps. */
static char *place(int n)
{
	return n ? (char *)(((unsigned long)area & ~(TABLE_SIZE - 1)) + n * TABLE_SIZE) : area;
}

/* Whether the page directory of an address space leads to the page table of an address. */
static int has_table(struct mm_struct *mm, const void *address)
{
	unsigned long addr = (unsigned long)address;
#ifdef CONFIG_X86_PAE
	unsigned long long *pgd = (unsigned long long *)mm->pgd;
	unsigned long long *pmds = __va((unsigned long)pgd[addr >> 30] & PAGE_MASK);

	return pmds[addr >> 21 & 511] & 1;
#else
	return mm->pgd[addr >> 22] & 1;
#endif
}

/* Read and write the first word of each table's range, one thread at a time; note the faults. */
static void touch_alone(struct space *space)
{
	unsigned long before;
	int n;

	mutex_lock(&alone);
	for (n = 0; n < tables; n++) {
		space->needed[n] = !has_table(space->mm, place(n));
		before = vmalloc_faults;
		++*(volatile int *)place(n);
		space->faults[n] = vmalloc_faults - before;
		if (!has_table(space->mm, place(n)))
			failures++;
	}
	mutex_unlock(&alone);
}

/* The same without a lock: nobody can say whose fault one was. */
static void touch_together(struct space *space)
{
	int n;

	for (n = 0; n < tables; n++) {
		space->needed[n] = !has_table(space->mm, place(n));
		++*(volatile int *)place(n);
	}
}

/* Each thread is in an address space of its own while it works. */
static int thread(void *data)
{
	struct space *space = data;

	wait_for_completion(&begin);
	use_mm(space->mm);
	work(space);
	unuse_mm(space->mm);
	complete(&space->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Have a thread in each address space do `what`; the vmalloc faults of all, and how many there must be. */
static unsigned long run(void (*what)(struct space *), unsigned long *right)
{
	unsigned long before = vmalloc_faults;
	int i, n;

	work = what;
	init_completion(&begin);
	for (i = 0; i < SPACES; i++) {
		init_completion(&spaces[i].done);
		spaces[i].thread = kthread_run(thread, &spaces[i], "space/%d", i);
	}
	complete_all(&begin);
	for (i = 0; i < SPACES; i++)
		wait_for_completion(&spaces[i].done);
	*right = 0;
	for (i = 0; i < SPACES; i++) {
		kthread_stop(spaces[i].thread);
		for (n = 0; n < tables; n++)
			*right += spaces[i].needed[n];
	}
	return vmalloc_faults - before;
}

static char *new_area(void)
{
	area = vmalloc(TABLES * TABLE_SIZE);
	if (!area)
		panic("vmalloc_sync: no memory\n");
	for (tables = 1; place(tables) < area + TABLES * TABLE_SIZE; tables++)
		;
	return area;
}

static void show(void)
{
	int i, n;

	printk("\n%-20s", "vmalloc faults at");
	for (n = 0; n < tables; n++)
		printk(" %p", place(n));
	printk("\n");
	for (i = 0; i < SPACES; i++) {
		printk("%-20s", spaces[i].name);
		for (n = 0; n < tables; n++) {
			printk(" %8d", spaces[i].faults[n]);
			if (spaces[i].faults[n] != spaces[i].needed[n])
				failures++;
		}
		printk("\n");
	}
	printk("\n");
}

int main(void)
{
	char *areas[3] = { NULL };
	unsigned long faults, right, new = 0;
	int i, n;

	spaces[0].mm = get_task_mm(current);
	for (i = 1; i < SPACES; i++)
		spaces[i].mm = mm_alloc();
	if (!spaces[0].mm || !spaces[1].mm || !spaces[2].mm)
		return 1;

	faults = vmalloc_faults;
	areas[0] = new_area();
	printk("vmalloc(%lu MB) = %p, which %d page tables map\n", TABLES * TABLE_SIZE >> 20, area, tables);
	for (n = 0; n < tables; n++)
		new += has_table(&init_mm, place(n)) && !has_table(spaces[0].mm, place(n));
#ifdef CONFIG_X86_PAE
	check("of these are in init_mm alone", new, 0);
#else
	/* The first one was there for the program's code. Tables stay: the next program in this machine finds all. */
	printk("%-52s %2lu\n", "of these are in init_mm alone", new);
#endif
	check("vmalloc faults by vmalloc() itself", vmalloc_faults - faults, 0);

	faults = run(touch_alone, &right);
	show();
	check("one for each page table and address space", faults, right);
	check("when all is touched again", run(touch_alone, &right), 0);

	areas[1] = new_area();
	faults = run(touch_together, &right);
	check("another such area, touched by all threads at once", faults, right);

	areas[2] = new_area();
	vmalloc_sync_all();
	check("a third one, after vmalloc_sync_all()", run(touch_alone, &right), 0);

	for (i = 0; i < 3; i++)
		vfree(areas[i]);
	for (i = 0; i < SPACES; i++)
		mmput(spaces[i].mm);
	printk("%s\n", failures ? "vmalloc_sync: FAILED" : "vmalloc_sync: ok");
	return failures != 0;
}
