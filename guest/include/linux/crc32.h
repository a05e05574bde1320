#ifndef _LINUX_CRC32_H
#define _LINUX_CRC32_H

#include <linux/bitrev.h>
#include <linux/types.h>

/* The start value and the end are the caller's: Ethernet's and zip's CRC is ~crc32_le(~0, ...). */
extern u32 crc32_le(u32 crc, const void *data, size_t len);
extern u32 crc32_be(u32 crc, const void *data, size_t len);
extern u32 __crc32c_le(u32 crc, const void *data, size_t len);
#define crc32(seed, data, len)	crc32_le(seed, data, len)
#define crc32c(crc, data, len)	__crc32c_le(crc, data, len)

/* The CRC of two blocks one behind the other, from that of each (the second's begun with 0) and the second's length. */
extern u32 crc32_le_combine(u32 crc1, u32 crc2, size_t len2);
extern u32 __crc32c_le_combine(u32 crc1, u32 crc2, size_t len2);

#define ether_crc_le(len, data)	crc32_le(~0, data, len)
#define ether_crc(len, data)	bitrev32(crc32_le(~0, data, len))

#endif
