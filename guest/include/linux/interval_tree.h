#ifndef _LINUX_INTERVAL_TREE_H
#define _LINUX_INTERVAL_TREE_H

#include <linux/rbtree.h>

/* Ranges of numbers, both ends belong to them: see linux/interval_tree_generic.h. */
struct interval_tree_node {
	struct rb_node rb;
	unsigned long start;
	unsigned long last;
	unsigned long __subtree_last;
};

extern void interval_tree_insert(struct interval_tree_node *node, struct rb_root_cached *root);
extern void interval_tree_remove(struct interval_tree_node *node, struct rb_root_cached *root);
extern struct interval_tree_node *interval_tree_iter_first(struct rb_root_cached *root, unsigned long start,
							   unsigned long last);
extern struct interval_tree_node *interval_tree_iter_next(struct interval_tree_node *node, unsigned long start,
							  unsigned long last);

/* Up to 4.13 the root is a struct rb_root, and here it may be one too. */
extern void __interval_tree_insert(struct interval_tree_node *node, struct rb_root *root);
extern void __interval_tree_remove(struct interval_tree_node *node, struct rb_root *root);
extern struct interval_tree_node *__interval_tree_iter_first(struct rb_root *root, unsigned long start,
							     unsigned long last);
#define __INTERVAL_TREE_CALL(name, root)	_Generic((root), struct rb_root *: __##name, default: name)
#define interval_tree_insert(node, root)	__INTERVAL_TREE_CALL(interval_tree_insert, root)(node, root)
#define interval_tree_remove(node, root)	__INTERVAL_TREE_CALL(interval_tree_remove, root)(node, root)
#define interval_tree_iter_first(root, start, last) \
	__INTERVAL_TREE_CALL(interval_tree_iter_first, root)(root, start, last)

/*
 * Goes over the numbers first...last in pieces: those that some range has (is_hole is 0; ranges that touch are one
 * piece), and the holes between (1). At the end is_hole is -1.
 */
struct interval_tree_span_iter {
	struct rb_root_cached *__root;
	unsigned long first_index, last_index;
	union {
		unsigned long start_hole;
		unsigned long start_used;
	};
	union {
		unsigned long last_hole;
		unsigned long last_used;
	};
	int is_hole;
};

extern void interval_tree_span_iter_first(struct interval_tree_span_iter *iter, struct rb_root_cached *root,
					  unsigned long first, unsigned long last);
extern void interval_tree_span_iter_next(struct interval_tree_span_iter *iter);
extern void interval_tree_span_iter_advance(struct interval_tree_span_iter *iter, struct rb_root_cached *root,
					    unsigned long first);

static inline bool interval_tree_span_iter_done(struct interval_tree_span_iter *iter)
{
	return iter->is_hole < 0;
}

#define interval_tree_for_each_span(span, root, first, last)		\
	for (interval_tree_span_iter_first(span, root, first, last);	\
	     !interval_tree_span_iter_done(span); interval_tree_span_iter_next(span))

#endif
