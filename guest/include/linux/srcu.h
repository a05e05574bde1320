#ifndef _LINUX_SRCU_H
#define _LINUX_SRCU_H

#include <linux/rcupdate.h>
#include <linux/wait.h>

/* Readers that may sleep: counted, those of now and those of before the last synchronize_srcu() apart. */
struct srcu_struct {
	spinlock_t lock;
	unsigned int current_index;
	unsigned int readers[2];
	wait_queue_head_t gone;
};

#define __SRCU_STRUCT_INITIALIZER(name) \
	{ .lock = __SPIN_LOCK_UNLOCKED((name).lock), .gone = __WAIT_QUEUE_HEAD_INITIALIZER((name).gone) }
#define DEFINE_SRCU(name)		struct srcu_struct name = __SRCU_STRUCT_INITIALIZER(name)
#define DEFINE_STATIC_SRCU(name)	static DEFINE_SRCU(name)

extern int init_srcu_struct(struct srcu_struct *sp);
extern void cleanup_srcu_struct(struct srcu_struct *sp);
extern int srcu_read_lock(struct srcu_struct *sp);	/* what srcu_read_unlock() must be given */
extern void srcu_read_unlock(struct srcu_struct *sp, int index);
extern void synchronize_srcu(struct srcu_struct *sp);
#define synchronize_srcu_expedited(sp)	synchronize_srcu(sp)
#define srcu_barrier(sp)		((void)(sp))
#define srcu_dereference(p, sp)		READ_ONCE(p)
#define srcu_dereference_check(p, sp, c)	((void)(c), READ_ONCE(p))
#define srcu_read_lock_held(sp)		1

DEFINE_LOCK_GUARD_1(srcu, struct srcu_struct, _T->index = srcu_read_lock(_T->lock),
		    srcu_read_unlock(_T->lock, _T->index), int index)

#endif
