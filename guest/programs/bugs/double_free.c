/*
 * Two who both think that the buffer is theirs to free.
 * highmem: --check-access
 * expect: double_free.c:17: access: BUG: KASAN: double-free in
 * expect: fsck: array_cache of size-256
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct message {
	char *text;
};

static void release(struct message *message)
{
	kfree(message->text);
}

int main(void)
{
	struct message sent = { kmalloc(200, GFP_KERNEL) }, copy = sent;

	if (!sent.text)
		return -ENOMEM;
	release(&sent);
	release(&copy);
	return 0;
}
