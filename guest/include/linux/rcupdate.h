#ifndef _LINUX_RCUPDATE_H
#define _LINUX_RCUPDATE_H

#include <linux/list.h>
#include <linux/preempt.h>

/* A reader keeps its CPU: when every CPU has changed its task, nobody reads what was taken off before. */
#define rcu_read_lock()			preempt_disable()
#define rcu_read_unlock()		preempt_enable()
#define rcu_read_lock_bh()		local_bh_disable()
#define rcu_read_unlock_bh()		local_bh_enable()
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_protected(p, c)	((void)(c), (p))
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_assign_pointer(p, value)	do { barrier(); (p) = (value); } while (0)
#define RCU_INIT_POINTER(p, value)	((void)((p) = (value)))

extern void synchronize_rcu(void);	/* sleeps */
#define synchronize_kernel()	synchronize_rcu()

#endif
