"""Module parameters: set before init runs, refused in one line that leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.compilers import find_compiler
from guest.elf import LoadError
from guest.kernel import Kernel
from guest.params import unquoted
from mm.layout import Layout
from mm.setup import BootOptions

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "programs" / "params.c"
MB = 1 << 20

DEFAULTS = """small 1 little -2 medium 3 n -4 positive 5 wide -6 big 7 huge 1099511627776
name nobody old_flag 0 new_flag 0 inverted 1 outer 8 text default
numbers 1 2 3 4 count 0 words - - - flags 0 0 own 0 calls 0
as text:  N default
goodbye nobody
"""
ALL = (
    "small=255", "little=-0x10", "medium=65535", "n=0x7fffffff", "positive=4294967295", "wide=-7", "big=010",
    "huge=0x123456789", 'name="a b, c"', "old_flag", "new-flag=Y", "inverted=1", "outer=9", "text=1234567",
    "numbers=5,6,-7", "word=a,,b", "flags=n,y", "own=3",
)  # fmt: skip
SET = """small 255 little -16 medium 65535 n 2147483647 positive 4294967295 wide -7 big 8 huge 4886718345
name a b, c old_flag 1 new_flag 1 inverted 0 outer 9 text 1234567
numbers 5 6 -7 4 count 3 words a  b flags 0 1 own 3 calls 1
as text: 5,6,-7 Y 1234567
goodbye a b, c
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        yield kernel


def run(kernel: Kernel, path: Path, *arguments: str) -> tuple[int, str]:
    before = len(kernel.log.text())
    status = kernel.run(elf.read(path, PROGRAM.name), [PROGRAM.name, *arguments], timeout=20)
    return status, kernel.log.text()[before:].replace("<4>", "")


def held(kernel: Kernel) -> tuple[object, ...]:
    """What a program that was refused must not change."""
    active = {cache.name: cache.active_objs for cache in kernel.slabinfo()}
    return kernel.vmallocinfo(), active, kernel.tasks.of_programs(), kernel.oops.modules()


@pytest.mark.parametrize("output", ["rel", "exec", "object"])
def test_every_type(machine: Kernel, every_compiler: str, layout: Layout, output: cc.Output) -> None:
    said: list[str] = []
    if output == "object":  # what a compiler makes of it alone: the library comes later
        alone = cc._Builder(find_compiler(), layout, None, None).compile(PROGRAM)
        path = cc.build([alone], layout)
    else:
        path = cc.build([PROGRAM], layout, output, diagnostics=said.append)
    assert said == []
    assert run(machine, path) == (0, DEFAULTS)
    assert run(machine, path, *ALL) == (0, SET)
    assert run(machine, path) == (0, DEFAULTS)


@pytest.fixture(scope="module")
def params(cache: Path) -> Path:
    return cc.build([PROGRAM], Layout())


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("x=1", "Unknown parameter `x' (it has small, little, "),
        ("nn", "Unknown parameter `nn' (it has "),
        ("", "Unknown parameter `' (it has "),
        ("=5", "Unknown parameter `' (it has "),
        ("n", "parameter `n' needs a value (int): n=..."),
        ("name", "parameter `name' needs a value (charp): name=..."),
        ("text", "parameter `text' needs a value (string): text=..."),
        ("numbers", "parameter `numbers' needs a value (array of int): numbers=..."),
        ("n=", "`' invalid for parameter `n' (int)"),
        ("n=abc", "`abc' invalid for parameter `n' (int)"),
        ("positive=-1", "`-1' invalid for parameter `positive' (uint)"),
        ("small=256", "`256' invalid for parameter `small' (byte)"),
        ("little=40000", "`40000' invalid for parameter `little' (short)"),
        ("medium=65536", "`65536' invalid for parameter `medium' (ushort)"),
        ("old_flag=maybe", "`maybe' invalid for parameter `old_flag' (bool)"),
        ("new-flag=2", "`2' invalid for parameter `new-flag' (bool)"),
        ("text=12345678", "`12345678' too large for parameter `text' (string)"),
        ("name=" + "y" * 1025, f"`{'y' * 60}...' too large for parameter `name' (charp)"),
        ("numbers=1,x", "`1,x' invalid for parameter `numbers' (array of int)"),
        ("numbers=1,2,3,4,5", "`1,2,3,4,5' has too many values for parameter `numbers' (array of int)"),
        ("n=a\n\t", "`a\\n\\t' invalid for parameter `n' (int)"),
        ("own=z", "`z' invalid for parameter `own'"),
    ],
)
def test_refused(machine: Kernel, params: Path, argument: str, words: str) -> None:
    for _ in range(2):  # the first time, caches take pages that they keep
        with pytest.raises(LoadError):
            run(machine, params, "n=3", argument)
    before, said = held(machine), len(machine.log.text())
    with pytest.raises(LoadError) as error:
        run(machine, params, "n=3", argument)
    assert words in str(error.value) and str(error.value).startswith("params.c: ") and "\n" not in str(error.value)
    assert held(machine) == before and len(machine.log.text()) == said
    assert run(machine, params) == (0, DEFAULTS)


def test_module_without_parameters(machine: Kernel) -> None:
    path = cc.build([HERE / "programs" / "module_fail.c"], Layout())
    with pytest.raises(LoadError, match=r"Unknown parameter `n' \(it has none\)"):
        run(machine, path, "n=1")


def test_in_any_order_the_last_one_counts(machine: Kernel, params: Path) -> None:
    text = run(machine, params, "numbers=9,9,9,9", "n=1", "numbers=8", "n=2", "new_flag=0")[1]
    assert " n 2 " in text and "numbers 8 9 9 9 count 1" in text


def test_a_set_function_that_dies(params: Path) -> None:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        status, text = run(kernel, params, "own=!")
    assert status == 137 and "kernel BUG at " in text and "EIP is at set_own+" in text


def test_main_keeps_its_arguments(machine: Kernel, build: Callable[..., Path]) -> None:
    path = build(
        """
#include <linux/module.h>
static int n = 1;
module_param(n, int, 0);
int main(int argc, char **argv) { printk("%d %d %s\\n", argc, n, argv[1]); return 0; }
"""
    )
    assert run(machine, path, 'n="5"') == (0, '2 1 n="5"\n')


@pytest.mark.parametrize(
    "text",
    [
        "static int n; module_param(n, int, 01000);",
        "static int n; module_param(n, int, 0666);",
        "static int n; module_param(n, charp, 0);",
        "static long n; module_param(n, short, 0);",
        "static char n; module_param(n, bool, 0);",
        "static int *n; module_param_array(n, int, NULL, 0);",
    ],
)
def test_types_and_permissions_are_checked(tmp_path: Path, layout: Layout, text: str) -> None:
    source = tmp_path / "program.c"
    source.write_text(f"#include <linux/module.h>\n{text}\nint main(void) {{ return 0; }}\n")
    said: list[str] = []
    try:
        cc.build([source], layout, diagnostics=said.append)
    except cc.CompileError as error:
        said.append(str(error))
    assert said and "program.c:2:" in said[0]


def test_damaged_table(machine: Kernel, build: Callable[..., Path]) -> None:
    path = build(
        """
#include <linux/module.h>
static long junk[10] __attribute__((section("__param"), used)) = { 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
static int start(void) { return 0; }
module_init(start);
"""
    )
    before = held(machine)
    with pytest.raises(LoadError, match="a section __param that is no table of parameters"):
        run(machine, path, "n=1")
    assert held(machine) == before


def test_quotation_marks() -> None:
    assert [unquoted(text) for text in ('n="a b"', '"n=a b"', 'n="', "n", 'n=a"b"', "")] == [
        "n=a b", "n=a b", "n=", "n", 'n=a"b"', "",
    ]  # fmt: skip


def test_on_the_command_line(tmp_path: Path) -> None:
    def highmem(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tools", "run", "--ram", "64M", str(PROGRAM), *arguments]
        folder = HERE.parents[1]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    good = highmem("n=2", "name=foo")
    assert good.returncode == 0 and " n 2 " in good.stdout and good.stdout.endswith("goodbye foo\n")
    bad = highmem("n=many")
    assert (bad.returncode, bad.stdout) == (125, "") and bad.stderr.endswith("`many' invalid for parameter `n' (int)\n")
    assert bad.stderr.count("\n") == 1
