/* Radix trees. A node's slots stand for 1 << shift indexes each, 1 in the lowest one, whose slots are items. */
#include <linux/radix-tree.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "lib.h"

#define SHIFT	RADIX_TREE_MAP_SHIFT
#define MASK	RADIX_TREE_MAP_MASK
#define HIGHEST	((BITS_PER_LONG + SHIFT - 1) / SHIFT)

static unsigned long max_index(int height)
{
	return height < HIGHEST ? (1UL << height * SHIFT) - 1 : ~0UL;
}

/* A node's bits of a tag. */
static unsigned long *tags_of(const struct radix_tree_node *node, int tag)
{
	return (unsigned long *)&node->tags[tag * (RADIX_TREE_MAP_SIZE / BITS_PER_LONG)];
}

static bool root_tagged(const struct radix_tree_root *root, int tag)
{
	return root->gfp_mask >> (__GFP_BITS_SHIFT + tag) & 1;
}

/* Nodes: a stock for each CPU, linked by their first slots. */

static struct radix_tree_node *stock[NR_CPUS];

static void free_chain(struct radix_tree_node *node)
{
	while (node) {
		struct radix_tree_node *next = node->slots[0];

		kfree(node);
		node = next;
	}
}

LIB int radix_tree_preload(gfp_t gfp_mask)
{
	struct radix_tree_node *chain = NULL, *node;
	int i;

	for (i = 0; i < 2 * HIGHEST - 1; i++) {
		node = kzalloc(sizeof(*node), gfp_mask);
		if (!node) {
			free_chain(chain);
			return -ENOMEM;
		}
		node->slots[0] = chain;
		chain = node;
	}
	preempt_disable();
	free_chain(stock[smp_processor_id()]);
	stock[smp_processor_id()] = chain;
	return 0;
}

LIB void radix_tree_preload_end(void)
{
	free_chain(stock[smp_processor_id()]);
	stock[smp_processor_id()] = NULL;
	preempt_enable();
}

static struct radix_tree_node *take(struct radix_tree_node **chain)
{
	struct radix_tree_node *node = *chain;

	if (node) {
		*chain = node->slots[0];
		node->slots[0] = NULL;
	}
	return node;
}

static struct radix_tree_node *node_alloc(struct radix_tree_root *root)
{
	gfp_t gfp_mask = root->gfp_mask & __GFP_BITS_MASK;
	struct radix_tree_node *node = kzalloc(sizeof(*node), gfp_mask);

	return node || gfp_mask & __GFP_WAIT ? node : take(&stock[raw_smp_processor_id()]);
}

/* Finding */

LIB void **radix_tree_lookup_slot(const struct radix_tree_root *root, unsigned long index)
{
	void **slot = (void **)&root->rnode;
	int shift;

	if (index > max_index(root->height))
		return NULL;
	for (shift = ((int)root->height - 1) * SHIFT; *slot && shift >= 0; shift -= SHIFT)
		slot = &((struct radix_tree_node *)*slot)->slots[index >> shift & MASK];
	return *slot ? slot : NULL;
}

LIB void *radix_tree_lookup(const struct radix_tree_root *root, unsigned long index)
{
	void **slot = radix_tree_lookup_slot(root, index);

	return slot ? radix_tree_deref_slot(slot) : NULL;
}

LIB void **__radix_tree_next_slot(const struct radix_tree_root *root, struct radix_tree_iter *iter, unsigned long index,
				  int tag)
{
	int top = ((int)root->height - 1) * SHIFT, shift;

	iter->index = index;
	if (!root->rnode || (tag >= 0 && !root_tagged(root, tag)))
		return NULL;
	while (index <= max_index(root->height)) {
		void **slot = (void **)&root->rnode;

		for (shift = top; shift >= 0; shift -= SHIFT) {
			struct radix_tree_node *node = *slot;
			unsigned long offset = index >> shift & MASK;

			slot = &node->slots[offset];
			if (!*slot || (tag >= 0 && !test_bit(offset, tags_of(node, tag))))
				break;
		}
		iter->index = index;
		if (shift < 0)
			return slot;
		index = ((index >> shift) + 1) << shift;	/* over what is not there */
		if (index <= iter->index)
			break;
	}
	return NULL;
}

static unsigned int gang(const struct radix_tree_root *root, void **results, unsigned long first, unsigned int max,
			 int tag)
{
	struct radix_tree_iter iter;
	unsigned int count = 0;
	void **slot;

	if (max)
		__radix_tree_for_each(slot, root, &iter, first, tag) {
			results[count++] = radix_tree_deref_slot(slot);
			if (count == max)
				break;
		}
	return count;
}

LIB unsigned int radix_tree_gang_lookup(const struct radix_tree_root *root, void **results, unsigned long first,
					unsigned int max)
{
	return gang(root, results, first, max, -1);
}

LIB unsigned int radix_tree_gang_lookup_tag(const struct radix_tree_root *root, void **results, unsigned long first,
					    unsigned int max, unsigned int tag)
{
	return gang(root, results, first, max, tag);
}

LIB unsigned long radix_tree_next_hole(const struct radix_tree_root *root, unsigned long index, unsigned long max)
{
	for (; max && radix_tree_lookup(root, index); max--)
		if (!++index)
			break;
	return index;
}

/* Changing */

/* How high the tree is to be for an index. */
static int height_for(const struct radix_tree_root *root, unsigned long index)
{
	int height = root->height;

	while (index > max_index(height))
		height++;
	return height;
}

/* How many nodes are to be added before an index has its slot. */
static int missing(const struct radix_tree_root *root, unsigned long index)
{
	int height = height_for(root, index), shift = (height - 1) * SHIFT;
	struct radix_tree_node *node = root->rnode;

	if (!node)
		return height;
	if (height > root->height)
		return height - root->height + height - 1;
	for (; node && shift >= 0; shift -= SHIFT)
		node = node->slots[index >> shift & MASK];
	return shift / SHIFT + 1;
}

/* With one node more at the top. */
static void grow(struct radix_tree_root *root, struct radix_tree_node *node)
{
	int tag;

	for (tag = 0; tag < RADIX_TREE_MAX_TAGS; tag++)
		if (root_tagged(root, tag))
			set_bit(0, tags_of(node, tag));
	node->slots[0] = root->rnode;
	node->count = 1;
	node->height = ++root->height;
	rcu_assign_pointer(root->rnode, node);
}

LIB int radix_tree_insert(struct radix_tree_root *root, unsigned long index, void *item)
{
	struct radix_tree_node *chain = NULL, *node = NULL;
	void **slot = (void **)&root->rnode;
	int count, height;

	BUG_ON((unsigned long)item & RADIX_TREE_DIRECT_PTR);
	if (radix_tree_lookup_slot(root, index))
		return -EEXIST;
	for (count = missing(root, index); count; count--) {
		node = node_alloc(root);
		if (!node) {
			free_chain(chain);
			return -ENOMEM;
		}
		node->slots[0] = chain;
		chain = node;
	}
	height = height_for(root, index);
	if (!root->rnode)
		root->height = height;
	while (root->height < height)
		grow(root, take(&chain));
	for (node = NULL; height; height--) {
		if (!*slot) {
			struct radix_tree_node *below = take(&chain);

			below->height = height;
			if (node)
				node->count++;
			rcu_assign_pointer(*slot, below);
		}
		node = *slot;
		slot = &node->slots[index >> (height - 1) * SHIFT & MASK];
	}
	if (node)
		node->count++;
	rcu_assign_pointer(*slot, item);
	return 0;
}

/* The nodes on the way to an index, from the top; whether it has an item. */
static bool path_to(const struct radix_tree_root *root, unsigned long index, struct radix_tree_node **path)
{
	struct radix_tree_node *node = root->rnode;
	int height = root->height;

	if (!radix_tree_lookup_slot(root, index))
		return false;
	for (; height; height--) {
		*path++ = node;
		node = node->slots[index >> (height - 1) * SHIFT & MASK];
	}
	return true;
}

/* A tree that has nothing but what hangs at its first slot becomes lower. */
static void shrink(struct radix_tree_root *root)
{
	while (root->height && root->rnode->count == 1 && root->rnode->slots[0]) {
		struct radix_tree_node *node = root->rnode;

		root->rnode = node->slots[0];
		root->height--;
		kfree(node);
	}
}

LIB void *radix_tree_delete(struct radix_tree_root *root, unsigned long index)
{
	struct radix_tree_node *path[HIGHEST], *node;
	void *item = radix_tree_lookup(root, index);
	int tag, depth, shift = 0;

	if (!path_to(root, index, path))
		return NULL;
	for (tag = 0; tag < RADIX_TREE_MAX_TAGS; tag++)
		radix_tree_tag_clear(root, index, tag);
	for (depth = root->height; depth; depth--, shift += SHIFT) {
		node = path[depth - 1];
		node->slots[index >> shift & MASK] = NULL;
		if (--node->count) {
			shrink(root);
			return item;
		}
		kfree(node);
	}
	root->rnode = NULL;
	root->height = 0;
	return item;
}

/* Tags */

LIB int radix_tree_tagged(const struct radix_tree_root *root, unsigned int tag)
{
	return root_tagged(root, tag);
}

LIB int radix_tree_tag_get(const struct radix_tree_root *root, unsigned long index, unsigned int tag)
{
	struct radix_tree_node *path[HIGHEST];

	if (!path_to(root, index, path))
		return 0;
	return root->height ? test_bit(index & MASK, tags_of(path[root->height - 1], tag)) : root_tagged(root, tag);
}

LIB void *radix_tree_tag_set(struct radix_tree_root *root, unsigned long index, unsigned int tag)
{
	struct radix_tree_node *path[HIGHEST];
	int depth, shift = 0;

	BUG_ON(!path_to(root, index, path));
	for (depth = root->height; depth; depth--, shift += SHIFT)
		set_bit(index >> shift & MASK, tags_of(path[depth - 1], tag));
	root->gfp_mask |= 1 << (__GFP_BITS_SHIFT + tag);
	return radix_tree_lookup(root, index);
}

LIB void *radix_tree_tag_clear(struct radix_tree_root *root, unsigned long index, unsigned int tag)
{
	struct radix_tree_node *path[HIGHEST];
	void *item = radix_tree_lookup(root, index);
	int depth, shift = 0;

	if (!path_to(root, index, path))
		return NULL;
	for (depth = root->height; depth; depth--, shift += SHIFT) {
		unsigned long *tags = tags_of(path[depth - 1], tag);

		clear_bit(index >> shift & MASK, tags);
		if (tags[0] | tags[1])
			return item;
	}
	root->gfp_mask &= ~(1 << (__GFP_BITS_SHIFT + tag));
	return item;
}
