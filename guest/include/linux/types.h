#ifndef _LINUX_TYPES_H
#define _LINUX_TYPES_H

#include <linux/compiler.h>
#include <linux/stddef.h>
#include <asm/types.h>

#if !defined(__bool_true_false_are_defined)
#define __bool_true_false_are_defined	1
#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
typedef _Bool bool;
enum { false = 0, true = 1 };
#define false	false
#define true	true
#endif
#endif

typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef int int32_t;
typedef long long int64_t;
typedef u8 uint8_t;
typedef u16 uint16_t;
typedef u32 uint32_t;
typedef u64 uint64_t;
typedef long intptr_t;
typedef unsigned long uintptr_t;

typedef int ssize_t;
typedef u8 u_int8_t;
typedef u16 u_int16_t;
typedef u32 u_int32_t;
typedef u64 u_int64_t;
typedef unsigned char u_char, unchar;
typedef unsigned short u_short, ushort;
typedef unsigned int u_int, uint;
typedef unsigned long u_long, ulong;
typedef unsigned long long ullong;

typedef u32 dev_t;
typedef unsigned long ino_t;
typedef unsigned short mode_t;
typedef unsigned short umode_t;
typedef unsigned short nlink_t;
typedef long off_t;
typedef long long loff_t;
typedef int pid_t;
typedef u32 uid_t;
typedef u32 gid_t;
typedef long time_t;
typedef long suseconds_t;
typedef long clock_t;
typedef int clockid_t;
typedef int key_t;
typedef char *caddr_t;
typedef unsigned long sector_t;
typedef unsigned long blkcnt_t;

typedef __u16 __le16, __be16;
typedef __u32 __le32, __be32;
typedef __u64 __le64, __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;

typedef unsigned int gfp_t;
typedef u32 resource_size_t;
#ifdef CONFIG_HIGHMEM64G
typedef u64 phys_addr_t;
#else
typedef u32 phys_addr_t;
#endif
typedef unsigned int fmode_t;

#define BITS_PER_BYTE		8
#define BITS_TO_LONGS(bits)	(((bits) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits)	unsigned long name[BITS_TO_LONGS(bits)]

typedef struct { volatile int counter; } atomic_t;
typedef struct { volatile s64 counter __attribute__((aligned(8))); } atomic64_t;

#include <linux/spinlock_types.h>
#include <generated/structs.h>

struct hlist_head {
	struct hlist_node *first;
};

#endif
