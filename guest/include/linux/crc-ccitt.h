#ifndef _LINUX_CRC_CCITT_H
#define _LINUX_CRC_CCITT_H

#include <linux/types.h>

/* x^16 + x^12 + x^5 + 1, lowest bit first. */
extern u16 crc_ccitt(u16 crc, const u8 *data, size_t len);
#define crc_ccitt_byte(crc, byte)	crc_ccitt(crc, &(u8) { byte }, 1)

#endif
