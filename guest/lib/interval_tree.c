#include <linux/interval_tree.h>
#include <linux/interval_tree_generic.h>
#include "lib.h"

#define START(node)	((node)->start)
#define LAST(node)	((node)->last)

#undef interval_tree_insert
#undef interval_tree_remove
#undef interval_tree_iter_first
INTERVAL_TREE_DEFINE(struct interval_tree_node, rb, unsigned long, __subtree_last, START, LAST, LIB, interval_tree)

/* A root that does not know its first node. */

LIB void __interval_tree_insert(struct interval_tree_node *node, struct rb_root *root)
{
	struct rb_root_cached cached = { .rb_root = *root };

	interval_tree_insert(node, &cached);
	*root = cached.rb_root;
}

LIB void __interval_tree_remove(struct interval_tree_node *node, struct rb_root *root)
{
	rb_erase_augmented(&node->rb, root, &interval_tree_augment);
}

LIB struct interval_tree_node *__interval_tree_iter_first(struct rb_root *root, unsigned long start,
							  unsigned long last)
{
	struct rb_root_cached cached = { .rb_root = *root };

	return interval_tree_iter_first(&cached, start, last);
}

/* The piece that begins at `first`. */
LIB void interval_tree_span_iter_first(struct interval_tree_span_iter *iter, struct rb_root_cached *root,
				       unsigned long first, unsigned long last)
{
	struct interval_tree_node *node = interval_tree_iter_first(root, first, last);
	unsigned long end = first;

	iter->__root = root;
	iter->first_index = first;
	iter->last_index = last;
	iter->is_hole = !node || node->start > first;
	if (iter->is_hole)
		end = node ? node->start - 1 : last;
	while (!iter->is_hole && node && end < last && node->start <= end + 1) {
		end = min(max(end, node->last), last);
		node = interval_tree_iter_next(node, first, last);
	}
	iter->start_used = first;
	iter->last_used = end;
}

LIB void interval_tree_span_iter_next(struct interval_tree_span_iter *iter)
{
	if (iter->last_used == iter->last_index)
		iter->is_hole = -1;
	else
		interval_tree_span_iter_first(iter, iter->__root, iter->last_used + 1, iter->last_index);
}

/* On to what begins at `first`: a piece, or the rest of one. */
LIB void interval_tree_span_iter_advance(struct interval_tree_span_iter *iter, struct rb_root_cached *root,
					 unsigned long first)
{
	if (iter->is_hole < 0 || first > iter->last_index)
		iter->is_hole = -1;
	else
		interval_tree_span_iter_first(iter, root, first, iter->last_index);
}
