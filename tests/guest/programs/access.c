/* One access that is wrong, or none, by the name of the way. Each has its line's mark in a comment. */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

struct pair {
	char tag;
	int value;
	unsigned low : 3, high : 5;
	struct pair *next;
	int (*call)(int);
};

static volatile int sink;
static struct kmem_cache *cache;

static noinline int twice(int n)
{
	return 2 * n;
}

static noinline void use_char(volatile char *p)
{
	sink = *p;	/* use_char */
}

static noinline void set_char(volatile char *p)
{
	*p = 1;	/* set_char */
}

static noinline void decide(volatile int *p)
{
	if (*p == 5)	/* decide */
		sink++;
}

static noinline int spilled(int a, int b, int c)
{
	volatile int kept = a;

	twice(b);
	return kept + c;
}

static void construct(void *object, struct kmem_cache *of, unsigned long flags)
{
	memset(object, 7, 24);
}

static int is(const char *way, const char *name)
{
	return !strcmp(way, name);
}

static void wrong(const char *way)
{
	char *p = kmalloc(100, GFP_KERNEL), *area;
	struct page *page;
	int i;

	if (is(way, "size"))
		set_char(p + 100);
	if (is(way, "krealloc_less")) {
		p = krealloc(p, 120, GFP_KERNEL);
		set_char(p + 119);
		p = krealloc(p, 50, GFP_KERNEL);
		use_char(p + 50);
	}
	if (is(way, "many"))
		for (i = 0; i < 9; i++)
			set_char(p + 100 + i);
	if (is(way, "twice")) {
		set_char(p + 100);
		set_char(p + 101);	/* another call */
	}
	if (is(way, "memset"))
		memset(p, 0, 101);	/* memset */
	if (is(way, "cache_size")) {
		cache = kmem_cache_create("odd", 30, 0, 0, NULL, NULL);
		area = kmem_cache_alloc(cache, GFP_KERNEL);
		set_char(area + 29);
		set_char(area + 30);
		kmem_cache_free(cache, area);
		kmem_cache_destroy(cache);
	}
	if (is(way, "vmalloc")) {
		area = vmalloc(PAGE_SIZE + 10);
		set_char(area + PAGE_SIZE + 9);
		set_char(area + PAGE_SIZE + 10);
		vfree(area);
	}
	if (is(way, "direct")) {
		area = (char *)__get_free_page(GFP_KERNEL);
		set_char(area);
		free_page((unsigned long)area);
		use_char(area + 8);
	}
	if (is(way, "vmap") || is(way, "kmap")) {
		page = alloc_page(is(way, "kmap") ? GFP_HIGHUSER : GFP_KERNEL);
		area = is(way, "kmap") ? kmap(page) : vmap(&page, 1, VM_MAP, PAGE_KERNEL);
		set_char(area + 8);
		__free_page(page);
		use_char(area + 8);
		if (is(way, "kmap"))
			kunmap(page);
		else
			vunmap(area);
	}
	if (is(way, "printk")) {
		strcpy(p, "some text");
		kfree(p);
		printk("%s\n", p);	/* printk */
		return;
	}
	if (is(way, "sprintf"))
		sprintf(p, "%101d", 1);	/* sprintf */
	if (is(way, "freed")) {
		kfree(p);
		set_char(p + 9);
		return;
	}
	if (is(way, "inside")) {
		kfree(p + 4);	/* inside */
		return;
	}
	kfree(p);
}

static void right(const char *way)
{
	char *p = kmalloc(100, GFP_KERNEL);
	struct kmem_cache *of;
	void *object;

	set_char(p + 99);
	if (is(way, "ksize"))
		set_char(p + ksize(p) - 1);
	if (is(way, "krealloc")) {
		p = krealloc(p, 128, GFP_KERNEL);
		set_char(p + 127);
		p = krealloc(p, 3000, GFP_KERNEL);
		set_char(p + 2999);
	}
	if (is(way, "rcu")) {
		of = kmem_cache_create("readers", 40, 0, SLAB_DESTROY_BY_RCU, NULL, NULL);
		object = kmem_cache_alloc(of, GFP_KERNEL);
		kmem_cache_free(of, object);
		use_char(object);	/* until the slab goes */
		kmem_cache_destroy(of);
	}
	if (is(way, "cache_size")) {
		of = kmem_cache_create("odd", 30, 0, 0, NULL, NULL);
		object = kmem_cache_zalloc(of, GFP_KERNEL);
		use_char((char *)object + kmem_cache_size(of) - 1);
		kmem_cache_free(of, object);
		kmem_cache_destroy(of);
	}
	if (is(way, "ctor")) {
		of = kmem_cache_create("made", 24, 0, 0, construct, NULL);
		object = kmem_cache_alloc(of, GFP_KERNEL);
		decide(object);
		kmem_cache_free(of, object);
		kmem_cache_destroy(of);
	}
	if (is(way, "again")) {
		kfree(p);
		p = kmalloc(100, GFP_KERNEL);	/* the same object */
		set_char(p + 99);
	}
	kfree(p);
}

static void unset(const char *way)
{
	struct pair *p = kmalloc(sizeof(*p), GFP_KERNEL), *q = kzalloc(sizeof(*q), GFP_KERNEL), other;
	char *text = kmalloc(40, GFP_KERNEL);
	unsigned char *bytes;
	int *page;

	if (is(way, "branch"))
		decide(&p->value);
	if (is(way, "memcpy")) {
		memcpy(q, p, sizeof(*q));
		decide(&q->value);
	}
	if (is(way, "struct")) {
		other = *p;
		*q = other;
		decide(&q->value);
	}
	if (is(way, "spilled")) {
		q->value = spilled(p->value, 2, 3);
		decide(&q->value);
	}
	if (is(way, "arithmetic")) {
		q->value = (p->value << 4) + 3;
		decide(&q->value);
	}
	if (is(way, "address"))
		sink = *(volatile char *)&p->next->tag;	/* address */
	if (is(way, "jump"))
		sink = p->call(3);	/* jump */
	if (is(way, "printk"))
		printk("%d\n", p->value);	/* printk of a value */
	if (is(way, "text"))
		printk("%.3s\n", text);	/* printk of a text */
	if (is(way, "argument"))
		kfree(kmalloc(p->value & 127, GFP_KERNEL));	/* argument */
	if (is(way, "page")) {
		page = (int *)__get_free_page(GFP_KERNEL);
		page[3] = 5;
		decide(page + 3);
		decide(page + 4);
		free_page((unsigned long)page);
	}
	if (is(way, "vmalloc")) {
		page = vmalloc(PAGE_SIZE);
		decide(page + 3);
		vfree(page);
	}
	if (is(way, "krealloc")) {
		memset(text, 'x', 40);
		text = krealloc(text, 200, GFP_KERNEL);
		use_char(text + 39);
		decide((int *)(text + 20));
		decide((int *)(text + 100));
	}
	/* what follows is right */
	if (is(way, "set")) {
		p->value = 5;
		decide(&p->value);
	}
	if (is(way, "copies")) {
		p->tag = 1;
		p->value = 2;
		*q = *p;	/* with what is beside the tag, and what nobody has set */
		q->next = q;
		q->call = twice;
		decide(&q->value);
		sink = q->call(q->next->value);
	}
	if (is(way, "bits")) {
		p->low = 5;
		if (p->low == 5)
			sink++;
		p->high = 17;
		if (p->high & 16)
			sink++;
	}
	if (is(way, "mask")) {
		bytes = (unsigned char *)p;
		bytes[1] = 3;
		if ((*(unsigned int *)p & 0xff00) == 0x300)
			sink++;
	}
	if (is(way, "sprintf")) {
		sprintf(text, "%d and %s", 12, "more");
		if (!strcmp(text, "12 and more"))
			sink++;
		printk("%s\n", text);
	}
	if (is(way, "zeros")) {
		decide(&q->value);
		page = (int *)get_zeroed_page(GFP_KERNEL);
		decide(page + 5);
		free_page((unsigned long)page);
		page = vzalloc(20);
		decide(page);
		vfree(page);
	}
	kfree(text);
	kfree(p);
	kfree(q);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 2 ? argv[1] : "", *way = argc > 2 ? argv[2] : "";

	if (is(kind, "wrong"))
		wrong(way);
	if (is(kind, "right"))
		right(way);
	if (is(kind, "unset"))
		unset(way);
	return 0;
}
