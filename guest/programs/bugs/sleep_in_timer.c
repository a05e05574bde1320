/*
 * A timer's function sleeps; but it runs in an interrupt, on the stack of whom it interrupted, who cannot sleep for it.
 * expect: sleep_in_timer.c:16: log: BUG: scheduling while atomic: swapper/0x00000100/0
 * expect: sleep_in_timer.c:16: log: BUG: unable to handle kernel NULL pointer dereference
 * expect: log: Kernel panic - not syncing: Fatal exception in interrupt
 * expect: fsck: init_task at ... timer is ... should be 0
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/timer.h>

static void blink(unsigned long times)
{
	while (times--)
		msleep(10);
}

static DEFINE_TIMER(blinker, blink, 0, 3);

int main(void)
{
	mod_timer(&blinker, jiffies + 1);
	msleep(20);
	return 0;
}
