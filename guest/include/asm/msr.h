#ifndef _ASM_MSR_H
#define _ASM_MSR_H

#define rdtscll(value)	__asm__ __volatile__("rdtsc" : "=A" (value))
#define rdtscl(low)	__asm__ __volatile__("rdtsc" : "=a" (low) : : "edx")

#endif
