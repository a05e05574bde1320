#ifndef _ASM_CURRENT_H
#define _ASM_CURRENT_H

#include <asm/thread_info.h>

#define get_current()	(current_thread_info()->task)
#define current		get_current()

#endif
