#ifndef _ASM_IO_H
#define _ASM_IO_H

#include <linux/string.h>
#include <asm/page.h>
#include <generated/calls/io.h>

#define virt_to_phys(addr)	__pa(addr)
#define phys_to_virt(addr)	__va(addr)
#define virt_to_bus(addr)	__pa(addr)
#define bus_to_virt(addr)	__va(addr)
#define isa_virt_to_bus(addr)	__pa(addr)
#define isa_bus_to_virt(addr)	__va(addr)

/* Device memory; a physical address has 32 bits, with PAE too. What lies in 640 KB..1 MB is in the direct map. */
static inline void __iomem *ioremap(unsigned long offset, unsigned long size)
{
	return __ioremap(offset, size, 0);
}

#define readb(addr)	(*(volatile u8 __iomem *)(addr))
#define readw(addr)	(*(volatile u16 __iomem *)(addr))
#define readl(addr)	(*(volatile u32 __iomem *)(addr))
#define readb_relaxed(addr)	readb(addr)
#define readw_relaxed(addr)	readw(addr)
#define readl_relaxed(addr)	readl(addr)
#define __raw_readb(addr)	readb(addr)
#define __raw_readw(addr)	readw(addr)
#define __raw_readl(addr)	readl(addr)
#define writeb(value, addr)	((void)(*(volatile u8 __iomem *)(addr) = (value)))
#define writew(value, addr)	((void)(*(volatile u16 __iomem *)(addr) = (value)))
#define writel(value, addr)	((void)(*(volatile u32 __iomem *)(addr) = (value)))
#define __raw_writeb(value, addr)	writeb(value, addr)
#define __raw_writew(value, addr)	writew(value, addr)
#define __raw_writel(value, addr)	writel(value, addr)
#define ioread8(addr)	readb(addr)
#define ioread16(addr)	readw(addr)
#define ioread32(addr)	readl(addr)
#define iowrite8(value, addr)	writeb(value, addr)
#define iowrite16(value, addr)	writew(value, addr)
#define iowrite32(value, addr)	writel(value, addr)
#define mmiowb()	__asm__ __volatile__("" : : : "memory")

#define memset_io(addr, value, count)	((void)memset((void *)(addr), value, count))
#define memcpy_fromio(to, addr, count)	((void)memcpy(to, (const void *)(addr), count))
#define memcpy_toio(addr, from, count)	((void)memcpy((void *)(addr), from, count))

#define __PORT_IO(letter, type)							\
static inline type in##letter(unsigned short port)				\
{										\
	type value;								\
										\
	__asm__ __volatile__("in" #letter " %1, %0" : "=a" (value) : "Nd" (port)); \
	return value;								\
}										\
										\
static inline void out##letter(type value, unsigned short port)			\
{										\
	__asm__ __volatile__("out" #letter " %0, %1" : : "a" (value), "Nd" (port)); \
}

__PORT_IO(b, unsigned char)
__PORT_IO(w, unsigned short)
__PORT_IO(l, unsigned int)
#undef __PORT_IO

#define inb_p(port)	inb(port)
#define inw_p(port)	inw(port)
#define inl_p(port)	inl(port)
#define outb_p(value, port)	outb(value, port)
#define outw_p(value, port)	outw(value, port)
#define outl_p(value, port)	outl(value, port)

#endif
