#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H

#include <linux/err.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/stat.h>
#include <linux/stringify.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/string.h>

/* A program that is not loaded as a module has no struct module. */
#define THIS_MODULE		((struct module *)0)
#define try_module_get(module)	1
#define module_put(module)	((void)(module))
#define __module_get(module)	((void)(module))

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

#endif
