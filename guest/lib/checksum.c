#include <asm/byteorder.h>
#include <asm/checksum.h>
#include "lib.h"

LIB __wsum csum_partial(const void *data, int len, __wsum sum)
{
	const u8 *at = data;

	for (; len >= 4; len -= 4, at += 4)
		sum = csum_add(sum, *(const u32 *)at);
	if (len >= 2) {
		sum = csum_add(sum, *(const u16 *)at);
		at += 2;
	}
	return len % 2 ? csum_add(sum, *at) : sum;
}

LIB __wsum csum_tcpudp_nofold(__be32 saddr, __be32 daddr, u32 len, u8 proto, __wsum sum)
{
	sum = csum_add(csum_add(sum, saddr), daddr);
	return csum_add(sum, htonl(len + proto));
}

LIB __sum16 csum_ipv6_magic(const struct in6_addr *saddr, const struct in6_addr *daddr, u32 len, u8 proto,
			    __wsum sum)
{
	sum = csum_partial(daddr, sizeof(*daddr), csum_partial(saddr, sizeof(*saddr), sum));
	return csum_fold(csum_add(csum_add(sum, htonl(len)), htonl(proto)));
}
