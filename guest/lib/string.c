#include <linux/ctype.h>
#include "lib.h"

LIB size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return end - s;
}

LIB size_t strnlen(const char *s, size_t n)
{
	size_t length = 0;

	while (length < n && s[length])
		length++;
	return length;
}

LIB char *strcpy(char *to, const char *from)
{
	char *at = to;

	while ((*at++ = *from++))
		;
	return to;
}

/* Fills up with zero bytes; without room there is no zero byte at all. */
LIB char *strncpy(char *to, const char *from, size_t n)
{
	char *at = to;

	for (; n; n--)
		if ((*at++ = *from))
			from++;
	return to;
}

LIB size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t length = strlen(from);

	if (size) {
		size_t n = min(length, size - 1);

		memcpy(to, from, n);
		to[n] = 0;
	}
	return length;
}

LIB ssize_t __strscpy(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size);

	if (!size || size > INT_MAX)
		return -E2BIG;
	memcpy(to, from, min(length + 1, size));
	if (length < size)
		return length;
	to[size - 1] = 0;
	return -E2BIG;
}

/* Zero bytes up to the end. */
LIB ssize_t __strscpy_pad(char *to, const char *from, size_t size)
{
	ssize_t length = __strscpy(to, from, size);

	if (length >= 0)
		memset(to + length, 0, size - length);
	return length;
}

LIB char *stpcpy(char *to, const char *from)
{
	while ((*to = *from++))
		to++;
	return to;
}

LIB char *strcat(char *to, const char *from)
{
	strcpy(to + strlen(to), from);
	return to;
}

LIB char *strncat(char *to, const char *from, size_t n)
{
	char *at = to + strlen(to);

	n = strnlen(from, n);
	memcpy(at, from, n);
	at[n] = 0;
	return to;
}

LIB size_t strlcat(char *to, const char *from, size_t size)
{
	size_t used = strnlen(to, size);

	return used == size ? size + strlen(from) : used + strlcpy(to + used, from, size - used);
}

LIB int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		int difference = (unsigned char)*a - (unsigned char)*b;

		if (difference)
			return difference < 0 ? -1 : 1;
		if (!*a)
			break;
	}
	return 0;
}

LIB int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

LIB int strncasecmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		int difference = tolower((unsigned char)*a) - tolower((unsigned char)*b);

		if (difference || !*a)
			return difference;
	}
	return 0;
}

LIB int strnicmp(const char *a, const char *b, size_t n)
{
	return strncasecmp(a, b, n);
}

LIB int strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, SIZE_MAX);
}

LIB char *strnchr(const char *s, size_t n, int c)
{
	for (; n; n--, s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			break;
	}
	return NULL;
}

LIB char *strchr(const char *s, int c)
{
	return strnchr(s, SIZE_MAX, c);
}

/* Where c would be: at the end where there is none. */
LIB char *strnchrnul(const char *s, size_t n, int c)
{
	for (; n && *s && *s != (char)c; n--)
		s++;
	return (char *)s;
}

LIB char *strchrnul(const char *s, int c)
{
	return strnchrnul(s, SIZE_MAX, c);
}

LIB char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do {
		if (*s == (char)c)
			found = s;
	} while (*s++);
	return (char *)found;
}

LIB char *strnstr(const char *s, const char *wanted, size_t n)
{
	size_t length = strlen(wanted), left = strnlen(s, n);

	for (; left >= length; left--, s++)
		if (!memcmp(s, wanted, length))
			return (char *)s;
	return NULL;
}

LIB char *strstr(const char *s, const char *wanted)
{
	return strnstr(s, wanted, SIZE_MAX);
}

LIB size_t strspn(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && strchr(accept, s[n]))
		n++;
	return n;
}

LIB size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

LIB char *strpbrk(const char *s, const char *accept)
{
	s += strcspn(s, accept);
	return *s ? (char *)s : NULL;
}

LIB char *strsep(char **s, const char *delimiters)
{
	char *token = *s, *end;

	if (!token)
		return NULL;
	end = strpbrk(token, delimiters);
	if (end)
		*end++ = 0;
	*s = end;
	return token;
}

LIB char *strstrip(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = 0;
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

LIB char *strreplace(char *s, char old, char new)
{
	char *at;

	for (at = s; *at; at++)
		if (*at == old)
			*at = new;
	return s;
}

LIB bool sysfs_streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	a += *a == '\n';
	b += *b == '\n';
	return !*a && !*b;
}

LIB int match_string(const char *const *array, size_t n, const char *string)
{
	size_t i;

	for (i = 0; i < n && array[i]; i++)
		if (!strcmp(array[i], string))
			return i;
	return -EINVAL;
}

LIB int __sysfs_match_string(const char *const *array, size_t n, const char *string)
{
	size_t i;

	for (i = 0; i < n && array[i]; i++)
		if (sysfs_streq(array[i], string))
			return i;
	return -EINVAL;
}
