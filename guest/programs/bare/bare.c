/* The shared part: serial output, GDT, IDT, interrupt controllers. */
#include "bare.h"

handler_t handlers[256];
struct tss main_tss;
u32 multiboot_magic, multiboot_info;

extern char stubs[], stack_top[], back_from_ring3[];
static u64 gdt[16], idt[256];
static char ring0_stack[8192] __attribute__((aligned(16)));

static void put(char c)
{
	while (!(inb(COM1 + 5) & 0x20))
		;
	outb(COM1, c);
}

static void put_number(u32 value, u32 base, int width, char pad)
{
	char digits[12];
	int count = 0;

	do
		digits[count++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (width-- > count)
		put(pad);
	while (count)
		put(digits[--count]);
}

void print(const char *format, ...)
{
	u32 *argument = (u32 *)&format + 1;

	for (; *format; format++) {
		int width = 0;
		char pad = ' ';

		if (*format != '%') {
			put(*format);
			continue;
		}
		if (*++format == '0')
			pad = '0';
		for (; *format >= '0' && *format <= '9'; format++)
			width = width * 10 + *format - '0';
		switch (*format) {
		case 'x':
			put_number(*argument++, 16, width, pad);
			break;
		case 'u':
			put_number(*argument++, 10, width, pad);
			break;
		case 'd':
			if ((int)*argument < 0)
				put('-');
			put_number((int)*argument < 0 ? -*argument : *argument, 10, width, pad);
			argument++;
			break;
		case 'c':
			put(*argument++);
			break;
		case 's': {
			const char *text = (const char *)*argument++;

			while (*text)
				put(*text++);
			break;
		}
		default:
			put(*format);
		}
	}
}

void exit(int status)
{
	outl(DEBUG_EXIT, status);
	for (;;) {
		cli();
		halt();
	}
}

void *memset(void *place, int byte, u32 size)
{
	u8 *at = place;

	while (size--)
		*at++ = byte;
	return place;
}

void *memcpy(void *to, const void *from, u32 size)
{
	u8 *at = to;
	const u8 *source = from;

	while (size--)
		*at++ = *source++;
	return to;
}

void set_gate(int vector, u32 offset, u32 selector, u32 access)
{
	idt[vector] = (u64)(offset & 0xFFFF0000 | access << 8) << 32 | selector << 16 | offset & 0xFFFF;
}

void set_descriptor(u32 selector, u32 base, u32 limit, u32 access, u32 flags)
{
	u32 high = base & 0xFF000000 | flags << 20 | limit & 0xF0000 | access << 8 | base >> 16 & 0xFF;

	gdt[selector >> 3] = (u64)high << 32 | base << 16 | limit & 0xFFFF;
}

void install(int vector, handler_t handler)
{
	handlers[vector] = handler;
}

void allow_from_ring3(int vector)
{
	set_gate(vector, (u32)stubs + 16 * vector, KERNEL_CS, 0xEE);
}

void dispatch(struct frame *frame)
{
	if (handlers[frame->vector]) {
		handlers[frame->vector](frame);
		return;
	}
	print("unexpected vector %u, error code %x, at %08x, cr2 %08x\n", frame->vector, frame->error_code, frame->eip,
	      read_cr2());
	exit(127);
}

static void leave_ring3(struct frame *frame)
{
	frame->cs = KERNEL_CS;
	frame->eip = (u32)back_from_ring3;
	frame->ds = KERNEL_DS;
}

/* Called by _start. */
void start(void)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) pointer = {sizeof(gdt) - 1, (u32)gdt};
	int vector;

	set_descriptor(KERNEL_CS, 0, 0xFFFFF, 0x9B, 0xC);
	set_descriptor(KERNEL_DS, 0, 0xFFFFF, 0x93, 0xC);
	set_descriptor(USER_CS, 0, 0xFFFFF, 0xFB, 0xC);
	set_descriptor(USER_DS, 0, 0xFFFFF, 0xF3, 0xC);
	set_descriptor(MAIN_TSS, (u32)&main_tss, sizeof(main_tss) - 1, 0x89, 0);
	asm volatile("lgdt %0\n\tljmp $0x08, $1f\n1:\tmov %1, %%ds\n\tmov %1, %%es\n\tmov %1, %%fs\n\t"
		     "mov %1, %%gs\n\tmov %1, %%ss" : : "m"(pointer), "r"(KERNEL_DS));
	for (vector = 0; vector < 256; vector++)
		set_gate(vector, (u32)stubs + 16 * vector, KERNEL_CS, 0x8E);
	pointer.limit = sizeof(idt) - 1;
	pointer.base = (u32)idt;
	asm volatile("lidt %0" : : "m"(pointer));
	main_tss.ss0 = KERNEL_DS;
	main_tss.esp0 = (u32)ring0_stack + sizeof(ring0_stack);
	main_tss.iomap = sizeof(main_tss);
	asm volatile("ltr %w0" : : "r"(MAIN_TSS));
	allow_from_ring3(0x30);
	install(0x30, leave_ring3);
	outb(0x21, 0xFF); /* firmware may have left the timer on */
	outb(0xA1, 0xFF);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80); /* divisor latch */
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	exit(main());
}

void init_pic(void)
{
	static const u8 master[] = {0x20, 4, 1}, slave[] = {0x28, 2, 1};
	int word;

	outb(0x20, 0x11);
	outb(0xA0, 0x11);
	for (word = 0; word < 3; word++) {
		outb(0x21, master[word]);
		outb(0xA1, slave[word]);
	}
	outb(0x21, 0xFF);
	outb(0xA1, 0xFF);
}

void unmask(int irq)
{
	if (irq >= 8) {
		outb(0xA1, inb(0xA1) & ~(1 << (irq - 8)));
		irq = 2;
	}
	outb(0x21, inb(0x21) & ~(1 << irq));
}

void end_of_interrupt(int irq)
{
	if (irq >= 8)
		outb(0xA0, 0x20);
	outb(0x20, 0x20);
}

void init_pit(u32 divisor)
{
	outb(0x43, 0x34);
	outb(0x40, divisor);
	outb(0x40, divisor >> 8);
}
