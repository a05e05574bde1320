"""`highmem test` and the pytest plugin: what is collected, how it is run and judged, and what is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from guest import cc, elf
from guest.testing import CHECKS, CaseResult, Failure, Setup, run_case
from hw.errors import HighmemError
from mm.setup import BootOptions
from tools.testing.folders import find, left_out
from tools.testing.programs import is_test, load
from tools.testing.settings import SettingsError, in_source, setup_for

ROOT = Path(__file__).resolve().parents[2]
SMALL = BootOptions(ram=32 << 20)
PLAIN = Setup(SMALL)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIGHMEM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, **files: str) -> None:
    """Files by name: `a_c` is a.c."""
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def word(*arguments: str, module: str = "tools.cli", timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """`highmem test ...` (or another module's command line) in the current folder."""
    words = ["test", *arguments] if module == "tools.cli" else list(arguments)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", module, *words], capture_output=True, text=True, timeout=timeout, env=environment
    )  # fmt: skip


def judged(folder: Path, text: str, setup: Setup = PLAIN, name: str = "x.c") -> CaseResult:
    (folder / name).write_text(text)
    return run_case(elf.read(cc.build([Path(name)], setup.boot.layout), name), setup)


def checks(result: CaseResult) -> list[str]:
    return [failure.check for failure in result.failures]


MAIN = "#include <linux/mm.h>\n#include <linux/slab.h>\n#include <linux/highmem.h>\nint main(int argc, char **argv)\n"
GOOD = "int main(void) { return 0; }\n"
BAD = "int main(void) { return 3; }\n"
KUNIT = """#include <kunit/test.h>
static void right(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 2);
}

static void wrong(struct kunit *test)
{
	int sum = 1 + 1;

	KUNIT_EXPECT_EQ(test, sum, 3);
}

static void skipped(struct kunit *test)
{
	kunit_skip(test, "no device");
}

static struct kunit_case cases[] = { KUNIT_CASE(right), KUNIT_CASE(wrong), KUNIT_CASE(skipped), {} };
static struct kunit_suite suite = { .name = "sums", .test_cases = cases };
kunit_test_suite(suite);
"""


# what is looked at


@pytest.mark.slow
def test_a_status(folder: Path) -> None:
    assert judged(folder, GOOD).outcome == "passed"
    result = judged(folder, BAD)
    assert (result.outcome, result.status, result.failures) == (
        "failed", 3, [Failure("status", "it ended with status 3")]
    )  # fmt: skip
    assert judged(folder, BAD, Setup(SMALL, frozenset({"status"}))).outcome == "passed"


def test_a_leak_with_its_call_site(folder: Path) -> None:
    result = judged(folder, MAIN + "{\n\tkmalloc(300, GFP_KERNEL);\n\treturn 0;\n}\n")
    assert checks(result) == ["leaks"]
    failure = result.failures[0]
    assert (failure.file, failure.line) == ("x.c", 6)
    assert failure.text.startswith("512 bytes of size-512 at c") and "allocated by main+0x" in failure.text
    assert failure.text.endswith(" s ago")
    assert judged(folder, (folder / "x.c").read_text(), Setup(SMALL, frozenset({"leaks"}))).outcome == "passed"


def test_what_can_be_reached_is_no_leak(folder: Path) -> None:
    """An inode is on the kernel's lists. A program's own data goes when it is unloaded: by its exit function."""
    inode = "#include <linux/fs.h>\n" + MAIN + "{ return new_inode(NULL) == NULL; }\n"
    assert judged(folder, inode).outcome == "passed"
    keep = "{ static void *volatile kept; kept = kmalloc(300, GFP_KERNEL); return 0; }\n"
    assert judged(folder, MAIN + keep).outcome == "passed"
    module = "#include <linux/module.h>\n#include <linux/slab.h>\nstatic int __init start(void) " + keep
    module += 'module_init(start);\nMODULE_LICENSE("GPL");\n'
    assert judged(folder, module).outcome == "passed"
    assert checks(judged(folder, module + "static void stop(void) {}\nmodule_exit(stop);\n")) == ["leaks"]


def test_a_test_module_that_is_not_to_stay(folder: Path) -> None:
    """-EAGAIN is how such a module says that it is done; any other error is one."""
    module = "#include <linux/module.h>\nstatic int start(void) { return -%s; }\nmodule_init(start);\n"
    assert judged(folder, module % "EAGAIN").outcome == "passed"
    assert checks(judged(folder, module % "EINVAL")) == ["status"]


@pytest.mark.parametrize(("body", "words"), [
    ("alloc_pages(GFP_KERNEL, 2);", "16384 bytes of pages"),
    ("kmem_cache_alloc(kmem_cache_create(\"lost\", 40, 0, 0, NULL), GFP_KERNEL);", "40 bytes of "),
    ("struct page *p = alloc_page(GFP_HIGHUSER); static void *volatile kept; kept = p; kmap(p);", "kmap at f"),
])  # fmt: skip
def test_leaks_of_each_kind(folder: Path, body: str, words: str) -> None:
    setup = Setup(BootOptions(ram=64 << 20, vmalloc=992 << 20))
    failures = judged(folder, MAIN + f"{{\n\t{body}\n\treturn 0;\n}}\n", setup).failures
    leaks = [failure for failure in failures if failure.check == "leaks"]
    assert any(words in failure.text for failure in leaks), failures
    assert all(failure.line in (0, 6) for failure in leaks)


def test_damage_of_a_structure(folder: Path) -> None:
    result = judged(folder, MAIN + "{\n\tpfn_to_page(200)->flags ^= 1 << 30;\n\treturn 0;\n}\n")
    assert "fsck" in checks(result)
    assert judged(folder, (folder / "x.c").read_text(), Setup(SMALL, frozenset(CHECKS))).outcome == "passed"


def test_a_low_zone(folder: Path) -> None:
    result = judged(folder, MAIN + """{
	static struct page *all;
	struct page *page;
	while ((page = alloc_page(GFP_ATOMIC | __GFP_NOWARN)) != NULL) { page->private = (long)all; all = page; }
	return 0;
}
""", Setup(SMALL, frozenset({"leaks"})))  # fmt: skip
    assert set(checks(result)) == {"watermarks"} and "below its low watermark of" in result.failures[0].text


@pytest.mark.parametrize(("body", "words", "line"), [
    ("*(volatile int *)8 = 1;", "NULL pointer dereference at virtual address 00000008", 6),
    ("BUG();", "kernel BUG at x.c:6!", 6),
    ("WARN_ON(argc);", "BUG: at x.c:6 main()", 0),
    ("void *p = kmalloc(10, GFP_KERNEL); kfree(p); kfree((void *)0x1000);", "", 0),
    ("free_pages(__get_free_pages(GFP_KERNEL, 0) , 0); __free_page(virt_to_page((void *)0xc1000000));", "", 0),
])  # fmt: skip
def test_what_the_kernel_says(folder: Path, body: str, words: str, line: int) -> None:
    result = judged(folder, MAIN + f"{{\n\t{body}\n\treturn 0;\n}}\n")
    assert result.outcome == "failed" and result.failures[0].check in ("log", "fsck")
    if words:
        assert words in result.failures[0].text
    if line:
        assert (result.failures[0].file, result.failures[0].line) == ("x.c", line)


def test_what_is_expected(folder: Path) -> None:
    text = MAIN + "{\n\tWARN_ON(argc);\n\treturn 0;\n}\n"
    assert judged(folder, text, Setup(SMALL, expect=("BUG: at x.c:6",))).outcome == "passed"
    assert judged(folder, text, Setup(SMALL, expect=("BUG: at y.c",))).outcome == "failed"
    missing = judged(folder, GOOD, Setup(SMALL, expect=("hello",)))
    assert [str(failure) for failure in missing.failures] == ["log: it did not print 'hello'"]


def test_a_program_without_end(folder: Path) -> None:
    result = judged(folder, "int main(void) { for (;;) ; }\n", Setup(SMALL, timeout=0.5))
    assert (checks(result), result.failures[0].text) == (["timeout"], "it had not ended after 0.5 s")


def test_arguments_and_tunables(folder: Path) -> None:
    text = MAIN + '{\n\treturn argc != 3 || strcmp(argv[2], "two words");\n}\n'
    assert judged(folder, text, Setup(SMALL, arguments=("one", "two words"))).outcome == "passed"
    assert judged(folder, GOOD, Setup(SMALL, settings=(("vm.min_free_kbytes", "2048"),))).outcome == "passed"


TAP = """#include <linux/kernel.h>
int main(void)
{
	printk("TAP version 13\\n1..%d\\n");
	printk("ok 1 - first\\n# because\\nnot ok 2 - second\\nok 3 # skip no reason\\n");
	return 0;
}
"""


def test_tap(folder: Path) -> None:
    result = judged(folder, TAP % 3)
    assert [(part.name, part.outcome) for part in result.parts] == [
        ("first", "passed"), ("second", "failed"), ("test 3", "skipped")
    ]  # fmt: skip
    assert [failure.text for failure in result.failures] == ["because"]
    assert any(failure.check == "tap" for failure in judged(folder, TAP % 4).failures)
    bailed = judged(folder, (TAP % 3).replace("return 0", 'printk("Bail out! no memory\\n"); return 0'))
    assert any("bailed out: no memory" in failure.text for failure in bailed.failures)


MODULE = """#include <linux/module.h>
#include <linux/slab.h>
static void *p;
static int __init begin(void) { p = kmalloc(100, GFP_KERNEL); return %s; }
static void __exit end(void) { %s; }
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"""


def test_modules(folder: Path) -> None:
    assert judged(folder, MODULE % ("0", "kfree(p)")).outcome == "passed"
    assert checks(judged(folder, MODULE % ("0", "p = NULL"))) == ["leaks"]
    assert "status" in checks(judged(folder, MODULE % ("-5", "kfree(p)")))


# where options stand


def test_options_of_a_head_comment(folder: Path) -> None:
    options = "--ram 48M --cpus 2 --slab-debug FZ --no-check leaks --timeout 5 --args 'x \"y z\"'"
    write(folder, a_c=f"/*\n * highmem: {options}\n */\n" + GOOD)
    assert setup_for(Path("a.c"), None, []) == Setup(
        BootOptions(ram=48 << 20, cpus=2, slab_debug="FZ"), frozenset({"leaks"}), 5.0, ("x", "y z")
    )  # fmt: skip
    write(folder, b_c="// highmem: --ram 20M\n// highmem: --pae\n" + GOOD)
    assert in_source(Path("b.c")) == ["--ram", "20M", "--pae"]
    assert setup_for(Path("b.c"), None, ["--ram=24M"]).boot.ram == 24 << 20
    assert in_source(Path("b.o")) == []


@pytest.mark.parametrize(("options", "words"), [
    ("--ram five", "--ram"), ("--no-check tea", "no check is called 'tea'"), ("--frobnicate", "--frobnicate"),
    ("--cpus 2 '", "No closing quotation"), ("--timeout never", "not a number of seconds"), ("--fail-nth 0", "from 1"),
])  # fmt: skip
def test_bad_options_of_a_comment(folder: Path, options: str, words: str) -> None:
    write(folder, a_c=f"/* highmem: {options} */\n" + GOOD)
    with pytest.raises(SettingsError) as error:
        setup_for(Path("a.c"), None, [])
    assert "a.c" in str(error.value) and words in str(error.value)


def test_options_of_a_note(folder: Path) -> None:
    note = '.asciz \\"highmem: --ram 20M --no-check status\\"'
    write(folder, a_c=f'__asm__(".pushsection .note.highmem, \\"\\", @note\\n{note}\\n.popsection");\n' + BAD)
    path = cc.build([Path("a.c")], BootOptions().layout)
    for name in ("note.o", "note.ko"):
        Path(name).write_bytes(path.read_bytes())
        program, setup = load(Path(name), [])
        assert setup.boot.ram == 20 << 20 and setup.off == {"status"}
        assert run_case(program, setup).outcome == "passed"


def test_options_of_pyproject(folder: Path) -> None:
    write(folder, pyproject_toml='[tool.highmem.test]\npaths = ["t"]\noptions = "--ram 40M --no-check fsck"\n')
    (folder / "t").mkdir()
    (folder / "t" / "a.c").write_text("/* highmem: --no-check leaks */\n" + GOOD)
    (folder / "b.c").write_text(GOOD)
    setup = setup_for(Path("t/a.c"), None, [])
    assert setup.boot.ram == 40 << 20 and setup.off == {"fsck", "leaks"}
    assert is_test(Path("t/a.c"), False) and not is_test(Path("b.c"), False) and is_test(Path("b.c"), True)
    for wrong in ("options = 3", "options = '--ram x'"):
        write(folder, pyproject_toml=f"[tool.highmem.test]\n{wrong}\n")
        with pytest.raises(SettingsError, match="pyproject.toml"):
            setup_for(Path("t/a.c"), None, [])


def test_which_files_are_tests(folder: Path) -> None:
    write(folder, a_c=GOOD, b_c="/* highmem: */\n" + GOOD, c_o="no ELF", d_txt="highmem:", e_py="# highmem: x\n")
    assert [is_test(Path(name), False) for name in ("a.c", "b.c", "c.o", "d.txt", "e.py")] == [
        False, True, False, False, False
    ]  # fmt: skip
    assert list(find(["a.c", "b.c"])) == [Path("a.c"), Path("b.c")]
    for name in ("c.o", "none.c"):
        with pytest.raises(HighmemError, match=name):
            list(find([name]))


MODULES = {
    "suite.c": KUNIT, "old.c": "#include <linux/module.h>\nint init_module(void) { return 0; }\n",
    "late.c": "#include <linux/init.h>\nstatic int __init f(void) { return 0; }\nlate_initcall (f);\n",
    "util.c": "/* for module_init(it) */ int two(void) { return 2; } // int main(void)\n",
    "whole.c": '#include "sub/part.c"\n' + GOOD, "sub/part.c": GOOD, "host.c": "#include <stdio.h>\n" + GOOD,
    "strange.o": "no ELF", ".hidden.c": GOOD, "sub/marked.c": "/* highmem: --ram 32M */ int none;\n", "notes.txt": "",
}  # fmt: skip


def test_the_programs_of_a_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / ".git").mkdir()
    (folder / ".git" / "main.c").write_text(GOOD)
    for name, text in MODULES.items():
        (folder / name).write_text(text)
    for name in ("rel.o", "suite.o", "ready.ko", "ready.o"):
        (folder / name).write_bytes(cc.build([folder / "old.c"], BootOptions().layout).read_bytes())
    (folder / "half.o").write_bytes(_object_without_main(folder))
    found = [str(path) for path in find(["."])]
    assert found == ["late.c", "old.c", "ready.ko", "rel.o", "suite.c", "whole.c", "sub/marked.c"]
    why = {str(file.path): file.why_not for file in left_out([Path(".")])}
    assert why == {
        "half.o": "it has no init_module() and no main()",
        "host.c": "it is a program for a C library: it includes <stdio.h>",
        "ready.o": "it is another form of a test beside it", "strange.o": "it is no ELF file for i386",
        "sub/part.c": "it is a part of whole.c", "suite.o": "it is another form of a test beside it",
        "util.c": "it has no KUnit suite, no module_init() and no main()",
    }  # fmt: skip


def _object_without_main(folder: Path) -> bytes:
    compiler = cc.find_compiler()
    (folder / "half.c").write_text("int half(void) { return 1; }\n")
    subprocess.run([*compiler.command, "-m32", "-c", "half.c", "-o", "half.o"], cwd=folder, check=True)
    (folder / "half.c").unlink()
    return (folder / "half.o").read_bytes()


@pytest.mark.slow
def test_a_folder_by_the_word(folder: Path) -> None:
    (folder / "t").mkdir()
    write(folder / "t", a_c=GOOD, b_c="int x;\n")
    (folder / "t" / "test_python.py").write_text("def test_own():\n    assert False\n")
    done = word("t")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed"), done.stdout + done.stderr
    assert "left out" not in done.stdout + done.stderr
    assert "t/b.c: left out: it has no KUnit suite, no module_init() and no main()\n" in word("t", "-v").stderr
    assert word("t", "-n", "2").stdout.splitlines()[-1] == "1 passed, 0 failed"
    (folder / "link").symlink_to("t")
    for path in ("link", "link/a.c", "."):
        assert word(path).stdout.splitlines()[-1] == "1 passed, 0 failed", path
    done = word("t", "--fail-all", "-v")
    assert "t/b.c: left out" in done.stderr and "t/a.c: 0 allocations, 0 runs, 0 with a mistake" in done.stdout
    (folder / "t" / "a.c").unlink()
    done = word("t")
    assert done.returncode == 5 and "highmem: 1 file was left out; -v says why" in done.stderr
    plain = word("-q", "-p", "tools.testing.plugin", "-p", "no:cacheprovider", "t", module="pytest")
    assert "1 failed" in plain.stdout and "a.c" not in plain.stdout


def test_objects_and_linked_programs(folder: Path) -> None:
    write(folder, a_c=MAIN + '{ char *p = kstrdup("x", GFP_KERNEL); kfree(p); return 0; }\n')
    for output, name in (("rel", "a.o"), ("exec", "a.elf")):
        Path(name).write_bytes(cc.build([Path("a.c")], BootOptions().layout, output).read_bytes())
        program, setup = load(Path(name), [])
        assert run_case(program, setup).outcome == "passed"


# the word


@pytest.mark.slow
def test_the_word(folder: Path) -> None:
    write(folder, a_c=GOOD, b_c=BAD, k_c=KUNIT)
    done = word("a.c", "b.c", "k.c", "--junit", "out.xml")
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1]) == (1, "2 passed, 2 failed, 1 skipped"), done.stdout + done.stderr
    assert ">   \tKUNIT_EXPECT_EQ(test, sum, 3);" in lines and "E   Expected sum == 3, but" in lines
    assert "k.c:11: assert" in lines and "    \tint sum = 1 + 1;" in lines
    assert "E   status: it ended with status 3" in lines
    suite = ElementTree.parse("out.xml").getroot()[0]
    assert suite.attrib["tests"] == "5" and suite.attrib["failures"] == "2" and suite.attrib["skipped"] == "1"
    assert {case.attrib["name"] for case in suite} == {"a", "b", "sums.right", "sums.wrong", "sums.skipped"}


@pytest.mark.slow
def test_choosing(folder: Path) -> None:
    write(folder, a_c=GOOD, b_c=BAD, k_c=KUNIT)
    assert word("a.c", "b.c", "-k", "a").stdout.splitlines()[-1] == "1 passed, 0 failed"
    assert word("k.c::sums.right").stdout.splitlines()[-1] == "1 passed, 0 failed"
    assert word("b.c", "k.c", "-x").stdout.splitlines()[-1] == "0 passed, 1 failed"
    assert word("a.c", "-k", "nothing").returncode == 5
    verbose = word("k.c", "-v", "-k", "right")
    assert "k.c::sums.right PASSED" in verbose.stdout and verbose.returncode == 0


@pytest.mark.slow
def test_several_at_a_time(folder: Path) -> None:
    write(folder, a_c=GOOD, b_c=BAD, k_c=KUNIT)
    done = word("a.c", "b.c", "k.c", "-n", "2")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "2 passed, 2 failed, 1 skipped"), done.stdout


@pytest.mark.slow
def test_an_oops_is_shown_at_its_line(folder: Path) -> None:
    write(folder, o_c=MAIN + "{\n\tint *p = (int *)(argc - 1);\n\n\t*p = 1;\n\treturn 0;\n}\n")
    done = word("o.c")
    assert done.returncode == 1 and ">   \t*p = 1;" in done.stdout and "\no.c:8: log\n" in done.stdout
    assert "NULL pointer dereference at virtual address 00000000" in done.stdout


@pytest.mark.slow
def test_what_does_not_compile(folder: Path) -> None:
    write(folder, a_c=GOOD, z_c="int main(void) { return frobnicate; }\n")
    done = word("z.c", "a.c")
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed" and "z.c:1:" in done.stdout
    assert done.returncode == 1


@pytest.mark.slow
def test_options_of_the_command_line(folder: Path) -> None:
    write(folder, b_c=BAD, a_c=MAIN + "{ return argc != 2 || num_physpages > (32 << 8); }\n")
    assert word("b.c", "--no-check", "status").returncode == 0
    assert word("a.c", "--ram", "32M", "--args", "'a b'").returncode == 0
    assert word("a.c", "--args", "'a b'").returncode == 1


@pytest.mark.parametrize(("arguments", "words", "status"), [
    (["none.c"], "none.c: no such file or folder", 125), (["a.c", "--no-check", "tea"], "'tea'", 125),
    (["a.c", "--ram", "three"], "--ram", 2), (["a.c", "--frobnicate"], "--frobnicate", 2),
    (["a.c", "-n", "x"], "'x'", 2), ([], "no test was named", 125), (["a.c", "--fail-nth", "0"], "from 1 on", 2),
    (["--fail-all", "none.c"], "none.c", 125),
])  # fmt: skip
def test_wrong_command_lines(folder: Path, arguments: list[str], words: str, status: int) -> None:
    write(folder, a_c=GOOD)
    done = word(*arguments)
    assert done.returncode == status and words in done.stderr and "Traceback" not in done.stderr, done.stderr


FAIL_ALL = MAIN + """{
	void *p = kmalloc(100, GFP_KERNEL), *q;
	if (!p)
		return 1;
	q = kmalloc(100, GFP_KERNEL);
	if (!q)
		return 1;
	kfree(p);
	kfree(q);
	return 0;
}
"""


@pytest.mark.slow
def test_fail_all(folder: Path) -> None:
    write(folder, f_c=FAIL_ALL, b_c=BAD)
    done = word("--fail-all", "f.c", "--resume", "state")
    lines = done.stdout.splitlines()
    assert lines[0] == "f.c: 2 allocations, 2 runs, 1 with a mistake" and done.returncode == 1
    assert lines[1].startswith("  allocation 2 (kmalloc of 100 bytes by main+0x") and "(f.c:9)) failed:" in lines[1]
    assert lines[2].startswith("    f.c:6: leaks: 128 bytes of size-128") and lines[-1] == "0 passed, 1 failed"
    state = Path("state").read_text()
    assert len(state.splitlines()) == 2 and all(json.loads(line)["key"] for line in state.splitlines())
    again = word("--fail-all", "f.c", "--resume", "state")
    assert again.stdout == done.stdout and Path("state").read_text() == state
    as_json = word("--fail-all", "f.c", "--json")
    assert [run["number"] for run in json.loads(as_json.stdout)["runs"]] == [1, 2]
    assert "b.c: it fails with no allocation failing:" in word("--fail-all", "b.c").stdout
    Path("state").write_text("nonsense\n")
    wrong = word("--fail-all", "f.c", "--resume", "state")
    assert wrong.returncode == 125 and "state:1: no line that --resume wrote" in wrong.stderr


# the plugin in a project of somebody else


@pytest.mark.slow
def test_a_project_of_somebody_else(folder: Path) -> None:
    write(folder, a_c="/* highmem: --ram 32M */\n" + GOOD, k_c="// highmem:\n" + KUNIT, other_c="no test at all\n")
    (folder / "test_own.py").write_text("def test_own():\n    assert True\n")
    done = word("-q", "-rA", "-p", "tools.testing.plugin", "-p", "no:cacheprovider", module="pytest")
    assert "1 failed, 3 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "other.c" not in done.stdout
    done = word("-q", "-p", "tools.testing.plugin", "--highmem=--no-check status", "a.c", module="pytest")
    assert "1 passed" in done.stdout
    done = word("-q", "-p", "tools.testing.plugin", "--highmem=--ram", "a.c", module="pytest")
    assert done.returncode not in (0, 1) or "--ram" in done.stdout


@pytest.mark.slow
def test_tap_items(folder: Path) -> None:
    write(folder, t_c=TAP % 3)
    done = word("t.c", "-v")
    assert done.stdout.splitlines()[-1] == "2 passed, 1 failed, 1 skipped", done.stdout
    assert "t.c::second FAILED" in done.stdout and "t.c::(the rest) PASSED" in done.stdout


@pytest.mark.slow
def test_an_item_tells_its_virtual_time(folder: Path) -> None:
    write(folder, a_c="#include <linux/delay.h>\nint main(void) { msleep(50); return 0; }\n")
    word("a.c", "--junit", "out.xml")
    properties = {node.attrib["name"]: node.attrib["value"] for node in ElementTree.parse("out.xml").iter("property")}
    assert int(properties["virtual_ns"]) >= 50_000_000


def test_how_much_a_schedule_decides(folder: Path) -> None:
    """Threads and timers leave it a choice on one CPU, too; for a program without there is one order only."""
    plain = judged(folder, GOOD, Setup(replace(SMALL, schedule=1)))
    threads = MAIN.replace("#include", "#include <linux/delay.h>\n#include <linux/kthread.h>\n#include", 1)
    both = judged(folder, threads + '''{
	kthread_run((int (*)(void *))cond_resched, NULL, "a");
	kthread_run((int (*)(void *))cond_resched, NULL, "b");
	msleep(10);
	return 0;
}
''', Setup(replace(SMALL, schedule=1)))  # fmt: skip
    assert (plain.choices, both.choices > 0) == (0, True)
