/* Each exception that an instruction can raise, through the IDT: its error code and where it happened. */
#include "bare.h"

static const char *what;
static u32 expected_eip, skip;

static void report(struct frame *frame)
{
	print("%s: vector %u, error code %04x, cs %02x, %s\n", what, frame->vector, frame->error_code, frame->cs,
	      frame->eip == expected_eip ? "where expected" : "elsewhere");
	frame->eip += skip;
	frame->eflags &= ~0x100;
}

/* Runs an instruction that faults, and steps over it. */
#define FAULT(text, setup, code)                                                                              \
	do {                                                                                                  \
		what = text;                                                                                  \
		asm volatile("movl $1f, %0\n\tmovl $2f - 1f, %1\n\t" setup "\n1:\t" code "\n2:"              \
			     : "=m"(expected_eip), "=m"(skip) : : "eax", "ecx", "edx", "memory", "cc");       \
	} while (0)

/* One that traps: EIP is behind it. */
#define TRAP(text, setup, code)                                                                               \
	do {                                                                                                  \
		what = text;                                                                                  \
		asm volatile("movl $1f, %0\n\tmovl $0, %1\n\t" setup "\n\t" code "\n1:"                       \
			     : "=m"(expected_eip), "=m"(skip) : : "eax", "ecx", "edx", "memory", "cc");       \
	} while (0)

static void in_ring3(void)
{
	FAULT("ring 3, int of a ring 0 gate", "", "int $0x40");
	FAULT("ring 3, cli", "", "cli");
	FAULT("ring 3, hlt", "", "hlt");
	FAULT("ring 3, in", "", "in $0x80, %%al");
	FAULT("ring 3, out of a port that the bitmap refuses", "mov $0x81, %%edx", "outb %%al, %%dx");
	FAULT("ring 3, load of a ring 0 segment", "mov $0x10, %%eax", "mov %%eax, %%ds");
	FAULT("ring 3, mov to cr0", "", "mov %%eax, %%cr0");
	FAULT("ring 3, ud2", "", "ud2");
	TRAP("ring 3, int3", "", "int3");
	TRAP("ring 3, int of a ring 3 gate", "", "int $0x41");
	asm volatile("int $0x30");
}

static char user_stack[4096];

int main(void)
{
	static const u8 vectors[] = {0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 0x40, 0x41};
	u32 index;

	for (index = 0; index < sizeof(vectors); index++)
		install(vectors[index], report);
	allow_from_ring3(3);
	allow_from_ring3(0x41);
	set_gate(0x42, 0, KERNEL_CS, 0x0E);                      /* not present */
	set_gate(0x43, 0, KERNEL_DS, 0x8E);                      /* no code segment */
	set_descriptor(0x60, 0, 0xFFFFF, 0x1B, 0xC);             /* code, not present */
	set_gate(0x44, 0, 0x60, 0x8E);
	set_descriptor(0x68, 0, 0xFFFFF, 0x13, 0xC);             /* data, not present */
	set_gate(0x45, 0, 0x1008, 0x8E);                         /* beyond the GDT */
	set_gate(0x46, 0, KERNEL_CS, 0x8C);                      /* a call gate in the IDT */

	FAULT("divide", "xor %%ecx, %%ecx", "div %%ecx");
	TRAP("int3", "", "int3");
	TRAP("into", "movb $0x7f, %%al\n\tincb %%al", "into");
	FAULT("ud2", "", "ud2");
	FAULT("bound", "mov $9, %%eax\n\tpush $1\n\tpush $0", "bound %%eax, (%%esp)");
	asm volatile("add $8, %esp");
	write_cr0(read_cr0() | 8);
	FAULT("fpu with TS", "", "fninit");
	write_cr0(read_cr0() & ~8);
	FAULT("selector beyond the GDT", "mov $0x1000, %%eax", "mov %%eax, %%ds");
	FAULT("segment not present", "mov $0x68, %%eax", "mov %%eax, %%es");
	FAULT("stack not present", "mov $0x68, %%eax", "mov %%eax, %%ss");
	TRAP("int", "", "int $0x41");
	FAULT("int, gate not present", "", "int $0x42");
	FAULT("int, no code segment", "", "int $0x43");
	FAULT("int, code not present", "", "int $0x44");
	FAULT("int, beyond the GDT", "", "int $0x45");
	FAULT("int, no gate", "", "int $0x46");
	TRAP("single step", "pushf\n\torl $0x100, (%%esp)\n\tpopf", "nop");
	enter_ring3(in_ring3, (u32)user_stack + sizeof(user_stack));
	print("done\n");
	return 0;
}
