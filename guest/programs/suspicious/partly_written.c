/* Only some members of an object are written, and those are the ones that are read: a flag tells which. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct reading {
	int has_time, has_place;
	int time, place;
};

static noinline struct reading *new_reading(int time, int place)
{
	struct reading *reading = kmalloc(sizeof(*reading), GFP_KERNEL);

	if (!reading)
		return NULL;
	reading->has_time = time != 0;
	reading->has_place = place != 0;
	if (time)
		reading->time = time;
	if (place)
		reading->place = place;
	return reading;
}

static noinline void show(volatile struct reading *reading)
{
	if (reading->has_time)
		printk("at %d\n", reading->time);
	if (reading->has_place)
		printk("in %d\n", reading->place);
}

int main(void)
{
	struct reading *one = new_reading(12, 0), *other = new_reading(0, 4);

	if (!one || !other)
		return -ENOMEM;
	show(one);
	show(other);
	kfree(one);
	kfree(other);
	return 0;
}
