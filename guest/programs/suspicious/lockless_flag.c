/*
 * One CPU writes a value and then a flag, the other waits for the flag and reads the value: no lock, but barriers.
 * highmem: --cpus 2 --schedule 3
 */
#include <asm/system.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/slab.h>

struct mail {
	volatile int is_there;
	int number;
};

static struct mail *mail;
static DECLARE_COMPLETION(done);

static int reader(void *sum)
{
	while (!mail->is_there)
		cpu_relax();
	smp_rmb();
	*(int *)sum = mail->number;
	complete(&done);
	return 0;
}

int main(void)
{
	int number = 0;

	mail = kmalloc(sizeof(*mail), GFP_KERNEL);
	if (!mail)
		return -ENOMEM;
	mail->is_there = 0;
	if (IS_ERR(kthread_run(reader, &number, "reader"))) {
		kfree(mail);
		return -ENOMEM;
	}
	mail->number = 5;
	smp_wmb();
	mail->is_there = 1;
	wait_for_completion(&done);
	kfree(mail);
	return number == 5 ? 0 : 1;
}
