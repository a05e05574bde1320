/* The debug registers: breakpoints on data, on execution and on a port, and a single step on top. */
#include "bare.h"

static const char *what;
static u32 begin;
extern u32 area[16]; /* the watched words; what lies around them is free */
asm(".bss\n.balign 64\n.skip 64\narea: .skip 64\n.text");

static inline u32 read_dr6(void)
{
	u32 value;
	asm volatile("mov %%dr6, %0" : "=r"(value));
	return value;
}

#define WRITE_DR(number, value) asm volatile("mov %0, %%dr" #number : : "r"((u32)(value)) : "memory")

static void report(struct frame *frame)
{
	print("%s: EIP + %x, DR6 %04x, ECX %x, cs %02x\n", what, frame->eip - begin, read_dr6() & 0xE00F, frame->ecx,
	      frame->cs);
	WRITE_DR(6, 0xFFFF0FF0);
	frame->eflags |= 0x10000; /* RF: an instruction that is about to run is let through */
}

#define RUN(text, code)                                                                                       \
	do {                                                                                                  \
		what = text;                                                                                  \
		asm volatile("movl $1f, %0\n\txor %%ecx, %%ecx\n1:\t" code "\n\tnop"                         \
			     : "=m"(begin) : : "eax", "ecx", "edx", "esi", "edi", "memory", "cc");            \
	} while (0)

static void in_ring3(void)
{
	RUN("ring 3, store", "movl $5, area");
	RUN("ring 3, string store", "movl $area - 8, %%edi\n\tmovl $6, %%ecx\n\trep stosl");
	asm volatile("int $0x30");
}

static u8 user_stack[4096];

int main(void)
{
	install(1, report);
	WRITE_DR(6, 0xFFFF0FF0);
	WRITE_DR(0, area);
	WRITE_DR(7, 0xD0402); /* stores into four bytes */
	RUN("store", "movl $5, area");
	RUN("load", "movl area, %%eax");
	RUN("load and store", "addl $1, area");
	RUN("exchange", "xchgl %%eax, area");
	RUN("compare and exchange", "lock cmpxchgl %%eax, area");
	RUN("the last byte", "movb %%al, area + 3");
	RUN("the byte behind", "movb %%al, area + 4");
	RUN("two bytes of it", "movl %%eax, area - 2");
	RUN("string store", "movl $area - 8, %%edi\n\tmovl $6, %%ecx\n\trep stosl");
	RUN("push", "movl %%esp, %%edx\n\tmovl $area + 4, %%esp\n\tpushl $3\n\tmovl %%edx, %%esp");
	RUN("call", "movl %%esp, %%edx\n\tmovl $area + 4, %%esp\n\tcall 2f\n2:\tmovl %%edx, %%esp");
	RUN("x87", "fninit\n\tfildl area + 4\n\tfistpl area");
	enter_ring3(in_ring3, (u32)user_stack + sizeof(user_stack));
	WRITE_DR(7, 0x70402); /* any access to two bytes */
	RUN("load of two", "movw area, %%ax");
	RUN("load of the next two", "movw area + 2, %%ax");
	WRITE_DR(7, 0x400);
	RUN("off", "movl $5, area");
	asm volatile("movl $1f, %%eax\n\tmov %%eax, %%dr0\n\tmovl $0x402, %%eax\n\tmov %%eax, %%dr7\n\t"
		     "movl $1f, %0\n\tmovl $execution, %1\n\tmovl $3, %%ecx\n1:\tnop\n\tloop 1b"
		     : "=m"(begin), "=m"(what) : : "eax", "ecx", "memory");
	WRITE_DR(7, 0x400);
	write_cr4(read_cr4() | 8); /* DE */
	WRITE_DR(0, 0x80);
	WRITE_DR(7, 0x20402);
	RUN("port", "outb %%al, $0x80");
	RUN("another port", "outb %%al, $0x81");
	WRITE_DR(7, 0x400);
	print("done\n");
	return 0;
}

const char execution[] = "execution";
