/*
 * highmem: --ram 32M
 *
 * What drivers are made of: numbers of devices, classes, /proc entries, files that are opened by hand.
 */
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/dmapool.h>
#include <linux/miscdevice.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/ratelimit.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

/* Numbers */

static void a_major_number_is_found(struct kunit *test)
{
	dev_t first, second;

	KUNIT_ASSERT_EQ(test, alloc_chrdev_region(&first, 3, 2, "first"), 0);
	KUNIT_ASSERT_EQ(test, alloc_chrdev_region(&second, 0, 1, "second"), 0);
	KUNIT_EXPECT_EQ(test, MAJOR(first), 254);
	KUNIT_EXPECT_EQ(test, MINOR(first), 3);
	KUNIT_EXPECT_EQ(test, MAJOR(second), 253);
	unregister_chrdev_region(first, 2);
	unregister_chrdev_region(second, 1);
}

static void what_another_has_is_refused(struct kunit *test)
{
	dev_t dev = MKDEV(100, 10);

	KUNIT_ASSERT_EQ(test, register_chrdev_region(dev, 10, "one"), 0);
	KUNIT_EXPECT_EQ(test, register_chrdev_region(dev + 9, 1, "two"), -EBUSY);
	KUNIT_EXPECT_EQ(test, register_chrdev_region(dev - 5, 6, "two"), -EBUSY);
	KUNIT_ASSERT_EQ(test, register_chrdev_region(dev + 10, 1, "two"), 0);
	unregister_chrdev_region(dev + 10, 1);
	unregister_chrdev_region(dev, 10);
	KUNIT_ASSERT_EQ(test, register_chrdev_region(dev + 5, 1, "two"), 0);
	unregister_chrdev_region(dev + 5, 1);
}

static void a_range_over_two_majors(struct kunit *test)
{
	dev_t dev = MKDEV(101, MINORMASK);

	KUNIT_ASSERT_EQ(test, register_chrdev_region(dev, 2, "both"), 0);
	KUNIT_EXPECT_EQ(test, register_chrdev_region(MKDEV(102, 0), 1, "other"), -EBUSY);
	unregister_chrdev_region(dev, 2);
	KUNIT_ASSERT_EQ(test, register_chrdev_region(MKDEV(102, 0), 1, "other"), 0);
	KUNIT_EXPECT_EQ(test, register_chrdev_region(dev, 2, "both"), -EBUSY);
	KUNIT_ASSERT_EQ(test, register_chrdev_region(dev, 1, "the first is free"), 0);
	unregister_chrdev_region(dev, 1);
	unregister_chrdev_region(MKDEV(102, 0), 1);
}

static const struct file_operations nothing = { .owner = THIS_MODULE };

static void a_driver_with_a_major_number(struct kunit *test)
{
	int major = register_chrdev(0, "driver", &nothing);

	KUNIT_EXPECT_EQ(test, major, 254);
	KUNIT_EXPECT_EQ(test, register_chrdev(major, "another", &nothing), -EBUSY);
	KUNIT_EXPECT_EQ(test, unregister_chrdev(major, "driver"), 0);
	KUNIT_EXPECT_EQ(test, register_chrdev(major, "another", &nothing), 0);
	unregister_chrdev(major, "another");
}

/* A device whose file is opened by hand */

struct box {
	struct cdev cdev;
	char text[16];
};

static int box_open(struct inode *inode, struct file *file)
{
	file->private_data = container_of(inode->i_cdev, struct box, cdev);
	return nonseekable_open(inode, file);
}

static ssize_t box_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct box *box = file->private_data;

	return simple_read_from_buffer(buf, count, pos, box->text, sizeof(box->text));
}

static ssize_t box_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct box *box = file->private_data;

	return simple_write_to_buffer(box->text, sizeof(box->text), pos, buf, count);
}

static const struct file_operations box_fops = {
	.owner = THIS_MODULE, .open = box_open, .read = box_read, .write = box_write, .llseek = no_llseek,
};

static void a_device_is_read_and_written(struct kunit *test)
{
	struct box *box = kunit_kzalloc(test, sizeof(*box), GFP_KERNEL);
	struct inode *inode = kunit_kzalloc(test, sizeof(*inode), GFP_KERNEL);
	struct file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);
	char text[20] = "";
	loff_t pos = 0;
	dev_t dev;

	KUNIT_ASSERT_EQ(test, alloc_chrdev_region(&dev, 0, 1, "box"), 0);
	cdev_init(&box->cdev, &box_fops);
	box->cdev.owner = THIS_MODULE;
	KUNIT_ASSERT_EQ(test, cdev_add(&box->cdev, dev, 1), 0);

	inode->i_rdev = dev;
	inode->i_cdev = &box->cdev;
	file->f_inode = inode;
	file->f_op = box->cdev.ops;
	KUNIT_EXPECT_EQ(test, imajor(file_inode(file)), 254);
	KUNIT_EXPECT_EQ(test, file->f_op->open(inode, file), 0);
	KUNIT_EXPECT_EQ(test, file->f_op->write(file, "0123456789", 10, &pos), 10);
	KUNIT_EXPECT_EQ(test, file->f_op->write(file, "abcdefghij", 10, &pos), 6);
	KUNIT_EXPECT_EQ(test, pos, 16);
	pos = 8;
	KUNIT_EXPECT_EQ(test, file->f_op->read(file, text, 4, &pos), 4);
	KUNIT_EXPECT_EQ(test, file->f_op->read(file, text + 4, 10, &pos), 4);
	KUNIT_EXPECT_STREQ(test, text, "89abcdef");
	KUNIT_EXPECT_EQ(test, file->f_op->read(file, text, 10, &pos), 0);
	KUNIT_EXPECT_EQ(test, file->f_op->llseek(file, 0, SEEK_SET), -ESPIPE);

	cdev_del(&box->cdev);
	unregister_chrdev_region(dev, 1);
}

static void where_a_file_goes_on(struct kunit *test)
{
	struct file file = { .f_pos = 5 };

	KUNIT_EXPECT_EQ(test, fixed_size_llseek(&file, 10, SEEK_SET, 100), 10);
	KUNIT_EXPECT_EQ(test, fixed_size_llseek(&file, 10, SEEK_CUR, 100), 20);
	KUNIT_EXPECT_EQ(test, fixed_size_llseek(&file, -1, SEEK_END, 100), 99);
	KUNIT_EXPECT_EQ(test, fixed_size_llseek(&file, 1, SEEK_END, 100), -EINVAL);
	KUNIT_EXPECT_EQ(test, fixed_size_llseek(&file, 1, 9, 100), -EINVAL);
	KUNIT_EXPECT_EQ(test, noop_llseek(&file, 1, SEEK_SET), 99);
}

/* Classes and devices */

static int released;

static void release(struct device *dev)
{
	released++;
}

static void a_class_has_devices(struct kunit *test)
{
	struct class *class = class_create(THIS_MODULE, "class");
	struct device *later, *earlier;

	KUNIT_ASSERT_FALSE(test, IS_ERR(class));
	later = device_create(class, NULL, MKDEV(254, 0), test, "box%d", 1);
	earlier = device_create(class, NULL, MKDEV(254, 1), "box%d", 2);
	KUNIT_ASSERT_FALSE(test, IS_ERR(later));
	KUNIT_ASSERT_FALSE(test, IS_ERR(earlier));
	KUNIT_EXPECT_STREQ(test, dev_name(later), "box1");
	KUNIT_EXPECT_STREQ(test, dev_name(earlier), "box2");
	KUNIT_EXPECT_PTR_EQ(test, dev_get_drvdata(later), (void *)test);
	KUNIT_EXPECT_NULL(test, dev_get_drvdata(earlier));
	KUNIT_EXPECT_NOT_NULL(test, devm_kzalloc(later, 100, GFP_KERNEL));
	device_destroy(class, MKDEV(254, 1));
	device_destroy(class, MKDEV(254, 0));
	class_destroy(class);
}

static void the_last_reference_releases(struct kunit *test)
{
	static struct device dev = { .release = release };
	static u64 mask;

	released = 0;
	KUNIT_ASSERT_EQ(test, dev_set_name(&dev, "a device with a %s name", "long"), 0);
	KUNIT_ASSERT_EQ(test, device_register(&dev), 0);
	KUNIT_EXPECT_STREQ(test, dev_name(&dev), "a device with a long name");
	dev.dma_mask = &mask;
	KUNIT_EXPECT_EQ(test, dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(32)), 0);
	KUNIT_EXPECT_EQ(test, mask, 0xffffffff);
	get_device(&dev);
	device_unregister(&dev);
	KUNIT_EXPECT_EQ(test, released, 0);
	put_device(&dev);
	KUNIT_EXPECT_EQ(test, released, 1);
}

static void minor_numbers_of_major_10(struct kunit *test)
{
	static struct miscdevice one = { .minor = MISC_DYNAMIC_MINOR, .name = "one", .fops = &nothing };
	static struct miscdevice two = { .minor = MISC_DYNAMIC_MINOR, .name = "two", .fops = &nothing };
	static struct miscdevice same = { .minor = 63, .name = "same", .fops = &nothing };

	KUNIT_ASSERT_EQ(test, misc_register(&one), 0);
	KUNIT_ASSERT_EQ(test, misc_register(&two), 0);
	KUNIT_EXPECT_EQ(test, one.minor, 63);
	KUNIT_EXPECT_EQ(test, two.minor, 62);
	KUNIT_EXPECT_EQ(test, misc_register(&same), -EBUSY);
	KUNIT_EXPECT_STREQ(test, dev_name(one.this_device), "one");
	KUNIT_EXPECT_NOT_NULL(test, devm_kmalloc(one.this_device, 10, GFP_KERNEL));
	misc_deregister(&one);
	misc_deregister(&two);
}

/* Things with references */

static void free_it(struct kobject *kobj)
{
	released++;
	kfree(kobj);
}

static void a_child_keeps_its_parent(struct kunit *test)
{
	static const struct kobj_type type = { .release = free_it };
	struct kobject *parent = kzalloc(sizeof(*parent), GFP_KERNEL), *child = kzalloc(sizeof(*child), GFP_KERNEL);

	released = 0;
	KUNIT_ASSERT_EQ(test, kobject_init_and_add(parent, &type, kernel_kobj, "parent%d", 1), 0);
	kobject_init(child, &type);
	KUNIT_ASSERT_EQ(test, kobject_add(child, parent, "child"), 0);
	KUNIT_EXPECT_STREQ(test, kobject_name(parent), "parent1");
	KUNIT_EXPECT_PTR_EQ(test, child->parent, parent);
	kobject_put(parent);
	KUNIT_EXPECT_EQ(test, released, 0);
	kobject_put(child);
	KUNIT_EXPECT_EQ(test, released, 2);
}

static void a_set_has_members(struct kunit *test)
{
	static const struct kobj_type type = { .release = free_it };
	struct kset *set = kset_create_and_add("set", NULL, kernel_kobj);
	struct kobject *member = kzalloc(sizeof(*member), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, set);
	released = 0;
	member->kset = set;
	KUNIT_ASSERT_EQ(test, kobject_init_and_add(member, &type, NULL, "member"), 0);
	KUNIT_EXPECT_PTR_EQ(test, member->parent, &set->kobj);
	KUNIT_EXPECT_PTR_EQ(test, set->list.next, &member->entry);
	kobject_put(member);
	KUNIT_EXPECT_EQ(test, released, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&set->list));
	kset_unregister(set);
}

static ssize_t level_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	int length = sysfs_emit(buf, "%s", attr->attr.name);

	return length + sysfs_emit_at(buf, length, "=%d\n", 7);
}

static void an_attribute_shows_itself(struct kunit *test)
{
	static struct kobj_attribute level = __ATTR_RO(level);
	struct kobject *kobj = kobject_create_and_add("directory", kernel_kobj);
	char *page = (char *)get_zeroed_page(GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, sysfs_create_file(kobj, &level.attr), 0);
	KUNIT_EXPECT_EQ(test, kobj->ktype->sysfs_ops->show(kobj, &level.attr, page), 8);
	KUNIT_EXPECT_STREQ(test, page, "level=7\n");
	KUNIT_EXPECT_EQ(test, kobj->ktype->sysfs_ops->store(kobj, &level.attr, "1", 1), -EIO);
	kobject_put(kobj);
	free_page((unsigned long)page);
}

/* Entries of /proc */

static int read_all(char *page, char **start, off_t off, int count, int *eof, void *data)
{
	return sprintf(page, "%s", (char *)data);
}

static void entries_are_made_and_removed(struct kunit *test)
{
	struct proc_dir_entry *dir = proc_mkdir("drivers", NULL), *file, *ops;
	char text[8];

	KUNIT_ASSERT_NOT_NULL(test, dir);
	file = create_proc_read_entry("drivers/one", 0, NULL, read_all, "text");
	ops = proc_create_data("two", 0644, dir, &nothing, text);
	KUNIT_ASSERT_NOT_NULL(test, file);
	KUNIT_EXPECT_PTR_EQ(test, file->parent, dir);
	KUNIT_EXPECT_EQ(test, file->mode, S_IFREG | 0444);
	KUNIT_EXPECT_EQ(test, ops->mode, S_IFREG | 0644);
	KUNIT_EXPECT_EQ(test, file->read_proc(text, NULL, 0, 8, NULL, file->data), 4);
	KUNIT_EXPECT_NULL(test, create_proc_entry("nowhere/one", 0, NULL));
	remove_proc_entry("one", dir);
	remove_proc_entry("nothing", dir);
	KUNIT_EXPECT_PTR_EQ(test, dir->subdir, ops);
	proc_remove(ops);
	KUNIT_EXPECT_NULL(test, dir->subdir);
	KUNIT_EXPECT_NOT_NULL(test, proc_create("three", 0, dir, &nothing));
	KUNIT_EXPECT_EQ(test, remove_proc_subtree("drivers", NULL), 0);
	KUNIT_EXPECT_EQ(test, remove_proc_subtree("drivers", NULL), -ENOENT);
}

/* Files whose text is made when they are read */

struct number {
	struct list_head list;
	int value;
};

static LIST_HEAD(numbers);

static void *numbers_start(struct seq_file *m, loff_t *pos)
{
	return seq_list_start(&numbers, *pos);
}

static void *numbers_next(struct seq_file *m, void *v, loff_t *pos)
{
	return seq_list_next(v, &numbers, pos);
}

static void numbers_stop(struct seq_file *m, void *v)
{
}

static int numbers_show(struct seq_file *m, void *v)
{
	int value = list_entry(v, struct number, list)->value;

	seq_printf(m, "%d\n", value);
	return value == 3 ? SEQ_SKIP : 0;
}

static const struct seq_operations numbers_sops = {
	.start = numbers_start, .next = numbers_next, .stop = numbers_stop, .show = numbers_show,
};
DEFINE_SEQ_ATTRIBUTE(numbers);

/* All that a file has, read in pieces. */
static int read_file(const struct file_operations *fops, struct inode *inode, char *buf, size_t size, size_t piece)
{
	struct file file = { .f_inode = inode, .f_op = fops };
	loff_t pos = 0;
	ssize_t got = fops->open(inode, &file);

	while (!got && (got = fops->read(&file, buf + pos, min(piece, size - (size_t)pos), &pos)) > 0)
		got = 0;
	fops->release(inode, &file);
	return got ? got : pos;
}

static void a_list_is_shown(struct kunit *test)
{
	struct number five[5];
	struct inode inode = { };
	char text[40] = "";
	int i;

	for (i = 0; i < 5; i++) {
		five[i].value = i + 1;
		list_add_tail(&five[i].list, &numbers);
	}
	KUNIT_EXPECT_EQ(test, read_file(&numbers_fops, &inode, text, sizeof(text), 40), 8);
	KUNIT_EXPECT_STREQ(test, text, "1\n2\n4\n5\n");
	memset(text, 0, sizeof(text));
	KUNIT_EXPECT_EQ(test, read_file(&numbers_fops, &inode, text, sizeof(text), 3), 8);
	KUNIT_EXPECT_STREQ(test, text, "1\n2\n4\n5\n");
	INIT_LIST_HEAD(&numbers);
}

static int large_show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < 3000; i++)
		seq_puts(m, (char *)m->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(large);

static void a_text_that_is_larger_than_a_page(struct kunit *test)
{
	struct inode inode = { .i_private = "abc" };
	char *text = kunit_kzalloc(test, 10000, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, read_file(&large_fops, &inode, text, 10000, 1000), 9000);
	KUNIT_EXPECT_EQ(test, strlen(text), 9000);
	KUNIT_EXPECT_STREQ(test, text + 8997, "abc");
}

static void text_in_columns(struct kunit *test)
{
	char text[40] = "";
	struct seq_file m = { .buf = text, .size = sizeof(text) };

	seq_setwidth(&m, 8);
	seq_puts(&m, "one");
	seq_pad(&m, '|');
	seq_put_decimal_ull(&m, " ", 12345678901ULL);
	seq_put_decimal_ll(&m, "", -5);
	KUNIT_EXPECT_STREQ(test, text, "one     | 12345678901-5");
	KUNIT_EXPECT_FALSE(test, seq_has_overflowed(&m));
	seq_printf(&m, "%40d", 0);
	KUNIT_EXPECT_TRUE(test, seq_has_overflowed(&m));
}

static void text_in_a_buffer(struct kunit *test)
{
	static const u8 bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 0xfe };
	DECLARE_SEQ_BUF(s, 8);
	DECLARE_SEQ_BUF(hex, 21);
	char *room;

	KUNIT_EXPECT_EQ(test, seq_buf_puts(&s, "abc"), 0);
	KUNIT_EXPECT_EQ(test, seq_buf_putc(&s, 'd'), 0);
	KUNIT_EXPECT_EQ(test, seq_buf_printf(&s, "%d", 12), 0);
	KUNIT_EXPECT_STREQ(test, seq_buf_str(&s), "abcd12");
	KUNIT_EXPECT_EQ(test, seq_buf_buffer_left(&s), 2);
	KUNIT_EXPECT_EQ(test, seq_buf_puts(&s, "no"), -1);
	KUNIT_EXPECT_TRUE(test, seq_buf_has_overflowed(&s));
	seq_buf_clear(&s);
	KUNIT_EXPECT_EQ(test, seq_buf_get_buf(&s, &room), 8);
	memcpy(room, "12345678", 8);
	seq_buf_commit(&s, 8);
	KUNIT_EXPECT_FALSE(test, seq_buf_has_overflowed(&s));
	KUNIT_EXPECT_STREQ(test, seq_buf_str(&s), "1234567");
	KUNIT_EXPECT_EQ(test, seq_buf_putmem_hex(&hex, bytes, 9), 0);
	KUNIT_EXPECT_STREQ(test, seq_buf_str(&hex), "0807060504030201 fe ");
	KUNIT_EXPECT_EQ(test, seq_buf_putmem_hex(&hex, bytes, 1), -1);
}

static void so_often_in_a_time(struct kunit *test)
{
	static DEFINE_RATELIMIT_STATE(state, HZ, 2);

	KUNIT_EXPECT_TRUE(test, __ratelimit(&state));
	KUNIT_EXPECT_TRUE(test, __ratelimit(&state));
	KUNIT_EXPECT_FALSE(test, __ratelimit(&state));
	schedule_timeout_uninterruptible(HZ + 2);
	KUNIT_EXPECT_TRUE(test, __ratelimit(&state));
	state.burst = 0;
	KUNIT_EXPECT_FALSE(test, __ratelimit(&state));
	state.interval = 0;
	KUNIT_EXPECT_TRUE(test, __ratelimit(&state));
}

static unsigned int asked;

static void ask(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	asked++;
}

static void a_table_is_asked(struct kunit *test)
{
	static DECLARE_WAIT_QUEUE_HEAD(queue);
	poll_table table = { ask }, none = { NULL };

	poll_wait(NULL, &queue, NULL);
	poll_wait(NULL, &queue, &none);
	KUNIT_EXPECT_EQ(test, asked, 0);
	poll_wait(NULL, &queue, &table);
	KUNIT_EXPECT_EQ(test, asked, 1);
}

/* Blocks that a device reaches */

static void blocks_of_a_pool(struct kunit *test)
{
	struct dma_pool *pool = dma_pool_create("blocks", NULL, 100, 64, 512);
	dma_addr_t handles[50];
	void *blocks[50];
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	for (i = 0; i < 50; i++) {
		blocks[i] = dma_pool_zalloc(pool, GFP_KERNEL, &handles[i]);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(blocks[i], 0, 100));
		KUNIT_EXPECT_EQ(test, handles[i], virt_to_phys(blocks[i]));
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(handles[i], 64));
		KUNIT_EXPECT_EQ_MSG(test, handles[i] / 512, (handles[i] + 99) / 512, "it crosses a boundary");
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_GE(test, abs((long)(handles[i] - handles[j])), 128);
		memset(blocks[i], 0xff, 100);
	}
	for (i = 0; i < 50; i++)
		dma_pool_free(pool, blocks[i], handles[i]);
	KUNIT_EXPECT_PTR_EQ(test, dma_pool_alloc(pool, GFP_KERNEL, &handles[0]), blocks[49]);
	dma_pool_free(pool, blocks[49], handles[0]);
	dma_pool_destroy(pool);
	KUNIT_EXPECT_NULL(test, dma_pool_create("crossing", NULL, 100, 64, 64));
	KUNIT_EXPECT_NULL(test, dma_pool_create("crooked", NULL, 100, 48, 0));
}

static void blocks_larger_than_a_page(struct kunit *test)
{
	struct dma_pool *pool = dma_pool_create("large", NULL, 5000, 8, 0);
	dma_addr_t one, two;
	void *first = dma_pool_alloc(pool, GFP_KERNEL, &one), *second = dma_pool_alloc(pool, GFP_KERNEL, &two);

	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_GE(test, abs((long)(one - two)), 5000);
	dma_pool_free(pool, first, one);
	dma_pool_free(pool, second, two);
	dma_pool_destroy(pool);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_major_number_is_found),
	KUNIT_CASE(what_another_has_is_refused),
	KUNIT_CASE(a_range_over_two_majors),
	KUNIT_CASE(a_driver_with_a_major_number),
	KUNIT_CASE(a_device_is_read_and_written),
	KUNIT_CASE(where_a_file_goes_on),
	KUNIT_CASE(a_class_has_devices),
	KUNIT_CASE(the_last_reference_releases),
	KUNIT_CASE(minor_numbers_of_major_10),
	KUNIT_CASE(a_child_keeps_its_parent),
	KUNIT_CASE(a_set_has_members),
	KUNIT_CASE(an_attribute_shows_itself),
	KUNIT_CASE(entries_are_made_and_removed),
	KUNIT_CASE(a_list_is_shown),
	KUNIT_CASE(a_text_that_is_larger_than_a_page),
	KUNIT_CASE(text_in_columns),
	KUNIT_CASE(text_in_a_buffer),
	KUNIT_CASE(so_often_in_a_time),
	KUNIT_CASE(a_table_is_asked),
	KUNIT_CASE(blocks_of_a_pool),
	KUNIT_CASE(blocks_larger_than_a_page),
	{}
};

static struct kunit_suite suite = { .name = "device", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
