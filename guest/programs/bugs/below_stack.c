/*
 * A function gives back the address of its local variable. When it has returned, that is below the stack pointer, and
 * the next call or interrupt writes there.
 * highmem: --check-access
 * expect: below_stack.c:21: access: BUG: KASAN: below-stack-pointer in
 */
#include <linux/kernel.h>

static noinline volatile int *make_number(int value)
{
	volatile int number[4];
	volatile int *address = number;

	number[0] = value;
	__asm__ ("" : "+r" (address));	/* so that the compiler does not see it */
	return address;
}

static noinline int next(volatile int *number)
{
	return *number + 1;
}

int main(void)
{
	printk("%s\n", next(make_number(5)) == 6 ? "6, by luck" : "something");
	return 0;
}
