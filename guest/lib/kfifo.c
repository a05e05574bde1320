#include <linux/err.h>
#include <linux/kfifo.h>
#include <linux/slab.h>
#include "lib.h"

LIB struct kfifo *kfifo_init(unsigned char *buffer, unsigned int size, gfp_t gfp_mask, spinlock_t *lock)
{
	struct kfifo *fifo;

	BUG_ON(!is_power_of_2(size));
	fifo = kmalloc(sizeof(*fifo), gfp_mask);
	if (!fifo)
		return ERR_PTR(-ENOMEM);
	*fifo = (struct kfifo) { .buffer = buffer, .size = size, .lock = lock };
	return fifo;
}

LIB struct kfifo *kfifo_alloc(unsigned int size, gfp_t gfp_mask, spinlock_t *lock)
{
	unsigned char *buffer;
	struct kfifo *fifo;

	if (!is_power_of_2(size)) {
		BUG_ON(size > 0x80000000);
		size = roundup_pow_of_two(size);
	}
	buffer = kmalloc(size, gfp_mask);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	fifo = kfifo_init(buffer, size, gfp_mask, lock);
	if (IS_ERR(fifo))
		kfree(buffer);
	return fifo;
}

LIB void kfifo_free(struct kfifo *fifo)
{
	kfree(fifo->buffer);
	kfree(fifo);
}

LIB unsigned int __kfifo_put(struct kfifo *fifo, unsigned char *buffer, unsigned int len)
{
	unsigned int start = fifo->in & (fifo->size - 1), first;

	len = min(len, fifo->size - fifo->in + fifo->out);
	smp_mb();	/* `out` is read before the bytes behind it are written over */
	first = min(len, fifo->size - start);
	memcpy(fifo->buffer + start, buffer, first);
	memcpy(fifo->buffer, buffer + first, len - first);
	smp_wmb();	/* the bytes come before `in` says that they are there */
	fifo->in += len;
	return len;
}

LIB unsigned int __kfifo_get(struct kfifo *fifo, unsigned char *buffer, unsigned int len)
{
	unsigned int start = fifo->out & (fifo->size - 1), first;

	len = min(len, fifo->in - fifo->out);
	smp_rmb();
	first = min(len, fifo->size - start);
	memcpy(buffer, fifo->buffer + start, first);
	memcpy(buffer + first, fifo->buffer, len - first);
	smp_mb();	/* the bytes are taken before `out` gives their place away */
	fifo->out += len;
	return len;
}
