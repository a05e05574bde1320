#ifndef _LINUX_MMU_CONTEXT_H
#define _LINUX_MMU_CONTEXT_H

#include <linux/sched.h>
#include <generated/calls/mmu_context.h>

#endif
