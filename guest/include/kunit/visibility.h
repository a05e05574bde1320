#ifndef _KUNIT_VISIBILITY_H
#define _KUNIT_VISIBILITY_H

/* What is static where no test is built. */
#define VISIBLE_IF_KUNIT
#define EXPORT_SYMBOL_IF_KUNIT(symbol)

#endif
