#ifndef _KUNIT_TRY_CATCH_IMPL_H
#define _KUNIT_TRY_CATCH_IMPL_H

#include <kunit/try-catch.h>

/* Later kernels' has a fifth argument, a timeout. */
#define kunit_try_catch_init(try_catch, test, try, catch, ...)	kunit_try_catch_init(try_catch, test, try, catch)

#endif
