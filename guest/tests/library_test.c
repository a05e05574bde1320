/* Code of lib/: red-black trees, sorting, bitmaps, fifos, strings, memory pools. */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/kfifo.h>
#include <linux/mempool.h>
#include <linux/rbtree.h>
#include <linux/sort.h>

struct number {
	struct rb_node node;
	unsigned int value;
};

static void insert(struct rb_root *root, struct number *number)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = number->value < rb_entry(parent, struct number, node)->value ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&number->node, parent, link);
	rb_insert_color(&number->node, root);
}

/* The black height; -1 where a rule is broken. */
static int height(struct rb_node *node)
{
	int left, right;

	if (!node)
		return 0;
	if (rb_is_red(node) && ((node->rb_left && rb_is_red(node->rb_left)) || (node->rb_right && rb_is_red(node->rb_right))))
		return -1;
	left = height(node->rb_left);
	right = height(node->rb_right);
	return left < 0 || left != right ? -1 : left + rb_is_black(node);
}

static void a_tree_stays_ordered_and_balanced(struct kunit *test)
{
	enum { COUNT = 100 };
	struct number *numbers = kunit_kcalloc(test, COUNT, sizeof(*numbers), GFP_KERNEL);
	struct rb_root root = RB_ROOT;
	struct rb_node *node;
	int i, count = 0;
	unsigned int last = 0;

	KUNIT_ASSERT_NOT_NULL(test, numbers);
	for (i = 0; i < COUNT; i++) {
		numbers[i].value = i * 37 % COUNT;
		insert(&root, &numbers[i]);
		KUNIT_ASSERT_GE(test, height(root.rb_node), 0);
	}
	for (i = 0; i < COUNT; i += 2) {
		rb_erase(&numbers[i].node, &root);
		KUNIT_ASSERT_GE(test, height(root.rb_node), 0);
	}
	for (node = rb_first(&root); node; node = rb_next(node)) {
		unsigned int value = rb_entry(node, struct number, node)->value;

		KUNIT_EXPECT_GE(test, value, last);
		last = value;
		count++;
	}
	KUNIT_EXPECT_EQ(test, count, COUNT / 2);
	KUNIT_EXPECT_EQ(test, rb_entry(rb_last(&root), struct number, node)->value, last);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void an_array_is_sorted(struct kunit *test)
{
	int numbers[200], i;

	for (i = 0; i < 200; i++)
		numbers[i] = i * 73 % 211 - 100;
	sort(numbers, 200, sizeof(int), compare, NULL);
	for (i = 1; i < 200; i++)
		KUNIT_EXPECT_LE(test, numbers[i - 1], numbers[i]);
}

static void regions_of_a_bitmap(struct kunit *test)
{
	DECLARE_BITMAP(map, 70);

	bitmap_zero(map, 70);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(map, 70));
	KUNIT_EXPECT_EQ(test, bitmap_find_free_region(map, 70, 2), 0);
	KUNIT_EXPECT_EQ(test, bitmap_find_free_region(map, 70, 3), 8);
	KUNIT_EXPECT_EQ(test, bitmap_find_free_region(map, 70, 1), 4);
	KUNIT_EXPECT_EQ(test, bitmap_weight(map, 70), 4 + 8 + 2);
	bitmap_release_region(map, 8, 3);
	KUNIT_EXPECT_EQ(test, find_next_zero_bit(map, 70, 0), 6);
	KUNIT_EXPECT_EQ(test, bitmap_allocate_region(map, 0, 0), -EBUSY);
	bitmap_fill(map, 70);
	KUNIT_EXPECT_TRUE(test, bitmap_full(map, 70));
	KUNIT_EXPECT_EQ(test, bitmap_find_free_region(map, 70, 0), -ENOMEM);
}

static void a_fifo_is_a_ring(struct kunit *test)
{
	static spinlock_t lock = SPIN_LOCK_UNLOCKED;
	struct kfifo *fifo = kfifo_alloc(100, GFP_KERNEL, &lock);
	unsigned char in[100], out[100];
	int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(fifo));
	KUNIT_EXPECT_EQ_MSG(test, fifo->size, 128, "a power of two");
	for (i = 0; i < 100; i++)
		in[i] = i;
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, kfifo_put(fifo, in, 100), 100);
		KUNIT_EXPECT_EQ(test, kfifo_len(fifo), 100);
		KUNIT_EXPECT_EQ(test, kfifo_get(fifo, out, 100), 100);
		KUNIT_EXPECT_MEMEQ(test, in, out, 100);
	}
	KUNIT_EXPECT_EQ(test, kfifo_put(fifo, in, 100), 100);
	KUNIT_EXPECT_EQ_MSG(test, kfifo_put(fifo, in, 100), 28, "what there is room for");
	kfifo_free(fifo);
}

static void strings(struct kunit *test)
{
	char text[16], *copy = kstrdup("a copy", GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_STREQ(test, copy, "a copy");
	kfree(copy);
	KUNIT_EXPECT_EQ(test, strlcpy(text, "0123456789abcdefgh", sizeof(text)), 18);
	KUNIT_EXPECT_STREQ(test, text, "0123456789abcde");
	memmove(text + 2, text, 10);
	KUNIT_EXPECT_STREQ(test, text, "010123456789cde");
	KUNIT_EXPECT_STREQ(test, strstr("needle in hay", "in"), "in hay");
	KUNIT_EXPECT_LT(test, strcmp("abc", "abd"), 0);
	KUNIT_EXPECT_NULL(test, strchr("abc", 'x'));
}

static void a_pool_serves_who_may_sleep(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("pool", 64, 0, 0, NULL, NULL);
	mempool_t *pool = mempool_create_slab_pool(4, cache);
	void *elements[6];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_EXPECT_EQ_MSG(test, pool->curr_nr, 4, "a stock is laid in");
	for (i = 0; i < 6; i++) {
		elements[i] = mempool_alloc(pool, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, elements[i]);
	}
	KUNIT_EXPECT_EQ_MSG(test, pool->curr_nr, 4, "the allocator is asked first");
	for (i = 0; i < 6; i++)
		mempool_free(elements[i], pool);
	KUNIT_EXPECT_EQ(test, pool->curr_nr, 4);
	KUNIT_EXPECT_EQ(test, mempool_resize(pool, 8, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, pool->curr_nr, 8);
	mempool_destroy(pool);
	kmem_cache_destroy(cache);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_tree_stays_ordered_and_balanced),
	KUNIT_CASE(an_array_is_sorted),
	KUNIT_CASE(regions_of_a_bitmap),
	KUNIT_CASE(a_fifo_is_a_ring),
	KUNIT_CASE(strings),
	KUNIT_CASE(a_pool_serves_who_may_sleep),
	{}
};

static struct kunit_suite suite = { .name = "library", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
