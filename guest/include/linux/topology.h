#ifndef _LINUX_TOPOLOGY_H
#define _LINUX_TOPOLOGY_H

#include <linux/cpumask.h>
#include <linux/mmzone.h>

/* One node has all CPUs and all memory. */
#define cpu_to_node(cpu)		((void)(cpu), 0)
#define parent_node(node)		((void)(node), 0)
#define node_to_cpumask(node)		((void)(node), cpu_online_map)
#define node_to_first_cpu(node)		((void)(node), 0)
#define nr_cpus_node(node)		((void)(node), num_online_cpus())
#define node_distance(from, to)		((from) == (to) ? LOCAL_DISTANCE : REMOTE_DISTANCE)
#define LOCAL_DISTANCE			10
#define REMOTE_DISTANCE			20
#define for_each_online_node(node)	for ((node) = 0; (node) < MAX_NUMNODES; (node)++)
#define for_each_node(node)		for_each_online_node(node)
#define num_online_nodes()		1
#define node_online(node)		((node) == 0)
#define first_online_node		0

#endif
