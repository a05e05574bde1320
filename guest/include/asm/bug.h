#ifndef _ASM_BUG_H
#define _ASM_BUG_H

#include <linux/compiler.h>

/* One for each BUG(), in the section __bug_table: which ud2 stands for which source line. */
struct bug_entry {
	unsigned long bug_addr;
	const char *file;
	unsigned short line;
	unsigned short flags;
};

#define BUG() do {							\
	__asm__ __volatile__(						\
		"661: ud2\n"						\
		"\t.pushsection __bug_table, \"a\", @progbits\n"	\
		"\t.long 661b, %c0\n"					\
		"\t.short %c1, 0\n"					\
		"\t.popsection"						\
		: : "i" (__FILE__), "i" (__LINE__));			\
	__builtin_unreachable();					\
} while (0)

#define BUG_ON(condition)	do { if (unlikely((condition) != 0)) BUG(); } while (0)

#define WARN_ON(condition) ({						\
	int __warn_on = !!(condition);					\
	if (unlikely(__warn_on))					\
		warn_slowpath(__FILE__, __LINE__, __func__);		\
	unlikely(__warn_on);						\
})

#define WARN(condition, fmt, ...) ({					\
	int __warn_on = !!(condition);					\
	if (unlikely(__warn_on)) {					\
		printk(fmt, ##__VA_ARGS__);				\
		warn_slowpath(__FILE__, __LINE__, __func__);		\
	}								\
	unlikely(__warn_on);						\
})

#define WARN_ON_ONCE(condition) ({					\
	static int __warned;						\
	int __once = !!(condition);					\
	if (unlikely(__once) && !__warned) {				\
		__warned = 1;						\
		WARN_ON(1);						\
	}								\
	unlikely(__once);						\
})

#define WARN_ONCE(condition, fmt, ...) ({				\
	static int __warned;						\
	int __once = !!(condition);					\
	if (unlikely(__once) && !__warned) {				\
		__warned = 1;						\
		WARN(1, fmt, ##__VA_ARGS__);				\
	}								\
	unlikely(__once);						\
})
#define WARN_TAINT(condition, taint, fmt, ...)	WARN(condition, fmt, ##__VA_ARGS__)

#ifdef CONFIG_SMP
#define WARN_ON_SMP(x)	WARN_ON(x)
#else
#define WARN_ON_SMP(x)	do { } while (0)
#endif

#define BUILD_BUG_ON(condition)	((void)sizeof(char[1 - 2 * !!(condition)]))
#define BUILD_BUG_ON_ZERO(e, ...)	(sizeof(char[1 - 2 * !!(e)]) - 1)
#define BUILD_BUG_ON_NULL(e)	((void *)BUILD_BUG_ON_ZERO(e))
#define BUILD_BUG_ON_INVALID(e)	((void)sizeof(0 ? (long)(e) : 0))
#define BUILD_BUG_ON_MSG(condition, text)	BUILD_BUG_ON(condition)
#define BUILD_BUG_ON_NOT_POWER_OF_2(n)	BUILD_BUG_ON((n) <= 0 || ((n) & -(n)) != (n))

/* The build breaks where the call is not optimised away. */
extern void __build_bug(void) __attribute__((error("BUILD_BUG")));
#define BUILD_BUG()	__build_bug()

/* The text may be left out. */
#define static_assert(condition, ...)		__static_assert(condition, ##__VA_ARGS__, #condition)
#define __static_assert(condition, text, ...)	_Static_assert(condition, text)

#include <linux/printk.h>

#endif
