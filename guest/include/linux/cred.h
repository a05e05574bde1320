#ifndef _LINUX_CRED_H
#define _LINUX_CRED_H

#include <linux/sched.h>
#include <linux/uidgid.h>

#define current_uid()		KUIDT_INIT(current->uid)
#define current_euid()		KUIDT_INIT(current->euid)
#define current_gid()		KGIDT_INIT(0)
#define current_egid()		KGIDT_INIT(0)
#define current_user_ns()	(&init_user_ns)

#endif
