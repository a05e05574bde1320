#ifndef _LINUX_RBTREE_AUGMENTED_H
#define _LINUX_RBTREE_AUGMENTED_H

#include <linux/rbtree.h>

/*
 * Trees whose nodes know something of all that is below them, such as the largest end of a range. Who inserts brings
 * the nodes on the way down up to date, and the new node; the rest is done by these.
 */
struct rb_augment_callbacks {
	void (*propagate)(struct rb_node *node, struct rb_node *stop);	/* computes from a node up; stop is left out */
	void (*copy)(struct rb_node *old, struct rb_node *new);		/* `new` takes the place of `old` */
	void (*rotate)(struct rb_node *old, struct rb_node *new);	/* `old` is now below `new` */
};

extern void rb_insert_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment);
extern void rb_erase_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment);

static inline void rb_insert_augmented_cached(struct rb_node *node, struct rb_root_cached *root, bool leftmost,
					      const struct rb_augment_callbacks *augment)
{
	if (leftmost)
		root->rb_leftmost = node;
	rb_insert_augmented(node, &root->rb_root, augment);
}

static inline void rb_erase_augmented_cached(struct rb_node *node, struct rb_root_cached *root,
					     const struct rb_augment_callbacks *augment)
{
	if (root->rb_leftmost == node)
		root->rb_leftmost = rb_next(node);
	rb_erase_augmented(node, &root->rb_root, augment);
}

/*
 * Defines callbacks. With 6 arguments (5.3 and later) compute(node, stop_early) brings node->augmented up to date and
 * says whether it may stop there since nothing has changed; with 7 (before) the type comes before the member's name,
 * and compute(node) gives the value.
 */
#define __RB_CALLBACKS_6(storage, name, type, field, augmented, compute)	\
static inline void name##_propagate(struct rb_node *rb, struct rb_node *stop)	\
{										\
	while (rb != stop && !compute(rb_entry(rb, type, field), true))		\
		rb = rb_parent(rb);						\
}										\
static inline void name##_copy(struct rb_node *old, struct rb_node *new)	\
{										\
	rb_entry(new, type, field)->augmented = rb_entry(old, type, field)->augmented; \
}										\
static void name##_rotate(struct rb_node *old, struct rb_node *new)		\
{										\
	name##_copy(old, new);							\
	compute(rb_entry(old, type, field), false);				\
}										\
storage const struct rb_augment_callbacks name = {				\
	.propagate = name##_propagate, .copy = name##_copy, .rotate = name##_rotate \
};

#define __RB_CALLBACKS_7(storage, name, type, field, kind, augmented, compute)	\
static inline bool name##_compute(type *node, bool early)			\
{										\
	kind now = compute(node);						\
										\
	if (early && node->augmented == now)					\
		return true;							\
	node->augmented = now;							\
	return false;								\
}										\
__RB_CALLBACKS_6(storage, name, type, field, augmented, name##_compute)

#define RB_DECLARE_CALLBACKS(...)	__PASTE(__RB_CALLBACKS_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

/* node->augmented is the largest value(node) of a node and all below it. */
#define RB_DECLARE_CALLBACKS_MAX(storage, name, type, field, kind, augmented, value)	\
static inline kind name##_largest(type *node)					\
{										\
	kind most = value(node), below;						\
										\
	if (node->field.rb_left) {						\
		below = rb_entry(node->field.rb_left, type, field)->augmented;	\
		if (below > most)						\
			most = below;						\
	}									\
	if (node->field.rb_right) {						\
		below = rb_entry(node->field.rb_right, type, field)->augmented; \
		if (below > most)						\
			most = below;						\
	}									\
	return most;								\
}										\
__RB_CALLBACKS_7(storage, name, type, field, kind, augmented, name##_largest)

#endif
