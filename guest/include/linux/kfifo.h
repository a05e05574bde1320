#ifndef _LINUX_KFIFO_H
#define _LINUX_KFIFO_H

#include <linux/kernel.h>
#include <linux/spinlock.h>

/* A ring of bytes, its size a power of two. `in` and `out` only ever grow; what they differ by is in it. */
struct kfifo {
	unsigned char *buffer;
	unsigned int size;
	unsigned int in;
	unsigned int out;
	spinlock_t *lock;
};

/* ERR_PTR on failure; a size that is no power of two is rounded up by kfifo_alloc and a BUG in kfifo_init. */
extern struct kfifo *kfifo_init(unsigned char *buffer, unsigned int size, gfp_t gfp_mask, spinlock_t *lock);
extern struct kfifo *kfifo_alloc(unsigned int size, gfp_t gfp_mask, spinlock_t *lock);
extern void kfifo_free(struct kfifo *fifo);

/* As many bytes as there is room for, or as are there; without the lock good for one reader and one writer. */
extern unsigned int __kfifo_put(struct kfifo *fifo, unsigned char *buffer, unsigned int len);
extern unsigned int __kfifo_get(struct kfifo *fifo, unsigned char *buffer, unsigned int len);

#define __kfifo_reset(fifo)	((void)((fifo)->in = (fifo)->out = 0))
#define __kfifo_len(fifo)	((fifo)->in - (fifo)->out)

#define __KFIFO_LOCKED(fifo, expression) ({				\
	unsigned long __flags;						\
	unsigned int __result;						\
	spin_lock_irqsave((fifo)->lock, __flags);			\
	__result = (expression);					\
	spin_unlock_irqrestore((fifo)->lock, __flags);			\
	__result; })

static inline unsigned int kfifo_put(struct kfifo *fifo, unsigned char *buffer, unsigned int len)
{
	return __KFIFO_LOCKED(fifo, __kfifo_put(fifo, buffer, len));
}

static inline unsigned int kfifo_get(struct kfifo *fifo, unsigned char *buffer, unsigned int len)
{
	return __KFIFO_LOCKED(fifo, __kfifo_get(fifo, buffer, len));
}

static inline unsigned int kfifo_len(struct kfifo *fifo)
{
	return __KFIFO_LOCKED(fifo, __kfifo_len(fifo));
}

static inline void kfifo_reset(struct kfifo *fifo)
{
	(void)__KFIFO_LOCKED(fifo, (__kfifo_reset(fifo), 0));
}

#endif
