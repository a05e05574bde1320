#ifndef _LINUX_RATIONAL_H
#define _LINUX_RATIONAL_H

/* The fraction next to numerator / denominator among those whose parts are not above the maxima. */
extern void rational_best_approximation(unsigned long numerator, unsigned long denominator,
					unsigned long max_numerator, unsigned long max_denominator,
					unsigned long *best_numerator, unsigned long *best_denominator);

#endif
