#ifndef _ASM_CHECKSUM_H
#define _ASM_CHECKSUM_H

#include <linux/in6.h>
#include <linux/string.h>
#include <linux/types.h>

/* The Internet's checksum (RFC 1071): a sum of 16-bit words that is carried around, and at the end inverted. */
extern __wsum csum_partial(const void *data, int len, __wsum sum);

static inline __wsum csum_add(__wsum a, __wsum b)
{
	return a + b + (a + b < a);
}

static inline __sum16 csum_fold(__wsum sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

#define csum_sub(a, b)			csum_add(a, ~(b))
#define csum_unfold(sum)		((__wsum)(sum))
#define ip_compute_csum(data, len)	csum_fold(csum_partial(data, len, 0))
#define ip_fast_csum(header, words)	csum_fold(csum_partial(header, 4 * (words), 0))
#define csum_partial_copy_nocheck(from, to, len, ...) \
	({ int __len = (len); csum_partial(memcpy(to, from, __len), __len, 0); })

/* With the pseudo header of TCP and UDP. */
extern __wsum csum_tcpudp_nofold(__be32 saddr, __be32 daddr, u32 len, u8 proto, __wsum sum);
#define csum_tcpudp_magic(saddr, daddr, len, proto, sum) \
	csum_fold(csum_tcpudp_nofold(saddr, daddr, len, proto, sum))
extern __sum16 csum_ipv6_magic(const struct in6_addr *saddr, const struct in6_addr *daddr, u32 len, u8 proto,
			       __wsum sum);

#endif
