#ifndef _LINUX_MODULEPARAM_H
#define _LINUX_MODULEPARAM_H

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/stat.h>
#include <linux/stringify.h>

/* Notes in the .modinfo section: "tag=text", each ended by a zero byte. */
#define __MODULE_INFO(tag, name, info)					\
	static const char __PASTE(__mod_##name##_, __LINE__)[]		\
	__attribute__((section(".modinfo"), used, aligned(1))) = #tag "=" info

#define __MODULE_PARM_TYPE(name, type)	__MODULE_INFO(parmtype, name##_type, #name ":" type)
#define MODULE_PARM_DESC(name, text)	__MODULE_INFO(parm, name##_desc, #name ":" text)

/*
 * A parameter: what `highmem run module.c name=value` sets before the module's init function runs. `set` gets the
 * text behind the '=', NULL where there is none, and gives 0 or a negative error number.
 */
struct kernel_param;
typedef int (*param_set_fn)(const char *val, struct kernel_param *kp);
typedef int (*param_get_fn)(char *buffer, struct kernel_param *kp);

struct kernel_param {
	const char *name;
	unsigned short perm;
	unsigned short flags;
	param_set_fn set;
	param_get_fn get;
	void *arg;
};

#define KPARAM_ISBOOL	2	/* the variable is a bool, as in later kernels, and no int */

/* For a string that is copied into a buffer, and for several values. */
struct kparam_string {
	unsigned int maxlen;
	char *string;
};

struct kparam_array {
	unsigned int max;
	unsigned int flags;
	unsigned int *num;
	param_set_fn set;
	param_get_fn get;
	unsigned int elemsize;
	void *elem;
};

/* The loader finds all of them in the section __param. */
#define __module_param_entry(name, set, get, flags, arg, perm)		\
	_Static_assert(((perm) & ~0777) == 0 && ((perm) & 2) == 0,	\
		       #name ": permissions go up to 0777, and not everybody may write"); \
	static struct kernel_param __param_##name __attribute__((section("__param"), used, aligned(sizeof(void *)))) \
	= { #name, perm, flags, set, get, arg }

/* For a type of one's own there are three to define: param_set_TYPE, param_get_TYPE and param_check_TYPE. */
#define module_param_call(name, set, get, arg, perm) \
	__module_param_entry(name, set, get, 0, (void *)(arg), perm)
#define module_param_named(name, value, type, perm)			\
	param_check_##type(name, &(value));				\
	__module_param_entry(name, param_set_##type, param_get_##type,	\
			     __same_type(value, bool) ? KPARAM_ISBOOL : 0, (void *)&(value), perm); \
	__MODULE_PARM_TYPE(name, #type)
#define module_param(name, type, perm)	module_param_named(name, name, type, perm)

#define module_param_string(name, buffer, len, perm)			\
	static struct kparam_string __param_string_##name = { len, buffer }; \
	module_param_call(name, param_set_copystring, param_get_string, &__param_string_##name, perm); \
	__MODULE_PARM_TYPE(name, "string")

/* nump: where the number of values that were given goes, or NULL. */
#define module_param_array_named(name, array, type, nump, perm)		\
	param_check_##type(name, &(array)[0]);				\
	static struct kparam_array __param_array_##name = {		\
		ARRAY_SIZE(array), __same_type((array)[0], bool) ? KPARAM_ISBOOL : 0, nump, \
		param_set_##type, param_get_##type, sizeof((array)[0]), array }; \
	module_param_call(name, param_array_set, param_array_get, &__param_array_##name, perm); \
	__MODULE_PARM_TYPE(name, "array of " #type)
#define module_param_array(name, type, nump, perm) \
	module_param_array_named(name, name, type, nump, perm)

#define __param_check(name, p, type) \
	static inline type *__maybe_unused __check_##name(void) { return (p); }

#define __PARAM_FUNCTIONS(type)						\
	extern int param_set_##type(const char *val, struct kernel_param *kp); \
	extern int param_get_##type(char *buffer, struct kernel_param *kp);
__PARAM_FUNCTIONS(byte)
__PARAM_FUNCTIONS(short)
__PARAM_FUNCTIONS(ushort)
__PARAM_FUNCTIONS(int)
__PARAM_FUNCTIONS(uint)
__PARAM_FUNCTIONS(long)
__PARAM_FUNCTIONS(ulong)
__PARAM_FUNCTIONS(ullong)
__PARAM_FUNCTIONS(charp)
__PARAM_FUNCTIONS(bool)
__PARAM_FUNCTIONS(invbool)
#undef __PARAM_FUNCTIONS

#define param_check_byte(name, p)	__param_check(name, p, unsigned char)
#define param_check_short(name, p)	__param_check(name, p, short)
#define param_check_ushort(name, p)	__param_check(name, p, unsigned short)
#define param_check_int(name, p)	__param_check(name, p, int)
#define param_check_uint(name, p)	__param_check(name, p, unsigned int)
#define param_check_long(name, p)	__param_check(name, p, long)
#define param_check_ulong(name, p)	__param_check(name, p, unsigned long)
#define param_check_ullong(name, p)	__param_check(name, p, unsigned long long)
#define param_check_charp(name, p)	__param_check(name, p, char *)
/* An int up to 2.6.30, an int or a bool from then on, a bool from 3.3 on. */
#define param_check_bool(name, p)					\
	_Static_assert(sizeof(*(p)) == sizeof(int) || __same_type(*(p), bool), #name ": is neither int nor bool"); \
	__param_check(name, p, typeof(*(p)))
#define param_check_invbool(name, p)	param_check_bool(name, p)

extern int param_set_copystring(const char *val, struct kernel_param *kp);
extern int param_get_string(char *buffer, struct kernel_param *kp);
extern int param_array_set(const char *val, struct kernel_param *kp);
extern int param_array_get(char *buffer, struct kernel_param *kp);

#endif
