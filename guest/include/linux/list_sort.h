#ifndef _LINUX_LIST_SORT_H
#define _LINUX_LIST_SORT_H

#include <linux/list.h>

/*
 * Sorts a list; equal elements keep their order. cmp(priv, a, b) is positive where a belongs behind b. Up to 5.12 its
 * arguments are not const.
 */
typedef int (*list_cmp_func_t)(void *priv, const struct list_head *a, const struct list_head *b);

extern void list_sort(void *priv, struct list_head *head, list_cmp_func_t cmp);
#define list_sort(priv, head, cmp)	(list_sort)(priv, head, (list_cmp_func_t)(void *)(cmp))

#endif
