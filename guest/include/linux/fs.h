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
#include <generated/calls/fs.h>

/*
 * The types that a driver is written with. What a driver registers is noted, so that it is refused twice and missed
 * when it stays; but no file system has it, and nobody opens it. A program may make a `struct inode` and a `struct
 * file` of its own, and call the functions itself. What would open or read another's file is declared, and the loader
 * names it as unknown to this kernel. An inode of new_inode(NULL) belongs to no file system, but its mapping holds
 * pages as any other.
 */

#define READ	0
#define WRITE	1

#define FMODE_READ	1
#define FMODE_WRITE	2

#define MAY_EXEC	1
#define MAY_WRITE	2
#define MAY_READ	4

#define SEEK_SET	0
#define SEEK_CUR	1
#define SEEK_END	2

struct cdev;
struct dir_context;
struct fasync_struct;
struct file;
struct file_lock;
struct iov_iter;
struct kiocb;
struct pipe_inode_info;
struct vfsmount;
struct module;
struct poll_table_struct;
struct super_block;
struct vm_area_struct;
struct writeback_control;

/* Those that changed their types over the years are told by name only. */
struct file_operations {
	struct module *owner;
	loff_t (*llseek)(struct file *, loff_t, int);
	ssize_t (*read)(struct file *, char __user *, size_t, loff_t *);
	ssize_t (*write)(struct file *, const char __user *, size_t, loff_t *);
	void *aio_read;
	void *aio_write;
	ssize_t (*read_iter)(struct kiocb *, struct iov_iter *);
	ssize_t (*write_iter)(struct kiocb *, struct iov_iter *);
	void *readdir;
	int (*iterate)(struct file *, struct dir_context *);
	int (*iterate_shared)(struct file *, struct dir_context *);
	unsigned int (*poll)(struct file *, struct poll_table_struct *);
	int (*ioctl)(struct inode *, struct file *, unsigned int, unsigned long);
	long (*unlocked_ioctl)(struct file *, unsigned int, unsigned long);
	long (*compat_ioctl)(struct file *, unsigned int, unsigned long);
	int (*mmap)(struct file *, struct vm_area_struct *);
	int (*open)(struct inode *, struct file *);
	int (*flush)(struct file *, void *id);
	int (*release)(struct inode *, struct file *);
	void *fsync;
	int (*fasync)(int, struct file *, int);
	int (*lock)(struct file *, int, struct file_lock *);
	void *sendfile;
	void *splice_read;
	void *splice_write;
};

struct address_space_operations {
	int (*writepage)(struct page *page, struct writeback_control *wbc);
	int (*readpage)(struct file *, struct page *);
	void (*sync_page)(struct page *);
	int (*writepages)(struct address_space *, struct writeback_control *);
	int (*set_page_dirty)(struct page *page);
	int (*readpages)(struct file *, struct address_space *, struct list_head *pages, unsigned int nr_pages);
	int (*prepare_write)(struct file *, struct page *, unsigned int from, unsigned int to);
	int (*commit_write)(struct file *, struct page *, unsigned int from, unsigned int to);
	sector_t (*bmap)(struct address_space *, sector_t);
	/* The kernel itself calls these two, for pages with PG_private. */
	void (*invalidatepage)(struct page *, unsigned long offset);
	int (*releasepage)(struct page *, gfp_t);
};

struct qstr {
	unsigned int hash;
	unsigned int len;
	const unsigned char *name;
};

struct dentry {
	struct inode *d_inode;
	struct dentry *d_parent;
	struct qstr d_name;
	unsigned char d_iname[36];
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	struct address_space *f_mapping;
	const struct file_operations *f_op;
	atomic_t f_count;
	unsigned int f_flags;
	mode_t f_mode;
	loff_t f_pos;
	void *private_data;
};

/* inode->i_state */
#define I_DIRTY_SYNC		1
#define I_DIRTY_DATASYNC	2
#define I_DIRTY_PAGES		4
#define I_LOCK			7
#define I_FREEING		16
#define I_CLEAR			32
#define I_NEW			64
#define I_WILL_FREE		128

#define PAGECACHE_TAG_DIRTY	0
#define PAGECACHE_TAG_WRITEBACK	1

extern struct inode *igrab(struct inode *inode);
extern int mapping_tagged(struct address_space *mapping, int tag);

#define f_dentry		f_path.dentry
#define f_vfsmnt		f_path.mnt
#define file_inode(file)	((file)->f_inode)
#define iminor(inode)		MINOR((inode)->i_rdev)
#define imajor(inode)		MAJOR((inode)->i_rdev)
#define i_size_read(inode)	((inode)->i_size)
#define i_size_write(inode, size)	((void)((inode)->i_size = (size)))

/* 0 or an error; with major 0 one is looked for, and register_chrdev() gives it. -EBUSY: another has a part of it. */
extern int register_chrdev(unsigned int major, const char *name, const struct file_operations *fops);
extern int __register_chrdev(unsigned int major, unsigned int first, unsigned int count, const char *name,
			     const struct file_operations *fops);
extern int unregister_chrdev(unsigned int major, const char *name);
extern void __unregister_chrdev(unsigned int major, unsigned int first, unsigned int count, const char *name);
extern int alloc_chrdev_region(dev_t *dev, unsigned int first, unsigned int count, const char *name);
extern int register_chrdev_region(dev_t first, unsigned int count, const char *name);
extern void unregister_chrdev_region(dev_t first, unsigned int count);

extern loff_t no_llseek(struct file *file, loff_t offset, int origin);
extern loff_t noop_llseek(struct file *file, loff_t offset, int origin);
extern loff_t fixed_size_llseek(struct file *file, loff_t offset, int origin, loff_t size);
extern int nonseekable_open(struct inode *inode, struct file *file);
extern int stream_open(struct inode *inode, struct file *file);
extern int simple_open(struct inode *inode, struct file *file);
#define default_llseek		noop_llseek

/* What a file of `available` bytes in memory does. */
extern ssize_t simple_read_from_buffer(void __user *to, size_t count, loff_t *pos, const void *from, size_t available);
extern ssize_t simple_write_to_buffer(void *to, size_t available, loff_t *pos, const void __user *from, size_t count);

extern int fasync_helper(int fd, struct file *file, int on, struct fasync_struct **queue);
extern void kill_fasync(struct fasync_struct **queue, int signal, int band);

extern struct file *filp_open(const char *name, int flags, int mode);
extern int filp_close(struct file *file, void *id);
extern int generic_file_mmap(struct file *file, struct vm_area_struct *vma);

#endif
