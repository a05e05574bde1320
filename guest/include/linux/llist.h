#ifndef _LINUX_LLIST_H
#define _LINUX_LLIST_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <asm/system.h>

/* A list without a lock: many add at its head, and one takes all; llist_del_first wants to be alone with itself. */
struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

#define LLIST_HEAD_INIT(name)	{ NULL }
#define LLIST_HEAD(name)	struct llist_head name = LLIST_HEAD_INIT(name)
#define llist_entry(ptr, type, member)	container_of(ptr, type, member)

static inline void init_llist_head(struct llist_head *head)
{
	head->first = NULL;
}

/* A node that is on no list leads to itself. */
static inline void init_llist_node(struct llist_node *node)
{
	WRITE_ONCE(node->next, node);
}

static inline bool llist_on_list(const struct llist_node *node)
{
	return READ_ONCE(node->next) != node;
}

static inline bool llist_empty(const struct llist_head *head)
{
	return !READ_ONCE(head->first);
}

static inline struct llist_node *llist_next(struct llist_node *node)
{
	return READ_ONCE(node->next);
}

/* These say whether the list was empty. */
static inline bool llist_add_batch(struct llist_node *first, struct llist_node *last, struct llist_head *head)
{
	struct llist_node *old;

	do {
		old = READ_ONCE(head->first);
		last->next = old;
	} while (cmpxchg(&head->first, old, first) != old);
	return !old;
}

static inline bool llist_add(struct llist_node *node, struct llist_head *head)
{
	return llist_add_batch(node, node, head);
}

/* Where nobody else adds. */
static inline bool __llist_add_batch(struct llist_node *first, struct llist_node *last, struct llist_head *head)
{
	last->next = head->first;
	head->first = first;
	return !last->next;
}

static inline bool __llist_add(struct llist_node *node, struct llist_head *head)
{
	return __llist_add_batch(node, node, head);
}

static inline struct llist_node *llist_del_all(struct llist_head *head)
{
	return xchg(&head->first, NULL);
}

static inline struct llist_node *__llist_del_all(struct llist_head *head)
{
	struct llist_node *first = head->first;

	head->first = NULL;
	return first;
}

extern struct llist_node *llist_del_first(struct llist_head *head);
extern bool llist_del_first_this(struct llist_head *head, struct llist_node *node);	/* if it is the first */
extern struct llist_node *llist_reverse_order(struct llist_node *first);

static inline struct llist_node *llist_del_first_init(struct llist_head *head)
{
	struct llist_node *node = llist_del_first(head);

	if (node)
		init_llist_node(node);
	return node;
}

/* From a node on, which may be NULL; not while others add or delete. */
#define __llist_entry_or_null(node, type, member) \
	({ struct llist_node *__node = (node); __node ? llist_entry(__node, type, member) : NULL; })
#define llist_for_each(pos, node)	for ((pos) = (node); (pos); (pos) = (pos)->next)
#define llist_for_each_safe(pos, n, node) \
	for ((pos) = (node); (pos) && ((n) = (pos)->next, true); (pos) = (n))
#define llist_for_each_entry(pos, node, member)				\
	for ((pos) = __llist_entry_or_null(node, typeof(*(pos)), member); (pos); \
	     (pos) = __llist_entry_or_null((pos)->member.next, typeof(*(pos)), member))
#define llist_for_each_entry_safe(pos, n, node, member)			\
	for ((pos) = __llist_entry_or_null(node, typeof(*(pos)), member); \
	     (pos) && ((n) = __llist_entry_or_null((pos)->member.next, typeof(*(n)), member), true); \
	     (pos) = (n))
#define member_address_is_nonnull(pos, member)	((uintptr_t)(pos) + offsetof(typeof(*(pos)), member) != 0)

#endif
