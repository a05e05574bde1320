#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H

#include <linux/err.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/stat.h>
#include <linux/stringify.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/io.h>

/* A program that is not loaded as a module has no struct module. */
#define THIS_MODULE		((struct module *)0)
static inline int try_module_get(struct module *module)
{
	return 1;
}

#define module_put(module)	((void)(module))
#define __module_get(module)	((void)(module))
#define module_refcount(module)	((void)(module), 0)
#define module_name(module)	((module) ? (module)->name : KBUILD_MODNAME)

#define MODULE_INFO(tag, info)	__MODULE_INFO(tag, tag, info)
#define MODULE_LICENSE(text)	MODULE_INFO(license, text)
#define MODULE_AUTHOR(text)	MODULE_INFO(author, text)
#define MODULE_DESCRIPTION(text)	MODULE_INFO(description, text)
#define MODULE_VERSION(text)	MODULE_INFO(version, text)
#define MODULE_ALIAS(text)	MODULE_INFO(alias, text)
#define MODULE_SUPPORTED_DEVICE(text)
#define MODULE_DEVICE_TABLE(type, name)

#define EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_GPL(symbol)
#define EXPORT_SYMBOL_GPL_FUTURE(symbol)
#define EXPORT_UNUSED_SYMBOL(symbol)
/* Of later kernels: namespaces, with a name or a text. */
#define EXPORT_SYMBOL_NS(symbol, namespace)
#define EXPORT_SYMBOL_NS_GPL(symbol, namespace)
#define EXPORT_SYMBOL_FOR_MODULES(symbol, modules)
#define MODULE_IMPORT_NS(namespace)
#define MODULE_SOFTDEP(text)	MODULE_INFO(softdep, text)
#define MODULE_FIRMWARE(text)	MODULE_INFO(firmware, text)

#endif
