#ifndef _LINUX_KLIST_H
#define _LINUX_KLIST_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>

/* A list whose nodes are counted: one that is deleted stays while somebody's walk stands on it. */
struct klist_node;

struct klist {
	spinlock_t k_lock;
	struct list_head k_list;
	void (*get)(struct klist_node *);
	void (*put)(struct klist_node *);
};

struct klist_node {
	struct klist *n_klist;		/* NULL in no list */
	struct list_head n_node;
	struct kref n_ref;
	int n_dead;
};

struct klist_iter {
	struct klist *i_klist;
	struct klist_node *i_cur;
};

#define KLIST_INIT(name, get_node, put_node) \
	{ .k_lock = __SPIN_LOCK_UNLOCKED(name.k_lock), .k_list = LIST_HEAD_INIT(name.k_list), .get = get_node, .put = put_node }
#define DEFINE_KLIST(name, get_node, put_node)	struct klist name = KLIST_INIT(name, get_node, put_node)

extern void klist_init(struct klist *list, void (*get)(struct klist_node *), void (*put)(struct klist_node *));
extern void klist_add_tail(struct klist_node *node, struct klist *list);
extern void klist_add_head(struct klist_node *node, struct klist *list);
extern void klist_add_behind(struct klist_node *node, struct klist_node *before);
extern void klist_add_before(struct klist_node *node, struct klist_node *behind);
extern void klist_del(struct klist_node *node);
extern void klist_remove(struct klist_node *node);	/* and waits until nobody stands on it */
extern int klist_node_attached(struct klist_node *node);

extern void klist_iter_init(struct klist *list, struct klist_iter *iter);
extern void klist_iter_init_node(struct klist *list, struct klist_iter *iter, struct klist_node *node);
extern void klist_iter_exit(struct klist_iter *iter);
extern struct klist_node *klist_next(struct klist_iter *iter);
extern struct klist_node *klist_prev(struct klist_iter *iter);

#endif
