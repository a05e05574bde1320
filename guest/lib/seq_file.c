/* Files whose text is made when they are read: as fs/seq_file.c. */
#include <linux/err.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "lib.h"

LIB void seq_vprintf(struct seq_file *m, const char *fmt, va_list args)
{
	size_t length;

	if (m->count >= m->size)
		return;
	length = vsnprintf(m->buf + m->count, m->size - m->count, fmt, args);
	m->count = length < m->size - m->count ? m->count + length : m->size;
}

/* -1 where it is full, as of the last of them that did not fit. */
static int full(struct seq_file *m)
{
	return m->count >= m->size ? -1 : 0;
}

LIB int seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	seq_vprintf(m, fmt, args);
	va_end(args);
	return full(m);
}

LIB int seq_write(struct seq_file *m, const void *data, size_t length)
{
	if (length >= m->size - m->count) {
		m->count = m->size;
		return -1;
	}
	memcpy(m->buf + m->count, data, length);
	m->count += length;
	return 0;
}

LIB int seq_puts(struct seq_file *m, const char *s)
{
	return seq_write(m, s, strlen(s));
}

LIB int seq_putc(struct seq_file *m, char c)
{
	if (m->count >= m->size)
		return -1;
	m->buf[m->count++] = c;
	return 0;
}

/* Up to the width that seq_setwidth() asked for; then `c`. */
LIB void seq_pad(struct seq_file *m, char c)
{
	while (m->count < m->pad_until && !seq_putc(m, ' '))
		;
	if (c)
		seq_putc(m, c);
}

LIB void seq_put_decimal_ull(struct seq_file *m, const char *delimiter, unsigned long long number)
{
	seq_printf(m, "%s%llu", delimiter ? delimiter : "", number);
}

LIB void seq_put_decimal_ll(struct seq_file *m, const char *delimiter, long long number)
{
	seq_printf(m, "%s%lld", delimiter ? delimiter : "", number);
}

/* Opening and reading */

LIB int seq_open(struct file *file, const struct seq_operations *op)
{
	struct seq_file *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return -ENOMEM;
	mutex_init(&m->lock);
	m->op = op;
	m->file = file;
	file->private_data = m;
	return 0;
}

LIB void *__seq_open_private(struct file *file, const struct seq_operations *op, int size)
{
	void *private = kzalloc(size, GFP_KERNEL);

	if (!private || seq_open(file, op)) {
		kfree(private);
		return NULL;
	}
	((struct seq_file *)file->private_data)->private = private;
	return private;
}

LIB int seq_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kfree(m->buf);
	kfree(m);
	return 0;
}

LIB int seq_release_private(struct inode *inode, struct file *file)
{
	kfree(((struct seq_file *)file->private_data)->private);
	return seq_release(inode, file);
}

/* The text of the entry at m->index, in a buffer that is large enough; its place is where the next one is then. */
static int show_next(struct seq_file *m)
{
	loff_t pos = m->index;
	void *v;
	int error = 0;

	for (;;) {
		if (!m->buf) {
			m->size = max_t(size_t, m->size, PAGE_SIZE);
			m->buf = kmalloc(m->size, GFP_KERNEL);
			if (!m->buf)
				return -ENOMEM;
		}
		m->from = m->count = 0;
		v = m->op->start(m, &pos);
		if (IS_ERR_OR_NULL(v)) {
			error = v ? PTR_ERR(v) : 0;
			break;
		}
		error = m->op->show(m, v);
		if (error || m->count < m->size) {
			m->op->next(m, v, &pos);
			break;
		}
		m->op->stop(m, v);
		kfree(m->buf);
		m->buf = NULL;
		m->size *= 2;
		pos = m->index;
	}
	m->op->stop(m, v);
	if (error)	/* or SEQ_SKIP */
		m->count = 0;
	m->index = v && !IS_ERR(v) ? max(pos, m->index + 1) : -1;
	return min(error, 0);
}

LIB ssize_t seq_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct seq_file *m = file->private_data;
	size_t copied = 0;
	int error = 0;

	mutex_lock(&m->lock);
	if (!*pos)
		m->index = m->count = m->from = 0;
	while (copied < size && !error) {
		size_t length = min(m->count, size - copied);

		if (!m->count) {
			if (m->index < 0)
				break;
			error = show_next(m);
			continue;
		}
		if (copy_to_user(buf + copied, m->buf + m->from, length)) {
			error = -EFAULT;
			break;
		}
		copied += length;
		m->from += length;
		m->count -= length;
	}
	*pos += copied;
	mutex_unlock(&m->lock);
	return copied ? copied : error;
}

/* To the beginning, or where it is. */
LIB loff_t seq_lseek(struct file *file, loff_t offset, int origin)
{
	if (origin == SEEK_CUR)
		offset += file->f_pos;
	else if (origin != SEEK_SET)
		return -EINVAL;
	if (offset && offset != file->f_pos)
		return -EINVAL;
	return file->f_pos = offset;
}

/* One text */

static void *single_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? NULL : SEQ_START_TOKEN;
}

static void *single_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void single_stop(struct seq_file *m, void *v)
{
}

LIB int single_open(struct file *file, int (*show)(struct seq_file *m, void *v), void *data)
{
	struct seq_operations *op = kmalloc(sizeof(*op), GFP_KERNEL);
	int error;

	if (!op)
		return -ENOMEM;
	op->start = single_start;
	op->next = single_next;
	op->stop = single_stop;
	op->show = show;
	error = seq_open(file, op);
	if (error)
		kfree(op);
	else
		((struct seq_file *)file->private_data)->private = data;
	return error;
}

LIB int single_release(struct inode *inode, struct file *file)
{
	const struct seq_operations *op = ((struct seq_file *)file->private_data)->op;

	seq_release(inode, file);
	kfree(op);
	return 0;
}

/* Lists */

LIB struct list_head *seq_list_start(struct list_head *head, loff_t pos)
{
	struct list_head *entry;

	list_for_each(entry, head)
		if (!pos--)
			return entry;
	return NULL;
}

LIB struct list_head *seq_list_start_head(struct list_head *head, loff_t pos)
{
	return pos ? seq_list_start(head, pos - 1) : head;
}

LIB struct list_head *seq_list_next(void *v, struct list_head *head, loff_t *pos)
{
	struct list_head *entry = v;

	++*pos;
	return entry->next == head ? NULL : entry->next;
}
