/* The start library, tried on the machine: strings, numbers, 64-bit division, lists, bits, sorting. */
#include <linux/bitops.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

static int failures;

#define EXPECT(condition) do {						\
	if (!(condition)) {						\
		printk("line %d is wrong: %s\n", __LINE__, #condition);	\
		failures++;						\
	}								\
} while (0)

static void strings(void)
{
	char a[32], *rest = a, *word;

	EXPECT(strlen("") == 0 && strlen("abc") == 3 && strnlen("abcdef", 4) == 4);
	EXPECT(!strcmp("abc", "abc") && strcmp("abc", "abd") < 0 && strcmp("b", "abc") > 0 && strcmp("\xff", "a") > 0);
	EXPECT(!strncmp("abcx", "abcy", 3) && strncmp("abcx", "abcy", 4) < 0 && !strcasecmp("HeLLo", "hEllO"));
	memset(a, 'z', sizeof(a));
	EXPECT(strlcpy(a, "hello", 4) == 5 && !strcmp(a, "hel") && a[4] == 'z');
	EXPECT(strlcat(a, "p!", 5) == 5 && !strcmp(a, "help"));
	EXPECT(strncpy(a, "xy", 6) == a && a[2] == 0 && a[5] == 0);
	strcpy(a, "one,two;three");
	word = strsep(&rest, ",;");
	EXPECT(!strcmp(word, "one"));
	word = strsep(&rest, ",;");
	EXPECT(!strcmp(word, "two") && !strcmp(rest, "three"));
	EXPECT(strsep(&rest, ",;") && !rest && !strsep(&rest, ","));
	EXPECT(strchr("hello", 'l') && !strchr("hello", 'x') && *strrchr("hallo", 'l') == 'l');
	EXPECT(!strcmp(strstr("a needle in hay", "needle"), "needle in hay") && !strstr("hay", "needle"));
	strcpy(a, "0123456789");
	memmove(a + 2, a, 8);
	EXPECT(!strcmp(a, "0101234567"));
	memmove(a, a + 2, 8);
	EXPECT(!strcmp(a, "0123456767"));
	EXPECT(!memcmp("abcd", "abce", 3) && memcmp("abcd", "abce", 4) < 0 && memchr("abc", 'c', 3) && !memchr("abc", 'c', 2));
	strcpy(a, "  trim me \n");
	EXPECT(!strcmp(strstrip(a), "trim me"));
	EXPECT(strspn("aabbc", "ab") == 4 && strcspn("xyz.", ".") == 3 && *strpbrk("key=v", "=") == '=');
	EXPECT(isdigit('7') && !isdigit('a') && isxdigit('F') && toupper('q') == 'Q' && isspace('\t') && ispunct('!'));
}

static void numbers(void)
{
	char *end;
	unsigned long u;
	long l;

	EXPECT(simple_strtoul("0x1fz", &end, 0) == 0x1f && *end == 'z');
	EXPECT(simple_strtoul("0755", NULL, 0) == 0755 && simple_strtoul("ff", NULL, 16) == 255);
	EXPECT(simple_strtol("-42", NULL, 10) == -42 && simple_strtoull("12345678901234567890", NULL, 10) == 12345678901234567890ULL);
	EXPECT(memparse("64M", &end) == 64 << 20 && !*end);
	EXPECT(!kstrtoul("123\n", 0, &u) && u == 123 && kstrtoul("12x", 0, &u) == -EINVAL && kstrtoul("", 0, &u) == -EINVAL);
	EXPECT(kstrtoul("4294967296", 0, &u) == -ERANGE && !kstrtol("-7", 0, &l) && l == -7);
	EXPECT(int_sqrt(0) == 0 && int_sqrt(99) == 9 && int_sqrt(100) == 10 && int_sqrt(0xffffffff) == 65535);
}

static void division(void)
{
	static const u64 values[] = {
		0, 1, 2, 3, 7, 10, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000ULL,
		0x100000001ULL, 0x1ffffffffULL, 0x123456789abcdefULL, 0x7fffffffffffffffULL, 0x8000000000000000ULL,
		0x8000000080000000ULL, 0xfffffffe00000001ULL, 0xffffffff00000000ULL, 0xffffffffffffffffULL,
	};
	unsigned int i, j;
	u64 n = 1000000007;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		for (j = 1; j < ARRAY_SIZE(values); j++) {
			volatile u64 a = values[i], b = values[j];
			volatile s64 c = a, d = b;
			u64 quotient = a / b, rest = a % b;

			if (rest >= b || quotient * b + rest != a || (b > 1 && quotient > a / 2 + 1))
				printk("%llx / %llx = %llx rest %llx\n", a, b, quotient, rest), failures++;
			if (c == LLONG_MIN && d == -1)
				continue;
			if (c / d * d + c % d != c || (c % d && (c % d < 0) != (c < 0)))
				printk("%lld / %lld = %lld rest %lld\n", c, d, c / d, c % d), failures++;
		}
	EXPECT(do_div(n, 1000) == 7 && n == 1000000);
	EXPECT(div_u64(10000000000ULL, 3) == 3333333333U);
}

struct item {
	int n;
	struct list_head list;
	struct hlist_node hash;
};

static void lists(void)
{
	LIST_HEAD(head);
	LIST_HEAD(other);
	HLIST_HEAD(bucket);
	struct item items[5], *at, *next;
	struct hlist_node *node;
	int i, n = 0;

	EXPECT(list_empty(&head));
	for (i = 0; i < 5; i++) {
		items[i].n = i;
		list_add_tail(&items[i].list, &head);
		hlist_add_head(&items[i].hash, &bucket);
	}
	list_for_each_entry(at, &head, list)
		EXPECT(at->n == n++);
	EXPECT(n == 5);
	list_for_each_entry_reverse(at, &head, list)
		EXPECT(at->n == --n);
	hlist_for_each_entry(at, node, &bucket, hash)
		n = n * 10 + at->n;
	EXPECT(n == 43210);
	n = 0;
	hlist_for_each_entry(at, &bucket, hash)
		n = n * 10 + at->n;
	EXPECT(n == 43210);
	list_for_each_entry_safe(at, next, &head, list)
		if (at->n & 1)
			list_move(&at->list, &other);
	EXPECT(list_first_entry(&other, struct item, list)->n == 3 && list_is_last(&items[4].list, &head));
	list_splice_init(&other, &head);
	EXPECT(list_empty(&other) && list_first_entry(&head, struct item, list)->n == 3);
	hlist_del(&items[2].hash);
	EXPECT(items[2].hash.next == LIST_POISON1 && items[3].hash.next == &items[1].hash);
	list_del(&items[0].list);
	EXPECT(items[0].list.next == LIST_POISON1 && items[0].list.prev == LIST_POISON2);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void others(void)
{
	unsigned long map[3] = { 0, 0x80000000, 1 };
	int numbers[] = { 5, 3, 9, 1, 1, 8, -4, 7, 0, 2 }, i;
	char text[16], *copy = kstrdup("copied", GFP_KERNEL);

	EXPECT(find_first_bit(map, 96) == 63 && find_next_bit(map, 96, 64) == 64 && find_next_bit(map, 96, 65) == 96);
	EXPECT(find_first_zero_bit(map + 1, 32) == 0 && test_and_set_bit(5, map) == 0 && test_and_set_bit(5, map) == 1);
	EXPECT(map[0] == 32 && ffs(0) == 0 && ffs(8) == 4 && fls(8) == 4 && __ffs(0x80000000) == 31);
	EXPECT(hweight32(0xf0f0) == 8 && get_order(1) == 0 && get_order(4097) == 1 && get_order(8192) == 1);
	sort(numbers, ARRAY_SIZE(numbers), sizeof(int), compare, NULL);
	for (i = 1; i < (int)ARRAY_SIZE(numbers); i++)
		EXPECT(numbers[i - 1] <= numbers[i]);
	EXPECT(copy && !strcmp(copy, "copied"));
	kfree(copy);
	EXPECT(snprintf(text, 8, "%d-%s", 12, "abcdefgh") == 11 && !strcmp(text, "12-abcd"));
	EXPECT(scnprintf(text, 8, "%d-%s", 12, "abcdefgh") == 7);
	EXPECT(min(3, 4) == 3 && max_t(long, 3, 4) == 4 && roundup(5, 4) == 8 && ALIGN(5, 8) == 8 && DIV_ROUND_UP(9, 4) == 3);
}

int main(int argc, char **argv)
{
	strings();
	numbers();
	division();
	lists();
	others();
	printk("%d wrong\n", failures);
	return failures != 0;
}
