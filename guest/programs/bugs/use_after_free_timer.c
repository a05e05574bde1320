/*
 * A connection is freed while its timer runs. When the timer is due, the kernel looks at what was
 * freed, and its function works on it.
 * highmem: --check-access
 * expect: use_after_free_timer.c:32: access: BUG: KASAN: use-after-free in run_timer_softirq
 * expect: use_after_free_timer.c:21: access: BUG: KASAN: use-after-free in
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct connection {
	struct timer_list timer;
	int timeouts;
};

static void timed_out(unsigned long data)
{
	((struct connection *)data)->timeouts++;
}

int main(void)
{
	struct connection *connection = kzalloc(sizeof(*connection), GFP_KERNEL);

	if (!connection)
		return -ENOMEM;
	setup_timer(&connection->timer, timed_out, (unsigned long)connection);
	mod_timer(&connection->timer, jiffies + 2);
	kfree(connection);	/* without del_timer() */
	msleep(20);
	return 0;
}
