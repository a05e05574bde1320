#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

#include <stdarg.h>
#include <linux/linkage.h>
#include <linux/stddef.h>
#include <linux/limits.h>
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/printk.h>
#include <asm/byteorder.h>
#include <asm/bug.h>
#include <generated/calls/sched.h>

#define STACK_MAGIC	0xdeadbeef

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]) + __must_be_array(a) * 0)
#define ALIGN(x, a)	(((x) + ((typeof(x))(a) - 1)) & ~((typeof(x))(a) - 1))
#define PTR_ALIGN(p, a)	((typeof(p))ALIGN((unsigned long)(p), (a)))
#define IS_ALIGNED(x, a)	(((x) & ((typeof(x))(a) - 1)) == 0)
#define FIELD_SIZEOF(type, member)	(sizeof(((type *)0)->member))
#define sizeof_field(type, member)	FIELD_SIZEOF(type, member)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define roundup(x, y)		((((x) + ((y) - 1)) / (y)) * (y))
#define rounddown(x, y)		((x) - (x) % (y))
#define round_up(x, y)		((((x) - 1) | ((typeof(x))(y) - 1)) + 1)
#define round_down(x, y)	((x) & ~((typeof(x))(y) - 1))
#define upper_32_bits(n)	((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n)	((u32)(n))

#define abs(x) ({ int __abs = (x); __abs < 0 ? -__abs : __abs; })

/* Comparing pointers of two types is a warning: so the types of both sides are checked. */
#define min(x, y) ({ typeof(x) __x = (x); typeof(y) __y = (y);		\
	(void)(&__x == &__y); __x < __y ? __x : __y; })
#define max(x, y) ({ typeof(x) __x = (x); typeof(y) __y = (y);		\
	(void)(&__x == &__y); __x > __y ? __x : __y; })
#define min_t(type, x, y) ({ type __x = (x); type __y = (y); __x < __y ? __x : __y; })
#define max_t(type, x, y) ({ type __x = (x); type __y = (y); __x > __y ? __x : __y; })
#define min3(x, y, z)	min((typeof(x))min(x, y), z)
#define max3(x, y, z)	max((typeof(x))max(x, y), z)
#define clamp(value, low, high)	min((typeof(value))max(value, low), high)
#define clamp_t(type, value, low, high)	min_t(type, max_t(type, value, low), high)
#define clamp_val(value, low, high)	clamp_t(typeof(value), value, low, high)
#define swap(a, b)	do { typeof(a) __swap = (a); (a) = (b); (b) = __swap; } while (0)

#define typecheck(type, x) \
	({ type __wanted; typeof(x) __got; (void)(&__wanted == &__got); 1; })

#define container_of(ptr, type, member) ({				\
	const typeof(((type *)0)->member) *__member = (ptr);		\
	(type *)((char *)__member - offsetof(type, member)); })

/* Complains where the caller must not sleep; else, gives way if the time slice is over. */
#define might_sleep()		do { __might_sleep(__FILE__, __LINE__); cond_resched(); } while (0)
#define might_sleep_if(cond)	do { if (cond) might_sleep(); } while (0)

#define TAINT_PROPRIETARY_MODULE	(1 << 0)
#define TAINT_FORCED_MODULE		(1 << 1)

extern unsigned long simple_strtoul(const char *text, char **end, unsigned int base);
extern long simple_strtol(const char *text, char **end, unsigned int base);
extern unsigned long long simple_strtoull(const char *text, char **end, unsigned int base);
extern long long simple_strtoll(const char *text, char **end, unsigned int base);
extern int strict_strtoul(const char *text, unsigned int base, unsigned long *result);
extern int strict_strtol(const char *text, unsigned int base, long *result);
extern int kstrtoul(const char *text, unsigned int base, unsigned long *result);
extern int kstrtol(const char *text, unsigned int base, long *result);
extern int kstrtouint(const char *text, unsigned int base, unsigned int *result);
extern int kstrtoint(const char *text, unsigned int base, int *result);
extern unsigned long long memparse(const char *text, char **end);
extern int get_option(char **text, int *value);
extern char *get_options(const char *text, int count, int *values);
extern unsigned long int_sqrt(unsigned long x);
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
