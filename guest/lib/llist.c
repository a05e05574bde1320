#include <linux/llist.h>
#include "lib.h"

LIB struct llist_node *llist_del_first(struct llist_head *head)
{
	struct llist_node *first, *next;

	do {
		first = READ_ONCE(head->first);
		if (!first)
			return NULL;
		next = READ_ONCE(first->next);
	} while (cmpxchg(&head->first, first, next) != first);
	return first;
}

LIB bool llist_del_first_this(struct llist_head *head, struct llist_node *node)
{
	do {
		if (READ_ONCE(head->first) != node)
			return false;
	} while (cmpxchg(&head->first, node, node->next) != node);
	return true;
}

LIB struct llist_node *llist_reverse_order(struct llist_node *first)
{
	struct llist_node *reversed = NULL;

	while (first) {
		struct llist_node *next = first->next;

		first->next = reversed;
		reversed = first;
		first = next;
	}
	return reversed;
}
