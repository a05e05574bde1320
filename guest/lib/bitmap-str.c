/* Bitmaps as text, and read from it. */
#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "lib.h"

LIB int bitmap_scnprintf(char *buf, unsigned int size, const unsigned long *map, int bits)
{
	return scnprintf(buf, size, "%*pb", bits, map);
}

LIB int bitmap_scnlistprintf(char *buf, unsigned int size, const unsigned long *map, int bits)
{
	return scnprintf(buf, size, "%*pbl", bits, map);
}

LIB int bitmap_print_to_pagebuf(bool list, char *buf, const unsigned long *map, int bits)
{
	size_t size = PAGE_SIZE - offset_in_page(buf);

	return list ? scnprintf(buf, size, "%*pbl\n", bits, map) : scnprintf(buf, size, "%*pb\n", bits, map);
}

/* `count` bytes of the text, its end included, from `offset` on. */
static int print_part(const char *fmt, char *buf, const unsigned long *map, int bits, loff_t offset, size_t count)
{
	char *text = kasprintf(GFP_KERNEL, fmt, bits, map);
	size_t length;

	if (!text)
		return -ENOMEM;
	length = strlen(text) + 1;
	count = offset >= length ? 0 : min_t(size_t, count, length - offset);
	memcpy(buf, text + offset, count);
	kfree(text);
	return count;
}

LIB int bitmap_print_bitmask_to_buf(char *buf, const unsigned long *map, int bits, loff_t offset, size_t count)
{
	return print_part("%*pb\n", buf, map, bits, offset, count);
}

LIB int bitmap_print_list_to_buf(char *buf, const unsigned long *map, int bits, loff_t offset, size_t count)
{
	return print_part("%*pbl\n", buf, map, bits, offset, count);
}

/* From the last word, which is the lowest, to the first. */
LIB int bitmap_parse(const char *text, unsigned int length, unsigned long *map, int bits)
{
	const char *end = text + strnlen(text, min_t(size_t, length, INT_MAX));
	const char *newline = strnchr(text, end - text, '\n');
	int words = 0, room = BITS_TO_LONGS(bits);

	/* What is behind a newline does not count. */
	end = newline ?: end;
	bitmap_zero(map, bits);
	while (end > text) {
		const char *start;
		unsigned long word = 0;

		while (end > text && (isspace(end[-1]) || end[-1] == ','))
			end--;
		for (start = end; start > text && !isspace(start[-1]) && start[-1] != ','; start--)
			;
		if (start == end)
			break;
		if (end - start > 8)
			return -EOVERFLOW;
		for (; start < end; start++) {
			int digit = hex_to_bin(*start);

			if (digit < 0)
				return -EINVAL;
			word = word << 4 | digit;
		}
		for (; start > text && !isspace(start[-1]) && start[-1] != ','; start--)
			;
		if (words >= room || (words == room - 1 && (word & ~BITMAP_LAST_WORD_MASK(bits))))
			return -EOVERFLOW;
		map[words++] = word;
		end = start;
	}
	return 0;
}

/* A number, or N for the last bit. */
static const char *number(const char *text, unsigned int *value, int bits)
{
	unsigned long long n = 0;

	if (*text == 'N') {
		*value = bits - 1;
		return text + 1;
	}
	if (!isdigit(*text))
		return ERR_PTR(-EINVAL);
	for (; isdigit(*text); text++) {
		n = n * 10 + *text - '0';
		if (n > UINT_MAX)
			return ERR_PTR(-EOVERFLOW);
	}
	*value = n;
	return text;
}

static bool ends_region(char c)
{
	return !c || c == ',' || isspace(c);
}

/* "3", "3-8", "0-31:1/4", "all": what stands behind it. */
static const char *region(const char *text, unsigned long *map, int bits)
{
	unsigned int start = 0, end, used, group, at;

	if (!strncasecmp(text, "all", 3)) {
		end = bits - 1;
		text += 3;
	} else {
		text = number(text, &start, bits);
		if (IS_ERR(text))
			return text;
		end = start;
		if (*text == '-') {
			text = number(text + 1, &end, bits);
			if (IS_ERR(text))
				return text;
		} else if (!ends_region(*text)) {
			return ERR_PTR(-EINVAL);
		}
	}
	used = group = end - start + 1;
	if (*text == ':') {
		text = number(text + 1, &used, bits);
		if (IS_ERR(text))
			return text;
		if (*text != '/')
			return ERR_PTR(-EINVAL);
		text = number(text + 1, &group, bits);
		if (IS_ERR(text))
			return text;
	}
	if (!ends_region(*text) || start > end || !group || used > group)
		return ERR_PTR(-EINVAL);
	if (end >= bits)
		return ERR_PTR(-ERANGE);
	for (at = start; at <= end && at >= start; at += group)
		bitmap_set(map, at, min(used, end - at + 1));
	return text;
}

LIB int bitmap_parselist(const char *text, unsigned long *map, int bits)
{
	bitmap_zero(map, bits);
	while (text) {
		while (*text == ',' || (isspace(*text) && *text != '\n'))
			text++;
		if (!*text || *text == '\n')
			return 0;
		text = region(text, map, bits);
		if (IS_ERR(text))
			return PTR_ERR(text);
	}
	return -EINVAL;
}

static int parse_user(const char __user *text, unsigned int length, unsigned long *map, int bits, bool list)
{
	char *copy = kmalloc(length + 1, GFP_KERNEL);
	int error;

	if (!copy)
		return -ENOMEM;
	copy[length] = 0;
	error = copy_from_user(copy, text, length) ? -EFAULT :
		list ? bitmap_parselist(copy, map, bits) : bitmap_parse(copy, length, map, bits);
	kfree(copy);
	return error;
}

LIB int bitmap_parse_user(const char __user *text, unsigned int length, unsigned long *map, int bits)
{
	return parse_user(text, length, map, bits, false);
}

LIB int bitmap_parselist_user(const char __user *text, unsigned int length, unsigned long *map, int bits)
{
	return parse_user(text, length, map, bits, true);
}

LIB unsigned long *bitmap_alloc(unsigned int bits, gfp_t flags)
{
	return kmalloc(BITS_TO_LONGS(bits) * sizeof(long), flags);
}

LIB unsigned long *bitmap_zalloc(unsigned int bits, gfp_t flags)
{
	return kzalloc(BITS_TO_LONGS(bits) * sizeof(long), flags);
}

LIB void bitmap_free(const unsigned long *map)
{
	kfree(map);
}
