/* A PC without an operating system: what the programs in this folder share. */
#ifndef BARE_H
#define BARE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define COM1 0x3F8
#define DEBUG_EXIT 0xF4

/* Selectors of the GDT that start() loads. */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_CS 0x1B
#define USER_DS 0x23
#define MAIN_TSS 0x28
#define FREE_SELECTOR 0x30 /* and up to 0x78: for the program */

struct tss {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs, ldt;
	u16 trap, iomap;
};

/* What an exception or interrupt leaves on the stack; esp and ss only where it came from ring 3. */
struct frame {
	u32 edi, esi, ebp, esp_unused, ebx, edx, ecx, eax;
	u32 ds, vector, error_code, eip, cs, eflags, esp, ss;
};

typedef void (*handler_t)(struct frame *frame);

extern handler_t handlers[256];
extern struct tss main_tss;
extern u32 multiboot_magic, multiboot_info;

int main(void);
void print(const char *format, ...); /* %x %08x %d %u %s %c */
void exit(int status) __attribute__((noreturn));
void set_gate(int vector, u32 offset, u32 selector, u32 access);
void set_descriptor(u32 selector, u32 base, u32 limit, u32 access, u32 flags);
void install(int vector, handler_t handler);
void allow_from_ring3(int vector);
void enter_ring3(void (*function)(void), u32 stack); /* comes back when ring 3 does int 0x30 */
void init_pic(void);                                  /* IRQ 0 at vector 0x20; all masked */
void unmask(int irq);
void end_of_interrupt(int irq);
void init_pit(u32 divisor);
void *memset(void *place, int byte, u32 size);
void *memcpy(void *to, const void *from, u32 size);

static inline void outb(u16 port, u8 value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void outl(u16 port, u32 value) { asm volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static inline u8 inb(u16 port)
{
	u8 value;
	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}
static inline void insw(u16 port, void *to, u32 count)
{
	asm volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}
static inline u32 read_cr0(void)
{
	u32 value;
	asm volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}
static inline u32 read_cr2(void)
{
	u32 value;
	asm volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}
static inline u32 read_cr4(void)
{
	u32 value;
	asm volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}
static inline void write_cr0(u32 value) { asm volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }
static inline void write_cr3(u32 value) { asm volatile("mov %0, %%cr3" : : "r"(value) : "memory"); }
static inline void write_cr4(u32 value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }
static inline void invlpg(void *linear) { asm volatile("invlpg (%0)" : : "r"(linear) : "memory"); }
static inline void sti(void) { asm volatile("sti" : : : "memory"); }
static inline void cli(void) { asm volatile("cli" : : : "memory"); }
static inline void halt(void) { asm volatile("hlt" : : : "memory"); }
static inline void pause(void) { asm volatile("pause" : : : "memory"); }

#endif
