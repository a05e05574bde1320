/*
 * highmem: --ram 32M
 *
 * Checksums, hashes, identifiers, patterns, ranges, dates: each against answers known elsewhere.
 */
#include <kunit/test.h>
#include <linux/crc-ccitt.h>
#include <linux/crc-itu-t.h>
#include <linux/crc-t10dif.h>
#include <linux/crc16.h>
#include <linux/crc32.h>
#include <linux/crc64.h>
#include <linux/crc7.h>
#include <linux/delay.h>
#include <linux/glob.h>
#include <linux/linear_range.h>
#include <linux/siphash.h>
#include <linux/time.h>
#include <linux/uuid.h>
#include <net/checksum.h>

/* The check values of the catalogue of parametrised CRC algorithms: of the nine digits. */
static void cyclic_checks(struct kunit *test)
{
	static const char digits[] = "123456789";

	KUNIT_EXPECT_EQ(test, ~crc32_le(~0, digits, 9), 0xcbf43926);
	KUNIT_EXPECT_EQ(test, ~crc32_be(~0, digits, 9), 0xfc891918);
	KUNIT_EXPECT_EQ(test, ~crc32c(~0, digits, 9), 0xe3069283);
	KUNIT_EXPECT_EQ(test, crc16(0, digits, 9), 0xbb3d);
	KUNIT_EXPECT_EQ(test, crc_ccitt(0, digits, 9), 0x2189);
	KUNIT_EXPECT_EQ(test, crc_itu_t(0, digits, 9), 0x31c3);
	KUNIT_EXPECT_EQ(test, crc_t10dif(digits, 9), 0xd0db);
	KUNIT_EXPECT_EQ(test, crc7_be(0, digits, 9), 0x75 << 1);
	KUNIT_EXPECT_EQ(test, crc64_be(0, digits, 9), 0x6c40df5f0b497347ULL);
	KUNIT_EXPECT_EQ(test, crc64_nvme(0, digits, 9), 0xae8b14860a799888ULL);
	KUNIT_EXPECT_EQ(test, crc32_le_combine(crc32_le(7, digits, 4), crc32_le(0, digits + 4, 5), 5),
			crc32_le(7, digits, 9));
	KUNIT_EXPECT_EQ(test, __crc32c_le_combine(crc32c(7, digits, 8), crc32c(0, digits + 8, 1), 1),
			crc32c(7, digits, 9));
	KUNIT_EXPECT_EQ(test, crc32(5, digits, 0), 5);
	KUNIT_EXPECT_EQ(test, crc16_byte(crc16(0, digits, 8), '9'), 0xbb3d);
}

/* An IPv4 header whose sum is known, RFC 1071's own example, and that what has its sum in it sums up to 0. */
static void internet_checksums(struct kunit *test)
{
	static const u8 header[] __aligned(4) = {
		0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
		0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
	};
	static const u8 rfc[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	static const struct in6_addr one = { .s6_addr = { 1, 2, 3 } }, other = { .s6_addr = { [15] = 9 } };

	KUNIT_EXPECT_EQ(test, ip_fast_csum(header, 5), 0);
	KUNIT_EXPECT_EQ(test, csum_fold(csum_sub(csum_partial(header, 20, 0), htons(0xb861))), htons(0xb861));
	KUNIT_EXPECT_EQ(test, csum_fold(csum_partial(rfc, 8, 0)), htons(0x220d));
	KUNIT_EXPECT_EQ(test, csum_fold(csum_partial(rfc, 7, 0)), htons(0xffff - (0xddf2 - 0xf7)));
	KUNIT_EXPECT_EQ(test, csum_add(0xffffffff, 2), 2);
	KUNIT_EXPECT_EQ(test, csum_tcpudp_magic(htonl(0x01020304), htonl(0x05060708), 20, 6, 0),
			htons(0xffff - (0x0102 + 0x0304 + 0x0506 + 0x0708 + 20 + 6)));
	KUNIT_EXPECT_EQ(test, csum_ipv6_magic(&one, &other, 16, 17, 0),
			htons(0xffff - (0x0102 + 0x0300 + 0x0009 + 16 + 17)));
}

/* The first and the last of the reference's vectors: bytes 0, 1, 2, ... under a key of such bytes. */
static void keyed_hashes(struct kunit *test)
{
	static const siphash_key_t key = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } };
	static const hsiphash_key_t half = { { 0x03020100, 0x07060504 } };
	u8 bytes[64];
	int i;

	for (i = 0; i < 64; i++)
		bytes[i] = i;
	KUNIT_EXPECT_EQ(test, siphash(bytes, 0, &key), 0x726fdb47dd0e0e31ULL);
	KUNIT_EXPECT_EQ(test, siphash(bytes, 15, &key), 0xa129ca6149be45e5ULL);
	KUNIT_EXPECT_EQ(test, siphash(bytes, 63, &key), 0x958a324ceb064572ULL);
	KUNIT_EXPECT_EQ(test, siphash_2u64(0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL, &key),
			siphash(bytes, 16, &key));
	KUNIT_EXPECT_EQ(test, siphash_3u32(0x03020100, 0x07060504, 0x0b0a0908, &key), siphash(bytes, 12, &key));
	KUNIT_EXPECT_EQ(test, hsiphash_1u32(0x03020100, &half), hsiphash(bytes, 4, &half));
	KUNIT_EXPECT_NE(test, hsiphash(bytes, 4, &half), hsiphash(bytes, 5, &half));
}

static void identifiers(struct kunit *test)
{
	static const guid_t esp = GUID_INIT(0xc12a7328, 0xf81f, 0x11d2, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b);
	const char *text = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
	guid_t guid;
	uuid_t uuid;
	char again[40];

	KUNIT_EXPECT_EQ(test, guid_parse(text, &guid), 0);
	KUNIT_EXPECT_TRUE(test, guid_equal(&guid, &esp) && !guid_is_null(&guid));
	KUNIT_EXPECT_EQ(test, uuid_parse(text, &uuid), 0);
	KUNIT_EXPECT_TRUE(test, uuid.b[0] == 0xc1 && guid.b[0] == 0x28 && uuid.b[15] == guid.b[15]);
	sprintf(again, "%pUL", &guid);
	KUNIT_EXPECT_STREQ(test, again, text);
	KUNIT_EXPECT_EQ(test, uuid_parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93", &uuid), -EINVAL);
	KUNIT_EXPECT_EQ(test, uuid_parse("C12A7328-F81F-11D2-BA4BA00A0C93EC93B", &uuid), -EINVAL);
	uuid_gen(&uuid);
	KUNIT_EXPECT_TRUE(test, uuid.b[6] >> 4 == 4 && uuid.b[8] >> 6 == 2);
	uuid_copy(&uuid, &uuid_null);
	KUNIT_EXPECT_TRUE(test, uuid_is_null(&uuid));
}

static void patterns(struct kunit *test)
{
	static const char *const pairs[][2] = {
		{ "size-*", "size-4096" }, { "*[0-9]", "a1b2" }, { "a*b*c", "aXbYbZc" }, { "[!a-c]?", "dx" },
		{ "[]x]", "]" }, { "\\*", "*" }, { "*", "" }, { "**a", "a" }, { "[a", "[a" },
	}, *const others[][2] = {
		{ "size-*", "siz-4" }, { "?", "" }, { "a*b", "abc" }, { "[a-c]", "d" }, { "", "x" }, { "\\*", "x" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		KUNIT_EXPECT_TRUE_MSG(test, glob_match(pairs[i][0], pairs[i][1]), "%s", pairs[i][0]);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		KUNIT_EXPECT_FALSE_MSG(test, glob_match(others[i][0], others[i][1]), "%s", others[i][0]);
}

static void ranges(struct kunit *test)
{
	static const struct linear_range volts[] = { LINEAR_RANGE(600, 0, 4, 50), LINEAR_RANGE(1000, 5, 7, 100) };
	unsigned int value, selector;
	bool found;

	KUNIT_EXPECT_EQ(test, linear_range_values_in_range_array(volts, 2), 8);
	KUNIT_EXPECT_EQ(test, linear_range_get_max_value(volts), 800);
	KUNIT_EXPECT_EQ(test, linear_range_get_value_array(volts, 2, 6, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 1100);
	KUNIT_EXPECT_EQ(test, linear_range_get_value(volts, 5, &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, linear_range_get_selector_low(volts, 649, &selector, &found), 0);
	KUNIT_EXPECT_TRUE(test, selector == 0 && found);
	KUNIT_EXPECT_EQ(test, linear_range_get_selector_high(volts, 651, &selector, &found), 0);
	KUNIT_EXPECT_TRUE(test, selector == 2 && found);
	KUNIT_EXPECT_EQ(test, linear_range_get_selector_low_array(volts, 2, 900, &selector, &found), 0);
	KUNIT_EXPECT_TRUE(test, selector == 4 && !found);
	linear_range_get_selector_within(volts, 1, &selector);
	KUNIT_EXPECT_EQ(test, selector, 0);
}

static void dates(struct kunit *test)
{
	static const struct { time64_t seconds; struct tm tm; } known[] = {
		{ 0, { 0, 0, 0, 1, 0, 70, 4, 0 } },
		{ 951868799, { 59, 59, 23, 29, 1, 100, 2, 59 } },
		{ 1700000000, { 20, 13, 22, 14, 10, 123, 2, 317 } },
		{ -1, { 59, 59, 23, 31, 11, 69, 3, 364 } },
		{ 4107542400LL, { 0, 0, 0, 1, 2, 200, 1, 59 } },
		{ -62135596800LL, { 0, 0, 0, 1, 0, -1899, 1, 0 } },
	};
	struct timespec64 a = { 5, 600000000 }, b = { 2, 700000000 }, difference = timespec64_sub(a, b);
	struct tm tm;
	int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		time64_to_tm(known[i].seconds, 0, &tm);
		KUNIT_EXPECT_MEMEQ(test, &tm, &known[i].tm, sizeof(tm));
		if (tm.tm_year >= 70)
			KUNIT_EXPECT_EQ(test, mktime64(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
						       tm.tm_min, tm.tm_sec), known[i].seconds);
	}
	time64_to_tm(0, -3600, &tm);
	KUNIT_EXPECT_TRUE(test, tm.tm_hour == 23 && tm.tm_year == 69 && tm.tm_wday == 3);
	KUNIT_EXPECT_EQ(test, timespec64_to_ns(&difference), 2900000000LL);
	difference = ns_to_timespec64(-1);
	KUNIT_EXPECT_TRUE(test, difference.tv_sec == -1 && difference.tv_nsec == 999999999);
	KUNIT_EXPECT_GT(test, timespec64_compare(&a, &b), 0);
}

static void clocks(struct kunit *test)
{
	struct timeval tv, later;
	struct timespec ts;
	struct timespec64 ts64;
	ktime_t start = ktime_get();

	do_gettimeofday(&tv);
	getnstimeofday(&ts);
	msleep(20);
	do_gettimeofday(&later);
	ktime_get_real_ts64(&ts64);
	KUNIT_EXPECT_GE(test, timeval_to_ns(&later) - timeval_to_ns(&tv), 20 * NSEC_PER_MSEC);
	KUNIT_EXPECT_GE(test, timespec64_to_ns(&ts64), timespec_to_ns(&ts));
	KUNIT_EXPECT_GE(test, ktime_to_ms(ktime_sub(ktime_get(), start)), 20);
	KUNIT_EXPECT_EQ(test, get_seconds(), ktime_get_real_seconds());
	KUNIT_EXPECT_EQ(test, ktime_to_ns(ktime_add_ms(us_to_ktime(5), 2)), 2005000);
	KUNIT_EXPECT_EQ(test, ktime_divns(ms_to_ktime(7), 1000), 7000);
	KUNIT_EXPECT_TRUE(test, ktime_before(start, ktime_get()) && timespec64_to_ktime(ts64) > start);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(cyclic_checks),
	KUNIT_CASE(internet_checksums),
	KUNIT_CASE(keyed_hashes),
	KUNIT_CASE(identifiers),
	KUNIT_CASE(patterns),
	KUNIT_CASE(ranges),
	KUNIT_CASE(dates),
	KUNIT_CASE(clocks),
	{}
};

static struct kunit_suite suite = { .name = "digest", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
