/* Sectors of an IDE disk, by PIO: polled, and with an interrupt for each. */
#include "bare.h"

static volatile u32 interrupts;
static u16 buffer[256];

static void on_disk(struct frame *frame)
{
	(void)frame;
	interrupts++;
	inb(0x1F7);
	end_of_interrupt(14);
}

static void command(u32 sector, u32 count, u8 what)
{
	outb(0x1F6, 0xE0 | sector >> 24);
	while ((inb(0x1F7) & 0xC0) != 0x40)
		;
	outb(0x1F2, count);
	outb(0x1F3, sector);
	outb(0x1F4, sector >> 8);
	outb(0x1F5, sector >> 16);
	outb(0x1F7, what);
}

static void wait_for_data(void)
{
	while ((inb(0x1F7) & 0x88) != 8)
		;
}

static u32 sum(void)
{
	u32 total = 0, index;

	for (index = 0; index < 256; index++)
		total = total * 31 + buffer[index];
	return total;
}

int main(void)
{
	u32 sector, seen;

	outb(0x3F6, 2); /* no interrupts */
	outb(0x1F6, 0xE0);
	if (inb(0x1F7) == 0 || inb(0x1F7) == 0xFF) {
		print("no disk: this program needs --disk FILE\n");
		return 1;
	}
	command(0, 0, 0xEC);
	wait_for_data();
	insw(0x1F0, buffer, 256);
	print("identify: %u sectors\n", buffer[60] | buffer[61] << 16);
	for (sector = 0; sector < 3; sector++) {
		command(sector, 1, 0x20);
		wait_for_data();
		insw(0x1F0, buffer, 256);
		print("sector %u: begins with %04x %04x, sum %08x\n", sector, buffer[0], buffer[1], sum());
	}
	init_pic();
	install(0x2E, on_disk);
	unmask(14);
	outb(0x3F6, 0);
	sti();
	command(4, 2, 0x20);
	for (sector = 4; sector < 6; sector++) {
		for (seen = interrupts; interrupts == sector - 4;)
			halt();
		insw(0x1F0, buffer, 256);
		print("sector %u by interrupt: sum %08x\n", sector, sum());
	}
	cli();
	print("%u interrupts\n", interrupts);
	return 0;
}
