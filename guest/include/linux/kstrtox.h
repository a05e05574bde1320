#ifndef _LINUX_KSTRTOX_H
#define _LINUX_KSTRTOX_H

#include <linux/types.h>

/* These read as far as there are digits. */
extern unsigned long simple_strtoul(const char *text, char **end, unsigned int base);
extern long simple_strtol(const char *text, char **end, unsigned int base);
extern unsigned long long simple_strtoull(const char *text, char **end, unsigned int base);
extern long long simple_strtoll(const char *text, char **end, unsigned int base);

/*
 * These want a whole string, with a newline at its end if need be: 0, -EINVAL for what is no number, -ERANGE for one
 * that does not fit. A base of 0 takes it from the prefix.
 */
extern int kstrtoull(const char *text, unsigned int base, unsigned long long *result);
extern int kstrtoll(const char *text, unsigned int base, long long *result);
extern int kstrtoul(const char *text, unsigned int base, unsigned long *result);
extern int kstrtol(const char *text, unsigned int base, long *result);
extern int kstrtouint(const char *text, unsigned int base, unsigned int *result);
extern int kstrtoint(const char *text, unsigned int base, int *result);
extern int kstrtou16(const char *text, unsigned int base, u16 *result);
extern int kstrtos16(const char *text, unsigned int base, s16 *result);
extern int kstrtou8(const char *text, unsigned int base, u8 *result);
extern int kstrtos8(const char *text, unsigned int base, s8 *result);
extern int strict_strtoul(const char *text, unsigned int base, unsigned long *result);
extern int strict_strtol(const char *text, unsigned int base, long *result);

static inline int kstrtou64(const char *text, unsigned int base, u64 *result)
{
	return kstrtoull(text, base, result);
}

static inline int kstrtos64(const char *text, unsigned int base, s64 *result)
{
	return kstrtoll(text, base, result);
}

static inline int kstrtou32(const char *text, unsigned int base, u32 *result)
{
	return kstrtouint(text, base, result);
}

static inline int kstrtos32(const char *text, unsigned int base, s32 *result)
{
	return kstrtoint(text, base, result);
}

/* y, Y, 1, on or n, N, 0, off. */
extern int kstrtobool(const char *text, bool *result);
#define strtobool(text, result)	kstrtobool(text, result)

#endif
