#ifndef _LINUX_MODULEPARAM_H
#define _LINUX_MODULEPARAM_H

#include <linux/init.h>
#include <linux/kernel.h>

/* Notes in the .modinfo section: "tag=text", each ended by a zero byte. */
#define __MODULE_INFO(tag, name, info)					\
	static const char __PASTE(__mod_##name##_, __LINE__)[]		\
	__attribute__((section(".modinfo"), used, aligned(1))) = #tag "=" info

/* Parameters keep their defaults: there is no command line for modules yet. */
#define module_param_named(name, value, type, perm)			\
	static inline void *__maybe_unused __param_check_##name(void) { return &(value); } \
	__MODULE_INFO(parmtype, name##_type, #name ":" #type)
#define module_param(name, type, perm)	module_param_named(name, name, type, perm)
#define module_param_string(name, string, len, perm)			\
	__MODULE_INFO(parmtype, name##_type, #name ":string")
#define module_param_array_named(name, array, type, nump, perm)		\
	static inline void *__maybe_unused __param_check_##name(void) { return array; } \
	__MODULE_INFO(parmtype, name##_type, #name ":array of " #type)
#define module_param_array(name, type, nump, perm)			\
	module_param_array_named(name, name, type, nump, perm)
#define MODULE_PARM(name, type)
#define MODULE_PARM_DESC(name, text)	__MODULE_INFO(parm, name##_desc, #name ":" text)

#endif
