#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/overflow.h>
#include "lib.h"

static unsigned int digit(char c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : 16;
}

LIB unsigned long long simple_strtoull(const char *text, char **end, unsigned int base)
{
	unsigned long long value = 0;
	int hex = text[0] == '0' && tolower(text[1]) == 'x' && isxdigit(text[2]);

	if (!base)
		base = hex ? 16 : text[0] == '0' ? 8 : 10;
	if (base == 16 && hex)
		text += 2;
	for (; digit(*text) < base; text++)
		value = value * base + digit(*text);
	if (end)
		*end = (char *)text;
	return value;
}

LIB long long simple_strtoll(const char *text, char **end, unsigned int base)
{
	if (*text == '-')
		return -simple_strtoull(text + 1, end, base);
	return simple_strtoull(text, end, base);
}

LIB unsigned long simple_strtoul(const char *text, char **end, unsigned int base)
{
	return simple_strtoull(text, end, base);
}

LIB long simple_strtol(const char *text, char **end, unsigned int base)
{
	return simple_strtoll(text, end, base);
}

/* The strict ones take a whole string, with one newline at its end if need be. */
static int strict(const char *text, unsigned int base, unsigned long long *result)
{
	unsigned long long value = 0;

	if (!base)
		base = text[0] != '0' ? 10 : tolower(text[1]) == 'x' && isxdigit(text[2]) ? 16 : 8;
	if (base == 16 && text[0] == '0' && tolower(text[1]) == 'x')
		text += 2;
	if (digit(*text) >= base)
		return -EINVAL;
	for (; digit(*text) < base; text++)
		if (check_mul_overflow(value, (unsigned long long)base, &value) ||
		    check_add_overflow(value, (unsigned long long)digit(*text), &value))
			return -ERANGE;
	text += *text == '\n';
	if (*text)
		return -EINVAL;
	*result = value;
	return 0;
}

LIB int kstrtoull(const char *text, unsigned int base, unsigned long long *result)
{
	return strict(text + (*text == '+'), base, result);
}

LIB int kstrtoll(const char *text, unsigned int base, long long *result)
{
	unsigned long long value;
	int error;

	if (*text != '-') {
		error = kstrtoull(text, base, &value);
		if (error)
			return error;
		if (value > LLONG_MAX)
			return -ERANGE;
		*result = value;
	} else {
		error = strict(text + 1, base, &value);
		if (error)
			return error;
		if (value > -(unsigned long long)LLONG_MIN)
			return -ERANGE;
		*result = -value;
	}
	return 0;
}

#define __KSTRTO(name, type, wide, wider)				\
LIB int kstrto##name(const char *text, unsigned int base, type *result)	\
{									\
	wide value;							\
	int error = kstrto##wider(text, base, &value);			\
									\
	if (error)							\
		return error;						\
	if (value != (type)value)					\
		return -ERANGE;						\
	*result = value;						\
	return 0;							\
}
__KSTRTO(ul, unsigned long, unsigned long long, ull)
__KSTRTO(l, long, long long, ll)
__KSTRTO(uint, unsigned int, unsigned long long, ull)
__KSTRTO(int, int, long long, ll)
__KSTRTO(u16, u16, unsigned long long, ull)
__KSTRTO(s16, s16, long long, ll)
__KSTRTO(u8, u8, unsigned long long, ull)
__KSTRTO(s8, s8, long long, ll)

LIB int kstrtobool(const char *text, bool *result)
{
	if (!text)
		return -EINVAL;
	switch (tolower(text[0])) {
	case 'y': case 't': case '1':
		*result = true;
		return 0;
	case 'n': case 'f': case '0':
		*result = false;
		return 0;
	case 'o':
		if (tolower(text[1]) == 'n' || tolower(text[1]) == 'f') {
			*result = tolower(text[1]) == 'n';
			return 0;
		}
	}
	return -EINVAL;
}

LIB int strict_strtoul(const char *text, unsigned int base, unsigned long *result)
{
	return kstrtoul(text, base, result);
}

LIB int strict_strtol(const char *text, unsigned int base, long *result)
{
	return kstrtol(text, base, result);
}
