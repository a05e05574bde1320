/* Numbers that look random: a counter that is stirred well. */
#include <linux/random.h>
#include "lib.h"

static struct rnd_state all;

LIB u32 prandom_u32_state(struct rnd_state *state)
{
	u32 x = state->s += 0x9e3779b9;

	x = (x ^ x >> 16) * 0x85ebca6b;
	x = (x ^ x >> 13) * 0xc2b2ae35;
	return x ^ x >> 16;
}

LIB void prandom_bytes_state(struct rnd_state *state, void *buf, size_t size)
{
	u8 *to = buf;

	while (size--)
		*to++ = prandom_u32_state(state);
}

LIB u32 get_random_u32(void)
{
	return prandom_u32_state(&all);
}

LIB void get_random_bytes(void *buf, int size)
{
	prandom_bytes_state(&all, buf, size);
}
