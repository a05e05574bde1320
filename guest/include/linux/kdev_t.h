#ifndef _LINUX_KDEV_T_H
#define _LINUX_KDEV_T_H

/* A dev_t: 12 bits of major number over 20 bits of minor number. */
#define MINORBITS	20
#define MINORMASK	((1U << MINORBITS) - 1)
#define MAJOR(dev)	((unsigned int)((dev) >> MINORBITS))
#define MINOR(dev)	((unsigned int)((dev) & MINORMASK))
#define MKDEV(major, minor)	(((major) << MINORBITS) | (minor))

#endif
