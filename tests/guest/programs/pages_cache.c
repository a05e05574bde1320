/* A page cache as a driver keeps one: its pages, their marks, truncating, reading through a filler. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/swap.h>

static int filled;

static int fill(void *data, struct page *page)
{
	char *p = kmap(page);

	filled++;
	snprintf(p, PAGE_CACHE_SIZE, "%s %lu", (char *)data, page->index);
	kunmap(page);
	if (page->index == 13) {
		unlock_page(page);
		return -EIO;
	}
	SetPageUptodate(page);
	unlock_page(page);
	return 0;
}

static void read_page(struct address_space *mapping, unsigned long index)
{
	struct page *page = read_cache_page(mapping, index, fill, "page");

	if (IS_ERR(page)) {
		printk("read %lu: error %ld\n", index, PTR_ERR(page));
		return;
	}
	printk("read %lu: \"%s\", filled %d\n", index, (char *)kmap(page), filled);
	kunmap(page);
	page_cache_release(page);
}

static void show(struct address_space *mapping, const char *what)
{
	struct pagevec pvec;
	unsigned int i;

	pagevec_lookup(&pvec, mapping, 0, PAGEVEC_SIZE);
	printk("%s: %lu pages:", what, mapping->nrpages);
	for (i = 0; i < pagevec_count(&pvec); i++) {
		struct page *page = pvec.pages[i];

		printk(" %lu%s%s%s", page->index, PageDirty(page) ? "d" : "", PageActive(page) ? "a" : "",
		       PageLRU(page) ? "" : "-");
	}
	printk("\n");
	pagevec_release(&pvec);
}

static void write_page(struct address_space *mapping, unsigned long index)
{
	struct page *page = grab_cache_page(mapping, index);
	char *p = kmap(page);

	memset(p, 'w', PAGE_CACHE_SIZE);
	kunmap(page);
	SetPageUptodate(page);
	set_page_dirty(page);
	unlock_page(page);
	mark_page_accessed(page);
	page_cache_release(page);
}

static void write_back(struct address_space *mapping)
{
	unsigned long index = 0;
	struct pagevec pvec;
	unsigned int i;

	printk("tagged %d %d, writing:", mapping_tagged(mapping, PAGECACHE_TAG_DIRTY),
	       mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK));
	while (pagevec_lookup_tag(&pvec, mapping, &index, PAGECACHE_TAG_DIRTY, 2)) {
		for (i = 0; i < pagevec_count(&pvec); i++) {
			struct page *page = pvec.pages[i];

			lock_page(page);
			wait_on_page_writeback(page);
			if (clear_page_dirty_for_io(page)) {
				set_page_writeback(page);
				printk(" %lu%s", page->index, PageWriteback(page) ? "" : "?");
			}
			unlock_page(page);
			end_page_writeback(page);
		}
		pagevec_release(&pvec);
	}
	printk(", tagged %d %d\n", mapping_tagged(mapping, PAGECACHE_TAG_DIRTY),
	       mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK));
}

static int released;

static int release(struct page *page, gfp_t gfp)
{
	released++;
	ClearPagePrivate(page);
	return 1;
}

static void invalidate(struct page *page, unsigned long offset)
{
	printk("invalidate page %lu from %lu on\n", page->index, offset);
	if (!offset)
		ClearPagePrivate(page);
}

int main(int argc, char **argv)
{
	static struct address_space_operations aops = { .invalidatepage = invalidate, .releasepage = release };
	struct inode *inode = new_inode(NULL);
	struct address_space *mapping = inode->i_mapping;
	struct page *page;
	char *p;

	printk("inode %lu, count %d, host %d, mask %x\n", inode->i_ino, atomic_read(&inode->i_count),
	       mapping->host == inode, mapping_gfp_mask(mapping));
	mapping_set_gfp_mask(mapping, GFP_KERNEL);
	printk("mask %x\n", mapping_gfp_mask(mapping));
	read_page(mapping, 3);
	read_page(mapping, 3);
	read_page(mapping, 13);
	read_page(mapping, 70000);
	write_page(mapping, 5);
	write_page(mapping, 5);
	write_page(mapping, 8);
	show(mapping, "written");
	lru_add_drain();
	show(mapping, "drained");
	write_page(mapping, 8);
	write_back(mapping);
	show(mapping, "clean");
	write_page(mapping, 6);
	printk("invalidated %lu\n", invalidate_mapping_pages(mapping, 4, 1000));
	show(mapping, "left");

	page = find_get_page(mapping, 6);
	printk("offset %lld, nowait %d", page_offset(page), grab_cache_page_nowait(mapping, 6) == page);
	printk(", again %d\n", grab_cache_page_nowait(mapping, 6) != NULL);
	unlock_page(page);
	page_cache_release(page);
	truncate_inode_pages(mapping, 6 * 4096 + 10);
	p = kmap(page);
	printk("truncated: %c %d %d\n", p[9], p[10], p[4095]);
	kunmap(page);
	page_cache_release(page);
	show(mapping, "truncated");

	mapping->a_ops = &aops;
	write_page(mapping, 2);
	SetPagePrivate(page = find_get_page(mapping, 2));
	page_cache_release(page);
	truncate_inode_pages(mapping, 2 * 4096 + 5);
	read_page(mapping, 3);
	truncate_inode_pages(mapping, 4 * 4096);
	SetPagePrivate(page = find_get_page(mapping, 3));
	page_cache_release(page);
	lru_add_drain();
	printk("invalidated %lu", invalidate_mapping_pages(mapping, 0, ~0UL));
	printk(", released %d\n", released);
	printk("igrab %d", igrab(inode) == inode);
	iput(inode);
	printk(", count %d\n", atomic_read(&inode->i_count));
	iput(inode);
	return 0;
}
