#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <linux/gfp.h>
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

#define KMALLOC_MAX_SIZE	131072UL
#define ARCH_KMALLOC_MINALIGN	4
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(x)	((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

/*
 * Up to 2.6.22 a cache has a constructor and a destructor; afterwards it has no destructor. Constructors are called as
 * ctor(object, cache, flags): one that takes less just does not look at the rest. Only the form of 2.6.24 to
 * 2.6.26, ctor(cache, object), has another order, and is refused.
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
	(kmem_cache_create)(name, size, align, flags, __kmem_ctor(ctor), (__kmem_ctor_t)0)
#define kmem_cache_create(...) \
	__PASTE(__kmem_cache_create_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define KMEM_CACHE(type, flags) \
	kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)

/* One node. */
#define kmalloc_node(size, flags, node)	((void)(node), kmalloc(size, flags))
#define kzalloc_node(size, flags, node)	((void)(node), kzalloc(size, flags))
#define kmem_cache_alloc_node(cache, flags, node)	((void)(node), kmem_cache_alloc(cache, flags))
#define kmalloc_track_caller(size, flags)	kmalloc(size, flags)
#define kmalloc_array(n, size, flags)	kcalloc(n, size, (flags) & ~__GFP_ZERO)

/* Clears the object before it is freed. */
extern void kzfree(const void *objp);
#define kfree_sensitive(objp)	kzfree(objp)

#endif
