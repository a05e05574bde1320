#ifndef _EXT4_H
#define _EXT4_H

#include <linux/time64.h>
#include <asm/byteorder.h>

#define EXT4_EPOCH_BITS	2

/* The second word of a time on the disk: two more bits of the seconds, and above them the nanoseconds. */
static inline void ext4_decode_extra_time(struct timespec64 *time, __le32 extra)
{
	u32 word = le32_to_cpu(extra);

	time->tv_sec += (s64)(word & ((1 << EXT4_EPOCH_BITS) - 1)) << 32;
	time->tv_nsec = word >> EXT4_EPOCH_BITS;
}

#endif
