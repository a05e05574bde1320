/* Two tasks that never give way, preempted by the timer: the 8254 through the 8259, then the local APIC. */
#include "bare.h"

#define LAPIC(offset) (*(volatile u32 *)(0xFEE00000 + (offset)))
#define SWITCHES 20

static volatile u32 count[2], ticks, current;
static struct frame *saved[2];
static u8 stacks[2][4096] __attribute__((aligned(16)));
static u32 main_esp;
static void (*acknowledge)(void);

static void run_task(void)
{
	u32 mine = current;

	for (;;)
		count[mine]++;
}

extern void switch_to(struct frame *frame);
asm(".text\nswitch_to:\n\tmov 4(%esp), %esp\n\tpopa\n\tpop %ds\n\tadd $8, %esp\n\tiret");

static void finish(void)
{
	asm volatile("mov %0, %%esp\n\tpopa\n\tret" : : "m"(main_esp));
}

static void tick(struct frame *frame)
{
	acknowledge();
	saved[current] = frame;
	if (++ticks == SWITCHES)
		finish();
	current ^= 1;
	switch_to(saved[current]);
}

static struct frame *new_task(int number)
{
	struct frame *frame = (struct frame *)(stacks[number] + sizeof(stacks[0])) - 1;

	memset(frame, 0, sizeof(*frame));
	frame->eip = (u32)run_task;
	frame->cs = KERNEL_CS;
	frame->ds = KERNEL_DS;
	frame->eflags = 0x202;
	return frame;
}

static void start_tasks(void)
{
	asm volatile("pusha\n\tpush $1f\n\tpusha\n\tmov %%esp, %0\n\tpush %1\n\tcall switch_to\n1:\tpopa"
		     : "=m"(main_esp) : "r"(saved[0]) : "memory");
}

static void run(const char *what)
{
	ticks = current = count[0] = count[1] = 0;
	saved[0] = new_task(0);
	saved[1] = new_task(1);
	start_tasks();
	print("%s: %u ticks, both tasks ran: %s\n", what, ticks, count[0] && count[1] ? "yes" : "no");
}

static void end_8259(void)
{
	end_of_interrupt(0);
}

static void end_lapic(void)
{
	LAPIC(0xB0) = 0;
}

int main(void)
{
	init_pic();
	init_pit(1193); /* every millisecond */
	install(0x20, tick);
	acknowledge = end_8259;
	unmask(0);
	run("8254");
	outb(0x21, 0xFF);

	LAPIC(0xF0) = 0x1FF;
	LAPIC(0x3E0) = 0xB;
	LAPIC(0x320) = 0x20040; /* periodic */
	install(0x40, tick);
	acknowledge = end_lapic;
	LAPIC(0x380) = 100000;
	run("local APIC");
	LAPIC(0x380) = 0;
	return 0;
}
