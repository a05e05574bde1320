#ifndef _LINUX_RBTREE_H
#define _LINUX_RBTREE_H

#include <linux/kernel.h>
#include <linux/stddef.h>

/*
 * Red-black trees. The user searches and compares; a node is put in place by rb_link_node, and rb_insert_color
 * restores the balance.
 */

#define RB_RED		0
#define RB_BLACK	1

/* The parent's address with the colour in its lowest bit; later kernels write it with underscores. */
struct rb_node {
	union {
		unsigned long rb_parent_color;
		unsigned long __rb_parent_color;
	};
	struct rb_node *rb_right;
	struct rb_node *rb_left;
} __attribute__((aligned(sizeof(long))));

struct rb_root {
	struct rb_node *rb_node;
};

/* A tree that knows its first node. */
struct rb_root_cached {
	struct rb_root rb_root;
	struct rb_node *rb_leftmost;
};

#define RB_ROOT		(struct rb_root) { NULL }
#define RB_ROOT_CACHED	(struct rb_root_cached) { { NULL }, NULL }
#define rb_first_cached(root)	((root)->rb_leftmost)
#define rb_entry(ptr, type, member)	container_of(ptr, type, member)
#define rb_entry_safe(ptr, type, member) \
	({ typeof(ptr) __node = (ptr); __node ? rb_entry(__node, type, member) : NULL; })

#define rb_parent(node)		((struct rb_node *)((node)->rb_parent_color & ~3UL))
#define rb_color(node)		((node)->rb_parent_color & 1)
#define rb_is_red(node)		(!rb_color(node))
#define rb_is_black(node)	rb_color(node)
#define rb_set_red(node)	((void)((node)->rb_parent_color &= ~1UL))
#define rb_set_black(node)	((void)((node)->rb_parent_color |= 1))

static inline void rb_set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->rb_parent_color = rb_color(node) | (unsigned long)parent;
}

static inline void rb_set_color(struct rb_node *node, int color)
{
	node->rb_parent_color = (node->rb_parent_color & ~1UL) | color;
}

/* A node that is in no tree is its own parent. */
#define RB_EMPTY_ROOT(root)	((root)->rb_node == NULL)
#define RB_EMPTY_NODE(node)	(rb_parent(node) == (node))
#define RB_CLEAR_NODE(node)	rb_set_parent(node, node)

extern void rb_insert_color(struct rb_node *node, struct rb_root *root);
extern void rb_erase(struct rb_node *node, struct rb_root *root);
extern struct rb_node *rb_first(const struct rb_root *root);
extern struct rb_node *rb_last(const struct rb_root *root);
extern struct rb_node *rb_next(const struct rb_node *node);
extern struct rb_node *rb_prev(const struct rb_node *node);

/* Each node after those below it. */
extern struct rb_node *rb_first_postorder(const struct rb_root *root);
extern struct rb_node *rb_next_postorder(const struct rb_node *node);
#define rbtree_postorder_for_each_entry_safe(pos, n, root, field)	\
	for (pos = rb_entry_safe(rb_first_postorder(root), typeof(*pos), field); \
	     pos && ({ n = rb_entry_safe(rb_next_postorder(&pos->field), typeof(*pos), field); 1; }); \
	     pos = n)

/* `node` comes to the place of `victim`. */
extern void rb_replace_node(struct rb_node *victim, struct rb_node *node, struct rb_root *root);
#define rb_replace_node_rcu(victim, node, root)	rb_replace_node(victim, node, root)

/* `link` is the empty place that the search ended at: &parent->rb_left, &parent->rb_right or &root->rb_node. */
static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->rb_parent_color = (unsigned long)parent;
	node->rb_left = node->rb_right = NULL;
	*link = node;
}

#define rb_link_node_rcu(node, parent, link)	rb_link_node(node, parent, link)

static inline void rb_insert_color_cached(struct rb_node *node, struct rb_root_cached *root, bool leftmost)
{
	if (leftmost)
		root->rb_leftmost = node;
	rb_insert_color(node, &root->rb_root);
}

/* The new first node, where it was that. */
static inline struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *root)
{
	struct rb_node *leftmost = NULL;

	if (root->rb_leftmost == node)
		leftmost = root->rb_leftmost = rb_next(node);
	rb_erase(node, &root->rb_root);
	return leftmost;
}

static inline void rb_replace_node_cached(struct rb_node *victim, struct rb_node *node, struct rb_root_cached *root)
{
	if (root->rb_leftmost == victim)
		root->rb_leftmost = node;
	rb_replace_node(victim, node, &root->rb_root);
}

/* Insert by less(a, b); of equal nodes the last is put behind the others. */
static inline void rb_add(struct rb_node *node, struct rb_root *root,
			  bool (*less)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = less(node, parent) ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(node, parent, link);
	rb_insert_color(node, root);
}

/* The node, where it is the first one now. */
static inline struct rb_node *rb_add_cached(struct rb_node *node, struct rb_root_cached *root,
					    bool (*less)(struct rb_node *, const struct rb_node *))
{
	rb_add(node, &root->rb_root, less);
	if (root->rb_leftmost && !less(node, root->rb_leftmost))
		return NULL;
	return root->rb_leftmost = node;
}

/* Insert by cmp(node, other), if there is none that it is equal to; that one. */
static inline struct rb_node *rb_find_add(struct rb_node *node, struct rb_root *root,
					  int (*cmp)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;
	int c;

	while (*link) {
		parent = *link;
		c = cmp(node, parent);
		if (!c)
			return parent;
		link = c < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(node, parent, link);
	rb_insert_color(node, root);
	return NULL;
}

static inline struct rb_node *rb_find_add_cached(struct rb_node *node, struct rb_root_cached *root,
						 int (*cmp)(struct rb_node *, const struct rb_node *))
{
	struct rb_node *found = rb_find_add(node, &root->rb_root, cmp);

	if (!found && (!root->rb_leftmost || cmp(node, root->rb_leftmost) < 0))
		root->rb_leftmost = node;
	return found;
}

#define rb_find_add_rcu(node, root, cmp)	rb_find_add(node, root, cmp)

/* Find by cmp(key, node), which is negative where the key comes before the node. */
static inline struct rb_node *rb_find(const void *key, const struct rb_root *root,
				      int (*cmp)(const void *key, const struct rb_node *))
{
	struct rb_node *node = root->rb_node;
	int c;

	while (node && (c = cmp(key, node)))
		node = c < 0 ? node->rb_left : node->rb_right;
	return node;
}

#define rb_find_rcu(key, root, cmp)	rb_find(key, root, cmp)

/* Of several nodes that the key is equal to, the first, and from one the next. */
static inline struct rb_node *rb_find_first(const void *key, const struct rb_root *root,
					    int (*cmp)(const void *key, const struct rb_node *))
{
	struct rb_node *node = root->rb_node, *found = NULL;
	int c;

	while (node) {
		c = cmp(key, node);
		if (!c)
			found = node;
		node = c <= 0 ? node->rb_left : node->rb_right;
	}
	return found;
}

static inline struct rb_node *rb_next_match(const void *key, struct rb_node *node,
					    int (*cmp)(const void *key, const struct rb_node *))
{
	node = rb_next(node);
	return node && !cmp(key, node) ? node : NULL;
}

#define rb_for_each(node, key, root, cmp) \
	for ((node) = rb_find_first(key, root, cmp); (node); (node) = rb_next_match(key, node, cmp))

#endif
