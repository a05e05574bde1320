#ifndef _LINUX_KFIFO_H
#define _LINUX_KFIFO_H

#include <linux/kernel.h>
#include <linux/gfp.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>

/*
 * Rings of bytes, and, as in 2.6.36 and later, of elements of a type, or of records of any length. `in` and `out` only
 * ever grow; what they differ by is in it. Without a lock a ring is good for one reader and one writer.
 */
struct __kfifo {
	unsigned int in;
	unsigned int out;
	unsigned int size;	/* in elements, a power of two; 0 without a buffer */
	unsigned int esize;	/* bytes of an element */
	void *data;
};

/* All begin with a struct __kfifo and end with `buf`, which tells the type; `__record` tells the bytes of a length. */
#define __STRUCT_KFIFO(type, count, recsize) \
	struct { struct __kfifo kfifo; char (*__record[0])[recsize]; type buf[count]; }
#define __KFIFO_COUNT(count)	((count) < 2 || ((count) & ((count) - 1)) ? -1 : (count))
#define STRUCT_KFIFO(type, count)	__STRUCT_KFIFO(type, __KFIFO_COUNT(count), 0)
#define STRUCT_KFIFO_PTR(type)		__STRUCT_KFIFO(type, 0, 0)
#define STRUCT_KFIFO_REC_1(count)	__STRUCT_KFIFO(unsigned char, __KFIFO_COUNT(count), 1)
#define STRUCT_KFIFO_REC_2(count)	__STRUCT_KFIFO(unsigned char, __KFIFO_COUNT(count), 2)

/* Up to 2.6.35 there is no type, and the elements are bytes. */
#define __DECLARE_KFIFO_3(fifo, type, count)	STRUCT_KFIFO(type, count) fifo
#define __DECLARE_KFIFO_2(fifo, count)		STRUCT_KFIFO(unsigned char, count) fifo
#define DECLARE_KFIFO(...)	__PASTE(__DECLARE_KFIFO_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define DECLARE_KFIFO_PTR(fifo, type)		STRUCT_KFIFO_PTR(type) fifo
#define __DEFINE_KFIFO_3(fifo, type, count)				\
	STRUCT_KFIFO(type, count) fifo =				\
		{ .kfifo = { .size = (count), .esize = sizeof(*(fifo).buf), .data = (fifo).buf } }
#define __DEFINE_KFIFO_2(fifo, count)	__DEFINE_KFIFO_3(fifo, unsigned char, count)
#define DEFINE_KFIFO(...)	__PASTE(__DEFINE_KFIFO_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

struct kfifo_rec_ptr_1 {
	struct __kfifo kfifo;
	char (*__record[0])[1];
	unsigned char buf[0];
};

struct kfifo_rec_ptr_2 {
	struct __kfifo kfifo;
	char (*__record[0])[2];
	unsigned char buf[0];
};

/* Bytes: that of 2.6.20, which the kernel allocates and which has a lock, and the later one, which the user has. */
struct kfifo {
	union {
		struct __kfifo kfifo;
		struct {
			unsigned int in;
			unsigned int out;
			unsigned int size;
			unsigned int __esize;
			unsigned char *buffer;
		};
	};
	spinlock_t *lock;
	bool __allocated;
	char (*__record[0])[0];
	unsigned char buf[0];
};

#define __is_kfifo_ptr(fifo)	(sizeof((fifo)->buf) == 0)
#define kfifo_recsize(fifo)	(sizeof(*(fifo)->__record[0]))
#define kfifo_esize(fifo)	((fifo)->kfifo.esize)
#define kfifo_size(fifo)	((fifo)->kfifo.size)
#define kfifo_initialized(fifo)	((fifo)->kfifo.size != 0)
#define kfifo_len(fifo)		({ const struct __kfifo *__len = &(fifo)->kfifo; __len->in - __len->out; })
#define kfifo_is_empty(fifo)	(kfifo_len(fifo) == 0)
#define kfifo_is_full(fifo)	(kfifo_len(fifo) >= (fifo)->kfifo.size)
#define kfifo_avail(fifo)	__kfifo_avail(&(fifo)->kfifo, kfifo_recsize(fifo))
#define kfifo_peek_len(fifo)	__kfifo_peek_len(&(fifo)->kfifo, kfifo_recsize(fifo))
#define kfifo_skip(fifo)	__kfifo_skip(&(fifo)->kfifo, kfifo_recsize(fifo))
#define kfifo_skip_count(fifo, count)	((void)((fifo)->kfifo.out += (count)))
#define kfifo_reset_out(fifo)	((void)((fifo)->kfifo.out = (fifo)->kfifo.in))
#define kfifo_reset(fifo) \
	_Generic((fifo), struct kfifo *: __kfifo_reset_locked, default: __kfifo_reset_plain)((void *)(fifo))

extern unsigned int __kfifo_avail(const struct __kfifo *fifo, size_t recsize);
extern unsigned int __kfifo_peek_len(const struct __kfifo *fifo, size_t recsize);
extern void __kfifo_skip(struct __kfifo *fifo, size_t recsize);
extern void __kfifo_reset_plain(void *fifo);
extern void __kfifo_reset_locked(void *fifo);

/* Making one: 0 or an error. A size that is no power of two is rounded up by kfifo_alloc, down by kfifo_init. */
#define INIT_KFIFO(fifo) ({						\
	struct __kfifo *__made = &(fifo).kfifo;				\
	*__made = (struct __kfifo) { .size = ARRAY_SIZE((fifo).buf), .esize = sizeof(*(fifo).buf) }; \
	__made->data = __made->size ? (fifo).buf : NULL;		\
	(void)0; })

extern int __kfifo_alloc(void *fifo, bool bytes, size_t esize, unsigned int count, gfp_t gfp);
extern int __kfifo_init(void *fifo, bool bytes, size_t esize, void *buffer, unsigned int size);
extern void __kfifo_free(void *fifo);
extern void __kfifo_free_bytes(void *fifo);

/* As in 2.6.20: ERR_PTR on failure; a size that is no power of two is rounded up, and a BUG in the second. */
extern struct kfifo *__kfifo_alloc_locked(unsigned int size, gfp_t gfp_mask, spinlock_t *lock);
extern struct kfifo *__kfifo_init_locked(unsigned char *buffer, unsigned int size, gfp_t gfp_mask, spinlock_t *lock);

/* kfifo_alloc(size, gfp_mask, lock) is that of 2.6.20, kfifo_alloc(fifo, count, gfp_mask) the later one. */
#define __KFIFO_IS_SIZE(x)	_Generic((x),				\
	char: 1, signed char: 1, unsigned char: 1, short: 1, unsigned short: 1, int: 1, unsigned int: 1, \
	long: 1, unsigned long: 1, long long: 1, unsigned long long: 1, default: 0)
#define __KFIFO_OF(x)		__builtin_choose_expr(__KFIFO_IS_SIZE(x), (struct kfifo *)0, (x))
#define kfifo_alloc(a, b, c)	__builtin_choose_expr(__KFIFO_IS_SIZE(a),	\
	__kfifo_alloc_locked((unsigned long)(a), (unsigned long)(b), (void *)(unsigned long)(c)), \
	__kfifo_alloc((void *)(unsigned long)(a), __KFIFO_BYTES(__KFIFO_OF(a)), sizeof(*__KFIFO_OF(a)->buf), \
		      (unsigned long)(b), (unsigned long)(c)))
#define __KFIFO_BYTES(fifo)	__same_type(*(fifo), struct kfifo)
#define kfifo_free(fifo) \
	_Generic((fifo), struct kfifo *: __kfifo_free_bytes, default: __kfifo_free)((void *)(fifo))
#define __kfifo_init_4(buffer, size, gfp_mask, lock)	__kfifo_init_locked(buffer, size, gfp_mask, lock)
#define __kfifo_init_3(fifo, buffer, size) \
	__kfifo_init(fifo, __KFIFO_BYTES(fifo), sizeof(*(fifo)->buf), buffer, size)
#define kfifo_init(...)		__PASTE(__kfifo_init_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

/* As many elements as there is room for, or as are there; how many. Of records, one whole record or nothing. */
extern unsigned int __kfifo_in(struct __kfifo *fifo, const void *from, unsigned int n, size_t recsize);
extern unsigned int __kfifo_out(struct __kfifo *fifo, void *to, unsigned int n, size_t recsize);
extern unsigned int __kfifo_peek(const struct __kfifo *fifo, void *to, unsigned int n, unsigned int offset,
				 size_t recsize);	/* up to 2.6.35 there is an offset */
extern int __kfifo_from_user(struct __kfifo *fifo, const void __user *from, unsigned long length,
			     unsigned int *copied, size_t recsize);
extern int __kfifo_to_user(struct __kfifo *fifo, void __user *to, unsigned long length, unsigned int *copied,
			   size_t recsize);
extern unsigned int __kfifo_linear(const struct __kfifo *fifo, unsigned int *tail, unsigned int n, size_t recsize);

#define kfifo_in(fifo, from, n)		__kfifo_in(&(fifo)->kfifo, from, n, kfifo_recsize(fifo))
#define kfifo_out(fifo, to, n)		__kfifo_out(&(fifo)->kfifo, to, n, kfifo_recsize(fifo))
#define __kfifo_out_peek_3(fifo, to, n)		__kfifo_peek(&(fifo)->kfifo, to, n, 0, kfifo_recsize(fifo))
#define __kfifo_out_peek_4(fifo, to, n, offset)	__kfifo_peek(&(fifo)->kfifo, to, n, offset, kfifo_recsize(fifo))
#define kfifo_out_peek(...)	__PASTE(__kfifo_out_peek_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define kfifo_from_user(fifo, from, length, copied) \
	__kfifo_from_user(&(fifo)->kfifo, from, length, copied, kfifo_recsize(fifo))
#define kfifo_to_user(fifo, to, length, copied) \
	__kfifo_to_user(&(fifo)->kfifo, to, length, copied, kfifo_recsize(fifo))

/* What is there in one piece: its index in the buffer, or its address. */
#define kfifo_out_linear(fifo, tail, n)	__kfifo_linear(&(fifo)->kfifo, tail, n, kfifo_recsize(fifo))
#define kfifo_out_linear_ptr(fifo, ptr, n) ({				\
	typeof(fifo) __linear = (fifo);					\
	unsigned int __tail, __count = kfifo_out_linear(__linear, &__tail, n); \
	*(ptr) = (typeof(__linear->buf[0]) *)__linear->kfifo.data + __tail; \
	__count; })

/*
 * Up to `n` free or used elements as pieces of memory for a device, and then what the device did, in bytes; not for
 * records. How many pieces.
 */
extern unsigned int __kfifo_pieces(const struct __kfifo *fifo, bool free, struct scatterlist *sg, int nents,
				   unsigned int n);
#define kfifo_dma_in_prepare(fifo, sg, nents, n)	__kfifo_pieces(&(fifo)->kfifo, true, sg, nents, n)
#define kfifo_dma_out_prepare(fifo, sg, nents, n)	__kfifo_pieces(&(fifo)->kfifo, false, sg, nents, n)
#define kfifo_dma_in_finish(fifo, bytes)	((void)((fifo)->kfifo.in += (bytes) / (fifo)->kfifo.esize))
#define kfifo_dma_out_finish(fifo, bytes)	((void)((fifo)->kfifo.out += (bytes) / (fifo)->kfifo.esize))

/* One element: 1 or 0; and as in 2.6.20, kfifo_put(fifo, buffer, len) and kfifo_get(fifo, buffer, len). */
#define __KFIFO_ONE(fifo)	(kfifo_recsize(fifo) ? sizeof(*(fifo)->buf) : 1)
#define __kfifo_put_2(fifo, value) ({					\
	typeof(fifo) __put = (fifo);					\
	typeof(__put->buf[0]) __value = (value);			\
	kfifo_in(__put, &__value, __KFIFO_ONE(__put)); })
#define __kfifo_get_2(fifo, value) ({					\
	typeof(fifo) __get = (fifo);					\
	typeof(__get->buf[0]) *__value = (value);			\
	kfifo_out(__get, __value, __KFIFO_ONE(__get)); })
#define kfifo_peek(fifo, value) ({					\
	typeof(fifo) __peek = (fifo);					\
	typeof(__peek->buf[0]) *__value = (value);			\
	kfifo_out_peek(__peek, __value, __KFIFO_ONE(__peek)); })
#define __kfifo_put_3(fifo, from, len)	__KFIFO_LOCKED((fifo)->lock, kfifo_in(fifo, from, len))
#define __kfifo_get_3(fifo, to, len)	__KFIFO_LOCKED((fifo)->lock, kfifo_out(fifo, to, len))
#define kfifo_put(...)		__PASTE(__kfifo_put_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define kfifo_get(...)		__PASTE(__kfifo_get_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define __kfifo_put(fifo, from, len)	kfifo_in(fifo, from, len)
#define __kfifo_get(fifo, to, len)	kfifo_out(fifo, to, len)
#define __kfifo_len(fifo)	kfifo_len(fifo)
#define __kfifo_reset(fifo)	__kfifo_reset_plain(fifo)

/* With a lock around. */
#define __KFIFO_LOCKED(l, expression) ({				\
	unsigned long __flags;						\
	unsigned int __result;						\
	spin_lock_irqsave(l, __flags);					\
	__result = (expression);					\
	spin_unlock_irqrestore(l, __flags);				\
	__result; })
#define __KFIFO_LOCKED_ONLY(l, expression) ({				\
	unsigned int __result;						\
	spin_lock(l);							\
	__result = (expression);					\
	spin_unlock(l);							\
	__result; })
#define kfifo_in_spinlocked(fifo, from, n, l)	__KFIFO_LOCKED(l, kfifo_in(fifo, from, n))
#define kfifo_out_spinlocked(fifo, to, n, l)	__KFIFO_LOCKED(l, kfifo_out(fifo, to, n))
#define kfifo_is_empty_spinlocked(fifo, l)	__KFIFO_LOCKED(l, kfifo_is_empty(fifo))
#define kfifo_in_spinlocked_noirqsave(fifo, from, n, l)	__KFIFO_LOCKED_ONLY(l, kfifo_in(fifo, from, n))
#define kfifo_out_spinlocked_noirqsave(fifo, to, n, l)	__KFIFO_LOCKED_ONLY(l, kfifo_out(fifo, to, n))
#define kfifo_is_empty_spinlocked_noirqsave(fifo, l)	__KFIFO_LOCKED_ONLY(l, kfifo_is_empty(fifo))
#define kfifo_in_locked(fifo, from, n, l)	kfifo_in_spinlocked(fifo, from, n, l)
#define kfifo_out_locked(fifo, to, n, l)	kfifo_out_spinlocked(fifo, to, n, l)

#endif
