#ifndef _LINUX_RANDOM_H
#define _LINUX_RANDOM_H

#include <linux/types.h>

/* Numbers that look random, and are the same in each run. */
struct rnd_state {
	u32 s;
};

extern u32 get_random_u32(void);
extern void get_random_bytes(void *buf, int size);
extern u32 prandom_u32_state(struct rnd_state *state);
extern void prandom_bytes_state(struct rnd_state *state, void *buf, size_t size);

static inline void prandom_seed_state(struct rnd_state *state, u64 seed)
{
	state->s = (u32)seed ^ (u32)(seed >> 32);
}

static inline u32 get_random_u32_below(u32 ceil)
{
	return (u64)get_random_u32() * ceil >> 32;
}

#define get_random_u8()			((u8)get_random_u32())
#define get_random_u16()		((u16)get_random_u32())
#define get_random_u64()		((u64)get_random_u32() << 32 | get_random_u32())
#define get_random_int()		get_random_u32()
#define get_random_long()		((unsigned long)get_random_u32())
#define get_random_u32_inclusive(low, high)	((low) + get_random_u32_below((high) - (low) + 1))
#define get_random_u32_above(floor)	((floor) + 1 + get_random_u32_below(~(floor)))
#define get_random_bytes_wait(buf, size)	(get_random_bytes(buf, size), 0)
#define wait_for_random_bytes()		0
#define random32()			get_random_u32()
#define prandom_u32()			get_random_u32()
#define prandom_u32_max(ceil)		get_random_u32_below(ceil)
#define prandom_bytes(buf, size)	get_random_bytes(buf, size)

#endif
