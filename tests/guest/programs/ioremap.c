/* ioremap of a device at 0xfd000ff0, of video memory, of reserved memory and of what is refused; dma_alloc_coherent. */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static int wrong;

static void expect(int line, long got, long wanted)
{
	if (got != wanted) {
		printk("line %d: %lx, not %lx\n", line, got, wanted);
		wrong++;
	}
}
#define EXPECT(got, wanted) expect(__LINE__, (long)(got), (long)(wanted))

static unsigned long flags_of(void *addr)
{
	pmd_t *pmd = pmd_offset(pud_offset(pgd_offset_k(addr), addr), addr);

	return pte_offset_kernel(pmd, addr)->pte_low & 0xfff;
}

static void device(void)
{
	u8 __iomem *regs = ioremap(0xfd000ff0, 0x20), __iomem *uncached = ioremap_nocache(0xfd001000, 4);

	EXPECT((unsigned long)regs & ~PAGE_MASK, 0xff0);
	EXPECT(readl(regs + 0x10), 0x00020000);	/* the device counts reads and keeps the last value */
	writel(0x1234, regs + 0x14);
	EXPECT(readl(uncached), 0x00031234);
	EXPECT(flags_of(regs), 0x063);
	EXPECT(flags_of(uncached), 0x073);
	EXPECT(readb(regs), 0xff);		/* nobody answers on the first page */
	iounmap(uncached);
	iounmap(regs + 4);
	iounmap(regs);				/* says that there is none */
}

static void video(void)
{
	u16 __iomem *screen = ioremap(0xb8000, 4000);
	int i;

	EXPECT(screen, phys_to_virt(0xb8000));
	for (i = 0; i < 2000; i++)
		writew(0x0700 | ('a' + i % 26), screen + i);
	EXPECT(readw(screen + 27), 0x0700 | 'b');
	iounmap(screen);
}

static void refused(void)
{
	unsigned long free = __pa(kmalloc(100, GFP_KERNEL));
	void __iomem *bios, *high;

	EXPECT(ioremap(0xfee00000, 0), 0);
	EXPECT(ioremap(0xfffff000, 0x1001), 0);
	EXPECT(ioremap(free, 100), 0);
	EXPECT(ioremap_nocache(free, 100), 0);
	bios = ioremap(0, PAGE_SIZE);		/* reserved RAM is not refused */
	EXPECT(bios != NULL, 1);
	EXPECT(readl(bios + 0x400), *(u32 *)__va(0x400));
	iounmap(bios);
	high = ioremap(0xfffff000, PAGE_SIZE);
	EXPECT(high != NULL && ((unsigned long)high & 0x1fff) == 0, 1);	/* aligned to twice its size */
	iounmap(high);
	iounmap((void __iomem *)__va(free));
	iounmap(NULL);
}

static void dma(void)
{
	struct device device = { .coherent_dma_mask = DMA_32BIT_MASK };
	dma_addr_t handle = ~(dma_addr_t)0;
	char *block = dma_alloc_coherent(NULL, 3 * PAGE_SIZE, &handle, GFP_KERNEL);

	EXPECT(handle, __pa(block));
	EXPECT(handle < 16 << 20, 1);
	EXPECT(block[0] | block[3 * PAGE_SIZE - 1], 0);
	dma_free_coherent(NULL, 3 * PAGE_SIZE, block, handle);
	block = dma_alloc_coherent(&device, 100, &handle, GFP_KERNEL | __GFP_HIGHMEM);
	EXPECT(page_zonenum(virt_to_page(block)), ZONE_NORMAL);
	dma_free_coherent(&device, 100, block, handle);
	EXPECT(dma_set_coherent_mask(&device, DMA_24BIT_MASK), 0);
	block = dma_alloc_coherent(&device, 100, &handle, GFP_ATOMIC);
	EXPECT(page_zonenum(virt_to_page(block)), ZONE_DMA);
	dma_free_coherent(&device, 100, block, handle);
}

int main(void)
{
	device();
	video();
	refused();
	dma();
	return wrong;
}
