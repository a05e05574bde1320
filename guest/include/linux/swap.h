#ifndef _LINUX_SWAP_H
#define _LINUX_SWAP_H

#include <linux/mm.h>
#include <generated/calls/swap.h>

#define SWAP_CLUSTER_MAX	32

/* There is no swap. */
#define total_swap_pages	0L
#define nr_swap_pages		0L
#define si_swapinfo(val)	((void)((val)->freeswap = (val)->totalswap = 0))

#endif
