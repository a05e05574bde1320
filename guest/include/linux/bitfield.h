#ifndef _LINUX_BITFIELD_H
#define _LINUX_BITFIELD_H

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/typecheck.h>
#include <asm/byteorder.h>

/* Fields of registers, told by their masks: a mask is a run of ones. To multiply by its lowest one is to shift. */
#define __field_one(mask)	((mask) & -(mask))

#define FIELD_MAX(mask)		((typeof(mask))((mask) / __field_one(mask)))
#define FIELD_FIT(mask, value)	((typeof(mask))(value) <= FIELD_MAX(mask))
#define FIELD_PREP(mask, value)	((typeof(mask))((mask) & (typeof(mask))(value) * __field_one(mask)))
#define FIELD_PREP_CONST(mask, value)	FIELD_PREP(mask, value)
#define FIELD_GET(mask, reg)	((typeof(mask))(((mask) & (reg)) / __field_one(mask)))
#define FIELD_MODIFY(mask, reg_p, value) \
	(*(reg_p) = (*(reg_p) & ~(typeof(*(reg_p)))(mask)) | FIELD_PREP(mask, value))

/* A call that the build breaks at where it stays: only a value that is known too large keeps it. */
extern void __field_overflow(void) __attribute__((error("the value does not fit the field")));

static __always_inline unsigned int __field_shift(u64 field)
{
	return __builtin_constant_p(field) ? __builtin_ctzll(field) : __ffs64(field);
}

#define field_mask(field)	((u64)(field) >> __field_shift(field))
#define field_max(field)	((typeof(field))field_mask(field))

/* TYPE_encode_bits(value, field), TYPE_get_bits(reg, field), TYPE_replace_bits(reg, value, field), and with a pointer. */
#define __BITFIELD(type, base, to, from)				\
static __always_inline type __attribute_const__ base##_encode_bits(u64 value, u64 field) \
{									\
	if (__builtin_constant_p(value > field_mask(field)) && value > field_mask(field)) \
		__field_overflow();					\
	return to(value << __field_shift(field) & field);		\
}									\
static __always_inline u64 __attribute_const__ base##_get_bits(type reg, u64 field) \
{									\
	return (from(reg) & field) >> __field_shift(field);		\
}									\
static __always_inline type __attribute_const__ base##_replace_bits(type reg, u64 value, u64 field) \
{									\
	type others = to(~field);					\
									\
	return base##_encode_bits(value, field) | (reg & others);	\
}									\
static __always_inline void base##p_replace_bits(type *p, u64 value, u64 field) \
{									\
	*p = base##_replace_bits(*p, value, field);			\
}
#define __BITFIELDS(bits)						\
	__BITFIELD(__le##bits, le##bits, cpu_to_le##bits, le##bits##_to_cpu) \
	__BITFIELD(__be##bits, be##bits, cpu_to_be##bits, be##bits##_to_cpu) \
	__BITFIELD(u##bits, u##bits, (u##bits), (u##bits))
__BITFIELD(u8, u8, (u8), (u8))
__BITFIELDS(16)
__BITFIELDS(32)
__BITFIELDS(64)
#undef __BITFIELDS
#undef __BITFIELD

#endif
