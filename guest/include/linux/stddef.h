#ifndef _LINUX_STDDEF_H
#define _LINUX_STDDEF_H

#include <linux/compiler.h>

typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;

#undef NULL
#define NULL	((void *)0)

#undef offsetof
#define offsetof(type, member)	__builtin_offsetof(type, member)
#define offsetofend(type, member) \
	(offsetof(type, member) + sizeof(((type *)0)->member))

/* Members that can also be named as one: as a struct of its own in the outer one. */
#define struct_group(name, members...)	__struct_group(, name, , members)
#define struct_group_attr(name, attributes, members...)	__struct_group(, name, attributes, members)
#define struct_group_tagged(tag, name, members...)	__struct_group(tag, name, , members)
#define __struct_group(tag, name, attributes, members...)		\
	union {								\
		struct { members } attributes;				\
		struct tag { members } attributes name;			\
	} attributes

/* An array without a size where C allows none: alone in a struct, or in a union. */
#define DECLARE_FLEX_ARRAY(type, name)					\
	struct {							\
		struct { } __before_##name;				\
		type name[];						\
	}

#endif
