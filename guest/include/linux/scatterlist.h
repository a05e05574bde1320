#ifndef _LINUX_SCATTERLIST_H
#define _LINUX_SCATTERLIST_H

#include <linux/mm.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/page.h>

/* Pieces of memory that a device reads or writes in one go: an array, whose last element knows that it is the last. */
struct scatterlist {
	struct page *page;
	unsigned int offset;
	unsigned int length;
	dma_addr_t dma_address;
	bool __last;
};

#define sg_page(sg)		((sg)->page)
#define sg_is_last(sg)		((sg)->__last)
#define sg_mark_end(sg)		((void)((sg)->__last = true))
#define sg_unmark_end(sg)	((void)((sg)->__last = false))
#define sg_next(sg)		({ struct scatterlist *__sg = (sg); __sg->__last ? NULL : __sg + 1; })
#define sg_virt(sg)		((void *)((char *)page_address((sg)->page) + (sg)->offset))
#define sg_phys(sg)		(page_to_phys((sg)->page) + (sg)->offset)
#define sg_dma_address(sg)	((sg)->dma_address)
#define sg_dma_len(sg)		((sg)->length)
#define for_each_sg(list, sg, count, i)	for ((i) = 0, (sg) = (list); (i) < (count); (i)++, (sg) = sg_next(sg))

static inline void sg_init_table(struct scatterlist *list, unsigned int count)
{
	memset(list, 0, count * sizeof(*list));
	sg_mark_end(&list[count - 1]);
}

static inline void sg_set_page(struct scatterlist *sg, struct page *page, unsigned int length, unsigned int offset)
{
	sg->page = page;
	sg->offset = offset;
	sg->length = length;
}

/* Memory of the direct mapping alone. */
static inline void sg_set_buf(struct scatterlist *sg, const void *buf, unsigned int length)
{
	sg_set_page(sg, virt_to_page(buf), length, (unsigned long)buf & ~PAGE_MASK);
}

static inline void sg_init_one(struct scatterlist *sg, const void *buf, unsigned int length)
{
	sg_init_table(sg, 1);
	sg_set_buf(sg, buf, length);
}

static inline int sg_nents(struct scatterlist *sg)
{
	int count = 0;

	for (; sg; sg = sg_next(sg))
		count++;
	return count;
}

#endif
