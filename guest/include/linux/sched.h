#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H

#include <asm/current.h>
#include <asm/param.h>
#include <asm/processor.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/types.h>

#define TASK_COMM_LEN		16

#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_UNINTERRUPTIBLE	2
#define TASK_STOPPED		4

#define PF_EXITING	0x00000004
#define PF_MEMALLOC	0x00000800

#define task_thread_info(task)	((task)->thread_info)
#define task_pid_nr(task)	((task)->pid)

#endif
