#ifndef _LINUX_SEQ_FILE_H
#define _LINUX_SEQ_FILE_H

#include <linux/fs.h>
#include <linux/mutex.h>

struct seq_operations;

struct seq_file {
	char *buf;
	size_t size;
	size_t from;
	size_t count;
	size_t pad_until;
	loff_t index;
	loff_t version;
	struct mutex lock;
	const struct seq_operations *op;
	struct file *file;
	void *private;
};

struct seq_operations {
	void *(*start)(struct seq_file *m, loff_t *pos);
	void (*stop)(struct seq_file *m, void *v);
	void *(*next)(struct seq_file *m, void *v, loff_t *pos);
	int (*show)(struct seq_file *m, void *v);
};

#define SEQ_START_TOKEN	((void *)1)
#define SEQ_SKIP	1	/* show() says: as if it were not there */

/* These work on any struct seq_file with a buffer: 0, or -1 where it is full, and then count is size. */
extern int seq_printf(struct seq_file *m, const char *fmt, ...) __printf(2, 3);
extern int seq_puts(struct seq_file *m, const char *s);
extern int seq_putc(struct seq_file *m, char c);

extern int seq_write(struct seq_file *m, const void *data, size_t length);
extern void seq_vprintf(struct seq_file *m, const char *fmt, va_list args);
extern void seq_pad(struct seq_file *m, char c);
extern void seq_put_decimal_ull(struct seq_file *m, const char *delimiter, unsigned long long number);
extern void seq_put_decimal_ll(struct seq_file *m, const char *delimiter, long long number);
#define seq_has_overflowed(m)	((m)->count == (m)->size)
#define seq_setwidth(m, size)	((void)((m)->pad_until = (m)->count + (size)))

/*
 * What a driver's open, read, llseek and release call. A program that has made a `struct file` itself, in kernel
 * memory as its buffer, may call them: nobody else opens files here.
 */
extern int seq_open(struct file *file, const struct seq_operations *op);
extern void *__seq_open_private(struct file *file, const struct seq_operations *op, int size);
#define seq_open_private(file, op, size)	(__seq_open_private(file, op, size) ? 0 : -ENOMEM)
extern ssize_t seq_read(struct file *file, char __user *buf, size_t size, loff_t *pos);
extern loff_t seq_lseek(struct file *file, loff_t offset, int origin);
extern int seq_release(struct inode *inode, struct file *file);
extern int seq_release_private(struct inode *inode, struct file *file);
extern int single_open(struct file *file, int (*show)(struct seq_file *m, void *v), void *data);
#define single_open_size(file, show, data, size)	((void)(size), single_open(file, show, data))
extern int single_release(struct inode *inode, struct file *file);

/* The n-th entry of a list, and the one behind `v`. "head": the list's head comes first, as a title. */
extern struct list_head *seq_list_start(struct list_head *head, loff_t pos);
extern struct list_head *seq_list_start_head(struct list_head *head, loff_t pos);
extern struct list_head *seq_list_next(void *v, struct list_head *head, loff_t *pos);

#define DEFINE_SHOW_ATTRIBUTE(_name)						\
static int _name##_open(struct inode *inode, struct file *file)			\
{										\
	return single_open(file, _name##_show, inode->i_private);		\
}										\
static const struct file_operations _name##_fops = {				\
	.owner = THIS_MODULE, .open = _name##_open, .read = seq_read,		\
	.llseek = seq_lseek, .release = single_release }
#define DEFINE_PROC_SHOW_ATTRIBUTE(_name)					\
static int _name##_open(struct inode *inode, struct file *file)			\
{										\
	return single_open(file, _name##_show, PDE_DATA(inode));		\
}										\
static const struct proc_ops _name##_proc_ops = {				\
	.proc_open = _name##_open, .proc_read = seq_read,			\
	.proc_lseek = seq_lseek, .proc_release = single_release }
#define DEFINE_SEQ_ATTRIBUTE(_name)						\
static int _name##_open(struct inode *inode, struct file *file)			\
{										\
	return seq_open(file, &_name##_sops);					\
}										\
static const struct file_operations _name##_fops = {				\
	.owner = THIS_MODULE, .open = _name##_open, .read = seq_read,		\
	.llseek = seq_lseek, .release = seq_release }

#endif
