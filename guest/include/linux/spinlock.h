#ifndef _LINUX_SPINLOCK_H
#define _LINUX_SPINLOCK_H

#include <linux/cleanup.h>
#include <linux/preempt.h>
#include <linux/interrupt.h>
#include <linux/lockdep.h>
#include <linux/spinlock_types.h>
#include <asm/system.h>
#include <asm/processor.h>

#ifdef CONFIG_SMP

/* 1 is free; below it, somebody holds it. */
static inline int __raw_spin_trylock(spinlock_t *lock)
{
	unsigned int free = 0;

	__asm__ __volatile__("xchgl %0, %1" : "+r" (free), "+m" (lock->slock) : : "memory");
	return free == 1;
}

static inline void __raw_spin_lock(spinlock_t *lock)
{
	while (!__raw_spin_trylock(lock))
		while (lock->slock != 1)
			cpu_relax();
}

static inline void __raw_spin_unlock(spinlock_t *lock)
{
	barrier();
	lock->slock = 1;
}

#define spin_lock_init(l)	((void)(*(l) = SPIN_LOCK_UNLOCKED))
#define spin_is_locked(l)	((l)->slock != 1)
#define assert_spin_locked(l)	BUG_ON(!spin_is_locked(l))

#else

#define __raw_spin_trylock(l)	((void)(l), 1)
#define __raw_spin_lock(l)	((void)(l))
#define __raw_spin_unlock(l)	((void)(l))
#define spin_lock_init(l)	((void)(l))
#define spin_is_locked(l)	((void)(l), 0)
#define assert_spin_locked(l)	((void)(l))

#endif

#define spin_lock(l)		do { preempt_disable(); __raw_spin_lock(l); barrier(); } while (0)
#define spin_unlock(l)		do { barrier(); __raw_spin_unlock(l); preempt_enable(); } while (0)
#define spin_trylock(l)		({ preempt_disable(); __raw_spin_trylock(l) ? 1 : ({ preempt_enable(); 0; }); })
#define spin_lock_irq(l)	do { local_irq_disable(); spin_lock(l); } while (0)
#define spin_unlock_irq(l)	do { spin_unlock(l); local_irq_enable(); } while (0)
#define spin_lock_irqsave(l, flags)		do { local_irq_save(flags); spin_lock(l); } while (0)
#define spin_unlock_irqrestore(l, flags)	do { spin_unlock(l); local_irq_restore(flags); } while (0)
#define spin_lock_bh(l)		do { local_bh_disable(); spin_lock(l); } while (0)
#define spin_unlock_bh(l)	do { spin_unlock(l); local_bh_enable(); } while (0)
#define spin_trylock_irq(l)	({ local_irq_disable(); spin_trylock(l) ? 1 : ({ local_irq_enable(); 0; }); })
#define spin_trylock_irqsave(l, flags) \
	({ local_irq_save(flags); spin_trylock(l) ? 1 : ({ local_irq_restore(flags); 0; }); })
#define spin_trylock_bh(l)	({ local_bh_disable(); spin_trylock(l) ? 1 : ({ local_bh_enable(); 0; }); })
#define spin_lock_nested(l, class)	spin_lock(l)
#define spin_unlock_wait(l)	do { while (spin_is_locked(l)) cpu_relax(); } while (0)
#define spin_can_lock(l)	(!spin_is_locked(l))

/* Later kernels tell these from locks that sleep in a real-time kernel. */
typedef spinlock_t raw_spinlock_t;
#define __RAW_SPIN_LOCK_UNLOCKED(name)	__SPIN_LOCK_UNLOCKED(name)
#define DEFINE_RAW_SPINLOCK(name)	DEFINE_SPINLOCK(name)
#define raw_spin_lock_init(l)		spin_lock_init(l)
#define raw_spin_is_locked(l)		spin_is_locked(l)
#define raw_spin_lock(l)		spin_lock(l)
#define raw_spin_unlock(l)		spin_unlock(l)
#define raw_spin_trylock(l)		spin_trylock(l)
#define raw_spin_lock_irq(l)		spin_lock_irq(l)
#define raw_spin_unlock_irq(l)		spin_unlock_irq(l)
#define raw_spin_lock_irqsave(l, flags)		spin_lock_irqsave(l, flags)
#define raw_spin_unlock_irqrestore(l, flags)	spin_unlock_irqrestore(l, flags)

#define __SPINLOCK_GUARDS(name)							\
DEFINE_LOCK_GUARD_1(name, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock)) \
DEFINE_LOCK_GUARD_1_COND(name, _try, spin_trylock(_T->lock))			\
DEFINE_LOCK_GUARD_1(name##_irq, spinlock_t, spin_lock_irq(_T->lock), spin_unlock_irq(_T->lock)) \
DEFINE_LOCK_GUARD_1_COND(name##_irq, _try, spin_trylock_irq(_T->lock))		\
DEFINE_LOCK_GUARD_1(name##_bh, spinlock_t, spin_lock_bh(_T->lock), spin_unlock_bh(_T->lock)) \
DEFINE_LOCK_GUARD_1_COND(name##_bh, _try, spin_trylock_bh(_T->lock))		\
DEFINE_LOCK_GUARD_1(name##_irqsave, spinlock_t, spin_lock_irqsave(_T->lock, _T->flags), \
		    spin_unlock_irqrestore(_T->lock, _T->flags), unsigned long flags) \
DEFINE_LOCK_GUARD_1_COND(name##_irqsave, _try, spin_trylock_irqsave(_T->lock, _T->flags))
__SPINLOCK_GUARDS(spinlock)
__SPINLOCK_GUARDS(raw_spinlock)

#include <linux/rwlock.h>

#endif
