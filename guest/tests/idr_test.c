/*
 * highmem: --ram 32M
 *
 * From numbers to pointers: idr, ida, radix trees, arrays of any index.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/idr.h>
#include <linux/radix-tree.h>
#include <linux/random.h>
#include <linux/xarray.h>

static char things[64];		/* what the numbers stand for */

static void numbers_of_2_6_20(struct kunit *test)
{
	DEFINE_IDR(idr);
	int id, i;

	KUNIT_EXPECT_EQ_MSG(test, idr_get_new(&idr, &things[0], &id), -EAGAIN, "there is no layer yet");
	for (i = 0; i < 40; i++) {
		KUNIT_ASSERT_EQ(test, idr_pre_get(&idr, GFP_KERNEL), 1);
		KUNIT_ASSERT_EQ(test, idr_get_new(&idr, &things[i], &id), 0);
		KUNIT_EXPECT_EQ(test, id, i);
	}
	KUNIT_ASSERT_EQ(test, idr_pre_get(&idr, GFP_KERNEL), 1);
	KUNIT_ASSERT_EQ(test, idr_get_new_above(&idr, &things[50], 1000000, &id), 0);
	KUNIT_EXPECT_EQ(test, id, 1000000);
	KUNIT_EXPECT_PTR_EQ(test, idr_find(&idr, 17), &things[17]);
	KUNIT_EXPECT_PTR_EQ(test, idr_find(&idr, 1000000), &things[50]);
	KUNIT_EXPECT_NULL(test, idr_find(&idr, 40));
	KUNIT_EXPECT_NULL(test, idr_find(&idr, -1));
	idr_remove(&idr, 17);
	idr_remove(&idr, 33);
	KUNIT_EXPECT_NULL(test, idr_find(&idr, 17));
	KUNIT_ASSERT_EQ(test, idr_get_new_above(&idr, &things[60], 18, &id), 0);
	KUNIT_EXPECT_EQ(test, id, 33);
	KUNIT_ASSERT_EQ(test, idr_get_new(&idr, &things[61], &id), 0);
	KUNIT_EXPECT_EQ(test, id, 17);
	KUNIT_EXPECT_PTR_EQ(test, idr_replace(&idr, &things[62], 17), &things[61]);
	KUNIT_EXPECT_PTR_EQ(test, idr_find(&idr, 17), &things[62]);
	KUNIT_EXPECT_EQ(test, PTR_ERR(idr_replace(&idr, &things[0], 4711)), -ENOENT);
	KUNIT_ASSERT_EQ(test, idr_pre_get(&idr, GFP_KERNEL), 1);
	KUNIT_EXPECT_EQ(test, idr_get_new_above(&idr, &things[0], INT_MAX, &id), 0);
	KUNIT_ASSERT_EQ(test, idr_pre_get(&idr, GFP_KERNEL), 1);
	KUNIT_EXPECT_EQ(test, idr_get_new_above(&idr, &things[0], INT_MAX, &id), -ENOSPC);
	idr_destroy(&idr);
	KUNIT_EXPECT_TRUE(test, idr_is_empty(&idr));
}

static int add_up(int id, void *ptr, void *data)
{
	*(int *)data += id;
	return ptr == &things[7] ? 7 : 0;
}

static void numbers_of_later_kernels(struct kunit *test)
{
	struct idr idr;
	unsigned long ul, tmp;
	char *thing;
	int id, i, sum = 0;
	u32 wide;

	idr_init(&idr);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &things[5], 5, 7, GFP_KERNEL), 5);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &things[6], 5, 7, GFP_KERNEL), 6);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &things[6], 5, 7, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &things[7], 5, 0, GFP_KERNEL), 7);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &things[9], 40000, 0, GFP_KERNEL), 40000);
	KUNIT_EXPECT_EQ(test, idr_for_each(&idr, add_up, &sum), 7);
	KUNIT_EXPECT_EQ(test, sum, 5 + 6 + 7);
	i = 5;
	idr_for_each_entry(&idr, thing, id) {
		KUNIT_EXPECT_EQ(test, id, i < 8 ? i : 40000);
		KUNIT_EXPECT_PTR_EQ(test, thing, &things[i < 8 ? i : 9]);
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, 9);
	KUNIT_EXPECT_PTR_EQ(test, idr_remove(&idr, 6), &things[6]);
	i = 0;
	idr_for_each_entry_ul(&idr, thing, tmp, ul)
		i++;
	KUNIT_EXPECT_EQ(test, i, 3);
	id = 8;
	KUNIT_EXPECT_PTR_EQ(test, idr_get_next(&idr, &id), &things[9]);
	KUNIT_EXPECT_EQ(test, id, 40000);
	for (i = 0; i < 6; i++)		/* 5 and 7 are in use */
		KUNIT_EXPECT_EQ(test, idr_alloc_cyclic(&idr, &things[i], 5, 9, GFP_KERNEL),
				i == 0 ? 6 : i == 1 ? 8 : -ENOSPC);
	idr_remove(&idr, 6);
	KUNIT_EXPECT_EQ(test, idr_alloc_cyclic(&idr, &things[1], 5, 9, GFP_KERNEL), 6);
	wide = 0x90000000;
	KUNIT_EXPECT_EQ(test, idr_alloc_u32(&idr, &things[1], &wide, ~0U, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, wide, 0x90000000);
	KUNIT_EXPECT_PTR_EQ(test, idr_find(&idr, 0x90000000), &things[1]);
	idr_preload(GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &things[2], 0x12345678, 0, GFP_NOWAIT), 0x12345678);
	idr_preload_end();
	idr_destroy(&idr);

	idr_init_base(&idr, 1);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &things[1], 0, 0, GFP_KERNEL), 1);
	KUNIT_EXPECT_PTR_EQ(test, idr_remove(&idr, 1), &things[1]);
	KUNIT_EXPECT_TRUE_MSG(test, idr_is_empty(&idr), "and it holds no memory: idr_destroy() may be left out");
}

static void numbers_come_and_go(struct kunit *test)
{
	enum { MANY = 300 };
	DECLARE_BITMAP(used, MANY);
	DEFINE_IDA(ida);
	int round, id;

	bitmap_zero(used, MANY);
	for (round = 0; round < 3 * MANY; round++) {
		int start = get_random_u32_below(MANY);

		if (test_bit(start, used)) {
			ida_free(&ida, start);
			clear_bit(start, used);
			continue;
		}
		start = start * 2 % MANY;
		id = ida_alloc_range(&ida, start, MANY - 1, GFP_KERNEL);
		if (find_next_zero_bit(used, MANY, start) == MANY) {
			KUNIT_ASSERT_EQ(test, id, -ENOSPC);
			continue;
		}
		KUNIT_ASSERT_EQ(test, id, find_next_zero_bit(used, MANY, start));
		set_bit(id, used);
		if (start > 0)
			KUNIT_ASSERT_EQ(test, ida_find_first_range(&ida, start, INT_MAX),
					find_next_bit(used, MANY, start));
	}
	for_each_set_bit(id, used, MANY) {
		KUNIT_EXPECT_TRUE(test, ida_exists(&ida, id));
		ida_free(&ida, id);
		KUNIT_EXPECT_FALSE(test, ida_exists(&ida, id));
	}
	KUNIT_EXPECT_TRUE_MSG(test, ida_is_empty(&ida), "and it holds no memory");
}

static void numbers_alone(struct kunit *test)
{
	struct ida ida;
	int id;

	ida_init(&ida);
	KUNIT_EXPECT_EQ(test, ida_alloc(&ida, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, ida_alloc_min(&ida, INT_MAX, GFP_KERNEL), INT_MAX);
	KUNIT_EXPECT_EQ(test, ida_alloc_min(&ida, INT_MAX, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ida_alloc_max(&ida, 0, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ida_simple_get(&ida, 10, 11, GFP_KERNEL), 10);
	KUNIT_EXPECT_EQ(test, ida_simple_get(&ida, 10, 11, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ida_simple_get(&ida, 10, 0, GFP_KERNEL), 11);
	KUNIT_EXPECT_EQ(test, ida_pre_get(&ida, GFP_KERNEL), 1);
	KUNIT_EXPECT_EQ(test, ida_get_new(&ida, &id), 0);
	KUNIT_EXPECT_EQ(test, id, 1);
	KUNIT_EXPECT_EQ(test, ida_find_first(&ida), 0);
	KUNIT_EXPECT_EQ(test, ida_find_first_range(&ida, 2, 9), -ENOENT);
	KUNIT_EXPECT_EQ(test, ida_find_first_range(&ida, -1, 9), -EINVAL);
	ida_simple_remove(&ida, 10);
	ida_destroy(&ida);
	KUNIT_EXPECT_TRUE(test, ida_is_empty(&ida));
}

/* Radix trees */

static RADIX_TREE(tree, GFP_ATOMIC);

static const unsigned long places[] = { 0, 1, 63, 64, 4095, 4096, 1 << 20, (1 << 20) + 1, ~0UL - 1, ~0UL };

static void items_by_index(struct kunit *test)
{
	void *found[16], **slot;
	int i, j;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		KUNIT_ASSERT_EQ(test, radix_tree_insert(&tree, places[i], &things[4 * i]), 0);
		KUNIT_EXPECT_EQ(test, radix_tree_insert(&tree, places[i], &things[0]), -EEXIST);
		for (j = 0; j < ARRAY_SIZE(places); j++)
			KUNIT_EXPECT_PTR_EQ(test, radix_tree_lookup(&tree, places[j]), j <= i ? &things[4 * j] : NULL);
	}
	KUNIT_EXPECT_NULL(test, radix_tree_lookup(&tree, 2));
	KUNIT_EXPECT_EQ(test, radix_tree_gang_lookup(&tree, found, 1, 16), ARRAY_SIZE(places) - 1);
	for (i = 1; i < ARRAY_SIZE(places); i++)
		KUNIT_EXPECT_PTR_EQ(test, found[i - 1], &things[4 * i]);
	KUNIT_EXPECT_EQ(test, radix_tree_gang_lookup(&tree, found, 65, 2), 2);
	KUNIT_EXPECT_PTR_EQ(test, found[1], &things[4 * 5]);
	KUNIT_EXPECT_EQ(test, radix_tree_next_hole(&tree, 0, 10), 2);
	KUNIT_EXPECT_EQ(test, radix_tree_next_hole(&tree, 63, 1), 64);
	slot = radix_tree_lookup_slot(&tree, 4095);
	KUNIT_ASSERT_NOT_NULL(test, slot);
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_deref_slot(slot), &things[16]);
	radix_tree_replace_slot(slot, &things[20]);
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_lookup(&tree, 4095), &things[20]);
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_delete_item(&tree, 4095, &things[0]), &things[20]);
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_delete_item(&tree, 4095, &things[20]), &things[20]);
	KUNIT_EXPECT_NULL(test, radix_tree_delete(&tree, 4095));
	for (i = ARRAY_SIZE(places) - 1; i >= 0; i--)
		if (places[i] != 4095)
			KUNIT_EXPECT_PTR_EQ(test, radix_tree_delete(&tree, places[i]), &things[4 * i]);
	KUNIT_EXPECT_EQ_MSG(test, tree.height, 0, "it has no node left");
	KUNIT_EXPECT_TRUE(test, radix_tree_empty(&tree));
}

static void an_item_in_the_root(struct kunit *test)
{
	struct radix_tree_root root;
	void **slot;

	INIT_RADIX_TREE(&root, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, radix_tree_insert(&root, 0, &things[8]), 0);
	KUNIT_EXPECT_EQ(test, root.height, 0);
	slot = radix_tree_lookup_slot(&root, 0);
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_deref_slot(slot), &things[8]);
	KUNIT_EXPECT_PTR_EQ_MSG(test, *slot, &things[8], "as in later kernels, nothing is in its lowest bits");
	radix_tree_replace_slot(&root, slot, &things[12]);
	radix_tree_tag_set(&root, 0, 1);
	KUNIT_EXPECT_EQ(test, radix_tree_insert(&root, 70, &things[16]), 0);
	KUNIT_EXPECT_EQ(test, root.height, 2);
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_lookup(&root, 0), &things[12]);
	KUNIT_EXPECT_TRUE_MSG(test, radix_tree_tag_get(&root, 0, 1), "the tag went down with it");
	KUNIT_EXPECT_FALSE(test, radix_tree_tag_get(&root, 70, 1));
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_delete(&root, 70), &things[16]);
	KUNIT_EXPECT_EQ(test, root.height, 0);
	KUNIT_EXPECT_TRUE(test, radix_tree_tag_get(&root, 0, 1));
	KUNIT_EXPECT_PTR_EQ(test, radix_tree_delete(&root, 0), &things[12]);
	KUNIT_EXPECT_FALSE(test, radix_tree_tagged(&root, 1));
}

static void tags_are_those_of_a_bitmap(struct kunit *test)
{
	enum { MANY = 200, STEP = 37 };
	DECLARE_BITMAP(in, MANY);
	DECLARE_BITMAP(tagged, MANY);
	struct radix_tree_iter iter;
	void *found[MANY], **slot;
	int round, i;

	bitmap_zero(in, MANY);
	bitmap_zero(tagged, MANY);
	for (round = 0; round < 4 * MANY; round++) {
		i = get_random_u32_below(MANY);
		if (!test_bit(i, in)) {
			KUNIT_ASSERT_EQ(test, radix_tree_preload(GFP_KERNEL), 0);
			KUNIT_ASSERT_EQ(test, radix_tree_insert(&tree, i * STEP, &things[i % 16 * 4]), 0);
			radix_tree_preload_end();
			set_bit(i, in);
		} else if (round % 3) {
			KUNIT_EXPECT_PTR_EQ(test, radix_tree_tag_set(&tree, i * STEP, 0), &things[i % 16 * 4]);
			set_bit(i, tagged);
		} else if (round % 2) {
			radix_tree_tag_clear(&tree, i * STEP, 0);
			clear_bit(i, tagged);
		} else {
			KUNIT_EXPECT_PTR_EQ(test, radix_tree_delete(&tree, i * STEP), &things[i % 16 * 4]);
			clear_bit(i, in);
			clear_bit(i, tagged);
		}
		KUNIT_ASSERT_EQ(test, radix_tree_tagged(&tree, 0), !bitmap_empty(tagged, MANY));
		KUNIT_ASSERT_EQ(test, radix_tree_tag_get(&tree, i * STEP, 0), test_bit(i, tagged));
	}
	i = -1;
	radix_tree_for_each_tagged(slot, &tree, &iter, 0, 0) {
		i = find_next_bit(tagged, MANY, i + 1);
		KUNIT_EXPECT_EQ(test, iter.index, i * STEP);
		KUNIT_EXPECT_PTR_EQ(test, radix_tree_deref_slot(slot), &things[i % 16 * 4]);
	}
	KUNIT_EXPECT_EQ(test, find_next_bit(tagged, MANY, i + 1), MANY);
	KUNIT_EXPECT_EQ(test, radix_tree_gang_lookup_tag(&tree, found, 0, MANY, 0), bitmap_weight(tagged, MANY));
	KUNIT_EXPECT_EQ(test, radix_tree_gang_lookup_tag(&tree, found, 0, MANY, 1), 0);
	KUNIT_EXPECT_EQ(test, radix_tree_gang_lookup(&tree, found, 0, MANY), bitmap_weight(in, MANY));
	radix_tree_for_each_slot(slot, &tree, &iter, 0)
		radix_tree_iter_delete(&tree, &iter, slot);
	KUNIT_EXPECT_TRUE(test, radix_tree_empty(&tree) && !radix_tree_tagged(&tree, 0));
}

/* Arrays of any index */

static void entries_and_values(struct kunit *test)
{
	DEFINE_XARRAY(array);
	void *found[8];
	unsigned long index;
	char *entry;
	int i, j;

	KUNIT_EXPECT_TRUE(test, xa_empty(&array));
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		KUNIT_ASSERT_NULL(test, xa_store(&array, places[i], &things[4 * i], GFP_KERNEL));
		for (j = 0; j < ARRAY_SIZE(places); j++)
			KUNIT_EXPECT_PTR_EQ(test, xa_load(&array, places[j]), j <= i ? &things[4 * j] : NULL);
	}
	i = 0;
	xa_for_each(&array, index, entry) {
		KUNIT_EXPECT_EQ(test, index, places[i]);
		KUNIT_EXPECT_PTR_EQ(test, entry, &things[4 * i]);
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, ARRAY_SIZE(places));
	KUNIT_EXPECT_EQ(test, xa_extract(&array, found, 2, 4096, 8, XA_PRESENT), 4);
	KUNIT_EXPECT_PTR_EQ(test, found[0], &things[4 * 2]);
	KUNIT_EXPECT_PTR_EQ(test, xa_store(&array, 64, xa_mk_value(99), GFP_KERNEL), &things[4 * 3]);
	KUNIT_EXPECT_TRUE(test, xa_is_value(xa_load(&array, 64)));
	KUNIT_EXPECT_EQ(test, xa_to_value(xa_load(&array, 64)), 99);
	KUNIT_EXPECT_EQ(test, xa_insert(&array, 64, &things[0], GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, xa_cmpxchg(&array, 64, &things[0], NULL, GFP_KERNEL), xa_mk_value(99));
	KUNIT_EXPECT_PTR_EQ(test, xa_cmpxchg(&array, 64, xa_mk_value(99), NULL, GFP_KERNEL), xa_mk_value(99));
	KUNIT_EXPECT_NULL(test, xa_load(&array, 64));
	KUNIT_EXPECT_EQ(test, xa_reserve(&array, 65, GFP_KERNEL), 0);
	KUNIT_EXPECT_NULL(test, xa_load(&array, 65));
	KUNIT_EXPECT_EQ(test, xa_insert(&array, 65, &things[0], GFP_KERNEL), -EBUSY);
	index = 64;
	KUNIT_EXPECT_PTR_EQ(test, xa_find(&array, &index, ULONG_MAX, XA_PRESENT), &things[4 * 4]);
	KUNIT_EXPECT_EQ(test, index, 4095);
	xa_release(&array, 65);
	KUNIT_EXPECT_EQ(test, xa_insert(&array, 65, &things[0], GFP_KERNEL), 0);
	xa_for_each_start(&array, index, entry, 66)
		KUNIT_EXPECT_PTR_EQ(test, xa_erase(&array, index), entry);
	KUNIT_EXPECT_PTR_EQ(test, xa_erase(&array, 65), &things[0]);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, xa_erase_irq(&array, places[i]), &things[4 * i]);
	KUNIT_EXPECT_TRUE_MSG(test, xa_empty(&array), "and it holds no memory");
}

static void marks_are_those_of_a_bitmap(struct kunit *test)
{
	enum { MANY = 150, STEP = 53 };
	DECLARE_BITMAP(in, MANY);
	DECLARE_BITMAP(marked, MANY);
	unsigned long index;
	struct xarray array;
	void *entry;
	int round, i;

	xa_init(&array);
	bitmap_zero(in, MANY);
	bitmap_zero(marked, MANY);
	for (round = 0; round < 4 * MANY; round++) {
		i = get_random_u32_below(MANY);
		if (!test_bit(i, in)) {
			KUNIT_ASSERT_NULL(test, xa_store(&array, i * STEP, xa_mk_value(i), GFP_KERNEL));
			set_bit(i, in);
		} else if (round % 3) {
			xa_set_mark(&array, i * STEP, XA_MARK_2);
			set_bit(i, marked);
		} else if (round % 2) {
			xa_clear_mark(&array, i * STEP, XA_MARK_2);
			clear_bit(i, marked);
		} else {
			KUNIT_ASSERT_PTR_EQ(test, xa_erase(&array, i * STEP), xa_mk_value(i));
			clear_bit(i, in);
			clear_bit(i, marked);
		}
		KUNIT_ASSERT_EQ(test, xa_marked(&array, XA_MARK_2), !bitmap_empty(marked, MANY));
		KUNIT_ASSERT_EQ(test, xa_get_mark(&array, i * STEP, XA_MARK_2), test_bit(i, marked));
	}
	i = -1;
	xa_for_each_marked(&array, index, entry, XA_MARK_2) {
		i = find_next_bit(marked, MANY, i + 1);
		KUNIT_EXPECT_EQ(test, index, i * STEP);
		KUNIT_EXPECT_PTR_EQ(test, entry, xa_mk_value(i));
	}
	KUNIT_EXPECT_EQ(test, find_next_bit(marked, MANY, i + 1), MANY);
	i = 0;
	xa_for_each(&array, index, entry)
		i++;
	KUNIT_EXPECT_EQ(test, i, bitmap_weight(in, MANY));
	KUNIT_EXPECT_FALSE(test, xa_marked(&array, XA_MARK_0));
	xa_destroy(&array);
	KUNIT_EXPECT_TRUE(test, xa_empty(&array) && !xa_marked(&array, XA_MARK_2));
}

static void arrays_that_choose_the_index(struct kunit *test)
{
	DEFINE_XARRAY_ALLOC1(array);
	u32 id, next = 0;
	int i;

	for (i = 1; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, xa_alloc(&array, &id, &things[i % 16 * 4], xa_limit_32b, GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, id, i);
	}
	xa_erase(&array, 17);
	xa_store(&array, 18, NULL, GFP_KERNEL);		/* keeps its place */
	KUNIT_EXPECT_EQ(test, xa_alloc(&array, &id, NULL, xa_limit_31b, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, id, 17);
	KUNIT_EXPECT_NULL(test, xa_load(&array, 17));
	KUNIT_EXPECT_EQ(test, xa_alloc(&array, &id, &things[0], XA_LIMIT(5, 99), GFP_KERNEL), -EBUSY);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, xa_alloc_cyclic(&array, &id, &things[4], XA_LIMIT(98, 103), &next, GFP_KERNEL),
				0);
		KUNIT_EXPECT_EQ(test, id, 100 + i);
		KUNIT_EXPECT_EQ(test, next, 101 + i);
	}
	xa_erase(&array, 99);
	KUNIT_EXPECT_EQ(test, xa_alloc_cyclic(&array, &id, &things[4], XA_LIMIT(98, 103), &next, GFP_KERNEL), 1);
	KUNIT_EXPECT_EQ(test, id, 99);
	xa_destroy(&array);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(numbers_of_2_6_20),
	KUNIT_CASE(numbers_of_later_kernels),
	KUNIT_CASE(numbers_come_and_go),
	KUNIT_CASE(numbers_alone),
	KUNIT_CASE(items_by_index),
	KUNIT_CASE(an_item_in_the_root),
	KUNIT_CASE(tags_are_those_of_a_bitmap),
	KUNIT_CASE(entries_and_values),
	KUNIT_CASE(marks_are_those_of_a_bitmap),
	KUNIT_CASE(arrays_that_choose_the_index),
	{}
};

static struct kunit_suite suite = { .name = "idr", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
