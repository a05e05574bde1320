/*
 * A statistic is counted in an object that was freed before. With poison it is seen when the object is handed out.
 * highmem: --check-access
 * expect: use_after_free_write.c:22: access: BUG: KASAN: use-after-free in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct connection {
	char name[24];
	int packets;
};

static void close_connection(struct connection *connection)
{
	kfree(connection);
}

static void count_packet(struct connection *connection)
{
	connection->packets++;
}

int main(void)
{
	struct connection *connection = kmalloc(sizeof(*connection), GFP_KERNEL);

	if (!connection)
		return -ENOMEM;
	close_connection(connection);
	count_packet(connection);
	kfree(kmalloc(sizeof(*connection), GFP_KERNEL));
	return 0;
}
