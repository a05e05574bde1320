#ifndef _LINUX_PROC_FS_H
#define _LINUX_PROC_FS_H

#include <linux/fs.h>

/*
 * Entries of /proc, which is not there: a program makes and removes them, and may find them by their struct. What is
 * not removed is a leak.
 */
typedef int (read_proc_t)(char *page, char **start, off_t off, int count, int *eof, void *data);
typedef int (write_proc_t)(struct file *file, const char __user *buffer, unsigned long count, void *data);
typedef int (get_info_t)(char *page, char **start, off_t off, int count);

struct seq_file;
struct seq_operations;

struct proc_dir_entry {
	unsigned short namelen;
	const char *name;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	loff_t size;
	struct module *owner;
	struct proc_dir_entry *next, *parent, *subdir;
	const struct inode_operations *proc_iops;
	const struct file_operations *proc_fops;
	const void *proc_ops;
	get_info_t *get_info;
	read_proc_t *read_proc;
	write_proc_t *write_proc;
	void *data;
	char inline_name[];
};

/* From 5.6 on. */
struct proc_ops {
	unsigned int proc_flags;
	int (*proc_open)(struct inode *, struct file *);
	ssize_t (*proc_read)(struct file *, char __user *, size_t, loff_t *);
	ssize_t (*proc_read_iter)(struct kiocb *, struct iov_iter *);
	ssize_t (*proc_write)(struct file *, const char __user *, size_t, loff_t *);
	loff_t (*proc_lseek)(struct file *, loff_t, int);
	int (*proc_release)(struct inode *, struct file *);
	unsigned int (*proc_poll)(struct file *, struct poll_table_struct *);
	long (*proc_ioctl)(struct file *, unsigned int, unsigned long);
	int (*proc_mmap)(struct file *, struct vm_area_struct *);
};

extern struct proc_dir_entry proc_root;

/* NULL where there is no memory, or no directory that a name with '/' leads through. */
extern struct proc_dir_entry *create_proc_entry(const char *name, mode_t mode, struct proc_dir_entry *parent);
extern struct proc_dir_entry *create_proc_read_entry(const char *name, mode_t mode, struct proc_dir_entry *parent,
						     read_proc_t *read_proc, void *data);
extern struct proc_dir_entry *create_proc_info_entry(const char *name, mode_t mode, struct proc_dir_entry *parent,
						     get_info_t *get_info);
extern struct proc_dir_entry *proc_mkdir(const char *name, struct proc_dir_entry *parent);
extern struct proc_dir_entry *proc_symlink(const char *name, struct proc_dir_entry *parent, const char *target);
extern void remove_proc_entry(const char *name, struct proc_dir_entry *parent);

/* Of later kernels. ops: a struct proc_ops, before 5.6 a struct file_operations. */
extern struct proc_dir_entry *proc_create_data(const char *name, mode_t mode, struct proc_dir_entry *parent,
					       const void *ops, void *data);
extern struct proc_dir_entry *proc_create_seq_data(const char *name, mode_t mode, struct proc_dir_entry *parent,
						   const struct seq_operations *ops, void *data);
extern struct proc_dir_entry *proc_create_single_data(const char *name, mode_t mode, struct proc_dir_entry *parent,
						      int (*show)(struct seq_file *m, void *v), void *data);
#define proc_create(name, mode, parent, ops)	proc_create_data(name, mode, parent, ops, NULL)
#define proc_create_seq(name, mode, parent, ops)	proc_create_seq_data(name, mode, parent, ops, NULL)
#define proc_create_single(name, mode, parent, show)	proc_create_single_data(name, mode, parent, show, NULL)
#define proc_mkdir_mode(name, mode, parent)	proc_mkdir(name, parent)
#define proc_set_size(entry, bytes)		((void)((entry)->size = (bytes)))
#define proc_set_user(entry, user, group)	((void)(entry))
extern void proc_remove(struct proc_dir_entry *entry);
extern int remove_proc_subtree(const char *name, struct proc_dir_entry *parent);

/* A program that makes an inode of its own puts the data of the entry there. */
#define PDE_DATA(inode)		((inode)->i_private)
#define pde_data(inode)		PDE_DATA(inode)

#endif
