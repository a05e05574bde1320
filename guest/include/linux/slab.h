#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/types.h>
#include <linux/init.h>
#include <asm/page.h>
#include <linux/cache.h>
#include <generated/calls/slab.h>

typedef struct kmem_cache kmem_cache_t;

#define SLAB_DEBUG_FREE		0x00000100UL
#define SLAB_DEBUG_INITIAL	0x00000200UL
#define SLAB_RED_ZONE		0x00000400UL
#define SLAB_POISON		0x00000800UL
#define SLAB_HWCACHE_ALIGN	0x00002000UL
#define SLAB_CACHE_DMA		0x00004000UL
#define SLAB_MUST_HWCACHE_ALIGN	0x00008000UL
#define SLAB_STORE_USER		0x00010000UL
#define SLAB_RECLAIM_ACCOUNT	0x00020000UL
#define SLAB_PANIC		0x00040000UL
#define SLAB_DESTROY_BY_RCU	0x00080000UL
#define SLAB_MEM_SPREAD		0x00100000UL

/* Of later kernels: other names for what there is, and hints that ask for nothing here. */
typedef unsigned long slab_flags_t;
#define SLAB_TYPESAFE_BY_RCU	SLAB_DESTROY_BY_RCU
#define SLAB_CONSISTENCY_CHECKS	SLAB_DEBUG_FREE
#define SLAB_ACCOUNT		0UL
#define SLAB_TEMPORARY		SLAB_RECLAIM_ACCOUNT
#define SLAB_NOTRACK		0UL
#define SLAB_NOLEAKTRACE	0UL
#define SLAB_NO_MERGE		0UL
#define SLAB_NO_USER_FLAGS	0UL
#define SLAB_FAILSLAB		0UL
#define SLAB_KASAN		0UL
#define SLAB_TRACE		0UL
#define SLAB_DEBUG_OBJECTS	0UL
#define __SLAB_CREATE_FLAGS \
	(SLAB_HWCACHE_ALIGN | SLAB_CACHE_DMA | SLAB_RECLAIM_ACCOUNT | SLAB_PANIC | SLAB_DESTROY_BY_RCU | \
	 SLAB_MEM_SPREAD)

/* Flags to a constructor. */
#define SLAB_CTOR_CONSTRUCTOR	0x001UL
#define SLAB_CTOR_ATOMIC	0x002UL
#define SLAB_CTOR_VERIFY	0x004UL

/* The names of GFP flags before 2.6.20. */
#define SLAB_NOFS	GFP_NOFS
#define SLAB_NOIO	GFP_NOIO
#define SLAB_ATOMIC	GFP_ATOMIC
#define SLAB_USER	GFP_USER
#define SLAB_KERNEL	GFP_KERNEL
#define SLAB_DMA	GFP_DMA
#define SLAB_LEVEL_MASK	GFP_LEVEL_MASK
#define SLAB_NO_GROW	__GFP_NO_GROW

#define KMALLOC_MIN_SIZE	32
#define KMALLOC_SHIFT_LOW	5
#define KMALLOC_SHIFT_HIGH	17
#define KMALLOC_SHIFT_MAX	17
#define KMALLOC_MAX_SIZE	131072UL
#define KMALLOC_MAX_CACHE_SIZE	131072UL
#define KMALLOC_MAX_ORDER	5
#define ARCH_KMALLOC_MINALIGN	4
#define ARCH_SLAB_MINALIGN	4
#define ARCH_DMA_MINALIGN	4
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(x)	((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

/*
 * Up to 2.6.22 a cache has a constructor and a destructor; afterwards it has no destructor. Constructors are called as
 * ctor(object, cache, flags): one that takes less just does not look at the rest. Only the form of 2.6.24 to
 * 2.6.26, ctor(cache, object), has another order, and is refused. From 6.12 on the third argument may be a struct, and
 * the flags come last. To what later kernels ask for, flags that 2.6.20 takes for a BUG are no matter; here it is
 * the boot that says which caches are debugged.
 */
typedef void (*__kmem_ctor_t)(void *, struct kmem_cache *, unsigned long);
#define __kmem_ctor(f) ({						\
	_Static_assert(!__builtin_types_compatible_p(			\
			typeof(0 ? (f) : (f)), void (*)(struct kmem_cache *, void *)), \
		"a constructor takes the object first: ctor(void *object, ...)"); \
	(__kmem_ctor_t)(void *)(f); })
#define __kmem_cache_create_6(name, size, align, flags, ctor, dtor) \
	(kmem_cache_create)(name, size, align, flags, __kmem_ctor(ctor), __kmem_ctor(dtor))
#define __kmem_cache_create_5(name, size, align, flags, ctor) \
	(kmem_cache_create)(name, size, align, (flags) & __SLAB_CREATE_FLAGS, __kmem_ctor(ctor), (__kmem_ctor_t)0)
#define __kmem_cache_create_4(name, size, args, flags) ({		\
	const struct kmem_cache_args *__args = (args);			\
	__kmem_cache_create_5(name, size, __args ? __args->align : 0, flags, __args ? __args->ctor : NULL); })
#define kmem_cache_create(...) \
	__PASTE(__kmem_cache_create_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

struct kmem_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	unsigned int freeptr_offset;
	bool use_freeptr_offset;
	void (*ctor)(void *object);
};

#define KMEM_CACHE(type, flags) \
	kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)

/* What part of an object may be copied to a program: all of it, here. */
#define kmem_cache_create_usercopy(name, size, align, flags, useroffset, usersize, ctor) \
	((void)(useroffset), (void)(usersize), kmem_cache_create(name, size, align, flags, ctor))
#define KMEM_CACHE_USERCOPY(type, flags, field)	KMEM_CACHE(type, flags)

/* From 2.6.23 on __GFP_ZERO clears an object of any kind; 2.6.20 has kzalloc() and kmem_cache_zalloc() for that. */
#define kmalloc(size, flags) ({						\
	gfp_t __gfp = (flags);						\
	__gfp & __GFP_ZERO ? kzalloc(size, __gfp & ~__GFP_ZERO) : (kmalloc)(size, __gfp); })
#define kmem_cache_alloc(cache, flags) ({				\
	gfp_t __gfp = (flags);						\
	__gfp & __GFP_ZERO ? kmem_cache_zalloc(cache, __gfp & ~__GFP_ZERO) : (kmem_cache_alloc)(cache, __gfp); })

/* One node. */
#define kmalloc_node(size, flags, node)	((void)(node), kmalloc(size, flags))
#define kzalloc_node(size, flags, node)	((void)(node), kzalloc(size, flags))
#define kmem_cache_alloc_node(cache, flags, node)	((void)(node), kmem_cache_alloc(cache, flags))
#define kmalloc_array_node(n, size, flags, node)	((void)(node), kmalloc_array(n, size, flags))
#define kcalloc_node(n, size, flags, node)	((void)(node), kcalloc(n, size, flags))
#define kmalloc_track_caller(size, flags)	kmalloc(size, flags)
#define kmalloc_node_track_caller(size, flags, node)	kmalloc_node(size, flags, node)
#define kmem_cache_alloc_lru(cache, lru, flags)	((void)(lru), kmem_cache_alloc(cache, flags))

/* The bytes of an array; where there is no such number, more than there can be. */
#define __array_bytes(n, size) ({					\
	size_t __bytes;							\
	__builtin_mul_overflow((size_t)(n), (size_t)(size), &__bytes) ? SIZE_MAX : __bytes; })
#define kmalloc_array(n, size, flags)	kmalloc(__array_bytes(n, size), flags)
#define krealloc_array(p, n, size, flags) ({				\
	size_t __new_size = __array_bytes(n, size);			\
	__new_size == SIZE_MAX ? NULL : krealloc(p, __new_size, flags); })

/* So many objects or none: how many. To free them, the cache may be NULL: each is given back to its own. */
extern int kmem_cache_alloc_bulk(struct kmem_cache *cachep, gfp_t flags, size_t nr, void **objects);
extern void kmem_cache_free_bulk(struct kmem_cache *cachep, size_t nr, void **objects);
#define kfree_bulk(nr, objects)	kmem_cache_free_bulk(NULL, nr, objects)

/* The size that an object of kmalloc(size) really has. */
extern size_t kmalloc_size_roundup(size_t size);

/* From kmalloc() where that has so much, else from vmalloc(). */
extern void *kvmalloc(size_t size, gfp_t flags);
extern void *kvzalloc(size_t size, gfp_t flags);
extern void *__kvrealloc(const void *p, size_t old_size, size_t size, gfp_t flags);
extern void kvfree(const void *addr);
extern void kvfree_sensitive(const void *addr, size_t size);
#define kvmalloc_node(size, flags, node)	((void)(node), kvmalloc(size, flags))
#define kvzalloc_node(size, flags, node)	((void)(node), kvzalloc(size, flags))
#define kvmalloc_array(n, size, flags)	kvmalloc(__array_bytes(n, size), flags)
#define kvcalloc(n, size, flags)	kvzalloc(__array_bytes(n, size), flags)

/* kvrealloc(p, old_size, size, flags); from 6.12 on the old size is known: kvrealloc(p, size, flags). */
#define __kvrealloc_3(p, size, flags)		__kvrealloc(p, 0, size, flags)
#define __kvrealloc_4(p, old_size, size, flags)	__kvrealloc(p, old_size, size, flags)
#define kvrealloc(...)	__PASTE(__kvrealloc_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

/* Clears the object before it is freed. */
extern void kzfree(const void *objp);
#define kfree_sensitive(objp)	kzfree(objp)

DEFINE_FREE(kfree, void *, if (!IS_ERR_OR_NULL(_T)) kfree(_T))
DEFINE_FREE(kvfree, void *, if (!IS_ERR_OR_NULL(_T)) kvfree(_T))
DEFINE_FREE(kfree_sensitive, void *, if (_T) kfree_sensitive(_T))

#endif
