"""KUnit's interface: each macro where it holds and where it does not, with its words; what stands around a case."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from guest import cc, elf, ktap
from guest.kernel import Kernel
from guest.testing import Setup, is_kunit, kunit_cases, run_case
from mm.setup import BootOptions

HERE = Path(__file__).resolve().parent
SETUP = Setup(BootOptions(ram=32 << 20))
HEAD = """#include <kunit/test.h>
static int two = 2;
static int *nothing, *something = &two;
static const char *abc = "abc";
static char bytes[] = { 1, 2, 3 }, other[] = { 1, 9, 3 };
"""


def say(path: Path, *arguments: str) -> tuple[int, str]:
    """Run a program: its status and what it printed."""
    text: list[str] = []
    with Kernel.boot(SETUP.boot, console=text.append) as kernel:
        text.clear()
        status = kernel.run(elf.read(path, path.name), [path.name, *arguments], 60)
    return status, "".join(text)


def suite(cases: list[str], more: str = "", name: str = "s", case: str = "c") -> str:
    """A suite of cases, which are the bodies of functions c0, c1 ...; more: members of the suite."""
    functions = "".join(
        f"static void {case}{i}(struct kunit *test)\n{{\n{body}\n}}\n" for i, body in enumerate(cases)
    )  # fmt: skip
    table = "".join(f"\tKUNIT_CASE({case}{i}),\n" for i in range(len(cases)))
    return (
        f"{functions}static struct kunit_case cases_{name}[] = {{\n{table}\t{{}}\n}};\n"
        f'static struct kunit_suite suite_{name} = {{ .name = "{name}", .test_cases = cases_{name}, {more} }};\n'
        f"kunit_test_suite(suite_{name});\n"
    )


# what holds; the same turned round, which does not; the words of the failure
PAIRS: list[tuple[str, str, list[str]]] = [
    ("TRUE(test, two)", "TRUE(test, two == 3)", ["Expected two == 3 to be true, but is false"]),
    ("FALSE(test, !two)", "FALSE(test, two)", ["Expected two to be false, but is true"]),
    ("EQ(test, two, 2)", "EQ(test, two, 3)", ["Expected two == 3, but", "    two == 2 (0x2)"]),
    ("NE(test, two, 3)", "NE(test, two, two)", ["Expected two != two, but", *["    two == 2 (0x2)"] * 2]),
    ("LT(test, two, 3)", "LT(test, two, -1)", ["Expected two < -1, but", "    two == 2 (0x2)"]),
    ("LE(test, 2, two)", "LE(test, 3, two)", ["Expected 3 <= two, but", "    two == 2 (0x2)"]),
    ("GT(test, two, 1)", "GT(test, two, 2)", ["Expected two > 2, but", "    two == 2 (0x2)"]),
    ("GE(test, two, 2)", "GE(test, two - 3, 2)", [
        "Expected two - 3 >= 2, but", "    two - 3 == -1 (0xffffffffffffffff)"
    ]),
    ("PTR_EQ(test, something, &two)", "PTR_EQ(test, nothing, (void *)4)", [
        "Expected nothing == (void *)4, but", "    nothing == 00000000", "    (void *)4 == 00000004"
    ]),
    ("PTR_NE(test, something, nothing)", "PTR_NE(test, nothing, NULL)", [
        "Expected nothing != ((void *)0), but", "    nothing == 00000000", "    ((void *)0) == 00000000"
    ]),
    ("NULL(test, nothing)", "NULL(test, abc + 1 - (long)abc)", [
        "Expected abc + 1 - (long)abc == NULL, but", "    abc + 1 - (long)abc == 00000001", "    NULL == 00000000"
    ]),
    ("NOT_NULL(test, something)", "NOT_NULL(test, nothing)", [
        "Expected nothing != NULL, but", "    nothing == 00000000", "    NULL == 00000000"
    ]),
    ("NOT_ERR_OR_NULL(test, something)", "NOT_ERR_OR_NULL(test, nothing)", ["Expected nothing is not null, but is"]),
    ("NOT_ERR_OR_NULL(test, abc)", "NOT_ERR_OR_NULL(test, ERR_PTR(-ENOMEM))", [
        "Expected ERR_PTR(-12) is not error, but is: -12"
    ]),
    ('STREQ(test, abc, "abc")', 'STREQ(test, abc, "abd")', ['Expected abc == "abd", but', '    abc == "abc"']),
    ('STRNEQ(test, abc, "abd")', 'STRNEQ(test, abc, "abc")', ['Expected abc != "abc", but', '    abc == "abc"']),
    ("STREQ(test, (char *)nothing, (char *)nothing)", 'STREQ(test, (char *)nothing, "x")', [
        'Expected (char *)nothing == "x", but', "    (char *)nothing == NULL"
    ]),
    ("MEMEQ(test, bytes, other, 1)", "MEMEQ(test, bytes, other, 3)", [
        "Expected bytes == other, but", "    bytes ==", "        01 <02> 03 ", "    other ==", "        01 <09> 03 "
    ]),
    ("MEMNEQ(test, bytes, other, 3)", "MEMNEQ(test, bytes, other, 1)", [
        "Expected bytes != other, but", "    bytes ==", "        01 ", "    other ==", "        01 "
    ]),
    ("MEMEQ(test, something, something, 4)", "MEMEQ(test, nothing, bytes, 3)", [
        "Expected nothing == bytes, but", "    nothing is NULL"
    ]),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["EXPECT", "ASSERT"])
def test_what_holds_is_silent(build: Callable[..., Path], kind: str) -> None:
    cases = [f'KUNIT_{kind}_{good}; KUNIT_{kind}_{_with_message(good)}; two++; two--;' for good, _, _ in PAIRS]
    status, text = say(build(HEAD + suite([*cases, "KUNIT_SUCCEED(test);"])))
    report = ktap.parse(text)
    assert not report.wrong and status == 0
    assert [result.outcome for result in report.results] == ["passed"] * (len(PAIRS) + 1)
    assert not any(result.lines[2:] for result in report.results[1:]) and "FAILED" not in text


def _with_message(call: str, *more: str) -> str:
    name, _, rest = call.partition("(")
    return f'{name}_MSG({rest[:-1]}, "message %d"{"".join(more) or ", 42"})'


@pytest.mark.parametrize("kind", ["EXPECT", "ASSERT"])
def test_what_does_not_hold_is_told(build: Callable[..., Path], kind: str) -> None:
    cases = []
    for _, bad, _ in PAIRS:
        cases += [f'KUNIT_{kind}_{bad};\nprintk("went on\\n");', f"KUNIT_{kind}_{_with_message(bad)};"]
    path = build(HEAD + suite(cases), name="words.c")
    source = (path.parent / "words.c" if (path.parent / "words.c").exists() else Path("words.c"))
    status, text = say(path)
    report = ktap.parse(text)
    assert status == 1 and not report.wrong and len(report.results) == 2 * len(PAIRS)
    word = "EXPECTATION" if kind == "EXPECT" else "ASSERTION"
    for number, (_, bad, words) in enumerate(PAIRS):
        plain, told = report.results[2 * number : 2 * number + 2]
        for case, result, message in ((2 * number, plain, []), (2 * number + 1, told, ["message 42"])):
            lines = [line for line in result.lines if "Subtest" not in line]
            assert re.fullmatch(rf" *# c{case}: {word} FAILED at .*words\.c:\d+", lines[0]), (bad, lines)
            said = [line[4:] for line in lines[1:] if line != "went on"]
            assert said == [*words, *message], bad
            assert ("went on" in lines) == (kind == "EXPECT" and not message)
            assert result.outcome == "failed"
    assert source.name == "words.c"


def test_failures_by_word(build: Callable[..., Path]) -> None:
    status, text = say(build(HEAD + suite([
        'KUNIT_FAIL(test, "it is %d", two); printk("went on\\n");',
        'KUNIT_FAIL_AND_ABORT(test, "it is %d", two); printk("went on\\n");',
        'kunit_fail_current_test("now %s", abc);',
        'kunit_info(test, "told %d", 1); kunit_warn(test, "warned"); kunit_err(test, "error");',
    ])))  # fmt: skip
    results = ktap.parse(text).results
    assert [result.outcome for result in results] == ["failed", "failed", "failed", "passed"] and status == 1
    assert "    it is 2" in results[0].lines and results[0].lines[-1] == "went on"
    assert results[1].lines[-1] == "    it is 2"
    assert results[2].lines[-1] == "    now abc"
    assert results[3].lines == ["    # c3: told 1", "    # c3: warned", "    # c3: error"]


def test_a_value_is_computed_once(build: Callable[..., Path]) -> None:
    status, text = say(build(HEAD + suite([
        "int n = 0; KUNIT_EXPECT_EQ(test, n++, 0); KUNIT_EXPECT_TRUE(test, n++);"
        "KUNIT_EXPECT_PTR_NE(test, bytes + n++, bytes);"
        "KUNIT_EXPECT_STREQ(test, (n++, abc), abc); KUNIT_EXPECT_MEMEQ(test, (n++, bytes), bytes, 3);"
        "KUNIT_EXPECT_EQ(test, n, 5);",
    ])))  # fmt: skip
    assert status == 0, text


@pytest.mark.parametrize(("left", "right", "holds"), [
    ("-1", "(int)~0", True), ("0xffffffffu", "~0u", True), ("1ULL << 40", "1ULL << 40", True),
    ("(unsigned char)255", "255", True), ("1ULL << 40", "0", False), ("true", "1", True),
])  # fmt: skip
def test_numbers_of_all_widths(build: Callable[..., Path], left: str, right: str, holds: bool) -> None:
    status, _ = say(build(HEAD + suite([f"KUNIT_EXPECT_EQ(test, {left}, {right});"])))
    assert (status == 0) == holds


def test_skipped(build: Callable[..., Path]) -> None:
    status, text = say(build(HEAD + suite([
        'kunit_skip(test, "no %s", "device"); printk("went on\\n");',
        'kunit_mark_skipped(test, "later"); printk("went on\\n");',
    ])))  # fmt: skip
    first, second = ktap.parse(text).results
    assert (first.outcome, first.why, second.outcome, second.why) == ("skipped", "no device", "skipped", "later")
    assert status == 0 and text.count("went on") == 1 and "ok 1 s # SKIP" in text


AROUND = """
static int begin(struct kunit *test) { printk("init\\n"); test->priv = &two; %s return %s; }
static void end(struct kunit *test) { printk("exit %%d\\n", test->priv == &two); %s }
"""


@pytest.mark.parametrize(("init", "result", "exit", "body", "wanted", "outcome"), [
    ("", "0", "", 'printk("body\\n");', ["init", "body", "exit 1"], "passed"),
    ("", "-12", "", 'printk("body\\n");', ["init", "    # c0: failed to initialize: -12", "exit 1"], "failed"),
    ("KUNIT_ASSERT_EQ(test, two, 3);", "0", "", 'printk("body\\n");', ["init", "exit 1"], "failed"),
    ("KUNIT_EXPECT_EQ(test, two, 3);", "0", "", 'printk("body\\n");', ["init", "exit 1"], "failed"),
    ('kunit_skip(test, "no");', "0", "", 'printk("body\\n");', ["init", "exit 1"], "skipped"),
    ("", "0", 'KUNIT_ASSERT_EQ(test, two, 3); printk("after\\n");', 'printk("body\\n");', ["init", "body", "exit 1"],
     "failed"),
    ("", "0", "", 'KUNIT_ASSERT_TRUE(test, 0); printk("body\\n");', ["init", "exit 1"], "failed"),
])  # fmt: skip
def test_init_and_exit(
    build: Callable[..., Path], init: str, result: str, exit: str, body: str, wanted: list[str], outcome: str
) -> None:
    text = say(build(HEAD + AROUND % (init, result, exit) + suite([body], ".init = begin, .exit = end")))[1]
    found = ktap.parse(text).results[0]
    told = [line for line in found.lines if "FAILED" not in line and "xpected" not in line and "== 2" not in line]
    assert ([line for line in told if "Subtest" not in line], found.outcome) == (wanted, outcome)


SUITE_INIT = """
static int first(struct kunit_suite *suite) { printk("suite_init\\n"); return %s; }
static void last(struct kunit_suite *suite) { printk("suite_exit\\n"); }
"""


def test_suite_init(build: Callable[..., Path]) -> None:
    members = ".suite_init = first, .suite_exit = last"
    status, text = say(build(HEAD + SUITE_INIT % "0" + suite(['printk("body\\n");'] * 2, members)))
    steps = re.findall("suite_init|suite_exit|body", text)
    assert status == 0 and steps == ["suite_init", "body", "body", "suite_exit"]
    status, text = say(build(HEAD + SUITE_INIT % "-5" + suite(['printk("body\\n");'] * 2, members)))
    assert status == 1 and "# s: suite_init failed: -5" in text and "body" not in text and "suite_exit" not in text
    assert [result.outcome for result in ktap.parse(text).results] == ["failed", "failed"]


PARAMS = """
struct pair { const char *name; int value; };
static const struct pair pairs[] = { { "one", 1 }, { "two", 2 }, { "three", 3 } };
static void describe(const struct pair *pair, char *desc) { snprintf(desc, KUNIT_PARAM_DESC_SIZE, "<%s>", pair->name); }
KUNIT_ARRAY_PARAM(named, pairs, describe);
KUNIT_ARRAY_PARAM(plain, pairs, NULL);
KUNIT_ARRAY_PARAM_DESC(member, pairs, name);
static void even(struct kunit *test)
{
	const struct pair *pair = test->param_value;
	if (pair->value == 3)
		kunit_skip(test, "too many");
	KUNIT_EXPECT_EQ(test, pair->value % 2, 0);
}
static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(even, named_gen_params), KUNIT_CASE_PARAM(even, plain_gen_params),
	KUNIT_CASE_PARAM(even, member_gen_params), KUNIT_CASE_SLOW(even_never), {}
};
"""


def test_parameters(build: Callable[..., Path]) -> None:
    text = HEAD + PARAMS.replace(", KUNIT_CASE_SLOW(even_never)", "")
    text += 'static struct kunit_suite suite = { "p", .test_cases = cases };\nkunit_test_suites(&suite);\n'
    status, said = say(build(text))
    results = ktap.parse(said).results
    names = [*("<one>", "<two>", "<three>"), *("param-0", "param-1", "param-2"), *("one", "two", "three")]
    assert [result.name[-1] for result in results] == names and status == 1
    assert [result.outcome for result in results] == ["failed", "passed", "skipped"] * 3


ACTIONS = """
static int order[8], count;
static void note(void *context) { order[count++] = (long)context; }
KUNIT_DEFINE_ACTION_WRAPPER(give, kfree, const void *)
"""


def test_actions_run_backwards(build: Callable[..., Path]) -> None:
    status, text = say(build(HEAD + ACTIONS + suite([
        """int i;
        for (i = 1; i <= 5; i++)
            KUNIT_ASSERT_EQ(test, kunit_add_action(test, note, (void *)i), 0);
        kunit_remove_action(test, note, (void *)3);
        kunit_release_action(test, note, (void *)1);
        KUNIT_EXPECT_EQ(test, count, 1);
        KUNIT_EXPECT_EQ(test, kunit_add_action_or_reset(test, give, kmalloc(100, GFP_KERNEL)), 0);
        KUNIT_ASSERT_TRUE(test, 0);""",
        """static const int wanted[] = { 1, 5, 4, 2 };
        KUNIT_EXPECT_EQ(test, count, 4);
        KUNIT_EXPECT_MEMEQ(test, order, wanted, sizeof(wanted));""",
    ])))  # fmt: skip
    assert [result.outcome for result in ktap.parse(text).results] == ["failed", "passed"] and status == 1


def test_memory_of_a_test_is_given_back(build: Callable[..., Path]) -> None:
    source = HEAD + suite([
        """char *p = kunit_kzalloc(test, 100, GFP_KERNEL), *q = kunit_kcalloc(test, 10, 10, GFP_KERNEL);
        KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 100));
        KUNIT_EXPECT_NULL(test, memchr_inv(q, 0, 100));
        KUNIT_EXPECT_NULL(test, kunit_kmalloc_array(test, 1 << 20, 1 << 20, GFP_KERNEL));
        kunit_kfree(test, p);
        kunit_kfree(test, NULL);
        KUNIT_ASSERT_NOT_NULL(test, kunit_kmalloc(test, 3000, GFP_KERNEL));""",
        "kunit_kfree(test, bytes);",
    ])  # fmt: skip
    program = elf.read(build(source), "memory.c")
    assert run_case(program, SETUP, "s.c0").outcome == "passed"
    wrong = run_case(program, SETUP, "s.c1")
    assert wrong.outcome == "failed" and "which is not the test's" in wrong.failures[0].text


def test_cases_and_filters(build: Callable[..., Path]) -> None:
    path = build(HEAD + suite(["two = 2;"] * 2) + suite(["two = 2;"] * 2, name="t", case="d"))
    program = elf.read(path, "x.c")
    assert is_kunit(program) and kunit_cases(program, SETUP) == ["s.c0", "s.c1", "t.d0", "t.d1"]
    for glob, wanted in {
        "s": "s.c0 s.c1", "t.d1": "t.d1", "*.?0": "s.c0 t.d0", "?": "s.c0 s.c1 t.d0 t.d1", "x": "", "s.c": "",
    }.items():  # fmt: skip
        text = say(path, f"kunit.filter_glob={glob}")[1]
        assert [".".join(result.name) for result in ktap.parse(text).results] == wanted.split(), glob


SPEEDS = """
static void any(struct kunit *test) { }
static struct kunit_case plain[] = {
	KUNIT_CASE(any), KUNIT_CASE_SLOW(any), KUNIT_CASE_ATTR(any, {.speed = KUNIT_SPEED_VERY_SLOW}), {}
};
static struct kunit_suite a = { .name = "a", .test_cases = plain };
static struct kunit_case others[] = { KUNIT_CASE(any), {} };
static struct kunit_suite b = { .name = "b", .test_cases = others, .attr.speed = KUNIT_SPEED_SLOW };
kunit_test_suites(&a, &b);
"""


def test_cases_by_their_speed(build: Callable[..., Path]) -> None:
    path = build(HEAD + SPEEDS)
    text = say(path)[1]
    assert text.count("    # any.speed: slow\n") == 2 and text.count("    # any.speed: very_slow\n") == 1
    for condition, count in {
        "speed>slow": 1, "speed>=slow": 3, "speed<slow": 1, "speed<=slow": 3, "speed=slow": 2, "speed!=slow": 2,
        "speed>very_slow,speed<normal": 2, "speed<very_slow": 0, "module=x": 4,
    }.items():  # fmt: skip
        report = ktap.parse(say(path, f"kunit.filter={condition}")[1])
        assert (len(report.results), report.wrong) == (count, []), condition
        listed = say(path, f"kunit.filter={condition}", "kunit.action=list")[1]
        assert len(listed.splitlines()) == count
    skipped = ktap.parse(say(path, "kunit.filter=speed>slow", "kunit.filter_action=skip")[1]).results
    assert [result.outcome for result in skipped] == ["passed", "skipped", "skipped", "skipped"]
    assert skipped[1].why == "filtered out"


def test_a_module_with_suites(build: Callable[..., Path]) -> None:
    source = HEAD + suite(['printk("body\\n");']) + """
static int __init begin(void) { printk("begin\\n"); return %d; }
static void __exit end(void) { printk("end\\n"); }
module_init(begin);
module_exit(end);
"""  # fmt: skip
    status, text = say(build(source % 0))
    assert status == 0 and re.findall("begin|body|end", text) == ["begin", "body", "end"]
    status, text = say(build(source % -12))
    assert status == 1 and text == "begin\nKTAP version 1\nBail out! the module's init function gave -12\n"
    result = run_case(elf.read(build(source % -12), "x.c"), SETUP)
    assert any("bailed out" in failure.text for failure in result.failures)


def test_lines_of_a_test(build: Callable[..., Path]) -> None:
    text = say(build(HEAD + """
static void lines(struct kunit *test)
{
	kunit_info(test, "one\\n");
	kunit_log(KERN_INFO, test, "two");
	KUNIT_FAIL(test, "three\\n");
	KUNIT_EXPECT_TRUE_MSG(test, 0, "%0300d", 4);
	KUNIT_EXPECT_TRUE_MSG(test, 0, NULL);
}
static int begin(struct kunit_suite *suite) { kunit_info(suite, "the suite"); return 0; }
static struct kunit_case cases[] = { KUNIT_CASE(lines), {} };
static struct kunit_suite suite = { .name = "s", .suite_init = begin, .test_cases = cases };
kunit_test_suite(suite);
"""))[1]  # fmt: skip
    lines = [line for line in text.splitlines() if "FAILED" not in line and "Expected" not in line]
    wanted = ["    # s: the suite", "    # lines: one", "    # two", "    three", "    " + "4".zfill(300)]
    assert lines[5:10] == wanted and lines[10] == "    not ok 1 lines"


def test_a_failed_assertion_in_each_part_of_parameters(build: Callable[..., Path]) -> None:
    part = "static %s(struct kunit *test) { printk(\"%s\\n\"); KUNIT_ASSERT_NE(test, at, %d); %s }\n"
    source = HEAD + "static int at = %d;\n" + "".join(part % each for each in (
        ("int begin", "begin", 1, "kunit_kmalloc(test, 10, GFP_KERNEL); return at == 4 ? -5 : 0;"),
        ("void end", "end", 2, ""), ("void body", "body", 3, ""),
    )) + """
static const void *once(const void *prev, char *desc) { return prev ? NULL : &at; }
static struct kunit_case cases[] = { KUNIT_CASE_PARAM_WITH_INIT(body, once, begin, end), {} };
static struct kunit_suite suite = { .name = "s", .test_cases = cases };
kunit_test_suite(suite);
"""  # fmt: skip
    for at, words, outcome in (
        (0, ["begin", "body", "end"], "passed"), (1, ["begin", "end"], "failed"),
        (2, ["begin", "body", "end"], "failed"), (3, ["begin", "body", "end"], "failed"),
        (4, ["begin", "end"], "failed"),
    ):  # fmt: skip
        result = run_case(elf.read(build(source.replace("%d", str(at), 1)), "x.c"), SETUP)
        said = re.findall("^(?:begin|body|end)$", result.output, re.MULTILINE)
        assert (said, result.outcome) == (words, outcome), at
        assert all(failure.check in ("assert", "tap") for failure in result.failures)


def test_a_case_that_is_killed_says_only_of_what(build: Callable[..., Path]) -> None:
    result = run_case(elf.read(build(HEAD + suite(["*nothing = 1;"])), "x.c"), SETUP)
    assert [failure.check for failure in result.failures] == ["log"]


def test_a_report_is_no_part_of_an_expectation(build: Callable[..., Path]) -> None:
    body = "char *p = kmalloc(10, GFP_KERNEL); kfree(p); KUNIT_EXPECT_EQ_MSG(test, two, 3, \"%d\", *p & 0);"
    setup = Setup(SETUP.boot, check_access=True)
    result = run_case(elf.read(build(HEAD + suite([body.replace("*p & 0", "*(volatile char *)p & 0")])), "x.c"), setup)
    assert [failure.check for failure in result.failures] == ["assert", "access"]
    assert result.failures[0].text == "Expected two == 3, but\n    two == 2 (0x2)\n0"


@pytest.mark.parametrize(("name", "cases"), [("kunit_lists.c", 7), ("kunit_resources.c", 4)])
def test_what_kernels_of_today_have(name: str, cases: int) -> None:
    path = HERE / "programs" / name
    program = elf.read(cc.build([path], SETUP.boot.layout), name)
    result = run_case(program, SETUP)
    assert (result.outcome, len(result.parts)) == ("passed", cases), [str(failure) for failure in result.failures]


@pytest.mark.parametrize("options", [{}, {"cpus": 2}], ids=str)
def test_a_module_of_a_book(options: dict[str, int]) -> None:
    setup = Setup(BootOptions(ram=32 << 20, **options))
    program = elf.read(cc.build([HERE / "programs" / "book_module.c"], setup.boot.layout), "book_module.c")
    result = run_case(program, setup)
    assert result.outcome == "passed", [str(failure) for failure in result.failures]
    assert "vm: 00000000: aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa  ................\n" in result.output
    assert "vm: 00000010: 33323130 37363534 0a203938 aaaaaaaa  0123456789 .....\n" in result.output
    assert "\n30 31 32 33 34 35 36 37 38 39 20 0a aa\n" in result.output and "no: " not in result.output
    assert result.output.count(" a=7\n") == 5 and result.output.endswith("ksize 128\n5 ms\nbye\n")


@pytest.mark.slow
def test_with_every_compiler(every_compiler: str) -> None:
    for name in ("kunit_lists.c", "kunit_resources.c", "book_module.c"):
        program = elf.read(cc.build([HERE / "programs" / name], SETUP.boot.layout), name)
        assert run_case(program, SETUP).outcome == "passed"


def test_a_program_without_suites_has_its_own_main(build: Callable[..., Path]) -> None:
    program = elf.read(build("#include <kunit/test.h>\nint main(int argc, char **argv) { return 7; }"), "x.c")
    assert not is_kunit(program) and run_case(program, SETUP).status == 7
