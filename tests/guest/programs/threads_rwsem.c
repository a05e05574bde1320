/* Readers together, writers alone, all in the order of coming. */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/rwsem.h>
#include <linux/sched.h>

static DECLARE_RWSEM(sem);
static int readers, writers, left;

static int reader(void *data)
{
	down_read(&sem);
	printk("%s in: %d readers, %d writers\n", current->comm, ++readers, writers);
	msleep(20);
	readers--;
	up_read(&sem);
	left--;
	return 0;
}

static int writer(void *data)
{
	down_write(&sem);
	printk("%s in: %d readers, %d writers\n", current->comm, readers, ++writers);
	msleep(20);
	writers--;
	if (data) {
		readers++;
		downgrade_write(&sem);
		printk("%s reads\n", current->comm);
		msleep(20);
		readers--;
		up_read(&sem);
	} else {
		up_write(&sem);
	}
	left--;
	return 0;
}

int main(int argc, char **argv)
{
	static const char kinds[] = "rrwrwWrr";
	int i;

	for (i = 0; kinds[i]; i++, left++) {
		kthread_run(kinds[i] == 'r' ? reader : writer, kinds[i] == 'W' ? &sem : NULL, "%c%d", kinds[i], i);
		yield();
	}
	printk("try: read %d", down_read_trylock(&sem));
	printk(", write %d\n", down_write_trylock(&sem));
	while (left)
		msleep(4);
	printk("free: locked %d", rwsem_is_locked(&sem));
	printk(", write %d", down_write_trylock(&sem));
	printk(", then read %d\n", down_read_trylock(&sem));
	up_write(&sem);
	return 0;
}
