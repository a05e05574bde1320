/*
 * One path that forgets an object. The cache cannot be destroyed; with --slab-debug U slab_owner says whose it is.
 * expect: leak.c:35: log: slab error in kmem_cache_destroy(): cache `tickets': Can't free all objects
 * expect: leak.c:15: leaks: 40 bytes of ... cannot be reached any more; allocated by
 * expect: leak.c:30: fsck: struct kmem_cache ... name is ..., where nothing is mapped
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static struct kmem_cache *tickets;

static int check_ticket(int number)
{
	int *ticket = kmem_cache_alloc(tickets, GFP_KERNEL);

	if (!ticket)
		return -ENOMEM;
	*ticket = number;
	if (number % 4 == 3)
		return -EINVAL;
	kmem_cache_free(tickets, ticket);
	return 0;
}

int main(void)
{
	int i;

	tickets = kmem_cache_create("tickets", 40, 0, 0, NULL, NULL);
	if (!tickets)
		return -ENOMEM;
	for (i = 0; i < 10; i++)
		check_ticket(i);
	kmem_cache_destroy(tickets);
	return 0;
}
