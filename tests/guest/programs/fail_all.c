/*
 * 200 allocations, and three mistakes on the ways that are taken when one fails: a leak (in `pair`), a use of what was
 * freed (in `chain`), and a NULL pointer that nobody looks at (in `label`).
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

struct pair {
	void *first, *second;
};

struct link {
	struct link *next;
	int number;
};

static int pair(struct pair *pair)
{
	pair->first = kmalloc(100, GFP_KERNEL);
	if (!pair->first)
		return -ENOMEM;
	pair->second = kmalloc(200, GFP_KERNEL);
	if (!pair->second)
		return -ENOMEM;	/* the first is lost: the caller thinks that there is nothing */
	return 0;
}

static void unpair(struct pair *pair)
{
	kfree(pair->first);
	kfree(pair->second);
}

static void unchain(struct link *chain)
{
	while (chain) {
		struct link *next = chain->next;

		kfree(chain);
		chain = next;
	}
}

static struct link *chain(int length)
{
	struct link *first = NULL;

	while (length--) {
		struct link *link = kmalloc(sizeof(*link), GFP_KERNEL);

		if (!link) {
			unchain(first);
			if (first)
				kfree(first);	/* for the second time */
			return NULL;
		}
		link->number = length;
		link->next = first;
		first = link;
	}
	return first;
}

static char *label(int number)
{
	char *text = kmalloc(16, GFP_KERNEL);

	sprintf(text, "number %d", number);	/* whether there is one or not */
	return text;
}

int main(void)
{
	struct link *links;
	void *areas[4] = { NULL };
	int i, error = 0;

	for (i = 0; i < 40 && !error; i++) {
		struct pair two = { NULL, NULL };

		error = pair(&two);
		if (!error)
			unpair(&two);
	}
	links = chain(78);
	for (i = 0; i < 40; i++)
		kfree(label(i));
	for (i = 0; i < 2; i++)
		areas[i] = kzalloc(5000, GFP_KERNEL);
	for (i = 0; i < 2; i++)
		kfree(areas[i]);
	unchain(links);
	return error || !links;
}
