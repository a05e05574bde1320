#ifndef _LINUX_CRC_ITU_T_H
#define _LINUX_CRC_ITU_T_H

#include <linux/types.h>

/* x^16 + x^12 + x^5 + 1, highest bit first. */
extern u16 crc_itu_t(u16 crc, const u8 *data, size_t len);
#define crc_itu_t_byte(crc, byte)	crc_itu_t(crc, &(u8) { byte }, 1)

#endif
