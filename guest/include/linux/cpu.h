#ifndef _LINUX_CPU_H
#define _LINUX_CPU_H

#include <linux/cpumask.h>

/* CPUs come before the first program runs, and stay. */
#define cpu_hotplug_disable()	((void)0)
#define cpu_hotplug_enable()	((void)0)
#define lock_cpu_hotplug()	((void)0)
#define unlock_cpu_hotplug()	((void)0)
#define get_online_cpus()	((void)0)
#define put_online_cpus()	((void)0)
#define cpus_read_lock()	((void)0)
#define cpus_read_unlock()	((void)0)

#endif
