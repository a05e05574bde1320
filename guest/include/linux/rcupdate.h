#ifndef _LINUX_RCUPDATE_H
#define _LINUX_RCUPDATE_H

#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

/*
 * A reader keeps its CPU: when every CPU has changed its task, nobody reads what was taken off before. Where there is
 * one CPU only, the readers are counted too.
 */
#ifdef CONFIG_SMP
#define __rcu_reader(n)			do { } while (0)
#else
extern unsigned int __rcu_readers;
#define __rcu_reader(n)			((void)(__rcu_readers += (n)))
#endif
#define rcu_read_lock()			do { preempt_disable(); __rcu_reader(1); } while (0)
#define rcu_read_unlock()		do { __rcu_reader(-1); preempt_enable(); } while (0)
#define rcu_read_lock_bh()		do { local_bh_disable(); __rcu_reader(1); } while (0)
#define rcu_read_unlock_bh()		do { __rcu_reader(-1); local_bh_enable(); } while (0)
#define rcu_read_lock_sched()		rcu_read_lock()
#define rcu_read_unlock_sched()		rcu_read_unlock()
#define rcu_read_lock_held()		1
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_raw(p)		READ_ONCE(p)
#define rcu_dereference_bh(p)		READ_ONCE(p)
#define rcu_dereference_sched(p)	READ_ONCE(p)
#define rcu_dereference_check(p, c)	((void)(c), READ_ONCE(p))
#define rcu_dereference_protected(p, c)	((void)(c), (p))
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_pointer_handoff(p)		(p)
#define unrcu_pointer(p)		(p)
#define rcu_assign_pointer(p, value)	do { barrier(); (p) = (value); } while (0)
#define rcu_replace_pointer(p, value, c) \
	({ typeof(p) __before = (p); (void)(c); rcu_assign_pointer(p, value); __before; })
#define RCU_INIT_POINTER(p, value)	((void)((p) = (value)))
#define RCU_POINTER_INITIALIZER(p, value)	.p = (value)
#define RCU_LOCKDEP_WARN(c, text)	do { } while (0)

extern void synchronize_rcu(void);	/* sleeps */
#define synchronize_kernel()		synchronize_rcu()
#define synchronize_sched()		synchronize_rcu()
#define synchronize_net()		synchronize_rcu()
#define synchronize_rcu_bh()		synchronize_rcu()
#define synchronize_rcu_expedited()	synchronize_rcu()

/* struct rcu_head, one callback: `func` gets it, in softirq context, when the readers of now are gone. */
typedef void (*rcu_callback_t)(struct rcu_head *head);
#define callback_head			rcu_head
#define RCU_HEAD_INIT			{ .next = NULL, .func = NULL }
#define RCU_HEAD(head)			struct rcu_head head = RCU_HEAD_INIT
#define INIT_RCU_HEAD(head)		((void)(*(head) = (struct rcu_head)RCU_HEAD_INIT))
#define init_rcu_head(head)		((void)(head))
#define destroy_rcu_head(head)		((void)(head))

extern void call_rcu(struct rcu_head *head, rcu_callback_t func);
#define call_rcu_bh(head, func)		call_rcu(head, func)
#define call_rcu_sched(head, func)	call_rcu(head, func)
#define call_rcu_hurry(head, func)	call_rcu(head, func)

/* Sleeps until all callbacks of before have run: what a program does before it ends. */
extern void rcu_barrier(void);
#define rcu_barrier_bh()		rcu_barrier()
#define rcu_barrier_sched()		rcu_barrier()

/*
 * kfree_rcu(p, member): frees *p, which has `member`, a struct rcu_head, when its readers are gone. Without a member
 * the caller must be one who may sleep.
 */
extern void __kvfree_rcu(struct rcu_head *head, unsigned long offset);
#define __kvfree_rcu_2(p, member) do {					\
	typeof(p) __freed = (p);					\
	_Static_assert(offsetof(typeof(*(p)), member) < 4096, #member ": lies too far in its struct"); \
	if (__freed)							\
		__kvfree_rcu(&__freed->member, offsetof(typeof(*(p)), member)); \
} while (0)
#define __kvfree_rcu_1(p) do {						\
	const void *__freed = (p);					\
	synchronize_rcu();						\
	kvfree(__freed);						\
} while (0)
#define kvfree_rcu(...)	__PASTE(__kvfree_rcu_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define kfree_rcu(...)	kvfree_rcu(__VA_ARGS__)
#define kvfree_rcu_mightsleep(p)	__kvfree_rcu_1(p)
#define kfree_rcu_mightsleep(p)		__kvfree_rcu_1(p)
#define kvfree_rcu_barrier()		rcu_barrier()

DEFINE_LOCK_GUARD_0(rcu, rcu_read_lock(), rcu_read_unlock())

#endif
