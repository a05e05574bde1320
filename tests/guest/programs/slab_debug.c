/* What a cache with debugging does for its users: constructors, the size of objects, flags of a program's own. */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static int wrong, constructed, verified, destroyed;

static void expect(int line, long got, long wanted)
{
	if (got != wanted) {
		printk("line %d: %ld, not %ld\n", line, got, wanted);
		wrong++;
	}
}
#define EXPECT(got, wanted) expect(__LINE__, (long)(got), (long)(wanted))

static void ctor(void *object, struct kmem_cache *cache, unsigned long flags)
{
	if (flags & SLAB_CTOR_VERIFY) {
		verified++;
		EXPECT(*(char *)object, 'c');
		return;
	}
	EXPECT(flags, SLAB_CTOR_CONSTRUCTOR);
	memset(object, 'c', kmem_cache_size(cache));
	constructed++;
}

static void dtor(void *object, struct kmem_cache *cache, unsigned long flags)
{
	EXPECT(*(char *)object, 'c');
	destroyed++;
}

static void constructors(unsigned long flags)
{
	struct kmem_cache *cache = kmem_cache_create("built", 60, 0, flags, ctor, dtor);
	char *first = kmem_cache_alloc(cache, GFP_KERNEL), *second = kmem_cache_alloc(cache, GFP_KERNEL);
	int poisoned = constructed == 2;

	EXPECT(second[0] == 'c' && second[59] == 'c', 1);
	kmem_cache_free(cache, first);
	EXPECT(destroyed, poisoned);
	first = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(first[0] == 'c' && first[59] == 'c', 1);
	kmem_cache_free(cache, first);
	kmem_cache_free(cache, second);
	EXPECT(verified, flags & SLAB_DEBUG_INITIAL ? 3 : 0);
	kmem_cache_destroy(cache);
	EXPECT(destroyed, constructed);
	printk("constructed %s\n", poisoned ? "when allocated" : "with the slab");
	constructed = verified = destroyed = 0;
}

static void objects(void)
{
	char *object = kmalloc(50, GFP_KERNEL);
	struct kmem_cache *cache = kmem_cache_create("sized", 30, 0, 0, NULL, NULL);
	char *mine = kmem_cache_zalloc(cache, GFP_KERNEL);

	EXPECT(ksize(object), 64);
	memset(object, 0x11, ksize(object));
	object = krealloc(object, 100, GFP_KERNEL);
	EXPECT(object[0] == 0x11 && object[63] == 0x11, 1);
	kfree(object);
	EXPECT(kmem_cache_size(cache), 32);
	EXPECT(memchr_inv(mine, 0, 32) == NULL, 1);
	EXPECT(kmem_ptr_validate(cache, mine), 1);
	kmem_cache_free(cache, mine);
	kmem_cache_destroy(cache);
	object = kcalloc(10, 10, GFP_ATOMIC);
	EXPECT(memchr_inv(object, 0, 100) == NULL, 1);
	kfree(object);
}

int main(int argc, char **argv)
{
	constructors(0);
	if (argc > 1)
		constructors(SLAB_DEBUG_INITIAL | SLAB_POISON | SLAB_RED_ZONE | SLAB_STORE_USER | SLAB_DEBUG_FREE);
	objects();
	return wrong;
}
