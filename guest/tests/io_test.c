/* Device memory and memory for devices: ioremap, dma_alloc_coherent. */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

static unsigned long flags_of(void *address)
{
	unsigned long va = (unsigned long)address;
	pmd_t *pmd = pmd_offset(pud_offset(pgd_offset_k(va), va), va);

	return pte_offset_kernel(pmd, va)->pte_low;
}

static void the_first_megabyte_is_in_the_direct_map(struct kunit *test)
{
	void __iomem *screen = ioremap(0xb8000, 4000);

	KUNIT_EXPECT_PTR_EQ(test, screen, phys_to_virt(0xb8000));
	writew(0x0741, screen + 10);
	KUNIT_EXPECT_EQ(test, readw(screen + 10), 0x0741);
	KUNIT_EXPECT_EQ(test, readb(screen + 11), 7);
	iounmap(screen);	/* nothing to undo */
	writeb('B', screen + 10);
	KUNIT_EXPECT_EQ(test, readw(screen + 10), 0x0742);
}

static void a_device_is_mapped_where_vmalloc_space_is(struct kunit *test)
{
	u8 __iomem *registers = ioremap(0xfed00010, 0x20);

	KUNIT_ASSERT_NOT_NULL(test, registers);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(registers));
	KUNIT_EXPECT_EQ_MSG(test, (unsigned long)registers & ~PAGE_MASK, 0x010, "the offset in the page is kept");
	KUNIT_EXPECT_EQ(test, vmalloc_to_pfn(registers), 0xfed00);
	KUNIT_EXPECT_EQ(test, readl(registers), 0xffffffff);	/* nobody answers there */
	iounmap(registers);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page(registers));
}

static void nocache_is_not_cached(struct kunit *test)
{
	void __iomem *cached = ioremap(0xfed01000, 4), __iomem *uncached = ioremap_nocache(0xfed02000, 4);
	void __iomem *own = __ioremap(0xfed03000, 4, _PAGE_PWT);

	KUNIT_EXPECT_EQ(test, flags_of(cached) & (_PAGE_PCD | _PAGE_PWT), 0);
	KUNIT_EXPECT_EQ(test, flags_of(uncached) & (_PAGE_PCD | _PAGE_PWT), _PAGE_PCD);
	KUNIT_EXPECT_EQ(test, flags_of(own) & (_PAGE_PCD | _PAGE_PWT), _PAGE_PWT);
	iounmap(cached);
	iounmap(uncached);
	iounmap(own);
}

static void ram_is_refused(struct kunit *test)
{
	void *p = kmalloc(100, GFP_KERNEL);

	KUNIT_EXPECT_NULL(test, ioremap(__pa(p), 100));
	KUNIT_EXPECT_NULL(test, ioremap_nocache(__pa(p), 100));
	KUNIT_EXPECT_NULL_MSG(test, ioremap(0xfed00000, 0), "nothing");
	KUNIT_EXPECT_NULL_MSG(test, ioremap(0xfffff000, 0x2000), "beyond the last address");
	kfree(p);
}

static void dma_memory_is_low_and_zero(struct kunit *test)
{
	dma_addr_t handle = 0;
	char *block = dma_alloc_coherent(NULL, 3 * PAGE_SIZE, &handle, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_EQ(test, handle, __pa(block));
	KUNIT_EXPECT_LT(test, handle + 3 * PAGE_SIZE, 16UL << 20);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)block, 4 * PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(block, 0, 3 * PAGE_SIZE));
	dma_free_coherent(NULL, 3 * PAGE_SIZE, block, handle);
}

static void a_device_says_what_it_reaches(struct kunit *test)
{
	struct device device = { .coherent_dma_mask = DMA_32BIT_MASK };
	dma_addr_t handle;
	void *block = dma_alloc_coherent(&device, 100, &handle, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, page_zonenum(virt_to_page(block)), ZONE_NORMAL);
	dma_free_coherent(&device, 100, block, handle);
	KUNIT_EXPECT_EQ(test, dma_set_coherent_mask(&device, DMA_24BIT_MASK), 0);
	block = dma_alloc_coherent(&device, 100, &handle, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, page_zonenum(virt_to_page(block)), ZONE_DMA);
	dma_free_coherent(&device, 100, block, handle);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(the_first_megabyte_is_in_the_direct_map),
	KUNIT_CASE(a_device_is_mapped_where_vmalloc_space_is),
	KUNIT_CASE(nocache_is_not_cached),
	KUNIT_CASE(ram_is_refused),
	KUNIT_CASE(dma_memory_is_low_and_zero),
	KUNIT_CASE(a_device_says_what_it_reaches),
	{}
};

static struct kunit_suite suite = { .name = "io", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
