#include <linux/err.h>
#include <linux/kfifo.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "lib.h"

/* Making and freeing */

/* bytes: it is a struct kfifo, whose other words say that it is not one of 2.6.20. */
static void set(void *fifo, bool bytes, size_t esize, void *buffer, unsigned int size)
{
	*(struct __kfifo *)fifo = (struct __kfifo) { .size = size, .esize = esize, .data = buffer };
	if (bytes) {
		((struct kfifo *)fifo)->lock = NULL;
		((struct kfifo *)fifo)->__allocated = false;
	}
}

LIB int __kfifo_alloc(void *fifo, bool bytes, size_t esize, unsigned int count, gfp_t gfp)
{
	void *buffer = NULL;

	count = count < 2 ? 0 : roundup_pow_of_two(count);
	if (count)
		buffer = kmalloc_array(count, esize, gfp);
	set(fifo, bytes, esize, buffer, buffer ? count : 0);
	return !count ? -EINVAL : buffer ? 0 : -ENOMEM;
}

LIB int __kfifo_init(void *fifo, bool bytes, size_t esize, void *buffer, unsigned int size)
{
	unsigned int count = size / esize;

	count = count < 2 ? 0 : rounddown_pow_of_two(count);
	set(fifo, bytes, esize, buffer, count);
	return count ? 0 : -EINVAL;
}

LIB void __kfifo_free(void *fifo)
{
	struct __kfifo *ring = fifo;

	kfree(ring->data);
	set(ring, false, 0, NULL, 0);
}

LIB void __kfifo_free_bytes(void *fifo)
{
	__kfifo_free(fifo);
	if (((struct kfifo *)fifo)->__allocated)
		kfree(fifo);
}

LIB struct kfifo *__kfifo_init_locked(unsigned char *buffer, unsigned int size, gfp_t gfp_mask, spinlock_t *lock)
{
	struct kfifo *fifo;

	BUG_ON(!is_power_of_2(size));
	fifo = kmalloc(sizeof(*fifo), gfp_mask);
	if (!fifo)
		return ERR_PTR(-ENOMEM);
	set(fifo, true, 1, buffer, size);
	fifo->lock = lock;
	fifo->__allocated = true;
	return fifo;
}

LIB struct kfifo *__kfifo_alloc_locked(unsigned int size, gfp_t gfp_mask, spinlock_t *lock)
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
	fifo = __kfifo_init_locked(buffer, size, gfp_mask, lock);
	if (IS_ERR(fifo))
		kfree(buffer);
	return fifo;
}

LIB void __kfifo_reset_plain(void *fifo)
{
	struct __kfifo *ring = fifo;

	ring->in = ring->out = 0;
}

LIB void __kfifo_reset_locked(void *fifo)
{
	spinlock_t *lock = ((struct kfifo *)fifo)->lock;
	unsigned long flags;

	if (!lock) {
		__kfifo_reset_plain(fifo);
		return;
	}
	spin_lock_irqsave(lock, flags);
	__kfifo_reset_plain(fifo);
	spin_unlock_irqrestore(lock, flags);
}

/* Copying */

enum way { IN, OUT, FROM_USER, TO_USER };

/* What is left of `length` bytes. */
static size_t copy(void *place, void *buffer, size_t length, enum way way)
{
	switch (way) {
	case IN:
		memcpy(place, buffer, length);
		return 0;
	case OUT:
		memcpy(buffer, place, length);
		return 0;
	case FROM_USER:
		return copy_from_user(place, buffer, length);
	default:
		return copy_to_user(buffer, place, length);
	}
}

/* `n` elements between the ring, from the element `at` on, and a buffer; how many bytes are left. */
static size_t move(const struct __kfifo *fifo, unsigned int at, void *buffer, unsigned int n, enum way way)
{
	unsigned int start = at & (fifo->size - 1);
	size_t length = (size_t)n * fifo->esize, first = min(length, (size_t)(fifo->size - start) * fifo->esize), left;

	left = copy(fifo->data + start * fifo->esize, buffer, first, way);
	if (left)
		return left + length - first;
	return copy(fifo->data, buffer + first, length - first, way);
}

static unsigned int length_of_record(const struct __kfifo *fifo, size_t recsize)
{
	u8 bytes[2] = { 0, 0 };

	move(fifo, fifo->out, bytes, recsize, OUT);
	return bytes[0] | bytes[1] << 8;
}

static unsigned int room(const struct __kfifo *fifo)
{
	return fifo->size - (fifo->in - fifo->out);
}

LIB unsigned int __kfifo_avail(const struct __kfifo *fifo, size_t recsize)
{
	unsigned int free = room(fifo);

	if (!recsize)
		return free;
	return free > recsize ? min(free - (unsigned int)recsize, (1U << 8 * recsize) - 1) : 0;
}

LIB unsigned int __kfifo_peek_len(const struct __kfifo *fifo, size_t recsize)
{
	if (!recsize)
		return (fifo->in - fifo->out) * fifo->esize;
	return fifo->in == fifo->out ? 0 : length_of_record(fifo, recsize);
}

LIB void __kfifo_skip(struct __kfifo *fifo, size_t recsize)
{
	fifo->out += recsize ? recsize + length_of_record(fifo, recsize) : 1;
}

static int put(struct __kfifo *fifo, void *from, unsigned int n, size_t recsize, enum way way, unsigned int *done)
{
	u8 bytes[2] = { n, n >> 8 };
	size_t left;

	*done = 0;
	if (n > __kfifo_avail(fifo, recsize)) {
		if (recsize)
			return 0;
		n = room(fifo);
	}
	smp_mb();	/* `out` is read before the elements behind it are written over */
	left = move(fifo, fifo->in + recsize, from, n, way);
	if (left && recsize)
		return -EFAULT;
	move(fifo, fifo->in, bytes, recsize, IN);
	smp_wmb();	/* the elements come before `in` says that they are there */
	*done = n - DIV_ROUND_UP(left, fifo->esize);
	fifo->in += recsize + *done;
	return left ? -EFAULT : 0;
}

static int get(struct __kfifo *fifo, void *to, unsigned int n, size_t recsize, enum way way, unsigned int *done)
{
	unsigned int there = fifo->in - fifo->out;
	size_t left;

	*done = 0;
	if (!there)
		return 0;
	smp_rmb();
	if (recsize)
		there = length_of_record(fifo, recsize);
	n = min(n, there);
	left = move(fifo, fifo->out + recsize, to, n, way);
	if (left && recsize)
		return -EFAULT;
	*done = n - DIV_ROUND_UP(left, fifo->esize);
	smp_mb();	/* the elements are taken before `out` gives their place away */
	fifo->out += recsize ? recsize + there : *done;
	return left ? -EFAULT : 0;
}

LIB unsigned int __kfifo_in(struct __kfifo *fifo, const void *from, unsigned int n, size_t recsize)
{
	unsigned int done;

	put(fifo, (void *)from, n, recsize, IN, &done);
	return done;
}

LIB unsigned int __kfifo_out(struct __kfifo *fifo, void *to, unsigned int n, size_t recsize)
{
	unsigned int done;

	get(fifo, to, n, recsize, OUT, &done);
	return done;
}

LIB unsigned int __kfifo_peek(const struct __kfifo *fifo, void *to, unsigned int n, unsigned int offset, size_t recsize)
{
	struct __kfifo copy = *fifo;

	copy.out += min(offset, copy.in - copy.out);
	return __kfifo_out(&copy, to, n, recsize);
}

LIB int __kfifo_from_user(struct __kfifo *fifo, const void __user *from, unsigned long length, unsigned int *copied,
			  size_t recsize)
{
	int error = put(fifo, (void *)from, length / fifo->esize, recsize, FROM_USER, copied);

	*copied *= fifo->esize;
	return error;
}

LIB int __kfifo_to_user(struct __kfifo *fifo, void __user *to, unsigned long length, unsigned int *copied,
			size_t recsize)
{
	int error = get(fifo, to, length / fifo->esize, recsize, TO_USER, copied);

	*copied *= fifo->esize;
	return error;
}

LIB unsigned int __kfifo_linear(const struct __kfifo *fifo, unsigned int *tail, unsigned int n, size_t recsize)
{
	unsigned int there = fifo->in - fifo->out;

	if (recsize && there)
		there = length_of_record(fifo, recsize);
	*tail = (fifo->out + recsize) & (fifo->size - 1);
	return min3(n, there, fifo->size - *tail);
}

LIB unsigned int __kfifo_pieces(const struct __kfifo *fifo, bool free, struct scatterlist *sg, int nents,
				unsigned int n)
{
	unsigned int start = (free ? fifo->in : fifo->out) & (fifo->size - 1), first, count = 0;

	n = min(n, free ? room(fifo) : fifo->in - fifo->out);
	first = min(n, fifo->size - start);
	if (n && nents > 0)
		sg_set_buf(&sg[count++], fifo->data + start * fifo->esize, first * fifo->esize);
	if (n > first && nents > 1)
		sg_set_buf(&sg[count++], fifo->data, (n - first) * fifo->esize);
	if (count)
		sg_mark_end(&sg[count - 1]);
	return count;
}
