/* A second CPU, started by INIT and SIPI: it finds its way to protected mode, and answers interrupts. */
#include "bare.h"

#define LAPIC(offset) (*(volatile u32 *)(0xFEE00000 + (offset)))
#define TRAMPOLINE 0x6000

static volatile u32 alive, counted, answers, locked, counter;
static u8 stack[4096] __attribute__((aligned(16)));

extern char trampoline[], trampoline_end[];
asm(".text\n.code16\n"
    "trampoline:\n\tcli\n\tmov %cs, %ax\n\tmov %ax, %ds\n\t"
    "lgdtl 1f - trampoline\n\tmov %cr0, %eax\n\tor $1, %al\n\tmov %eax, %cr0\n\t"
    "ljmpl $8, $second_entry\n"
    ".balign 4\n1:\t.word 23\n\t.long trampoline_gdt\n"
    "trampoline_end:\n.code32\n"
    "second_entry:\n\tmov $16, %eax\n\tmov %eax, %ds\n\tmov %eax, %es\n\tmov %eax, %ss\n\t"
    "mov $second_stack, %eax\n\tmov (%eax), %esp\n\tcall second\n"
    ".balign 8\ntrampoline_gdt:\n\t.quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF\n");
u32 second_stack;

static struct {
	u16 limit;
	u32 base;
} __attribute__((packed)) idtr;

static void lock(void)
{
	u32 taken = 1;

	do {
		asm volatile("lock xchg %0, %1" : "+r"(taken), "+m"(locked));
		if (taken)
			pause();
	} while (taken);
}

static void count(void)
{
	int round;

	for (round = 0; round < 1000; round++) {
		lock();
		counter++;
		asm volatile("movl $0, %0" : "=m"(locked));
	}
}

static void on_call(struct frame *frame)
{
	(void)frame;
	answers = 100 + (LAPIC(0x20) >> 24);
	LAPIC(0xB0) = 0;
}

void second(void)
{
	asm volatile("lidt %0" : : "m"(idtr));
	LAPIC(0xF0) = 0x1FF;
	alive = 1 + (LAPIC(0x20) >> 24);
	count();
	counted = 1;
	sti();
	for (;;)
		halt();
}

int main(void)
{
	memcpy((void *)TRAMPOLINE, trampoline, trampoline_end - trampoline);
	second_stack = (u32)stack + sizeof(stack);
	install(0x50, on_call);
	asm volatile("sidt %0" : "=m"(idtr));
	LAPIC(0xF0) = 0x1FF;
	print("this is CPU %u\n", LAPIC(0x20) >> 24);
	LAPIC(0x310) = 1 << 24;
	LAPIC(0x300) = 0xC500; /* INIT */
	LAPIC(0x300) = 0x8500;
	LAPIC(0x310) = 1 << 24;
	LAPIC(0x300) = 0x600 | TRAMPOLINE >> 12;
	while (!alive)
		pause();
	print("CPU %u is alive\n", alive - 1);
	count();
	while (!counted)
		pause();
	print("both have counted to %u\n", counter);
	LAPIC(0x310) = 1 << 24;
	LAPIC(0x300) = 0x4050; /* fixed, vector 0x50 */
	while (!answers)
		pause();
	print("CPU %u has answered an interrupt\n", answers - 100);
	return 0;
}
