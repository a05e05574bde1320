/* Bytes in rows: a prefix, numbers in groups, and the same as text. */
#include <linux/ctype.h>
#include "lib.h"

static unsigned long long number(const unsigned char *p, int size)
{
	unsigned long long value = 0;

	while (size--)
		value = value << 8 | p[size];
	return value;
}

LIB int hex_dump_to_buffer(const void *buf, size_t len, int rowsize, int groupsize, char *line, size_t size, bool ascii)
{
	const unsigned char *p = buf;
	int at = 0, i, width;

	rowsize = rowsize == 32 ? 32 : 16;
	len = min_t(size_t, len, rowsize);
	if ((groupsize != 2 && groupsize != 4 && groupsize != 8) || len % groupsize)
		groupsize = 1;
	width = rowsize * 2 + rowsize / groupsize + 1;
	if (size)
		*line = 0;
	for (i = 0; i < len; i += groupsize)
		at += scnprintf(line + at, size - at, "%s%0*llx", i ? " " : "", groupsize * 2, number(p + i, groupsize));
	if (!ascii)
		return at;
	at += scnprintf(line + at, size - at, "%*s", max(width - at, 0), "");
	for (i = 0; i < len; i++)
		at += scnprintf(line + at, size - at, "%c", isprint(p[i]) && p[i] < 0x80 ? p[i] : '.');
	return at;
}

LIB void print_hex_dump(const char *level, const char *prefix, int prefix_type, int rowsize, int groupsize,
			const void *buf, size_t len, bool ascii)
{
	const char *p = buf;
	char line[32 * 3 + 2 + 32 + 1];
	size_t at;

	rowsize = rowsize == 32 ? 32 : 16;
	for (at = 0; at < len; at += rowsize) {
		hex_dump_to_buffer(p + at, len - at, rowsize, groupsize, line, sizeof(line), ascii);
		if (prefix_type == DUMP_PREFIX_ADDRESS)
			printk("%s%s%p: %s\n", level, prefix, p + at, line);
		else if (prefix_type == DUMP_PREFIX_OFFSET)
			printk("%s%s%.8lx: %s\n", level, prefix, (unsigned long)at, line);
		else
			printk("%s%s%s\n", level, prefix, line);
	}
}
