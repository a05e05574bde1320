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

LIB char *kvasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	unsigned int length;
	va_list again;
	char *text;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = kmalloc(length + 1, gfp);
	if (text)
		vsnprintf(text, length + 1, fmt, args);
	return text;
}

LIB char *kasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = kvasprintf(gfp, fmt, args);
	va_end(args);
	return text;
}
