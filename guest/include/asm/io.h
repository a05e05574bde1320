#ifndef _ASM_IO_H
#define _ASM_IO_H

#include <asm/page.h>

#define virt_to_phys(addr)	__pa(addr)
#define phys_to_virt(addr)	__va(addr)
#define virt_to_bus(addr)	__pa(addr)
#define bus_to_virt(addr)	__va(addr)

#define readb(addr)	(*(volatile u8 *)(addr))
#define readw(addr)	(*(volatile u16 *)(addr))
#define readl(addr)	(*(volatile u32 *)(addr))
#define writeb(value, addr)	((void)(*(volatile u8 *)(addr) = (value)))
#define writew(value, addr)	((void)(*(volatile u16 *)(addr) = (value)))
#define writel(value, addr)	((void)(*(volatile u32 *)(addr) = (value)))

#endif
