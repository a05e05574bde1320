/* Bytes in rows: a prefix, numbers in groups, and the same as text. */
#include <linux/ctype.h>
#include "lib.h"

#define LINE	(32 * 3 + 2 + 32 + 1)	/* bytes of the longest line, its end included */

/* The length of the whole line, of which there is what fits. */
LIB int hex_dump_to_buffer(const void *buf, size_t len, int rowsize, int groupsize, char *line, size_t size, bool ascii)
{
	const unsigned char *p = buf;
	char whole[LINE];
	int at = 0, i, width;

	rowsize = rowsize == 32 ? 32 : 16;
	len = min_t(size_t, len, rowsize);
	if ((groupsize != 2 && groupsize != 4 && groupsize != 8) || len % groupsize)
		groupsize = 1;
	width = rowsize * 2 + rowsize / groupsize + 1;
	for (i = 0; i < len; i++) {
		if (i && i % groupsize == 0)
			whole[at++] = ' ';
		hex_byte_pack(whole + at, p[i - i % groupsize + groupsize - 1 - i % groupsize]);
		at += 2;
	}
	if (ascii && len) {
		while (at < width)
			whole[at++] = ' ';
		for (i = 0; i < len; i++)
			whole[at++] = isascii(p[i]) && isprint(p[i]) ? p[i] : '.';
	}
	if (size) {
		memcpy(line, whole, min_t(size_t, at, size - 1));
		line[min_t(size_t, at, size - 1)] = 0;
	}
	return at;
}

LIB void print_hex_dump(const char *level, const char *prefix, int prefix_type, int rowsize, int groupsize,
			const void *buf, size_t len, bool ascii)
{
	const char *p = buf;
	char line[LINE];
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
