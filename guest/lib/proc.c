/* Entries of /proc, for who made them: as fs/proc/generic.c. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "lib.h"

LIB struct proc_dir_entry proc_root = { .namelen = 5, .name = "/proc", .mode = S_IFDIR | 0555, .parent = &proc_root };

static struct proc_dir_entry **find(struct proc_dir_entry *parent, const char *name, size_t length)
{
	struct proc_dir_entry **link;

	for (link = &parent->subdir; *link; link = &(*link)->next)
		if ((*link)->namelen == length && !memcmp((*link)->name, name, length))
			break;
	return link;
}

/* The directory that a name with '/' leads to, and what is left of the name; NULL where there is none. */
static struct proc_dir_entry *walk(const char **name, struct proc_dir_entry *parent)
{
	const char *end;

	if (!parent)
		parent = &proc_root;
	for (; parent && (end = strchr(*name, '/')); *name = end + 1)
		parent = *find(parent, *name, end - *name);
	return parent;
}

static struct proc_dir_entry *create(const char *name, mode_t mode, struct proc_dir_entry *parent, mode_t permissions)
{
	struct proc_dir_entry *entry;
	size_t length;

	parent = walk(&name, parent);
	length = strlen(name);
	if (!parent || !length)
		return NULL;
	entry = kzalloc(sizeof(*entry) + length + 1, GFP_KERNEL);
	if (!entry)
		return NULL;
	memcpy(entry->inline_name, name, length);
	entry->name = entry->inline_name;
	entry->namelen = length;
	entry->mode = (mode & S_IFMT ? 0 : S_IFREG) | mode | (mode & S_IALLUGO ? 0 : permissions);
	entry->parent = parent;
	entry->next = parent->subdir;
	parent->subdir = entry;
	return entry;
}

LIB struct proc_dir_entry *create_proc_entry(const char *name, mode_t mode, struct proc_dir_entry *parent)
{
	return create(name, mode, parent, S_ISDIR(mode) ? S_IRUGO | S_IXUGO : S_IRUGO);
}

LIB struct proc_dir_entry *create_proc_read_entry(const char *name, mode_t mode, struct proc_dir_entry *parent,
						  read_proc_t *read_proc, void *data)
{
	struct proc_dir_entry *entry = create_proc_entry(name, mode, parent);

	if (entry) {
		entry->read_proc = read_proc;
		entry->data = data;
	}
	return entry;
}

LIB struct proc_dir_entry *create_proc_info_entry(const char *name, mode_t mode, struct proc_dir_entry *parent,
						  get_info_t *get_info)
{
	struct proc_dir_entry *entry = create_proc_entry(name, mode, parent);

	if (entry)
		entry->get_info = get_info;
	return entry;
}

LIB struct proc_dir_entry *proc_mkdir(const char *name, struct proc_dir_entry *parent)
{
	return create_proc_entry(name, S_IFDIR, parent);
}

LIB struct proc_dir_entry *proc_symlink(const char *name, struct proc_dir_entry *parent, const char *target)
{
	return create(name, S_IFLNK, parent, S_IRWXUGO);
}

LIB struct proc_dir_entry *proc_create_data(const char *name, mode_t mode, struct proc_dir_entry *parent,
					    const void *ops, void *data)
{
	struct proc_dir_entry *entry = create_proc_entry(name, mode, parent);

	if (entry) {
		entry->proc_ops = ops;
		entry->proc_fops = ops;
		entry->data = data;
	}
	return entry;
}

LIB struct proc_dir_entry *proc_create_seq_data(const char *name, mode_t mode, struct proc_dir_entry *parent,
						const struct seq_operations *ops, void *data)
{
	return proc_create_data(name, mode, parent, NULL, data);
}

LIB struct proc_dir_entry *proc_create_single_data(const char *name, mode_t mode, struct proc_dir_entry *parent,
						   int (*show)(struct seq_file *m, void *v), void *data)
{
	return proc_create_data(name, mode, parent, NULL, data);
}

/* Off its directory; what is in it goes too. */
static void take(struct proc_dir_entry **link)
{
	struct proc_dir_entry *entry = *link;

	*link = entry->next;
	while (entry->subdir)
		take(&entry->subdir);
	kfree(entry);
}

LIB void remove_proc_entry(const char *name, struct proc_dir_entry *parent)
{
	struct proc_dir_entry **link;

	parent = walk(&name, parent);
	link = parent ? find(parent, name, strlen(name)) : NULL;
	if (link && *link) {
		WARN_ON((*link)->subdir);
		take(link);
	}
}

LIB int remove_proc_subtree(const char *name, struct proc_dir_entry *parent)
{
	struct proc_dir_entry **link;

	parent = walk(&name, parent);
	link = parent ? find(parent, name, strlen(name)) : NULL;
	if (!link || !*link)
		return -ENOENT;
	take(link);
	return 0;
}

LIB void proc_remove(struct proc_dir_entry *entry)
{
	if (entry)
		take(find(entry->parent, entry->name, entry->namelen));
}
