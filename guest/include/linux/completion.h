#ifndef _LINUX_COMPLETION_H
#define _LINUX_COMPLETION_H

#include <linux/wait.h>

/* How often it was completed and not yet waited for. */
struct completion {
	unsigned int done;
	wait_queue_head_t wait;
};

#define COMPLETION_INITIALIZER(work) \
	{ .done = 0, .wait = __WAIT_QUEUE_HEAD_INITIALIZER((work).wait) }
#define DECLARE_COMPLETION(work)	struct completion work = COMPLETION_INITIALIZER(work)
#define DECLARE_COMPLETION_ONSTACK(work)	DECLARE_COMPLETION(work)

static inline void init_completion(struct completion *x)
{
	x->done = 0;
	init_waitqueue_head(&x->wait);
}

#define INIT_COMPLETION(x)	((void)((x).done = 0))

static inline void reinit_completion(struct completion *x)
{
	x->done = 0;
}

extern void complete(struct completion *x);
extern void complete_all(struct completion *x);
extern void complete_and_exit(struct completion *x, long code) __noreturn;
extern void wait_for_completion(struct completion *x);
extern int wait_for_completion_interruptible(struct completion *x);
/* These give what is left of `timeout` jiffies, 0 where they ran out. */
extern unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout);
extern unsigned long wait_for_completion_interruptible_timeout(struct completion *x, unsigned long timeout);
extern int try_wait_for_completion(struct completion *x);
extern int completion_done(struct completion *x);
#define wait_for_completion_killable(x)	wait_for_completion_interruptible(x)

#endif
