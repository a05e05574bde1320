#ifndef _LINUX_CRC16_H
#define _LINUX_CRC16_H

#include <linux/types.h>

/* x^16 + x^15 + x^2 + 1, lowest bit first. */
extern u16 crc16(u16 crc, const u8 *data, size_t len);
#define crc16_byte(crc, byte)	crc16(crc, &(u8) { byte }, 1)

#endif
