/* Virtual-8086 mode: which instructions fault there, and what an exception leaves on the stack of ring 0. */
#include "bare.h"

#define CODE 0x20000
#define VM 0x20000
#define IOPL3 0x3000

static const char *what;
static u32 back_eip, back_esp;

/* Says what was on the stack, and goes on behind the IRET of run(). */
static void report(struct frame *frame)
{
	const u32 *stack = &frame->esp; /* ESP, SS, ES, DS, FS, GS */

	print("%s: vector %u, error code %x, eip %x, cs %x, eflags %x\n", what, frame->vector, frame->error_code,
	      frame->eip, frame->cs, frame->eflags & ~0x108D5);
	if (stack[0] != 0x100 || stack[1] != 0x900 || stack[2] != 1 || stack[3] != 2 || stack[4] != 3 || stack[5] != 4)
		print("stack %x:%x, es %x, ds %x, fs %x, gs %x\n", stack[1], stack[0], stack[2], stack[3], stack[4],
		      stack[5]);
	asm volatile("mov %0, %%esp\n\tjmp *%1" : : "r"(back_esp), "r"(back_eip));
}

static void run(const char *text, u32 flags, const u8 *code, u32 size)
{
	what = text;
	memcpy((void *)CODE, code, size);
	asm volatile("pusha\n\tmovl %%esp, %0\n\tmovl $1f, %1\n\t"
		     "pushl $4\n\tpushl $3\n\tpushl $2\n\tpushl $1\n\tpushl $0x900\n\tpushl $0x100\n\t"
		     "pushl %2\n\tpushl $0x2000\n\tpushl $0\n\tiret\n1:\tpopa\n\t"
		     "movl $0x10, %%eax\n\tmovl %%eax, %%ds\n\tmovl %%eax, %%es"
		     : "=m"(back_esp), "=m"(back_eip) : "r"(flags | VM | 2) : "eax", "memory");
}

#define RUN(text, flags, ...)                                                                                 \
	do {                                                                                                  \
		static const u8 code[] = {__VA_ARGS__};                                                       \
		run(text, flags, code, sizeof(code));                                                         \
	} while (0)

int main(void)
{
	static const u8 vectors[] = {0, 1, 3, 4, 5, 6, 13, 0x40, 0x41};
	u32 index;

	for (index = 0; index < sizeof(vectors); index++)
		install(vectors[index], report);
	allow_from_ring3(0x41);
	RUN("nop, hlt", 0, 0x90, 0xF4);
	RUN("int, IOPL 0", 0, 0xCD, 0x41);
	RUN("int, IOPL 3", IOPL3, 0xCD, 0x41);
	RUN("int of a ring 0 gate", IOPL3, 0xCD, 0x40);
	RUN("int3, IOPL 0", 0, 0xCC);
	RUN("into", IOPL3, 0xB0, 0x7F, 0xFE, 0xC0, 0xCE);
	RUN("cli", 0, 0xFA);
	RUN("pushf", 0, 0x9C);
	RUN("iret", 0, 0xCF);
	RUN("push, popf, hlt with IOPL 3", IOPL3, 0x6A, 0x02, 0x9D, 0xF4);
	RUN("ud2", 0, 0x0F, 0x0B);
	RUN("divide by zero", 0, 0x31, 0xC9, 0xF7, 0xF1);
	RUN("in of a port that the bitmap refuses", IOPL3, 0xE4, 0x81);
	RUN("lgdt", IOPL3, 0x0F, 0x01, 0x16, 0, 0);
	RUN("ltr", IOPL3, 0x0F, 0x00, 0xD8);
	RUN("mov from cr0", IOPL3, 0x0F, 0x20, 0xC0);
	RUN("single step", 0x100, 0x90, 0x90);
	print("done\n");
	return 0;
}
