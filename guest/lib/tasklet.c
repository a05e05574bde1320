/* Tasklets: as kernel/softirq.c, by timers. */
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include "lib.h"

LIB void __tasklet_run(unsigned long tasklet)
{
	struct tasklet_struct *t = (struct tasklet_struct *)tasklet;

	if (t->disabled)
		t->waits = 1;
	else
		((void (*)(unsigned long))t->func)(t->data);
}

LIB void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long), unsigned long data)
{
	setup_timer(&t->timer, __tasklet_run, (unsigned long)t);
	t->func = func;
	t->data = data;
	t->disabled = t->waits = 0;
}

LIB void tasklet_setup(struct tasklet_struct *t, void (*func)(struct tasklet_struct *))
{
	tasklet_init(t, (void *)func, (unsigned long)t);
}

LIB void tasklet_schedule(struct tasklet_struct *t)
{
	if (!timer_pending(&t->timer) && !t->waits)
		mod_timer(&t->timer, jiffies);
}

/* What was scheduled has run. */
LIB void tasklet_kill(struct tasklet_struct *t)
{
	if (!t->waits && del_timer_sync(&t->timer))
		run_in_softirq((void *)__tasklet_run, t);
}

LIB void tasklet_enable(struct tasklet_struct *t)
{
	if (--t->disabled || !t->waits)
		return;
	t->waits = 0;
	tasklet_schedule(t);
}
