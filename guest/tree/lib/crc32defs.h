#ifndef _CRC32DEFS_H
#define _CRC32DEFS_H

/* How many bits at a time: a table of 256. */
#define CRC_LE_BITS	8
#define CRC_BE_BITS	8

#endif
