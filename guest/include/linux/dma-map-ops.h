#include <linux/dma-mapping.h>
