#ifndef _LINUX_UTSNAME_H
#define _LINUX_UTSNAME_H

#include <linux/version.h>

struct new_utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

static inline const struct new_utsname *utsname(void)
{
	static const struct new_utsname name = { "Linux", "(none)", UTS_RELEASE, "#1", "i586", "(none)" };

	return &name;
}

#define init_utsname()	utsname()

#endif
