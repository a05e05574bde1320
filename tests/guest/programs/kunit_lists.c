/* Lists, tables, trees, sorting and hashes, as tests of kernels of today try them. */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/bsearch.h>
#include <linux/build_bug.h>
#include <linux/gcd.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/klist.h>
#include <linux/list.h>
#include <linux/list_sort.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/sort.h>
#include <linux/stringhash.h>

struct item {
	int value, serial;
	struct list_head list;
	struct hlist_node hash;
	struct klist_node klist;
	struct rb_node rb;
};

static_assert(sizeof(struct item) > 8);
static_assert(ARRAY_SIZE("abc") == 4, "with its end");

static struct item items[10];

static int reset(struct kunit *test)
{
	int i;

	memset(items, 0, sizeof(items));
	for (i = 0; i < ARRAY_SIZE(items); i++)
		items[i].value = items[i].serial = i;
	return 0;
}

static void fill(struct list_head *head, int from, int to)
{
	INIT_LIST_HEAD(head);
	for (; from < to; from++)
		list_add_tail(&items[from].list, head);
}

/* The list holds these, forwards and backwards. */
static void expect_list(struct kunit *test, struct list_head *head, int count, ...)
{
	struct item *item;
	va_list wanted;

	va_start(wanted, count);
	list_for_each_entry(item, head, list) {
		KUNIT_EXPECT_EQ(test, item->serial, va_arg(wanted, int));
		KUNIT_EXPECT_PTR_EQ(test, item->list.prev->next, &item->list);
	}
	va_end(wanted);
	KUNIT_EXPECT_EQ(test, list_count_nodes(head), (size_t)count);
	KUNIT_EXPECT_TRUE(test, list_entry_is_head(item, head, list));
}

static void whole_lists(struct kunit *test)
{
	LIST_HEAD(a);
	LIST_HEAD(b);
	int i;

	fill(&a, 0, 5);
	KUNIT_EXPECT_TRUE(test, list_is_first(&items[0].list, &a) && list_is_last(&items[4].list, &a));
	KUNIT_EXPECT_TRUE(test, list_is_head(&a, &a) && !list_is_head(&items[0].list, &a));
	list_rotate_left(&a);
	expect_list(test, &a, 5, 1, 2, 3, 4, 0);
	list_rotate_to_front(&items[4].list, &a);
	expect_list(test, &a, 5, 4, 0, 1, 2, 3);
	list_swap(&items[4].list, &items[1].list);
	expect_list(test, &a, 5, 1, 0, 4, 2, 3);
	list_swap(&items[4].list, &items[2].list);
	expect_list(test, &a, 5, 1, 0, 2, 4, 3);
	list_cut_position(&b, &a, &items[0].list);
	expect_list(test, &b, 2, 1, 0);
	expect_list(test, &a, 3, 2, 4, 3);
	list_cut_before(&b, &a, &items[3].list);
	expect_list(test, &b, 2, 2, 4);
	list_cut_before(&b, &a, &items[3].list);
	KUNIT_EXPECT_TRUE(test, list_empty_careful(&b));
	fill(&a, 0, 6);
	fill(&b, 6, 8);
	list_bulk_move_tail(&b, &items[1].list, &items[3].list);
	expect_list(test, &a, 3, 0, 4, 5);
	expect_list(test, &b, 5, 6, 7, 1, 2, 3);
	KUNIT_EXPECT_EQ(test, list_next_entry_circular(&items[5], &a, list)->serial, 0);
	KUNIT_EXPECT_EQ(test, list_prev_entry_circular(&items[0], &a, list)->serial, 5);
	list_del_init_careful(&items[4].list);
	KUNIT_EXPECT_TRUE(test, list_empty_careful(&items[4].list));
	for (i = 0; i < 2; i++)
		expect_list(test, &a, 2, 0, 5);
}

static int by_value(void *priv, const struct list_head *a, const struct list_head *b)
{
	++*(int *)priv;
	return list_entry(a, struct item, list)->value - list_entry(b, struct item, list)->value;
}

static void list_sort_is_stable(struct kunit *test)
{
	int i, compared = 0;
	LIST_HEAD(head);

	for (i = 0; i < 10; i++)
		items[i].value = (int[]){ 3, 1, 2, 1, 3, 0, 2, 2, 1, 3 }[i];
	fill(&head, 0, 10);
	list_sort(&compared, &head, by_value);
	expect_list(test, &head, 10, 5, 1, 3, 8, 2, 6, 7, 0, 4, 9);
	KUNIT_EXPECT_LT(test, compared, 40);
	INIT_LIST_HEAD(&head);
	list_sort(&compared, &head, by_value);
	KUNIT_EXPECT_TRUE(test, list_empty(&head));
}

static void hash_lists(struct kunit *test)
{
	static const int order[] = { 0, 1, 2, 5 };
	HLIST_HEAD(a);
	HLIST_HEAD(b);
	struct item *item;
	int i;

	for (i = 2; i >= 0; i--)
		hlist_add_head(&items[i].hash, &a);
	hlist_add_behind(&items[5].hash, &items[2].hash);
	i = 0;
	hlist_for_each_entry(item, &a, hash)
		KUNIT_EXPECT_EQ(test, item->serial, order[i++]);
	item = &items[1];
	hlist_for_each_entry_continue(item, hash)
		i++;
	item = &items[1];
	hlist_for_each_entry_from(item, hash)
		i++;
	KUNIT_EXPECT_EQ(test, i, 4 + 2 + 3);
	hlist_move_list(&a, &b);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&a));
	hlist_add_head(&items[7].hash, &a);
	KUNIT_EXPECT_TRUE(test, hlist_is_singular_node(&items[7].hash, &a));
	hlist_splice_init(&a, &items[7].hash, &b);
	KUNIT_EXPECT_EQ(test, hlist_count_nodes(&b), (size_t)5);
	hlist_add_fake(&items[9].hash);
	KUNIT_EXPECT_TRUE(test, hlist_fake(&items[9].hash) && !hlist_unhashed_lockless(&items[9].hash));
	hlist_del_init(&items[9].hash);
}

static DEFINE_HASHTABLE(table, 3);

static void hash_tables(struct kunit *test)
{
	struct item *item;
	struct hlist_node *next;
	int i, bucket, found = 0;

	hash_init(table);
	KUNIT_EXPECT_TRUE(test, hash_empty(table));
	for (i = 0; i < 10; i++)
		hash_add(table, &items[i].hash, items[i].value);
	hash_for_each(table, bucket, item, hash)
		found |= 1 << item->value;
	KUNIT_EXPECT_EQ(test, found, 1023);
	hash_for_each_possible(table, item, hash, 7)
		found += item->value == 7 ? 1024 : 0;
	KUNIT_EXPECT_EQ(test, found, 2047);
	hash_for_each_safe(table, bucket, next, item, hash)
		hash_del(&item->hash);
	KUNIT_EXPECT_TRUE(test, hash_empty(table) && !hash_hashed(&items[3].hash));
}

static void trees(struct kunit *test)
{
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct item *item, *next;
	int i, count = 0;

	for (i = 0; i < 10; i++) {
		struct rb_node **link = &root.rb_root.rb_node, *parent = NULL;
		bool leftmost = true;

		items[i].value = i * 7 % 10;
		while (*link) {
			parent = *link;
			if (items[i].value < rb_entry(parent, struct item, rb)->value) {
				link = &parent->rb_left;
			} else {
				link = &parent->rb_right;
				leftmost = false;
			}
		}
		rb_link_node(&items[i].rb, parent, link);
		rb_insert_color_cached(&items[i].rb, &root, leftmost);
	}
	KUNIT_EXPECT_EQ(test, rb_entry(rb_first_cached(&root), struct item, rb)->value, 0);
	rb_erase_cached(rb_first_cached(&root), &root);
	KUNIT_EXPECT_EQ(test, rb_entry(rb_first_cached(&root), struct item, rb)->value, 1);
	rbtree_postorder_for_each_entry_safe(item, next, &root.rb_root, rb) {
		KUNIT_EXPECT_TRUE(test, !item->rb.rb_left || rb_entry(item->rb.rb_left, struct item, rb)->serial < 0);
		KUNIT_EXPECT_TRUE(test, !item->rb.rb_right || rb_entry(item->rb.rb_right, struct item, rb)->serial < 0);
		item->serial = -1;
		count++;
	}
	KUNIT_EXPECT_EQ(test, count, 9);
}

static int taken;

static void get_item(struct klist_node *node)
{
	taken++;
}

static void put_item(struct klist_node *node)
{
	taken--;
}

static void counted_lists(struct kunit *test)
{
	DEFINE_KLIST(list, get_item, put_item);
	struct klist_iter iter;
	int i;

	for (i = 0; i < 3; i++)
		klist_add_tail(&items[i].klist, &list);
	klist_add_behind(&items[5].klist, &items[1].klist);
	klist_add_before(&items[6].klist, &items[0].klist);
	KUNIT_EXPECT_EQ(test, taken, 5);
	klist_iter_init(&list, &iter);
	KUNIT_EXPECT_PTR_EQ(test, klist_next(&iter), &items[6].klist);
	KUNIT_EXPECT_PTR_EQ(test, klist_next(&iter), &items[0].klist);
	klist_del(&items[0].klist);
	KUNIT_EXPECT_EQ_MSG(test, taken, 5, "the walk stands on it");
	KUNIT_EXPECT_PTR_EQ(test, klist_next(&iter), &items[1].klist);
	KUNIT_EXPECT_EQ(test, taken, 4);
	KUNIT_EXPECT_FALSE(test, klist_node_attached(&items[0].klist));
	KUNIT_EXPECT_PTR_EQ(test, klist_prev(&iter), &items[6].klist);
	klist_iter_exit(&iter);
	klist_remove(&items[1].klist);
	KUNIT_EXPECT_EQ(test, taken, 3);
}

static void numbers(struct kunit *test)
{
	struct rnd_state state;
	u32 first, sum;
	size_t size;
	int i;

	prandom_seed_state(&state, 5);
	first = prandom_u32_state(&state);
	prandom_seed_state(&state, 5);
	KUNIT_EXPECT_EQ(test, prandom_u32_state(&state), first);
	KUNIT_EXPECT_NE(test, prandom_u32_state(&state), first);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_LT(test, get_random_u32_below(10), 10);
	KUNIT_EXPECT_TRUE(test, check_add_overflow(0xffffffffu, 1u, &sum));
	KUNIT_EXPECT_FALSE(test, check_mul_overflow(0xffffu, 0x10001u, &sum));
	KUNIT_EXPECT_EQ(test, sum, 0xffffffffu);
	size = array_size(1 << 20, 1 << 20);
	KUNIT_EXPECT_EQ(test, size, ~(size_t)0);
	KUNIT_EXPECT_EQ(test, gcd(12, 18), 6UL);
	KUNIT_EXPECT_EQ(test, full_name_hash(NULL, "abc", 3), hashlen_hash(hashlen_string(NULL, "abc")));
	KUNIT_EXPECT_EQ(test, hashlen_len(hashlen_string(NULL, "abc")), 3u);
	for (i = 1; i <= 32; i++)
		KUNIT_EXPECT_LE(test, (u64)hash_64(0x123456789abcdefULL * i, i), (1ULL << i) - 1);
	KUNIT_EXPECT_EQ(test, GENMASK(7, 4), 0xf0UL);
	KUNIT_EXPECT_EQ(test, clamp(12, 3, 10), 10);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(whole_lists),
	KUNIT_CASE(list_sort_is_stable),
	KUNIT_CASE(hash_lists),
	KUNIT_CASE(hash_tables),
	KUNIT_CASE(trees),
	KUNIT_CASE(counted_lists),
	KUNIT_CASE(numbers),
	{},
};

static struct kunit_suite suite = { .name = "lists-of-today", .init = reset, .test_cases = cases };
kunit_test_suites(&suite);

MODULE_DESCRIPTION("lists, tables, trees");
MODULE_LICENSE("GPL v2");
