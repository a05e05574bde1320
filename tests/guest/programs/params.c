/* A module that prints its parameters: of every type, in both ages' form of bool. */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

static unsigned char small = 1;
static short little = -2;
static unsigned short medium = 3;
static int n = -4;
static unsigned int positive = 5;
static long wide = -6;
static unsigned long big = 7;
static unsigned long long huge = 1ULL << 40;
static char *name = "nobody";
static int old_flag;
static bool new_flag;
static int inverted = 1;
static int inner_value = 8;
static char text[8] = "default";
static int numbers[4] = { 1, 2, 3, 4 };
static int count;
static char *words[3];
static bool flags[2];
static int own, calls;

module_param(small, byte, 0);
module_param(little, short, S_IRUGO);
module_param(medium, ushort, 0444);
module_param(n, int, S_IRUGO | S_IWUSR);
module_param(positive, uint, 0644);
module_param(wide, long, 0);
module_param(big, ulong, 0);
module_param(huge, ullong, 0);
module_param(name, charp, 0);
module_param(old_flag, bool, 0);
module_param(new_flag, bool, 0);
module_param(inverted, invbool, 0);
module_param_named(outer, inner_value, int, 0);
module_param_string(text, text, sizeof(text), 0);
module_param_array(numbers, int, &count, 0);
module_param_array_named(word, words, charp, NULL, 0);
module_param_array(flags, bool, NULL, 0);
MODULE_PARM_DESC(n, "a number");

static int set_own(const char *val, struct kernel_param *kp)
{
	calls++;
	if (val && *val == '!')
		BUG();
	return param_set_int(val, kp) ? -ERANGE : 0;
}
module_param_call(own, set_own, param_get_int, &own, 0);

static int __init start(void)
{
	char buffer[64];

	printk("small %u little %d medium %u n %d positive %u wide %ld big %lu huge %llu\n",
	       small, little, medium, n, positive, wide, big, huge);
	printk("name %s old_flag %d new_flag %d inverted %d outer %d text %s\n",
	       name, old_flag, new_flag, inverted, inner_value, text);
	printk("numbers %d %d %d %d count %d words %s %s %s flags %d %d own %d calls %d\n", numbers[0], numbers[1],
	       numbers[2], numbers[3], count, words[0] ?: "-", words[1] ?: "-", words[2] ?: "-", flags[0], flags[1],
	       own, calls);
	param_array_get(buffer, &__param_numbers);
	printk("as text: %s", buffer);
	param_get_invbool(buffer, &__param_inverted);
	printk(" %s", buffer);
	param_get_string(buffer, &__param_text);
	printk(" %s\n", buffer);
	return 0;
}

static void __exit stop(void)
{
	printk("goodbye %s\n", name);	/* still there */
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
