#ifndef _LINUX_KCONFIG_H
#define _LINUX_KCONFIG_H

/* 1 where a build option is on: defined as 1. All else, not being defined at all included, is 0. */
#define IS_ENABLED(option)	__is_one(option)
#define IS_BUILTIN(option)	__is_one(option)
#define IS_MODULE(option)	0
#define IS_REACHABLE(option)	__is_one(option)
#define __is_defined(option)	__is_one(option)

/* Of a 1 the pasted name is a macro that puts a comma: so the 1 behind it is the second argument. */
#define __is_one(value)		__is_one_(value)
#define __is_one_(value)	__is_one__(__IS_ONE_##value)
#define __is_one__(comma)	__second_of(comma 1, 0)
#define __second_of(first, second, ...)	second
#define __IS_ONE_1		,

#endif
