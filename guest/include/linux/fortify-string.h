#ifndef _LINUX_FORTIFY_STRING_H
#define _LINUX_FORTIFY_STRING_H

/* The length of a string that the compiler knows, else SIZE_MAX. */
#define __compiletime_strlen(p)						\
	(__builtin_constant_p(__builtin_strlen((const char *)(p))) ?	\
	 __builtin_strlen((const char *)(p)) : (size_t)-1)

#endif
