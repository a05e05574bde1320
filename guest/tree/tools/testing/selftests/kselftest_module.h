#ifndef __KSELFTEST_MODULE_H
#define __KSELFTEST_MODULE_H

#include <linux/module.h>
#include <linux/panic.h>

/* Modules that test when they are loaded: they count, print the sums, and are not loaded where something failed. */
#define KSTM_MODULE_GLOBALS()						\
	static unsigned int total_tests __initdata;			\
	static unsigned int failed_tests __initdata;			\
	static unsigned int skipped_tests __initdata

#define KSTM_CHECK_ZERO(x) do {						\
	total_tests++;							\
	if (x) {							\
		failed_tests++;						\
		pr_warn("TC failed at %s:%d\n", __func__, __LINE__);	\
	}								\
} while (0)

static inline int kstm_report(unsigned int total_tests, unsigned int failed_tests, unsigned int skipped_tests)
{
	if (failed_tests) {
		pr_warn("failed %u out of %u tests\n", failed_tests, total_tests);
		return -EINVAL;
	}
	if (skipped_tests)
		pr_info("skipped %u tests, ", skipped_tests);
	pr_info("all %u tests passed\n", total_tests);
	return 0;
}

/* The test itself is a function selftest(). */
#define KSTM_MODULE_LOADERS(name)					\
static int __init name##_init(void)					\
{									\
	selftest();							\
	return kstm_report(total_tests, failed_tests, skipped_tests);	\
}									\
static void __exit name##_exit(void)					\
{									\
}									\
module_init(name##_init);						\
module_exit(name##_exit)

#endif
