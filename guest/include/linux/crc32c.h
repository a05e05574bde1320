#include <linux/crc32.h>
