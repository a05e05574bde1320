/* For tools/bench/delivery.py: port 0xE9 gets a byte before and after each loop. */
#include "bare.h"

#define TIMES 100000

static u32 directory[1024] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));
u32 demand[1024] __attribute__((aligned(4096)));
static u8 stack[4096];

extern void empty(void), map_page(void);
asm(".text\n"
    "empty:\n\tiret\n"
    "map_page:\n\tpush %eax\n\tmov %cr2, %eax\n\tshr $12, %eax\n\tand $1023, %eax\n\t"
    "movl $0x800003, demand(, %eax, 4)\n\tpop %eax\n\tadd $4, %esp\n\tiret");

static void interrupts(void)
{
	int round;

	for (round = 0; round < TIMES; round++)
		asm volatile("int $0x41");
}

static void from_ring3(void)
{
	interrupts();
	asm volatile("int $0x30");
}

static void faults(void)
{
	int round;

	for (round = 0; round < TIMES; round++) {
		*(volatile u32 *)(0x40000000 + (round & 1023) * 4096) = 1;
		if ((round & 1023) == 1023) {
			memset(demand, 0, sizeof(demand));
			write_cr3((u32)directory);
		}
	}
}

static void compute(void)
{
	u32 rounds = 20 * TIMES;

	asm volatile("1:\tadd $3, %%eax\n\txor %%eax, %%edx\n\tdec %0\n\tjnz 1b" : "+r"(rounds) : : "eax", "edx");
}

static void mark(void)
{
	outb(0xE9, 0);
}

int main(void)
{
	u32 page;

	set_gate(0x41, (u32)empty, KERNEL_CS, 0xEE);
	set_gate(14, (u32)map_page, KERNEL_CS, 0x8E);
	mark();
	interrupts();
	mark();
	enter_ring3(from_ring3, (u32)stack + sizeof(stack));
	mark();
	for (page = 0; page < 1024; page++)
		table[page] = page << 12 | 3;
	directory[0] = (u32)table | 3;
	directory[0x100] = (u32)demand | 3;
	write_cr3((u32)directory);
	write_cr0(read_cr0() | 0x80000000);
	mark();
	faults();
	mark();
	compute();
	mark();
	directory[0x3FB] = 0xFEC00000 | 0x83;
	write_cr4(read_cr4() | 0x10);
	*(volatile u32 *)0xFEE003E0 = 0xB; /* a timer that never fires, but is armed: blocks are counted */
	*(volatile u32 *)0xFEE00320 = 0x10000;
	*(volatile u32 *)0xFEE00380 = 0xFFFFFFFF;
	init_pit(0);
	compute();
	mark();
	compute();
	mark();
	return 0;
}
