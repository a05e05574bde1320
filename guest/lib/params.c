/*
 * Values for module parameters: as kernel/params.c. As there, what follows a number is not looked at, and on 32 bits
 * a number too large for a long loses its upper bits; one too large for a smaller type is refused.
 */
#include <linux/moduleparam.h>
#include "lib.h"

#define MAX_CHARP	1024

#define __NUMBER_PARAMETER(name, type, wide, parse, format)		\
LIB int param_set_##name(const char *val, struct kernel_param *kp)	\
{									\
	char *end;							\
	wide value;							\
									\
	if (!val)							\
		return -EINVAL;						\
	value = parse(val, &end, 0);					\
	if (end == val || (type)value != value)				\
		return -EINVAL;						\
	*(type *)kp->arg = value;					\
	return 0;							\
}									\
LIB int param_get_##name(char *buffer, struct kernel_param *kp)		\
{									\
	return sprintf(buffer, format, *(type *)kp->arg);		\
}
__NUMBER_PARAMETER(byte, unsigned char, unsigned long, simple_strtoul, "%u")
__NUMBER_PARAMETER(short, short, long, simple_strtol, "%d")
__NUMBER_PARAMETER(ushort, unsigned short, unsigned long, simple_strtoul, "%u")
__NUMBER_PARAMETER(int, int, long, simple_strtol, "%d")
__NUMBER_PARAMETER(uint, unsigned int, unsigned long, simple_strtoul, "%u")
__NUMBER_PARAMETER(long, long, long, simple_strtol, "%ld")
__NUMBER_PARAMETER(ulong, unsigned long, unsigned long, simple_strtoul, "%lu")
__NUMBER_PARAMETER(ullong, unsigned long long, unsigned long long, simple_strtoull, "%llu")

/* The text itself is not copied: it lives as long as the module. */
LIB int param_set_charp(const char *val, struct kernel_param *kp)
{
	if (!val)
		return -EINVAL;
	if (strlen(val) > MAX_CHARP)
		return -ENOSPC;
	*(char **)kp->arg = (char *)val;
	return 0;
}

LIB int param_get_charp(char *buffer, struct kernel_param *kp)
{
	return sprintf(buffer, "%s", *(char **)kp->arg);
}

static int set_bool(const char *val, struct kernel_param *kp, int inverted)
{
	int value;

	switch (val ? *val : '1') {
	case 'y': case 'Y': case '1':
		value = !inverted;
		break;
	case 'n': case 'N': case '0':
		value = inverted;
		break;
	default:
		return -EINVAL;
	}
	if (kp->flags & KPARAM_ISBOOL)
		*(bool *)kp->arg = value;
	else
		*(int *)kp->arg = value;
	return 0;
}

static int get_bool(char *buffer, struct kernel_param *kp, int inverted)
{
	int value = kp->flags & KPARAM_ISBOOL ? *(bool *)kp->arg : *(int *)kp->arg != 0;

	return sprintf(buffer, "%c", value != inverted ? 'Y' : 'N');
}

LIB int param_set_bool(const char *val, struct kernel_param *kp)
{
	return set_bool(val, kp, 0);
}

LIB int param_get_bool(char *buffer, struct kernel_param *kp)
{
	return get_bool(buffer, kp, 0);
}

LIB int param_set_invbool(const char *val, struct kernel_param *kp)
{
	return set_bool(val, kp, 1);
}

LIB int param_get_invbool(char *buffer, struct kernel_param *kp)
{
	return get_bool(buffer, kp, 1);
}

LIB int param_set_copystring(const char *val, struct kernel_param *kp)
{
	struct kparam_string *string = kp->arg;

	if (!val)
		return -EINVAL;
	if (strlen(val) >= string->maxlen)
		return -ENOSPC;
	strcpy(string->string, val);
	return 0;
}

LIB int param_get_string(char *buffer, struct kernel_param *kp)
{
	struct kparam_string *string = kp->arg;

	return strlcpy(buffer, string->string, string->maxlen);
}

/* Values with commas between them. Each is cut off while it is set, and stays so: a charp may point to it. */
LIB int param_array_set(const char *val, struct kernel_param *kp)
{
	struct kparam_array *array = kp->arg;
	struct kernel_param one = { kp->name, kp->perm, array->flags, array->set, array->get, array->elem };
	char *rest = (char *)val, *text;
	unsigned int n = 0;

	if (!val)
		return -EINVAL;
	while ((text = strsep(&rest, ","))) {
		int error = n == array->max ? -E2BIG : array->set(text, &one);

		if (error)
			return error;
		one.arg = (char *)one.arg + array->elemsize;
		n++;
	}
	if (array->num)
		*array->num = n;
	return 0;
}

LIB int param_array_get(char *buffer, struct kernel_param *kp)
{
	struct kparam_array *array = kp->arg;
	struct kernel_param one = { kp->name, kp->perm, array->flags, array->set, array->get, array->elem };
	unsigned int n, count = array->num ? *array->num : array->max;
	char *at = buffer;

	for (n = 0; n < count; n++) {
		int length;

		if (n)
			*at++ = ',';
		length = array->get(at, &one);
		if (length < 0)
			return length;
		at += length;
		one.arg = (char *)one.arg + array->elemsize;
	}
	*at = 0;
	return at - buffer;
}
