#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H

#include <linux/compiler.h>

#define __init		__attribute__((section(".init.text"), used))
#define __initdata	__attribute__((section(".init.data")))
#define __exit		__attribute__((section(".exit.text"), used))
#define __exitdata	__attribute__((section(".exit.data")))
#define __init_or_module
#define __initdata_or_module
#define __devinit
#define __devinitdata
#define __devexit
#define __devexitdata
#define __devexit_p(x)	x
#define __ref
#define __refdata
#define __refconst
#define __ro_after_init
#define __cpuinit
#define __cpuinitdata
#define __meminit
#define __meminitdata
#define __initconst	__attribute__((section(".init.rodata")))

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

/* The loader looks for these two names. The little function checks the type. */
#define module_init(initfn)						\
	static inline initcall_t __maybe_unused __inittest(void) { return initfn; } \
	int init_module(void) __attribute__((alias(#initfn)));

#define module_exit(exitfn)						\
	static inline exitcall_t __maybe_unused __exittest(void) { return exitfn; } \
	void cleanup_module(void) __attribute__((alias(#exitfn)));

#define early_initcall(fn)	module_init(fn)
#define core_initcall(fn)	module_init(fn)
#define postcore_initcall(fn)	module_init(fn)
#define arch_initcall(fn)	module_init(fn)
#define subsys_initcall(fn)	module_init(fn)
#define fs_initcall(fn)		module_init(fn)
#define device_initcall(fn)	module_init(fn)
#define late_initcall(fn)	module_init(fn)
#define __initcall(fn)		module_init(fn)
#define __exitcall(fn)		module_exit(fn)

#endif
