/* The start library: what ordinary kernel code finds in the kernel's lib/, and what compilers take for granted. */
#ifndef LIB_H
#define LIB_H

#include <linux/kernel.h>
#include <linux/string.h>

/* A program's own function of the same name wins. */
#define LIB __attribute__((weak))

#endif
