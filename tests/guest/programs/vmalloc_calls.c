/* Every call of the vmalloc family, by what a program can see of it. */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static int wrong;

static void expect(int line, long got, long wanted)
{
	if (got != wanted) {
		printk("line %d: %lx, not %lx\n", line, got, wanted);
		wrong++;
	}
}
#define EXPECT(got, wanted) expect(__LINE__, (long)(got), (long)(wanted))

#define N	5

static pte_t pte_of(void *addr)
{
	pmd_t *pmd = pmd_offset(pud_offset(pgd_offset_k(addr), addr), addr);

	return *pte_offset_kernel(pmd, addr);
}

static int all(const char *p, size_t size, int value)
{
	while (size--)
		if (*p++ != (char)value)
			return 0;
	return 1;
}

static void allocations(void)
{
	char *area = vmalloc(3 * PAGE_SIZE), *low = vmalloc_32(100), *code = vmalloc_exec(10);
	char *user = vmalloc_user(2 * PAGE_SIZE), *user_32 = vmalloc_32_user(1);
	char *ro = __vmalloc(PAGE_SIZE, GFP_KERNEL | __GFP_HIGHMEM, PAGE_KERNEL_RO);
	static const unsigned char get_eip[] = { 0xe8, 0, 0, 0, 0, 0x58, 0xc3 };	/* call .+5; pop %eax; ret */

	EXPECT(is_vmalloc_addr(area) && is_vmalloc_addr(user_32), 1);
	EXPECT(area - (char *)VMALLOC_START >= 0 && (char *)VMALLOC_END - area > 0, 1);
	EXPECT(low - area, 4 * PAGE_SIZE);	/* each with a guard page behind it */
	EXPECT(PageHighMem(vmalloc_to_page(low)), 0);
	EXPECT(pfn_to_page(vmalloc_to_pfn(area)), vmalloc_to_page(area));
	EXPECT(pte_val(pte_of(area)) >> 12 & 0xfffffff, vmalloc_to_pfn(area));
	EXPECT(pte_pfn(pte_of(area + PAGE_SIZE)), vmalloc_to_pfn(area + PAGE_SIZE));
	EXPECT(pte_none(pte_of(area + 3 * PAGE_SIZE)), 1);
	EXPECT(vmalloc_to_page(area + 3 * PAGE_SIZE), 0);
	EXPECT(vmalloc_to_page((void *)0x1000), 0);
	EXPECT(all(user, 2 * PAGE_SIZE, 0) && all(user_32, PAGE_SIZE, 0), 1);
	EXPECT(pte_write(pte_of(area)), 1);
	EXPECT(pte_write(pte_of(ro)), 0);
	memcpy(code, get_eip, sizeof(get_eip));
	EXPECT(((unsigned long (*)(void))code)(), code + 5);
#ifdef CONFIG_X86_PAE
	EXPECT(pte_exec(pte_of(area)), 0);
	EXPECT(pte_exec(pte_of(code)), 1);
#endif
	EXPECT(vmalloc(0), 0);
	EXPECT(vmalloc(~0UL), 0);
	EXPECT(__vmalloc(0xfffff000, GFP_KERNEL, PAGE_KERNEL), 0);
	vfree(area);
	vfree(low);
	vfree(code);
	vfree(user);
	vfree(user_32);
	vfree(ro);
}

static void mapped_pages(void)
{
	struct page *pages[N + 1] = { NULL }, **list = pages;
	struct vm_struct *area;
	char *map, *window;
	int i;

	for (i = 0; i < N; i++) {
		pages[i] = alloc_page(GFP_HIGHUSER);
		window = kmap(pages[i]);
		memset(window, i, PAGE_SIZE);
		kunmap(pages[i]);
	}
	map = vmap(pages, N, VM_MAP, PAGE_KERNEL);
	EXPECT(map != NULL, 1);
	for (i = 0; i < N; i++) {
		EXPECT(all(map + i * PAGE_SIZE, PAGE_SIZE, i), 1);
		EXPECT(vmalloc_to_page(map + i * PAGE_SIZE), pages[i]);
		EXPECT(page_count(pages[i]), 1);
	}
	memset(map, 0x77, N * PAGE_SIZE);
	vunmap(map);
	EXPECT(vmap(pages, N + 1, VM_MAP, PAGE_KERNEL), 0);	/* one of them is NULL */
	EXPECT(vmap(pages, 0, VM_MAP, PAGE_KERNEL), 0);
	EXPECT(vmap(pages, num_physpages + 1, VM_MAP, PAGE_KERNEL), 0);

	area = get_vm_area(N * PAGE_SIZE, VM_MAP);
	EXPECT(area->addr, map);
	EXPECT(area->size, (N + 1) * PAGE_SIZE);
	EXPECT(area->flags, VM_MAP);
	EXPECT(area->nr_pages, 0);
	EXPECT(map_vm_area(area, PAGE_KERNEL_NOCACHE, &list), 0);
	EXPECT(list, pages + N);
	EXPECT(all(map, N * PAGE_SIZE, 0x77), 1);
	EXPECT((pte_of(map).pte_low & 0xfff) | _PAGE_DIRTY | _PAGE_ACCESSED, 0x173);
	EXPECT(remove_vm_area(map + PAGE_SIZE), 0);
	EXPECT(remove_vm_area(map), area);
	EXPECT(area->size, N * PAGE_SIZE);
	EXPECT(pte_none(pte_of(map)), 1);
	kfree(area);

	area = get_vm_area((N + 1) * PAGE_SIZE, VM_MAP);
	list = pages;
	EXPECT(map_vm_area(area, PAGE_KERNEL, &list), -ENOMEM);
	EXPECT(list, pages);
	kfree(remove_vm_area(area->addr));
	EXPECT(get_vm_area(0, VM_MAP), 0);
	for (i = 0; i < N; i++)
		__free_page(pages[i]);
}

/* vread and vwrite: the guard page between two areas, and the end of the last one. */
static void copies(void)
{
	char *first = vmalloc(PAGE_SIZE), *second = vmalloc(PAGE_SIZE), *buf = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);

	EXPECT(second - first, 2 * PAGE_SIZE);
	memset(first, 1, PAGE_SIZE);
	memset(second, 2, PAGE_SIZE);
	memset(buf, 0x55, 4 * PAGE_SIZE);
	EXPECT(vread(buf, first + 100, 3 * PAGE_SIZE - 200), 3 * PAGE_SIZE - 200);
	EXPECT(all(buf, PAGE_SIZE - 100, 1) && all(buf + PAGE_SIZE - 100, PAGE_SIZE, 0), 1);
	EXPECT(all(buf + 2 * PAGE_SIZE - 100, PAGE_SIZE - 100, 2) && buf[3 * PAGE_SIZE - 200] == 0x55, 1);
	EXPECT(vread(buf, second, 0x10000), PAGE_SIZE);
	EXPECT(vread(buf, (char *)VMALLOC_END, 10), 0);
	EXPECT(vread(buf, (char *)~0UL, 10), 0);
	EXPECT(vread(buf, first, 0), 0);
	memset(buf, 9, 4 * PAGE_SIZE);
	EXPECT(vwrite(buf, first, 4 * PAGE_SIZE), 3 * PAGE_SIZE);
	EXPECT(all(first, PAGE_SIZE, 9) && all(second, PAGE_SIZE, 9), 1);
	kfree(buf);
	vfree(second);
	vfree(first);
}

int main(void)
{
	allocations();
	mapped_pages();
	copies();
	return wrong;
}
