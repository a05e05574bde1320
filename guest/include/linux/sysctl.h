#ifndef _LINUX_SYSCTL_H
#define _LINUX_SYSCTL_H

#include <linux/kernel.h>
#include <linux/types.h>

/* Tables of tunables. There is no /proc/sys: who has a table calls its handlers himself. */
struct ctl_table;
typedef int proc_handler(struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos);

struct ctl_table {
	int ctl_name;
	const char *procname;
	void *data;
	int maxlen;		/* bytes of data */
	umode_t mode;
	struct ctl_table *child;
	proc_handler *proc_handler;
	void *extra1, *extra2;	/* the least and the largest value for ..._minmax, or NULL */
};

/* Numbers for extra1 and extra2. */
extern const int sysctl_vals[];
#define SYSCTL_ZERO		((void *)&sysctl_vals[0])
#define SYSCTL_ONE		((void *)&sysctl_vals[1])
#define SYSCTL_TWO		((void *)&sysctl_vals[2])
#define SYSCTL_THREE		((void *)&sysctl_vals[3])
#define SYSCTL_FOUR		((void *)&sysctl_vals[4])
#define SYSCTL_ONE_HUNDRED	((void *)&sysctl_vals[5])
#define SYSCTL_TWO_HUNDRED	((void *)&sysctl_vals[6])
#define SYSCTL_ONE_THOUSAND	((void *)&sysctl_vals[7])
#define SYSCTL_THREE_THOUSAND	((void *)&sysctl_vals[8])
#define SYSCTL_INT_MAX		((void *)&sysctl_vals[9])
#define SYSCTL_MAXOLDUID	((void *)&sysctl_vals[10])
#define SYSCTL_NEG_ONE		((void *)&sysctl_vals[11])

/*
 * Integers with white space between them, a string. *lenp: the room, and then what was read or written. 0, or -EINVAL
 * for what is no number or out of range.
 */
extern proc_handler proc_dointvec;
extern proc_handler proc_dointvec_minmax;
extern proc_handler proc_douintvec;
extern proc_handler proc_douintvec_minmax;
extern proc_handler proc_dostring;

struct ctl_table_header;
#define register_sysctl(path, table)	((void)(path), (struct ctl_table_header *)(table))
#define register_sysctl_table(table, ...)	((struct ctl_table_header *)(table))
#define unregister_sysctl_table(header)	((void)(header))

#endif
