/* A double fault through a task gate; tasks switched by CALL and IRET, busy bits and the nested-task flag. */
#include "bare.h"

static struct tss fault_tss, other_tss;
static u8 fault_stack[4096], other_stack[4096];
static u32 directory[1024] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));


static u32 access_of(u32 selector)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) gdtr;

	asm volatile("sgdt %0" : "=m"(gdtr));
	return ((u8 *)gdtr.base)[selector + 5];
}

static u32 eflags(void)
{
	u32 flags;

	asm volatile("pushf\n\tpop %0" : "=r"(flags));
	return flags;
}

static u16 task(void)
{
	u16 selector;

	asm volatile("str %0" : "=r"(selector));
	return selector;
}

static void on_double_fault(void)
{
	u32 *stack = (u32 *)(fault_stack + sizeof(fault_stack)) - 1;

	print("double fault, error code %u, in task %x, from task %x\n", *stack, task(), fault_tss.link);
	print("it had esp %08x, cr2 %08x, cr3 %s\n", main_tss.esp, read_cr2(),
	      main_tss.cr3 == fault_tss.cr3 ? "the same" : "another");
	print("nested %u, task-switched %u, main %02x, this one %02x\n", eflags() >> 14 & 1, read_cr0() >> 3 & 1,
	      access_of(MAIN_TSS), access_of(FREE_SELECTOR));
	exit(3);
}

static void other_task(void)
{
	for (;;) {
		print("other task %x, link %x, nested %u, main %02x, this one %02x\n", task(), other_tss.link,
		      eflags() >> 14 & 1, access_of(MAIN_TSS), access_of(FREE_SELECTOR + 8));
		asm volatile("iret");
	}
}

static void prepare(struct tss *tss, u32 selector, void (*function)(void), u8 *stack)
{
	memset(tss, 0, sizeof(*tss));
	tss->eip = (u32)function;
	tss->esp = (u32)stack;
	tss->cs = KERNEL_CS;
	tss->ss = tss->ds = tss->es = tss->fs = tss->gs = KERNEL_DS;
	tss->eflags = 2;
	tss->cr3 = (u32)directory;
	tss->iomap = sizeof(*tss);
	set_descriptor(selector, (u32)tss, sizeof(*tss) - 1, 0x89, 0);
}

int main(void)
{
	u32 page;

	for (page = 0; page < 1024; page++)
		table[page] = page << 12 | 3;
	directory[0] = (u32)table | 3;
	write_cr3((u32)directory);
	write_cr0(read_cr0() | 0x80000000);
	main_tss.cr3 = (u32)directory;

	prepare(&other_tss, FREE_SELECTOR + 8, other_task, other_stack + sizeof(other_stack));
	print("main task %x, %02x\n", task(), access_of(MAIN_TSS));
	asm volatile("lcall $0x38, $0");
	print("back in %x, nested %u, main %02x, other %02x\n", task(), eflags() >> 14 & 1, access_of(MAIN_TSS),
	      access_of(FREE_SELECTOR + 8));
	set_gate(0x50, 0, FREE_SELECTOR + 8, 0x85);
	asm volatile("int $0x50"); /* goes on behind the IRET */
	print("back in %x from a task gate\n", task());
	asm volatile("clts");

	prepare(&fault_tss, FREE_SELECTOR, on_double_fault, fault_stack + sizeof(fault_stack));
	set_gate(8, 0, FREE_SELECTOR, 0x85);
	asm volatile("mov $0x70000000, %esp\n\tpush %eax"); /* no stack: the page fault cannot be delivered */
	return 1;
}
