#ifndef _LINUX_PREFETCH_H
#define _LINUX_PREFETCH_H

/* i586 has no prefetch instruction. */
static inline void prefetch(const void *x)
{
	(void)x;
}

static inline void prefetchw(const void *x)
{
	(void)x;
}

#endif
