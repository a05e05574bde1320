/* Merge sort: runs of 1, 2, 4 ... nodes wait until there is another one of their length. */
#include <linux/list_sort.h>
#include "lib.h"

/* Two chains, which end in NULL and have no prev, to one; of equal nodes those of `a` come first. */
static struct list_head *merge(void *priv, list_cmp_func_t cmp, struct list_head *a, struct list_head *b)
{
	struct list_head *first, **link = &first;

	while (a && b) {
		struct list_head **least = cmp(priv, a, b) <= 0 ? &a : &b;

		*link = *least;
		link = &(*least)->next;
		*least = *link;
	}
	*link = a ? a : b;
	return first;
}

LIB void (list_sort)(void *priv, struct list_head *head, list_cmp_func_t cmp)
{
	struct list_head *runs[32] = { NULL }, *node = head->next, *all = NULL, *prev = head;
	int i;

	while (node != head) {
		struct list_head *next = node->next, *run = node;

		node->next = NULL;
		for (i = 0; runs[i]; i++) {
			run = merge(priv, cmp, runs[i], run);
			runs[i] = NULL;
		}
		runs[i] = run;
		node = next;
	}
	for (i = 0; i < 32; i++)
		if (runs[i])
			all = merge(priv, cmp, runs[i], all);
	for (node = all; node; prev = node, node = node->next) {
		prev->next = node;
		node->prev = prev;
	}
	prev->next = head;
	head->prev = prev;
}
