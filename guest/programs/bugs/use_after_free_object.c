/*
 * A session is closed by one side, and the other side still has it in its table: an object of a slab cache is read
 * after it went back to the cache.
 * highmem: --check-access
 * expect: use_after_free_object.c:30: access: BUG: KASAN: use-after-free in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct session {
	int number;
	int users;
};

static struct kmem_cache *sessions;
static struct session *table[4];

static void close_session(struct session *session)
{
	kmem_cache_free(sessions, session);
}

static noinline int count_users(void)
{
	int i, users = 0;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i])
			users += table[i]->users;
	return users;
}

int main(void)
{
	struct session *session;

	sessions = kmem_cache_create("sessions", sizeof(*session), 0, 0, NULL, NULL);
	if (!sessions)
		return -ENOMEM;
	session = kmem_cache_alloc(sessions, GFP_KERNEL);
	if (session) {
		session->number = 2;
		session->users = 3;
		table[session->number] = session;
		close_session(session);
	}
	printk("%d users\n", count_users());
	kmem_cache_destroy(sessions);
	return 0;
}
