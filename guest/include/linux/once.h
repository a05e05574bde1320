#ifndef _LINUX_ONCE_H
#define _LINUX_ONCE_H

#include <linux/types.h>

/* The function is called the first time that this line is come to: true then. */
#define DO_ONCE(function, ...) ({					\
	static bool __done;						\
	bool __first = !__done;						\
									\
	__done = true;							\
	if (__first)							\
		function(__VA_ARGS__);					\
	__first; })
#define DO_ONCE_LITE(function, ...)		DO_ONCE(function, __VA_ARGS__)
#define DO_ONCE_LITE_IF(condition, function, ...)	((condition) && DO_ONCE(function, __VA_ARGS__))
#define get_random_once(buf, size)		DO_ONCE(get_random_bytes, buf, size)

#endif
