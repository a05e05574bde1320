#ifndef _LINUX_DMA_MAPPING_H
#define _LINUX_DMA_MAPPING_H

#include <linux/device.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <asm/io.h>
#include <generated/calls/dma-mapping.h>

#define DMA_64BIT_MASK	0xffffffffffffffffULL
#define DMA_32BIT_MASK	0x00000000ffffffffULL
#define DMA_31BIT_MASK	0x000000007fffffffULL
#define DMA_30BIT_MASK	0x000000003fffffffULL
#define DMA_28BIT_MASK	0x000000000fffffffULL
#define DMA_24BIT_MASK	0x0000000000ffffffULL

#define DMA_BIT_MASK(n)	((n) == 64 ? ~0ULL : (1ULL << (n)) - 1)

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,
	DMA_FROM_DEVICE,
	DMA_NONE
};

#define dma_alloc_noncoherent(dev, size, handle, flag)	dma_alloc_coherent(dev, size, handle, flag)
#define dma_free_noncoherent(dev, size, addr, handle)	dma_free_coherent(dev, size, addr, handle)

/* A device sees physical addresses, and the caches of a PC see what it does. */
static inline dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size,
					enum dma_data_direction direction)
{
	return virt_to_phys(ptr);
}

static inline dma_addr_t dma_map_page(struct device *dev, struct page *page, unsigned long offset,
				      size_t size, enum dma_data_direction direction)
{
	return page_to_phys(page) + offset;
}

#define dma_unmap_single(dev, addr, size, direction)	do { } while (0)
#define dma_unmap_page(dev, addr, size, direction)	do { } while (0)
#define dma_mapping_error(...)				0	/* (addr), and from 2.6.27 on (dev, addr) */
#define dma_map_single_attrs(dev, ptr, size, direction, attrs)	dma_map_single(dev, ptr, size, direction)
#define dma_unmap_single_attrs(dev, addr, size, direction, attrs)	do { } while (0)
#define dma_sync_single_for_cpu(dev, addr, size, direction)	do { } while (0)
#define dma_sync_single_for_device(dev, addr, size, direction)	do { } while (0)
#define dma_cache_sync(dev, ptr, size, direction)	do { } while (0)
#define dma_get_cache_alignment()			(1 << 6)
#define dma_zalloc_coherent(dev, size, handle, flag)	dma_alloc_coherent(dev, size, handle, flag)
#define dma_alloc_attrs(dev, size, handle, flag, attrs)	dma_alloc_coherent(dev, size, handle, flag)
#define dma_free_attrs(dev, size, addr, handle, attrs)	dma_free_coherent(dev, size, addr, handle)
#define set_dma_ops(dev, ops)				do { } while (0)
#define dev_to_node(dev)				((void)(dev), 0)

/* Below 16 MB is ZONE_DMA: no device that reaches less can be served. */
static inline int dma_supported(struct device *dev, u64 mask)
{
	return mask >= DMA_24BIT_MASK;
}

static inline int dma_set_mask(struct device *dev, u64 mask)
{
	if (!dev->dma_mask || !dma_supported(dev, mask))
		return -EIO;
	*dev->dma_mask = mask;
	return 0;
}

static inline int dma_set_coherent_mask(struct device *dev, u64 mask)
{
	if (!dma_supported(dev, mask))
		return -EIO;
	dev->coherent_dma_mask = mask;
	return 0;
}

static inline int dma_set_mask_and_coherent(struct device *dev, u64 mask)
{
	int error = dma_set_mask(dev, mask);

	return error ? error : dma_set_coherent_mask(dev, mask);
}

static inline int dma_coerce_mask_and_coherent(struct device *dev, u64 mask)
{
	dev->dma_mask = &dev->coherent_dma_mask;
	return dma_set_mask_and_coherent(dev, mask);
}

#endif
