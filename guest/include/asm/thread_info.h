#ifndef _ASM_THREAD_INFO_H
#define _ASM_THREAD_INFO_H

#include <linux/types.h>
#include <asm/bitops.h>
#include <asm/page.h>

#define THREAD_SIZE	8192
#define THREAD_ALIGN	THREAD_SIZE

/* It lies at the bottom of the stack that is in use. */
static inline struct thread_info *current_thread_info(void)
{
	unsigned long esp;

	__asm__("movl %%esp, %0" : "=r" (esp));
	return (struct thread_info *)(esp & ~(THREAD_SIZE - 1UL));
}

#define TIF_SYSCALL_TRACE	0
#define TIF_NOTIFY_RESUME	1
#define TIF_SIGPENDING		2
#define TIF_NEED_RESCHED	3

#define set_ti_thread_flag(info, flag)		set_bit(flag, &(info)->flags)
#define clear_ti_thread_flag(info, flag)	clear_bit(flag, &(info)->flags)
#define test_ti_thread_flag(info, flag)		test_bit(flag, &(info)->flags)
#define set_thread_flag(flag)		set_ti_thread_flag(current_thread_info(), flag)
#define clear_thread_flag(flag)		clear_ti_thread_flag(current_thread_info(), flag)
#define test_thread_flag(flag)		test_ti_thread_flag(current_thread_info(), flag)
#define set_need_resched()		set_thread_flag(TIF_NEED_RESCHED)
#define clear_need_resched()		clear_thread_flag(TIF_NEED_RESCHED)

#endif
