#ifndef _LINUX_DEBUGFS_H
#define _LINUX_DEBUGFS_H

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/seq_file.h>

/* There is none: as in a kernel without CONFIG_DEBUG_FS, and a program goes on without it. */
#define __no_debugfs(...)	((struct dentry *)ERR_PTR(-ENODEV))
#define debugfs_create_dir(name, parent)	({ (void)(name), (void)(parent); __no_debugfs(); })
#define debugfs_create_file(name, mode, parent, data, fops) \
	({ (void)(name), (void)(mode), (void)(parent), (void)(data), (void)(fops); __no_debugfs(); })
#define debugfs_create_file_unsafe(name, mode, parent, data, fops) \
	debugfs_create_file(name, mode, parent, data, fops)
#define debugfs_create_u8(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_u16(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_u32(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_u64(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_x32(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_ulong(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_bool(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_atomic_t(name, mode, parent, value)	debugfs_create_file(name, mode, parent, value, NULL)
#define debugfs_create_symlink(name, parent, target)	debugfs_create_dir(name, parent)
#define debugfs_lookup(name, parent)		((struct dentry *)NULL)
#define debugfs_remove(dentry)			((void)(dentry))
#define debugfs_lookup_and_remove(name, parent)	((void)(name), (void)(parent))
#define debugfs_remove_recursive(dentry)	((void)(dentry))
#define debugfs_initialized()			false

#endif
