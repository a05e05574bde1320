#ifndef _LINUX_UACCESS_H
#define _LINUX_UACCESS_H

#include <linux/preempt.h>
#include <asm/uaccess.h>

/* In between, a fault that nothing explains goes to the fixup at once. */
#define pagefault_disable()	do { inc_preempt_count(); barrier(); } while (0)
#define pagefault_enable()	do { barrier(); dec_preempt_count(); } while (0)

/* Reads an address that may be bad: 0, or -EFAULT with the result zeroed. */
#define probe_kernel_address(addr, retval) ({				\
	long __probe;							\
	mm_segment_t __old_fs = get_fs();				\
	set_fs(KERNEL_DS);						\
	pagefault_disable();						\
	__probe = __get_user(retval, (typeof(retval) *)(addr));		\
	pagefault_enable();						\
	set_fs(__old_fs);						\
	__probe; })
#define get_kernel_nofault(retval, addr)	probe_kernel_address(addr, retval)

extern long probe_kernel_read(void *to, const void *from, size_t n);
extern long probe_kernel_write(void *to, const void *from, size_t n);

#endif
