#include <linux/ctype.h>
#include <linux/errno.h>
#include "lib.h"

LIB const char hex_asc[] = "0123456789abcdef";
LIB const char hex_asc_upper[] = "0123456789ABCDEF";

LIB int hex_to_bin(unsigned char digit)
{
	return isdigit(digit) ? digit - '0' : isxdigit(digit) ? tolower(digit) - 'a' + 10 : -1;
}

LIB int hex2bin(u8 *to, const char *from, size_t count)
{
	for (; count; count--, from += 2) {
		int high = hex_to_bin(from[0]), low = high < 0 ? -1 : hex_to_bin(from[1]);

		if (low < 0)
			return -EINVAL;
		*to++ = high << 4 | low;
	}
	return 0;
}

LIB char *bin2hex(char *to, const void *from, size_t count)
{
	const u8 *at = from;

	while (count--)
		to = hex_byte_pack(to, *at++);
	return to;
}
