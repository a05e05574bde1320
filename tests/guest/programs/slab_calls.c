/* kmem_ptr_validate and kmem_find_general_cachep. */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static int wrong;

static void expect(int line, long got, long wanted)
{
	if (got != wanted) {
		printk("line %d: %ld, not %ld\n", line, got, wanted);
		wrong++;
	}
}
#define EXPECT(got, wanted) expect(__LINE__, (long)(got), (long)(wanted))

static void general_caches(void)
{
	static const struct { size_t size; const char *normal, *dma; } rows[] = {
		{ 0, "size-32", "size-32(DMA)" }, { 32, "size-32", "size-32(DMA)" }, { 33, "size-64", "size-64(DMA)" },
		{ 129, "size-192", "size-192(DMA)" }, { 4097, "size-8192", "size-8192(DMA)" },
		{ 131072, "size-131072", "size-131072(DMA)" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kmem_cache *normal = kmem_find_general_cachep(rows[i].size, GFP_ATOMIC);
		struct kmem_cache *dma = kmem_find_general_cachep(rows[i].size, GFP_KERNEL | GFP_DMA);

		EXPECT(strcmp(kmem_cache_name(normal), rows[i].normal), 0);
		EXPECT(strcmp(kmem_cache_name(dma), rows[i].dma), 0);
	}
	EXPECT(kmem_find_general_cachep(131073, GFP_KERNEL), 0);
	EXPECT(kmem_find_general_cachep(~0UL, GFP_DMA), 0);
}

static void pointers(void)
{
	struct kmem_cache *mine = kmem_cache_create("mine", 100, 0, 0, NULL, NULL);
	struct kmem_cache *general = kmem_find_general_cachep(100, GFP_KERNEL);
	char *object = kmem_cache_alloc(mine, GFP_KERNEL), *other = kmalloc(100, GFP_KERNEL);
	char *page = (char *)__get_free_page(GFP_KERNEL), *area = vmalloc(PAGE_SIZE);

	EXPECT(kmem_ptr_validate(mine, object), 1);
	EXPECT(kmem_ptr_validate(mine, object + 4), 1);	/* it does not look where an object begins */
	EXPECT(kmem_ptr_validate(mine, object + 1), 0);
	EXPECT(kmem_ptr_validate(mine, object + 2), 0);
	EXPECT(kmem_ptr_validate(general, object), 0);
	EXPECT(kmem_ptr_validate(general, other), 1);
	EXPECT(kmem_ptr_validate(mine, other), 0);
	EXPECT(kmem_ptr_validate(mine, page), 0);
	EXPECT(kmem_ptr_validate(mine, area), 0);
	EXPECT(kmem_ptr_validate(mine, NULL), 0);
	EXPECT(kmem_ptr_validate(mine, (void *)(PAGE_OFFSET - 4)), 0);
	EXPECT(kmem_ptr_validate(mine, (void *)PAGE_OFFSET), 0);
	EXPECT(kmem_ptr_validate(mine, (char *)high_memory - 100), 0);
	EXPECT(kmem_ptr_validate(mine, (char *)high_memory - 96), 0);
	EXPECT(kmem_ptr_validate(mine, high_memory), 0);
	EXPECT(kmem_ptr_validate(mine, (void *)0xfffffffcUL), 0);
	kmem_cache_free(mine, object);
	EXPECT(kmem_ptr_validate(mine, object), 1);	/* nor whether it is in use */
	kmem_cache_shrink(mine);
	EXPECT(kmem_ptr_validate(mine, object), 0);
	kmem_cache_destroy(mine);
	kfree(other);
	free_page((unsigned long)page);
	vfree(area);
}

int main(void)
{
	general_caches();
	pointers();
	return wrong;
}
