#ifndef _LINUX_NODEMASK_H
#define _LINUX_NODEMASK_H

#include <linux/bitmap.h>
#include <linux/topology.h>

/* Sets of nodes; there is one node. */
typedef struct { DECLARE_BITMAP(bits, MAX_NUMNODES); } nodemask_t;

#define NODE_MASK_NONE		((nodemask_t) { { 0 } })
#define NODE_MASK_ALL		((nodemask_t) { { 1 } })
#define nodemask_of_node(node)	((nodemask_t) { { 1UL << (node) } })
#define node_online_map		NODE_MASK_ALL
#define node_possible_map	NODE_MASK_ALL

#define node_set(node, mask)	__set_bit(node, (mask).bits)
#define node_clear(node, mask)	__clear_bit(node, (mask).bits)
#define node_isset(node, mask)	test_bit(node, (mask).bits)
#define node_test_and_set(node, mask)	test_and_set_bit(node, (mask).bits)
#define nodes_setall(mask)	((void)((mask) = NODE_MASK_ALL))
#define nodes_clear(mask)	bitmap_zero((mask).bits, MAX_NUMNODES)
#define nodes_and(to, a, b)	bitmap_and((to).bits, (a).bits, (b).bits, MAX_NUMNODES)
#define nodes_or(to, a, b)	bitmap_or((to).bits, (a).bits, (b).bits, MAX_NUMNODES)
#define nodes_xor(to, a, b)	bitmap_xor((to).bits, (a).bits, (b).bits, MAX_NUMNODES)
#define nodes_andnot(to, a, b)	bitmap_andnot((to).bits, (a).bits, (b).bits, MAX_NUMNODES)
#define nodes_complement(to, from)	bitmap_complement((to).bits, (from).bits, MAX_NUMNODES)
#define nodes_equal(a, b)	bitmap_equal((a).bits, (b).bits, MAX_NUMNODES)
#define nodes_intersects(a, b)	bitmap_intersects((a).bits, (b).bits, MAX_NUMNODES)
#define nodes_subset(a, b)	bitmap_subset((a).bits, (b).bits, MAX_NUMNODES)
#define nodes_empty(mask)	bitmap_empty((mask).bits, MAX_NUMNODES)
#define nodes_full(mask)	bitmap_full((mask).bits, MAX_NUMNODES)
#define nodes_weight(mask)	bitmap_weight((mask).bits, MAX_NUMNODES)
#define first_node(mask)	((int)find_first_bit((mask).bits, MAX_NUMNODES))
#define next_node(node, mask)	((int)find_next_bit((mask).bits, MAX_NUMNODES, (node) + 1))
#define for_each_node_mask(node, mask)	for_each_set_bit(node, (mask).bits, MAX_NUMNODES)
#define num_possible_nodes()	1

#endif
