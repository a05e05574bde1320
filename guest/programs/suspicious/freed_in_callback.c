/* A timer frees the object that it is a part of, as its last act: nobody touches it afterwards. */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct request {
	struct timer_list timer;
	int number;
};

static int ended;

static void end(unsigned long data)
{
	struct request *request = (struct request *)data;

	ended = request->number;
	kfree(request);
}

int main(void)
{
	struct request *request = kmalloc(sizeof(*request), GFP_KERNEL);

	if (!request)
		return -ENOMEM;
	request->number = 5;
	setup_timer(&request->timer, end, (unsigned long)request);
	mod_timer(&request->timer, jiffies + 1);
	msleep(20);
	return ended == 5 ? 0 : 1;
}
