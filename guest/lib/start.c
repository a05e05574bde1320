/* Linked into every program: the configuration that it was compiled for, which the loader compares. */
#include <generated/autoconf.h>

static const char vermagic[] __attribute__((section(".modinfo"), used, aligned(1))) = "vermagic=" HIGHMEM_VERMAGIC;
