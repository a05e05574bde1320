/* Every call of <linux/highmem.h> and <asm/fixmap.h>, and what each says of the others. */
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/fixmap.h>

static int failures;

#define CHECK(what) do { if (!(what)) { printk("WRONG, line %d: " #what "\n", __LINE__); failures++; } } while (0)

static unsigned long atomic_address(int type)
{
	return fix_to_virt(FIX_KMAP_BEGIN + type);
}

static void sleeping(struct page *high, struct page *low)
{
	char *p = kmap(high);

	CHECK(p && page_address(high) == p && kmap(high) == p);
	strcpy(p, "by kmap");
	kunmap(high);
	kunmap(high);
	CHECK(page_address(high) == p);	/* until the search wraps */
	CHECK(kmap(high) == p && !strcmp(p, "by kmap"));
	kunmap(high);
	CHECK(kmap(low) == page_address(low));
	CHECK(kmap_atomic_to_page(page_address(low) + 5) == low);
	kunmap(low);
}

static void atomic(struct page *high, struct page *low)
{
	struct page *other = alloc_page(GFP_HIGHUSER);
	char *p[KM_TYPE_NR], *q;
	int type;

	for (type = 0; type < KM_TYPE_NR; type++) {
		p[type] = kmap_atomic(type % 2 ? high : other, type);
		CHECK((unsigned long)p[type] == atomic_address(type));
		CHECK(preempt_count() == type + 1);
		CHECK(!strcmp(p[type], "by kmap") == type % 2);
	}
	for (type = 0; type < KM_TYPE_NR; type++) {
		CHECK(kmap_atomic_to_page(p[type]) == (type % 2 ? high : other));
		CHECK(kmap_atomic_to_page(p[type] + PAGE_SIZE - 1) == (type % 2 ? high : other));
	}
	CHECK(page_address(other) == NULL);	/* kmap_atomic does not set it */
	while (type--)
		kunmap_atomic(p[type], type);
	CHECK(preempt_count() == 0);
	q = kmap_atomic(low, KM_USER0);
	CHECK(q == page_address(low) && preempt_count() == 1);
	kunmap_atomic(q, KM_USER0);
	q = kmap_atomic_pfn(page_to_pfn(high), KM_USER1);
	CHECK((unsigned long)q == atomic_address(KM_USER1) && !strcmp(q, "by kmap"));
	CHECK(kmap_atomic_to_page(q) == high);
	kunmap_atomic(q, KM_USER1);
	strcpy(page_address(low), "low");
	q = kmap_atomic_pfn(page_to_pfn(low), KM_USER1);	/* a slot, where kmap_atomic needs none */
	CHECK((unsigned long)q == atomic_address(KM_USER1) && !strcmp(q, "low") && preempt_count() == 1);
	kunmap_atomic(q, KM_USER1);
	q = kmap_atomic(high);
	p[0] = kmap_atomic(other);
	CHECK((unsigned long)q == atomic_address(KM_USER0) && (unsigned long)p[0] == atomic_address(KM_USER1));
	for (type = 0; type < 10; type++)
		CHECK(kmap_atomic(low) == page_address(low));	/* takes no slot of the stack */
	CHECK(preempt_count() == 12);
	while (type--)
		kunmap_atomic(page_address(low));
	kunmap_atomic(p[0]);
	kunmap_atomic(q);
	CHECK(preempt_count() == 0);
	__free_page(other);
}

static void fixmap(struct page *high, struct page *low)
{
	char *p = (char *)fix_to_virt(FIX_ACPI_BEGIN);

	CHECK(fix_to_virt(FIX_HOLE) == FIXADDR_TOP && fix_to_virt(FIX_VDSO) == 0xffffe000);
	CHECK(fix_to_virt(FIX_APIC_BASE) == 0xffffd000 && fix_to_virt(FIX_IO_APIC_BASE_0) == 0xffffc000);
	CHECK(virt_to_fix((unsigned long)p + 17) == FIX_ACPI_BEGIN);
	CHECK(virt_to_fix(FIXADDR_START + PAGE_SIZE) == FIX_PCIE_MCFG);
	CHECK(FIX_KMAP_END + 1 == FIX_ACPI_BEGIN && FIX_WP_TEST + 1 == __end_of_fixed_addresses);
	set_fixmap(FIX_ACPI_BEGIN, page_to_phys(high));
	CHECK(!strcmp(p, "by kmap"));
	strcpy(p, "by fixmap");
	set_fixmap(FIX_ACPI_BEGIN, page_to_phys(low));
	CHECK(!strcmp(p, "low"));
	set_fixmap_nocache(FIX_ACPI_BEGIN, page_to_phys(high));
	CHECK(!strcmp(p, "by fixmap"));
	set_fixmap(FIX_BTMAP_BEGIN, page_to_phys(low));
	CHECK(!strcmp((char *)fix_to_virt(FIX_BTMAP_BEGIN), "low"));
	clear_fixmap(FIX_ACPI_BEGIN);
	clear_fixmap(FIX_BTMAP_BEGIN);
}

int main(int argc, char **argv)
{
	struct page *high = alloc_page(GFP_HIGHUSER), *low = alloc_page(GFP_KERNEL);

	if (!PageHighMem(high))
		return 2;
	sleeping(high, low);
	atomic(high, low);
	fixmap(high, low);
	__free_page(high);
	__free_page(low);
	return failures != 0;
}
