#ifndef _KUNIT_TRY_CATCH_H
#define _KUNIT_TRY_CATCH_H

#include <linux/types.h>

struct kunit;
typedef void (*kunit_try_catch_func_t)(void *context);

/* What a function needs to come back to its caller's caller. */
struct __kunit_place {
	unsigned long ebx, esi, edi, ebp, esp, eip;
};

/* A function that can be left from anywhere below it, and what is called then. try_result: 0 or a negative error. */
struct kunit_try_catch {
	struct kunit *test;
	int try_result;
	kunit_try_catch_func_t try;
	kunit_try_catch_func_t catch;
	unsigned long timeout;	/* not looked at */
	void *context;
	struct __kunit_place place;
};

/* Calls try, and catch where that was left by a throw. In the same thread: what faults ends the program. */
extern void kunit_try_catch_run(struct kunit_try_catch *try_catch, void *context);
extern void __noreturn kunit_try_catch_throw(struct kunit_try_catch *try_catch);
extern void kunit_try_catch_init(struct kunit_try_catch *try_catch, struct kunit *test, kunit_try_catch_func_t try,
				 kunit_try_catch_func_t catch);

static inline int kunit_try_catch_get_result(struct kunit_try_catch *try_catch)
{
	return try_catch->try_result;
}

#endif
