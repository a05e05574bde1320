/* Nothing but accesses to memory: sums and moves over a buffer. */
#include <linux/errno.h>
#include <linux/slab.h>

enum { WORDS = 1000, ROUNDS = 1000 };

int main(void)
{
	volatile unsigned *words = kzalloc(WORDS * sizeof(*words), GFP_KERNEL);
	int round, i;

	if (!words)
		return -ENOMEM;
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i + 1 < WORDS; i++)
			words[i] = words[i + 1] + words[i];
	kfree((void *)words);
	return 0;
}
