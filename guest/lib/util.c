#include <linux/slab.h>
#include "lib.h"

LIB void *kmemdup(const void *from, size_t n, gfp_t gfp)
{
	void *copy = kmalloc(n, gfp);

	return copy ? memcpy(copy, from, n) : NULL;
}

LIB char *kstrndup(const char *s, size_t max, gfp_t gfp)
{
	size_t length;
	char *copy;

	if (!s)
		return NULL;
	length = strnlen(s, max);
	copy = kmalloc(length + 1, gfp);
	if (copy) {
		memcpy(copy, s, length);
		copy[length] = 0;
	}
	return copy;
}

LIB char *kstrdup(const char *s, gfp_t gfp)
{
	return kstrndup(s, SIZE_MAX, gfp);
}

LIB void kzfree(const void *objp)
{
	if (objp)
		memset((void *)objp, 0, ksize(objp));
	kfree(objp);
}
