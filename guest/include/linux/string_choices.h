#ifndef _LINUX_STRING_CHOICES_H
#define _LINUX_STRING_CHOICES_H

#include <linux/types.h>

/* A word for each of two values. */
#define __CHOICE(name, one, other)					\
static inline const char *str_##name(bool value)			\
{									\
	return value ? one : other;					\
}
__CHOICE(enable_disable, "enable", "disable")
__CHOICE(enabled_disabled, "enabled", "disabled")
__CHOICE(hi_lo, "hi", "lo")
__CHOICE(high_low, "high", "low")
__CHOICE(input_output, "input", "output")
__CHOICE(on_off, "on", "off")
__CHOICE(read_write, "read", "write")
__CHOICE(true_false, "true", "false")
__CHOICE(up_down, "up", "down")
__CHOICE(yes_no, "yes", "no")
#undef __CHOICE

#define str_disable_enable(v)	str_enable_disable(!(v))
#define str_disabled_enabled(v)	str_enabled_disabled(!(v))
#define str_lo_hi(v)		str_hi_lo(!(v))
#define str_low_high(v)		str_high_low(!(v))
#define str_output_input(v)	str_input_output(!(v))
#define str_off_on(v)		str_on_off(!(v))
#define str_write_read(v)	str_read_write(!(v))
#define str_false_true(v)	str_true_false(!(v))
#define str_down_up(v)		str_up_down(!(v))
#define str_no_yes(v)		str_yes_no(!(v))
#define str_plural(count)	((count) == 1 ? "" : "s")

#endif
