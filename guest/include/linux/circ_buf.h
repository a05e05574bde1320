#ifndef _LINUX_CIRC_BUF_H
#define _LINUX_CIRC_BUF_H

/* A ring of bytes whose size is a power of two; one byte of it stays free, so that a full one is no empty one. */
struct circ_buf {
	char *buf;
	int head;
	int tail;
};

#define CIRC_CNT(head, tail, size)	(((head) - (tail)) & ((size) - 1))
#define CIRC_SPACE(head, tail, size)	CIRC_CNT(tail, (head) + 1, size)

/* The same as far as it lies in one piece. */
#define CIRC_CNT_TO_END(head, tail, size) ({				\
	int __to_end = (size) - (tail), __count = ((head) + __to_end) & ((size) - 1); \
	__count < __to_end ? __count : __to_end; })
#define CIRC_SPACE_TO_END(head, tail, size) ({				\
	int __to_end = (size) - 1 - (head), __count = (__to_end + (tail)) & ((size) - 1); \
	__count <= __to_end ? __count : __to_end + 1; })

#endif
