#ifndef _LINUX_IRQFLAGS_H
#define _LINUX_IRQFLAGS_H

#include <linux/cleanup.h>

#define X86_EFLAGS_IF	0x200

static inline unsigned long __raw_local_save_flags(void)
{
	unsigned long flags;

	__asm__ __volatile__("pushfl; popl %0" : "=r" (flags) : : "memory");
	return flags;
}

#define local_irq_disable()		__asm__ __volatile__("cli" ::: "memory")
#define local_irq_enable()		__asm__ __volatile__("sti" ::: "memory")
#define local_save_flags(flags)		((void)((flags) = __raw_local_save_flags()))
#define local_irq_save(flags)		do { local_save_flags(flags); local_irq_disable(); } while (0)
#define local_irq_restore(flags) \
	__asm__ __volatile__("pushl %0; popfl" : : "g" ((unsigned long)(flags)) : "memory", "cc")
#define irqs_disabled_flags(flags)	(!((flags) & X86_EFLAGS_IF))
#define irqs_disabled()			irqs_disabled_flags(__raw_local_save_flags())

DEFINE_LOCK_GUARD_0(irq, local_irq_disable(), local_irq_enable())
DEFINE_LOCK_GUARD_0(irqsave, local_irq_save(_T->flags), local_irq_restore(_T->flags), unsigned long flags)

#endif
