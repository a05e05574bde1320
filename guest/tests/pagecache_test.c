/* The page cache, its locks and tags, the LRU lists, and shrinkers. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/swap.h>

static struct inode *inode;
static struct address_space *mapping;

static int make_inode(struct kunit *test)
{
	inode = new_inode(NULL);
	if (!inode)
		return -ENOMEM;
	mapping = inode->i_mapping;
	return 0;
}

static void drop_inode(struct kunit *test)
{
	iput(inode);	/* with all of its pages */
}

/* A page of the cache, locked and held. */
static struct page *add_page(struct kunit *test, unsigned long index)
{
	struct page *page = page_cache_alloc(mapping);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, add_to_page_cache_lru(page, mapping, index, GFP_KERNEL), 0);
	return page;
}

static void let_go(struct page *page)
{
	unlock_page(page);
	page_cache_release(page);
}

static void what_is_added_is_found(struct kunit *test)
{
	struct page *page = add_page(test, 70000), *again = page_cache_alloc(mapping);

	KUNIT_EXPECT_EQ(test, page->index, 70000);
	KUNIT_EXPECT_TRUE(test, PageLocked(page));
	KUNIT_EXPECT_EQ_MSG(test, page_count(page), 3, "ours, the cache's, the vector's");
	lru_add_drain();
	KUNIT_EXPECT_EQ_MSG(test, page_count(page), 2, "ours and the cache's");
	KUNIT_EXPECT_EQ(test, mapping->nrpages, 1);
	KUNIT_EXPECT_EQ(test, add_to_page_cache(again, mapping, 70000, GFP_KERNEL), -EEXIST);
	page_cache_release(again);
	KUNIT_EXPECT_PTR_EQ(test, find_get_page(mapping, 70000), page);
	page_cache_release(page);
	KUNIT_EXPECT_NULL(test, find_get_page(mapping, 69999));
	remove_from_page_cache(page);
	page_cache_release(page);	/* the cache's reference */
	KUNIT_EXPECT_NULL(test, find_get_page(mapping, 70000));
	KUNIT_EXPECT_EQ(test, mapping->nrpages, 0);
	let_go(page);
}

static void find_or_create_creates_once(struct kunit *test)
{
	struct page *page = find_or_create_page(mapping, 3, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, PageLocked(page));
	let_go(page);
	KUNIT_EXPECT_PTR_EQ(test, find_or_create_page(mapping, 3, GFP_KERNEL), page);
	let_go(page);
	KUNIT_EXPECT_PTR_EQ(test, find_lock_page(mapping, 3), page);
	KUNIT_EXPECT_TRUE(test, PageLocked(page));
	let_go(page);
	KUNIT_EXPECT_NULL(test, find_lock_page(mapping, 4));
}

static void many_are_found_at_once(struct kunit *test)
{
	static const unsigned long indexes[] = { 2, 3, 4, 64, 5000 };
	struct page *pages[8];
	int i;

	for (i = 0; i < ARRAY_SIZE(indexes); i++)
		let_go(add_page(test, indexes[i]));
	KUNIT_ASSERT_EQ(test, find_get_pages(mapping, 3, 8, pages), 4);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, pages[i]->index, indexes[i + 1]);
		page_cache_release(pages[i]);
	}
	KUNIT_ASSERT_EQ_MSG(test, find_get_pages_contig(mapping, 2, 8, pages), 3, "up to the first hole");
	for (i = 0; i < 3; i++)
		page_cache_release(pages[i]);
	KUNIT_EXPECT_EQ(test, find_get_pages_contig(mapping, 1, 8, pages), 0);
}

static void tags_follow_the_pages(struct kunit *test)
{
	struct page *page = add_page(test, 5), *found[4];
	unsigned long index = 0;

	let_go(add_page(test, 6));
	SetPageUptodate(page);
	KUNIT_EXPECT_NE(test, set_page_dirty(page), 0);
	KUNIT_EXPECT_EQ_MSG(test, set_page_dirty(page), 0, "it is dirty");
	KUNIT_EXPECT_TRUE(test, mapping_tagged(mapping, PAGECACHE_TAG_DIRTY));
	KUNIT_ASSERT_EQ(test, find_get_pages_tag(mapping, &index, PAGECACHE_TAG_DIRTY, 4, found), 1);
	KUNIT_EXPECT_PTR_EQ(test, found[0], page);
	KUNIT_EXPECT_EQ_MSG(test, index, 6, "where to go on");
	page_cache_release(found[0]);
	KUNIT_EXPECT_EQ(test, clear_page_dirty_for_io(page), 1);
	KUNIT_EXPECT_EQ(test, test_set_page_writeback(page), 0);
	KUNIT_EXPECT_FALSE(test, mapping_tagged(mapping, PAGECACHE_TAG_DIRTY));
	KUNIT_EXPECT_TRUE(test, mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK));
	KUNIT_EXPECT_EQ(test, test_clear_page_writeback(page), 1);
	KUNIT_EXPECT_FALSE(test, mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK));
	let_go(page);
}

static DECLARE_COMPLETION(done);
static int steps;

static int wait_for_page(void *data)
{
	struct page *page = data;

	wait_on_page_bit(page, PG_writeback);
	steps++;
	__lock_page(page);
	steps++;
	unlock_page(page);
	complete(&done);
	return 0;
}

static void a_page_is_waited_for(struct kunit *test)
{
	struct page *page = add_page(test, 0);

	steps = 0;
	set_page_writeback(page);
	kthread_run(wait_for_page, page, "waits");
	msleep(10);
	KUNIT_EXPECT_EQ(test, steps, 0);
	end_page_writeback(page);
	msleep(10);
	KUNIT_EXPECT_EQ_MSG(test, steps, 1, "it is written, but locked");
	unlock_page(page);
	wait_for_completion(&done);
	KUNIT_EXPECT_EQ(test, steps, 2);
	page_cache_release(page);
	msleep(10);
}

static void truncating_clears_the_rest_of_a_page(struct kunit *test)
{
	struct page *page = add_page(test, 1);
	char *window = kmap(page);

	let_go(add_page(test, 2));
	memset(window, 'x', PAGE_CACHE_SIZE);
	unlock_page(page);
	truncate_inode_pages(mapping, PAGE_CACHE_SIZE + 100);
	KUNIT_EXPECT_EQ(test, mapping->nrpages, 1);
	KUNIT_EXPECT_TRUE(test, window[99] == 'x' && !memchr_inv(window + 100, 0, PAGE_CACHE_SIZE - 100));
	kunmap(page);
	page_cache_release(page);
	truncate_inode_pages_from(mapping, 0, 0);
	KUNIT_EXPECT_EQ(test, mapping->nrpages, 0);
}

static void only_clean_pages_are_invalidated(struct kunit *test)
{
	struct page *dirty = add_page(test, 1);

	set_page_dirty(dirty);
	let_go(dirty);
	let_go(add_page(test, 2));
	let_go(add_page(test, 3));
	lru_add_drain();	/* the vectors hold pages, too */
	KUNIT_EXPECT_EQ(test, invalidate_mapping_pages(mapping, 0, ~0UL), 2);
	KUNIT_EXPECT_EQ(test, mapping->nrpages, 1);
}

static void pages_go_over_the_lists(struct kunit *test)
{
	struct page *page = page_cache_alloc(mapping), *active = page_cache_alloc(mapping);

	lru_cache_add(page);
	lru_cache_add_active(active);
	KUNIT_EXPECT_FALSE_MSG(test, PageLRU(page), "in a vector yet");
	lru_add_drain();
	KUNIT_EXPECT_TRUE(test, PageLRU(page) && !PageActive(page));
	KUNIT_EXPECT_TRUE(test, PageLRU(active) && PageActive(active));
	mark_page_accessed(page);
	KUNIT_EXPECT_TRUE(test, PageReferenced(page) && !PageActive(page));
	mark_page_accessed(page);
	KUNIT_EXPECT_TRUE_MSG(test, PageActive(page) && !PageReferenced(page), "the second time it is active");
	ClearPageReferenced(active);
	activate_page(active);
	KUNIT_EXPECT_TRUE(test, PageActive(active));
	put_page(page);
	put_page(active);
}

static int asked, left;

static int give_up(int nr_to_scan, gfp_t gfp_mask)
{
	asked++;
	left -= min(nr_to_scan, left);
	return left;
}

static void a_shrinker_is_asked_when_memory_is_short(struct kunit *test)
{
	struct shrinker *shrinker = set_shrinker(DEFAULT_SEEKS, give_up);
	struct page *page, *next;
	LIST_HEAD(taken);

	KUNIT_ASSERT_NOT_NULL(test, shrinker);
	asked = 0;
	left = 1000;
	while (!asked && (page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)) != NULL)
		list_add(&page->lru, &taken);
	list_for_each_entry_safe(page, next, &taken, lru)
		__free_page(page);
	msleep(1000);	/* kswapd comes to rest */
	remove_shrinker(shrinker);
	KUNIT_EXPECT_GT(test, asked, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(what_is_added_is_found),
	KUNIT_CASE(find_or_create_creates_once),
	KUNIT_CASE(many_are_found_at_once),
	KUNIT_CASE(tags_follow_the_pages),
	KUNIT_CASE(a_page_is_waited_for),
	KUNIT_CASE(truncating_clears_the_rest_of_a_page),
	KUNIT_CASE(only_clean_pages_are_invalidated),
	KUNIT_CASE(pages_go_over_the_lists),
	KUNIT_CASE(a_shrinker_is_asked_when_memory_is_short),
	{}
};

static struct kunit_suite suite = {
	.name = "pagecache",
	.init = make_inode,
	.exit = drop_inode,
	.test_cases = cases,
};
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
