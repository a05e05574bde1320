#ifndef _ASM_UACCESS_H
#define _ASM_UACCESS_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/page.h>
#include <asm/thread_info.h>

#define VERIFY_READ	0
#define VERIFY_WRITE	1

typedef struct { unsigned long seg; } mm_segment_t;
#define MAKE_MM_SEG(s)	((mm_segment_t) { (s) })
#define KERNEL_DS	MAKE_MM_SEG(0xFFFFFFFFUL)
#define USER_DS		MAKE_MM_SEG(PAGE_OFFSET)
#define get_ds()	KERNEL_DS
#define get_fs()	MAKE_MM_SEG(current_thread_info()->addr_limit)
#define set_fs(x)	((void)(current_thread_info()->addr_limit = (x).seg))
#define segment_eq(a, b)	((a).seg == (b).seg)

/* Whether [addr, addr + size) lies below the limit of the thread: no more than that. */
static inline int __access_ok(unsigned long addr, unsigned long size)
{
	unsigned long limit = current_thread_info()->addr_limit;

	return size <= limit && addr <= limit - size;
}
/* access_ok(type, addr, size), and from 5.0 on access_ok(addr, size). */
#define __access_ok_2(addr, size)	likely(__access_ok((unsigned long)(addr), (unsigned long)(size)))
#define __access_ok_3(type, addr, size)	__access_ok_2(addr, size)
#define access_ok(...)	__PASTE(__access_ok_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

/* Where an instruction may fault and where it goes on then: what do_page_fault looks up before an oops. */
struct exception_table_entry {
	unsigned long insn, fixup;
};

#define __EX_TABLE(insn, fixup)						\
	"\t.pushsection __ex_table, \"a\", @progbits\n"			\
	"\t.balign 4\n"							\
	"\t.long " insn ", " fixup "\n"					\
	"\t.popsection\n"

#define __GET_ASM(mov, reg, ctype, result, ptr, error) do {		\
	ctype __got;							\
	__asm__ __volatile__(						\
		"771:\t" mov " %2, %" reg "1\n"				\
		"772:\n"						\
		"\t.pushsection .fixup, \"ax\", @progbits\n"		\
		"773:\tmovl %3, %0\n"					\
		"\txorl %k1, %k1\n"					\
		"\tjmp 772b\n"						\
		"\t.popsection\n"					\
		__EX_TABLE("771b", "773b")				\
		: "+r" (error), "=q" (__got)				\
		: "m" (*(const ctype *)(ptr)), "i" (-EFAULT));		\
	(result) = (typeof(result))(unsigned long)__got;		\
} while (0)

#define __PUT_ASM(mov, reg, ctype, value, ptr, error)			\
	__asm__ __volatile__(						\
		"771:\t" mov " %" reg "2, %1\n"				\
		"772:\n"						\
		"\t.pushsection .fixup, \"ax\", @progbits\n"		\
		"773:\tmovl %3, %0\n"					\
		"\tjmp 772b\n"						\
		"\t.popsection\n"					\
		__EX_TABLE("771b", "773b")				\
		: "+r" (error), "=m" (*(ctype *)(ptr))			\
		: "q" ((ctype)(unsigned long)(value)), "i" (-EFAULT))

extern unsigned long __copy_user(void *to, const void *from, unsigned long n);
extern unsigned long __clear_user(void __user *to, unsigned long n);
extern long __strnlen_user(const char __user *s, long n);

#define __get_user(x, ptr) ({						\
	int __error = 0;						\
	const volatile typeof(*(ptr)) *__from = (ptr);			\
	switch (sizeof(*__from)) {					\
	case 1: __GET_ASM("movb", "b", u8, x, __from, __error); break;	\
	case 2: __GET_ASM("movw", "w", u16, x, __from, __error); break;	\
	case 4: __GET_ASM("movl", "k", u32, x, __from, __error); break;	\
	default: {							\
		typeof(x) __big;					\
		if (__copy_user(&__big, (const void *)__from, sizeof(*__from))) \
			__error = -EFAULT, memset(&__big, 0, sizeof(__big)); \
		(x) = __big;						\
	} }								\
	__error; })

#define __put_user(x, ptr) ({						\
	int __error = 0;						\
	typeof(*(ptr)) __value = (typeof(*(ptr)))(x), *__to = (ptr);	\
	switch (sizeof(*__to)) {					\
	case 1: __PUT_ASM("movb", "b", u8, __value, __to, __error); break;	\
	case 2: __PUT_ASM("movw", "w", u16, __value, __to, __error); break;	\
	case 4: __PUT_ASM("movl", "k", u32, __value, __to, __error); break;	\
	default:							\
		if (__copy_user(__to, &__value, sizeof(*__to)))		\
			__error = -EFAULT;				\
	}								\
	__error; })

#define get_user(x, ptr) ({						\
	int __checked = -EFAULT;					\
	if (access_ok(VERIFY_READ, ptr, sizeof(*(ptr))))		\
		__checked = __get_user(x, ptr);				\
	else								\
		(x) = 0;						\
	__checked; })

#define put_user(x, ptr) ({						\
	int __checked = -EFAULT;					\
	if (access_ok(VERIFY_WRITE, ptr, sizeof(*(ptr))))		\
		__checked = __put_user(x, ptr);				\
	__checked; })

/* These give the number of bytes that were NOT copied. */
#define __copy_to_user(to, from, n)		__copy_user((void *)(to), from, n)
#define __copy_from_user(to, from, n)		__copy_user(to, (const void *)(from), n)
#define __copy_to_user_inatomic(to, from, n)	__copy_to_user(to, from, n)
#define __copy_from_user_inatomic(to, from, n)	__copy_from_user(to, from, n)

static inline unsigned long copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return access_ok(VERIFY_WRITE, to, n) ? __copy_to_user(to, from, n) : n;
}

static inline unsigned long copy_from_user(void *to, const void __user *from, unsigned long n)
{
	unsigned long left = access_ok(VERIFY_READ, from, n) ? __copy_from_user(to, from, n) : n;

	if (left)
		memset((char *)to + n - left, 0, left);
	return left;
}

static inline unsigned long clear_user(void __user *to, unsigned long n)
{
	return access_ok(VERIFY_WRITE, to, n) ? __clear_user(to, n) : n;
}

#define strnlen_user(s, n)	(access_ok(VERIFY_READ, s, 1) ? __strnlen_user(s, n) : 0)

extern long strncpy_from_user(char *to, const char __user *from, long n);

#endif
