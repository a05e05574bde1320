#include <linux/kernel.h>
#include <linux/stacktrace.h>
#include <asm/thread_info.h>
#include "lib.h"

/* By the frames: each begins with the address of the one before and the return address. */
LIB unsigned int stack_trace_save(unsigned long *entries, unsigned int size, unsigned int skip)
{
	unsigned long *frame = __builtin_frame_address(0), stack = (unsigned long)current_thread_info();
	unsigned int count = 0;

	while ((unsigned long)frame > stack && (unsigned long)(frame + 2) <= stack + THREAD_SIZE && count < size) {
		if (skip)
			skip--;
		else
			entries[count++] = frame[1];
		if ((unsigned long *)frame[0] <= frame)
			break;
		frame = (unsigned long *)frame[0];
	}
	return count;
}

LIB void stack_trace_print(const unsigned long *entries, unsigned int count, int spaces)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		printk("%*s%pS\n", 1 + spaces, "", (void *)entries[i]);
}

LIB int stack_trace_snprint(char *buf, size_t size, const unsigned long *entries, unsigned int count, int spaces)
{
	unsigned int i, at = 0;

	for (i = 0; i < count; i++)
		at += snprintf(at < size ? buf + at : NULL, at < size ? size - at : 0, "%*s%pS\n", 1 + spaces, "",
			       (void *)entries[i]);
	return at;
}
