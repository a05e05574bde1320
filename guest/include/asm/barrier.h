#include <asm/system.h>
