#ifndef _LINUX_PAGEVEC_H
#define _LINUX_PAGEVEC_H

#include <linux/mm.h>

/* A vector of pages that are held. */
#define PAGEVEC_SIZE	14

static inline void pagevec_init(struct pagevec *pvec, int cold)
{
	pvec->nr = 0;
	pvec->cold = cold;
}

static inline void pagevec_reinit(struct pagevec *pvec)
{
	pvec->nr = 0;
}

static inline unsigned int pagevec_count(struct pagevec *pvec)
{
	return pvec->nr;
}

static inline unsigned int pagevec_space(struct pagevec *pvec)
{
	return PAGEVEC_SIZE - pvec->nr;
}

/* How much room is left. */
static inline unsigned int pagevec_add(struct pagevec *pvec, struct page *page)
{
	pvec->pages[pvec->nr++] = page;
	return pagevec_space(pvec);
}

extern unsigned int pagevec_lookup(struct pagevec *pvec, struct address_space *mapping, unsigned long start,
				   unsigned int nr_pages);
extern unsigned int pagevec_lookup_tag(struct pagevec *pvec, struct address_space *mapping, unsigned long *index,
				       int tag, unsigned int nr_pages);
extern void pagevec_release(struct pagevec *pvec);

#endif
