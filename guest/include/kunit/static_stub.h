#ifndef _KUNIT_STATIC_STUB_H
#define _KUNIT_STATIC_STUB_H

#include <kunit/test.h>

/* At the beginning of a function: where the test at work has a replacement for it, that is called instead. */
#define KUNIT_STATIC_STUB_REDIRECT(function, ...) do {			\
	typeof(*(function)) *__stub = __kunit_stub(function);		\
	if (unlikely(__stub))						\
		return __stub(__VA_ARGS__);				\
	} while (0)
/* function: its name, or a pointer to it. */
#define kunit_activate_static_stub(test, function, replacement) do {	\
	typeof(*(function)) *__stub = (replacement);			\
	__kunit_set_stub(test, function, __stub);			\
	} while (0)
#define kunit_deactivate_static_stub(test, function)	__kunit_set_stub(test, function, NULL)

extern void *__kunit_stub(void *function);
extern void __kunit_set_stub(struct kunit *test, void *function, void *replacement);

#endif
