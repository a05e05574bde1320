/*
 * An object of a slab cache goes back twice. The next two who ask for one get the same.
 * highmem: --check-access
 * expect: object_freed_twice.c:16: access: BUG: KASAN: double-free in
 * expect: object_freed_twice.c:23: fsck: array_cache of ... which is in an array already: double free of object
 * expect: object_freed_twice.c:23: fsck: struct kmem_cache ... name is ..., where nothing is mapped
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static struct kmem_cache *tickets;

static noinline void drop(int *ticket)
{
	kmem_cache_free(tickets, ticket);
}

int main(void)
{
	int *ticket;

	tickets = kmem_cache_create("tickets", 40, 0, 0, NULL, NULL);
	if (!tickets)
		return -ENOMEM;
	ticket = kmem_cache_alloc(tickets, GFP_KERNEL);
	drop(ticket);
	drop(ticket);
	return 0;
}
