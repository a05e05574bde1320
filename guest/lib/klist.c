/* Lists of counted nodes. */
#include <linux/klist.h>
#include <linux/sched.h>
#include "lib.h"

LIB void klist_init(struct klist *list, void (*get)(struct klist_node *), void (*put)(struct klist_node *))
{
	spin_lock_init(&list->k_lock);
	INIT_LIST_HEAD(&list->k_list);
	list->get = get;
	list->put = put;
}

/* Behind `at`, which is a node's or the list's. */
static void add(struct klist_node *node, struct klist *list, struct list_head *at)
{
	kref_init(&node->n_ref);
	node->n_klist = list;
	node->n_dead = 0;
	if (list->get)
		list->get(node);
	spin_lock(&list->k_lock);
	list_add(&node->n_node, at);
	spin_unlock(&list->k_lock);
}

LIB void klist_add_head(struct klist_node *node, struct klist *list)
{
	add(node, list, &list->k_list);
}

LIB void klist_add_tail(struct klist_node *node, struct klist *list)
{
	add(node, list, list->k_list.prev);
}

LIB void klist_add_behind(struct klist_node *node, struct klist_node *before)
{
	add(node, before->n_klist, &before->n_node);
}

LIB void klist_add_before(struct klist_node *node, struct klist_node *behind)
{
	add(node, behind->n_klist, behind->n_node.prev);
}

static void release(struct kref *ref)
{
	struct klist_node *node = container_of(ref, struct klist_node, n_ref);

	list_del(&node->n_node);
	node->n_klist = NULL;
}

static void drop(struct klist_node *node, int kill)
{
	struct klist *list = node->n_klist;
	int gone;

	spin_lock(&list->k_lock);
	if (kill)
		node->n_dead = 1;
	gone = kref_put(&node->n_ref, release);
	spin_unlock(&list->k_lock);
	if (gone && list->put)
		list->put(node);
}

LIB void klist_del(struct klist_node *node)
{
	drop(node, 1);
}

LIB void klist_remove(struct klist_node *node)
{
	drop(node, 1);
	while (node->n_klist)
		schedule_timeout_uninterruptible(1);
}

LIB int klist_node_attached(struct klist_node *node)
{
	return node->n_klist != NULL;
}

LIB void klist_iter_init_node(struct klist *list, struct klist_iter *iter, struct klist_node *node)
{
	iter->i_klist = list;
	iter->i_cur = NULL;
	if (node && kref_get_unless_zero(&node->n_ref))
		iter->i_cur = node;
}

LIB void klist_iter_init(struct klist *list, struct klist_iter *iter)
{
	klist_iter_init_node(list, iter, NULL);
}

LIB void klist_iter_exit(struct klist_iter *iter)
{
	if (iter->i_cur)
		drop(iter->i_cur, 0);
	iter->i_cur = NULL;
}

static struct klist_node *step(struct klist_iter *iter, int back)
{
	struct klist *list = iter->i_klist;
	struct klist_node *last = iter->i_cur;
	struct list_head *at;

	spin_lock(&list->k_lock);
	at = last ? &last->n_node : &list->k_list;
	iter->i_cur = NULL;
	while ((at = back ? at->prev : at->next) != &list->k_list) {
		struct klist_node *node = list_entry(at, struct klist_node, n_node);

		if (node->n_dead)
			continue;
		kref_get(&node->n_ref);
		iter->i_cur = node;
		break;
	}
	spin_unlock(&list->k_lock);
	if (last)
		drop(last, 0);
	return iter->i_cur;
}

LIB struct klist_node *klist_next(struct klist_iter *iter)
{
	return step(iter, 0);
}

LIB struct klist_node *klist_prev(struct klist_iter *iter)
{
	return step(iter, 1);
}
