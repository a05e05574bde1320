/* Room on the stack that is made as it is used: an array of variable length, alloca, and pushes below all of them. */
#include <linux/kernel.h>
#include <linux/string.h>

static noinline int sum(int count)
{
	volatile int numbers[count];
	char *room = __builtin_alloca(count * 8);
	int i, total = 0, popped;

	memset(room, 1, count * 8);
	for (i = 0; i < count; i++) {
		numbers[i] = room[i * 8];
		__asm__ volatile ("pushl %1; pushfl; popfl; popl %0" : "=r" (popped) : "r" (numbers[i]) : "memory");
		total += popped;
	}
	return total;
}

int main(void)
{
	return sum(10) + sum(200) == 210 ? 0 : 1;
}
