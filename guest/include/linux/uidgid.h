#ifndef _LINUX_UIDGID_H
#define _LINUX_UIDGID_H

#include <linux/types.h>

/* Users and groups as 3.5 and later have them: numbers in a struct. There is one namespace. */
typedef struct { uid_t val; } kuid_t;
typedef struct { gid_t val; } kgid_t;
struct user_namespace;

#define KUIDT_INIT(value)	((kuid_t) { value })
#define KGIDT_INIT(value)	((kgid_t) { value })
#define GLOBAL_ROOT_UID		KUIDT_INIT(0)
#define GLOBAL_ROOT_GID		KGIDT_INIT(0)
#define init_user_ns		(*(struct user_namespace *)0)
#define __kuid_val(uid)		((uid).val)
#define __kgid_val(gid)		((gid).val)
#define uid_eq(a, b)		((a).val == (b).val)
#define gid_eq(a, b)		((a).val == (b).val)
#define uid_valid(uid)		((uid).val != (uid_t)-1)
#define from_kuid(ns, uid)	((void)(ns), (uid).val)
#define from_kgid(ns, gid)	((void)(ns), (gid).val)
#define make_kuid(ns, uid)	((void)(ns), KUIDT_INIT(uid))
#define make_kgid(ns, gid)	((void)(ns), KGIDT_INIT(gid))

#endif
