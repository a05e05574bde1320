/* The value of a pointer to what is freed may be printed and compared; nobody follows it. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	void *seen[4];
	char text[16];
	int i, n, again = 0;

	for (i = 0; i < ARRAY_SIZE(seen); i++) {
		seen[i] = kmalloc(64, GFP_KERNEL);
		kfree(seen[i]);
	}
	for (i = 0; i < ARRAY_SIZE(seen); i++)
		for (n = 0; n < i; n++)
			again += seen[i] == seen[n];
	snprintf(text, sizeof(text), "%p", seen[0]);
	printk("%d addresses came again, %d digits\n", again, (int)strlen(text));
	kfree(NULL);
	return 0;
}
