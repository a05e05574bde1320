/*
 * One CPU frees a message that the other one still reads, over and over: there is no reference count.
 * highmem: --cpus 2 --schedule 2 --check-access
 * expect: freed_while_used.c:27: access: BUG: KASAN: use-after-free in
 */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/slab.h>

struct message {
	int number;
};

static struct message *volatile shared;
static volatile int started, ended;
static DECLARE_COMPLETION(done);

static int reader(void *unused)
{
	volatile struct message *message = shared;
	int sum = 0;

	started = 1;
	while (!ended)
		sum += message->number;
	complete(&done);
	return sum;
}

int main(void)
{
	struct message *message = kzalloc(sizeof(*message), GFP_KERNEL);
	int again = 1;

	if (!message)
		return -ENOMEM;
	shared = message;
	if (IS_ERR(kthread_run(reader, NULL, "reader")))
		return -ENOMEM;
	while (!started)
		cpu_relax();
	shared = NULL;
	kfree(message);
	while (again--)
		cpu_relax();
	ended = 1;
	wait_for_completion(&done);
	return 0;
}
