/* Text in a buffer: as lib/seq_buf.c. */
#include <linux/seq_buf.h>
#include "lib.h"

static int overflow(struct seq_buf *s)
{
	seq_buf_set_overflow(s);
	return -1;
}

LIB int seq_buf_vprintf(struct seq_buf *s, const char *fmt, va_list args)
{
	size_t length, left = seq_buf_buffer_left(s);

	length = vsnprintf(s->buffer + seq_buf_used(s), left, fmt, args);
	if (seq_buf_has_overflowed(s) || length >= left)
		return overflow(s);
	s->len += length;
	return 0;
}

LIB int seq_buf_printf(struct seq_buf *s, const char *fmt, ...)
{
	va_list args;
	int error;

	va_start(args, fmt);
	error = seq_buf_vprintf(s, fmt, args);
	va_end(args);
	return error;
}

LIB int seq_buf_putmem(struct seq_buf *s, const void *from, unsigned int length)
{
	if (seq_buf_has_overflowed(s) || length > seq_buf_buffer_left(s))
		return overflow(s);
	memcpy(s->buffer + s->len, from, length);
	s->len += length;
	return 0;
}

/* The zero byte needs room too. */
LIB int seq_buf_puts(struct seq_buf *s, const char *text)
{
	size_t length = strlen(text);

	if (length >= seq_buf_buffer_left(s))
		return overflow(s);
	memcpy(s->buffer + s->len, text, length + 1);
	s->len += length;
	return 0;
}

LIB int seq_buf_putc(struct seq_buf *s, unsigned char c)
{
	return seq_buf_putmem(s, &c, 1);
}

LIB int seq_buf_putmem_hex(struct seq_buf *s, const void *from, unsigned int length)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *data = from;
	char text[2 * 8 + 1];
	unsigned int part, i;

	for (; length; length -= part, data += part) {
		part = min(length, 8U);
		for (i = 0; i < part; i++) {
			text[2 * i] = digits[data[part - 1 - i] >> 4];
			text[2 * i + 1] = digits[data[part - 1 - i] & 15];
		}
		text[2 * part] = ' ';
		if (seq_buf_putmem(s, text, 2 * part + 1))
			return -1;
	}
	return 0;
}
