/*
 * A cache of sessions whose constructor does once what every session needs, so that allocating one does not do it
 * again. A session goes back in the state in which it was constructed.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

MODULE_LICENSE("GPL");
MODULE_AUTHOR("highmem");
MODULE_DESCRIPTION("a slab cache with a constructor and a destructor");

#define NR_SESSIONS 5
#define SESSION_MAGIC 0x5e5510

struct session {
	spinlock_t lock;
	struct list_head requests;
	unsigned int magic;
	int id;
	char peer[40];
};

static kmem_cache_t *session_cachep;
static struct session *sessions[NR_SESSIONS];
static int nr_constructed, nr_destroyed;

static void session_ctor(void *object, kmem_cache_t *cachep, unsigned long flags)
{
	struct session *session = object;

	if ((flags & (SLAB_CTOR_VERIFY | SLAB_CTOR_CONSTRUCTOR)) != SLAB_CTOR_CONSTRUCTOR)
		return;
	memset(session, 0, sizeof(*session));
	spin_lock_init(&session->lock);
	INIT_LIST_HEAD(&session->requests);
	session->magic = SESSION_MAGIC;
	nr_constructed++;
}

static void session_dtor(void *object, kmem_cache_t *cachep, unsigned long flags)
{
	struct session *session = object;

	BUG_ON(session->magic != SESSION_MAGIC || !list_empty(&session->requests));
	nr_destroyed++;
}

static void close_sessions(void)
{
	int i;

	for (i = 0; i < NR_SESSIONS; i++) {
		if (sessions[i])
			kmem_cache_free(session_cachep, sessions[i]);
		sessions[i] = NULL;
	}
}

static int open_sessions(void)
{
	int i, ready = 0;

	for (i = 0; i < NR_SESSIONS; i++) {
		struct session *session = kmem_cache_alloc(session_cachep, SLAB_KERNEL);

		if (!session) {
			close_sessions();
			return -ENOMEM;
		}
		if (session->magic == SESSION_MAGIC && list_empty(&session->requests))
			ready++;
		session->id = i;
		sprintf(session->peer, "192.168.0.%d", i + 1);
		sessions[i] = session;
	}
	printk(KERN_INFO "ctor_cache: %d sessions open, %d came ready for use\n", NR_SESSIONS, ready);
	return 0;
}

static int __init ctor_cache_init(void)
{
	int err, before;

	session_cachep = kmem_cache_create("session", sizeof(struct session), 0, SLAB_HWCACHE_ALIGN, session_ctor,
					   session_dtor);
	if (!session_cachep)
		return -ENOMEM;
	printk(KERN_INFO "ctor_cache: cache \"%s\" has objects of %u bytes, %d are constructed\n",
	       kmem_cache_name(session_cachep), kmem_cache_size(session_cachep), nr_constructed);
	err = open_sessions();
	if (err)
		goto destroy;
	before = nr_constructed;
	close_sessions();
	err = open_sessions();
	if (err)
		goto destroy;
	printk(KERN_INFO "ctor_cache: the second time %d were constructed\n", nr_constructed - before);
	return 0;

destroy:
	kmem_cache_destroy(session_cachep);
	return err;
}

static void __exit ctor_cache_exit(void)
{
	int i;

	for (i = 0; i < NR_SESSIONS; i++)
		printk(KERN_INFO "ctor_cache: session %d with %s ends\n", sessions[i]->id, sessions[i]->peer);
	close_sessions();
	kmem_cache_destroy(session_cachep);
	printk(KERN_INFO "ctor_cache: %s constructed object was destroyed\n",
	       nr_constructed == nr_destroyed ? "every" : "not every");
}

module_init(ctor_cache_init);
module_exit(ctor_cache_exit);
