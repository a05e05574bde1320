/*
 * Runs KUnit suites and reports in KTAP. The arguments are those of the kernel's command line:
 *   kunit.filter_glob=SUITE[.CASE]	only these; ? and * match
 *   kunit.filter=speed>=normal,...	only cases of that speed: very_slow, slow or normal; < > <= >= = !=
 *   kunit.filter_action=skip		skip what kunit.filter leaves out; without, it does not appear
 *   kunit.action=list			print "SUITE.CASE" lines and run nothing
 * The result is 0 where nothing failed, else 1. A module's init function runs before, its exit function afterwards.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/sched.h>
#include <stdarg.h>
#include "lib.h"

static const struct __kunit_suites last
	__attribute__((section(".kunit_test_suites"), used, aligned(4))) = { 0, NULL, 0, NULL };

/* Like setjmp: 0 at first, 1 when __kunit_jump leads back here. */
extern int __kunit_set(struct __kunit_place *place) __attribute__((returns_twice));
extern void __noreturn __kunit_jump(struct __kunit_place *place);
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
	return current->kunit_test;
}

/* leaving */

void kunit_try_catch_throw(struct kunit_try_catch *try_catch)
{
	try_catch->try_result = -EFAULT;
	__kunit_jump(&try_catch->place);
}

void __kunit_abort(struct kunit *test)
{
	kunit_try_catch_throw(&test->try_catch);
}

void kunit_try_catch_init(struct kunit_try_catch *try_catch, struct kunit *test, kunit_try_catch_func_t try,
			  kunit_try_catch_func_t catch)
{
	try_catch->test = test;
	try_catch->try = try;
	try_catch->catch = catch;
}

/* In the same thread: what faults ends the program here. */
void kunit_try_catch_run(struct kunit_try_catch *try_catch, void *context)
{
	try_catch->context = context;
	try_catch->try_result = 0;
	if (!__kunit_set(&try_catch->place)) {
		try_catch->try(context);
		return;
	}
	try_catch->try_result = 0;
	try_catch->catch(context);
}

/* resources */

int __kunit_add_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
			 struct kunit_resource *resource, void *data)
{
	int error = 0;

	resource->free = free;
	resource->refcount = 1;
	if (init)
		error = init(resource, data);
	else
		resource->data = data;
	if (!error)
		list_add_tail(&resource->node, &test->resources);
	return error;
}

int kunit_add_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
		       struct kunit_resource *resource, void *data)
{
	resource->should_kfree = false;
	resource->name = NULL;
	return __kunit_add_resource(test, init, free, resource, data);
}

int kunit_add_named_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
			     struct kunit_resource *resource, const char *name, void *data)
{
	struct kunit_resource *known;

	if (!name)
		return -EINVAL;
	known = kunit_find_named_resource(test, name);
	if (known) {
		kunit_put_resource(known);
		return -EEXIST;
	}
	resource->should_kfree = false;
	resource->name = name;
	return __kunit_add_resource(test, init, free, resource, data);
}

struct kunit_resource *kunit_alloc_and_get_resource(struct kunit *test, kunit_resource_init_t init,
						    kunit_resource_free_t free, gfp_t gfp, void *context)
{
	struct kunit_resource *resource = kzalloc(sizeof(*resource), gfp);

	if (!resource)
		return NULL;
	resource->should_kfree = true;
	if (__kunit_add_resource(test, init, free, resource, context)) {
		kfree(resource);
		return NULL;
	}
	kunit_get_resource(resource);
	return resource;
}

void *kunit_alloc_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free, gfp_t gfp,
			   void *context)
{
	struct kunit_resource *resource = kunit_alloc_and_get_resource(test, init, free, gfp, context);

	if (!resource)
		return NULL;
	kunit_put_resource(resource);
	return resource->data;
}

void kunit_get_resource(struct kunit_resource *resource)
{
	resource->refcount++;
}

void kunit_put_resource(struct kunit_resource *resource)
{
	if (--resource->refcount)
		return;
	if (resource->free)
		resource->free(resource);
	if (resource->should_kfree)
		kfree(resource);
}

struct kunit_resource *kunit_find_resource(struct kunit *test, kunit_resource_match_t match, void *wanted)
{
	struct kunit_resource *resource;

	list_for_each_entry_reverse(resource, &test->resources, node) {
		if (match(test, resource, wanted)) {
			kunit_get_resource(resource);
			return resource;
		}
	}
	return NULL;
}

bool kunit_resource_name_match(struct kunit *test, struct kunit_resource *resource, void *name)
{
	return resource->name && !strcmp(resource->name, name);
}

#pragma weak kunit_resource_instance_match
bool kunit_resource_instance_match(struct kunit *test, struct kunit_resource *resource, void *data)
{
	return resource->data == data;
}

void kunit_remove_resource(struct kunit *test, struct kunit_resource *resource)
{
	if (list_empty(&resource->node))
		return;
	list_del_init(&resource->node);
	kunit_put_resource(resource);
}

int kunit_destroy_resource(struct kunit *test, kunit_resource_match_t match, void *wanted)
{
	struct kunit_resource *resource = kunit_find_resource(test, match, wanted);

	if (!resource)
		return -ENOENT;
	kunit_remove_resource(test, resource);
	kunit_put_resource(resource);
	return 0;
}

void kunit_init_test(struct kunit *test, const char *name, void *log)
{
	memset(test, 0, sizeof(*test));
	test->name = name;
	test->log = log;
	spin_lock_init(&test->lock);
	INIT_LIST_HEAD(&test->resources);
}

void kunit_cleanup(struct kunit *test)
{
	while (!list_empty(&test->resources))
		kunit_remove_resource(test, list_entry(test->resources.prev, struct kunit_resource, node));
}

/* actions */

struct action {
	struct kunit_resource resource;
	kunit_action_t *function;
	void *context;
};

static void run_action(struct kunit_resource *resource)
{
	struct action *action = container_of(resource, struct action, resource);

	action->function(action->context);
}

int kunit_add_action(struct kunit *test, kunit_action_t *function, void *context)
{
	struct action *action = kzalloc(sizeof(*action), GFP_KERNEL);

	if (!action)
		return -ENOMEM;
	action->function = function;
	action->context = context;
	action->resource.should_kfree = true;
	return __kunit_add_resource(test, NULL, run_action, &action->resource, action);
}

int kunit_add_action_or_reset(struct kunit *test, kunit_action_t *function, void *context)
{
	int error = kunit_add_action(test, function, context);

	if (error)
		function(context);
	return error;
}

static bool is_action(struct kunit *test, struct kunit_resource *resource, void *wanted)
{
	struct action *action = container_of(resource, struct action, resource), *like = wanted;

	return resource->free == run_action && action->function == like->function && action->context == like->context;
}

/* Not the test's any more: to be put back. */
static struct kunit_resource *take_action(struct kunit *test, kunit_action_t *function, const void *context)
{
	struct action like = { .function = function, .context = (void *)context };
	struct kunit_resource *found = kunit_find_resource(test, is_action, &like);

	if (found)
		kunit_remove_resource(test, found);
	return found;
}

void kunit_remove_action(struct kunit *test, kunit_action_t *function, void *context)
{
	struct kunit_resource *found = take_action(test, function, context);

	if (!found)
		return;
	found->free = NULL;
	kunit_put_resource(found);
}

void kunit_release_action(struct kunit *test, kunit_action_t *function, void *context)
{
	struct kunit_resource *found = take_action(test, function, context);

	if (found)
		kunit_put_resource(found);
}

/* memory */

static void free_memory(void *ptr)
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
	if (ptr && kunit_add_action_or_reset(test, free_memory, ptr))
		return NULL;
	return ptr;
}

void kunit_kfree(struct kunit *test, const void *ptr)
{
	struct kunit_resource *found;

	if (!ptr)
		return;
	found = take_action(test, free_memory, ptr);
	if (found)
		kunit_put_resource(found);
	else
		__kunit_fail(test, __FILE__, __LINE__, "kunit_kfree of %p, which is not the test's", ptr);
}

char *kunit_kstrdup(struct kunit *test, const char *text, gfp_t gfp)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? kunit_kmalloc(test, size, gfp) : NULL;

	return copy ? memcpy(copy, text, size) : NULL;
}

const char *kunit_kstrdup_const(struct kunit *test, const char *text, gfp_t gfp)
{
	return kunit_kstrdup(test, text, gfp);
}

void kunit_kfree_const(struct kunit *test, const void *ptr)
{
	kunit_kfree(test, ptr);
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
	resource->data = kmemdup(context, sizeof(struct stub), GFP_KERNEL);
	return resource->data ? 0 : -ENOMEM;
}

static bool is_stub(struct kunit *test, struct kunit_resource *resource, void *function)
{
	return resource->free == free_stub && ((struct stub *)resource->data)->function == function;
}

void *__kunit_stub(void *function)
{
	struct kunit *test = current->kunit_test;
	struct kunit_resource *found = test ? kunit_find_resource(test, is_stub, function) : NULL;

	if (!found)
		return NULL;
	kunit_put_resource(found);
	return ((struct stub *)found->data)->replacement;
}

void __kunit_set_stub(struct kunit *test, void *function, void *replacement)
{
	struct stub stub = { function, replacement };

	kunit_destroy_resource(test, is_stub, function);
	if (replacement && !kunit_alloc_resource(test, make_stub, free_stub, GFP_KERNEL, &stub))
		__kunit_fail(test, __FILE__, __LINE__, "no memory for a replaced function");
}

/* what is said */

static void end_line(const char *fmt)
{
	size_t length = strlen(fmt);

	if (!length || fmt[length - 1] != '\n')
		printk("\n");
}

void __kunit_say(const char *level, const char *name, const char *fmt, ...)
{
	va_list args;

	if (name)
		printk("%s    # %s: ", level, name);
	else
		printk("%s    # ", level);
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	end_line(fmt);
}

/* failures */

void __kunit_failed(struct kunit *test, enum kunit_assert_type type, const char *file, int line)
{
	test->status = KUNIT_FAILURE;
	printk("    # %s: %s FAILED at %s:%d\n", test->name, type == KUNIT_ASSERTION ? "ASSERTION" : "EXPECTATION", file,
	       line);
}

static void tell(const char *fmt, va_list args)
{
	printk("    ");
	vprintk(fmt, args);
	end_line(fmt);
}

void __kunit_fail(struct kunit *test, const char *file, int line, const char *fmt, ...)
{
	va_list args;

	__kunit_failed(test, KUNIT_EXPECTATION, file, line);
	va_start(args, fmt);
	tell(fmt, args);
	va_end(args);
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
	va_list args;
	int length;

	if (!fmt)
		return;
	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (!length)
		return;
	va_start(args, fmt);
	tell(fmt, args);
	va_end(args);
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

/* choosing */

static const char *filter_glob, *filter, *filter_action;
static const char *const speeds[] = { "", "very_slow", "slow", "normal" };

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

static int is_named(struct kunit_suite *suite, struct kunit_case *test_case)
{
	const char *dot, *end;

	if (!filter_glob)
		return 1;
	dot = strchr(filter_glob, '.');
	end = filter_glob + strlen(filter_glob);
	return matches(filter_glob, dot ? dot : end, suite->name) && (!dot || matches(dot + 1, end, test_case->name));
}

static enum kunit_speed speed_of(struct kunit_suite *suite, struct kunit_case *test_case)
{
	if (test_case->attr.speed)
		return test_case->attr.speed;
	return suite->attr.speed ? suite->attr.speed : KUNIT_SPEED_NORMAL;
}

/* Whether a speed fulfils the condition at the beginning of a text. Other attributes are not looked at. */
static int fulfils(enum kunit_speed speed, const char *condition)
{
	const char *op = condition + strlen("speed"), *word;
	enum kunit_speed wanted;

	if (strncmp(condition, "speed", strlen("speed")))
		return 1;
	word = op + strspn(op, "<>=!");
	for (wanted = KUNIT_SPEED_NORMAL; wanted; wanted--)
		if (!strncmp(word, speeds[wanted], strlen(speeds[wanted])))
			break;
	if (*op == '!')
		return speed != wanted;
	if (*op == '<' && speed < wanted)
		return 1;
	if (*op == '>' && speed > wanted)
		return 1;
	return word[-1] == '=' && speed == wanted;
}

static int has_attributes(struct kunit_suite *suite, struct kunit_case *test_case)
{
	enum kunit_speed speed = speed_of(suite, test_case);
	const char *condition;

	for (condition = filter; condition; condition = strchr(condition, ',')) {
		condition += *condition == ',';
		if (!fulfils(speed, condition))
			return 0;
	}
	return 1;
}

static int is_chosen(struct kunit_suite *suite, struct kunit_case *test_case)
{
	return is_named(suite, test_case) && (filter_action || has_attributes(suite, test_case));
}

static int count_chosen(struct kunit_suite *suite)
{
	struct kunit_case *test_case;
	int count = 0;

	kunit_suite_for_each_test_case(suite, test_case)
		count += is_chosen(suite, test_case);
	return count;
}

/* running */

/* One run of a case's functions; a failed assertion in any of them ends that one. */
static void run_once(struct kunit_suite *suite, struct kunit_case *test_case, struct kunit *test)
{
	struct __kunit_place *place = &test->try_catch.place;
	int error;

	current->kunit_test = test;
	if (!__kunit_set(place)) {
		error = suite->init ? suite->init(test) : 0;
		if (error) {
			kunit_err(test, "failed to initialize: %d", error);
			test->status = KUNIT_FAILURE;
		} else if (test->status == KUNIT_SUCCESS) {
			test_case->run_case(test);
		}
	}
	if (!__kunit_set(place) && suite->exit)
		suite->exit(test);
	__kunit_set(place);
	kunit_cleanup(test);
	current->kunit_test = NULL;
}

static void say(const char *indent, enum kunit_status status, int number, const char *name, const char *comment)
{
	printk("%s%sok %d %s%s%s\n", indent, status == KUNIT_FAILURE ? "not " : "", number, name,
	       status == KUNIT_SKIPPED ? " # SKIP " : "", status == KUNIT_SKIPPED ? comment : "");
}

const void *kunit_array_gen_params(struct kunit *test, const void *prev, char *desc)
{
	struct kunit_params *params = &test->params_array;
	const void *next = prev ? prev + params->elem_size : params->params;

	if (!params->num_params || next >= params->params + params->num_params * params->elem_size)
		return NULL;
	if (params->get_description)
		params->get_description(test, next, desc);
	return next;
}

static const void *next_param(struct kunit_case *test_case, struct kunit *whole, const void *prev, char *desc)
{
	const void *(*plain)(const void *, char *) = test_case->generate_params;
	const void *(*with_test)(struct kunit *, const void *, char *) = test_case->generate_params;

	memset(desc, 0, KUNIT_PARAM_DESC_SIZE);
	return test_case->__with_test ? with_test(whole, prev, desc) : plain(prev, desc);
}

static enum kunit_status run_params(struct kunit_suite *suite, struct kunit_case *test_case, struct kunit *whole)
{
	static struct kunit test;
	char desc[KUNIT_PARAM_DESC_SIZE];
	enum kunit_status all = KUNIT_SKIPPED;
	const void *param = NULL;
	int index = 0;

	for (; (param = next_param(test_case, whole, param, desc)); index++) {
		kunit_init_test(&test, test_case->name, NULL);
		test.parent = whole;
		test.param_value = param;
		test.param_index = index;
		run_once(suite, test_case, &test);
		current->kunit_test = whole;
		desc[strcspn(desc, "\n")] = 0;
		if (!*desc)
			snprintf(desc, sizeof(desc), "param-%d", index);
		say("        ", test.status, index + 1, desc, test.status_comment);
		if (test.status == KUNIT_FAILURE || all == KUNIT_SKIPPED)
			all = all == KUNIT_FAILURE ? all : test.status;
	}
	printk("        1..%d\n", index);
	return all;
}

static void run_with_params(struct kunit_suite *suite, struct kunit_case *test_case, struct kunit *whole)
{
	struct __kunit_place *place = &whole->try_catch.place;
	int error = 0;

	printk("        KTAP version 1\n        # Subtest: %s\n", test_case->name);
	current->kunit_test = whole;
	if (!__kunit_set(place)) {
		if (test_case->param_init)
			error = test_case->param_init(whole);
		if (error) {
			kunit_err(whole, "failed to initialize parent parameter test: %d", error);
			whole->status = KUNIT_FAILURE;
		} else if (whole->status == KUNIT_SUCCESS) {
			whole->status = run_params(suite, test_case, whole);
		}
	}
	if (!__kunit_set(place) && test_case->param_exit)
		test_case->param_exit(whole);
	__kunit_set(place);
	kunit_cleanup(whole);
	current->kunit_test = NULL;
}

static void run_test_case(struct kunit_suite *suite, struct kunit_case *test_case, int number)
{
	static struct kunit test;
	enum kunit_speed speed = speed_of(suite, test_case);

	kunit_init_test(&test, test_case->name, NULL);
	if (suite->suite_init_err)
		test.status = KUNIT_FAILURE;
	else if (!has_attributes(suite, test_case))
		kunit_mark_skipped(&test, "filtered out");
	else if (test_case->generate_params)
		run_with_params(suite, test_case, &test);
	else
		run_once(suite, test_case, &test);
	if (speed != KUNIT_SPEED_NORMAL)
		printk("    # %s.speed: %s\n", test_case->name, speeds[speed]);
	say("    ", test.status, number, test_case->name, test.status_comment);
	test_case->status = test.status;
}

static enum kunit_status run_suite(struct kunit_suite *suite)
{
	struct kunit_case *test_case;
	int number = 0, results[3] = { 0, 0, 0 };

	printk("    KTAP version 1\n    # Subtest: %s\n    1..%d\n", suite->name, count_chosen(suite));
	suite->suite_init_err = suite->suite_init ? suite->suite_init(suite) : 0;
	if (suite->suite_init_err)
		printk("    # %s: suite_init failed: %d\n", suite->name, suite->suite_init_err);
	kunit_suite_for_each_test_case(suite, test_case) {
		if (is_chosen(suite, test_case)) {
			run_test_case(suite, test_case, ++number);
			results[test_case->status]++;
		}
	}
	if (!suite->suite_init_err && suite->suite_exit)
		suite->suite_exit(suite);
	printk("# %s: pass:%d fail:%d skip:%d total:%d\n", suite->name, results[KUNIT_SUCCESS], results[KUNIT_FAILURE],
	       results[KUNIT_SKIPPED], number);
	return results[KUNIT_FAILURE] ? KUNIT_FAILURE : results[KUNIT_SUCCESS] ? KUNIT_SUCCESS : KUNIT_SKIPPED;
}

size_t kunit_suite_num_test_cases(struct kunit_suite *suite)
{
	struct kunit_case *test_case;
	size_t count = 0;

	kunit_suite_for_each_test_case(suite, test_case)
		count++;
	return count;
}

enum kunit_status kunit_suite_has_succeeded(struct kunit_suite *suite)
{
	struct kunit_case *test_case;
	enum kunit_status status = KUNIT_SKIPPED;

	kunit_suite_for_each_test_case(suite, test_case) {
		if (test_case->status == KUNIT_FAILURE)
			return KUNIT_FAILURE;
		if (test_case->status == KUNIT_SUCCESS)
			status = KUNIT_SUCCESS;
	}
	return status;
}

/* the program */

/* The program's tables stand before ours: the library is linked behind it. */
static const struct __kunit_suites *first_table(void)
{
	const struct __kunit_suites *table = &last;

	asm("" : "+r" (table));	/* the compiler may not think that there is nothing before `last` */
	while (table[-1].magic == __KUNIT_SUITES_MAGIC)
		table--;
	return table;
}

#define for_each_suite(table, i)					\
	for (table = first_table(); table != &last; table++)		\
		for (i = 0; i < table->count; i++)

static void list_cases(struct kunit_suite *suite)
{
	struct kunit_case *test_case;

	kunit_suite_for_each_test_case(suite, test_case)
		if (is_chosen(suite, test_case))
			printk("%s.%s\n", suite->name, test_case->name);
}

static int run_suites(void)
{
	const struct __kunit_suites *table;
	int i, count = 0, number = 0, failed = 0;

	for_each_suite(table, i)
		count += count_chosen(table->suites[i]) > 0;
	printk("KTAP version 1\n1..%d\n", count);
	for_each_suite(table, i) {
		struct kunit_suite *suite = table->suites[i];
		enum kunit_status status;

		if (!count_chosen(suite))
			continue;
		status = run_suite(suite);
		say("", status, ++number, suite->name, "");
		failed |= status == KUNIT_FAILURE;
	}
	return failed;
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

extern int init_module(void) __attribute__((weak));
extern void cleanup_module(void) __attribute__((weak));

int __kunit_main(int argc, char **argv)
{
	const char *action = argument(argc, argv, "kunit.action=");
	const struct __kunit_suites *table;
	int i, error, failed;

	filter_glob = argument(argc, argv, "kunit.filter_glob=");
	filter = argument(argc, argv, "kunit.filter=");
	filter_action = argument(argc, argv, "kunit.filter_action=");
	if (action && !strcmp(action, "list")) {
		for_each_suite(table, i)
			list_cases(table->suites[i]);
		return 0;
	}
	error = init_module ? init_module() : 0;
	if (error) {
		printk("KTAP version 1\nBail out! the module's init function gave %d\n", error);
		return 1;
	}
	failed = run_suites();
	if (cleanup_module)
		cleanup_module();
	return failed;
}

LIB int main(int argc, char **argv)
{
	return __kunit_main(argc, argv);
}
