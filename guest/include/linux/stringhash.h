#ifndef _LINUX_STRINGHASH_H
#define _LINUX_STRINGHASH_H

#include <linux/compiler.h>
#include <linux/hash.h>
#include <linux/types.h>

/* Hashes of names: the bytes one after the other, and at the end all bits folded. */
#define init_name_hash(salt)	((unsigned long)(salt))

static inline unsigned long partial_name_hash(unsigned long c, unsigned long before)
{
	return (before + (c << 4) + (c >> 4)) * 11;
}

static inline unsigned int end_name_hash(unsigned long hash)
{
	return hash_32(hash, 32);
}

static inline unsigned int full_name_hash(const void *salt, const char *name, unsigned int length)
{
	unsigned long hash = init_name_hash(salt);

	while (length--)
		hash = partial_name_hash((unsigned char)*name++, hash);
	return end_name_hash(hash);
}

/* A hash in the lower word, a length in the upper one. */
#define hashlen_hash(hashlen)	((u32)(hashlen))
#define hashlen_len(hashlen)	((u32)((hashlen) >> 32))
#define hashlen_create(hash, len)	((u64)(len) << 32 | (u32)(hash))

static inline u64 hashlen_string(const void *salt, const char *name)
{
	unsigned long hash = init_name_hash(salt);
	u32 length = 0;

	for (; name[length]; length++)
		hash = partial_name_hash((unsigned char)name[length], hash);
	return hashlen_create(end_name_hash(hash), length);
}

#endif
