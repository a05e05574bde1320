#ifndef _LINUX_RCULIST_H
#define _LINUX_RCULIST_H

#include <linux/list.h>
#include <linux/rcupdate.h>

/* Lists with readers under rcu_read_lock(): what 2.6.20 has is in linux/list.h, and this is what came later. */
#define INIT_LIST_HEAD_RCU(head)	INIT_LIST_HEAD(head)
#define list_entry_rcu(ptr, type, member)	list_entry(READ_ONCE(ptr), type, member)
#define list_first_entry_rcu(head, type, member)	list_entry_rcu((head)->next, type, member)
#define list_first_or_null_rcu(head, type, member) ({			\
	struct list_head *__head = (head), *__first = READ_ONCE(__head->next); \
	__first == __head ? NULL : list_entry(__first, type, member); })
#define list_next_or_null_rcu(head, ptr, type, member) ({		\
	struct list_head *__next = READ_ONCE((ptr)->next);		\
	__next == (head) ? NULL : list_entry(__next, type, member); })
#define list_for_each_entry_lockless(pos, head, member)	list_for_each_entry(pos, head, member)
#define list_for_each_entry_srcu(pos, head, member, cond)	list_for_each_entry(pos, head, member)
#define list_for_each_entry_continue_rcu(pos, head, member)	list_for_each_entry_continue(pos, head, member)
#define list_for_each_entry_from_rcu(pos, head, member)	list_for_each_entry_from(pos, head, member)

/* All of `list` to `head`, when the readers of `list`, whom sync() waits for, are gone. */
static inline void __list_splice_init_rcu(struct list_head *list, struct list_head *prev, struct list_head *next,
					  void (*sync)(void))
{
	struct list_head *first = list->next, *last = list->prev;

	if (list_empty(list))
		return;
	INIT_LIST_HEAD(list);
	sync();
	last->next = next;
	first->prev = prev;
	rcu_assign_pointer(prev->next, first);
	next->prev = last;
}

#define list_splice_init_rcu(list, head, sync)	__list_splice_init_rcu(list, head, (head)->next, sync)
#define list_splice_tail_init_rcu(list, head, sync)	__list_splice_init_rcu(list, (head)->prev, head, sync)

static inline void hlist_add_tail_rcu(struct hlist_node *node, struct hlist_head *head)
{
	struct hlist_node **link = &head->first;

	while (*link)
		link = &(*link)->next;
	node->next = NULL;
	node->pprev = link;
	rcu_assign_pointer(*link, node);
}

#define hlist_first_rcu(head)	((head)->first)
#define hlist_next_rcu(node)	((node)->next)
#define hlist_pprev_rcu(node)	(*(node)->pprev)
#define hlist_for_each_entry_rcu_bh(pos, head, member)	hlist_for_each_entry(pos, head, member)
#define hlist_for_each_entry_rcu_notrace(pos, head, member)	hlist_for_each_entry(pos, head, member)
#define hlist_for_each_entry_continue_rcu(pos, member)	hlist_for_each_entry_continue(pos, member)
#define hlist_for_each_entry_from_rcu(pos, member)	hlist_for_each_entry_from(pos, member)

#endif
