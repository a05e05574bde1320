/*
 * highmem: --ram 32M
 *
 * Trees, heaps and lists of lib/: red-black trees that know more, ranges, priorities, lists without a lock.
 */
#include <kunit/test.h>
#include <linux/hashtable.h>
#include <linux/interval_tree.h>
#include <linux/interval_tree_generic.h>
#include <linux/llist.h>
#include <linux/maple_tree.h>
#include <linux/min_heap.h>
#include <linux/plist.h>
#include <linux/random.h>
#include <linux/rbtree_augmented.h>
#include <linux/rculist.h>

enum { COUNT = 60 };

struct number {
	struct rb_node rb;
	int value;
	int most;	/* of the values below */
	int sum;	/* of them */
	bool in;
};

#define number_of(node)	rb_entry(node, struct number, rb)
#define value_of(number)	((number)->value)

static inline bool sum_up(struct number *number, bool early)
{
	int sum = number->value;

	if (number->rb.rb_left)
		sum += number_of(number->rb.rb_left)->sum;
	if (number->rb.rb_right)
		sum += number_of(number->rb.rb_right)->sum;
	if (early && number->sum == sum)
		return true;
	number->sum = sum;
	return false;
}

static inline int most_below(struct number *number)
{
	int most = number->value;

	if (number->rb.rb_left)
		most = max(most, number_of(number->rb.rb_left)->most);
	if (number->rb.rb_right)
		most = max(most, number_of(number->rb.rb_right)->most);
	return most;
}

RB_DECLARE_CALLBACKS(static, sums, struct number, rb, sum, sum_up)
RB_DECLARE_CALLBACKS(static, largest_of_old, struct number, rb, int, most, most_below)
RB_DECLARE_CALLBACKS_MAX(static, largest, struct number, rb, int, most, value_of)

/* The black height; -1 where a rule is broken. */
static int height(struct rb_node *node)
{
	int left, right;

	if (!node)
		return 0;
	if (rb_is_red(node) && rb_parent(node) && rb_is_red(rb_parent(node)))
		return -1;
	left = height(node->rb_left);
	right = height(node->rb_right);
	return left < 0 || left != right ? -1 : left + rb_is_black(node);
}

static bool sums_are_right(struct rb_node *node)
{
	return !node || (sum_up(number_of(node), true) && sums_are_right(node->rb_left) &&
			 sums_are_right(node->rb_right));
}

static bool largest_are_right(struct rb_node *node)
{
	return !node || (number_of(node)->most == most_below(number_of(node)) && largest_are_right(node->rb_left) &&
			 largest_are_right(node->rb_right));
}

static void insert_augmented(struct number *number, struct rb_root_cached *root,
			     const struct rb_augment_callbacks *callbacks)
{
	struct rb_node **link = &root->rb_root.rb_node, *parent = NULL;
	bool leftmost = true;

	number->most = number->sum = number->value;
	while (*link) {
		struct number *above = number_of(*link);

		parent = *link;
		above->most = max(above->most, number->value);
		above->sum += number->value;
		link = number->value < above->value ? &parent->rb_left : &parent->rb_right;
		leftmost = leftmost && link == &parent->rb_left;
	}
	rb_link_node(&number->rb, parent, link);
	rb_insert_augmented_cached(&number->rb, root, leftmost, callbacks);
}

static void augmented_tree(struct kunit *test, const struct rb_augment_callbacks *callbacks,
			   bool (*right)(struct rb_node *))
{
	struct number *numbers = kunit_kcalloc(test, COUNT, sizeof(*numbers), GFP_KERNEL);
	struct rb_root_cached root = RB_ROOT_CACHED;
	int i, round;

	KUNIT_ASSERT_NOT_NULL(test, numbers);
	for (round = 0; round < 6 * COUNT; round++) {
		i = get_random_u32_below(COUNT);
		if (numbers[i].in) {
			rb_erase_augmented_cached(&numbers[i].rb, &root, callbacks);
		} else {
			numbers[i].value = get_random_u32_below(1000);
			insert_augmented(&numbers[i], &root, callbacks);
		}
		numbers[i].in = !numbers[i].in;
		KUNIT_ASSERT_TRUE(test, right(root.rb_root.rb_node));
		KUNIT_ASSERT_GE(test, height(root.rb_root.rb_node), 0);
		KUNIT_ASSERT_PTR_EQ(test, rb_first_cached(&root), rb_first(&root.rb_root));
	}
}

static void nodes_know_the_sum_below(struct kunit *test)
{
	augmented_tree(test, &sums, sums_are_right);
}

static void nodes_know_the_largest_below(struct kunit *test)
{
	augmented_tree(test, &largest, largest_are_right);
	augmented_tree(test, &largest_of_old, largest_are_right);
}

static bool less(struct rb_node *a, const struct rb_node *b)
{
	return number_of(a)->value < number_of(b)->value;
}

static int compare_nodes(struct rb_node *a, const struct rb_node *b)
{
	return number_of(a)->value - number_of(b)->value;
}

static int compare_key(const void *key, const struct rb_node *node)
{
	return *(const int *)key - number_of(node)->value;
}

static void nodes_are_found_by_key(struct kunit *test)
{
	struct number numbers[30] = { }, other = { .value = 3 };
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct rb_node *node;
	int i, key, count;

	for (i = 0; i < 30; i++) {
		numbers[i].value = (i * 7 % 30) / 3;	/* each value three times */
		KUNIT_EXPECT_PTR_EQ(test, rb_add_cached(&numbers[i].rb, &root, less),
				    rb_first(&root.rb_root) == &numbers[i].rb ? &numbers[i].rb : NULL);
	}
	KUNIT_EXPECT_GE(test, height(root.rb_root.rb_node), 0);
	KUNIT_EXPECT_PTR_EQ(test, rb_first_cached(&root), rb_first(&root.rb_root));
	for (key = -1; key <= 10; key++) {
		struct rb_node *first = rb_find_first(&key, &root.rb_root, compare_key);

		count = 0;
		rb_for_each(node, &key, &root.rb_root, compare_key) {
			KUNIT_EXPECT_EQ(test, number_of(node)->value, key);
			count++;
		}
		KUNIT_EXPECT_EQ(test, count, key >= 0 && key < 10 ? 3 : 0);
		KUNIT_EXPECT_EQ(test, rb_find(&key, &root.rb_root, compare_key) != NULL, count > 0);
		if (first && rb_prev(first))
			KUNIT_EXPECT_LT(test, number_of(rb_prev(first))->value, key);
	}
	node = rb_first_cached(&root);
	rb_replace_node_cached(node, &other.rb, &root);
	KUNIT_EXPECT_PTR_EQ(test, rb_first_cached(&root), &other.rb);
	KUNIT_EXPECT_PTR_EQ(test, rb_erase_cached(&other.rb, &root), rb_first(&root.rb_root));
	KUNIT_EXPECT_PTR_EQ_MSG(test, rb_erase_cached(rb_last(&root.rb_root), &root), NULL, "it was not the first");
}

static void one_node_for_each_key(struct kunit *test)
{
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct number numbers[20] = { };
	struct rb_node *node, *next;
	int i, count = 0;

	for (i = 0; i < 20; i++) {
		numbers[i].value = 9 - i % 10;
		KUNIT_EXPECT_PTR_EQ(test, rb_find_add_cached(&numbers[i].rb, &root, compare_nodes),
				    i < 10 ? NULL : &numbers[i - 10].rb);
	}
	KUNIT_EXPECT_PTR_EQ(test, root.rb_leftmost, &numbers[9].rb);
	for (node = rb_first(&root.rb_root); node; node = rb_next(node))
		KUNIT_EXPECT_EQ(test, number_of(node)->value, count++);
	KUNIT_EXPECT_EQ(test, count, 10);
	for (node = rb_first_postorder(&root.rb_root); node; node = next, count--) {
		next = rb_next_postorder(node);
		memset(node, 0x55, sizeof(*node));	/* nobody comes back to it */
	}
	KUNIT_EXPECT_EQ(test, count, 0);
}

/* Ranges */

static void ranges_that_have_something_in_common(struct kunit *test)
{
	struct interval_tree_node *nodes = kunit_kcalloc(test, COUNT, sizeof(*nodes), GFP_KERNEL), *node;
	struct rb_root_cached root = RB_ROOT_CACHED;
	int round, i;

	KUNIT_ASSERT_NOT_NULL(test, nodes);
	for (i = 0; i < COUNT; i++) {
		nodes[i].start = get_random_u32_below(500);
		nodes[i].last = nodes[i].start + get_random_u32_below(40);
		interval_tree_insert(&nodes[i], &root);
	}
	for (round = 0; round < COUNT; round++) {
		unsigned long start = get_random_u32_below(540), last = start + get_random_u32_below(60), before = 0;
		int wanted = 0, found = 0;

		for (i = round; i < COUNT; i++)
			wanted += nodes[i].start <= last && nodes[i].last >= start;
		for (node = interval_tree_iter_first(&root, start, last); node;
		     node = interval_tree_iter_next(node, start, last)) {
			KUNIT_EXPECT_TRUE(test, node->start <= last && node->last >= start && node->start >= before);
			before = node->start;
			found++;
		}
		KUNIT_ASSERT_EQ(test, found, wanted);
		interval_tree_remove(&nodes[round], &root);
		KUNIT_ASSERT_GE(test, height(root.rb_root.rb_node), 0);
	}
	KUNIT_EXPECT_NULL(test, interval_tree_iter_first(&root, 0, ULONG_MAX));
}

static void pieces_and_holes(struct kunit *test)
{
	static const struct { unsigned long start, last; } ranges[] = {
		{ 10, 19 }, { 15, 30 }, { 31, 33 }, { 12, 14 }, { 50, 60 }, { 40, 40 }, { ULONG_MAX - 1, ULONG_MAX },
	}, wanted[] = {
		{ 5, 9 }, { 10, 33 }, { 34, 39 }, { 40, 40 }, { 41, 49 }, { 50, 60 }, { 61, ULONG_MAX - 2 },
		{ ULONG_MAX - 1, ULONG_MAX },
	};
	struct interval_tree_node nodes[ARRAY_SIZE(ranges)];
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct interval_tree_span_iter span;
	int i;

	interval_tree_for_each_span(&span, &root, 3, 7)
		KUNIT_EXPECT_TRUE(test, span.is_hole && span.start_hole == 3 && span.last_hole == 7);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		nodes[i].start = ranges[i].start;
		nodes[i].last = ranges[i].last;
		interval_tree_insert(&nodes[i], &root);
	}
	i = 0;
	interval_tree_for_each_span(&span, &root, 5, ULONG_MAX) {
		KUNIT_ASSERT_LT(test, i, ARRAY_SIZE(wanted));
		KUNIT_EXPECT_EQ(test, span.is_hole, i % 2 == 0);
		KUNIT_EXPECT_EQ(test, span.start_used, wanted[i].start);
		KUNIT_EXPECT_EQ(test, span.last_used, wanted[i].last);
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, ARRAY_SIZE(wanted));
	interval_tree_span_iter_first(&span, &root, 12, 45);
	KUNIT_EXPECT_TRUE(test, !span.is_hole && span.start_used == 12 && span.last_used == 33);
	interval_tree_span_iter_advance(&span, &root, 20);
	KUNIT_EXPECT_TRUE(test, !span.is_hole && span.start_used == 20 && span.last_used == 33);
	interval_tree_span_iter_advance(&span, &root, 42);
	KUNIT_EXPECT_TRUE(test, span.is_hole == 1 && span.start_hole == 42 && span.last_hole == 45);
	interval_tree_span_iter_next(&span);
	KUNIT_EXPECT_TRUE(test, interval_tree_span_iter_done(&span));
}

static void ranges_below_a_plain_root(struct kunit *test)
{
	struct interval_tree_node nodes[] = { { .start = 1, .last = 5 }, { .start = 4, .last = 9 }, { } };
	struct rb_root root = RB_ROOT;
	int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		interval_tree_insert(&nodes[i], &root);
	KUNIT_EXPECT_PTR_EQ(test, interval_tree_iter_first(&root, 5, 6), &nodes[0]);
	KUNIT_EXPECT_PTR_EQ(test, interval_tree_iter_next(&nodes[0], 5, 6), &nodes[1]);
	interval_tree_remove(&nodes[0], &root);
	KUNIT_EXPECT_PTR_EQ(test, interval_tree_iter_first(&root, 0, 6), &nodes[2]);
	KUNIT_EXPECT_GE(test, height(root.rb_node), 0);
}

struct lease {
	struct rb_node rb;
	u64 from, to, latest;
};

#define lease_from(lease)	((lease)->from)
#define lease_to(lease)		((lease)->to)
INTERVAL_TREE_DEFINE(struct lease, rb, u64, latest, lease_from, lease_to, static, lease)

static void ranges_of_a_type_of_ones_own(struct kunit *test)
{
	struct lease leases[] = { { .from = 1ULL << 40, .to = 3ULL << 40 }, { .from = 5, .to = 2ULL << 40 } };
	struct rb_root_cached root = RB_ROOT_CACHED;

	lease_insert(&leases[0], &root);
	lease_insert(&leases[1], &root);
	KUNIT_EXPECT_PTR_EQ(test, lease_iter_first(&root, 1ULL << 40, ~0ULL), &leases[1]);
	KUNIT_EXPECT_PTR_EQ(test, lease_iter_next(&leases[1], 1ULL << 40, ~0ULL), &leases[0]);
	KUNIT_EXPECT_NULL(test, lease_iter_first(&root, 0, 4));
	lease_remove(&leases[1], &root);
	KUNIT_EXPECT_PTR_EQ(test, lease_iter_first(&root, 0, 1ULL << 40), &leases[0]);
}

/* Against an array that has the entry of each index. */
static void entries_for_ranges(struct kunit *test)
{
	enum { MANY = 100 };
	static char things[16], *wanted[MANY];
	unsigned long index, start, end;
	struct maple_tree tree;
	char *entry;
	int round, i;

	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE);
	for (round = 0; round < 60; round++) {
		MA_STATE(mas, &tree, 0, 0);

		start = get_random_u32_below(MANY);
		end = min(start + get_random_u32_below(20), (unsigned long)MANY - 1);
		entry = round % 4 ? &things[round % 16] : NULL;
		for (i = start; i <= end && !wanted[i]; i++)
			;
		if (round % 3 == 0) {
			KUNIT_ASSERT_EQ(test, mtree_insert_range(&tree, start, end, entry, GFP_KERNEL),
					i <= end ? -EEXIST : 0);
			if (i <= end)
				continue;
		} else {
			KUNIT_ASSERT_EQ(test, mtree_store_range(&tree, start, end, entry, GFP_KERNEL), 0);
		}
		for (i = start; i <= end; i++)
			wanted[i] = entry;
		for (i = 0; i < MANY; i++)
			KUNIT_ASSERT_PTR_EQ(test, mtree_load(&tree, i), wanted[i]);
		i = 0;
		mas_for_each(&mas, entry, ULONG_MAX) {
			for (; i < mas.index; i++)
				KUNIT_ASSERT_NULL(test, wanted[i]);
			for (; i <= mas.last; i++)
				KUNIT_ASSERT_PTR_EQ(test, wanted[i], entry);
		}
		mas_set(&mas, get_random_u32_below(MANY));
		end = mas.index;
		entry = mas_walk(&mas);
		KUNIT_ASSERT_TRUE(test, mas.index <= end && end <= mas.last && wanted[end] == entry);
	}
	mtree_destroy(&tree);
	KUNIT_EXPECT_TRUE(test, mtree_empty(&tree));

	KUNIT_EXPECT_EQ(test, mtree_store_range(&tree, 10, 19, &things[1], GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, mtree_insert(&tree, 15, &things[2], GFP_KERNEL), -EEXIST);
	KUNIT_EXPECT_EQ(test, mtree_insert(&tree, ULONG_MAX, &things[2], GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, mtree_alloc_range(&tree, &start, &things[3], 5, 8, 50, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, start, 20);
	KUNIT_EXPECT_EQ(test, mtree_alloc_range(&tree, &start, &things[4], 5, 8, 28, GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_EQ(test, mtree_alloc_range(&tree, &start, &things[4], 10, 0, 28, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, start, 0);
	i = 0;
	index = 5;
	mt_for_each(&tree, entry, index, ULONG_MAX)
		i++;
	KUNIT_EXPECT_EQ(test, i, 4);
	KUNIT_EXPECT_PTR_EQ(test, mt_next(&tree, 15, ULONG_MAX), &things[3]);
	KUNIT_EXPECT_PTR_EQ(test, mt_prev(&tree, 15, 0), &things[4]);
	KUNIT_EXPECT_NULL(test, mt_next(&tree, 22, 1000));
	KUNIT_EXPECT_PTR_EQ(test, mtree_erase(&tree, 12), &things[1]);
	KUNIT_EXPECT_NULL(test, mtree_load(&tree, 19));
	{
		MA_STATE(mas, &tree, 12, 14);

		mas_lock(&mas);
		KUNIT_EXPECT_EQ(test, mas_store_gfp(&mas, &things[5], GFP_KERNEL), 0);
		KUNIT_EXPECT_NULL(test, mas_next_range(&mas, 100));
		KUNIT_EXPECT_TRUE(test, mas.index == 15 && mas.last == 19);
		KUNIT_EXPECT_PTR_EQ(test, mas_next(&mas, 100), &things[3]);
		KUNIT_EXPECT_PTR_EQ(test, mas_prev(&mas, 0), &things[5]);
		KUNIT_EXPECT_PTR_EQ(test, mas_erase(&mas), &things[5]);
		mas_unlock(&mas);
	}
	mtree_destroy(&tree);
}

/* Heaps */

static bool int_less(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b;
}

static void int_swap(void *a, void *b)
{
	swap(*(int *)a, *(int *)b);
}

static void a_heap_gives_the_least(struct kunit *test)
{
	static const struct min_heap_callbacks func = { .elem_size = sizeof(int), .less = int_less, .swp = int_swap };
	int values[9] = { 5, 3, 9, 1, 7, 1, 8, 2, 6 }, more = 4, big = 10, i;
	static const int wanted[] = { 3, 4, 5, 6, 7, 8, 9, 10 };
	struct min_heap heap = { .data = values, .nr = 8, .size = 9 };

	min_heapify_all(&heap, &func);
	KUNIT_EXPECT_EQ(test, values[0], 1);
	min_heap_pop(&heap, &func);		/* 1 1 2 3 5 7 8 9 */
	min_heap_pop(&heap, &func);
	min_heap_pop_push(&heap, &more, &func);	/* 3 4 5 7 8 9 */
	min_heap_push(&heap, &big, &func);
	more = 6;
	min_heap_push(&heap, &more, &func);
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		KUNIT_EXPECT_EQ(test, *(int *)heap.data, wanted[i]);
		min_heap_pop(&heap, &func);
	}
	KUNIT_EXPECT_EQ(test, heap.nr, 0);
}

struct job {
	short urgency;
	char name;
};

MIN_HEAP_PREALLOCATED(struct job, job_heap, 20);
DEFINE_MIN_HEAP(u64, wide_heap);

/* By urgency; args: how often it was called. */
static bool more_urgent(const void *a, const void *b, void *args)
{
	++*(int *)args;
	return ((const struct job *)a)->urgency > ((const struct job *)b)->urgency;
}

static void a_heap_of_a_type(struct kunit *test)
{
	static const struct min_heap_callbacks func = { .less = more_urgent };
	struct job_heap heap;
	struct job job;
	int calls = 0, i, last = 100;

	min_heap_init(&heap, NULL, 20);
	KUNIT_EXPECT_NULL(test, min_heap_peek(&heap));
	for (i = 0; i < 20; i++) {
		job = (struct job) { .urgency = i * 7 % 20, .name = 'a' + i * 7 % 20 };
		KUNIT_EXPECT_TRUE(test, min_heap_push(&heap, &job, &func, &calls));
	}
	KUNIT_EXPECT_TRUE(test, min_heap_full(&heap));
	KUNIT_EXPECT_TRUE(test, min_heap_del(&heap, 13, &func, &calls));
	KUNIT_EXPECT_TRUE(test, min_heap_del_inline(&heap, 2, &func, &calls));
	job = (struct job) { .urgency = 5, .name = 'f' };
	min_heap_pop_push_inline(&heap, &job, &func, &calls);
	KUNIT_EXPECT_EQ(test, heap.nr, 18);
	while (heap.nr) {
		struct job *first = min_heap_peek(&heap);

		KUNIT_EXPECT_LE(test, first->urgency, last);
		KUNIT_EXPECT_EQ(test, first->name, 'a' + first->urgency);
		last = first->urgency;
		KUNIT_EXPECT_TRUE(test, min_heap_pop(&heap, &func, &calls));
	}
	KUNIT_EXPECT_GT(test, calls, 40);
}

static bool wide_less(const void *a, const void *b, void *args)
{
	return *(const u64 *)a < *(const u64 *)b;
}

static void a_heap_of_an_array(struct kunit *test)
{
	static const struct min_heap_callbacks func = { .less = wide_less };
	u64 values[] = { 7ULL << 33, 3ULL << 33, 1, 9ULL << 33 };
	struct wide_heap heap;

	min_heap_init_inline(&heap, values, ARRAY_SIZE(values));
	heap.nr = ARRAY_SIZE(values);
	min_heapify_all_inline(&heap, &func, NULL);
	KUNIT_EXPECT_EQ(test, *min_heap_peek(&heap), 1);
	values[0] = 8ULL << 33;
	min_heap_sift_down(&heap, 0, &func, NULL);
	KUNIT_EXPECT_EQ(test, values[0], 3ULL << 33);
	values[3] = 2;
	min_heap_sift_up(&heap, 3, &func, NULL);
	KUNIT_EXPECT_EQ(test, values[0], 2);
}

/* Lists */

struct item {
	int value;
	struct llist_node node;
	struct list_head list;
	struct hlist_node hash;
};

static void a_list_without_a_lock(struct kunit *test)
{
	struct item items[5], *item, *next;
	struct llist_node *all, *other;
	LLIST_HEAD(list);
	int i;

	KUNIT_EXPECT_TRUE(test, llist_empty(&list));
	for (i = 0; i < 5; i++) {
		items[i].value = i;
		init_llist_node(&items[i].node);
		KUNIT_EXPECT_FALSE(test, llist_on_list(&items[i].node));
		KUNIT_EXPECT_EQ(test, llist_add(&items[i].node, &list), i == 0);
		KUNIT_EXPECT_TRUE(test, llist_on_list(&items[i].node));
	}
	KUNIT_EXPECT_FALSE(test, llist_del_first_this(&list, &items[3].node));
	KUNIT_EXPECT_TRUE(test, llist_del_first_this(&list, &items[4].node));
	KUNIT_EXPECT_PTR_EQ(test, llist_del_first(&list), &items[3].node);
	i = 2;
	llist_for_each_entry(item, list.first, node)
		KUNIT_EXPECT_EQ(test, item->value, i--);
	all = llist_reverse_order(llist_del_all(&list));
	KUNIT_EXPECT_TRUE(test, llist_empty(&list));
	i = 0;
	llist_for_each_entry_safe(item, next, all, node) {
		KUNIT_EXPECT_EQ(test, item->value, i++);
		KUNIT_EXPECT_EQ(test, llist_add(&item->node, &list), i == 1);
	}
	KUNIT_EXPECT_EQ(test, i, 3);
	items[4].node.next = &items[3].node;
	KUNIT_EXPECT_FALSE(test, llist_add_batch(&items[4].node, &items[3].node, &list));
	i = 0;
	llist_for_each_safe(all, other, list.first)
		KUNIT_EXPECT_EQ(test, llist_entry(all, struct item, node)->value, 4 - i++);
	KUNIT_EXPECT_PTR_EQ(test, llist_del_first_init(&list), &items[4].node);
	KUNIT_EXPECT_FALSE(test, llist_on_list(&items[4].node));
	KUNIT_EXPECT_PTR_EQ(test, llist_next(__llist_del_all(&list)), &items[2].node);
	KUNIT_EXPECT_NULL(test, llist_del_first(&list));
}

static void check_order(struct kunit *test, struct plist_head *head, const char *wanted)
{
	struct plist_node *node;
	char order[20] = "";
	int length = 0;

	plist_for_each(node, head)
		order[length++] = '0' + node->prio;
	KUNIT_EXPECT_STREQ(test, order, wanted);
}

static void a_list_by_priority(struct kunit *test)
{
	static const int prios[] = { 5, 3, 5, 1, 3, 5, 9 };
	struct plist_node nodes[7], *node, *n;
	PLIST_HEAD(head);
	int i;

	plist_head_init(&head);
	KUNIT_EXPECT_TRUE(test, plist_head_empty(&head));
	for (i = 0; i < 7; i++) {
		plist_node_init(&nodes[i], prios[i]);
		plist_add(&nodes[i], &head);
	}
	check_order(test, &head, "1335559");
	KUNIT_EXPECT_PTR_EQ_MSG(test, plist_next(&nodes[1]), &nodes[4], "first come, first served");
	KUNIT_EXPECT_PTR_EQ(test, plist_last(&head), &nodes[6]);
	plist_requeue(&nodes[0], &head);
	check_order(test, &head, "1335559");
	KUNIT_EXPECT_PTR_EQ(test, plist_next(&nodes[5]), &nodes[0]);
	plist_del(&nodes[2], &head);
	plist_del(&nodes[3], &head);
	KUNIT_EXPECT_TRUE(test, plist_node_empty(&nodes[3]));
	check_order(test, &head, "33559");
	plist_node_init(&nodes[3], 4);
	plist_add(&nodes[3], &head);
	plist_node_init(&nodes[2], 0);
	plist_add(&nodes[2], &head);
	check_order(test, &head, "0334559");
	plist_for_each_safe(node, n, &head)
		plist_del(node, &head);
	KUNIT_EXPECT_TRUE(test, plist_head_empty(&head));
}

static void readers_of_lists(struct kunit *test)
{
	struct item items[4] = { { 0 }, { 1 }, { 2 }, { 3 } }, *item;
	DEFINE_HASHTABLE(table, 3);
	LIST_HEAD(list);
	LIST_HEAD(other);
	int i;

	for (i = 0; i < 3; i++) {
		list_add_tail_rcu(&items[i].list, &list);
		hash_add_rcu(table, &items[i].hash, i);
	}
	rcu_read_lock();
	i = 0;
	list_for_each_entry_rcu(item, &list, list)
		KUNIT_EXPECT_EQ(test, item->value, i++);
	hash_for_each_possible_rcu(table, item, hash, 2)
		KUNIT_EXPECT_LT(test, item->value, 3);
	rcu_read_unlock();
	list_del_rcu(&items[1].list);
	KUNIT_EXPECT_PTR_EQ_MSG(test, items[1].list.next, &items[2].list, "a reader comes on from there");
	KUNIT_EXPECT_PTR_EQ(test, items[1].list.prev, LIST_POISON2);
	list_replace_rcu(&items[0].list, &items[3].list);
	KUNIT_EXPECT_PTR_EQ(test, list_first_or_null_rcu(&list, struct item, list), &items[3]);
	hlist_replace_rcu(&items[0].hash, &items[3].hash);
	hash_del_rcu(&items[2].hash);
	hash_for_each_rcu(table, i, item, hash)
		KUNIT_EXPECT_TRUE(test, item == &items[1] || item == &items[3]);
	list_splice_init_rcu(&list, &other, synchronize_rcu);
	KUNIT_EXPECT_NULL(test, list_first_or_null_rcu(&list, struct item, list));
	KUNIT_EXPECT_PTR_EQ(test, list_next_or_null_rcu(&other, &items[3].list, struct item, list), &items[2]);
	KUNIT_EXPECT_NULL(test, list_next_or_null_rcu(&other, &items[2].list, struct item, list));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(nodes_know_the_sum_below),
	KUNIT_CASE(nodes_know_the_largest_below),
	KUNIT_CASE(nodes_are_found_by_key),
	KUNIT_CASE(one_node_for_each_key),
	KUNIT_CASE(ranges_that_have_something_in_common),
	KUNIT_CASE(pieces_and_holes),
	KUNIT_CASE(ranges_below_a_plain_root),
	KUNIT_CASE(ranges_of_a_type_of_ones_own),
	KUNIT_CASE(entries_for_ranges),
	KUNIT_CASE(a_heap_gives_the_least),
	KUNIT_CASE(a_heap_of_a_type),
	KUNIT_CASE(a_heap_of_an_array),
	KUNIT_CASE(a_list_without_a_lock),
	KUNIT_CASE(a_list_by_priority),
	KUNIT_CASE(readers_of_lists),
	{}
};

static struct kunit_suite suite = { .name = "trees", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
