#ifndef _LINUX_MMDEBUG_H
#define _LINUX_MMDEBUG_H

#include <asm/bug.h>

#define VM_BUG_ON(condition)		BUG_ON(condition)
#define VM_BUG_ON_PAGE(condition, page)	BUG_ON(condition)
#define VM_WARN_ON(condition)		((void)WARN_ON(condition))

#endif
