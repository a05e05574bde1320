#include <linux/errno.h>
#include <linux/linear_range.h>
#include "lib.h"

LIB unsigned int linear_range_values_in_range(const struct linear_range *r)
{
	return r ? r->max_sel - r->min_sel + 1 : 0;
}

LIB unsigned int linear_range_values_in_range_array(const struct linear_range *r, int ranges)
{
	unsigned int values = 0;

	while (ranges--)
		values += linear_range_values_in_range(r++);
	return values;
}

LIB unsigned int linear_range_get_max_value(const struct linear_range *r)
{
	return r->min + (r->max_sel - r->min_sel) * r->step;
}

LIB int linear_range_get_value(const struct linear_range *r, unsigned int selector, unsigned int *value)
{
	if (selector < r->min_sel || selector > r->max_sel)
		return -EINVAL;
	*value = r->min + (selector - r->min_sel) * r->step;
	return 0;
}

LIB int linear_range_get_value_array(const struct linear_range *r, int ranges, unsigned int selector,
				     unsigned int *value)
{
	for (; ranges > 0; ranges--, r++)
		if (!linear_range_get_value(r, selector, value))
			return 0;
	return -EINVAL;
}

LIB int linear_range_get_selector_low(const struct linear_range *r, unsigned int value, unsigned int *selector,
				      bool *found)
{
	unsigned int max = linear_range_get_max_value(r);

	*found = value >= r->min && value <= max;
	if (value < r->min)
		return -EINVAL;
	*selector = !*found ? r->max_sel : r->min_sel + (r->step ? (value - r->min) / r->step : 0);
	return 0;
}

LIB int linear_range_get_selector_high(const struct linear_range *r, unsigned int value, unsigned int *selector,
				       bool *found)
{
	unsigned int max = linear_range_get_max_value(r);

	*found = value >= r->min && value <= max;
	if (value > max)
		return -EINVAL;
	*selector = r->min_sel + (*found && r->step ? DIV_ROUND_UP(value - r->min, r->step) : 0);
	return 0;
}

/* Where the value is in none of the ranges: the highest selector of the last that lies below it. */
LIB int linear_range_get_selector_low_array(const struct linear_range *r, int ranges, unsigned int value,
					    unsigned int *selector, bool *found)
{
	int error = -EINVAL;

	*found = false;
	for (; ranges > 0 && !*found; ranges--, r++)
		if (!linear_range_get_selector_low(r, value, selector, found))
			error = 0;
	return error;
}

LIB void linear_range_get_selector_within(const struct linear_range *r, unsigned int value, unsigned int *selector)
{
	bool found;

	if (linear_range_get_selector_low(r, value, selector, &found))
		*selector = r->min_sel;
}
