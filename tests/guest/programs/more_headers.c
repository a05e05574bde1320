/* What headers and start library offer beside the memory manager, tried on the machine. argv[1] names the part. */
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/kfifo.h>
#include <linux/kref.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rbtree.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/time.h>
#include <linux/timer.h>
#include <linux/topology.h>
#include <asm/unaligned.h>

static int failures;

#define EXPECT(condition) do {						\
	if (!(condition)) {						\
		printk("line %d is wrong: %s\n", __LINE__, #condition);	\
		failures++;						\
	}								\
} while (0)

static u32 constant_le = cpu_to_le32(0x12345678), constant_be = __constant_cpu_to_be32(0x12345678);
static u16 port = htons(80);

static void endian(void)
{
	u8 bytes[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	u64 big = 0x0102030405060708ULL;
	u32 word = 0x11223344;
	__be16 short_be = cpu_to_be16(0x1234);

	EXPECT(constant_le == 0x12345678 && constant_be == 0x78563412 && port == 0x5000);
	EXPECT(cpu_to_le16(0x1234) == 0x1234 && cpu_to_be16(0x1234) == 0x3412 && le64_to_cpu(big) == big);
	EXPECT(cpu_to_be64(big) == 0x0807060504030201ULL && be64_to_cpu(cpu_to_be64(big)) == big);
	EXPECT(ntohl(0x7f000001) == 0x0100007f && ntohs(htons(0xabcd)) == 0xabcd);
	EXPECT(be32_to_cpup((__be32 *)(bytes + 1)) == 0x01020304 && le16_to_cpup((__le16 *)bytes) == 0x100);
	cpu_to_be32s(&word);
	EXPECT(word == 0x44332211 && swab32p(&word) == 0x11223344);
	swab32s(&word);
	EXPECT(word == 0x11223344 && swahw32(word) == 0x33441122 && swahb32(word) == 0x22114433);
	be16_add_cpu(&short_be, 0x100);
	EXPECT(be16_to_cpu(short_be) == 0x1334);
	EXPECT(get_unaligned((u32 *)(bytes + 1)) == 0x04030201 && get_unaligned_be16(bytes + 3) == 0x0304);
	put_unaligned(0xaabbccddu, (u32 *)(bytes + 3));
	put_unaligned_be32(0x01020304, bytes + 5);
	EXPECT(bytes[2] == 2 && bytes[3] == 0xdd && bytes[4] == 0xcc && bytes[5] == 1 && bytes[8] == 4);
	EXPECT(swab16(0x1234) == 0x3412 && swab64(1) == 1ULL << 56);
}

static void scanning(void)
{
	int a = 0, b = 0, c = 0, n = 0;
	unsigned int u = 0, mac[6];
	long l = 0;
	long long ll = 0;
	short h = 0;
	signed char hh = 0;
	char word[16], other[16], ch = 0, *text;

	EXPECT(sscanf("12 -34 0x56", "%d %d %i", &a, &b, &c) == 3 && a == 12 && b == -34 && c == 0x56);
	EXPECT(sscanf("ff,077", "%x,%o", &u, (unsigned int *)&a) == 2 && u == 0xff && a == 077);
	EXPECT(sscanf("0x1F 010", "%x %i", &u, &a) == 2 && u == 0x1f && a == 8);
	EXPECT(sscanf("name=value rest", "name=%15s %s", word, other) == 2 && !strcmp(word, "value") && !strcmp(other, "rest"));
	EXPECT(sscanf("  abcdef", "%3s%c", word, &ch) == 2 && !strcmp(word, "abc") && ch == 'd');
	EXPECT(sscanf("1234567", "%3d%2d%n", &a, &b, &n) == 2 && a == 123 && b == 45 && n == 5);
	EXPECT(sscanf("9 8 7", "%*d %d", &a) == 1 && a == 8);
	EXPECT(sscanf("x 1", "%d", &a) == 0 && sscanf("", "%d", &a) == 0 && sscanf("1:x", "%d:%d", &a, &b) == 1);
	EXPECT(sscanf("-5 70000 300", "%ld %hd %hhd", &l, &h, &hh) == 3 && l == -5 && h == 4464 && hh == 44);
	EXPECT(sscanf("-1234567890123", "%lld", &ll) == 1 && ll == -1234567890123LL);
	EXPECT(sscanf("100%", "%u%%", &u) == 1 && u == 100);
	EXPECT(sscanf("00:1b:2C:3d:4e:5f", "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) == 6);
	EXPECT(mac[2] == 0x2c && mac[5] == 0x5f);

	text = kasprintf(GFP_KERNEL, "%s-%d-%llx", "a long enough text to be allocated", 42, 1ULL << 40);
	EXPECT(text && !strcmp(text, "a long enough text to be allocated-42-10000000000") && ksize(text) == 64);
	kfree(text);
	text = (char *)"3,0x10,5x";
	EXPECT(get_option(&text, &a) == 2 && a == 3 && get_option(&text, &a) == 2 && a == 16);
	EXPECT(get_option(&text, &a) == 1 && a == 5 && *text == 'x' && get_option(&text, &a) == 0);
}

static int constant_log = ilog2(4096);

static void bits(void)
{
	DECLARE_BITMAP(a, 70) = { 0, 0, 0 };
	DECLARE_BITMAP(b, 70);
	DECLARE_BITMAP(c, 70);

	bitmap_fill(b, 70);
	EXPECT(b[0] == ~0UL && (b[2] & 0x3f) == 0x3f && bitmap_full(b, 70) && bitmap_weight(b, 70) == 70);
	bitmap_set(a, 30, 5);
	EXPECT(a[0] == 0xc0000000 && a[1] == 7 && bitmap_weight(a, 70) == 5 && bitmap_subset(a, b, 70));
	bitmap_andnot(c, b, a, 70);
	EXPECT(bitmap_weight(c, 70) == 65 && !bitmap_intersects(a, c, 70) && !bitmap_subset(b, a, 70));
	bitmap_or(c, c, a, 70);
	c[2] |= 1 << 30;	/* behind the last bit */
	EXPECT(bitmap_equal(c, b, 70) && !bitmap_equal(a, b, 70));
	bitmap_complement(c, a, 70);
	bitmap_xor(c, c, b, 70);
	EXPECT(bitmap_equal(a, c, 70));
	bitmap_and(c, a, b, 70);
	EXPECT(bitmap_equal(a, c, 70));
	bitmap_shift_left(c, a, 36, 70);
	EXPECT(bitmap_weight(c, 70) == 4 && find_first_bit(c, 70) == 66);
	bitmap_shift_right(c, c, 66, 70);
	EXPECT(c[0] == 15 && !c[1] && !c[2]);
	bitmap_clear(a, 31, 2);
	EXPECT(find_next_bit(a, 70, 31) == 33);
	bitmap_zero(a, 70);
	bitmap_set(a, 1, 1);
	EXPECT(bitmap_find_free_region(a, 70, 3) == 8 && bitmap_allocate_region(a, 8, 2) == -EBUSY);
	EXPECT(bitmap_find_free_region(a, 70, 6) == -ENOMEM && !bitmap_allocate_region(a, 64, 2));
	bitmap_release_region(a, 8, 3);
	EXPECT(bitmap_weight(a, 70) == 5);

	EXPECT(constant_log == 12 && ilog2(5) == 2 && roundup_pow_of_two(5) == 8 && roundup_pow_of_two(8) == 8);
	EXPECT(is_power_of_2(64) && !is_power_of_2(0) && !is_power_of_2(6) && rounddown_pow_of_two(100) == 64);
	EXPECT(rol32(0x80000001, 4) == 0x18 && ror8(1, 1) == 0x80 && rol64(1, 63) == 1ULL << 63);
	EXPECT(roundup_pow_of_two(find_first_bit(a, 70) + 32) == 64);
}

struct number {
	int n;
	struct rb_node node;
};

static int insert(struct rb_root *root, struct number *item)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		int n = rb_entry(*link, struct number, node)->n;

		if (item->n == n)
			return 0;
		parent = *link;
		link = item->n < n ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&item->node, parent, link);
	rb_insert_color(&item->node, root);
	return 1;
}

/* Black nodes on the way down, the same on every way; no red node has a red child. */
static int black_height(struct rb_node *node, struct rb_node *parent)
{
	int left, right;

	if (!node)
		return 1;
	EXPECT(rb_parent(node) == parent);
	EXPECT(rb_is_black(node) || (parent && rb_is_black(parent)));
	left = black_height(node->rb_left, node);
	right = black_height(node->rb_right, node);
	EXPECT(left == right);
	return left + rb_is_black(node);
}

static void check_order(struct rb_root *root, int count)
{
	struct rb_node *node, *before = NULL;
	int n = 0;

	for (node = rb_first(root); node; before = node, node = rb_next(node), n++) {
		EXPECT(rb_prev(node) == before);
		EXPECT(!before || rb_entry(before, struct number, node)->n < rb_entry(node, struct number, node)->n);
	}
	EXPECT(n == count && before == rb_last(root));
	black_height(root->rb_node, NULL);
}

static void trees(void)
{
	struct rb_root root = RB_ROOT;
	struct number *items = kcalloc(200, sizeof(*items), GFP_KERNEL), other;
	int i, count = 0;

	EXPECT(RB_EMPTY_ROOT(&root) && !rb_first(&root) && !rb_last(&root));
	for (i = 0; i < 200; i++) {
		items[i].n = i * 77 % 199;
		count += insert(&root, &items[i]);
		if (i % 16 == 0)
			check_order(&root, count);
	}
	EXPECT(count == 199);
	check_order(&root, count);
	other.n = items[50].n;
	rb_replace_node(&items[50].node, &other.node, &root);
	check_order(&root, count);
	rb_replace_node(&other.node, &items[50].node, &root);
	for (i = 0; i < 199; i++) {
		rb_erase(&items[i * 60 % 199].node, &root);
		RB_CLEAR_NODE(&items[i * 60 % 199].node);
		EXPECT(RB_EMPTY_NODE(&items[i * 60 % 199].node));
		if (i % 16 == 0 || i > 190)
			check_order(&root, --count);
		else
			count--;
	}
	EXPECT(RB_EMPTY_ROOT(&root));
	kfree(items);
}

static void hashes(void)
{
	static const u32 words[] = { 1, 2, 3, 4, 5 };

	printk("jhash %08x %08x %08x %08x %08x %08x\n", jhash("", 0, 0), jhash("highmem", 7, 1),
	       jhash("sixteen bytes...", 16, 0), jhash2(words, 5, 7), jhash_3words(1, 2, 3, 4), jhash_1word(9, 0));
	EXPECT(jhash2(words, 5, 7) == jhash(words, 20, 7) && jhash2(words, 3, 7) == jhash(words, 12, 7));
}

static DEFINE_PER_CPU(int, counter);
DEFINE_PER_CPU(struct list_head, heads);
DECLARE_PER_CPU(struct list_head, heads);

static void percpu(void)
{
	struct number *area = alloc_percpu(struct number);
	cpumask_t mask = CPU_MASK_NONE, all = CPU_MASK_ALL;
	int cpu, n = 0;

	for_each_possible_cpu(cpu) {
		per_cpu(counter, cpu) = cpu + 1;
		EXPECT(per_cpu_ptr(area, cpu)->n == 0);
		per_cpu_ptr(area, cpu)->n = 10 * cpu;
		INIT_LIST_HEAD(&per_cpu(heads, cpu));
		cpu_set(cpu, mask);
		n++;
	}
	EXPECT(n == NR_CPUS && cpus_equal(mask, all) && cpus_weight(mask) == NR_CPUS && first_cpu(mask) == 0);
	get_cpu_var(counter)++;
	put_cpu_var(counter);
	this_cpu_add(counter, 5);
	EXPECT(__get_cpu_var(counter) == 7 && per_cpu(counter, 0) == 7 && this_cpu_read(counter) == 7);
	n = 0;
	for_each_cpu_mask(cpu, mask) {
		EXPECT(per_cpu(counter, cpu) == (cpu ? cpu + 1 : 7) && per_cpu_ptr(area, cpu)->n == 10 * cpu);
		EXPECT(list_empty(&per_cpu(heads, cpu)));
		n++;
	}
	cpu_clear(0, mask);
	EXPECT(n == NR_CPUS && !cpu_isset(0, mask) && cpus_empty(mask) == (NR_CPUS == 1));
	EXPECT(cpu_to_node(0) == 0 && cpu_possible(0) && !cpu_possible(NR_CPUS));
	free_percpu(area);
	free_percpu(NULL);
}

struct counted {
	struct kref kref;
	int released;
};

static void release(struct kref *kref)
{
	container_of(kref, struct counted, kref)->released++;
}

static void references(void)
{
	struct counted c = { .released = 0 };

	kref_init(&c.kref);
	kref_get(&c.kref);
	EXPECT(!kref_put(&c.kref, release) && !c.released);
	EXPECT(kref_put(&c.kref, release) == 1 && c.released == 1);
}

static int refuse;

static void *sometimes(gfp_t gfp_mask, void *data)
{
	return refuse ? NULL : mempool_kmalloc(gfp_mask, data);
}

static mempool_t *waited_for;
static void *given_back;

static void give_back(unsigned long data)
{
	mempool_free(given_back, waited_for);
}

static void pools(void)
{
	struct kmem_cache *cache = kmem_cache_create("pooled", 100, 0, 0, NULL, NULL);
	mempool_t *pool = mempool_create_slab_pool(3, cache), *pages;
	void *objects[8], *extra;
	struct timer_list timer;
	struct page *page;
	unsigned long before;
	int i;

	EXPECT(pool && pool->min_nr == 3 && pool->curr_nr == 3);
	for (i = 0; i < 8; i++)
		objects[i] = mempool_alloc(pool, GFP_KERNEL);
	EXPECT(pool->curr_nr == 3);
	for (i = 0; i < 8; i++)
		mempool_free(objects[i], pool);
	EXPECT(!mempool_resize(pool, 5, GFP_KERNEL) && pool->curr_nr == 5);
	EXPECT(!mempool_resize(pool, 2, GFP_KERNEL) && pool->curr_nr == 2);
	mempool_destroy(pool);
	kmem_cache_destroy(cache);

	pool = mempool_create(2, sometimes, mempool_kfree, (void *)64);
	refuse = 1;
	objects[0] = mempool_alloc(pool, GFP_ATOMIC);
	objects[1] = mempool_alloc(pool, GFP_KERNEL);
	EXPECT(objects[0] && objects[1] && objects[0] != objects[1] && pool->curr_nr == 0);
	EXPECT(!mempool_alloc(pool, GFP_ATOMIC));
	mempool_free(objects[0], pool);
	extra = mempool_alloc(pool, GFP_ATOMIC);
	EXPECT(extra == objects[0]);
	waited_for = pool;
	given_back = objects[1];
	setup_timer(&timer, give_back, 0);
	before = jiffies;
	mod_timer(&timer, before + 10);
	EXPECT(mempool_alloc(pool, GFP_NOIO) == objects[1]);	/* sleeps until the timer */
	EXPECT(time_after_eq(jiffies, before + 10) && time_before(jiffies, before + 5 * HZ));
	mempool_free(extra, pool);
	mempool_free(objects[1], pool);
	mempool_destroy(pool);
	refuse = 0;

	pages = mempool_create_page_pool(1, 2);
	page = mempool_alloc(pages, GFP_KERNEL);
	EXPECT(page && page_to_pfn(page) % 4 == 0);
	mempool_free(page, pages);
	mempool_destroy(pages);
}

static void fifos(void)
{
	spinlock_t lock = SPIN_LOCK_UNLOCKED;
	struct kfifo *fifo = kfifo_alloc(10, GFP_KERNEL, &lock);
	char text[32];
	int i;

	EXPECT(!IS_ERR(fifo) && fifo->size == 16 && kfifo_len(fifo) == 0);
	for (i = 0; i < 10; i++) {
		EXPECT(kfifo_put(fifo, (unsigned char *)"0123456789", 10) == 10 && kfifo_len(fifo) == 10);
		EXPECT(__kfifo_put(fifo, (unsigned char *)"abcdefghij", 10) == 6);
		memset(text, 0, sizeof(text));
		EXPECT(kfifo_get(fifo, (unsigned char *)text, 31) == 16 && !strcmp(text, "0123456789abcdef"));
		kfifo_put(fifo, (unsigned char *)"xyz", 3);	/* so that it goes round */
		EXPECT(kfifo_get(fifo, (unsigned char *)text, 3) == 3 && !memcmp(text, "xyz", 3));
	}
	kfifo_reset(fifo);
	kfifo_free(fifo);
}

static void others(void)
{
	struct timespec t = { 1, 999999999 }, u = { 0, 2 };
	struct sysinfo info;
	struct seq_file m = { .size = 16 };
	char buffer[16];

	u = timespec_add(t, u);
	EXPECT(u.tv_sec == 2 && u.tv_nsec == 1 && timespec_compare(&t, &u) < 0 && timespec_to_ns(&u) == 2000000001LL);
	u = ns_to_timespec(-1);
	EXPECT(u.tv_sec == -1 && u.tv_nsec == 999999999);
	EXPECT(mktime(1970, 1, 1, 0, 0, 0) == 0 && mktime(2007, 2, 4, 18, 44, 54) == 1170614694);
	EXPECT(mktime(2000, 2, 29, 0, 0, 0) == 951782400 && mktime(2000, 3, 1, 0, 0, 0) == 951868800);

	memset(&info, 0, sizeof(info));
	si_meminfo(&info);
	si_swapinfo(&info);
	EXPECT(info.totalram == totalram_pages && info.freeram == nr_free_pages() && info.mem_unit == PAGE_SIZE);
	EXPECT(info.totalhigh == totalhigh_pages && info.freehigh == nr_free_highpages() && sizeof(info) == 64);
	EXPECT(info.freehigh <= info.freeram && info.freeram < info.totalram && !info.totalswap);

	EXPECT(MAJOR(MKDEV(10, 200)) == 10 && MINOR(MKDEV(10, 200)) == 200);
	EXPECT(_IOW('k', 1, int) == 0x40046b01 && _IOC_NR(_IO('k', 7)) == 7 && S_IRUGO == 0444 && O_NONBLOCK == 04000);
	EXPECT(sizeof(loff_t) == 8 && sizeof(dev_t) == 4);
	m.buf = buffer;
	EXPECT(!seq_printf(&m, "%d,", 123) && !seq_puts(&m, "abc") && !seq_putc(&m, '!') && m.count == 8);
	EXPECT(seq_puts(&m, "too long by far") == -1 && m.count == 16 && seq_putc(&m, 'x') == -1);
	EXPECT(!memcmp(buffer, "123,abc!", 8));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*test)(void);
	} parts[] = {
		{ "endian", endian }, { "scanning", scanning }, { "bits", bits }, { "trees", trees }, { "hashes", hashes },
		{ "percpu", percpu }, { "references", references }, { "pools", pools }, { "fifos", fifos },
		{ "others", others },
	};
	unsigned int i, done = 0;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (argc < 2 || !strcmp(argv[1], parts[i].name)) {
			parts[i].test();
			done++;
		}
	printk("%d wrong\n", failures);
	return failures || !done;
}
