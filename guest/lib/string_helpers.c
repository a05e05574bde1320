/* Sizes for people, and characters that do not print. */
#include <linux/ctype.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include "lib.h"

/* A number of 128 bits, lowest word first, by a small one: the remainder. */
static u32 divide(u32 *words, u32 divisor)
{
	u32 rest = 0;
	int i;

	for (i = 3; i >= 0; i--)
		words[i] = div_u64_rem((u64)rest << 32 | words[i], divisor, &rest);
	return rest;
}

LIB int string_get_size(u64 size, u64 blk_size, const enum string_size_units units, char *buf, int len)
{
	static const char prefixes[] = "kMGTPEZY";
	bool binary = units & STRING_UNITS_MASK;
	u32 divisor = binary ? 1024 : 1000, rest = 0, whole, scale = 1;
	u64 low = size * blk_size, high = mul_u64_u64_shr(size, blk_size, 64);
	u32 words[4] = { low, low >> 32, high, high >> 32 };
	const char *space = units & STRING_UNITS_NO_SPACE ? "" : " ";
	char unit[5], *at = unit;
	int order = 0, digits = 0;

	for (; words[0] >= divisor || words[1] || words[2] || words[3]; order++)
		rest = divide(words, divisor);
	whole = words[0];
	if (order) {
		/* As many digits behind the point as make three, rounded; a round up may need one less. */
		for (scale = 100, digits = 2; digits && whole * scale >= 1000; digits--)
			scale /= 10;
		rest = (rest * scale + divisor / 2) / divisor;
		if (rest >= scale) {
			rest -= scale;
			if (++whole == divisor) {
				whole = 1;
				order++;
				scale = 100;
				digits = 2;
			} else if (digits && whole * scale >= 1000) {
				digits--;
			}
		}
		*at++ = binary && order == 1 ? 'K' : prefixes[order - 1];
		if (binary)
			*at++ = 'i';
	}
	if (!(units & STRING_UNITS_NO_BYTES))
		*at++ = 'B';
	*at = 0;
	if (!digits)
		return snprintf(buf, len, "%u%s%s", whole, space, unit);
	return snprintf(buf, len, "%u.%0*u%s%s", whole, digits, rest, space, unit);
}

/* The character that a letter behind a backslash stands for, -1 where it stands for none. */
static int plain_of(char letter, unsigned int flags)
{
	static const char spaces[] = "n\nr\rt\tv\vf\f", specials[] = "\"\"\\\\a\ae\e";
	const char *at;

	for (at = flags & UNESCAPE_SPACE ? spaces : ""; *at; at += 2)
		if (*at == letter)
			return at[1];
	for (at = flags & UNESCAPE_SPECIAL ? specials : ""; *at; at += 2)
		if (*at == letter)
			return at[1];
	return -1;
}

/* Up to `most` digits: the number that they make, and *from is behind them; -1 for none. */
static int number(char **from, int base, int most)
{
	int value = -1, digit;

	for (; most--; (*from)++) {
		digit = hex_to_bin(**from);
		if (digit < 0 || digit >= base || (base == 8 && value >= 0 && value * 8 + digit > 255))
			break;
		value = max(value, 0) * base + digit;
	}
	return value;
}

LIB int string_unescape(char *from, char *to, size_t size, unsigned int flags)
{
	char *start = to;

	if (!size)
		size = SIZE_MAX;
	while (*from && --size) {
		char *next = from + 1;
		int value = -1;

		if (*from == '\\' && size > 1) {
			value = plain_of(*next, flags);
			if (value >= 0)
				next++;
			if (value < 0 && (flags & UNESCAPE_OCTAL))
				value = number(&next, 8, 3);
			if (value < 0 && (flags & UNESCAPE_HEX) && *next == 'x') {
				next++;
				value = number(&next, 16, 2);
			}
			if (value < 0)
				next = from + 1;
		}
		*to++ = value < 0 ? *from : value;
		from = next;
	}
	*to = 0;
	return to - start;
}

/* How a byte is written under the flags: the length. */
static int escape(unsigned char c, unsigned int flags, char *text)
{
	static const char spaces[] = "n\nr\rt\tv\vf\f", specials[] = "\"\"\\\\a\ae\e";
	const char *at;

	text[0] = '\\';
	for (at = flags & ESCAPE_SPACE ? spaces : ""; *at; at += 2)
		if (at[1] == c)
			return text[1] = at[0], 2;
	for (at = flags & ESCAPE_SPECIAL ? specials : ""; *at; at += 2)
		if (at[1] == c)
			return text[1] = at[0], 2;
	if ((flags & ESCAPE_NULL) && !c)
		return text[1] = '0', 2;
	if (flags & ESCAPE_OCTAL)
		return sprintf(text, "\\%03o", c);
	if (flags & ESCAPE_HEX)
		return sprintf(text, "\\x%02x", c);
	text[0] = c;
	return 1;
}

/* Whether a byte is one of those that are escaped. */
static bool is_escaped(unsigned char c, unsigned int flags, const char *only)
{
	bool listed = only && *only, in_list = listed && strchr(only, c);

	if (listed && !(flags & ESCAPE_APPEND) && !in_list)
		return false;
	if (in_list && (flags & ESCAPE_APPEND))
		return true;
	if ((flags & ESCAPE_NAP) && isascii(c) && isprint(c))
		return false;
	if ((flags & ESCAPE_NP) && isprint(c))
		return false;
	return !((flags & ESCAPE_NA) && isascii(c));
}

LIB int string_escape_mem(const char *from, size_t len, char *to, size_t size, unsigned int flags, const char *only)
{
	size_t at = 0;

	for (; len--; from++) {
		char text[5] = { *from };
		int length = is_escaped(*from, flags, only) ? escape(*from, flags, text) : 1;

		if (at + length <= size)
			memcpy(to + at, text, length);
		at += length;
	}
	return at;
}

LIB void kfree_strarray(char **array, size_t n)
{
	size_t i;

	for (i = 0; array && i < n; i++)
		kfree(array[i]);
	kfree(array);
}

LIB char **kasprintf_strarray(gfp_t gfp, const char *prefix, size_t n)
{
	char **array = kcalloc(n + 1, sizeof(char *), gfp);
	size_t i;

	for (i = 0; array && i < n; i++) {
		array[i] = kasprintf(gfp, "%s-%zu", prefix, i);
		if (!array[i]) {
			kfree_strarray(array, n);
			return NULL;
		}
	}
	return array;
}
