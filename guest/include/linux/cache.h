#ifndef _LINUX_CACHE_H
#define _LINUX_CACHE_H

#include <generated/autoconf.h>

#define L1_CACHE_SHIFT	CONFIG_X86_L1_CACHE_SHIFT
#define L1_CACHE_BYTES	(1 << L1_CACHE_SHIFT)
#define L1_CACHE_ALIGN(x)	(((x) + L1_CACHE_BYTES - 1) & ~(L1_CACHE_BYTES - 1))
#define SMP_CACHE_BYTES	L1_CACHE_BYTES

#define ____cacheline_aligned	__attribute__((aligned(L1_CACHE_BYTES)))
#define __cacheline_aligned	____cacheline_aligned
#ifdef CONFIG_SMP
#define ____cacheline_aligned_in_smp	____cacheline_aligned
#else
#define ____cacheline_aligned_in_smp
#endif
#define __cacheline_aligned_in_smp	____cacheline_aligned_in_smp
#define __read_mostly

#endif
