/* When an interrupt comes: the shadow of STI, POPF and IRET that set IF, priorities, NMI, HLT. */
#include "bare.h"

#define LAPIC(offset) (*(volatile u32 *)(0xFEE00000 + (offset)))
#define SELF 0x40000

static volatile u32 seen, where, order[4];
static u32 expected;

static void on_interrupt(struct frame *frame)
{
	order[seen++ & 3] = frame->vector;
	where = frame->eip;
	LAPIC(0xB0) = 0;
}

static void on_nmi(struct frame *frame)
{
	(void)frame;
	print("nmi\n");
}

static void report(const char *what)
{
	print("%s: %u interrupt%s, %s\n", what, seen, seen == 1 ? "" : "s", where == expected ? "where expected" : "elsewhere");
	seen = where = 0;
}

/* Asks for an interrupt with IF=0; `code` opens a window, label 1 is where it must come. */
#define WINDOW(text, code)                                                                                    \
	do {                                                                                                  \
		LAPIC(0x300) = SELF | 0x50;                                                                   \
		if (seen)                                                                                     \
			print("too early\n");                                                                 \
		asm volatile("movl $1f, %0\n\t" code : "=m"(expected) : : "eax", "ecx", "memory", "cc");      \
		report(text);                                                                                 \
	} while (0)

int main(void)
{
	u32 index;

	install(0x50, on_interrupt);
	install(0x61, on_interrupt);
	install(0x72, on_interrupt);
	install(2, on_nmi);
	LAPIC(0xF0) = 0x1FF;
	WINDOW("sti, nop, cli", "sti\n\tnop\n1:\tcli");
	LAPIC(0x300) = SELF | 0x50;
	asm volatile("sti\n\tcli");
	print("sti, cli: %u interrupts\n", seen);
	WINDOW("sti, nop, cli once more", "sti\n\tnop\n1:\tcli");
	WINDOW("popf", "pushf\n\torl $0x200, (%%esp)\n\tpopf\n1:\tcli");
	WINDOW("iret", "pushf\n\torl $0x200, (%%esp)\n\tpush %%cs\n\tpush $1f\n\tiret\n1:\tcli");
	WINDOW("sti, hlt", "sti\n\thlt\n1:\tcli");
	for (index = 0; index < 5000; index++)
		asm volatile("pushf\n\tpopf");
	print("nothing is left: %u\n", seen);

	sti();
	expected = 0;
	LAPIC(0x300) = SELF | 0x50;
	for (index = 0; index < 10 && !seen; index++)
		;
	cli();
	print("with IF=1: %u interrupt, at once: %s\n", seen, index < 10 ? "yes" : "no");
	seen = 0;

	LAPIC(0x300) = SELF | 0x50;
	LAPIC(0x300) = SELF | 0x72;
	LAPIC(0x300) = SELF | 0x61;
	asm volatile("sti\n\tnop\n\tnop\n\tnop\n\tnop\n\tcli");
	print("priorities: %x %x %x\n", order[0], order[1], order[2]);
	seen = 0;
	LAPIC(0x80) = 0x60;
	LAPIC(0x300) = SELF | 0x61;
	asm volatile("sti\n\tnop\n\tcli");
	print("below the task priority: %u\n", seen);
	LAPIC(0x80) = 0;
	asm volatile("sti\n\tnop\n\tcli");
	print("after it: %u\n", seen);
	LAPIC(0x300) = SELF | 0x400;
	print("with IF=0\n");
	return 0;
}
