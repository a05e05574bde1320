#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H

#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/stdarg.h>
#include <linux/types.h>

extern void *memset(void *s, int c, size_t n);
extern void *memcpy(void *to, const void *from, size_t n);
extern void *memmove(void *to, const void *from, size_t n);
extern int memcmp(const void *a, const void *b, size_t n);
extern int bcmp(const void *a, const void *b, size_t n);
extern void *memchr(const void *s, int c, size_t n);
extern void *memscan(void *s, int c, size_t n);
extern void *memchr_inv(const void *s, int c, size_t n);
extern void *memset16(u16 *s, u16 value, size_t count);
extern void *memset32(u32 *s, u32 value, size_t count);
extern void *memset64(u64 *s, u64 value, size_t count);
extern size_t memweight(const void *s, size_t n);
extern void memcpy_and_pad(void *to, size_t size, const void *from, size_t n, int pad);

#define memset_l(s, value, count)	memset32((u32 *)(s), value, count)
#define memset_p(s, value, count)	memset32((u32 *)(s), (u32)(value), count)
#define memzero_explicit(s, n)		((void)memset(s, 0, n))
#define mem_is_zero(s, n)		(!memchr_inv(s, 0, n))
#define unsafe_memcpy(to, from, n, why)	memcpy(to, from, n)

extern size_t strlen(const char *s);
extern size_t strnlen(const char *s, size_t n);
extern char *strcpy(char *to, const char *from);
extern char *strncpy(char *to, const char *from, size_t n);
extern size_t strlcpy(char *to, const char *from, size_t size);
extern char *strcat(char *to, const char *from);
extern char *strncat(char *to, const char *from, size_t n);
extern size_t strlcat(char *to, const char *from, size_t size);
extern int strcmp(const char *a, const char *b);
extern int strncmp(const char *a, const char *b, size_t n);
extern int strnicmp(const char *a, const char *b, size_t n);
extern int strcasecmp(const char *a, const char *b);
extern int strncasecmp(const char *a, const char *b, size_t n);
extern char *strchr(const char *s, int c);
extern char *strchrnul(const char *s, int c);
extern char *strnchr(const char *s, size_t n, int c);
extern char *strnchrnul(const char *s, size_t n, int c);
extern char *strrchr(const char *s, int c);
extern char *strstr(const char *s, const char *wanted);
extern char *strnstr(const char *s, const char *wanted, size_t n);
extern char *strpbrk(const char *s, const char *accept);
extern size_t strspn(const char *s, const char *accept);
extern size_t strcspn(const char *s, const char *reject);
extern char *strsep(char **s, const char *delimiters);
extern char *strstrip(char *s);
extern char *strreplace(char *s, char old, char new);
extern char *stpcpy(char *to, const char *from);

/* The length that was copied, -E2BIG where the text was cut. Without a size, that of the array which `to` is. */
extern ssize_t __strscpy(char *to, const char *from, size_t size);
extern ssize_t __strscpy_pad(char *to, const char *from, size_t size);
#define __strscpy_2(to, from)		__strscpy(to, from, sizeof(to) + 0 * __must_be_array(to))
#define __strscpy_3(to, from, size)	__strscpy(to, from, size)
#define strscpy(...)	__PASTE(__strscpy_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define __strscpy_pad_2(to, from)	__strscpy_pad(to, from, sizeof(to) + 0 * __must_be_array(to))
#define __strscpy_pad_3(to, from, size)	__strscpy_pad(to, from, size)
#define strscpy_pad(...)	__PASTE(__strscpy_pad_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define strim(s)	strstrip(s)

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

#define strstarts(s, prefix)	(strncmp(s, prefix, strlen(prefix)) == 0)

static inline bool strends(const char *s, const char *suffix)
{
	size_t length = strlen(s), n = strlen(suffix);

	return length >= n && !memcmp(s + length - n, suffix, n);
}

static inline const char *kbasename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Arrays that need no zero byte at the end, from strings and to them. */
#define strtomem(to, from) do {						\
	const char *__from = (const char *)(from);			\
	memcpy(to, __from, strnlen(__from, sizeof(to)));		\
} while (0)
#define strtomem_pad(to, from, pad) do {				\
	const char *__from = (const char *)(from);			\
	memcpy_and_pad(to, sizeof(to), __from, strnlen(__from, sizeof(to)), pad); \
} while (0)
#define memtostr(to, from) do {						\
	const char *__from = (const char *)(from);			\
	size_t __length = strnlen(__from, sizeof(from) < sizeof(to) - 1 ? sizeof(from) : sizeof(to) - 1); \
	memcpy(to, __from, __length);					\
	(to)[__length] = 0;						\
} while (0)
#define memtostr_pad(to, from) do {					\
	const char *__from = (const char *)(from);			\
	size_t __length = strnlen(__from, sizeof(from) < sizeof(to) - 1 ? sizeof(from) : sizeof(to) - 1); \
	memcpy_and_pad(to, sizeof(to), __from, __length, 0);		\
} while (0)

/* The bytes of a struct behind a member, and from one on. */
#define memset_after(obj, value, member) ({				\
	u8 *__obj = (u8 *)(obj);					\
	typeof(value) __value = (value);				\
	memset(__obj + offsetofend(typeof(*(obj)), member), __value,	\
	       sizeof(*(obj)) - offsetofend(typeof(*(obj)), member)); })
#define memset_startat(obj, value, member) ({				\
	u8 *__obj = (u8 *)(obj);					\
	typeof(value) __value = (value);				\
	memset(__obj + offsetof(typeof(*(obj)), member), __value,	\
	       sizeof(*(obj)) - offsetof(typeof(*(obj)), member)); })

/* One newline at the end of either does not count. */
extern bool sysfs_streq(const char *a, const char *b);

/* The index of a string in a list that ends at n or at a NULL, -EINVAL. */
extern int match_string(const char *const *array, size_t n, const char *string);
extern int __sysfs_match_string(const char *const *array, size_t n, const char *string);
#define sysfs_match_string(array, string)	__sysfs_match_string(array, ARRAY_SIZE(array), string)

extern char *kstrdup(const char *s, gfp_t gfp);
extern char *kstrndup(const char *s, size_t max, gfp_t gfp);
extern void *kmemdup(const void *from, size_t n, gfp_t gfp);
extern char *kmemdup_nul(const char *s, size_t n, gfp_t gfp);
extern const char *kstrdup_const(const char *s, gfp_t gfp);
extern void kfree_const(const void *s);
extern void *kmemdup_array(const void *from, size_t count, size_t size, gfp_t gfp);
extern void *kvmemdup(const void *from, size_t n, gfp_t gfp);
extern void *memdup_user(const void __user *from, size_t n);	/* or an ERR_PTR; "nul": with a zero byte behind */
extern void *memdup_user_nul(const void __user *from, size_t n);

/* The words of a text, as an array that ends at a NULL. */
extern char **argv_split(gfp_t gfp, const char *text, int *count);
extern void argv_free(char **words);

/* Two arrays of pointers that end at NULLs, one behind the other in memory of its own. */
extern void **__memcat_p(void **a, void **b);
#define memcat_p(a, b)	((typeof(&*(a)))__memcat_p((void **)(a), (void **)(b)))

#include <linux/fortify-string.h>

#endif
