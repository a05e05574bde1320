/* Red-black trees. Of two sides, 0 is the left. `augment` is NULL for a plain tree. */
#include <linux/rbtree_augmented.h>
#include "lib.h"

static inline struct rb_node **child(struct rb_node *node, int side)
{
	return side ? &node->rb_right : &node->rb_left;
}

static inline int is_red(const struct rb_node *node)
{
	return node && rb_is_red(node);
}

/* Below `parent` (NULL: at the root), `node` comes to where `old` was. */
static void replace(struct rb_node *parent, struct rb_node *old, struct rb_node *node, struct rb_root *root)
{
	if (parent)
		*child(parent, parent->rb_right == old) = node;
	else
		root->rb_node = node;
}

/* `node` goes down to `side`, and its child of the other side comes up. */
static void rotate(struct rb_node *node, int side, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	struct rb_node *up = *child(node, !side), *inner = *child(up, side), *parent = rb_parent(node);

	*child(node, !side) = inner;
	if (inner)
		rb_set_parent(inner, node);
	*child(up, side) = node;
	rb_set_parent(up, parent);
	replace(parent, node, up, root);
	rb_set_parent(node, up);
	if (augment)
		augment->rotate(node, up);
}

/* The node came in red: as long as its parent is red too, the fault is moved up or turned away. */
LIB void rb_insert_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	struct rb_node *parent, *grandparent, *uncle;

	while (is_red(parent = rb_parent(node))) {
		int side;

		grandparent = rb_parent(parent);
		side = grandparent->rb_right == parent;
		uncle = *child(grandparent, !side);
		if (is_red(uncle)) {
			rb_set_black(uncle);
			rb_set_black(parent);
			rb_set_red(grandparent);
			node = grandparent;
			continue;
		}
		if (*child(parent, !side) == node) {
			rotate(parent, side, root, augment);
			swap(node, parent);
		}
		rb_set_black(parent);
		rb_set_red(grandparent);
		rotate(grandparent, !side, root, augment);
	}
	rb_set_black(root->rb_node);
}

LIB void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	rb_insert_augmented(node, root, NULL);
}

/* The paths through `node` (which may be NULL) below `parent` have one black node too few. */
static void restore(struct rb_node *node, struct rb_node *parent, struct rb_root *root,
		    const struct rb_augment_callbacks *augment)
{
	while (!is_red(node) && node != root->rb_node) {
		int side = parent->rb_right == node;
		struct rb_node *sibling = *child(parent, !side);

		if (is_red(sibling)) {
			rb_set_black(sibling);
			rb_set_red(parent);
			rotate(parent, side, root, augment);
			sibling = *child(parent, !side);
		}
		if (!is_red(sibling->rb_left) && !is_red(sibling->rb_right)) {
			rb_set_red(sibling);
			node = parent;
			parent = rb_parent(node);
			continue;
		}
		if (!is_red(*child(sibling, !side))) {
			rb_set_black(*child(sibling, side));
			rb_set_red(sibling);
			rotate(sibling, !side, root, augment);
			sibling = *child(parent, !side);
		}
		rb_set_color(sibling, rb_color(parent));
		rb_set_black(parent);
		rb_set_black(*child(sibling, !side));
		rotate(parent, side, root, augment);
		node = root->rb_node;
	}
	if (node)
		rb_set_black(node);
}

LIB void rb_erase_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	struct rb_node *below, *parent;
	int color;

	if (node->rb_left && node->rb_right) {
		struct rb_node *next = rb_next(node);	/* has no left child, and takes the node's place */

		below = next->rb_right;
		parent = rb_parent(next);
		color = rb_color(next);
		if (parent == node) {
			parent = next;
		} else {
			parent->rb_left = below;
			if (below)
				rb_set_parent(below, parent);
			next->rb_right = node->rb_right;
			rb_set_parent(node->rb_right, next);
		}
		next->rb_left = node->rb_left;
		rb_set_parent(node->rb_left, next);
		next->rb_parent_color = node->rb_parent_color;
		replace(rb_parent(node), node, next, root);
		if (augment) {
			augment->copy(node, next);
			augment->propagate(parent, next);
			augment->propagate(next, NULL);
		}
	} else {
		below = node->rb_left ? node->rb_left : node->rb_right;
		parent = rb_parent(node);
		color = rb_color(node);
		if (below)
			rb_set_parent(below, parent);
		replace(parent, node, below, root);
		if (augment)
			augment->propagate(parent, NULL);
	}
	if (color == RB_BLACK)
		restore(below, parent, root, augment);
}

LIB void rb_erase(struct rb_node *node, struct rb_root *root)
{
	rb_erase_augmented(node, root, NULL);
}

static struct rb_node *outermost(struct rb_node *node, int side)
{
	while (node && *child(node, side))
		node = *child(node, side);
	return node;
}

/* The neighbour in the order: the nearest below on this side, or the first above that lies there. */
static struct rb_node *neighbour(const struct rb_node *of, int side)
{
	struct rb_node *node = (struct rb_node *)of, *parent;

	if (RB_EMPTY_NODE(node))
		return NULL;
	if (*child(node, side))
		return outermost(*child(node, side), !side);
	while ((parent = rb_parent(node)) && *child(parent, side) == node)
		node = parent;
	return parent;
}

LIB struct rb_node *rb_first(const struct rb_root *root)
{
	return outermost(root->rb_node, 0);
}

LIB struct rb_node *rb_last(const struct rb_root *root)
{
	return outermost(root->rb_node, 1);
}

LIB struct rb_node *rb_next(const struct rb_node *node)
{
	return neighbour(node, 1);
}

LIB struct rb_node *rb_prev(const struct rb_node *node)
{
	return neighbour(node, 0);
}

static struct rb_node *deepest(struct rb_node *node)
{
	while (node->rb_left || node->rb_right)
		node = node->rb_left ? node->rb_left : node->rb_right;
	return node;
}

LIB struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return root->rb_node ? deepest(root->rb_node) : NULL;
}

LIB struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *parent = rb_parent(node);

	return parent && parent->rb_left == node && parent->rb_right ? deepest(parent->rb_right) : parent;
}

LIB void rb_replace_node(struct rb_node *victim, struct rb_node *node, struct rb_root *root)
{
	replace(rb_parent(victim), victim, node, root);
	if (victim->rb_left)
		rb_set_parent(victim->rb_left, node);
	if (victim->rb_right)
		rb_set_parent(victim->rb_right, node);
	*node = *victim;
}
