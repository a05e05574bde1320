#ifndef _LINUX_AIO_H
#define _LINUX_AIO_H

#include <linux/errno.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

/* What an asynchronous read or write is written with. Nobody asks for one. */
struct file;

struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	void *private;
	void (*ki_complete)(struct kiocb *iocb, long result);
	int ki_flags;
	int ki_result;
};

#define is_sync_kiocb(iocb)	((iocb)->ki_complete == NULL)

static inline int aio_complete(struct kiocb *iocb, long result, long more)
{
	iocb->ki_result = result;
	return 1;
}

#endif
