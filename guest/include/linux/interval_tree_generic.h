#ifndef _LINUX_INTERVAL_TREE_GENERIC_H
#define _LINUX_INTERVAL_TREE_GENERIC_H

#include <linux/rbtree_augmented.h>

/*
 * Defines a tree of ranges, sorted by start(node), where node->subtree is the largest last(node) of a node and all
 * below it: prefix_insert(node, root), prefix_remove(node, root), and prefix_iter_first(root, start, last) and
 * prefix_iter_next(node, start, last), which go over the nodes that have something in common with start...last.
 */
#define INTERVAL_TREE_DEFINE(type, field, kind, subtree, start, last, storage, prefix)	\
RB_DECLARE_CALLBACKS_MAX(static, prefix##_augment, type, field, kind, subtree, last)	\
											\
storage void prefix##_insert(type *node, struct rb_root_cached *root)			\
{											\
	struct rb_node **link = &root->rb_root.rb_node, *parent = NULL;			\
	kind first = start(node), end = last(node);					\
	bool leftmost = true;								\
											\
	while (*link) {									\
		type *above = rb_entry(*link, type, field);				\
											\
		parent = *link;								\
		if (above->subtree < end)						\
			above->subtree = end;						\
		if (first < start(above)) {						\
			link = &parent->rb_left;					\
		} else {								\
			link = &parent->rb_right;					\
			leftmost = false;						\
		}									\
	}										\
	node->subtree = end;								\
	rb_link_node(&node->field, parent, link);					\
	rb_insert_augmented_cached(&node->field, root, leftmost, &prefix##_augment);	\
}											\
											\
storage void prefix##_remove(type *node, struct rb_root_cached *root)			\
{											\
	rb_erase_augmented_cached(&node->field, root, &prefix##_augment);		\
}											\
											\
/* The first at `rb` or below that reaches from `from` on; its own start is not looked at. */	\
static inline type *prefix##_below(struct rb_node *rb, kind from)			\
{											\
	if (!rb || rb_entry(rb, type, field)->subtree < from)				\
		return NULL;								\
	for (;;) {									\
		type *node = rb_entry(rb, type, field);					\
											\
		if (rb->rb_left && rb_entry(rb->rb_left, type, field)->subtree >= from)	\
			rb = rb->rb_left;						\
		else if (last(node) >= from)						\
			return node;							\
		else									\
			rb = rb->rb_right;						\
	}										\
}											\
											\
storage type *prefix##_iter_first(struct rb_root_cached *root, kind from, kind to)	\
{											\
	type *node = prefix##_below(root->rb_root.rb_node, from);			\
											\
	return node && start(node) <= to ? node : NULL;					\
}											\
											\
storage type *prefix##_iter_next(type *node, kind from, kind to)			\
{											\
	struct rb_node *rb = &node->field, *child;					\
	type *next = prefix##_below(rb->rb_right, from);				\
											\
	while (!next && (child = rb, rb = rb_parent(rb)) != NULL)			\
		if (rb->rb_left == child) {						\
			next = rb_entry(rb, type, field);				\
			if (last(next) < from)						\
				next = prefix##_below(rb->rb_right, from);		\
		}									\
	return next && start(next) <= to ? next : NULL;					\
}

#endif
