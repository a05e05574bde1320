#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/kdev_t.h>
#include <linux/ioctl.h>
#include <linux/list.h>
#include <linux/kernel.h>
#include <linux/stat.h>
#include <linux/fcntl.h>
#include <linux/types.h>
#include <linux/time.h>
#include <linux/mm.h>
#include <asm/atomic.h>

/*
 * The types that a driver is written with. There is no file system and no user program here: what would open or
 * read a file is declared, and the loader names it as unknown to this kernel.
 */

#define READ	0
#define WRITE	1

#define FMODE_READ	1
#define FMODE_WRITE	2

#define MAY_EXEC	1
#define MAY_WRITE	2
#define MAY_READ	4

struct cdev;
struct dentry;
struct file;
struct inode;
struct module;
struct poll_table_struct;
struct vm_area_struct;

struct file_operations {
	struct module *owner;
	loff_t (*llseek)(struct file *, loff_t, int);
	ssize_t (*read)(struct file *, char __user *, size_t, loff_t *);
	ssize_t (*write)(struct file *, const char __user *, size_t, loff_t *);
	unsigned int (*poll)(struct file *, struct poll_table_struct *);
	int (*ioctl)(struct inode *, struct file *, unsigned int, unsigned long);
	long (*unlocked_ioctl)(struct file *, unsigned int, unsigned long);
	long (*compat_ioctl)(struct file *, unsigned int, unsigned long);
	int (*mmap)(struct file *, struct vm_area_struct *);
	int (*open)(struct inode *, struct file *);
	int (*flush)(struct file *, void *id);
	int (*release)(struct inode *, struct file *);
	int (*fsync)(struct file *, struct dentry *, int datasync);
	int (*fasync)(int, struct file *, int);
};

struct file {
	const struct file_operations *f_op;
	atomic_t f_count;
	unsigned int f_flags;
	mode_t f_mode;
	loff_t f_pos;
	void *private_data;
};

struct inode {
	unsigned long i_ino;
	atomic_t i_count;
	umode_t i_mode;
	uid_t i_uid;
	gid_t i_gid;
	dev_t i_rdev;
	loff_t i_size;
	struct timespec i_atime;
	struct timespec i_mtime;
	struct timespec i_ctime;
	struct cdev *i_cdev;
	void *i_private;
};

#define iminor(inode)		MINOR((inode)->i_rdev)
#define imajor(inode)		MAJOR((inode)->i_rdev)
#define i_size_read(inode)	((inode)->i_size)
#define i_size_write(inode, size)	((void)((inode)->i_size = (size)))

extern int register_chrdev(unsigned int major, const char *name, const struct file_operations *fops);
extern int unregister_chrdev(unsigned int major, const char *name);
extern int alloc_chrdev_region(dev_t *dev, unsigned int first, unsigned int count, const char *name);
extern int register_chrdev_region(dev_t first, unsigned int count, const char *name);
extern void unregister_chrdev_region(dev_t first, unsigned int count);
extern struct file *filp_open(const char *name, int flags, int mode);
extern int filp_close(struct file *file, void *id);
extern loff_t no_llseek(struct file *file, loff_t offset, int origin);
extern int nonseekable_open(struct inode *inode, struct file *file);
extern int generic_file_mmap(struct file *file, struct vm_area_struct *vma);

#endif
