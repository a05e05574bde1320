#ifndef _LINUX_BCD_H
#define _LINUX_BCD_H

/* A decimal digit in each half of a byte. */
#define bcd2bin(x)	(((x) & 0x0f) + ((x) >> 4) * 10)
#define bin2bcd(x)	((((x) / 10) << 4) + (x) % 10)
#define BCD2BIN(x)	bcd2bin(x)
#define BIN2BCD(x)	bin2bcd(x)

#endif
