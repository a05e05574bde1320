#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H

#include <linux/types.h>

extern void *memset(void *s, int c, size_t n);
extern void *memcpy(void *to, const void *from, size_t n);
extern void *memmove(void *to, const void *from, size_t n);
extern int memcmp(const void *a, const void *b, size_t n);
extern void *memchr(const void *s, int c, size_t n);
extern void *memscan(void *s, int c, size_t n);
extern void *memchr_inv(const void *s, int c, size_t n);

extern size_t strlen(const char *s);
extern size_t strnlen(const char *s, size_t n);
extern char *strcpy(char *to, const char *from);
extern char *strncpy(char *to, const char *from, size_t n);
extern size_t strlcpy(char *to, const char *from, size_t size);
extern ssize_t strscpy(char *to, const char *from, size_t size);
extern char *strcat(char *to, const char *from);
extern char *strncat(char *to, const char *from, size_t n);
extern size_t strlcat(char *to, const char *from, size_t size);
extern int strcmp(const char *a, const char *b);
extern int strncmp(const char *a, const char *b, size_t n);
extern int strnicmp(const char *a, const char *b, size_t n);
extern int strcasecmp(const char *a, const char *b);
extern int strncasecmp(const char *a, const char *b, size_t n);
extern char *strchr(const char *s, int c);
extern char *strnchr(const char *s, size_t n, int c);
extern char *strrchr(const char *s, int c);
extern char *strstr(const char *s, const char *wanted);
extern char *strpbrk(const char *s, const char *accept);
extern size_t strspn(const char *s, const char *accept);
extern size_t strcspn(const char *s, const char *reject);
extern char *strsep(char **s, const char *delimiters);
extern char *strstrip(char *s);

#define strim(s)	strstrip(s)

static inline char *strchrnul(const char *s, int c)
{
	while (*s && *s != (char)c)
		s++;
	return (char *)s;
}

static inline char *skip_spaces(const char *s)
{
	return (char *)s + strspn(s, " \t\n\v\f\r");
}

/* The length of a prefix that is there, else 0. */
static inline size_t str_has_prefix(const char *s, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(s, prefix, length) ? 0 : length;
}

#define __MEMSET(bits)							\
static inline void *memset##bits(u##bits *s, u##bits value, size_t count) \
{									\
	size_t i;							\
									\
	for (i = 0; i < count; i++)					\
		s[i] = value;						\
	return s;							\
}
__MEMSET(16)
__MEMSET(32)
__MEMSET(64)
#undef __MEMSET

extern char *kstrdup(const char *s, gfp_t gfp);
extern char *kstrndup(const char *s, size_t max, gfp_t gfp);
extern void *kmemdup(const void *from, size_t n, gfp_t gfp);

#endif
