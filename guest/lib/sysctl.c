/* Tunables as text: as kernel/sysctl.c, with buffers of the kernel's. */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include "lib.h"

LIB const int sysctl_vals[] = { 0, 1, 2, 3, 4, 100, 200, 1000, 3000, INT_MAX, 65535, -1 };

static bool is_nothing(struct ctl_table *table, int write, size_t *lenp, loff_t *ppos)
{
	if (table->data && table->maxlen && *lenp && (write || !*ppos))
		return false;
	*lenp = 0;
	return true;
}

/* The word at *at, that has no end of its own: its number, 0 or -EINVAL. */
static int number(const char **at, const char *end, s64 least, s64 most, s64 *value)
{
	char word[24];
	size_t length = 0;

	while (*at < end && **at && !isspace(**at)) {
		if (length == sizeof(word) - 1)
			return -EINVAL;
		word[length++] = *(*at)++;
	}
	word[length] = 0;
	return kstrtoll(word, 0, value) || *value < least || *value > most ? -EINVAL : 0;
}

static int do_vector(struct ctl_table *table, int write, char *buffer, size_t *lenp, loff_t *ppos, bool is_signed,
		     s64 least, s64 most)
{
	int *values = table->data, count = table->maxlen / sizeof(int), i;
	const char *at = buffer, *end = buffer + *lenp;
	size_t length = 0;

	if (is_nothing(table, write, lenp, ppos))
		return 0;
	for (i = 0; i < count; i++) {
		s64 value = is_signed ? (s64)values[i] : (s64)(u32)values[i];

		if (!write) {
			length += scnprintf(buffer + length, *lenp - length, "%s%lld", i ? "\t" : "", value);
			continue;
		}
		while (at < end && isspace(*at))
			at++;
		if (at == end || !*at)
			break;
		if (number(&at, end, least, most, &value))
			return -EINVAL;
		values[i] = value;
	}
	if (!write) {
		if (length < *lenp)
			buffer[length++] = '\n';
		*lenp = length;
	} else if (!i) {
		return -EINVAL;
	}
	*ppos += *lenp;
	return 0;
}

LIB int proc_dointvec(struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_vector(table, write, buffer, lenp, ppos, true, INT_MIN, INT_MAX);
}

LIB int proc_dointvec_minmax(struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_vector(table, write, buffer, lenp, ppos, true, table->extra1 ? *(int *)table->extra1 : INT_MIN,
			 table->extra2 ? *(int *)table->extra2 : INT_MAX);
}

LIB int proc_douintvec(struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_vector(table, write, buffer, lenp, ppos, false, 0, UINT_MAX);
}

LIB int proc_douintvec_minmax(struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_vector(table, write, buffer, lenp, ppos, false, table->extra1 ? *(u32 *)table->extra1 : 0,
			 table->extra2 ? *(u32 *)table->extra2 : UINT_MAX);
}

/* A string ends at a newline, and is cut to the room for it. */
LIB int proc_dostring(struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	char *text = table->data;
	size_t length;

	if (is_nothing(table, write, lenp, ppos))
		return 0;
	if (write) {
		length = strnlen(buffer, min_t(size_t, *lenp, table->maxlen - 1));
		length = strnchrnul(buffer, length, '\n') - (char *)buffer;
		memcpy(text, buffer, length);
		text[length] = 0;
	} else {
		length = strnlen(text, min_t(size_t, *lenp, table->maxlen));
		memcpy(buffer, text, length);
		if (length < *lenp)
			((char *)buffer)[length++] = '\n';
		*lenp = length;
	}
	*ppos += *lenp;
	return 0;
}
