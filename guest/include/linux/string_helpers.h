#ifndef _LINUX_STRING_HELPERS_H
#define _LINUX_STRING_HELPERS_H

#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/string.h>
#include <linux/string_choices.h>
#include <linux/types.h>

/* size * blk_size bytes as "8.39 MB", or "8.00 MiB": three digits. The length. */
enum string_size_units {
	STRING_UNITS_10,
	STRING_UNITS_2,
	STRING_UNITS_MASK = BIT(0),
	STRING_UNITS_NO_SPACE = BIT(30),
	STRING_UNITS_NO_BYTES = BIT(31),
};
extern int string_get_size(u64 size, u64 blk_size, const enum string_size_units units, char *buf, int len);

/* What is undone: \n and its like, \101, \x41, \" \\ \a \e. The length without the zero byte that ends it. */
#define UNESCAPE_SPACE		BIT(0)
#define UNESCAPE_OCTAL		BIT(1)
#define UNESCAPE_HEX		BIT(2)
#define UNESCAPE_SPECIAL	BIT(3)
#define UNESCAPE_ANY		(UNESCAPE_SPACE | UNESCAPE_OCTAL | UNESCAPE_HEX | UNESCAPE_SPECIAL)
#define UNESCAPE_ALL_MASK	GENMASK(3, 0)
extern int string_unescape(char *from, char *to, size_t size, unsigned int flags);
#define string_unescape_inplace(buf, flags)	string_unescape(buf, buf, 0, flags)
#define string_unescape_any(from, to, size)	string_unescape(from, to, size, UNESCAPE_ANY)
#define string_unescape_any_inplace(buf)	string_unescape_any(buf, buf, 0)

/*
 * What is escaped, and how: NP leaves what is printable, NA what is ASCII, NAP what is both. `only` names the
 * characters that are looked at; with APPEND, those that are escaped beside what NP, NA and NAP let through.
 */
#define ESCAPE_SPACE		BIT(0)
#define ESCAPE_SPECIAL		BIT(1)
#define ESCAPE_NULL		BIT(2)
#define ESCAPE_OCTAL		BIT(3)
#define ESCAPE_ANY		(ESCAPE_SPACE | ESCAPE_OCTAL | ESCAPE_SPECIAL | ESCAPE_NULL)
#define ESCAPE_NP		BIT(4)
#define ESCAPE_ANY_NP		(ESCAPE_ANY | ESCAPE_NP)
#define ESCAPE_HEX		BIT(5)
#define ESCAPE_NA		BIT(6)
#define ESCAPE_NAP		BIT(7)
#define ESCAPE_APPEND		BIT(8)
#define ESCAPE_ALL_MASK		GENMASK(8, 0)

/* The length that the whole text has; there is no zero byte at its end. */
extern int string_escape_mem(const char *from, size_t len, char *to, size_t size, unsigned int flags,
			     const char *only);
#define string_escape_mem_any_np(from, len, to, size, only) \
	string_escape_mem(from, len, to, size, ESCAPE_ANY_NP, only)
#define string_escape_str(from, to, size, flags, only) \
	string_escape_mem(from, strlen(from), to, size, flags, only)
#define string_escape_str_any_np(from, to, size, only) \
	string_escape_str(from, to, size, ESCAPE_ANY_NP, only)

static inline void string_upper(char *to, const char *from)
{
	while ((*to++ = toupper(*from++)))
		;
}

static inline void string_lower(char *to, const char *from)
{
	while ((*to++ = tolower(*from++)))
		;
}

/* n strings PREFIX-0, PREFIX-1, ..., in an array that ends at a NULL. */
extern char **kasprintf_strarray(gfp_t gfp, const char *prefix, size_t n);
extern void kfree_strarray(char **array, size_t n);

#endif
