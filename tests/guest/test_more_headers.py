"""The headers that book examples and drivers include: what they offer works, or is named by the loader."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.calls import SYMBOLS
from guest.elf import LoadError
from guest.kernel import Kernel
from mm.layout import Layout
from mm.setup import BootOptions

PROGRAM = Path(__file__).resolve().parent / "programs" / "more_headers.c"
PARTS = ("endian", "scanning", "bits", "trees", "hashes", "percpu", "references", "pools", "fifos", "others")
MB = 1 << 20


@pytest.fixture(scope="module")
def machine() -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=1024 * MB)) as kernel:
        yield kernel


def run(kernel: Kernel, *arguments: str) -> tuple[int, str]:
    before = len(kernel.log.text())
    said: list[str] = []
    program = elf.read(cc.build([PROGRAM], kernel.layout, diagnostics=said.append), PROGRAM.name)
    assert said == []
    status = kernel.run(program, [PROGRAM.name, *arguments], timeout=20)
    return status, kernel.log.text()[before:]


@pytest.mark.parametrize("part", PARTS)
def test_part(machine: Kernel, every_compiler: str, part: str) -> None:
    free = machine.page_alloc.nr_free_pages()
    status, text = run(machine, part)
    assert status == 0, text
    assert run(machine, part)[0] == 0
    assert abs(machine.page_alloc.nr_free_pages() - free) < 64  # caches keep some pages, and no more each time


def test_every_part_is_named() -> None:
    table = PROGRAM.read_text().partition("parts[] = {")[2].partition("};")[0]
    assert [line for line in PARTS if f'"{line}"' not in table] == [] and table.count("{") == len(PARTS)


@pytest.mark.slow
def test_with_several_cpus() -> None:
    with Kernel.boot(BootOptions(ram=64 * MB, nr_cpus=4)) as kernel:
        for part in ("percpu", "fifos", "pools"):
            status, text = run(kernel, part)
            assert status == 0, text


# Bob Jenkins' hash once more, written from its description


def mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for one, two, three in ((13, 8, 13), (12, 16, 5), (3, 10, 15)):
        a = (a - b - c) % 2**32 ^ c >> one
        b = ((b - c - a) ^ a << two) % 2**32
        c = (c - a - b) % 2**32 ^ b >> three
    return a, b, c


def jhash(key: bytes, initval: int) -> int:
    length, state = len(key), (0x9E3779B9, 0x9E3779B9, initval)
    while True:
        part, key = key[:12], key[12:]
        last = len(part) < 12
        if last:  # the length has the third word's lowest byte
            part = part[:8].ljust(8, b"\0") + bytes([length]) + part[8:].ljust(3, b"\0")
        a, b, c = (x + y for x, y in zip(state, struct.unpack("<3I", part), strict=True))
        state = mix(a % 2**32, b % 2**32, c % 2**32)
        if last:
            return state[2]


def test_hashes(machine: Kernel) -> None:
    text = run(machine, "hashes")[1]
    golden = 0x9E3779B9
    wanted = [
        jhash(b"", 0), jhash(b"highmem", 1), jhash(b"sixteen bytes...", 0), jhash(struct.pack("<5I", 1, 2, 3, 4, 5), 7),
        mix(golden + 1, golden + 2, 3 + 4)[2], mix(golden + 9, golden, 0)[2],
    ]  # fmt: skip
    assert text.startswith("jhash " + " ".join(f"{value:08x}" for value in wanted) + "\n")
    assert wanted[0] == 0xBD49D10D


# what a driver is written with

DRIVER = """
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/fs.h>
#include <linux/errno.h>
#include <linux/types.h>
#include <linux/proc_fs.h>
#include <linux/fcntl.h>
#include <linux/seq_file.h>
#include <linux/cdev.h>
#include <asm/system.h>
#include <asm/uaccess.h>

static int major;
module_param(major, int, S_IRUGO);

struct device { void **data; int quantum; unsigned long size; struct cdev cdev; };

static int device_open(struct inode *inode, struct file *filp)
{
	struct device *dev = container_of(inode->i_cdev, struct device, cdev);

	filp->private_data = dev;
	if ((filp->f_flags & O_ACCMODE) == O_WRONLY)
		dev->size = 0;
	return 0;
}

static ssize_t device_read(struct file *filp, char __user *buf, size_t count, loff_t *f_pos)
{
	struct device *dev = filp->private_data;

	if (*f_pos >= dev->size)
		return 0;
	if (copy_to_user(buf, dev->data[(long)*f_pos / dev->quantum], count))
		return -EFAULT;
	*f_pos += count;
	return count;
}

static loff_t device_llseek(struct file *filp, loff_t off, int whence)
{
	return filp->f_pos = off;
}

static struct file_operations fops = {
	.owner = THIS_MODULE,
	.llseek = device_llseek,
	.read = device_read,
	.open = device_open,
};

static int show(struct seq_file *s, void *v)
{
	return seq_printf(s, "%d\\n", major);
}

static int proc_open(struct inode *inode, struct file *file)
{
	return single_open(file, show, NULL);
}

static int __init start(void)
{
	static struct device device;
	dev_t dev = MKDEV(major, 0);
	int result = major ? register_chrdev_region(dev, 1, "device") : alloc_chrdev_region(&dev, 0, 1, "device");

	if (result < 0)
		return result;
	cdev_init(&device.cdev, &fops);
	device.cdev.owner = THIS_MODULE;
	if (!create_proc_entry("device", 0, NULL))
		return -ENOMEM;
	fops.open = proc_open;
	if (IS_ERR(filp_open("/dev/device", 0, 0)))
		return -ENOENT;
	return cdev_add(&device.cdev, dev, 1);
}
module_init(start);
MODULE_LICENSE("Dual BSD/GPL");
"""


def test_driver_compiles_and_the_loader_names_what_is_not_there(
    tmp_path: Path, every_compiler: str, layout: Layout
) -> None:
    source = tmp_path / "driver.c"
    source.write_text(DRIVER)
    said: list[str] = []
    program = elf.read(cc.build([source], layout, diagnostics=said.append))
    assert said == []
    with pytest.raises(LoadError, match="Unknown symbols? filp_open: neither"):
        program.link(0xF8810000, SYMBOLS.get)


def test_formats_of_sscanf_are_checked(tmp_path: Path, layout: Layout) -> None:
    source = tmp_path / "scan.c"
    source.write_text(
        '#include <linux/kernel.h>\nint main(int c, char **v) { short n; return sscanf(v[0], "%d", &n); }\n'
    )
    said: list[str] = []
    cc.build([source], layout, diagnostics=said.append)
    assert said and "scan.c:2:" in said[0]
