/* A module as books on kernels of today write one, with the headers that they name. */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/mm.h>
#include <linux/gfp.h>
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/version.h>

struct my_struct {
	int a;
	char b[100];
	struct list_head l;
};

static struct kmem_cache *my_cachep;
static void *objs[5];

static void init_my_struct(void *obj)
{
	struct my_struct *s = obj;

	s->a = 7;
}

static int __init my_init(void)
{
	int i;
	struct page *page;
	unsigned long addr;
	char *vm, *kz;

	pr_info("%s: start\n", __func__);
	my_cachep = kmem_cache_create("my_struct", sizeof(struct my_struct), 0, SLAB_HWCACHE_ALIGN | SLAB_PANIC, init_my_struct);
	if (!my_cachep)
		return -ENOMEM;
	for (i = 0; i < 5; i++) {
		objs[i] = kmem_cache_alloc(my_cachep, GFP_KERNEL);
		if (IS_ERR_OR_NULL(objs[i])) {
			pr_err("alloc failed\n");
			return -ENOMEM;
		}
		pr_info("obj %d at %p a=%d\n", i, objs[i], ((struct my_struct *)objs[i])->a);
	}
	addr = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 3);
	pr_info("pages at 0x%lx phys 0x%llx\n", addr, (unsigned long long)virt_to_phys((void *)addr));
	free_pages(addr, get_order(8 * PAGE_SIZE));
	page = alloc_pages(GFP_HIGHUSER, 0);
	pr_info("page %p pfn %lu\n", page, page_to_pfn(page));
	__free_pages(page, 0);
	vm = vmalloc(1024 * 1024);
	kz = kzalloc(64, GFP_KERNEL);
	if (!vm || !kz)
		goto out;
	memset(vm, 0xaa, 1024 * 1024);
	memcpy(vm + 16, "0123456789 \n", 12);
	print_hex_dump_bytes("no: ", DUMP_PREFIX_OFFSET, vm, 16);	/* of the level KERN_DEBUG */
	print_hex_dump(KERN_INFO, "vm: ", DUMP_PREFIX_OFFSET, 16, 4, vm, 32, true);
	print_hex_dump(KERN_INFO, "", DUMP_PREFIX_NONE, 16, 1, vm + 16, 13, false);
	dump_stack();
out:
	vfree(vm);
	kfree(kz);
	pr_info("ksize %zu\n", ksize(objs[0]));
	synchronize_rcu();
	pr_info("%lld ms\n", ktime_ms_delta(ktime_add_ns(ktime_get(), 5000000), ktime_get()));
	return 0;
}
static void __exit my_exit(void)
{
	int i;

	for (i = 0; i < 5; i++)
		kmem_cache_free(my_cachep, objs[i]);
	kmem_cache_destroy(my_cachep);
	pr_info("bye\n");
}
module_init(my_init);
module_exit(my_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("a reader");
MODULE_DESCRIPTION("a module of a book");
MODULE_VERSION("0.1");
