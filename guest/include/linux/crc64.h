#ifndef _LINUX_CRC64_H
#define _LINUX_CRC64_H

#include <linux/types.h>

/* ECMA-182's polynomial, highest bit first; NVMe's, lowest bit first, inverted before and after. */
extern u64 crc64_be(u64 crc, const void *data, size_t len);
extern u64 crc64_nvme(u64 crc, const void *data, size_t len);

#endif
