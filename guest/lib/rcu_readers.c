#include <linux/rcupdate.h>
#include "lib.h"

#ifndef CONFIG_SMP
LIB unsigned int __rcu_readers;
#endif
