/*
 * highmem: --ram 32M --cpus 2
 *
 * Bitmaps: looking for bits, moving and combining them, as text; sets of CPUs and nodes.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/nodemask.h>

enum { BITS = 100 };

static DECLARE_BITMAP(a, BITS);
static DECLARE_BITMAP(b, BITS);
static DECLARE_BITMAP(c, BITS);

static int bitmaps_init(struct kunit *test)
{
	return bitmap_parselist("1,31-33,64,99", a, BITS) ?: bitmap_parselist("0-31:2/8,99", b, BITS);
}

#define EXPECT_LIST(test, text, map, bits) do {				\
	char __list[100];						\
	bitmap_scnlistprintf(__list, sizeof(__list), map, bits);	\
	KUNIT_EXPECT_STREQ(test, __list, text);				\
} while (0)

static void bits_are_found(struct kunit *test)
{
	unsigned int bit, end, n = 0, sum = 0;
	unsigned long clump;

	KUNIT_EXPECT_EQ(test, find_last_bit(a, BITS), 99);
	KUNIT_EXPECT_EQ(test, find_last_bit(a, 99), 64);
	KUNIT_EXPECT_EQ(test, find_last_bit(a, 1), 1);
	KUNIT_EXPECT_EQ(test, find_nth_bit(a, BITS, 4), 64);
	KUNIT_EXPECT_EQ(test, find_nth_bit(a, BITS, 6), BITS);
	KUNIT_EXPECT_EQ(test, find_next_and_bit(a, b, BITS, 2), 99);
	KUNIT_EXPECT_EQ(test, find_first_and_bit(a, b, BITS), 1);
	KUNIT_EXPECT_EQ(test, find_next_andnot_bit(a, b, BITS, 0), 31);
	KUNIT_EXPECT_EQ(test, find_next_or_bit(a, b, BITS, 10), 16);
	KUNIT_EXPECT_EQ(test, find_next_bit_wrap(a, 99, 65), 1);
	KUNIT_EXPECT_EQ(test, find_nth_and_bit(a, b, BITS, 1), 99);
	for_each_set_bit_wrap(bit, a, BITS, 40)
		sum = sum * 3 + bit, n++;
	KUNIT_EXPECT_EQ(test, n, 6);
	KUNIT_EXPECT_EQ_MSG(test, sum, ((((64 * 3 + 99) * 3 + 1) * 3 + 31) * 3 + 32) * 3 + 33, "in this order");
	n = sum = 0;
	for_each_set_bitrange(bit, end, a, BITS)
		sum += end - bit, n++;
	KUNIT_EXPECT_TRUE(test, n == 4 && sum == 6);
	for_each_clear_bitrange(bit, end, a, BITS)
		sum += end - bit, n++;
	KUNIT_EXPECT_TRUE(test, n == 8 && sum == BITS);
	bit = 33;
	for_each_clear_bit_from(bit, a, 66)
		sum++;
	KUNIT_EXPECT_EQ(test, sum, BITS + 31);
	n = 0;
	for_each_set_clump8(bit, clump, a, BITS)
		n += bit * clump;
	KUNIT_EXPECT_EQ(test, n, 24 * 0x80 + 32 * 3 + 64 * 1 + 96 * 8);
}

static void maps_are_combined(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, bitmap_and(c, a, b, BITS));
	EXPECT_LIST(test, "1,99", c, BITS);
	KUNIT_EXPECT_FALSE(test, bitmap_and(c, a, b, 1));
	bitmap_or(c, a, b, BITS);
	EXPECT_LIST(test, "0-1,8-9,16-17,24-25,31-33,64,99", c, BITS);
	KUNIT_EXPECT_TRUE(test, bitmap_or_equal(a, b, c, BITS) && bitmap_subset(a, c, BITS));
	bitmap_xor(c, c, a, BITS);
	EXPECT_LIST(test, "0,8-9,16-17,24-25", c, BITS);
	KUNIT_EXPECT_EQ(test, bitmap_weight(c, BITS), 7);
	KUNIT_EXPECT_EQ(test, bitmap_weight_and(a, b, BITS), 2);
	KUNIT_EXPECT_EQ(test, bitmap_weight_andnot(a, b, BITS), 4);
	bitmap_replace(c, a, b, (unsigned long[]) { 0xff, 0, 0, 0xff }, BITS);
	EXPECT_LIST(test, "0-1,31-33,64,99", c, BITS);
	bitmap_complement(c, a, BITS);
	EXPECT_LIST(test, "0,2-30,34-63,65-98", c, BITS);
}

static void maps_are_moved(struct kunit *test)
{
	bitmap_shift_right(c, a, 33, BITS);
	EXPECT_LIST(test, "0,31,66", c, BITS);
	bitmap_shift_left(c, a, 35, BITS);
	EXPECT_LIST(test, "36,66-68,99", c, BITS);
	bitmap_shift_left(c, a, 0, BITS);
	KUNIT_EXPECT_TRUE(test, bitmap_equal(a, c, BITS));
	bitmap_cut(c, a, 2, 30, BITS);
	EXPECT_LIST(test, "1-3,34,69", c, BITS);
	bitmap_remap(c, a, a, b, BITS);
	EXPECT_LIST(test, "0-1,8-9,16-17", c, BITS);
	KUNIT_EXPECT_EQ(test, bitmap_bitremap(33, a, b, BITS), 9);
	KUNIT_EXPECT_EQ(test, bitmap_bitremap(2, a, b, BITS), 2);
	bitmap_scatter(c, (unsigned long[]) { 0x2d, 0, 0, 0 }, a, BITS);
	EXPECT_LIST(test, "1,32-33,99", c, BITS);
	bitmap_gather(b, c, a, BITS);
	EXPECT_LIST(test, "0,2-3,5", b, BITS);
}

static void parts_of_maps(struct kunit *test)
{
	u64 arr[2];

	bitmap_zero(c, BITS);
	bitmap_set(c, 30, 40);
	bitmap_clear(c, 33, 31);
	EXPECT_LIST(test, "30-32,64-69", c, BITS);
	KUNIT_EXPECT_EQ(test, bitmap_read(c, 28, 8), 0x1c);
	KUNIT_EXPECT_EQ(test, bitmap_get_value8(c, 64), 0x3f);
	bitmap_write(c, 0x5, 62, 3);
	EXPECT_LIST(test, "30-32,62,64-69", c, BITS);
	bitmap_to_arr64(arr, a, BITS);
	KUNIT_EXPECT_EQ(test, arr[0], 0x380000002ULL);
	KUNIT_EXPECT_EQ(test, arr[1], 0x800000001ULL);
	bitmap_from_arr64(c, arr, BITS);
	KUNIT_EXPECT_TRUE(test, bitmap_equal(a, c, BITS));
	bitmap_from_u64(c, 0xf00000000fULL);
	EXPECT_LIST(test, "0-3,36-39", c, 64);
	KUNIT_EXPECT_EQ(test, bitmap_find_next_zero_area(a, BITS, 0, 10, 0), 2);
	KUNIT_EXPECT_EQ(test, bitmap_find_next_zero_area(a, BITS, 0, 27, 7), 72);
	KUNIT_EXPECT_GT(test, bitmap_find_next_zero_area(a, BITS, 0, 40, 0), BITS);
}

static void maps_as_text(struct kunit *test)
{
	char *page = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned long *map = bitmap_zalloc(70, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, map);
	if (!page)
		bitmap_free(map);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, bitmap_parse("8,00000003,80000002", 19, c, BITS), 0);
	EXPECT_LIST(test, "1,31-33,67", c, BITS);
	KUNIT_EXPECT_EQ(test, bitmap_parse("10,0,0,0", 8, c, BITS), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, bitmap_parse("g", 1, c, BITS), -EINVAL);
	KUNIT_EXPECT_EQ(test, bitmap_parselist("0-100", c, BITS), -ERANGE);
	KUNIT_EXPECT_EQ(test, bitmap_parselist("5-3", c, BITS), -EINVAL);
	KUNIT_EXPECT_EQ(test, bitmap_parselist("all", c, BITS), 0);
	KUNIT_EXPECT_TRUE(test, bitmap_full(c, BITS));
	KUNIT_EXPECT_EQ(test, bitmap_parselist("60-N", map, 70), 0);
	KUNIT_EXPECT_EQ(test, bitmap_scnprintf(page, PAGE_SIZE, map, 70), 20);
	KUNIT_EXPECT_STREQ(test, page, "3f,f0000000,00000000");
	KUNIT_EXPECT_EQ(test, bitmap_print_to_pagebuf(true, page, map, 70), 6);
	KUNIT_EXPECT_STREQ(test, page, "60-69\n");
	KUNIT_EXPECT_EQ(test, bitmap_print_list_to_buf(page, map, 70, 2, 3), 3);
	KUNIT_EXPECT_MEMEQ(test, page, "-69", 3);
	bitmap_free(map);
}

static void sets_of_cpus(struct kunit *test)
{
	cpumask_t set, other;
	cpumask_var_t var;
	int cpu, n = 0;

	KUNIT_EXPECT_EQ(test, cpumask_weight(cpu_possible_mask), num_possible_cpus());
	KUNIT_EXPECT_EQ(test, cpumask_weight(cpu_online_mask), num_online_cpus());
	cpumask_clear(&set);
	KUNIT_EXPECT_GE(test, cpumask_first(&set), nr_cpu_ids);
	cpumask_set_cpu(0, &set);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(&set, cpumask_of(0)) && cpumask_test_cpu(0, &set));
	KUNIT_EXPECT_EQ(test, cpulist_parse("1", &other), 0);
	KUNIT_EXPECT_FALSE(test, cpumask_and(&set, &set, &other));
	KUNIT_EXPECT_EQ(test, cpulist_parse("1-2", &set), -ERANGE);
	cpumask_or(&set, cpumask_of(0), &other);
	for_each_cpu(cpu, &set)
		n += cpu + 1;
	KUNIT_EXPECT_EQ(test, n, 3);
	for_each_cpu_not(cpu, &other)
		n += 10 * (cpu + 1);
	KUNIT_EXPECT_EQ(test, n, 13);
	for_each_cpu_andnot(cpu, &set, &other)
		n += 100 * (cpu + 1);
	KUNIT_EXPECT_EQ(test, n, 113);
	for_each_cpu_wrap(cpu, &set, 1)
		n = 10 * n + cpu;
	KUNIT_EXPECT_EQ_MSG(test, n, 11310, "1 comes first");
	KUNIT_EXPECT_EQ(test, cpumask_next_wrap(1, &other), 1);
	KUNIT_EXPECT_EQ(test, cpumask_last(&set), 1);
	KUNIT_EXPECT_EQ(test, cpumask_nth(1, &set), 1);
	KUNIT_ASSERT_TRUE(test, zalloc_cpumask_var(&var, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, cpumask_empty(var));
	cpumask_setall(var);
	KUNIT_EXPECT_TRUE(test, cpumask_full(var));
	free_cpumask_var(var);
	n = 0;
	for_each_cpu(cpu)
		n++;
	KUNIT_EXPECT_EQ_MSG(test, n, NR_CPUS, "without a mask: all that can be");
}

static void sets_of_nodes(struct kunit *test)
{
	nodemask_t nodes = NODE_MASK_NONE;
	int node, n = 0;

	KUNIT_EXPECT_TRUE(test, nodes_empty(nodes));
	node_set(0, nodes);
	KUNIT_EXPECT_TRUE(test, nodes_full(nodes) && nodes_equal(nodes, node_online_map));
	for_each_node_mask(node, nodes)
		n++;
	KUNIT_EXPECT_EQ(test, n, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(bits_are_found),
	KUNIT_CASE(maps_are_combined),
	KUNIT_CASE(maps_are_moved),
	KUNIT_CASE(parts_of_maps),
	KUNIT_CASE(maps_as_text),
	KUNIT_CASE(sets_of_cpus),
	KUNIT_CASE(sets_of_nodes),
	{}
};

static struct kunit_suite suite = { .name = "bitmap", .init = bitmaps_init, .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
