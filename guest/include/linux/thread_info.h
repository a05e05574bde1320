#include <asm/thread_info.h>
