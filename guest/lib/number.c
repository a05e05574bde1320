#include <linux/ctype.h>
#include <linux/errno.h>
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
static int strict(const char *text, unsigned int base, int may_be_negative, long long *result)
{
	int negative = *text == '-';
	const char *digits = text + (negative || *text == '+');
	char *end;

	if ((negative && !may_be_negative) || digit(*digits) >= (base ? base : 10))
		return -EINVAL;
	*result = simple_strtoull(digits, &end, base);
	if (negative)
		*result = -*result;
	if (*end == '\n')
		end++;
	return *end ? -EINVAL : 0;
}

LIB int kstrtoul(const char *text, unsigned int base, unsigned long *result)
{
	long long value;
	int error = strict(text, base, 0, &value);

	if (!error && (unsigned long long)value > ULONG_MAX)
		return -ERANGE;
	if (!error)
		*result = value;
	return error;
}

LIB int kstrtol(const char *text, unsigned int base, long *result)
{
	long long value;
	int error = strict(text, base, 1, &value);

	if (!error && value != (long)value)
		return -ERANGE;
	if (!error)
		*result = value;
	return error;
}

LIB int kstrtouint(const char *text, unsigned int base, unsigned int *result)
{
	unsigned long value;
	int error = kstrtoul(text, base, &value);

	if (!error)
		*result = value;
	return error;
}

LIB int kstrtoint(const char *text, unsigned int base, int *result)
{
	long value;
	int error = kstrtol(text, base, &value);

	if (!error)
		*result = value;
	return error;
}

LIB int strict_strtoul(const char *text, unsigned int base, unsigned long *result)
{
	return kstrtoul(text, base, result);
}

LIB int strict_strtol(const char *text, unsigned int base, long *result)
{
	return kstrtol(text, base, result);
}

LIB unsigned long long memparse(const char *text, char **end)
{
	char *rest;
	unsigned long long value = simple_strtoull(text, &rest, 0);
	int shift = *rest == 'G' || *rest == 'g' ? 30 : *rest == 'M' || *rest == 'm' ? 20 :
		    *rest == 'K' || *rest == 'k' ? 10 : 0;

	if (end)
		*end = rest + (shift != 0);
	return value << shift;
}

LIB unsigned long int_sqrt(unsigned long x)
{
	unsigned long root = 0, bit = 1UL << 30;

	for (; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root += 2 * bit;
		}
		root >>= 1;
	}
	return root;
}

/* The integer at *text into *value: 0 where there is none, 2 where a comma follows (and is passed), 1 else. */
LIB int get_option(char **text, int *value)
{
	char *at = *text;

	if (!at || !*at)
		return 0;
	*value = simple_strtol(at, text, 0);
	if (at == *text)
		return 0;
	if (**text != ',')
		return 1;
	(*text)++;
	return 2;
}

/* Integers with commas between them into values[1] and on, at most count - 1; their number into values[0]. */
LIB char *get_options(const char *text, int count, int *values)
{
	int n = 1;

	while (n < count) {
		int more = get_option((char **)&text, values + n);

		n += more != 0;
		if (more < 2)
			break;
	}
	values[0] = n - 1;
	return (char *)text;
}
