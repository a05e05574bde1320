#ifndef _ASM_TIMEX_H
#define _ASM_TIMEX_H

#include <asm/msr.h>

typedef unsigned long long cycles_t;

static inline cycles_t get_cycles(void)
{
	cycles_t now;

	rdtscll(now);
	return now;
}

#endif
