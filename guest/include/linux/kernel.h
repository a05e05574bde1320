#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

#include <stdarg.h>
#include <linux/linkage.h>
#include <linux/stddef.h>
#include <linux/limits.h>
#include <linux/types.h>
#include <linux/array_size.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/hex.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <asm/byteorder.h>
#include <asm/bug.h>
#include <generated/calls/sched.h>

#define STACK_MAGIC	0xdeadbeef

#define ALIGN(x, a)	(((x) + ((typeof(x))(a) - 1)) & ~((typeof(x))(a) - 1))
#define PTR_ALIGN(p, a)	((typeof(p))ALIGN((unsigned long)(p), (a)))
#define IS_ALIGNED(x, a)	(((x) & ((typeof(x))(a) - 1)) == 0)
#define FIELD_SIZEOF(type, member)	(sizeof(((type *)0)->member))
#define sizeof_field(type, member)	FIELD_SIZEOF(type, member)
#define upper_32_bits(n)	((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n)	((u32)(n))
#define upper_16_bits(n)	((u16)((n) >> 16))
#define lower_16_bits(n)	((u16)(n))
#define REPEAT_BYTE(x)		((x) * 0x01010101UL)
#define REPEAT_BYTE_U32(x)	((u32)REPEAT_BYTE(x))
#define ALIGN_DOWN(x, a)	((x) & ~((typeof(x))(a) - 1))
#define PTR_ALIGN_DOWN(p, a)	((typeof(p))ALIGN_DOWN((unsigned long)(p), (a)))
#define PTR_IF(condition, ptr)	((condition) ? (ptr) : NULL)
#define u64_to_user_ptr(x)	((void __user *)(unsigned long)(u64)(x))

#define _RET_IP_	((unsigned long)__builtin_return_address(0))
#define _THIS_IP_	({ __label__ __this; __this: (unsigned long)&&__this; })

#define typecheck(type, x) \
	({ type __wanted; typeof(x) __got; (void)(&__wanted == &__got); 1; })

#define container_of(ptr, type, member) ({				\
	const typeof(((type *)0)->member) *__member = (ptr);		\
	(type *)((char *)__member - offsetof(type, member)); })
#define container_of_const(ptr, type, member)				\
	((typeof(_Generic(ptr, const typeof(*(ptr)) *: (const type *)NULL, default: (type *)NULL))) \
	 container_of(ptr, type, member))
#define typeof_member(type, member)	typeof(((type *)0)->member)

/* Programs come when all is up. */
enum system_states { SYSTEM_BOOTING, SYSTEM_RUNNING, SYSTEM_HALT, SYSTEM_POWER_OFF, SYSTEM_RESTART };
#define system_state	SYSTEM_RUNNING

/* Complains where the caller must not sleep; else, gives way if the time slice is over. */
#define might_sleep()		do { __might_sleep(__FILE__, __LINE__); cond_resched(); } while (0)
#define might_sleep_if(cond)	do { if (cond) might_sleep(); } while (0)

extern unsigned long long memparse(const char *text, char **end);
extern int get_option(char **text, int *value);
extern char *get_options(const char *text, int count, int *values);
extern int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
extern int vscnprintf(char *buf, size_t size, const char *fmt, va_list args);
extern int sscanf(const char *text, const char *fmt, ...) __attribute__((format(scanf, 2, 3)));
extern int vsscanf(const char *text, const char *fmt, va_list args);
extern char *kasprintf(gfp_t gfp, const char *fmt, ...) __printf(2, 3);
extern char *kvasprintf(gfp_t gfp, const char *fmt, va_list args);

/* Four bytes of an IPv4 address in the network's order, for "%u.%u.%u.%u". */
#define NIPQUAD(addr)							\
	((unsigned char *)&addr)[0], ((unsigned char *)&addr)[1],	\
	((unsigned char *)&addr)[2], ((unsigned char *)&addr)[3]
#define HIPQUAD(addr)							\
	((unsigned char *)&addr)[3], ((unsigned char *)&addr)[2],	\
	((unsigned char *)&addr)[1], ((unsigned char *)&addr)[0]

/* What si_meminfo of <linux/mm.h> fills in. */
struct sysinfo {
	long uptime;
	unsigned long loads[3];
	unsigned long totalram;
	unsigned long freeram;
	unsigned long sharedram;
	unsigned long bufferram;
	unsigned long totalswap;
	unsigned long freeswap;
	unsigned short procs;
	unsigned short pad;
	unsigned long totalhigh;
	unsigned long freehigh;
	unsigned int mem_unit;
	char _f[20 - 2 * sizeof(long) - sizeof(int)];
};

#endif
