/* sscanf: as lib/vsprintf.c, but a width counts for numbers too, as in C and in later kernels. */
#include <linux/ctype.h>
#include "lib.h"

#define MAX_NUMBER	64	/* characters of a number that are looked at */

static const char *skip_spaces_of(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int number_of(const char **fmt)
{
	int n = 0;

	for (; isdigit((unsigned char)**fmt); (*fmt)++)
		n = n * 10 + **fmt - '0';
	return n;
}

/* The number at *at, of at most `width` characters: 0 where there is none. A prefix alone is the number 0. */
static int scan_number(const char **at, int width, unsigned int base, int is_signed, unsigned long long *value)
{
	int negative = is_signed && width && **at == '-';
	const char *s = *at + negative, *start = s, *end = *at + width;
	int hex = s[0] == '0' && tolower(s[1]) == 'x' && isxdigit(s[2]);

	if (!base)
		base = hex ? 16 : *s == '0' ? 8 : 10;
	if (base == 16 && hex && s + 2 <= end)
		s += 2;
	*value = 0;
	for (; s < end && isxdigit(*s) && hex_to_bin(*s) < base; s++)
		*value = *value * base + hex_to_bin(*s);
	if (s == start)
		return 0;
	if (negative)
		*value = -*value;
	*at = s;
	return 1;
}

static void store(va_list *args, char size, unsigned long long value)
{
	switch (size) {
	case 'H':
		*va_arg(*args, char *) = value;
		break;
	case 'h':
		*va_arg(*args, short *) = value;
		break;
	case 'L':
		*va_arg(*args, long long *) = value;
		break;
	default:	/* int, long and size_t have 32 bits */
		*va_arg(*args, long *) = value;
	}
}

/* What the conversion that `fmt` stands at reads; where the text does not have it, NULL. */
static const char *convert(const char *s, char kind, int width, char size, int skipped, va_list *args, int *n)
{
	unsigned long long value;
	unsigned int base = kind == 'o' ? 8 : kind == 'x' || kind == 'X' ? 16 : kind == 'i' ? 0 : 10;
	char *to;

	switch (kind) {
	case 'c':
		if (width < 0)
			width = 1;
		to = skipped ? NULL : va_arg(*args, char *);
		for (; width && *s; width--, s++)
			if (to)
				*to++ = *s;
		break;
	case 's':
		s = skip_spaces_of(s);
		to = skipped ? NULL : va_arg(*args, char *);
		for (; width && *s && !isspace((unsigned char)*s); width--, s++)
			if (to)
				*to++ = *s;
		if (to)
			*to = 0;
		break;
	case 'd': case 'i': case 'u': case 'o': case 'x': case 'X':
		s = skip_spaces_of(s);
		if (!scan_number(&s, width < 0 ? MAX_NUMBER : width, base, kind == 'd' || kind == 'i', &value))
			return NULL;
		if (!skipped)
			store(args, size, value);
		break;
	default:
		return NULL;
	}
	*n += !skipped;
	return s;
}

LIB int vsscanf(const char *text, const char *fmt, va_list arguments)
{
	const char *s = text;
	va_list args;
	int n = 0;

	va_copy(args, arguments);
	while (*fmt) {
		int skipped, width;
		char size = 0;

		if (isspace((unsigned char)*fmt)) {
			fmt = skip_spaces_of(fmt);
			s = skip_spaces_of(s);
			continue;
		}
		if (*fmt != '%' || *++fmt == '%') {
			if (*s++ != *fmt++)
				break;
			continue;
		}
		skipped = *fmt == '*';
		fmt += skipped;
		width = isdigit((unsigned char)*fmt) ? number_of(&fmt) : -1;
		while (*fmt == 'h' || *fmt == 'l' || *fmt == 'L' || *fmt == 'z' || *fmt == 'Z')
			size = size == *fmt ? size - ('a' - 'A') : *fmt, fmt++;	/* hh is H, ll is L */
		if (*fmt == 'n') {
			if (!skipped)
				*va_arg(args, int *) = s - text;
		} else if (!*s || !(s = convert(s, *fmt, width, size, skipped, &args, &n))) {
			break;
		}
		if (*fmt)
			fmt++;
	}
	va_end(args);
	return n;
}

LIB int sscanf(const char *text, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsscanf(text, fmt, args);
	va_end(args);
	return n;
}
