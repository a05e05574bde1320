#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/parser.h>
#include <linux/slab.h>
#include "lib.h"

/* The end of the argument of a kind that text begins with, NULL where there is none of it. A string may be limited. */
static char *argument(char kind, char *text, size_t limit)
{
	char *end;

	if (kind == 's') {
		end = text + strnlen(text, limit);
		return end == text ? NULL : end;
	}
	if (kind == 'd')
		simple_strtol(text, &end, 0);
	else
		simple_strtoul(text, &end, kind == 'o' ? 8 : kind == 'x' ? 16 : 0);
	return end == text || (kind == 'd' && end == text + 1 && *text == '-') ? NULL : end;
}

static bool matches(char *text, const char *pattern, substring_t *args)
{
	int n = 0;

	for (;;) {
		size_t limit = SIZE_MAX;
		const char *next;

		if (*pattern != '%' || pattern[1] == '%') {
			pattern += *pattern == '%';
			if (*pattern != *text)
				return false;
			if (!*text)
				return true;
			pattern++, text++;
			continue;
		}
		next = pattern + 1;
		if (isdigit(*next))
			limit = simple_strtoul(next, (char **)&next, 10);
		if (n >= MAX_OPT_ARGS)
			return false;
		args[n].from = text;
		text = argument(*next, text, limit);
		if (!text)
			return false;
		args[n++].to = text;
		pattern = next + 1;
	}
}

LIB int match_token(char *text, const struct match_token table[], substring_t args[])
{
	while (table->pattern && !matches(text, table->pattern, args))
		table++;
	return table->token;
}

LIB size_t match_strlcpy(char *to, const substring_t *arg, size_t size)
{
	size_t length = arg->to - arg->from;

	if (size) {
		size_t n = min(length, size - 1);

		memcpy(to, arg->from, n);
		to[n] = 0;
	}
	return length;
}

LIB void match_strcpy(char *to, const substring_t *arg)
{
	match_strlcpy(to, arg, arg->to - arg->from + 1);
}

LIB char *match_strdup(const substring_t *arg)
{
	return kmemdup_nul(arg->from, arg->to - arg->from, GFP_KERNEL);
}

static int number(substring_t *arg, unsigned int base, bool is_signed, void *result, int size)
{
	char text[32];
	unsigned long long value;
	long long n;
	int error;

	if (match_strlcpy(text, arg, sizeof(text)) >= sizeof(text))
		return -ERANGE;
	if (is_signed) {
		error = kstrtoll(text, base, &n);
		if (!error && n != (int)n)
			error = -ERANGE;
		value = n;
	} else {
		error = kstrtoull(text, base, &value);
		if (!error && size == 4 && value != (u32)value)
			error = -ERANGE;
	}
	if (!error)
		memcpy(result, &value, size);
	return error;
}

LIB int match_int(substring_t *arg, int *result)
{
	return number(arg, 0, true, result, 4);
}

LIB int match_uint(substring_t *arg, unsigned int *result)
{
	return number(arg, 0, false, result, 4);
}

LIB int match_u64(substring_t *arg, u64 *result)
{
	return number(arg, 0, false, result, 8);
}

LIB int match_octal(substring_t *arg, int *result)
{
	return number(arg, 8, true, result, 4);
}

LIB int match_hex(substring_t *arg, int *result)
{
	return number(arg, 16, true, result, 4);
}

LIB bool match_wildcard(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++, text++;
		} else if (star) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
