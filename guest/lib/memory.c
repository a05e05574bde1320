#include "lib.h"

LIB void *memset(void *s, int c, size_t n)
{
	void *at = s;

	__asm__ __volatile__("rep; stosb" : "+D" (at), "+c" (n) : "a" (c) : "memory");
	return s;
}

LIB void *memcpy(void *to, const void *from, size_t n)
{
	void *at = to;
	size_t words = n / 4;

	n %= 4;
	__asm__ __volatile__("rep; movsl" : "+D" (at), "+S" (from), "+c" (words) : : "memory");
	__asm__ __volatile__("rep; movsb" : "+D" (at), "+S" (from), "+c" (n) : : "memory");
	return to;
}

LIB void *memmove(void *to, const void *from, size_t n)
{
	void *at = (char *)to + n - 1;

	if ((unsigned long)to - (unsigned long)from >= n)
		return memcpy(to, from, n);
	from = (const char *)from + n - 1;
	__asm__ __volatile__("std; rep; movsb; cld" : "+D" (at), "+S" (from), "+c" (n) : : "memory");
	return to;
}

LIB int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

LIB void *memchr(const void *s, int c, size_t n)
{
	const unsigned char *at = s;

	for (; n; n--, at++)
		if (*at == (unsigned char)c)
			return (void *)at;
	return NULL;
}

LIB void *memscan(void *s, int c, size_t n)
{
	void *found = memchr(s, c, n);

	return found ? found : (char *)s + n;
}

/* The first byte that is not c. */
LIB void *memchr_inv(const void *s, int c, size_t n)
{
	const unsigned char *at = s;

	for (; n; n--, at++)
		if (*at != (unsigned char)c)
			return (void *)at;
	return NULL;
}
