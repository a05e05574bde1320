#ifndef _LINUX_PCI_H
#define _LINUX_PCI_H

/* There is no PCI bus to look for devices on; a program makes its `struct pci_dev` itself. */
#include <linux/dma-mapping.h>

struct pci_dev {
	unsigned short vendor, device;
	u64 dma_mask;
	struct device dev;
};

#define PCI_DMA_BIDIRECTIONAL	0
#define PCI_DMA_TODEVICE	1
#define PCI_DMA_FROMDEVICE	2
#define PCI_DMA_NONE		3

#define __pci_dma_dev(hwdev)	((hwdev) ? &(hwdev)->dev : NULL)

static inline void *pci_alloc_consistent(struct pci_dev *hwdev, size_t size, dma_addr_t *dma_handle)
{
	return dma_alloc_coherent(__pci_dma_dev(hwdev), size, dma_handle, GFP_ATOMIC);
}

static inline void pci_free_consistent(struct pci_dev *hwdev, size_t size, void *vaddr, dma_addr_t dma_handle)
{
	dma_free_coherent(__pci_dma_dev(hwdev), size, vaddr, dma_handle);
}

#define pci_map_single(hwdev, ptr, size, direction) \
	dma_map_single(__pci_dma_dev(hwdev), ptr, size, (enum dma_data_direction)(direction))
#define pci_unmap_single(hwdev, addr, size, direction)	do { } while (0)
#define pci_set_drvdata(pdev, data)	dev_set_drvdata(&(pdev)->dev, data)
#define pci_get_drvdata(pdev)		dev_get_drvdata(&(pdev)->dev)

static inline int pci_set_dma_mask(struct pci_dev *dev, u64 mask)
{
	if (!dma_supported(&dev->dev, mask))
		return -EIO;
	dev->dma_mask = mask;
	return 0;
}

static inline int pci_set_consistent_dma_mask(struct pci_dev *dev, u64 mask)
{
	return dma_set_coherent_mask(&dev->dev, mask);
}

#endif
