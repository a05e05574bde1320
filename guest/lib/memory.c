#include "lib.h"

LIB void *memset(void *s, int c, size_t n)
{
	void *at = s;
	size_t words = n / 4;

	n %= 4;
	__asm__ __volatile__("rep; stosl" : "+D" (at), "+c" (words) : "a" ((u8)c * 0x01010101u) : "memory");
	__asm__ __volatile__("rep; stosb" : "+D" (at), "+c" (n) : "a" (c) : "memory");
	return s;
}

LIB void *memset16(u16 *s, u16 value, size_t count)
{
	u16 *at = s;

	__asm__ __volatile__("rep; stosw" : "+D" (at), "+c" (count) : "a" (value) : "memory");
	return s;
}

LIB void *memset32(u32 *s, u32 value, size_t count)
{
	u32 *at = s;

	__asm__ __volatile__("rep; stosl" : "+D" (at), "+c" (count) : "a" (value) : "memory");
	return s;
}

LIB void *memset64(u64 *s, u64 value, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		s[i] = value;
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

LIB int bcmp(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n);
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

LIB size_t memweight(const void *s, size_t n)
{
	const unsigned char *at = s;
	size_t weight = 0;

	while (n--)
		weight += hweight8(*at++);
	return weight;
}

/* n bytes, and `pad` up to `size`. */
LIB void memcpy_and_pad(void *to, size_t size, const void *from, size_t n, int pad)
{
	n = min(n, size);
	memcpy(to, from, n);
	memset((char *)to + n, pad, size - n);
}
