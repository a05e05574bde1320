/*
 * highmem: --ram 32M
 *
 * Rings of bytes, of elements of a type, of records.
 */
#include <kunit/test.h>
#include <linux/circ_buf.h>
#include <linux/kfifo.h>
#include <linux/uaccess.h>

struct point {
	short x, y;
	char colour;
};

static DEFINE_KFIFO(words, unsigned long, 8);
static STRUCT_KFIFO_REC_1(32) records;
static DEFINE_SPINLOCK(lock);

static void elements_of_a_type(struct kunit *test)
{
	unsigned long values[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, out[10], i, *place;
	unsigned int tail;

	KUNIT_EXPECT_TRUE(test, kfifo_initialized(&words) && kfifo_is_empty(&words) && !__is_kfifo_ptr(&words));
	KUNIT_EXPECT_EQ(test, kfifo_size(&words), 8);
	KUNIT_EXPECT_EQ(test, kfifo_esize(&words), 4);
	KUNIT_EXPECT_EQ(test, kfifo_get(&words, &i), 0);
	for (i = 100; kfifo_put(&words, i); i++)
		KUNIT_EXPECT_EQ(test, kfifo_len(&words), i - 99);
	KUNIT_EXPECT_EQ(test, i, 108);
	KUNIT_EXPECT_TRUE(test, kfifo_is_full(&words));
	KUNIT_EXPECT_EQ(test, kfifo_avail(&words), 0);
	KUNIT_EXPECT_EQ(test, kfifo_get(&words, &i), 1);
	KUNIT_EXPECT_EQ(test, i, 100);
	kfifo_skip(&words);
	KUNIT_EXPECT_EQ(test, kfifo_peek(&words, &i), 1);
	KUNIT_EXPECT_EQ(test, i, 102);
	kfifo_skip_count(&words, 3);
	KUNIT_EXPECT_EQ_MSG(test, kfifo_in(&words, values, 10), 5, "what there is room for, round the end");
	KUNIT_EXPECT_EQ(test, kfifo_peek_len(&words), 32);
	KUNIT_EXPECT_EQ(test, kfifo_out_peek(&words, out, 5), 5);
	KUNIT_EXPECT_EQ(test, kfifo_out_linear(&words, &tail, 10), 3);
	KUNIT_EXPECT_EQ(test, tail, 5);
	KUNIT_EXPECT_EQ(test, kfifo_out_linear_ptr(&words, &place, 2), 2);
	KUNIT_EXPECT_EQ(test, *place, 105);
	KUNIT_EXPECT_EQ(test, kfifo_out_spinlocked(&words, out, 10, &lock), 8);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, out[i], i < 3 ? 105 + i : i - 3);
	KUNIT_EXPECT_EQ(test, kfifo_in_locked(&words, values, 2, &lock), 2);
	kfifo_reset_out(&words);
	KUNIT_EXPECT_TRUE(test, kfifo_is_empty_spinlocked(&words, &lock));
	kfifo_reset(&words);
}

static void elements_that_are_structs(struct kunit *test)
{
	struct { DECLARE_KFIFO_PTR(points, struct point); int more; } holder;
	struct point point = { 1, 2, 'r' }, out = { };

	INIT_KFIFO(holder.points);
	KUNIT_EXPECT_TRUE(test, __is_kfifo_ptr(&holder.points));
	KUNIT_EXPECT_FALSE(test, kfifo_initialized(&holder.points));
	KUNIT_EXPECT_EQ(test, kfifo_put(&holder.points, point), 0);
	KUNIT_EXPECT_EQ(test, kfifo_alloc(&holder.points, 1, GFP_KERNEL), -EINVAL);
	KUNIT_ASSERT_EQ(test, kfifo_alloc(&holder.points, 5, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, kfifo_size(&holder.points), 8);
	KUNIT_EXPECT_EQ(test, kfifo_put(&holder.points, point), 1);
	KUNIT_EXPECT_EQ(test, kfifo_put(&holder.points, ((struct point) { 3, 4, 'g' })), 1);
	kfifo_skip(&holder.points);
	KUNIT_EXPECT_EQ(test, kfifo_get(&holder.points, &out), 1);
	KUNIT_EXPECT_TRUE(test, out.x == 3 && out.y == 4 && out.colour == 'g');
	kfifo_free(&holder.points);
	KUNIT_EXPECT_FALSE(test, kfifo_initialized(&holder.points));
}

static void bytes_of_later_kernels(struct kunit *test)
{
	DECLARE_KFIFO(inside, u8, 16);
	unsigned char buffer[20];
	struct kfifo fifo;
	char out[16] = "";
	u8 byte = 0;

	KUNIT_EXPECT_EQ(test, kfifo_init(&fifo, buffer, sizeof(buffer)), 0);
	KUNIT_EXPECT_EQ_MSG(test, kfifo_size(&fifo), 16, "rounded down");
	KUNIT_EXPECT_EQ(test, kfifo_in(&fifo, "hello", 5), 5);
	KUNIT_EXPECT_EQ(test, kfifo_put(&fifo, '!'), 1);
	KUNIT_EXPECT_EQ(test, kfifo_out(&fifo, out, 10), 6);
	KUNIT_EXPECT_STREQ(test, out, "hello!");
	KUNIT_ASSERT_EQ(test, kfifo_alloc(&fifo, 100, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, kfifo_size(&fifo), 128);
	KUNIT_EXPECT_EQ(test, kfifo_in(&fifo, out, 6), 6);
	kfifo_reset(&fifo);
	KUNIT_EXPECT_EQ(test, kfifo_len(&fifo), 0);
	kfifo_free(&fifo);
	INIT_KFIFO(inside);
	KUNIT_EXPECT_EQ(test, kfifo_put(&inside, 300 & 255), 1);
	KUNIT_EXPECT_EQ(test, kfifo_get(&inside, &byte), 1);
	KUNIT_EXPECT_EQ(test, byte, 44);
}

static void bytes_of_2_6_20(struct kunit *test)
{
	struct kfifo *fifo = kfifo_alloc(10, GFP_KERNEL, &lock);
	unsigned char *buffer = kmalloc(8, GFP_KERNEL), out[8];

	KUNIT_ASSERT_FALSE(test, IS_ERR(fifo));
	KUNIT_ASSERT_NOT_NULL(test, buffer);
	KUNIT_EXPECT_EQ(test, fifo->size, 16);
	KUNIT_EXPECT_EQ(test, kfifo_put(fifo, "abcdefgh", 8), 8);
	KUNIT_EXPECT_EQ(test, __kfifo_put(fifo, "abcdefghi", 9), 8);
	KUNIT_EXPECT_EQ(test, kfifo_get(fifo, out, 8), 8);
	KUNIT_EXPECT_MEMEQ(test, out, "abcdefgh", 8);
	KUNIT_EXPECT_EQ(test, __kfifo_len(fifo), 8);
	kfifo_reset(fifo);
	KUNIT_EXPECT_EQ(test, kfifo_len(fifo), 0);
	kfifo_free(fifo);
	fifo = kfifo_init(buffer, 8, GFP_KERNEL, &lock);
	KUNIT_ASSERT_FALSE(test, IS_ERR(fifo));
	KUNIT_EXPECT_PTR_EQ(test, fifo->buffer, buffer);
	KUNIT_EXPECT_EQ(test, kfifo_put(fifo, "x", 1), 1);
	KUNIT_EXPECT_EQ(test, buffer[0], 'x');
	kfifo_free(fifo);	/* and the buffer */
}

static void bytes_of_2_6_33(struct kunit *test)
{
	static DEFINE_KFIFO(defined, 16);
	DECLARE_KFIFO(declared, 8);
	struct kfifo fifo;
	int i, value;

	INIT_KFIFO(declared);
	KUNIT_EXPECT_EQ(test, kfifo_in(&declared, "0123456789", 10), 8);
	KUNIT_EXPECT_EQ(test, kfifo_in(&defined, "0123456789", 10), 10);
	KUNIT_ASSERT_EQ(test, kfifo_alloc(&fifo, PAGE_SIZE, GFP_KERNEL), 0);
	for (i = 0; i < 32; i++)
		kfifo_in(&fifo, &i, sizeof(i));
	KUNIT_EXPECT_EQ(test, kfifo_out_peek(&fifo, &value, sizeof(value), 20 * sizeof(value)), sizeof(value));
	KUNIT_EXPECT_EQ(test, value, 20);
	for (i = 0; kfifo_avail(&fifo) < kfifo_size(&fifo); i++) {
		KUNIT_EXPECT_EQ(test, kfifo_out(&fifo, &value, sizeof(value)), sizeof(value));
		KUNIT_EXPECT_EQ(test, value, i);
	}
	KUNIT_EXPECT_EQ(test, i, 32);
	kfifo_free(&fifo);
}

static void records_of_any_length(struct kunit *test)
{
	struct kfifo_rec_ptr_2 long_ones;
	char in[40], out[40], *big;
	int round, i;

	INIT_KFIFO(records);
	KUNIT_EXPECT_EQ(test, kfifo_recsize(&records), 1);
	KUNIT_EXPECT_EQ(test, kfifo_avail(&records), 31);
	for (i = 0; i < 40; i++)
		in[i] = 'a' + i % 26;
	KUNIT_EXPECT_EQ_MSG(test, kfifo_in(&records, in, 32), 0, "a whole record or nothing");
	for (round = 1; round < 15; round++) {
		KUNIT_EXPECT_EQ(test, kfifo_in(&records, in, round), round);
		KUNIT_EXPECT_EQ(test, kfifo_in(&records, in + 1, 3), 3);
		KUNIT_EXPECT_EQ(test, kfifo_len(&records), round + 5);
		KUNIT_EXPECT_EQ(test, kfifo_peek_len(&records), round);
		KUNIT_EXPECT_EQ(test, kfifo_out_peek(&records, out, 40), round);
		KUNIT_EXPECT_MEMEQ(test, in, out, round);
		if (round % 2)
			kfifo_skip(&records);
		else
			KUNIT_EXPECT_EQ_MSG(test, kfifo_out(&records, out, 1), 1, "the rest of it is lost");
		KUNIT_EXPECT_EQ(test, kfifo_out(&records, out, 40), 3);
		KUNIT_EXPECT_MEMEQ(test, in + 1, out, 3);
		KUNIT_EXPECT_TRUE(test, kfifo_is_empty(&records));
	}
	KUNIT_ASSERT_EQ(test, kfifo_alloc(&long_ones, 1024, GFP_KERNEL), 0);
	big = kunit_kzalloc(test, 600, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, big);
	KUNIT_EXPECT_EQ(test, kfifo_in(&long_ones, big, 600), 600);
	KUNIT_EXPECT_EQ(test, kfifo_peek_len(&long_ones), 600);
	kfifo_free(&long_ones);
}

static void from_and_to_the_user(struct kunit *test)
{
	unsigned long in[] = { 1, 2, 3 }, out[3] = { };
	mm_segment_t before = get_fs();
	unsigned int copied = 9;

	set_fs(USER_DS);
	KUNIT_EXPECT_EQ(test, kfifo_from_user(&words, (void __user *)in, sizeof(in), &copied), -EFAULT);
	KUNIT_EXPECT_EQ(test, copied, 0);
	KUNIT_EXPECT_TRUE(test, kfifo_is_empty(&words));
	set_fs(KERNEL_DS);
	KUNIT_EXPECT_EQ(test, kfifo_from_user(&words, (void __user *)in, sizeof(in), &copied), 0);
	KUNIT_EXPECT_EQ(test, copied, 12);
	KUNIT_EXPECT_EQ(test, kfifo_to_user(&words, (void __user *)out, sizeof(out), &copied), 0);
	set_fs(before);
	KUNIT_EXPECT_EQ(test, copied, 12);
	KUNIT_EXPECT_MEMEQ(test, in, out, sizeof(in));
}

static void pieces_for_a_device(struct kunit *test)
{
	struct scatterlist sg[3];
	struct kfifo fifo;

	KUNIT_ASSERT_EQ(test, kfifo_alloc(&fifo, 32, GFP_KERNEL), 0);
	kfifo_in(&fifo, "0123456789abcdefghij", 20);
	kfifo_skip_count(&fifo, 6);
	sg_init_table(sg, ARRAY_SIZE(sg));
	KUNIT_EXPECT_EQ(test, kfifo_dma_in_prepare(&fifo, sg, 1, 100), 1);
	KUNIT_EXPECT_EQ(test, kfifo_dma_in_prepare(&fifo, sg, 3, 100), 2);
	KUNIT_EXPECT_TRUE(test, sg[0].length == 12 && sg[1].length == 6 && sg_is_last(&sg[1]));
	memcpy(sg_virt(&sg[0]), "klmnopqrstuv", 12);
	memcpy(sg_virt(&sg[1]), "wxyz", 4);
	kfifo_dma_in_finish(&fifo, 16);
	KUNIT_EXPECT_EQ(test, kfifo_len(&fifo), 30);
	sg_init_table(sg, ARRAY_SIZE(sg));
	KUNIT_EXPECT_EQ(test, kfifo_dma_out_prepare(&fifo, sg, 3, 28), 2);
	KUNIT_EXPECT_EQ(test, sg_nents(sg), 2);
	KUNIT_EXPECT_MEMEQ(test, sg_virt(&sg[0]), "6789abcdefghijklmnopqrstuv", 26);
	KUNIT_EXPECT_MEMEQ(test, sg_virt(&sg[1]), "wx", 2);
	kfifo_dma_out_finish(&fifo, 28);
	KUNIT_EXPECT_EQ(test, kfifo_len(&fifo), 2);
	kfifo_free(&fifo);
}

static void a_ring_of_indexes(struct kunit *test)
{
	int head, tail;

	for (head = 0; head < 8; head++)
		for (tail = 0; tail < 8; tail++) {
			int count = (head + 8 - tail) % 8, space = 7 - count;

			KUNIT_EXPECT_EQ(test, CIRC_CNT(head, tail, 8), count);
			KUNIT_EXPECT_EQ(test, CIRC_SPACE(head, tail, 8), space);
			KUNIT_EXPECT_EQ(test, CIRC_CNT_TO_END(head, tail, 8), min(count, 8 - tail));
			KUNIT_EXPECT_EQ(test, CIRC_SPACE_TO_END(head, tail, 8), min(space, 8 - head));
		}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(elements_of_a_type),
	KUNIT_CASE(elements_that_are_structs),
	KUNIT_CASE(bytes_of_later_kernels),
	KUNIT_CASE(bytes_of_2_6_20),
	KUNIT_CASE(bytes_of_2_6_33),
	KUNIT_CASE(records_of_any_length),
	KUNIT_CASE(from_and_to_the_user),
	KUNIT_CASE(pieces_for_a_device),
	KUNIT_CASE(a_ring_of_indexes),
	{}
};

static struct kunit_suite suite = { .name = "kfifo", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
