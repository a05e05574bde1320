#ifndef _LINUX_MMZONE_H
#define _LINUX_MMZONE_H

#include <linux/numa.h>
#include <linux/types.h>
#include <asm/page.h>

#define MAX_ORDER		11
#define MAX_ORDER_NR_PAGES	(1 << (MAX_ORDER - 1))
#define MAX_NR_ZONES		3

enum zone_type {
	ZONE_DMA,
	ZONE_NORMAL,
	ZONE_HIGHMEM
};

typedef struct pglist_data pg_data_t;

enum zone_stat_item {
	NR_ANON_PAGES,
	NR_FILE_MAPPED,
	NR_FILE_PAGES,
	NR_SLAB_RECLAIMABLE,
	NR_SLAB_UNRECLAIMABLE,
	NR_PAGETABLE,
	NR_FILE_DIRTY,
	NR_WRITEBACK,
	NR_UNSTABLE_NFS,
	NR_BOUNCE,
	NR_VMSCAN_WRITE,
	NR_VM_ZONE_STAT_ITEMS
};

/* One node. The word that points to it has a fixed address; the node itself moves with the configuration. */
extern struct pglist_data *node_data[MAX_NUMNODES];
#define NODE_DATA(nid)		(node_data[nid])

#define numa_node_id()		0
#define pfn_valid(pfn)		((pfn) < max_mapnr)

#endif
