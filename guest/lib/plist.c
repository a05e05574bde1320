#include <linux/plist.h>
#include "lib.h"

LIB void plist_add(struct plist_node *node, struct plist_head *head)
{
	struct plist_node *last = NULL, *next = NULL;	/* the first nodes of the priorities around the node's */

	if (!plist_head_empty(head)) {
		next = plist_first(head);
		while (next && next->prio <= node->prio) {
			last = next;
			next = list_next_entry(next, prio_list);
			if (next == plist_first(head))
				next = NULL;
		}
		if (!last)
			list_add_tail(&node->prio_list, &next->prio_list);
		else if (last->prio < node->prio)
			list_add(&node->prio_list, &last->prio_list);
	}
	list_add_tail(&node->node_list, next ? &next->node_list : &head->node_list);
}

LIB void plist_del(struct plist_node *node, struct plist_head *head)
{
	if (!list_empty(&node->prio_list)) {
		struct plist_node *next = plist_next(node);

		if (!list_is_last(&node->node_list, &head->node_list) && next->prio == node->prio)
			list_add(&next->prio_list, &node->prio_list);
		list_del_init(&node->prio_list);
	}
	list_del_init(&node->node_list);
}

LIB void plist_requeue(struct plist_node *node, struct plist_head *head)
{
	plist_del(node, head);
	plist_add(node, head);
}
