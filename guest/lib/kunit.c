/*
 * Runs KUnit suites and reports in KTAP. The arguments are those of the kernel's command line:
 *   kunit.filter_glob=SUITE[.CASE]	only these; ? and * match
 *   kunit.action=list			print "SUITE.CASE" lines and run nothing
 * The result is 0 where nothing failed, else 1.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/ctype.h>
#include <stdarg.h>

/* What a function needs to come back to its caller's caller: see __kunit_set. */
struct place {
	unsigned long ebx, esi, edi, ebp, esp, eip;
};

struct action {
	struct list_head node;
	kunit_action_t *function;
	void *context;
};

static const struct __kunit_suites last
	__attribute__((section(".kunit_test_suites"), used, aligned(4))) = { 0, NULL, 0, NULL };

static struct kunit *current_kunit;
static struct place aborted;

/* Like setjmp: 0 at first, 1 when __kunit_jump leads back here. */
extern int __kunit_set(struct place *place);
extern void __noreturn __kunit_jump(struct place *place);
asm(".pushsection .text\n"
    ".globl __kunit_set\n"
    ".type __kunit_set, @function\n"
    "__kunit_set:\n"
    "	movl 4(%esp), %edx\n"
    "	movl (%esp), %ecx\n"
    "	movl %ebx, 0(%edx)\n"
    "	movl %esi, 4(%edx)\n"
    "	movl %edi, 8(%edx)\n"
    "	movl %ebp, 12(%edx)\n"
    "	leal 4(%esp), %eax\n"
    "	movl %eax, 16(%edx)\n"
    "	movl %ecx, 20(%edx)\n"
    "	xorl %eax, %eax\n"
    "	ret\n"
    ".size __kunit_set, . - __kunit_set\n"
    ".globl __kunit_jump\n"
    ".type __kunit_jump, @function\n"
    "__kunit_jump:\n"
    "	movl 4(%esp), %edx\n"
    "	movl 0(%edx), %ebx\n"
    "	movl 4(%edx), %esi\n"
    "	movl 8(%edx), %edi\n"
    "	movl 12(%edx), %ebp\n"
    "	movl 16(%edx), %esp\n"
    "	movl $1, %eax\n"
    "	jmp *20(%edx)\n"
    ".size __kunit_jump, . - __kunit_jump\n"
    ".popsection\n");

struct kunit *kunit_get_current_test(void)
{
	return current_kunit;
}

void __kunit_abort(struct kunit *test)
{
	__kunit_jump(&aborted);
}

/* resources */

int kunit_add_action(struct kunit *test, kunit_action_t *function, void *context)
{
	struct action *action = kmalloc(sizeof(*action), GFP_KERNEL);

	if (!action)
		return -ENOMEM;
	action->function = function;
	action->context = context;
	list_add(&action->node, &test->resources);
	return 0;
}

int kunit_add_action_or_reset(struct kunit *test, kunit_action_t *function, void *context)
{
	int error = kunit_add_action(test, function, context);

	if (error)
		function(context);
	return error;
}

static struct action *find_action(struct kunit *test, kunit_action_t *function, const void *context)
{
	struct action *action;

	list_for_each_entry(action, &test->resources, node)
		if (action->function == function && action->context == context)
			return action;
	return NULL;
}

void kunit_remove_action(struct kunit *test, kunit_action_t *function, void *context)
{
	struct action *action = find_action(test, function, context);

	if (action) {
		list_del(&action->node);
		kfree(action);
	}
}

void kunit_release_action(struct kunit *test, kunit_action_t *function, void *context)
{
	if (find_action(test, function, context)) {
		kunit_remove_action(test, function, context);
		function(context);
	}
}

static void release_all(struct kunit *test)
{
	while (!list_empty(&test->resources)) {
		struct action *action = list_entry(test->resources.next, struct action, node);
		kunit_action_t *function = action->function;
		void *context = action->context;

		list_del(&action->node);
		kfree(action);
		function(context);
	}
}

static void free_action(void *ptr)
{
	kfree(ptr);
}

void *kunit_kmalloc_array(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	void *ptr;

	if (size && n > ~0UL / size)
		return NULL;
	ptr = kmalloc(n * size, gfp & ~__GFP_ZERO);	/* 2.6.20's knows no such flag */
	if (ptr && gfp & __GFP_ZERO)
		memset(ptr, 0, n * size);
	if (ptr && kunit_add_action_or_reset(test, free_action, ptr))
		return NULL;
	return ptr;
}

char *kunit_kmemdup(struct kunit *test, const void *from, size_t size, gfp_t gfp)
{
	char *to = kunit_kmalloc(test, size, gfp);

	if (to)
		memcpy(to, from, size);
	return to;
}

void kunit_kfree(struct kunit *test, const void *ptr)
{
	if (!ptr)
		return;
	if (!find_action(test, free_action, ptr)) {
		__kunit_fail(test, __FILE__, __LINE__, "kunit_kfree of %p, which is not the test's", ptr);
		return;
	}
	kunit_release_action(test, free_action, (void *)ptr);
}

/* A resource is an action that frees it. */
static void free_resource(void *context)
{
	struct kunit_resource *resource = context;

	if (resource->free)
		resource->free(resource);
	if (resource->should_kfree)
		kfree(resource);
}

int kunit_add_named_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
			     struct kunit_resource *resource, const char *name, void *data)
{
	int error = 0;

	resource->free = free;
	resource->name = name;
	if (init)
		error = init(resource, data);
	else
		resource->data = data;
	return error ? error : kunit_add_action_or_reset(test, free_resource, resource);
}

struct kunit_resource *kunit_alloc_and_get_resource(struct kunit *test, kunit_resource_init_t init,
						    kunit_resource_free_t free, gfp_t gfp, void *context)
{
	struct kunit_resource *resource = kmalloc(sizeof(*resource), gfp);

	if (!resource)
		return NULL;
	memset(resource, 0, sizeof(*resource));
	if (init(resource, context)) {
		kfree(resource);
		return NULL;
	}
	resource->free = free;
	resource->should_kfree = true;
	return kunit_add_action_or_reset(test, free_resource, resource) ? NULL : resource;
}

struct kunit_resource *kunit_find_resource(struct kunit *test, kunit_resource_match_t match, void *wanted)
{
	struct action *action;

	list_for_each_entry(action, &test->resources, node)
		if (action->function == free_resource && match(test, action->context, wanted))
			return action->context;
	return NULL;
}

bool kunit_resource_name_match(struct kunit *test, struct kunit_resource *resource, void *name)
{
	return resource->name && !strcmp(resource->name, name);
}

bool kunit_resource_instance_match(struct kunit *test, struct kunit_resource *resource, void *data)
{
	return resource->data == data;
}

int kunit_destroy_resource(struct kunit *test, kunit_resource_match_t match, void *wanted)
{
	struct kunit_resource *resource = kunit_find_resource(test, match, wanted);

	if (!resource)
		return -ENOENT;
	kunit_release_action(test, free_resource, resource);
	return 0;
}

void kunit_remove_resource(struct kunit *test, struct kunit_resource *resource)
{
	kunit_release_action(test, free_resource, resource);
}

/* Replaced functions */

struct stub {
	void *function, *replacement;
};

static void free_stub(struct kunit_resource *resource)
{
	kfree(resource->data);
}

static int make_stub(struct kunit_resource *resource, void *context)
{
	resource->data = kmalloc(sizeof(struct stub), GFP_KERNEL);
	if (!resource->data)
		return -ENOMEM;
	*(struct stub *)resource->data = *(struct stub *)context;
	return 0;
}

static bool is_stub(struct kunit *test, struct kunit_resource *resource, void *function)
{
	return resource->free == free_stub && ((struct stub *)resource->data)->function == function;
}

void *__kunit_stub(void *function)
{
	struct kunit_resource *found = current_kunit ? kunit_find_resource(current_kunit, is_stub, function) : NULL;

	return found ? ((struct stub *)found->data)->replacement : NULL;
}

void __kunit_set_stub(struct kunit *test, void *function, void *replacement)
{
	struct stub stub = { function, replacement };

	kunit_destroy_resource(test, is_stub, function);
	if (replacement && !kunit_alloc_and_get_resource(test, make_stub, free_stub, GFP_KERNEL, &stub))
		__kunit_fail(test, __FILE__, __LINE__, "no memory for a replaced function");
}

/* failures */

void __kunit_failed(struct kunit *test, enum kunit_assert_type type, const char *file, int line)
{
	test->status = KUNIT_FAILURE;
	printk("    # %s: %s FAILED at %s:%d\n", test->name, type == KUNIT_ASSERTION ? "ASSERTION" : "EXPECTATION", file,
	       line);
}

void __kunit_fail(struct kunit *test, const char *file, int line, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	__kunit_failed(test, KUNIT_EXPECTATION, file, line);
	printk("    %s\n", text);
}

void __kunit_unary(const char *condition, int expected)
{
	printk("    Expected %s to be %s, but is %s\n", condition, expected ? "true" : "false", expected ? "false" : "true");
}

static int is_literal(const char *text)
{
	if (*text == '-')
		text++;
	return isdigit(*text);
}

static void show_number(const char *text, long long value)
{
	if (!is_literal(text))
		printk("        %s == %lld (0x%llx)\n", text, value, value);
}

void __kunit_binary(const char *left, const char *op, const char *right, long long left_value, long long right_value)
{
	printk("    Expected %s %s %s, but\n", left, op, right);
	show_number(left, left_value);
	show_number(right, right_value);
}

void __kunit_pointers(const char *left, const char *op, const char *right, const void *left_value,
		      const void *right_value)
{
	printk("    Expected %s %s %s, but\n        %s == %p\n        %s == %p\n", left, op, right, left, left_value, right,
	       right_value);
}

static void show_string(const char *text, const char *value)
{
	if (*text == '"')
		return;
	if (value)
		printk("        %s == \"%s\"\n", text, value);
	else
		printk("        %s == NULL\n", text);
}

void __kunit_strings(const char *left, const char *op, const char *right, const char *left_value,
		     const char *right_value)
{
	printk("    Expected %s %s %s, but\n", left, op, right);
	show_string(left, left_value);
	show_string(right, right_value);
}

static void show_memory(const char *text, const unsigned char *value, const unsigned char *other, size_t size)
{
	size_t i;

	printk("        %s ==\n           ", text);
	for (i = 0; i < size && i < 64; i++)
		printk(!other || value[i] == other[i] ? " %02x " : "<%02x>", value[i]);
	printk("%s\n", size > 64 ? " ..." : "");
}

void __kunit_memory(const char *left, const char *op, const char *right, const void *left_value,
		    const void *right_value, size_t size)
{
	printk("    Expected %s %s %s, but\n", left, op, right);
	if (!left_value || !right_value) {
		printk("        %s is NULL\n", left_value ? right : left);
		return;
	}
	show_memory(left, left_value, right_value, size);
	show_memory(right, right_value, left_value, size);
}

void __kunit_err_or_null(const char *text, const void *value)
{
	if (value)
		printk("    Expected %s is not error, but is: %ld\n", text, PTR_ERR(value));
	else
		printk("    Expected %s is not null, but is\n", text);
}

void __kunit_message(struct kunit *test, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (*text)
		printk("    %s\n", text);
}

int __kunit_streq(const char *left, const char *right)
{
	return left && right ? !strcmp(left, right) : left == right;
}

void kunit_mark_skipped(struct kunit *test, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(test->status_comment, sizeof(test->status_comment), fmt, args);
	va_end(args);
	test->status = KUNIT_SKIPPED;
}

/* running */

static int matches(const char *glob, const char *end, const char *text)
{
	for (; glob != end; glob++, text++) {
		if (*glob == '*') {
			const char *rest = text + strlen(text);

			for (; rest >= text; rest--)
				if (matches(glob + 1, end, rest))
					return 1;
			return 0;
		}
		if (!*text || (*glob != '?' && *glob != *text))
			return 0;
	}
	return !*text;
}

static int chosen(const char *filter, struct kunit_suite *suite, struct kunit_case *test_case)
{
	const char *dot;

	if (!filter)
		return 1;
	dot = strchr(filter, '.');
	if (!matches(filter, dot ? dot : filter + strlen(filter), suite->name))
		return 0;
	return !dot || matches(dot + 1, filter + strlen(filter), test_case->name);
}

/* One run of a case's functions; a failed assertion in any of them ends that one. */
static void run_once(struct kunit_suite *suite, struct kunit_case *test_case, struct kunit *test)
{
	int error;

	current_kunit = test;
	if (!__kunit_set(&aborted)) {
		error = suite->init ? suite->init(test) : 0;
		if (error) {
			kunit_err(test, "failed to initialize: %d", error);
			test->status = KUNIT_FAILURE;
		} else if (test->status == KUNIT_SUCCESS) {
			test_case->run_case(test);
		}
	}
	if (!__kunit_set(&aborted) && suite->exit)
		suite->exit(test);
	if (!__kunit_set(&aborted))
		release_all(test);
	current_kunit = NULL;
}

static void prepare(struct kunit *test, const char *name)
{
	memset(test, 0, sizeof(*test));
	test->name = name;
	INIT_LIST_HEAD(&test->resources);
}

static void say(const char *indent, enum kunit_status status, int number, const char *name, const char *comment)
{
	printk("%s%sok %d %s%s%s\n", indent, status == KUNIT_FAILURE ? "not " : "", number, name,
	       status == KUNIT_SKIPPED ? " # SKIP " : "", status == KUNIT_SKIPPED ? comment : "");
}

static enum kunit_status run_with_params(struct kunit_suite *suite, struct kunit_case *test_case, struct kunit *test)
{
	char desc[KUNIT_PARAM_DESC_SIZE];
	enum kunit_status all = KUNIT_SKIPPED;
	const void *param = NULL;
	int index = 0;

	printk("        KTAP version 1\n        # Subtest: %s\n", test_case->name);
	for (;; index++) {
		memset(desc, 0, sizeof(desc));
		param = test_case->generate_params(param, desc);
		if (!param)
			break;
		prepare(test, test_case->name);
		test->param_value = param;
		test->param_index = index;
		run_once(suite, test_case, test);
		if (!*desc)
			snprintf(desc, sizeof(desc), "param-%d", index);
		say("        ", test->status, index + 1, desc, test->status_comment);
		if (test->status == KUNIT_FAILURE || all == KUNIT_SKIPPED)
			all = all == KUNIT_FAILURE ? all : test->status;
	}
	printk("        1..%d\n", index);
	return index ? all : KUNIT_SKIPPED;
}

static enum kunit_status run_suite(struct kunit_suite *suite, const char *filter, struct kunit *test)
{
	struct kunit_case *test_case;
	int count = 0, number = 0, results[3] = { 0, 0, 0 }, error = 0;
	enum kunit_status status;

	kunit_suite_for_each_test_case(suite, test_case)
		count += chosen(filter, suite, test_case);
	printk("    KTAP version 1\n    # Subtest: %s\n    1..%d\n", suite->name, count);
	if (suite->suite_init)
		error = suite->suite_init(suite);
	if (error)
		printk("    # %s: suite_init failed: %d\n", suite->name, error);
	kunit_suite_for_each_test_case(suite, test_case) {
		if (!chosen(filter, suite, test_case))
			continue;
		prepare(test, test_case->name);
		if (error) {
			status = KUNIT_FAILURE;
		} else if (test_case->generate_params) {
			status = run_with_params(suite, test_case, test);
		} else {
			run_once(suite, test_case, test);
			status = test->status;
		}
		results[status]++;
		say("    ", status, ++number, test_case->name, test->status_comment);
	}
	if (!error && suite->suite_exit)
		suite->suite_exit(suite);
	printk("# %s: pass:%d fail:%d skip:%d total:%d\n", suite->name, results[KUNIT_SUCCESS], results[KUNIT_FAILURE],
	       results[KUNIT_SKIPPED], count);
	return results[KUNIT_FAILURE] ? KUNIT_FAILURE : results[KUNIT_SUCCESS] ? KUNIT_SUCCESS : KUNIT_SKIPPED;
}

/* The program's tables stand before ours: the library is linked behind it. */
static const struct __kunit_suites *first_table(void)
{
	const struct __kunit_suites *table = &last;

	asm("" : "+r" (table));	/* the compiler may not think that there is nothing before `last` */
	while (table[-1].magic == __KUNIT_SUITES_MAGIC)
		table--;
	return table;
}

static int has_chosen(struct kunit_suite *suite, const char *filter)
{
	struct kunit_case *test_case;

	kunit_suite_for_each_test_case(suite, test_case)
		if (chosen(filter, suite, test_case))
			return 1;
	return 0;
}

static const char *argument(int argc, char **argv, const char *name)
{
	size_t length = strlen(name);
	int i;

	for (i = 1; i < argc; i++)
		if (!strncmp(argv[i], name, length))
			return argv[i] + length;
	return NULL;
}

int __kunit_main(int argc, char **argv)
{
	const char *filter = argument(argc, argv, "kunit.filter_glob="), *action = argument(argc, argv, "kunit.action=");
	const struct __kunit_suites *table;
	struct kunit_case *test_case;
	struct kunit *test;
	int i, count = 0, number = 0, failed = 0;

	for (table = first_table(); table != &last; table++) {
		for (i = 0; i < table->count; i++) {
			count += has_chosen(table->suites[i], filter);
			if (!action || strcmp(action, "list"))
				continue;
			kunit_suite_for_each_test_case(table->suites[i], test_case)
				if (chosen(filter, table->suites[i], test_case))
					printk("%s.%s\n", table->suites[i]->name, test_case->name);
		}
	}
	if (action && !strcmp(action, "list"))
		return 0;
	test = kmalloc(sizeof(*test), GFP_KERNEL);
	if (!test)
		return 1;
	printk("KTAP version 1\n1..%d\n", count);
	for (table = first_table(); table != &last; table++) {
		for (i = 0; i < table->count; i++) {
			enum kunit_status status;

			if (!has_chosen(table->suites[i], filter))
				continue;
			status = run_suite(table->suites[i], filter, test);
			say("", status, ++number, table->suites[i]->name, "");
			failed |= status == KUNIT_FAILURE;
		}
	}
	kfree(test);
	return failed;
}

int __attribute__((weak)) main(int argc, char **argv)
{
	return __kunit_main(argc, argv);
}
