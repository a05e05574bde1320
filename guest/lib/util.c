/* What is made of the allocators: as mm/util.c. */
#include <linux/overflow.h>
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

LIB char *kmemdup_nul(const char *s, size_t n, gfp_t gfp)
{
	char *copy = s ? kmalloc(n + 1, gfp) : NULL;

	if (copy) {
		memcpy(copy, s, n);
		copy[n] = 0;
	}
	return copy;
}

LIB void *kmemdup_array(const void *from, size_t count, size_t size, gfp_t gfp)
{
	return kmemdup(from, size_mul(count, size), gfp);
}

/* Constant strings are not told from others here: each is copied. */
LIB const char *kstrdup_const(const char *s, gfp_t gfp)
{
	return kstrdup(s, gfp);
}

LIB void kfree_const(const void *s)
{
	kfree(s);
}

LIB void **__memcat_p(void **a, void **b)
{
	size_t n = 0, m = 0;
	void **all;

	while (a[n])
		n++;
	while (b[m])
		m++;
	all = kmalloc_array(n + m + 1, sizeof(void *), GFP_KERNEL);
	if (all) {
		memcpy(all, a, n * sizeof(void *));
		memcpy(all + n, b, (m + 1) * sizeof(void *));
	}
	return all;
}

/* One memory block for all: the pointers, and behind them the text, cut into words. */
LIB char **argv_split(gfp_t gfp, const char *text, int *count)
{
	size_t length = ALIGN(strlen(text) + 1, sizeof(char *));
	int n = 0;
	const char *at;
	char **words, *copy;

	for (at = skip_spaces(text); *at; at = skip_spaces(at), n++)
		at += strcspn(at, " \t\n\v\f\r");
	words = kmalloc((n + 1) * sizeof(char *) + length, gfp);
	if (!words)
		return NULL;
	copy = strcpy((char *)(words + n + 1), text);
	if (count)
		*count = n;
	for (n = 0, copy = skip_spaces(copy); *copy; copy = skip_spaces(copy)) {
		words[n++] = copy;
		copy += strcspn(copy, " \t\n\v\f\r");
		if (*copy)
			*copy++ = 0;
	}
	words[n] = NULL;
	return words;
}

LIB void argv_free(char **words)
{
	kfree(words);
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
