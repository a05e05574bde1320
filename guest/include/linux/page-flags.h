#ifndef _LINUX_PAGE_FLAGS_H
#define _LINUX_PAGE_FLAGS_H

#include <linux/types.h>
#include <linux/bitops.h>
#include <generated/calls/pagemap.h>

#define PG_locked		0
#define PG_error		1
#define PG_referenced		2
#define PG_uptodate		3
#define PG_dirty		4
#define PG_lru			5
#define PG_active		6
#define PG_slab			7
#define PG_checked		8
#define PG_arch_1		9
#define PG_reserved		10
#define PG_private		11
#define PG_writeback		12
#define PG_nosave		13
#define PG_compound		14
#define PG_swapcache		15
#define PG_mappedtodisk		16
#define PG_reclaim		17
#define PG_nosave_free		18
#define PG_buddy		19

#define __PAGE_FLAG_TEST(Name, bit)					\
static inline int Page##Name(const struct page *page) { return test_bit(bit, &page->flags); }
#define __PAGE_FLAG(Name, bit) __PAGE_FLAG_TEST(Name, bit)		\
static inline void SetPage##Name(struct page *page) { set_bit(bit, &page->flags); } \
static inline void ClearPage##Name(struct page *page) { clear_bit(bit, &page->flags); } \
static inline int TestSetPage##Name(struct page *page) { return test_and_set_bit(bit, &page->flags); } \
static inline int TestClearPage##Name(struct page *page) { return test_and_clear_bit(bit, &page->flags); } \
static inline void __SetPage##Name(struct page *page) { __set_bit(bit, &page->flags); } \
static inline void __ClearPage##Name(struct page *page) { __clear_bit(bit, &page->flags); }

__PAGE_FLAG(Locked, PG_locked)
__PAGE_FLAG(Error, PG_error)
__PAGE_FLAG(Referenced, PG_referenced)
__PAGE_FLAG(Uptodate, PG_uptodate)
__PAGE_FLAG(Dirty, PG_dirty)
__PAGE_FLAG(LRU, PG_lru)
__PAGE_FLAG(Active, PG_active)
__PAGE_FLAG_TEST(Slab, PG_slab)
__PAGE_FLAG(Checked, PG_checked)
__PAGE_FLAG(Reserved, PG_reserved)
__PAGE_FLAG(Private, PG_private)
__PAGE_FLAG_TEST(Writeback, PG_writeback)
__PAGE_FLAG(Nosave, PG_nosave)
__PAGE_FLAG(NosaveFree, PG_nosave_free)
__PAGE_FLAG_TEST(Compound, PG_compound)
__PAGE_FLAG_TEST(SwapCache, PG_swapcache)
__PAGE_FLAG(MappedToDisk, PG_mappedtodisk)
__PAGE_FLAG(Reclaim, PG_reclaim)
__PAGE_FLAG_TEST(Buddy, PG_buddy)

/* Pages that are being written are counted and tagged. */
#define SetPageWriteback(page)		((void)test_set_page_writeback(page))
#define ClearPageWriteback(page)	((void)test_clear_page_writeback(page))
#define TestSetPageWriteback(page)	test_set_page_writeback(page)
#define TestClearPageWriteback(page)	test_clear_page_writeback(page)
#define set_page_writeback(page)	((void)test_set_page_writeback(page))

#endif
