#ifndef _ASM_PROCESSOR_H
#define _ASM_PROCESSOR_H

#include <linux/types.h>
#include <asm/page.h>
#include <asm/system.h>

#define rep_nop()	__asm__ __volatile__("rep; nop" ::: "memory")

/* What a loop does while it waits: time passes by it, and timers go off. */
extern void cpu_relax(void);

#define TASK_SIZE	PAGE_OFFSET

static inline void cpuid(unsigned int op, unsigned int *eax, unsigned int *ebx, unsigned int *ecx, unsigned int *edx)
{
	__asm__ __volatile__("cpuid" : "=a" (*eax), "=b" (*ebx), "=c" (*ecx), "=d" (*edx) : "0" (op), "2" (0));
}

#endif
