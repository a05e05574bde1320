#ifndef _ASM_THREAD_INFO_H
#define _ASM_THREAD_INFO_H

#include <linux/types.h>
#include <asm/page.h>

#define THREAD_SIZE	8192

/* It lies at the bottom of the stack that is in use. */
static inline struct thread_info *current_thread_info(void)
{
	unsigned long esp;

	__asm__("movl %%esp, %0" : "=r" (esp));
	return (struct thread_info *)(esp & ~(THREAD_SIZE - 1UL));
}

#define TIF_SIGPENDING		2
#define TIF_NEED_RESCHED	3

#endif
