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

#ifdef CONFIG_SMP
#define WARN_ON_SMP(x)	WARN_ON(x)
#else
#define WARN_ON_SMP(x)	do { } while (0)
#endif

#define BUILD_BUG_ON(condition)	((void)sizeof(char[1 - 2 * !!(condition)]))
#define BUILD_BUG_ON_ZERO(e)	(sizeof(char[1 - 2 * !!(e)]) - 1)

/* The text may be left out. */
#define static_assert(condition, ...)		__static_assert(condition, ##__VA_ARGS__, #condition)
#define __static_assert(condition, text, ...)	_Static_assert(condition, text)

#include <linux/printk.h>

#endif
