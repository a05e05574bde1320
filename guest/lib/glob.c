#include <linux/glob.h>
#include "lib.h"

/* Whether the class behind a '[' has the character: 1 or 0, and *end is behind its ']'; -1 where it has no end. */
static int in_class(const char *class, unsigned char c, const char **end)
{
	int inverted = *class == '!', found = 0;
	const char *at = class + inverted, *first = at;

	/* A ']' in the first place stands for itself. */
	for (; at == first || *at != ']'; at++) {
		unsigned char low = *at, high = low;

		if (!low)
			return -1;
		if (at[1] == '-' && at[2] && at[2] != ']') {
			high = at[2];
			at += 2;
		}
		found |= low <= c && c <= high;
	}
	*end = at + 1;
	return found != inverted;
}

/* Whether the pattern's first element, behind which *end is, stands for the character. */
static bool matches(const char *pattern, char c, const char **end)
{
	int found;

	*end = pattern + 1;
	switch (*pattern) {
	case '?':
		return c != 0;
	case '[':
		found = in_class(pattern + 1, c, end);
		return c && (found < 0 ? c == '[' : found);
	case '\\':
		if (pattern[1])
			*end = ++pattern + 1;
	}
	return *pattern == c;
}

LIB bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL, *end;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*text && *pattern && matches(pattern, *text, &end)) {
			pattern = end;
			text++;
		} else if (!*text && !*pattern) {
			return true;
		} else if (star && *resume) {
			/* The last star takes one more. */
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
}
