/*
 * highmem: --ram 32M
 *
 * A test that says in TAP what it found.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static int number, failed;

static void ok(int good, const char *name)
{
	failed |= !good;
	printk("%sok %d - %s\n", good ? "" : "not ", ++number, name);
}

int main(int argc, char **argv)
{
	char *p = kmalloc(10, GFP_KERNEL);

	printk("TAP version 13\n1..3\n");
	ok(p != NULL, "kmalloc");
	strcpy(p, "text");
	ok(!strcmp(p, "text"), "what is written is read");
	kfree(p);
	ok(argc == 1 && strstr(argv[0], "tap_test"), "the name of the program");
	return failed;
}
