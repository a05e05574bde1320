#ifndef _LINUX_UUID_H
#define _LINUX_UUID_H

#include <linux/string.h>
#include <linux/types.h>

/* 16 bytes: a uuid_t as it is written, of a guid_t the first three groups with the lowest byte first. */
#define UUID_SIZE	16
#define UUID_STRING_LEN	36

typedef struct { __u8 b[UUID_SIZE]; } guid_t;
typedef struct { __u8 b[UUID_SIZE]; } uuid_t;

#define GUID_INIT(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)		\
((guid_t) { {								\
	(a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24 & 0xff, \
	(b) & 0xff, (b) >> 8 & 0xff, (c) & 0xff, (c) >> 8 & 0xff,	\
	d0, d1, d2, d3, d4, d5, d6, d7 } })
#define UUID_INIT(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)		\
((uuid_t) { {								\
	(a) >> 24 & 0xff, (a) >> 16 & 0xff, (a) >> 8 & 0xff, (a) & 0xff, \
	(b) >> 8 & 0xff, (b) & 0xff, (c) >> 8 & 0xff, (c) & 0xff,	\
	d0, d1, d2, d3, d4, d5, d6, d7 } })

#define guid_null	((guid_t) { { 0 } })
#define uuid_null	((uuid_t) { { 0 } })

#define __UUID(name)							\
static inline bool name##_equal(const name##_t *a, const name##_t *b)	\
{									\
	return !memcmp(a, b, sizeof(*a));				\
}									\
static inline bool name##_is_null(const name##_t *id)			\
{									\
	return mem_is_zero(id, sizeof(*id));				\
}									\
static inline void name##_copy(name##_t *to, const name##_t *from)	\
{									\
	*to = *from;							\
}									\
static inline void import_##name(name##_t *to, const __u8 *from)	\
{									\
	memcpy(to, from, sizeof(*to));					\
}									\
static inline void export_##name(__u8 *to, const name##_t *from)	\
{									\
	memcpy(to, from, sizeof(*from));				\
}									\
extern void name##_gen(name##_t *id);					\
extern int name##_parse(const char *text, name##_t *id);	/* 0 or -EINVAL */
__UUID(guid)
__UUID(uuid)
#undef __UUID

extern bool uuid_is_valid(const char *text);
extern void generate_random_uuid(unsigned char bytes[UUID_SIZE]);
extern void generate_random_guid(unsigned char bytes[UUID_SIZE]);

#endif
