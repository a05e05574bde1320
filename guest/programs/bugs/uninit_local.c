/*
 * A function that fails leaves its result as it was: on the caller's stack, where nobody has ever written.
 * highmem: --check-uninit
 * expect: uninit_local.c:28: uninit: BUG: KMSAN: uninit-value in serve+
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct reply {
	int length;
	char text[12];
};

static noinline int ask(int number, struct reply *reply)
{
	if (number < 0)
		return -EINVAL;
	reply->length = snprintf(reply->text, sizeof(reply->text), "%d", number);
	return 0;
}

static noinline int serve(int number)
{
	struct reply reply;

	ask(number, &reply);	/* without a look at its result */
	if (reply.length > 3)
		printk("long\n");
	return 1;
}

int main(void)
{
	printk("%d replies\n", serve(7) + serve(-7));
	return 0;
}
