/* Numbers on a command line: as lib/cmdline.c. */
#include <linux/ctype.h>
#include "lib.h"

LIB unsigned long long memparse(const char *text, char **end)
{
	static const char units[] = "KMGTPE";
	char *rest;
	unsigned long long value = simple_strtoull(text, &rest, 0);
	const char *unit = *rest ? strchr(units, toupper(*rest)) : NULL;

	if (unit) {
		value <<= 10 * (unit - units + 1);
		rest++;
	}
	if (end)
		*end = rest;
	return value;
}

/*
 * The integer at *text into *value: 0 where there is none, 2 where a comma follows (and is passed), 3 where a '-'
 * does, 1 else. A '-' alone is passed too.
 */
LIB int get_option(char **text, int *value)
{
	char *at = *text, *digits;
	int number;

	if (!at || !*at)
		return 0;
	digits = at + (*at == '-');
	number = simple_strtoull(digits, text, 0);
	if (value)
		*value = digits == at ? number : -number;
	if (*text == digits)
		return 0;
	if (**text == '-')
		return 3;
	if (**text != ',')
		return 1;
	(*text)++;
	return 2;
}

/* The numbers from *value to the one behind the '-', as far as there is room: how many, negative for none. */
static int range(char **text, int *value, int room)
{
	int last, n = 0, number = *value;

	(*text)++;
	if (!get_option(text, &last))
		return -1;
	for (; number <= last; number++, n++)
		if (n < room)
			value[n] = number;
	return n;
}

/*
 * Integers with commas between them, and ranges "3-7", into values[1] and on, at most count - 1; how many there are
 * into values[0]. With a count of 0 they are only counted.
 */
LIB char *get_options(const char *text, int count, int *values)
{
	char *at = (char *)text;
	int n = 1, one;

	while (!count || n < count) {
		int *value = count ? values + n : &one, more = get_option(&at, value);

		if (!more)
			break;
		if (more == 3) {
			int length = range(&at, value, count ? count - n : 0);

			if (length < 0)
				break;
			n += length;
			more = at[-1] == ',' ? 2 : 1;
		} else {
			n++;
		}
		if (more == 1)
			break;
	}
	values[0] = (count ? min(n, count) : n) - 1;
	return at;
}
