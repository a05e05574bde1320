/* Page locks between threads: who sleeps, who is woken, and what is found when a page goes meanwhile. */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

static struct inode *inode;
static struct page *page;
static int done;

static int locker(void *data)
{
	printk("%s wants page 3\n", current->comm);
	lock_page(page);
	printk("%s has it\n", current->comm);
	msleep(20);
	unlock_page(page);
	done++;
	return 0;
}

static int finder(void *data)
{
	struct page *found = find_lock_page(inode->i_mapping, 3);

	printk("finder: %s\n", found ? "found it" : "it is gone");
	if (found) {
		unlock_page(found);
		page_cache_release(found);
	}
	done++;
	return 0;
}

static int truncater(void *data)
{
	printk("truncater starts\n");
	truncate_inode_pages(inode->i_mapping, 0);
	printk("truncater: %lu pages\n", inode->i_mapping->nrpages);
	done++;
	return 0;
}

static int writer(void *data)
{
	wait_on_page_writeback(page);
	printk("written\n");
	done++;
	return 0;
}

static int creator(void *data)
{
	struct page *mine = find_or_create_page(inode->i_mapping, 3, GFP_KERNEL);

	printk("creator: a %s page, %lu pages\n", mine == page ? "known" : "new", inode->i_mapping->nrpages);
	unlock_page(mine);
	page_cache_release(mine);
	done++;
	return 0;
}

static int putter(void *data)
{
	iput(inode);
	printk("putter: the inode is gone\n");
	done++;
	return 0;
}

static void start(int (*function)(void *), const char *name)
{
	kthread_run(function, NULL, name);
	yield();
}

static void wait_for(int count)
{
	while (done < count)
		msleep(4);
	done = 0;
}

int main(int argc, char **argv)
{
	inode = new_inode(NULL);
	page = grab_cache_page(inode->i_mapping, 3);
	start(locker, "one");
	start(locker, "two");
	start(finder, "finder");
	msleep(10);
	printk("main gives it back\n");
	unlock_page(page);
	wait_for(3);

	printk("main writes\n");
	set_page_writeback(page);
	start(writer, "writer");
	start(truncater, "truncater");
	msleep(10);
	end_page_writeback(page);
	wait_for(2);
	printk("count %d, mapping %d\n", page_count(page), page->mapping != NULL);
	page_cache_release(page);

	page = grab_cache_page(inode->i_mapping, 3);
	start(truncater, "truncater");
	start(finder, "finder");
	start(creator, "creator");
	printk("main gives it back\n");
	unlock_page(page);
	wait_for(3);
	page_cache_release(page);

	page = grab_cache_page(inode->i_mapping, 3);
	start(putter, "putter");
	printk("main: %lu pages\n", inode->i_mapping->nrpages);
	unlock_page(page);
	wait_for(1);
	printk("count %d, mapping %d\n", page_count(page), page->mapping != NULL);
	page_cache_release(page);
	return 0;
}
