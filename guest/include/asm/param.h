#ifndef _ASM_PARAM_H
#define _ASM_PARAM_H

#include <generated/autoconf.h>

#define HZ	CONFIG_HZ

#endif
