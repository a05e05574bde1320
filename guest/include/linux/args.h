#include <linux/compiler.h>

#ifndef _LINUX_ARGS_H
#define _LINUX_ARGS_H

/* 0 to 12 arguments. */
#define COUNT_ARGS(...)		__COUNT_12(, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define __COUNT_12(none, a, b, c, d, e, f, g, h, i, j, k, l, n, ...)	n
#define CONCATENATE(a, b)	__PASTE(a, b)

#endif
