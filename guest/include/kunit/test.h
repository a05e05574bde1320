#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

/*
 * KUnit's interface, of Linux 5.5 to 6.18 as far as tests of library and allocator code use it. The results go to the
 * console as KTAP. A program that has suites and no main() of its own gets one that runs them; its arguments choose,
 * see lib/kunit.c.
 */
#include <kunit/try-catch.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>

#ifndef CONFIG_KUNIT
#define CONFIG_KUNIT	1
#endif

#define KUNIT_LOG_SIZE			2048
#define KUNIT_STATUS_COMMENT_SIZE	256
#define KUNIT_PARAM_DESC_SIZE		128
#define KUNIT_INDENT_LEN		4
#define KUNIT_SUBTEST_INDENT		"    "
#define KUNIT_SUBSUBTEST_INDENT		"        "

enum kunit_status { KUNIT_SUCCESS, KUNIT_FAILURE, KUNIT_SKIPPED };
enum kunit_speed { KUNIT_SPEED_UNSET, KUNIT_SPEED_VERY_SLOW, KUNIT_SPEED_SLOW, KUNIT_SPEED_NORMAL };
#define KUNIT_SPEED_MAX	KUNIT_SPEED_NORMAL

struct kunit_attributes {
	enum kunit_speed speed;
};

/* The parameters that a test registered: an array, and what writes the name of an element. */
struct kunit_params {
	const void *params;
	void (*get_description)(struct kunit *test, const void *param, char *desc);
	int num_params;
	size_t elem_size;
};

/*
 * A test at work. priv is the test's own; resources are given back in the opposite order when it ends. parent: that of
 * all parameters. log: NULL, all is on the console.
 */
struct kunit {
	void *priv;
	struct kunit *parent;
	struct kunit_params params_array;
	const char *name;
	void *log;
	struct kunit_try_catch try_catch;
	const void *param_value;
	int param_index;
	spinlock_t lock;
	enum kunit_status status;
	struct list_head resources;
	char status_comment[KUNIT_STATUS_COMMENT_SIZE];
};

/* generate_params(previous, desc); or, where __with_test, generate_params(test, previous, desc). */
struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)();
	struct kunit_attributes attr;
	int (*param_init)(struct kunit *test);
	void (*param_exit)(struct kunit *test);
	enum kunit_status status;
	char *module_name;
	void *log;
	bool __with_test;
};

struct kunit_suite {
	char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
	struct kunit_attributes attr;
	char status_comment[KUNIT_STATUS_COMMENT_SIZE];
	void *log;
	int suite_init_err;
	bool is_init;
};

#define __kunit_case(test, ...)	{ .run_case = test, .name = #test, .module_name = KBUILD_MODNAME, ##__VA_ARGS__ }
#define __kunit_generator(gen_params)					\
	.generate_params = gen_params,					\
	.__with_test = __builtin_types_compatible_p(typeof(&*(gen_params)), \
						    const void *(*)(struct kunit *, const void *, char *))
#define KUNIT_CASE(test)			__kunit_case(test)
#define KUNIT_CASE_ATTR(test, attributes)	__kunit_case(test, .attr = attributes)
#define KUNIT_CASE_SLOW(test)			__kunit_case(test, .attr.speed = KUNIT_SPEED_SLOW)
#define KUNIT_CASE_PARAM(test, gen_params)	__kunit_case(test, __kunit_generator(gen_params))
#define KUNIT_CASE_PARAM_ATTR(test, gen_params, attributes) \
	__kunit_case(test, __kunit_generator(gen_params), .attr = attributes)
/* init and exit stand around all parameters; either may be NULL. */
#define KUNIT_CASE_PARAM_WITH_INIT(test, gen_params, init, exit) \
	__kunit_case(test, __kunit_generator(gen_params), .param_init = init, .param_exit = exit)

/* A generator that goes over an array; get_desc(element, text) names each. */
#define KUNIT_ARRAY_PARAM(name, array, get_desc)			\
	static const void *name##_gen_params(const void *prev, char *desc) \
	{								\
		typeof((array)[0]) *__next = prev ? (typeof(__next))prev + 1 : (array); \
		void (*__describe)(typeof(__next), char *) = get_desc;	\
									\
		if (__next - (array) >= ARRAY_SIZE(array))		\
			return NULL;					\
		if (__describe)						\
			__describe(__next, desc);			\
		return __next;						\
	}
#define KUNIT_ARRAY_PARAM_DESC(name, array, desc_member)		\
	static const void *name##_gen_params(const void *prev, char *desc) \
	{								\
		typeof((array)[0]) *__next = prev ? (typeof(__next))prev + 1 : (array); \
									\
		if (__next - (array) >= ARRAY_SIZE(array))		\
			return NULL;					\
		strlcpy(desc, __next->desc_member, KUNIT_PARAM_DESC_SIZE); \
		return __next;						\
	}
/* In an init of KUNIT_CASE_PARAM_WITH_INIT, for the generator kunit_array_gen_params. */
#define kunit_register_params_array(test, array, count, get_desc) do {	\
	const typeof((array)[0]) *__array = (array);			\
	(test)->params_array = (struct kunit_params) {			\
		.params = __array, .num_params = (count), .elem_size = sizeof(*__array), \
		.get_description = (get_desc),				\
	};								\
	} while (0)
extern const void *kunit_array_gen_params(struct kunit *test, const void *prev, char *desc);

/* A file's suites, in a section of their own; the library finds all of a program. */
struct __kunit_suites {
	unsigned long magic;
	struct kunit_suite **suites;
	unsigned long count;
	int (*main)(int argc, char **argv);	/* so that the library is linked, whose main() is the program's */
};
#define __KUNIT_SUITES_MAGIC	0x4b554e54UL

extern int __kunit_main(int argc, char **argv);

#define __kunit_id(name, line)	__kunit_paste(name, line)
#define __kunit_paste(a, b)	a##b
#define kunit_test_suites(...)						\
	static struct kunit_suite *__kunit_id(__kunit_array_, __LINE__)[] = { __VA_ARGS__ }; \
	static const struct __kunit_suites __kunit_id(__kunit_suites_, __LINE__) \
		__attribute__((section(".kunit_test_suites"), used, aligned(4))) = { \
		__KUNIT_SUITES_MAGIC, __kunit_id(__kunit_array_, __LINE__), \
		ARRAY_SIZE(__kunit_id(__kunit_array_, __LINE__)), __kunit_main, \
	}
#define kunit_test_suite(suite)			kunit_test_suites(&suite)
#define kunit_test_init_section_suites(...)	kunit_test_suites(__VA_ARGS__)
#define kunit_test_init_section_suite(suite)	kunit_test_suites(&suite)

#define kunit_suite_for_each_test_case(suite, test_case) \
	for (test_case = (suite)->test_cases; test_case->run_case; test_case++)
extern size_t kunit_suite_num_test_cases(struct kunit_suite *suite);
extern enum kunit_status kunit_suite_has_succeeded(struct kunit_suite *suite);

extern void kunit_init_test(struct kunit *test, const char *name, void *log);
extern void kunit_cleanup(struct kunit *test);

/* Memory that is given back when the test ends. */
extern void *kunit_kmalloc_array(struct kunit *test, size_t n, size_t size, gfp_t gfp);
extern void kunit_kfree(struct kunit *test, const void *ptr);
#define kunit_kmalloc(test, size, gfp)		kunit_kmalloc_array(test, 1, size, gfp)
#define kunit_kzalloc(test, size, gfp)		kunit_kmalloc_array(test, 1, size, (gfp) | __GFP_ZERO)
#define kunit_kcalloc(test, n, size, gfp)	kunit_kmalloc_array(test, n, size, (gfp) | __GFP_ZERO)
extern char *kunit_kstrdup(struct kunit *test, const char *text, gfp_t gfp);
extern const char *kunit_kstrdup_const(struct kunit *test, const char *text, gfp_t gfp);
extern void kunit_kfree_const(struct kunit *test, const void *ptr);

/* The test at work, NULL outside of one. */
extern struct kunit *kunit_get_current_test(void);
extern void __kunit_fail(struct kunit *test, const char *file, int line, const char *fmt, ...) __printf(4, 5);
#define kunit_fail_current_test(fmt, ...) do {				\
	struct kunit *__test = kunit_get_current_test();		\
	if (__test)							\
		__kunit_fail(__test, __FILE__, __LINE__, fmt, ##__VA_ARGS__); \
	} while (0)

static inline void kunit_set_failure(struct kunit *test)
{
	test->status = KUNIT_FAILURE;
}

extern void kunit_mark_skipped(struct kunit *test, const char *fmt, ...) __printf(2, 3);
extern void __noreturn __kunit_abort(struct kunit *test);
#define kunit_skip(test, fmt, ...) do {					\
	kunit_mark_skipped(test, fmt, ##__VA_ARGS__);			\
	__kunit_abort(test);						\
	} while (0)

/* A line of a test or of a suite, with its name or without. */
extern void __kunit_say(const char *level, const char *name, const char *fmt, ...) __printf(3, 4);
#define kunit_log(level, test_or_suite, fmt, ...) \
	((void)(test_or_suite), __kunit_say(level, NULL, fmt, ##__VA_ARGS__))
#define kunit_printk(level, test, fmt, ...)	__kunit_say(level, (test)->name, fmt, ##__VA_ARGS__)
#define kunit_info(test, fmt, ...)	kunit_printk(KERN_INFO, test, fmt, ##__VA_ARGS__)
#define kunit_warn(test, fmt, ...)	kunit_printk(KERN_WARNING, test, fmt, ##__VA_ARGS__)
#define kunit_err(test, fmt, ...)	kunit_printk(KERN_ERR, test, fmt, ##__VA_ARGS__)

#define KUNIT_SUCCEED(test)	((void)(test))
#define KUNIT_FAIL(test, fmt, ...) __kunit_fail(test, __FILE__, __LINE__, fmt, ##__VA_ARGS__)
#define KUNIT_FAIL_AND_ABORT(test, fmt, ...) do {			\
	__kunit_fail(test, __FILE__, __LINE__, fmt, ##__VA_ARGS__);	\
	__kunit_abort(test);						\
	} while (0)

#define KUNIT_ASSERT_FAILURE(test, fmt, ...)	KUNIT_FAIL_AND_ABORT(test, fmt, ##__VA_ARGS__)

/* How an expectation failed. Each prints what was expected and what was there; message may be "". */
enum kunit_assert_type { KUNIT_EXPECTATION, KUNIT_ASSERTION };
extern void __kunit_failed(struct kunit *test, enum kunit_assert_type type, const char *file, int line);
extern void __kunit_unary(const char *condition, int expected);
extern void __kunit_binary(const char *left, const char *op, const char *right, long long left_value,
			   long long right_value);
extern void __kunit_pointers(const char *left, const char *op, const char *right, const void *left_value,
			     const void *right_value);
extern void __kunit_strings(const char *left, const char *op, const char *right, const char *left_value,
			    const char *right_value);
extern void __kunit_memory(const char *left, const char *op, const char *right, const void *left_value,
			   const void *right_value, size_t size);
extern void __kunit_err_or_null(const char *text, const void *value);
extern void __kunit_message(struct kunit *test, const char *fmt, ...) __printf(2, 3);
extern int __kunit_streq(const char *left, const char *right);

#define __kunit_check(test, type, good, show, fmt, ...) do {		\
	struct kunit *__checked = (test);				\
	if (!(good)) {							\
		__kunit_failed(__checked, type, __FILE__, __LINE__);	\
		show;							\
		__kunit_message(__checked, fmt, ##__VA_ARGS__);		\
		if (type == KUNIT_ASSERTION)				\
			__kunit_abort(__checked);			\
	}								\
	} while (0)

#define __kunit_true(test, type, condition, fmt, ...) \
	__kunit_check(test, type, (condition), __kunit_unary(#condition, 1), fmt, ##__VA_ARGS__)
#define __kunit_false(test, type, condition, fmt, ...) \
	__kunit_check(test, type, !(condition), __kunit_unary(#condition, 0), fmt, ##__VA_ARGS__)
#define __kunit_compare(test, type, left, op, right, fmt, ...) do {	\
	const typeof(left) __left = (left);				\
	const typeof(right) __right = (right);				\
	__kunit_check(test, type, __left op __right,			\
		      __kunit_binary(#left, #op, #right, (long long)__left, (long long)__right), fmt, ##__VA_ARGS__); \
	} while (0)
#define __kunit_compare_ptr(test, type, left, op, right, fmt, ...) do {	\
	const void *__left = (left), *__right = (right);		\
	__kunit_check(test, type, __left op __right,			\
		      __kunit_pointers(#left, #op, #right, __left, __right), fmt, ##__VA_ARGS__); \
	} while (0)
#define __kunit_compare_str(test, type, left, op, right, same, fmt, ...) do { \
	const char *__left = (left), *__right = (right);		\
	__kunit_check(test, type, __kunit_streq(__left, __right) == same, \
		      __kunit_strings(#left, op, #right, __left, __right), fmt, ##__VA_ARGS__); \
	} while (0)
#define __kunit_compare_mem(test, type, left, op, right, size, same, fmt, ...) do { \
	const void *__left = (left), *__right = (right);		\
	const size_t __size = (size);					\
	__kunit_check(test, type, __left && __right && (memcmp(__left, __right, __size) == 0) == same, \
		      __kunit_memory(#left, op, #right, __left, __right, __size), fmt, ##__VA_ARGS__); \
	} while (0)
#define __kunit_good_ptr(test, type, ptr, fmt, ...) do {		\
	const void *__ptr = (ptr);					\
	__kunit_check(test, type, !IS_ERR_OR_NULL(__ptr), __kunit_err_or_null(#ptr, __ptr), fmt, ##__VA_ARGS__); \
	} while (0)

#define KUNIT_EXPECT_TRUE(test, c)		__kunit_true(test, KUNIT_EXPECTATION, c, "%s", "")
#define KUNIT_EXPECT_TRUE_MSG(test, c, ...)	__kunit_true(test, KUNIT_EXPECTATION, c, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE(test, c)		__kunit_false(test, KUNIT_EXPECTATION, c, "%s", "")
#define KUNIT_EXPECT_FALSE_MSG(test, c, ...)	__kunit_false(test, KUNIT_EXPECTATION, c, __VA_ARGS__)
#define KUNIT_EXPECT_EQ(test, l, r)		__kunit_compare(test, KUNIT_EXPECTATION, l, ==, r, "%s", "")
#define KUNIT_EXPECT_EQ_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_EXPECTATION, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_NE(test, l, r)		__kunit_compare(test, KUNIT_EXPECTATION, l, !=, r, "%s", "")
#define KUNIT_EXPECT_NE_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_EXPECTATION, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_LT(test, l, r)		__kunit_compare(test, KUNIT_EXPECTATION, l, <, r, "%s", "")
#define KUNIT_EXPECT_LT_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_EXPECTATION, l, <, r, __VA_ARGS__)
#define KUNIT_EXPECT_LE(test, l, r)		__kunit_compare(test, KUNIT_EXPECTATION, l, <=, r, "%s", "")
#define KUNIT_EXPECT_LE_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_EXPECTATION, l, <=, r, __VA_ARGS__)
#define KUNIT_EXPECT_GT(test, l, r)		__kunit_compare(test, KUNIT_EXPECTATION, l, >, r, "%s", "")
#define KUNIT_EXPECT_GT_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_EXPECTATION, l, >, r, __VA_ARGS__)
#define KUNIT_EXPECT_GE(test, l, r)		__kunit_compare(test, KUNIT_EXPECTATION, l, >=, r, "%s", "")
#define KUNIT_EXPECT_GE_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_EXPECTATION, l, >=, r, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ(test, l, r)		__kunit_compare_ptr(test, KUNIT_EXPECTATION, l, ==, r, "%s", "")
#define KUNIT_EXPECT_PTR_EQ_MSG(test, l, r, ...) __kunit_compare_ptr(test, KUNIT_EXPECTATION, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_NE(test, l, r)		__kunit_compare_ptr(test, KUNIT_EXPECTATION, l, !=, r, "%s", "")
#define KUNIT_EXPECT_PTR_NE_MSG(test, l, r, ...) __kunit_compare_ptr(test, KUNIT_EXPECTATION, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_STREQ(test, l, r)		__kunit_compare_str(test, KUNIT_EXPECTATION, l, "==", r, 1, "%s", "")
#define KUNIT_EXPECT_STREQ_MSG(test, l, r, ...)	__kunit_compare_str(test, KUNIT_EXPECTATION, l, "==", r, 1, __VA_ARGS__)
#define KUNIT_EXPECT_STRNEQ(test, l, r)		__kunit_compare_str(test, KUNIT_EXPECTATION, l, "!=", r, 0, "%s", "")
#define KUNIT_EXPECT_STRNEQ_MSG(test, l, r, ...) __kunit_compare_str(test, KUNIT_EXPECTATION, l, "!=", r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_MEMEQ(test, l, r, n)	__kunit_compare_mem(test, KUNIT_EXPECTATION, l, "==", r, n, 1, "%s", "")
#define KUNIT_EXPECT_MEMEQ_MSG(test, l, r, n, ...) __kunit_compare_mem(test, KUNIT_EXPECTATION, l, "==", r, n, 1, __VA_ARGS__)
#define KUNIT_EXPECT_MEMNEQ(test, l, r, n)	__kunit_compare_mem(test, KUNIT_EXPECTATION, l, "!=", r, n, 0, "%s", "")
#define KUNIT_EXPECT_MEMNEQ_MSG(test, l, r, n, ...) __kunit_compare_mem(test, KUNIT_EXPECTATION, l, "!=", r, n, 0, __VA_ARGS__)
#define KUNIT_EXPECT_NULL(test, p)		__kunit_compare_ptr(test, KUNIT_EXPECTATION, p, ==, NULL, "%s", "")
#define KUNIT_EXPECT_NULL_MSG(test, p, ...)	__kunit_compare_ptr(test, KUNIT_EXPECTATION, p, ==, NULL, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL(test, p)		__kunit_compare_ptr(test, KUNIT_EXPECTATION, p, !=, NULL, "%s", "")
#define KUNIT_EXPECT_NOT_NULL_MSG(test, p, ...)	__kunit_compare_ptr(test, KUNIT_EXPECTATION, p, !=, NULL, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(test, p)	__kunit_good_ptr(test, KUNIT_EXPECTATION, p, "%s", "")
#define KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, p, ...) __kunit_good_ptr(test, KUNIT_EXPECTATION, p, __VA_ARGS__)

#define KUNIT_ASSERT_TRUE(test, c)		__kunit_true(test, KUNIT_ASSERTION, c, "%s", "")
#define KUNIT_ASSERT_TRUE_MSG(test, c, ...)	__kunit_true(test, KUNIT_ASSERTION, c, __VA_ARGS__)
#define KUNIT_ASSERT_FALSE(test, c)		__kunit_false(test, KUNIT_ASSERTION, c, "%s", "")
#define KUNIT_ASSERT_FALSE_MSG(test, c, ...)	__kunit_false(test, KUNIT_ASSERTION, c, __VA_ARGS__)
#define KUNIT_ASSERT_EQ(test, l, r)		__kunit_compare(test, KUNIT_ASSERTION, l, ==, r, "%s", "")
#define KUNIT_ASSERT_EQ_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_ASSERTION, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_NE(test, l, r)		__kunit_compare(test, KUNIT_ASSERTION, l, !=, r, "%s", "")
#define KUNIT_ASSERT_NE_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_ASSERTION, l, !=, r, __VA_ARGS__)
#define KUNIT_ASSERT_LT(test, l, r)		__kunit_compare(test, KUNIT_ASSERTION, l, <, r, "%s", "")
#define KUNIT_ASSERT_LT_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_ASSERTION, l, <, r, __VA_ARGS__)
#define KUNIT_ASSERT_LE(test, l, r)		__kunit_compare(test, KUNIT_ASSERTION, l, <=, r, "%s", "")
#define KUNIT_ASSERT_LE_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_ASSERTION, l, <=, r, __VA_ARGS__)
#define KUNIT_ASSERT_GT(test, l, r)		__kunit_compare(test, KUNIT_ASSERTION, l, >, r, "%s", "")
#define KUNIT_ASSERT_GT_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_ASSERTION, l, >, r, __VA_ARGS__)
#define KUNIT_ASSERT_GE(test, l, r)		__kunit_compare(test, KUNIT_ASSERTION, l, >=, r, "%s", "")
#define KUNIT_ASSERT_GE_MSG(test, l, r, ...)	__kunit_compare(test, KUNIT_ASSERTION, l, >=, r, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_EQ(test, l, r)		__kunit_compare_ptr(test, KUNIT_ASSERTION, l, ==, r, "%s", "")
#define KUNIT_ASSERT_PTR_EQ_MSG(test, l, r, ...) __kunit_compare_ptr(test, KUNIT_ASSERTION, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_NE(test, l, r)		__kunit_compare_ptr(test, KUNIT_ASSERTION, l, !=, r, "%s", "")
#define KUNIT_ASSERT_PTR_NE_MSG(test, l, r, ...) __kunit_compare_ptr(test, KUNIT_ASSERTION, l, !=, r, __VA_ARGS__)
#define KUNIT_ASSERT_STREQ(test, l, r)		__kunit_compare_str(test, KUNIT_ASSERTION, l, "==", r, 1, "%s", "")
#define KUNIT_ASSERT_STREQ_MSG(test, l, r, ...)	__kunit_compare_str(test, KUNIT_ASSERTION, l, "==", r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_STRNEQ(test, l, r)		__kunit_compare_str(test, KUNIT_ASSERTION, l, "!=", r, 0, "%s", "")
#define KUNIT_ASSERT_STRNEQ_MSG(test, l, r, ...) __kunit_compare_str(test, KUNIT_ASSERTION, l, "!=", r, 0, __VA_ARGS__)
#define KUNIT_ASSERT_MEMEQ(test, l, r, n)	__kunit_compare_mem(test, KUNIT_ASSERTION, l, "==", r, n, 1, "%s", "")
#define KUNIT_ASSERT_MEMEQ_MSG(test, l, r, n, ...) __kunit_compare_mem(test, KUNIT_ASSERTION, l, "==", r, n, 1, __VA_ARGS__)
#define KUNIT_ASSERT_MEMNEQ(test, l, r, n)	__kunit_compare_mem(test, KUNIT_ASSERTION, l, "!=", r, n, 0, "%s", "")
#define KUNIT_ASSERT_MEMNEQ_MSG(test, l, r, n, ...) __kunit_compare_mem(test, KUNIT_ASSERTION, l, "!=", r, n, 0, __VA_ARGS__)
#define KUNIT_ASSERT_NULL(test, p)		__kunit_compare_ptr(test, KUNIT_ASSERTION, p, ==, NULL, "%s", "")
#define KUNIT_ASSERT_NULL_MSG(test, p, ...)	__kunit_compare_ptr(test, KUNIT_ASSERTION, p, ==, NULL, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_NULL(test, p)		__kunit_compare_ptr(test, KUNIT_ASSERTION, p, !=, NULL, "%s", "")
#define KUNIT_ASSERT_NOT_NULL_MSG(test, p, ...)	__kunit_compare_ptr(test, KUNIT_ASSERTION, p, !=, NULL, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p)	__kunit_good_ptr(test, KUNIT_ASSERTION, p, "%s", "")
#define KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, p, ...) __kunit_good_ptr(test, KUNIT_ASSERTION, p, __VA_ARGS__)

#include <kunit/resource.h>

#endif
