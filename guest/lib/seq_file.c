/* The part of fs/seq_file.c that writes into the buffer. */
#include <linux/seq_file.h>
#include "lib.h"

LIB int seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;
	int length;

	if (m->count >= m->size)
		return -1;
	va_start(args, fmt);
	length = vsnprintf(m->buf + m->count, m->size - m->count, fmt, args);
	va_end(args);
	if (m->count + length >= m->size) {
		m->count = m->size;
		return -1;
	}
	m->count += length;
	return 0;
}

LIB int seq_puts(struct seq_file *m, const char *s)
{
	size_t length = strlen(s);

	if (m->count + length >= m->size) {
		m->count = m->size;
		return -1;
	}
	memcpy(m->buf + m->count, s, length);
	m->count += length;
	return 0;
}

LIB int seq_putc(struct seq_file *m, char c)
{
	if (m->count >= m->size)
		return -1;
	m->buf[m->count++] = c;
	return 0;
}
