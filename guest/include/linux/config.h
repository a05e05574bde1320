#ifndef _LINUX_CONFIG_H
#define _LINUX_CONFIG_H

#include <generated/autoconf.h>

#endif
