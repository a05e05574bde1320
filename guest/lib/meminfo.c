#include <linux/mm.h>
#include "lib.h"

LIB unsigned int nr_free_highpages(void)
{
	return NODE_DATA(0)->node_zones[ZONE_HIGHMEM].free_pages;
}

/* In pages; mem_unit says so. There are no buffers: the machine has no block device. */
LIB void si_meminfo(struct sysinfo *val)
{
	val->totalram = totalram_pages;
	val->sharedram = 0;
	val->freeram = nr_free_pages();
	val->bufferram = 0;
	val->totalhigh = totalhigh_pages;
	val->freehigh = nr_free_highpages();
	val->mem_unit = PAGE_SIZE;
}
