/* Read-copy-update with readers that may sleep: as kernel/srcu.c. */
#include <linux/sched.h>
#include <linux/srcu.h>
#include "lib.h"

LIB int init_srcu_struct(struct srcu_struct *sp)
{
	spin_lock_init(&sp->lock);
	sp->current_index = sp->readers[0] = sp->readers[1] = 0;
	init_waitqueue_head(&sp->gone);
	return 0;
}

LIB void cleanup_srcu_struct(struct srcu_struct *sp)
{
	WARN_ON(sp->readers[0] || sp->readers[1]);
}

LIB int srcu_read_lock(struct srcu_struct *sp)
{
	unsigned long flags;
	int index;

	spin_lock_irqsave(&sp->lock, flags);
	index = sp->current_index;
	sp->readers[index]++;
	spin_unlock_irqrestore(&sp->lock, flags);
	return index;
}

LIB void srcu_read_unlock(struct srcu_struct *sp, int index)
{
	unsigned long flags;

	spin_lock_irqsave(&sp->lock, flags);
	if (!--sp->readers[index])
		wake_up_all(&sp->gone);
	spin_unlock_irqrestore(&sp->lock, flags);
}

/* Those of before an earlier call first: two callers may be under way. */
LIB void synchronize_srcu(struct srcu_struct *sp)
{
	unsigned int before;

	might_sleep();
	wait_event(sp->gone, !sp->readers[!sp->current_index]);
	spin_lock_irq(&sp->lock);
	before = sp->current_index;
	sp->current_index = !before;
	spin_unlock_irq(&sp->lock);
	wait_event(sp->gone, !sp->readers[before]);
}
