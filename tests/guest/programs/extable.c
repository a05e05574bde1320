/* Reads and writes good and bad addresses with the fault caught by the exception table. */
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

static int failures;

static void expect(const char *what, int ok)
{
	printk("%s: %s\n", what, ok ? "ok" : "WRONG");
	if (!ok)
		failures++;
}

int main(int argc, char **argv)
{
	static u8 byte = 0x5a;
	static u16 half = 0x1234;
	static u32 word = 0xdeadbeef;
	static u64 big = 0x0123456789abcdefULL;
	char *area = vmalloc(PAGE_SIZE), buffer[16];
	u8 b = 1;
	u16 h = 1;
	u32 w = 1;
	u64 q = 1;
	void *p = buffer;

	expect("good addresses", !probe_kernel_address(&byte, b) && !probe_kernel_address(&half, h) &&
	       !probe_kernel_address(&word, w) && !probe_kernel_address(&big, q) &&
	       b == byte && h == half && w == word && q == big);
	expect("byte at 0", probe_kernel_address((u8 *)0, b) == -EFAULT && b == 0);
	expect("half at 0x1000", probe_kernel_address((u16 *)0x1000, h) == -EFAULT && h == 0);
	expect("word in user space", probe_kernel_address((u32 *)0x08048000, w) == -EFAULT && w == 0);
	expect("word in the guard page", probe_kernel_address((u32 *)(area + PAGE_SIZE), w) == -EFAULT && w == 0);
	expect("word across its edge", probe_kernel_address((u32 *)(area + PAGE_SIZE - 2), w) == -EFAULT && w == 0);
	expect("64 bits at 0", probe_kernel_address((u64 *)0, q) == -EFAULT && q == 0);
	expect("pointer at 8", probe_kernel_address((void **)8, p) == -EFAULT && !p);
	expect("put a word", !__put_user(7, (u32 *)area) && *(u32 *)area == 7);
	expect("put a byte into the guard page", __put_user(7, area + PAGE_SIZE) == -EFAULT);

	memset(area, 'x', PAGE_SIZE);
	expect("copy across the edge", __copy_from_user(buffer, area + PAGE_SIZE - 6, 16) == 12 &&
	       !memcmp(buffer, "xxxxxx", 4));
	expect("copy of good memory", !probe_kernel_read(buffer, area, 15) && !memcmp(buffer, area, 15));
	expect("write to a bad place", probe_kernel_write((void *)0x100, buffer, 4) == -EFAULT);
	set_fs(USER_DS);
	expect("user access ends below the kernel", copy_from_user(buffer, area, 4) == 4 &&
	       put_user(1, (u32 *)area) == -EFAULT && get_user(w, (u32 *)area) == -EFAULT);
	set_fs(KERNEL_DS);
	expect("KERNEL_DS lifts the limit", copy_from_user(buffer, area, 4) == 0 && !get_user(w, (u32 *)area));
	expect("preempt count is back", preempt_count() == 0);
	vfree(area);
	return failures != 0;
}
