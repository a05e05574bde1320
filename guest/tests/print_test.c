/* What is printed, and how: formats of numbers, strings and pointers, lengths, the stack. */
#include <kunit/test.h>
#include <linux/kernel.h>

struct format {
	const char *wanted, *format;
	unsigned long value;
};

static const struct format formats[] = {
	{ "-42", "%d", -42 },
	{ "4294967254", "%u", -42 },
	{ "   42", "%5d", 42 },
	{ "00042", "%05d", 42 },
	{ "42   |", "%-5d|", 42 },
	{ "+42", "%+d", 42 },
	{ "0xc0de", "%#x", 0xc0de },
	{ "C0DE", "%X", 0xc0de },
	{ "0755", "%#o", 0755 },
	{ "c0100000", "%p", 0xc0100000 },
	{ "0000c0de", "%08lx", 0xc0de },
	{ "x", "%c", 'x' },
	{ "7%", "%d%%", 7 },
	{ "044", "%.3d", 44 },
};
KUNIT_ARRAY_PARAM_DESC(format, formats, wanted);

static void numbers(struct kunit *test)
{
	const struct format *format = test->param_value;
	char text[32];

	KUNIT_EXPECT_EQ(test, snprintf(text, sizeof(text), format->format, format->value), strlen(format->wanted));
	KUNIT_EXPECT_STREQ(test, text, format->wanted);
}

static void strings(struct kunit *test)
{
	char text[32];

	sprintf(text, "%s|%6s|%-6s|%.2s|%*d", "one", "two", "three", "four", 4, 5);
	KUNIT_EXPECT_STREQ(test, text, "one|   two|three |fo|   5");
	sprintf(text, "%s", (char *)NULL);
	KUNIT_EXPECT_STREQ(test, text, "<NULL>");
	sprintf(text, "%llx %lld", 0x123456789abcdefULL, -5LL);
	KUNIT_EXPECT_STREQ(test, text, "123456789abcdef -5");
}

static void what_does_not_fit_is_cut(struct kunit *test)
{
	char text[8];

	memset(text, '?', sizeof(text));
	KUNIT_EXPECT_EQ_MSG(test, snprintf(text, 5, "%s", "abcdefghij"), 10, "what it would have needed");
	KUNIT_EXPECT_MEMEQ(test, text, "abcd\0???", 8);
	KUNIT_EXPECT_EQ_MSG(test, scnprintf(text, 5, "%s", "abcdefghij"), 4, "what is there");
	KUNIT_EXPECT_EQ(test, snprintf(NULL, 0, "%d", 12345), 5);
}

static __printf(2, 3) int by_list(char *text, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsprintf(text, fmt, args);
	va_end(args);
	va_start(args, fmt);
	length += vsnprintf(text + length, 6, fmt, args);
	va_end(args);
	return length;
}

static __printf(1, 2) int print(const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vprintk(fmt, args);
	va_end(args);
	return length;
}

static void lists_of_arguments(struct kunit *test)
{
	char text[32];

	KUNIT_EXPECT_EQ(test, by_list(text, "%d-%s", 12, "ab"), 10);
	KUNIT_EXPECT_STREQ(test, text, "12-ab12-ab");
	KUNIT_EXPECT_EQ_MSG(test, print("%s\n", "seven."), 7 + 3, "a line's level is counted");
	KUNIT_EXPECT_EQ(test, printk(KERN_INFO "%d\n", 1234), 8 + 3);
}

static void the_stack_can_be_shown(struct kunit *test)
{
	dump_stack();
	KUNIT_SUCCEED(test);
}

static void numbers_are_read(struct kunit *test)
{
	int a, b, c;
	char word[8], *end;
	unsigned long value;

	KUNIT_EXPECT_EQ(test, sscanf("12:0x1f word", "%d:%i %7s", &a, &b, word), 3);
	KUNIT_EXPECT_EQ(test, a, 12);
	KUNIT_EXPECT_EQ(test, b, 0x1f);
	KUNIT_EXPECT_STREQ(test, word, "word");
	KUNIT_EXPECT_EQ(test, sscanf("1234-5", "%2d%2x%d", &a, &b, &c), 3);
	KUNIT_EXPECT_TRUE(test, a == 12 && b == 0x34 && c == -5);
	KUNIT_EXPECT_EQ_MSG(test, sscanf("0xA7", "%2x%x", &a, &b), 2, "a prefix alone is 0");
	KUNIT_EXPECT_TRUE(test, a == 0 && b == 0xa7);
	KUNIT_EXPECT_EQ(test, simple_strtoul("0x20 more", &end, 0), 32);
	KUNIT_EXPECT_STREQ(test, end, " more");
	KUNIT_EXPECT_EQ(test, strict_strtoul("12 ", 10, &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, memparse("3M", NULL), 3 << 20);
}

static int __printf(1, 2) print_nested(const char *fmt, ...)
{
	struct va_format {
		const char *fmt;
		va_list *va;
	} nested = { fmt };
	char text[32];
	va_list args;
	int length;

	va_start(args, fmt);
	nested.va = &args;
	length = snprintf(text, sizeof(text), "<%pV>", &nested);
	va_end(args);
	return length;
}

/* The letters behind %p are of later kernels. */
static void what_pointers_lead_to(struct kunit *test)
{
	static const u8 bytes[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	unsigned long bits[2] = { 0x8000000f, 1 };
	resource_size_t start = 0x12345;
	char text[64];

	sprintf(text, "%px %pK", (void *)0xc0100000, (void *)0xab);
	KUNIT_EXPECT_STREQ(test, text, "c0100000 000000ab");
	sprintf(text, "%ps", print_nested);
	KUNIT_EXPECT_STREQ(test, text, "print_nested");
	sprintf(text, "%pS", (char *)print_nested + 3);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "print_nested+0x3/0x"));
	sprintf(text, "%pe|%8pe|%pe", ERR_PTR(-ENOMEM), ERR_PTR(-EIO), (void *)0xc0100000);
	KUNIT_EXPECT_STREQ(test, text, "-ENOMEM|    -EIO|c0100000");
	sprintf(text, "%4ph|%*phC|%3phN", bytes, 3, bytes + 13, bytes + 9);
	KUNIT_EXPECT_STREQ(test, text, "00 01 02 03|0d:0e:0f|090a0b");
	sprintf(text, "%pM %pI4", bytes, bytes + 10);
	KUNIT_EXPECT_STREQ(test, text, "00:01:02:03:04:05 10.11.12.13");
	sprintf(text, "%pUb", bytes);
	KUNIT_EXPECT_STREQ(test, text, "00010203-0405-0607-0809-0a0b0c0d0e0f");
	sprintf(text, "%*pb %*pbl", 40, bits, 33, bits);
	KUNIT_EXPECT_STREQ(test, text, "01,8000000f 0-3,31-32");
	if (sizeof(phys_addr_t) == sizeof(start)) {
		sprintf(text, "%pa", &start);
		KUNIT_EXPECT_STREQ(test, text, "0x00012345");
	}
	sprintf(text, "%pM|%pUb", (void *)NULL, (void *)16);
	KUNIT_EXPECT_STREQ(test, text, "(null)|(efault)");
	KUNIT_EXPECT_EQ(test, print_nested("%d-%s", 12, "ab"), 7);
	sprintf(text, "%p.%pz", (void *)0x1234, (void *)0x5678);
	KUNIT_EXPECT_STREQ_MSG(test, text, "00001234.00005678z", "letters that mean nothing are text");
	KUNIT_EXPECT_EQ(test, snprintf(text, 3, "%hhd", 0x1ff), 2);
	KUNIT_EXPECT_STREQ(test, text, "-1");
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(numbers, format_gen_params),
	KUNIT_CASE(strings),
	KUNIT_CASE(what_does_not_fit_is_cut),
	KUNIT_CASE(lists_of_arguments),
	KUNIT_CASE(the_stack_can_be_shown),
	KUNIT_CASE(numbers_are_read),
	KUNIT_CASE(what_pointers_lead_to),
	{}
};

static struct kunit_suite suite = { .name = "print", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
