#include <linux/timekeeping.h>
