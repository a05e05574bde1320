/*
 * highmem: --ram 32M
 *
 * Numbers: read from text, wide ones, their bits and fields, what overflows, atomic ones.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/bcd.h>
#include <linux/bitfield.h>
#include <linux/bitrev.h>
#include <linux/lcm.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/prime_numbers.h>
#include <linux/nospec.h>
#include <linux/once.h>
#include <linux/rational.h>
#include <linux/reciprocal_div.h>
#include <linux/util_macros.h>
#include <asm/cpufeature.h>

static void strict_numbers(struct kunit *test)
{
	unsigned long long ull;
	long long ll;
	u8 byte;
	s16 half;
	int n;
	bool yes;

	KUNIT_EXPECT_EQ(test, kstrtoull("18446744073709551615\n", 0, &ull), 0);
	KUNIT_EXPECT_EQ(test, ull, ~0ULL);
	KUNIT_EXPECT_EQ(test, kstrtoull("18446744073709551616", 0, &ull), -ERANGE);
	KUNIT_EXPECT_EQ(test, kstrtoull("-1", 0, &ull), -EINVAL);
	KUNIT_EXPECT_EQ(test, kstrtoll("-0x8000000000000000", 0, &ll), 0);
	KUNIT_EXPECT_EQ(test, ll, LLONG_MIN);
	KUNIT_EXPECT_EQ(test, kstrtoll("-9223372036854775809", 10, &ll), -ERANGE);
	KUNIT_EXPECT_EQ(test, kstrtoll("9223372036854775808", 10, &ll), -ERANGE);
	KUNIT_EXPECT_EQ(test, kstrtoint("+017", 0, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 15);
	KUNIT_EXPECT_EQ(test, kstrtoint("2147483648", 10, &n), -ERANGE);
	KUNIT_EXPECT_EQ(test, kstrtou8("255", 10, &byte), 0);
	KUNIT_EXPECT_EQ(test, byte, 255);
	KUNIT_EXPECT_EQ(test, kstrtou8("256", 10, &byte), -ERANGE);
	KUNIT_EXPECT_EQ(test, kstrtos16("-32768", 10, &half), 0);
	KUNIT_EXPECT_EQ(test, half, -32768);
	KUNIT_EXPECT_EQ(test, kstrtoint("", 10, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, kstrtoint("1\n\n", 10, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, kstrtoint("--1", 10, &n), -EINVAL);
	KUNIT_EXPECT_TRUE(test, !kstrtobool("on", &yes) && yes && !kstrtobool("N", &yes) && !yes);
	KUNIT_EXPECT_EQ(test, kstrtobool("?", &yes), -EINVAL);
}

static void numbers_on_a_command_line(struct kunit *test)
{
	char *rest, line[] = "7-";
	int values[6], n;

	KUNIT_EXPECT_EQ(test, memparse("1G", NULL), 1ULL << 30);
	KUNIT_EXPECT_EQ(test, memparse("0x10m,", &rest), 16ULL << 20);
	KUNIT_EXPECT_STREQ(test, rest, ",");
	KUNIT_EXPECT_EQ(test, memparse("2T", NULL), 2ULL << 40);
	rest = get_options("3,-1,5-7 x", ARRAY_SIZE(values), values);
	KUNIT_EXPECT_STREQ(test, rest, " x");
	KUNIT_EXPECT_EQ(test, values[0], 5);
	KUNIT_EXPECT_TRUE(test, values[1] == 3 && values[2] == -1 && values[3] == 5 && values[5] == 7);
	get_options("1,2,3,4,5,6,7", 4, values);
	KUNIT_EXPECT_TRUE(test, values[0] == 3 && values[3] == 3);
	get_options("1-9", 4, values);
	KUNIT_EXPECT_TRUE(test, values[0] == 3 && values[3] == 3);
	get_options("1-9", 0, values);
	KUNIT_EXPECT_EQ_MSG(test, values[0], 9, "without room they are counted");
	rest = line;
	KUNIT_EXPECT_EQ(test, get_option(&rest, &n), 3);
}

static void wide_products(struct kunit *test)
{
	s32 rest;
	u32 urest;

	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(~0ULL, ~0ULL, ~0ULL), ~0ULL);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(1ULL << 63, 6, 1ULL << 62), 12);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(10000000000000000000ULL, 7, 13), 5384615384615384615ULL);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(1ULL << 63, 4, 2), ~0ULL);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_shr(~0ULL, ~0ULL, 64), ~0ULL - 1);
	KUNIT_EXPECT_EQ(test, mul_u64_u32_shr(1ULL << 60, 3000000000U, 32), 3000000000ULL << 28);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_shr(5, 7, 0), 35);
	KUNIT_EXPECT_EQ(test, div_s64_rem(-7, 2, &rest), -3);
	KUNIT_EXPECT_EQ(test, rest, -1);
	KUNIT_EXPECT_EQ(test, div_u64_rem(10000000000ULL, 7, &urest), 1428571428);
	KUNIT_EXPECT_EQ(test, urest, 4);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_CLOSEST(-7, 2), -4);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_CLOSEST(7u, 4u), 2);
	KUNIT_EXPECT_EQ(test, DIV64_U64_ROUND_UP(10000000001ULL, 10ULL), 1000000001);
	KUNIT_EXPECT_EQ(test, mult_frac(4000000000u, 3u, 4u), 3000000000u);
	KUNIT_EXPECT_EQ(test, int_pow(3, 40), 12157665459056928801ULL);
	KUNIT_EXPECT_EQ(test, int_sqrt(99), 9);
	KUNIT_EXPECT_EQ(test, int_sqrt64(~0ULL), 0xffffffff);
	KUNIT_EXPECT_EQ(test, lcm(4, 6), 12);
	KUNIT_EXPECT_EQ(test, abs(-5000000000LL), 5000000000LL);
	KUNIT_EXPECT_EQ(test, abs_diff(3u, 5u), 2);
}

static void fractions_and_primes(struct kunit *test)
{
	static const unsigned long best[][6] = {
		{ 31415927, 10000000, 1000, 1000, 355, 113 },
		{ 1155, 7735, 255, 255, 33, 221 },
		{ 1230, 10, 100, 20, 100, 1 },
		{ 1, 30, 100, 10, 0, 1 },
		{ 1, 19, 100, 10, 1, 10 },
		{ 27, 32, 16, 16, 11, 13 },
		{ 87, 32, 70, 32, 68, 25 },
		{ 14533, 4626, 15000, 2400, 7433, 2366 },
		{ 2, 1, 1, 1, 1, 1 },
	};
	unsigned long n, d, prime, sum = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(best); i++) {
		rational_best_approximation(best[i][0], best[i][1], best[i][2], best[i][3], &n, &d);
		KUNIT_EXPECT_EQ(test, n, best[i][4]);
		KUNIT_EXPECT_EQ(test, d, best[i][5]);
	}
	for_each_prime_number(prime, 30)
		sum += prime;
	KUNIT_EXPECT_EQ(test, sum, 129);
	KUNIT_EXPECT_TRUE(test, is_prime_number(65537) && !is_prime_number(65535) && !is_prime_number(1));
	KUNIT_EXPECT_EQ(test, next_prime_number(7919), 7927);
}

static void bits_of_numbers(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, GENMASK_ULL(39, 21), 0xffffe00000ULL);
	KUNIT_EXPECT_EQ(test, GENMASK_U16(15, 8), 0xff00);
	KUNIT_EXPECT_EQ(test, BIT_ULL(40), 1ULL << 40);
	KUNIT_EXPECT_EQ(test, sign_extend32(0x1ff, 8), -1);
	KUNIT_EXPECT_EQ(test, sign_extend64(0x7f, 8), 0x7f);
	KUNIT_EXPECT_EQ(test, __ffs64(1ULL << 50), 50);
	KUNIT_EXPECT_EQ(test, fns(0xf0, 2), 6);
	KUNIT_EXPECT_EQ(test, fns(0xf0, 4), 32);
	KUNIT_EXPECT_EQ(test, bitrev32(0x12345678), 0x1e6a2c48);
	KUNIT_EXPECT_TRUE(test, bitrev8(0x01) == 0x80 && bitrev16(0x0003) == 0xc000);
	KUNIT_EXPECT_TRUE(test, parity8(0x07) && !parity8(0x03));
	KUNIT_EXPECT_EQ(test, get_count_order_long(0x80003000), 32);
	KUNIT_EXPECT_EQ(test, upper_16_bits(0x12345678), 0x1234);
	KUNIT_EXPECT_EQ(test, IS_ENABLED(CONFIG_SLAB) + IS_ENABLED(CONFIG_OF_SOMETHING_ELSE), 1);
}

static void fields_of_registers(struct kunit *test)
{
	u32 reg = 0x12345678;
	u64 mask = GENMASK_ULL(43, 36);

	KUNIT_EXPECT_EQ(test, FIELD_GET(0xff00, reg), 0x56);
	KUNIT_EXPECT_EQ(test, FIELD_PREP(0xff00, 0xab), 0xab00);
	KUNIT_EXPECT_TRUE(test, FIELD_FIT(0xf0, 15) && !FIELD_FIT(0xf0, 16));
	KUNIT_EXPECT_EQ(test, FIELD_MAX(0x0ff0), 0xff);
	FIELD_MODIFY(0xff00, &reg, 0xcd);
	KUNIT_EXPECT_EQ(test, reg, 0x1234cd78);
	KUNIT_EXPECT_EQ(test, u64_encode_bits(0xa5, mask), 0xa5ULL << 36);
	KUNIT_EXPECT_EQ(test, u64_get_bits(0xa5ULL << 36, mask), 0xa5);
	KUNIT_EXPECT_EQ(test, be32_get_bits(cpu_to_be32(0x12345678), 0xff0000), 0x34);
	u32p_replace_bits(&reg, 0xf, 0xf0);
	KUNIT_EXPECT_EQ(test, reg, 0x1234cdf8);
}

static void what_overflows(struct kunit *test)
{
	struct flex { int n; u16 data[]; } *p = NULL;
	u8 byte;
	int n, count = 3;

	KUNIT_EXPECT_TRUE(test, check_add_overflow(200, 100, &byte));
	KUNIT_EXPECT_EQ(test, byte, 44);
	KUNIT_EXPECT_FALSE(test, check_sub_overflow(5u, 7u, &n));
	KUNIT_EXPECT_EQ(test, n, -2);
	KUNIT_EXPECT_TRUE(test, check_mul_overflow(65536, 65536, &n));
	KUNIT_EXPECT_TRUE(test, check_shl_overflow(1, 31, &n) && check_shl_overflow(-1, 1, &n));
	KUNIT_EXPECT_FALSE(test, check_shl_overflow(3, 4, &n));
	KUNIT_EXPECT_EQ(test, n, 48);
	KUNIT_EXPECT_EQ(test, size_mul(65536, 65536), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, size_add(SIZE_MAX, 0), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, size_sub(1, 2), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, struct_size(p, data, count), 10);
	KUNIT_EXPECT_EQ(test, sizeof(char[struct_size_t(struct flex, data, 5)]), 14);
	KUNIT_EXPECT_EQ(test, array3_size(count, 5, 7), 105);
	KUNIT_EXPECT_TRUE(test, overflows_type(256, u8) && !overflows_type(255, u8) && overflows_type(-1, u32));
	KUNIT_EXPECT_TRUE(test, overflows_type(count, s8) == false && castable_to_type(count, s64));
	KUNIT_EXPECT_FALSE(test, castable_to_type(count, u64));
	KUNIT_EXPECT_EQ(test, wrapping_add(u8, 250, 10), 4);
	KUNIT_EXPECT_TRUE(test, range_overflows(10u, 5u, 14u) && !range_overflows(10u, 4u, 14u));
	KUNIT_EXPECT_TRUE(test, type_max(s16) == 32767 && type_min(s64) == S64_MIN && type_max(bool) == 1);
}

static void flexible_arrays_on_the_stack(struct kunit *test)
{
	struct flex { int count; u16 data[]; };
	DEFINE_FLEX(struct flex, some, data, count, 4);
	DEFINE_RAW_FLEX(struct flex, raw, data, 2);

	KUNIT_EXPECT_EQ(test, some->count, 4);
	KUNIT_EXPECT_TRUE(test, !some->data[0] && !some->data[3] && !raw->count);
	KUNIT_EXPECT_EQ(test, STACK_FLEX_ARRAY_SIZE(some, data), 4);
}

static void the_smaller_one(struct kunit *test)
{
	unsigned int small = 2;
	int numbers[] = { 3, -7, 5 };

	KUNIT_EXPECT_TRUE(test, min_not_zero(0, 5) == 5 && min_not_zero(4, 0) == 4 && min_not_zero(9, 7) == 7);
	KUNIT_EXPECT_EQ(test, umin(small, 5ULL), 2);
	KUNIT_EXPECT_EQ(test, umax(small, 1), 2);
	KUNIT_EXPECT_EQ(test, min_array(numbers, 3), -7);
	KUNIT_EXPECT_EQ(test, max_array(numbers, 3), 5);
	KUNIT_EXPECT_TRUE(test, in_range(5u, 3u, 3u) && !in_range(6u, 3u, 3u));
	KUNIT_EXPECT_EQ(test, sizeof(char[MAX(3, 4)]), 4);
}

static void increment(int *n)
{
	(*n)++;
}

static void small_things(struct kunit *test)
{
	static const int steps[] = { 10, 20, 50, 100 };
	int i, n = 0;

	KUNIT_EXPECT_EQ(test, find_closest(34, steps, 4), 1);
	KUNIT_EXPECT_EQ(test, find_closest(-5, steps, 4), 0);
	KUNIT_EXPECT_EQ(test, find_closest(1000, steps, 4), 3);
	KUNIT_EXPECT_TRUE(test, bcd2bin(0x59) == 59 && bin2bcd(59) == 0x59);
	KUNIT_EXPECT_EQ(test, reciprocal_divide(1000, reciprocal_value(7)), 142);
	KUNIT_EXPECT_EQ(test, array_index_nospec(4, 4) + array_index_nospec(3, 4), 3);
	for (i = 0; i < 3; i++)
		DO_ONCE(increment, &n);
	KUNIT_EXPECT_EQ(test, n, 1);
	KUNIT_EXPECT_TRUE(test, boot_cpu_has(X86_FEATURE_PGE) && boot_cpu_has(X86_FEATURE_CX8));
}

static void atomic_operations(struct kunit *test)
{
	atomic_t v = ATOMIC_INIT(5);
	int old = 4;

	KUNIT_EXPECT_EQ(test, atomic_fetch_add(3, &v), 5);
	KUNIT_EXPECT_EQ(test, atomic_fetch_or_relaxed(0x10, &v), 8);
	KUNIT_EXPECT_EQ(test, atomic_fetch_andnot(0x8, &v), 0x18);
	atomic_xor(0x11, &v);
	KUNIT_EXPECT_EQ(test, atomic_read_acquire(&v), 1);
	KUNIT_EXPECT_FALSE(test, atomic_try_cmpxchg(&v, &old, 9));
	KUNIT_EXPECT_EQ(test, old, 1);
	KUNIT_EXPECT_TRUE(test, atomic_try_cmpxchg(&v, &old, 9));
	KUNIT_EXPECT_EQ(test, atomic_fetch_add_unless(&v, 1, 9), 9);
	KUNIT_EXPECT_EQ(test, atomic_dec_if_positive(&v), 8);
	atomic_set_release(&v, -1);
	KUNIT_EXPECT_TRUE(test, !atomic_inc_unless_negative(&v) && atomic_dec_unless_positive(&v));
	KUNIT_EXPECT_EQ(test, atomic_dec_if_positive(&v), -3);
	KUNIT_EXPECT_EQ(test, atomic_read(&v), -2);
}

static void atomic_operations_with_64_bits(struct kunit *test)
{
	atomic64_t v = ATOMIC64_INIT(0xffffffffLL);
	s64 old = 0;

	KUNIT_EXPECT_EQ(test, atomic64_add_return(1, &v), 1LL << 32);
	KUNIT_EXPECT_EQ(test, atomic64_fetch_sub(1, &v), 1LL << 32);
	atomic64_inc(&v);
	atomic64_or(3, &v);
	KUNIT_EXPECT_EQ(test, atomic64_read(&v), (1LL << 32) + 3);
	KUNIT_EXPECT_EQ(test, atomic64_cmpxchg(&v, 3, 4), (1LL << 32) + 3);
	KUNIT_EXPECT_FALSE(test, atomic64_try_cmpxchg(&v, &old, 1));
	KUNIT_EXPECT_EQ(test, atomic64_xchg(&v, -2), old);
	KUNIT_EXPECT_TRUE(test, atomic64_add_negative(1, &v) && atomic64_inc_and_test(&v));
	KUNIT_EXPECT_FALSE(test, atomic64_inc_not_zero(&v));
	KUNIT_EXPECT_EQ(test, atomic64_dec_if_positive(&v), -1);
	KUNIT_EXPECT_EQ(test, v.counter, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(strict_numbers),
	KUNIT_CASE(numbers_on_a_command_line),
	KUNIT_CASE(wide_products),
	KUNIT_CASE(fractions_and_primes),
	KUNIT_CASE(bits_of_numbers),
	KUNIT_CASE(fields_of_registers),
	KUNIT_CASE(what_overflows),
	KUNIT_CASE(flexible_arrays_on_the_stack),
	KUNIT_CASE(the_smaller_one),
	KUNIT_CASE(small_things),
	KUNIT_CASE(atomic_operations),
	KUNIT_CASE(atomic_operations_with_64_bits),
	{}
};

static struct kunit_suite suite = { .name = "number", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
