#include <linux/uaccess.h>
#include "lib.h"

/*
 * `n` bytes, words first. At a fault ECX says how many units were left: the bytes not copied are the result.
 * A fault among the words leaves the last bytes (n % 4) too.
 */
LIB unsigned long __copy_user(void *to, const void *from, unsigned long n)
{
	unsigned long count = n / 4, tail = n % 4;

	__asm__ __volatile__(
		"1:	rep; movsl\n"
		"	movl %3, %%ecx\n"
		"2:	rep; movsb\n"
		"3:\n"
		"	.pushsection .fixup, \"ax\", @progbits\n"
		"4:	leal (%3, %%ecx, 4), %%ecx\n"
		"	jmp 3b\n"
		"	.popsection\n"
		__EX_TABLE("1b", "4b")
		__EX_TABLE("2b", "3b")
		: "+c" (count), "+D" (to), "+S" (from) : "r" (tail) : "memory");
	return count;
}

LIB unsigned long __clear_user(void *to, unsigned long n)
{
	__asm__ __volatile__(
		"1:	rep; stosb\n"
		"2:\n"
		__EX_TABLE("1b", "2b")
		: "+c" (n), "+D" (to) : "a" (0) : "memory");
	return n;
}

/* The length with its zero byte; more than n where there is none; 0 at a fault. */
LIB long __strnlen_user(const char *s, long n)
{
	long length;

	for (length = 1; length <= n; length++, s++) {
		char c;

		if (__get_user(c, s))
			return 0;
		if (!c)
			break;
	}
	return length;
}

LIB long strncpy_from_user(char *to, const char *from, long n)
{
	long length;

	for (length = 0; length < n; length++) {
		if (get_user(to[length], from + length))
			return -EFAULT;
		if (!to[length])
			break;
	}
	return length;
}

static long probe(void *to, const void *from, size_t n)
{
	mm_segment_t old_fs = get_fs();
	unsigned long left;

	set_fs(KERNEL_DS);
	pagefault_disable();
	left = __copy_user(to, from, n);
	pagefault_enable();
	set_fs(old_fs);
	return left ? -EFAULT : 0;
}

LIB long probe_kernel_read(void *to, const void *from, size_t n)
{
	return probe(to, from, n);
}

LIB long probe_kernel_write(void *to, const void *from, size_t n)
{
	return probe(to, from, n);
}
