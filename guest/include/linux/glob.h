#ifndef _LINUX_GLOB_H
#define _LINUX_GLOB_H

#include <linux/types.h>

/* Whether all of the text matches: '?', '*', [a-z], [!a-z], and '\' before what stands for itself. */
extern bool glob_match(const char *pattern, const char *text);

#endif
