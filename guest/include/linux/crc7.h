#ifndef _LINUX_CRC7_H
#define _LINUX_CRC7_H

#include <linux/types.h>

/* x^7 + x^3 + 1, in the upper seven bits. */
extern u8 crc7_be(u8 crc, const u8 *data, size_t len);

#endif
