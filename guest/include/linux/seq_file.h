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
	loff_t index;
	loff_t version;
	struct mutex lock;
	const struct seq_operations *op;
	void *private;
};

struct seq_operations {
	void *(*start)(struct seq_file *m, loff_t *pos);
	void (*stop)(struct seq_file *m, void *v);
	void *(*next)(struct seq_file *m, void *v, loff_t *pos);
	int (*show)(struct seq_file *m, void *v);
};

#define SEQ_START_TOKEN	((void *)1)

/* These work on any struct seq_file with a buffer: 0, or -1 where it is full, and then count is size. */
extern int seq_printf(struct seq_file *m, const char *fmt, ...) __printf(2, 3);
extern int seq_puts(struct seq_file *m, const char *s);
extern int seq_putc(struct seq_file *m, char c);

/* No file can be opened here: declared, and unknown to the loader. */
extern int seq_open(struct file *file, const struct seq_operations *op);
extern ssize_t seq_read(struct file *file, char __user *buf, size_t size, loff_t *pos);
extern loff_t seq_lseek(struct file *file, loff_t offset, int origin);
extern int seq_release(struct inode *inode, struct file *file);
extern int single_open(struct file *file, int (*show)(struct seq_file *m, void *v), void *data);
extern int single_release(struct inode *inode, struct file *file);
extern int seq_release_private(struct inode *inode, struct file *file);

#endif
