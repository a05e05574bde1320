#ifndef _LINUX_LINKAGE_H
#define _LINUX_LINKAGE_H

#include <linux/compiler.h>

/* Every call passes its arguments on the stack here. */
#define asmlinkage
#define fastcall
#define FASTCALL(x)	x
#define prevent_tail_call(ret)	do { } while (0)

#endif
