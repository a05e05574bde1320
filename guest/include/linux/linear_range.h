#ifndef _LINUX_LINEAR_RANGE_H
#define _LINUX_LINEAR_RANGE_H

#include <linux/types.h>

/* Selectors from min_sel to max_sel stand for values min, min + step, ... */
struct linear_range {
	unsigned int min;
	unsigned int min_sel;
	unsigned int max_sel;
	unsigned int step;
};

#define LINEAR_RANGE(min, min_sel, max_sel, step)	{ min, min_sel, max_sel, step }

extern unsigned int linear_range_values_in_range(const struct linear_range *r);
extern unsigned int linear_range_values_in_range_array(const struct linear_range *r, int ranges);
extern unsigned int linear_range_get_max_value(const struct linear_range *r);

/* 0 or -EINVAL. */
extern int linear_range_get_value(const struct linear_range *r, unsigned int selector, unsigned int *value);
extern int linear_range_get_value_array(const struct linear_range *r, int ranges, unsigned int selector,
					unsigned int *value);

/*
 * The selector for a value, or for the next one below (low) or above (high) it. -EINVAL where all values are above,
 * or below. *found says whether the value lies in the range.
 */
extern int linear_range_get_selector_low(const struct linear_range *r, unsigned int value, unsigned int *selector,
					 bool *found);
extern int linear_range_get_selector_high(const struct linear_range *r, unsigned int value, unsigned int *selector,
					  bool *found);
extern int linear_range_get_selector_low_array(const struct linear_range *r, int ranges, unsigned int value,
					       unsigned int *selector, bool *found);
extern void linear_range_get_selector_within(const struct linear_range *r, unsigned int value,
					     unsigned int *selector);

#endif
