#ifndef _LINUX_SEQ_BUF_H
#define _LINUX_SEQ_BUF_H

#include <linux/kernel.h>
#include <linux/string.h>

/* Text that grows in a buffer; len above size: there was no room. These give 0, or -1 where there was none. */
struct seq_buf {
	char *buffer;
	size_t size;
	size_t len;
};

#define DECLARE_SEQ_BUF(name, bytes) \
	struct seq_buf name = { .buffer = (char[bytes]) { 0 }, .size = (bytes) }

static inline void seq_buf_clear(struct seq_buf *s)
{
	s->len = 0;
	if (s->size)
		s->buffer[0] = 0;
}

static inline void seq_buf_init(struct seq_buf *s, char *buffer, unsigned int size)
{
	s->buffer = buffer;
	s->size = size;
	seq_buf_clear(s);
}

static inline bool seq_buf_has_overflowed(struct seq_buf *s)
{
	return s->len > s->size;
}

static inline void seq_buf_set_overflow(struct seq_buf *s)
{
	s->len = s->size + 1;
}

static inline unsigned int seq_buf_used(struct seq_buf *s)
{
	return min(s->len, s->size);
}

static inline unsigned int seq_buf_buffer_left(struct seq_buf *s)
{
	return s->size - seq_buf_used(s);
}

/* With a zero byte behind, which is not counted. */
static inline const char *seq_buf_str(struct seq_buf *s)
{
	if (!s->size)
		return "";
	s->buffer[min(s->len, s->size - 1)] = 0;
	return s->buffer;
}

/* The room that is left, for who fills it himself, and how much of it he did; negative: it was too little. */
static inline size_t seq_buf_get_buf(struct seq_buf *s, char **buffer)
{
	*buffer = seq_buf_buffer_left(s) ? s->buffer + s->len : NULL;
	return seq_buf_buffer_left(s);
}

static inline void seq_buf_commit(struct seq_buf *s, int count)
{
	if (count < 0) {
		seq_buf_set_overflow(s);
	} else {
		BUG_ON(s->len + count > s->size);
		s->len += count;
	}
}

static inline void seq_buf_pop(struct seq_buf *s)
{
	if (s->len)
		s->len--;
}

extern int seq_buf_printf(struct seq_buf *s, const char *fmt, ...) __printf(2, 3);
extern int seq_buf_vprintf(struct seq_buf *s, const char *fmt, va_list args);
extern int seq_buf_puts(struct seq_buf *s, const char *text);
extern int seq_buf_putc(struct seq_buf *s, unsigned char c);
extern int seq_buf_putmem(struct seq_buf *s, const void *from, unsigned int length);
/* As numbers of 8 bytes, in hexadecimal digits, each with a space behind. */
extern int seq_buf_putmem_hex(struct seq_buf *s, const void *from, unsigned int length);

#endif
