/*
 * A search that finds nothing gives NULL, which is followed.
 * expect: null_pointer.c:29: log: BUG: unable to handle kernel NULL pointer dereference at virtual address 00000008
 */
#include <linux/errno.h>
#include <linux/kernel.h>

struct user {
	int number;
	int group;
	const char *name;
};

static struct user users[] = { { 1, 10, "ann" }, { 2, 10, "bob" } };

static noinline struct user *find_user(int number)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(users); i++)
		if (users[i].number == number)
			return &users[i];
	return NULL;
}

int main(void)
{
	printk("user 2 is %s\n", find_user(2)->name);
	printk("user 3 is %s\n", find_user(3)->name);
	return 0;
}
