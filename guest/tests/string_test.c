/*
 * highmem: --ram 32M
 *
 * Strings and memory: searching, copying, cutting, escaping, what is read from text and written as text.
 */
#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/parser.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/string_helpers.h>
#include <linux/sysctl.h>

static void what_is_found(struct kunit *test)
{
	const char *s = "needle in haystack";

	KUNIT_EXPECT_PTR_EQ(test, strnstr(s, "hay", 13), s + 10);
	KUNIT_EXPECT_NULL(test, strnstr(s, "hay", 12));
	KUNIT_EXPECT_PTR_EQ(test, strnstr(s, "", 0), s);
	KUNIT_EXPECT_PTR_EQ(test, strstr(s, "stack"), s + 13);
	KUNIT_EXPECT_PTR_EQ(test, strchrnul(s, 'x'), s + 18);
	KUNIT_EXPECT_PTR_EQ(test, strnchrnul(s, 5, 'i'), s + 5);
	KUNIT_EXPECT_PTR_EQ(test, strnchrnul(s, 20, 'i'), s + 7);
	KUNIT_EXPECT_EQ(test, str_has_prefix(s, "needle"), 6);
	KUNIT_EXPECT_EQ(test, str_has_prefix(s, "noodle"), 0);
	KUNIT_EXPECT_TRUE(test, strstarts(s, "nee") && strends(s, "stack") && !strends("k", "stack"));
	KUNIT_EXPECT_STREQ(test, kbasename("/usr/src/linux"), "linux");
	KUNIT_EXPECT_STREQ(test, skip_spaces(" \t x"), "x");
	KUNIT_EXPECT_EQ(test, memweight("\x01\xff\x10", 3), 10);
	KUNIT_EXPECT_TRUE(test, mem_is_zero("\0\0\0", 4) && !mem_is_zero("\0\1", 2));
	KUNIT_EXPECT_EQ(test, bcmp("abc", "abd", 2), 0);
}

static void what_is_copied(struct kunit *test)
{
	struct { char text[8], rest[4]; } s;
	char small[4], name[5] __nonstring;

	memset(&s, '#', sizeof(s));
	KUNIT_EXPECT_EQ(test, strscpy(s.text, "four", 8), 4);
	KUNIT_EXPECT_MEMEQ(test, s.text, "four\0###", 8);
	KUNIT_EXPECT_EQ(test, strscpy_pad(s.text, "ab", 8), 2);
	KUNIT_EXPECT_MEMEQ(test, s.text, "ab\0\0\0\0\0\0####", 12);
	KUNIT_EXPECT_EQ_MSG(test, strscpy(s.text, "12345678"), -E2BIG, "the size is the array's");
	KUNIT_EXPECT_MEMEQ(test, s.text, "1234567\0####", 12);
	KUNIT_EXPECT_EQ(test, strscpy(s.text, "x", 0), -E2BIG);
	KUNIT_EXPECT_EQ(test, s.text[0], '1');
	KUNIT_EXPECT_PTR_EQ(test, stpcpy(s.text, "abc"), s.text + 3);
	KUNIT_EXPECT_STREQ(test, strreplace(s.text, 'b', 'B'), "aBc");

	strtomem_pad(name, "too long", '.');
	KUNIT_EXPECT_MEMEQ(test, name, "too l", 5);
	strtomem_pad(name, "ab", '.');
	KUNIT_EXPECT_MEMEQ(test, name, "ab...", 5);
	strtomem(name, "xyz");
	KUNIT_EXPECT_MEMEQ(test, name, "xyz..", 5);
	memtostr(small, name);
	KUNIT_EXPECT_STREQ(test, small, "xyz");
	memtostr_pad(s.text, name);
	KUNIT_EXPECT_MEMEQ(test, s.text, "xyz..\0\0\0####", 12);
	memcpy_and_pad(s.text, 8, "ab", 2, '-');
	KUNIT_EXPECT_MEMEQ(test, s.text, "ab------####", 12);
}

static void what_is_filled(struct kunit *test)
{
	struct { u8 a, b, c[6]; } some = { 1, 2, "345" };
	u16 halves[4] = { };
	u32 words[4] = { };
	u64 longs[3] = { };
	u8 bytes[32];
	int start, length, i;

	memset16(halves + 1, 0xabcd, 2);
	KUNIT_EXPECT_MEMEQ(test, halves, "\0\0\xcd\xab\xcd\xab\0\0", 8);
	memset32(words + 1, 0x12345678, 2);
	KUNIT_EXPECT_TRUE(test, !words[0] && words[1] == 0x12345678 && words[2] == words[1] && !words[3]);
	memset64(longs, 0x123456789abcdefULL, 2);
	KUNIT_EXPECT_TRUE(test, longs[0] == 0x123456789abcdefULL && longs[1] == longs[0] && !longs[2]);
	memset_after(&some, 7, b);
	KUNIT_EXPECT_TRUE(test, some.a == 1 && some.b == 2 && some.c[0] == 7 && some.c[5] == 7);
	memset_startat(&some, 9, b);
	KUNIT_EXPECT_TRUE(test, some.a == 1 && some.b == 9 && some.c[5] == 9);
	for (start = 0; start < 8; start++)
		for (length = 0; length < 20; length++) {
			for (i = 0; i < 32; i++)
				bytes[i] = 0x11;
			memset(bytes + start, 0x1a2, length);
			for (i = 0; i < 32; i++)
				KUNIT_ASSERT_EQ(test, bytes[i], i < start || i >= start + length ? 0x11 : 0xa2);
		}
}

static void what_is_in_a_list(struct kunit *test)
{
	static const char *const words[] = { "never", "madvise", "always", NULL, "behind" };

	KUNIT_EXPECT_EQ(test, match_string(words, 3, "always"), 2);
	KUNIT_EXPECT_EQ(test, match_string(words, -1, "behind"), -EINVAL);
	KUNIT_EXPECT_EQ(test, match_string(words, 3, "always\n"), -EINVAL);
	KUNIT_EXPECT_EQ(test, sysfs_match_string(words, "always\n"), 2);
	KUNIT_EXPECT_TRUE(test, sysfs_streq("a", "a\n") && sysfs_streq("a\n", "a"));
	KUNIT_EXPECT_FALSE(test, sysfs_streq("a", "a\n\n") || sysfs_streq("a", "ab"));
	KUNIT_EXPECT_STREQ(test, str_yes_no(1), "yes");
	KUNIT_EXPECT_STREQ(test, str_off_on(1), "off");
	KUNIT_EXPECT_STREQ(test, str_plural(2), "s");
}

static void what_is_new_memory(struct kunit *test)
{
	static void *one[] = { "a", "b", NULL }, *two[] = { "c", NULL };
	void **all = memcat_p(one, two);
	char **words, *text;
	int count;

	KUNIT_ASSERT_NOT_NULL(test, all);
	KUNIT_EXPECT_TRUE(test, all[1] == one[1] && all[2] == two[0] && !all[3]);
	kfree(all);
	text = kmemdup_nul("abcdef", 3, GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, text, "abc");
	kfree(text);
	text = kmemdup_array("abcdef", 2, 3, GFP_KERNEL);
	KUNIT_EXPECT_MEMEQ(test, text, "abcdef", 6);
	kfree(text);
	KUNIT_EXPECT_NULL(test, kmemdup_array("abcdef", SIZE_MAX, 3, GFP_KERNEL | __GFP_NOWARN));
	text = (char *)kstrdup_const("constant", GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, text, "constant");
	kfree_const(text);

	words = argv_split(GFP_KERNEL, "  modprobe -v\tfoo ", &count);
	KUNIT_ASSERT_NOT_NULL(test, words);
	KUNIT_EXPECT_EQ(test, count, 3);
	KUNIT_EXPECT_STREQ(test, words[0], "modprobe");
	KUNIT_EXPECT_STREQ(test, words[1], "-v");
	KUNIT_EXPECT_STREQ(test, words[2], "foo");
	KUNIT_EXPECT_NULL(test, words[3]);
	argv_free(words);
	words = kasprintf_strarray(GFP_KERNEL, "irq", 2);
	KUNIT_ASSERT_NOT_NULL(test, words);
	KUNIT_EXPECT_STREQ(test, words[1], "irq-1");
	kfree_strarray(words, 2);
}

static void what_is_escaped(struct kunit *test)
{
	char in[] = "tab\\t\\x41\\102\\\"\\q\\400", out[32];
	int length;

	length = string_unescape_any(in, out, sizeof(out));
	KUNIT_EXPECT_EQ(test, length, strlen(out));
	KUNIT_EXPECT_STREQ(test, out, "tab\tAB\"\\q 0");
	KUNIT_EXPECT_EQ(test, string_unescape(in, out, 4, UNESCAPE_ANY), 3);
	KUNIT_EXPECT_STREQ(test, out, "tab");
	KUNIT_EXPECT_EQ(test, string_unescape_inplace(in, UNESCAPE_SPACE), strlen(in));
	KUNIT_EXPECT_STREQ(test, in, "tab\t\\x41\\102\\\"\\q\\400");

	length = string_escape_mem("a\n\"\0\xff", 5, out, sizeof(out), ESCAPE_ANY_NP, NULL);
	KUNIT_EXPECT_EQ(test, length, 10);
	KUNIT_EXPECT_MEMEQ(test, out, "a\\n\"\\0\\377", 10);
	KUNIT_EXPECT_EQ(test, string_escape_mem("a\n", 2, NULL, 0, ESCAPE_HEX, NULL), 8);
	length = string_escape_mem("a b", 3, out, sizeof(out), ESCAPE_HEX, " ");
	KUNIT_EXPECT_TRUE(test, length == 6 && !memcmp(out, "a\\x20b", 6));
	string_upper(out, "miXed");
	KUNIT_EXPECT_STREQ(test, out, "MIXED");
	string_lower(out, out);
	KUNIT_EXPECT_STREQ(test, out, "mixed");
}

static void sizes_for_people(struct kunit *test)
{
	static const struct { u64 size, block; const char *decimal, *binary; } sizes[] = {
		{ 0, 512, "0 B", "0 B" },
		{ 1, 1, "1 B", "1 B" },
		{ 999, 1, "999 B", "999 B" },
		{ 1000, 1, "1.00 kB", "1000 B" },
		{ 1536, 1, "1.54 kB", "1.50 KiB" },
		{ 262144, 4096, "1.07 GB", "1.00 GiB" },
		{ 999996, 1, "1.00 MB", "977 KiB" },
		{ ~0ULL, 512, "9.44 ZB", "8.00 ZiB" },
	};
	char text[16];
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		string_get_size(sizes[i].size, sizes[i].block, STRING_UNITS_10, text, sizeof(text));
		KUNIT_EXPECT_STREQ(test, text, sizes[i].decimal);
		string_get_size(sizes[i].size, sizes[i].block, STRING_UNITS_2, text, sizeof(text));
		KUNIT_EXPECT_STREQ(test, text, sizes[i].binary);
	}
	string_get_size(2048, 1, STRING_UNITS_2 | STRING_UNITS_NO_SPACE | STRING_UNITS_NO_BYTES, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "2.00Ki");
}

static void bytes_in_hexadecimal(struct kunit *test)
{
	u8 bytes[4];
	char text[80];

	KUNIT_EXPECT_EQ(test, hex2bin(bytes, "00aBfF", 3), 0);
	KUNIT_EXPECT_MEMEQ(test, bytes, "\x00\xab\xff", 3);
	KUNIT_EXPECT_EQ(test, hex2bin(bytes, "0g", 1), -EINVAL);
	*bin2hex(text, bytes, 3) = 0;
	KUNIT_EXPECT_STREQ(test, text, "00abff");
	KUNIT_EXPECT_TRUE(test, hex_to_bin('F') == 15 && hex_to_bin('/') == -1);
	*hex_byte_pack_upper(text, 0xbe) = 0;
	KUNIT_EXPECT_STREQ(test, text, "BE");

	KUNIT_EXPECT_EQ(test, hex_dump_to_buffer("0123456789", 10, 16, 2, text, sizeof(text), false), 24);
	KUNIT_EXPECT_STREQ(test, text, "3130 3332 3534 3736 3938");
	KUNIT_EXPECT_EQ(test, hex_dump_to_buffer("ab\x7f", 3, 16, 1, text, sizeof(text), true), 52);
	KUNIT_EXPECT_EQ(test, strlen(text), 52);
	KUNIT_EXPECT_STREQ(test, text + 47, "  ab.");
	KUNIT_EXPECT_EQ_MSG(test, hex_dump_to_buffer("abcd", 4, 16, 4, text, 5, false), 8, "as long as it would be");
	KUNIT_EXPECT_STREQ(test, text, "6463");
}

enum { OPT_SIZE, OPT_UID, OPT_MODE, OPT_NAME, OPT_RANGE, OPT_PLAIN, OPT_NONE };

static const match_table_t options = {
	{ OPT_SIZE, "size=%u" }, { OPT_UID, "uid=%d" }, { OPT_MODE, "mode=%o" }, { OPT_NAME, "name=%5s" },
	{ OPT_RANGE, "%d-%x%%" }, { OPT_PLAIN, "ro" }, { OPT_NONE, NULL },
};

static void options_with_arguments(struct kunit *test)
{
	substring_t args[MAX_OPT_ARGS];
	unsigned int size;
	char text[8], *copy;
	int n;

	KUNIT_EXPECT_EQ(test, match_token("ro", options, args), OPT_PLAIN);
	KUNIT_EXPECT_EQ(test, match_token("rol", options, args), OPT_NONE);
	KUNIT_EXPECT_EQ(test, match_token("size=", options, args), OPT_NONE);
	KUNIT_EXPECT_EQ(test, match_token("size=4096", options, args), OPT_SIZE);
	KUNIT_EXPECT_TRUE(test, !match_uint(args, &size) && size == 4096);
	KUNIT_EXPECT_EQ(test, match_token("uid=-7", options, args), OPT_UID);
	KUNIT_EXPECT_TRUE(test, !match_int(args, &n) && n == -7);
	KUNIT_EXPECT_EQ(test, match_token("mode=755", options, args), OPT_MODE);
	KUNIT_EXPECT_TRUE(test, !match_octal(args, &n) && n == 0755);
	KUNIT_EXPECT_EQ(test, match_token("9-ff%", options, args), OPT_RANGE);
	KUNIT_EXPECT_TRUE(test, !match_hex(args + 1, &n) && n == 255);
	KUNIT_EXPECT_EQ_MSG(test, match_token("name=toolong", options, args), OPT_NONE, "of five letters at most");
	KUNIT_EXPECT_EQ(test, match_token("name=short", options, args), OPT_NAME);
	KUNIT_EXPECT_EQ(test, match_strlcpy(text, args, 4), 5);
	KUNIT_EXPECT_STREQ(test, text, "sho");
	copy = match_strdup(args);
	KUNIT_EXPECT_STREQ(test, copy, "short");
	kfree(copy);
	KUNIT_EXPECT_TRUE(test, match_wildcard("*.?", "a.c") && !match_wildcard("*.?", "a.cc"));
}

static int use(struct ctl_table *table, char *buffer, const char *text)
{
	size_t length = text ? strlen(text) : 32;
	loff_t at = 0;
	int error;

	if (text)
		strcpy(buffer, text);
	error = table->proc_handler(table, text != NULL, buffer, &length, &at);
	if (!text)
		buffer[length] = 0;
	return error;
}

static void tunables(struct kunit *test)
{
	int numbers[2] = { 13, -16 };
	char name[6] = "init", buffer[33];
	struct ctl_table table = { .procname = "n", .data = numbers, .maxlen = 8, .proc_handler = proc_dointvec };
	struct ctl_table text = { .procname = "t", .data = name, .maxlen = 6, .proc_handler = proc_dostring };

	KUNIT_EXPECT_EQ(test, use(&table, buffer, NULL), 0);
	KUNIT_EXPECT_STREQ(test, buffer, "13\t-16\n");
	KUNIT_EXPECT_EQ(test, use(&table, buffer, " 0x20 -9\n"), 0);
	KUNIT_EXPECT_TRUE(test, numbers[0] == 32 && numbers[1] == -9);
	KUNIT_EXPECT_EQ(test, use(&table, buffer, "2147483648"), -EINVAL);
	table.proc_handler = proc_dointvec_minmax;
	table.extra1 = SYSCTL_ZERO;
	table.extra2 = SYSCTL_ONE_HUNDRED;
	KUNIT_EXPECT_EQ(test, use(&table, buffer, "101"), -EINVAL);
	KUNIT_EXPECT_EQ(test, use(&table, buffer, "100"), 0);
	KUNIT_EXPECT_TRUE(test, numbers[0] == 100 && numbers[1] == -9);
	table.proc_handler = proc_douintvec;
	KUNIT_EXPECT_EQ(test, use(&table, buffer, "4294967295 x"), -EINVAL);
	KUNIT_EXPECT_EQ(test, numbers[0], -1);
	KUNIT_EXPECT_EQ(test, use(&text, buffer, "sleepy\n"), 0);
	KUNIT_EXPECT_STREQ(test, name, "sleep");
	KUNIT_EXPECT_EQ(test, use(&text, buffer, NULL), 0);
	KUNIT_EXPECT_STREQ(test, buffer, "sleep\n");
	KUNIT_EXPECT_EQ(test, use(&text, buffer, "no\nmore"), 0);
	KUNIT_EXPECT_STREQ(test, name, "no");
}

static void the_way_here(struct kunit *test)
{
	unsigned long entries[16];
	unsigned int count = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	char text[64];

	KUNIT_EXPECT_GT(test, count, 2);
	KUNIT_EXPECT_LE(test, stack_trace_save(entries + 8, 3, 1), 3);
	KUNIT_EXPECT_GT(test, stack_trace_snprint(text, sizeof(text), entries, 1, 0), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "the_way_here+0x"));
	stack_trace_print(entries, count, 2);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(what_is_found),
	KUNIT_CASE(what_is_copied),
	KUNIT_CASE(what_is_filled),
	KUNIT_CASE(what_is_in_a_list),
	KUNIT_CASE(what_is_new_memory),
	KUNIT_CASE(what_is_escaped),
	KUNIT_CASE(sizes_for_people),
	KUNIT_CASE(bytes_in_hexadecimal),
	KUNIT_CASE(options_with_arguments),
	KUNIT_CASE(tunables),
	KUNIT_CASE(the_way_here),
	{}
};

static struct kunit_suite suite = { .name = "string", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
