#ifndef _LINUX_STACKTRACE_H
#define _LINUX_STACKTRACE_H

#include <linux/types.h>

/* The return addresses on the stack, from the caller's own place on; `skip` of them are left out. How many. */
extern unsigned int stack_trace_save(unsigned long *entries, unsigned int size, unsigned int skip);
extern void stack_trace_print(const unsigned long *entries, unsigned int count, int spaces);
extern int stack_trace_snprint(char *buf, size_t size, const unsigned long *entries, unsigned int count, int spaces);

#endif
