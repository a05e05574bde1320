/* Writes behind a vmalloc area. */
#include <linux/vmalloc.h>

static noinline char *make(void)
{
	return vmalloc(10000);
}

int main(void)
{
	make()[3 * 4096 + 4] = 1;
	return 0;
}
