/* Small methods of files: of fs/libfs.c and its kin. */
#include <linux/fs.h>
#include <linux/uaccess.h>
#include "lib.h"

LIB loff_t no_llseek(struct file *file, loff_t offset, int origin)
{
	return -ESPIPE;
}

LIB loff_t noop_llseek(struct file *file, loff_t offset, int origin)
{
	return file->f_pos;
}

LIB loff_t fixed_size_llseek(struct file *file, loff_t offset, int origin, loff_t size)
{
	if (origin == SEEK_CUR)
		offset += file->f_pos;
	else if (origin == SEEK_END)
		offset += size;
	else if (origin != SEEK_SET)
		return -EINVAL;
	if (offset < 0 || offset > size)
		return -EINVAL;
	return file->f_pos = offset;
}

LIB int nonseekable_open(struct inode *inode, struct file *file)
{
	return 0;
}

LIB int stream_open(struct inode *inode, struct file *file)
{
	return 0;
}

LIB int simple_open(struct inode *inode, struct file *file)
{
	if (inode->i_private)
		file->private_data = inode->i_private;
	return 0;
}

/* How many of `count` bytes at *pos there are; a negative error. */
static ssize_t part(size_t count, loff_t pos, size_t available)
{
	if (pos < 0)
		return -EINVAL;
	return pos >= available ? 0 : min(count, available - (size_t)pos);
}

LIB ssize_t simple_read_from_buffer(void __user *to, size_t count, loff_t *pos, const void *from, size_t available)
{
	ssize_t length = part(count, *pos, available);
	size_t left;

	if (length <= 0)
		return length;
	left = copy_to_user(to, from + (size_t)*pos, length);
	if (left == length)
		return -EFAULT;
	*pos += length - left;
	return length - left;
}

LIB ssize_t simple_write_to_buffer(void *to, size_t available, loff_t *pos, const void __user *from, size_t count)
{
	ssize_t length = part(count, *pos, available);
	size_t left;

	if (length <= 0)
		return length;
	left = copy_from_user(to + (size_t)*pos, from, length);
	if (left == length)
		return -EFAULT;
	*pos += length - left;
	return length - left;
}

/* Nobody asks for signals. */
LIB int fasync_helper(int fd, struct file *file, int on, struct fasync_struct **queue)
{
	return 0;
}

LIB void kill_fasync(struct fasync_struct **queue, int signal, int band)
{
}
