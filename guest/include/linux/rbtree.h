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

/* The parent's address with the colour in its lowest bit. */
struct rb_node {
	unsigned long rb_parent_color;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
} __attribute__((aligned(sizeof(long))));

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT		(struct rb_root) { NULL }
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
extern struct rb_node *rb_first(struct rb_root *root);
extern struct rb_node *rb_last(struct rb_root *root);
extern struct rb_node *rb_next(struct rb_node *node);
extern struct rb_node *rb_prev(struct rb_node *node);
extern void rb_replace_node(struct rb_node *victim, struct rb_node *node, struct rb_root *root);

/* `link` is the empty place that the search ended at: &parent->rb_left, &parent->rb_right or &root->rb_node. */
static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->rb_parent_color = (unsigned long)parent;
	node->rb_left = node->rb_right = NULL;
	*link = node;
}

#endif
