#ifndef _LINUX_LIST_H
#define _LINUX_LIST_H

#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/poison.h>
#include <linux/prefetch.h>

/* A ring of nodes: the head is a node too, and an empty list is a head that points to itself. */

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head->prev = head;
}

static inline void __list_add(struct list_head *node, struct list_head *prev, struct list_head *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

/* After the head: a stack. */
static inline void list_add(struct list_head *node, struct list_head *head)
{
	__list_add(node, head, head->next);
}

/* Before the head: a queue. */
static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	__list_add(node, head->prev, head);
}

static inline void __list_del(struct list_head *prev, struct list_head *next)
{
	prev->next = next;
	next->prev = prev;
}

/* The node's own links are poisoned: who follows them faults at 00100100 or 00200200. */
static inline void list_del(struct list_head *node)
{
	__list_del(node->prev, node->next);
	node->next = LIST_POISON1;
	node->prev = LIST_POISON2;
}

static inline void list_del_init(struct list_head *node)
{
	__list_del(node->prev, node->next);
	INIT_LIST_HEAD(node);
}

static inline void list_replace(struct list_head *old, struct list_head *node)
{
	__list_add(node, old->prev, old->next);
}

static inline void list_replace_init(struct list_head *old, struct list_head *node)
{
	list_replace(old, node);
	INIT_LIST_HEAD(old);
}

#define list_del_init_careful(node)	list_del_init(node)

/* Each comes to where the other was. */
static inline void list_swap(struct list_head *a, struct list_head *b)
{
	struct list_head *before = b->prev;

	list_del(b);
	list_replace(a, b);
	list_add(a, before == a ? b : before);
}

static inline void list_move(struct list_head *node, struct list_head *head)
{
	__list_del(node->prev, node->next);
	list_add(node, head);
}

static inline void list_move_tail(struct list_head *node, struct list_head *head)
{
	__list_del(node->prev, node->next);
	list_add_tail(node, head);
}

/* What lies from `first` to `last` comes before the head of another list. */
static inline void list_bulk_move_tail(struct list_head *head, struct list_head *first, struct list_head *last)
{
	__list_del(first->prev, last->next);
	first->prev = head->prev;
	head->prev->next = first;
	last->next = head;
	head->prev = last;
}

static inline int list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline int list_empty_careful(const struct list_head *head)
{
	struct list_head *next = head->next;

	return next == head && next == head->prev;
}

static inline int list_is_last(const struct list_head *node, const struct list_head *head)
{
	return node->next == head;
}

static inline int list_is_first(const struct list_head *node, const struct list_head *head)
{
	return node->prev == head;
}

static inline int list_is_head(const struct list_head *node, const struct list_head *head)
{
	return node == head;
}

static inline int list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline void __list_splice(const struct list_head *list, struct list_head *prev, struct list_head *next)
{
	struct list_head *first = list->next, *last = list->prev;

	first->prev = prev;
	prev->next = first;
	last->next = next;
	next->prev = last;
}

static inline void list_splice(const struct list_head *list, struct list_head *head)
{
	if (!list_empty(list))
		__list_splice(list, head, head->next);
}

static inline void list_splice_tail(const struct list_head *list, struct list_head *head)
{
	if (!list_empty(list))
		__list_splice(list, head->prev, head);
}

static inline void list_splice_init(struct list_head *list, struct list_head *head)
{
	list_splice(list, head);
	INIT_LIST_HEAD(list);
}

static inline void list_splice_tail_init(struct list_head *list, struct list_head *head)
{
	list_splice_tail(list, head);
	INIT_LIST_HEAD(list);
}

/* The first becomes the last; `node` becomes the first, and those before it the last ones. */
static inline void list_rotate_left(struct list_head *head)
{
	if (!list_empty(head))
		list_move_tail(head->next, head);
}

static inline void list_rotate_to_front(struct list_head *node, struct list_head *head)
{
	list_move_tail(head, node);
}

/* To the list `list`, whatever was there: all from the first to `node`; all before `node`. */
static inline void list_cut_position(struct list_head *list, struct list_head *head, struct list_head *node)
{
	INIT_LIST_HEAD(list);
	if (!list_empty(head) && node != head)
		list_bulk_move_tail(list, head->next, node);
}

static inline void list_cut_before(struct list_head *list, struct list_head *head, struct list_head *node)
{
	list_cut_position(list, head, node->prev);
}

static inline size_t list_count_nodes(struct list_head *head)
{
	struct list_head *node;
	size_t count = 0;

	for (node = head->next; node != head; node = node->next)
		count++;
	return count;
}

#define list_entry(ptr, type, member)		container_of(ptr, type, member)
#define list_entry_is_head(pos, head, member)	list_is_head(&(pos)->member, head)
#define list_next_entry_circular(pos, head, member) \
	(list_is_last(&(pos)->member, head) ? list_first_entry(head, typeof(*(pos)), member) : list_next_entry(pos, member))
#define list_prev_entry_circular(pos, head, member) \
	(list_is_first(&(pos)->member, head) ? list_last_entry(head, typeof(*(pos)), member) : list_prev_entry(pos, member))
#define list_safe_reset_next(pos, n, member)	((void)(n = list_next_entry(pos, member)))
#define list_first_entry(head, type, member)	list_entry((head)->next, type, member)
#define list_last_entry(head, type, member)	list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_last_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_last_entry(head, type, member))
#define list_next_entry(pos, member)	list_entry((pos)->member.next, typeof(*(pos)), member)
#define list_prev_entry(pos, member)	list_entry((pos)->member.prev, typeof(*(pos)), member)

#define list_for_each(pos, head) \
	for (pos = (head)->next; pos != (head); pos = pos->next)
#define __list_for_each(pos, head)	list_for_each(pos, head)
#define list_for_each_prev(pos, head) \
	for (pos = (head)->prev; pos != (head); pos = pos->prev)
#define list_for_each_continue(pos, head) \
	for (pos = pos->next; pos != (head); pos = pos->next)
#define list_for_each_from(pos, head) \
	for (; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, n, head) \
	for (pos = (head)->next, n = pos->next; pos != (head); pos = n, n = pos->next)
#define list_for_each_prev_safe(pos, n, head) \
	for (pos = (head)->prev, n = pos->prev; pos != (head); pos = n, n = pos->prev)

#define __list_at(pos, node, member)	list_entry(node, typeof(*(pos)), member)

#define list_for_each_entry(pos, head, member)				\
	for (pos = __list_at(pos, (head)->next, member); &pos->member != (head); \
	     pos = __list_at(pos, pos->member.next, member))
#define list_for_each_entry_reverse(pos, head, member)			\
	for (pos = __list_at(pos, (head)->prev, member); &pos->member != (head); \
	     pos = __list_at(pos, pos->member.prev, member))
#define list_prepare_entry(pos, head, member) \
	((pos) ? : __list_at(pos, head, member))
#define list_for_each_entry_continue(pos, head, member)			\
	for (pos = __list_at(pos, pos->member.next, member); &pos->member != (head); \
	     pos = __list_at(pos, pos->member.next, member))
#define list_for_each_entry_continue_reverse(pos, head, member)		\
	for (pos = __list_at(pos, pos->member.prev, member); &pos->member != (head); \
	     pos = __list_at(pos, pos->member.prev, member))
#define list_for_each_entry_from(pos, head, member) \
	for (; &pos->member != (head); pos = __list_at(pos, pos->member.next, member))
#define list_for_each_entry_from_reverse(pos, head, member) \
	for (; &pos->member != (head); pos = __list_at(pos, pos->member.prev, member))
#define list_for_each_entry_safe(pos, n, head, member)			\
	for (pos = __list_at(pos, (head)->next, member), n = __list_at(pos, pos->member.next, member); \
	     &pos->member != (head);					\
	     pos = n, n = __list_at(n, n->member.next, member))
#define list_for_each_entry_safe_continue(pos, n, head, member)		\
	for (pos = __list_at(pos, pos->member.next, member), n = __list_at(pos, pos->member.next, member); \
	     &pos->member != (head);					\
	     pos = n, n = __list_at(n, n->member.next, member))
#define list_for_each_entry_safe_from(pos, n, head, member)		\
	for (n = __list_at(pos, pos->member.next, member); &pos->member != (head); \
	     pos = n, n = __list_at(n, n->member.next, member))
#define list_for_each_entry_safe_reverse(pos, n, head, member)		\
	for (pos = __list_at(pos, (head)->prev, member), n = __list_at(pos, pos->member.prev, member); \
	     &pos->member != (head);					\
	     pos = n, n = __list_at(n, n->member.prev, member))

/* For readers under rcu_read_lock(): what is added is whole before it is seen, what is taken off still leads on. */
#define list_next_rcu(head)			(*(struct list_head **)&(head)->next)
#define list_add_rcu(node, head)		list_add(node, head)
#define list_add_tail_rcu(node, head)		list_add_tail(node, head)

static inline void list_del_rcu(struct list_head *node)
{
	__list_del(node->prev, node->next);
	node->prev = LIST_POISON2;
}

static inline void list_replace_rcu(struct list_head *old, struct list_head *node)
{
	list_replace(old, node);
	old->prev = LIST_POISON2;
}

#define list_for_each_rcu(pos, head)		list_for_each(pos, head)
#define list_for_each_safe_rcu(pos, n, head)	list_for_each_safe(pos, n, head)
#define list_for_each_continue_rcu(pos, head)	list_for_each_continue(pos, head)
#define list_for_each_entry_rcu(pos, head, member, ...)	list_for_each_entry(pos, head, member)

/* A list for hash tables: the head is one pointer, and each node knows the pointer that leads to it. */

#define HLIST_HEAD_INIT		{ .first = NULL }
#define HLIST_HEAD(name)	struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(head)	((void)((head)->first = NULL))

static inline void INIT_HLIST_NODE(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline int hlist_unhashed(const struct hlist_node *node)
{
	return !node->pprev;
}

#define hlist_unhashed_lockless(node)	hlist_unhashed(node)

static inline int hlist_empty(const struct hlist_head *head)
{
	return !head->first;
}

static inline void __hlist_del(struct hlist_node *node)
{
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
}

static inline void hlist_del(struct hlist_node *node)
{
	__hlist_del(node);
	node->next = LIST_POISON1;
	node->pprev = LIST_POISON2;
}

static inline void hlist_del_init(struct hlist_node *node)
{
	if (!hlist_unhashed(node)) {
		__hlist_del(node);
		INIT_HLIST_NODE(node);
	}
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	node->next = head->first;
	node->pprev = &head->first;
	if (node->next)
		node->next->pprev = &node->next;
	head->first = node;
}

static inline void hlist_add_before(struct hlist_node *node, struct hlist_node *next)
{
	node->next = next;
	node->pprev = next->pprev;
	*node->pprev = node;
	next->pprev = &node->next;
}

/* Puts `next` behind `node`: 2.6.20's order of arguments. */
static inline void hlist_add_after(struct hlist_node *node, struct hlist_node *next)
{
	next->next = node->next;
	next->pprev = &node->next;
	node->next = next;
	if (next->next)
		next->next->pprev = &next->next;
}

#define hlist_add_behind(node, prev)	hlist_add_after(prev, node)

/* A node that is in no list and looks as if it were: it leads to itself. */
static inline void hlist_add_fake(struct hlist_node *node)
{
	node->pprev = &node->next;
}

static inline int hlist_fake(struct hlist_node *node)
{
	return node->pprev == &node->next;
}

static inline int hlist_is_singular_node(struct hlist_node *node, struct hlist_head *head)
{
	return !node->next && node->pprev == &head->first;
}

static inline void hlist_move_list(struct hlist_head *from, struct hlist_head *to)
{
	to->first = from->first;
	if (to->first)
		to->first->pprev = &to->first;
	from->first = NULL;
}

/* All of a list, whose last node the caller knows, to the beginning of another one. */
static inline void hlist_splice_init(struct hlist_head *from, struct hlist_node *last, struct hlist_head *to)
{
	last->next = to->first;
	if (last->next)
		last->next->pprev = &last->next;
	hlist_move_list(from, to);
}

static inline size_t hlist_count_nodes(struct hlist_head *head)
{
	struct hlist_node *node;
	size_t count = 0;

	for (node = head->first; node; node = node->next)
		count++;
	return count;
}

#define hlist_entry(ptr, type, member)	container_of(ptr, type, member)
#define hlist_entry_safe(ptr, type, member) \
	({ typeof(ptr) __node = (ptr); __node ? hlist_entry(__node, type, member) : NULL; })

#define hlist_for_each(pos, head) \
	for (pos = (head)->first; pos; pos = pos->next)
#define hlist_for_each_safe(pos, n, head) \
	for (pos = (head)->first; pos && ({ n = pos->next; 1; }); pos = n)

/* Up to 3.8 these took the node as an argument of its own; afterwards they did not. */
#define __hlist_entry_4(tpos, pos, head, member)			\
	for (pos = (head)->first;					\
	     pos && ({ tpos = hlist_entry(pos, typeof(*tpos), member); 1; }); \
	     pos = pos->next)
#define __hlist_entry_3(pos, head, member)				\
	for (pos = hlist_entry_safe((head)->first, typeof(*(pos)), member); pos; \
	     pos = hlist_entry_safe((pos)->member.next, typeof(*(pos)), member))
#define hlist_for_each_entry(...) \
	__PASTE(__hlist_entry_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define __hlist_safe_5(tpos, pos, n, head, member)			\
	for (pos = (head)->first;					\
	     pos && ({ n = pos->next; tpos = hlist_entry(pos, typeof(*tpos), member); 1; }); \
	     pos = n)
#define __hlist_safe_4(pos, n, head, member)				\
	for (pos = hlist_entry_safe((head)->first, typeof(*(pos)), member); \
	     pos && ({ n = (pos)->member.next; 1; });			\
	     pos = hlist_entry_safe(n, typeof(*(pos)), member))
#define hlist_for_each_entry_safe(...) \
	__PASTE(__hlist_safe_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define __hlist_continue_3(tpos, pos, member)				\
	for (pos = (pos)->next;						\
	     pos && ({ tpos = hlist_entry(pos, typeof(*tpos), member); 1; }); \
	     pos = pos->next)
#define __hlist_continue_2(pos, member)					\
	for (pos = hlist_entry_safe((pos)->member.next, typeof(*(pos)), member); pos; \
	     pos = hlist_entry_safe((pos)->member.next, typeof(*(pos)), member))
#define hlist_for_each_entry_continue(...) \
	__PASTE(__hlist_continue_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define __hlist_from_3(tpos, pos, member)				\
	for (; pos && ({ tpos = hlist_entry(pos, typeof(*tpos), member); 1; }); \
	     pos = pos->next)
#define __hlist_from_2(pos, member) \
	for (; pos; pos = hlist_entry_safe((pos)->member.next, typeof(*(pos)), member))
#define hlist_for_each_entry_from(...) \
	__PASTE(__hlist_from_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define hlist_add_head_rcu(node, head)		hlist_add_head(node, head)
#define hlist_add_before_rcu(node, next)	hlist_add_before(node, next)
#define hlist_add_after_rcu(node, next)		hlist_add_after(node, next)
#define hlist_add_behind_rcu(node, prev)	hlist_add_behind(node, prev)

static inline void hlist_del_rcu(struct hlist_node *node)
{
	__hlist_del(node);
	node->pprev = LIST_POISON2;
}

static inline void hlist_del_init_rcu(struct hlist_node *node)
{
	if (!hlist_unhashed(node)) {
		__hlist_del(node);
		node->pprev = NULL;
	}
}

static inline void hlist_replace_rcu(struct hlist_node *old, struct hlist_node *node)
{
	node->next = old->next;
	node->pprev = old->pprev;
	if (node->next)
		node->next->pprev = &node->next;
	*node->pprev = node;
	old->pprev = LIST_POISON2;
}

#define hlist_for_each_rcu(pos, head)		hlist_for_each(pos, head)
#define hlist_for_each_entry_rcu(...)		hlist_for_each_entry(__VA_ARGS__)

#endif
