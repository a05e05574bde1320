#ifndef _LINUX_PANIC_H
#define _LINUX_PANIC_H

#include <linux/compiler.h>
#include <linux/printk.h>

#define TAINT_PROPRIETARY_MODULE	0
#define TAINT_FORCED_MODULE		1
#define TAINT_USER			6
#define TAINT_DIE			7
#define TAINT_WARN			9
#define TAINT_OOT_MODULE		12
#define TAINT_TEST			18

/* Taints are not kept. The second argument is of later kernels. */
enum lockdep_ok { LOCKDEP_STILL_OK, LOCKDEP_NOW_UNRELIABLE };
#define add_taint(...)		((void)0)
#define test_taint(flag)	((void)(flag), 0)
#define get_taint()		0UL

#endif
