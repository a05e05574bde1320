/*
 * A timer is set that lies in a freed object. The kernel links it there; with poison it takes it for a timer that is
 * linked already, and follows that.
 * highmem: --slab-debug P
 * expect: timer_armed_after_free.c:23: log: BUG: unable to handle kernel paging request at virtual address 6b6b6b...
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct request {
	struct timer_list timer;
	int number;
};

static void expired(unsigned long unused)
{
}

static noinline void retry(struct request *request)
{
	mod_timer(&request->timer, jiffies + 1);
}

int main(void)
{
	struct request *request = kmalloc(sizeof(*request), GFP_KERNEL);

	if (!request)
		return -ENOMEM;
	setup_timer(&request->timer, expired, 0);
	kfree(request);
	retry(request);
	del_timer(&request->timer);
	return 0;
}
