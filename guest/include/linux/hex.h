#ifndef _LINUX_HEX_H
#define _LINUX_HEX_H

#include <linux/types.h>

extern const char hex_asc[];
extern const char hex_asc_upper[];
#define hex_asc_lo(x)	hex_asc[(x) & 15]
#define hex_asc_hi(x)	hex_asc[(x) >> 4 & 15]
#define hex_asc_upper_lo(x)	hex_asc_upper[(x) & 15]
#define hex_asc_upper_hi(x)	hex_asc_upper[(x) >> 4 & 15]

/* The digit's value, -1 for what is none; `count` bytes of two digits each, 0 or -EINVAL; and back again. */
extern int hex_to_bin(unsigned char digit);
extern int hex2bin(u8 *to, const char *from, size_t count);
extern char *bin2hex(char *to, const void *from, size_t count);

static inline char *hex_byte_pack(char *buf, u8 byte)
{
	*buf++ = hex_asc_hi(byte);
	*buf++ = hex_asc_lo(byte);
	return buf;
}

static inline char *hex_byte_pack_upper(char *buf, u8 byte)
{
	*buf++ = hex_asc_upper_hi(byte);
	*buf++ = hex_asc_upper_lo(byte);
	return buf;
}

#endif
