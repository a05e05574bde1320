/* A softirq asks with GFP_KERNEL while there is nothing: a mistake, which 2.6.20 lets pass as well as it can. */
#include "reclaim.h"

static void handler(void *data)
{
	struct page *page = alloc_page(GFP_KERNEL);

	printk("the handler has %s\n", page ? "its page" : "nothing");
	if (page)
		__free_page(page);
}

int main(void)
{
	exhaust();
	run_in_softirq(handler, NULL);
	handler(NULL);
	return 0;
}
