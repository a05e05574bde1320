/* Paging switched on from scratch, with 4 KB and 4 MB pages; demand faults; what the CPU writes into the tables. */
#include "bare.h"

#define P 1
#define RW 2
#define US 4
#define A 0x20
#define D 0x40
#define PS 0x80
#define DEMAND 0x40000000
#define PAGES 512

static u32 directory[1024] __attribute__((aligned(4096)));
static u32 low_table[1024] __attribute__((aligned(4096)));
static u32 demand_table[1024] __attribute__((aligned(4096)));
static u32 next_frame = 0x800000, faults;
static u8 user_stack[4096] __attribute__((aligned(4096)));

static void page_fault(struct frame *frame)
{
	u32 address = read_cr2();

	if (address >= DEMAND && address < DEMAND + (PAGES << 12) && !(frame->error_code & P)) {
		demand_table[address >> 12 & 1023] = next_frame | P | RW | US;
		next_frame += 4096;
		faults++;
		return;
	}
	print("page fault: %s of %08x by ring %u, error code %x\n", frame->error_code & 2 ? "write" : "read", address,
	      frame->cs & 3, frame->error_code);
	frame->eip += 2; /* both accesses below have two bytes */
}

static void touch(u32 address, int write)
{
	if (write)
		asm volatile("movb %%al, (%0)" : : "d"(address), "a"(1) : "memory");
	else
		asm volatile("movb (%0), %%al" : : "d"(address) : "eax", "memory");
}

static void user(void)
{
	touch(0x00200000, 0); /* a page of the supervisor */
	touch(DEMAND + 0x3000, 1);
	touch(DEMAND + 0x100000, 1); /* not present: a fault from ring 3 */
	asm volatile("int $0x30");
}

int main(void)
{
	u32 page, sum = 0;

	for (page = 0; page < 1024; page++)
		low_table[page] = page << 12 | P | RW | US;
	low_table[0x200] &= ~US;
	low_table[0x300] &= ~RW;
	directory[0] = (u32)low_table | P | RW | US;
	directory[1] = 0x400000 | P | RW | PS;
	directory[2] = 0x800000 | P | RW | PS;
	directory[DEMAND >> 22] = (u32)demand_table | P | RW | US;
	directory[0x300] = 0x400000 | P | RW | PS; /* the second 4 MB once more, at 0xC0000000 */
	install(14, page_fault);
	write_cr4(read_cr4() | 0x10);
	write_cr3((u32)directory);
	write_cr0(read_cr0() | 0x80000000);
	print("paging is on, cr0 %08x, cr4.PSE %u\n", read_cr0() & 0x80010001, read_cr4() >> 4 & 1);

	*(volatile u32 *)0x00500000 = 0x12345678;
	print("4 MB page: %08x at c0100000, pde %08x\n", *(volatile u32 *)0xC0100000, directory[0x300] & 0xFFF);
	*(volatile u32 *)0xC0100004 = 1;
	print("after a write: pde %08x\n", directory[0x300] & 0xFFF);

	for (page = 0; page < PAGES; page++)
		*(volatile u32 *)(DEMAND + (page * 37 % PAGES << 12) + page * 4) = page;
	for (page = 0; page < PAGES; page++)
		sum += *(volatile u32 *)(DEMAND + (page * 37 % PAGES << 12) + page * 4);
	print("%u pages on demand, %u faults, sum %u\n", PAGES, faults, sum);
	print("accessed and dirty: %03x\n", demand_table[0] & 0xFFF);

	touch(0x00300000, 1);
	print("read-only page, WP=0: written, %02x\n", *(u8 *)0x00300000);
	write_cr0(read_cr0() | 0x10000);
	touch(0x00300000, 1);
	touch(0x10000000, 0);
	demand_table[5] = 0;
	invlpg((void *)(DEMAND + 0x5000));
	touch(DEMAND + 0x5000, 0);
	print("after invlpg: %u faults\n", faults);

	demand_table[0x100] = 0;
	invlpg((void *)(DEMAND + 0x100000));
	enter_ring3(user, (u32)user_stack + sizeof(user_stack));
	print("back from ring 3, %u faults\n", faults);
	return 0;
}
