#ifndef _LINUX_RWLOCK_H
#define _LINUX_RWLOCK_H

#include <linux/spinlock.h>
#include <asm/atomic.h>

#ifdef CONFIG_SMP

/* It counts down from RW_LOCK_BIAS: a reader takes 1, a writer all. */
#define RW_LOCK_BIAS	0x01000000

static inline int __raw_rw_trylock(rwlock_t *rw, unsigned int wanted)
{
	unsigned int left = rw->lock;

	for (;;) {
		unsigned int found;

		if (left < wanted)
			return 0;
		found = cmpxchg(&rw->lock, left, left - wanted);
		if (found == left)
			return 1;
		left = found;
	}
}

static inline void __raw_rw_lock(rwlock_t *rw, unsigned int wanted)
{
	while (!__raw_rw_trylock(rw, wanted))
		cpu_relax();
}

static inline void __raw_rw_unlock(rwlock_t *rw, unsigned int taken)
{
	__asm__ __volatile__("lock; addl %1, %0" : "+m" (rw->lock) : "ir" (taken) : "memory");
}

#define rwlock_init(rw)		((void)(*(rw) = RW_LOCK_UNLOCKED))

#else

#define RW_LOCK_BIAS	0
#define __raw_rw_trylock(rw, wanted)	((void)(rw), 1)
#define __raw_rw_lock(rw, wanted)	((void)(rw))
#define __raw_rw_unlock(rw, taken)	((void)(rw))
#define rwlock_init(rw)			((void)(rw))

#endif

#define __rw_lock(rw, n)	do { preempt_disable(); __raw_rw_lock(rw, n); barrier(); } while (0)
#define __rw_unlock(rw, n)	do { barrier(); __raw_rw_unlock(rw, n); preempt_enable(); } while (0)
#define __rw_trylock(rw, n)	({ preempt_disable(); __raw_rw_trylock(rw, n) ? 1 : ({ preempt_enable(); 0; }); })

#define read_lock(rw)		__rw_lock(rw, 1)
#define read_unlock(rw)		__rw_unlock(rw, 1)
#define read_trylock(rw)	__rw_trylock(rw, 1)
#define write_lock(rw)		__rw_lock(rw, RW_LOCK_BIAS)
#define write_unlock(rw)	__rw_unlock(rw, RW_LOCK_BIAS)
#define write_trylock(rw)	__rw_trylock(rw, RW_LOCK_BIAS)

#define read_lock_irq(rw)	do { local_irq_disable(); read_lock(rw); } while (0)
#define read_unlock_irq(rw)	do { read_unlock(rw); local_irq_enable(); } while (0)
#define read_lock_irqsave(rw, flags)		do { local_irq_save(flags); read_lock(rw); } while (0)
#define read_unlock_irqrestore(rw, flags)	do { read_unlock(rw); local_irq_restore(flags); } while (0)
#define read_lock_bh(rw)	do { local_bh_disable(); read_lock(rw); } while (0)
#define read_unlock_bh(rw)	do { read_unlock(rw); local_bh_enable(); } while (0)
#define write_lock_irq(rw)	do { local_irq_disable(); write_lock(rw); } while (0)
#define write_unlock_irq(rw)	do { write_unlock(rw); local_irq_enable(); } while (0)
#define write_lock_irqsave(rw, flags)		do { local_irq_save(flags); write_lock(rw); } while (0)
#define write_unlock_irqrestore(rw, flags)	do { write_unlock(rw); local_irq_restore(flags); } while (0)
#define write_lock_bh(rw)	do { local_bh_disable(); write_lock(rw); } while (0)
#define write_unlock_bh(rw)	do { write_unlock(rw); local_bh_enable(); } while (0)

#define __RWLOCK_GUARDS(kind)						\
DEFINE_LOCK_GUARD_1(kind##_lock, rwlock_t, kind##_lock(_T->lock), kind##_unlock(_T->lock)) \
DEFINE_LOCK_GUARD_1(kind##_lock_irq, rwlock_t, kind##_lock_irq(_T->lock), kind##_unlock_irq(_T->lock)) \
DEFINE_LOCK_GUARD_1(kind##_lock_irqsave, rwlock_t, kind##_lock_irqsave(_T->lock, _T->flags), \
		    kind##_unlock_irqrestore(_T->lock, _T->flags), unsigned long flags)
__RWLOCK_GUARDS(read)
__RWLOCK_GUARDS(write)

#endif
