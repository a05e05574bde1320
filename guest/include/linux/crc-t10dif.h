#ifndef _LINUX_CRC_T10DIF_H
#define _LINUX_CRC_T10DIF_H

#include <linux/types.h>

/* The polynomial 0x8bb7, highest bit first. */
extern u16 crc_t10dif_update(u16 crc, const u8 *data, size_t len);
#define crc_t10dif(data, len)	crc_t10dif_update(0, data, len)

#endif
