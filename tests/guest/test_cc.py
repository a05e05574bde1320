"""Finding a compiler, building, the cache, and the errors of all three."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guest import cc, compilers, elf
from guest.cachedir import CacheError
from guest.calls import SYMBOLS
from guest.cc import CompileError
from mm.layout import Layout

MAIN = "int main(int argc, char **argv) { return 0; }\n"
ROOT = Path(__file__).resolve().parents[2]


def no_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str]) -> Any:
        raise AssertionError(f"a compiler was run: {command}")

    monkeypatch.setattr(cc, "run", run)
    monkeypatch.setattr(compilers, "run", run)


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def no_compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it, no ziglang, and a fresh cache."""
    monkeypatch.setenv("HIGHMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HIGHMEM_CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    return tmp_path / "bin"


# the compiler


def test_what_every_compiler_makes(every_compiler: str, build: Callable[..., Path]) -> None:
    text = """
        unsigned long long divide(unsigned long long a, unsigned long long b) { return a / b; }
        long long modulo(long long a, long long b) { return a % b; }
        double twice(double x);
        int main(int argc, char **argv) { return divide(argc, 3) + modulo(argc, 5); }
    """
    image = elf.read(build(text)).link(0xF8810000, SYMBOLS.get)
    assert {"__udivdi3", "__moddi3"} <= {symbol.name for symbol in image.symbols}
    capstone = pytest.importorskip("capstone")
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    seen = {i.mnemonic for i in engine.disasm(image.data[: image.text_size], image.base)}
    assert not {name for name in seen if name.startswith(("cmov", "mov[au]p", "f", "endbr"))}
    assert "xmm" not in " ".join(i.op_str for i in engine.disasm(image.data[: image.text_size], image.base))


def test_verdict_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    first = compilers.find_compiler()
    no_runs(monkeypatch)
    assert compilers.find_compiler() == first


def test_nothing_works(no_compilers: Path) -> None:
    script(
        no_compilers,
        "gcc",
        'test "$1" = --version && { echo gcc 1.0; exit; }; echo "error: no -m32" >&2; exit 1',
    )
    with pytest.raises(CompileError) as caught:
        compilers.find_compiler()
    text = str(caught.value)
    assert "$HIGHMEM_CC: not set" in text
    assert "gcc -m32: does not compile: error: no -m32" in text
    assert "clang --target=i386: not found on the PATH" in text
    assert "ziglang: not installed in this Python's environment" in text
    assert "pip install ziglang" in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("exit 3", "`--version` fails: exit status 3"),
        ("echo clang version 99", "no linker"),
        ("exit 0", "does not link|cannot be read|cannot be loaded"),
    ],
)
def test_compilers_that_only_pretend(no_compilers: Path, body: str, words: str) -> None:
    script(no_compilers, "gcc", body)
    with pytest.raises(CompileError, match=words):
        compilers.find_compiler()


def test_a_chosen_compiler_that_fails_is_said_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGHMEM_CACHE", str(tmp_path))
    monkeypatch.setenv("HIGHMEM_CC", "/nowhere/cc -x")
    for _ in range(2):
        said: list[str] = []
        compilers.find_compiler(said.append)
        assert any("$HIGHMEM_CC (/nowhere/cc -x): not found" in line for line in said)
    monkeypatch.setenv("HIGHMEM_CC", "unbalanced 'quote")
    assert compilers.find_compiler().name


# building


def test_diagnostics_go_through(build: Callable[..., Path], every_compiler: str) -> None:
    with pytest.raises(CompileError) as caught:
        build("int main(int argc, char **argv)\n{\n\treturn nothing_known;\n}\n", name="broken.c")
    text = str(caught.value)
    assert "broken.c:3:" in text and "error:" in text and "nothing_known" in text
    assert text.splitlines()[-1].endswith(")") and "broken.c: does not compile" in text.splitlines()[-1]
    with pytest.raises(CompileError, match="implicit|undeclared function"):
        build("int main(int argc, char **argv) { return undeclared(); }")


def test_warnings_are_handed_on(tmp_path: Path, layout: Layout) -> None:
    source = tmp_path / "warned.c"
    source.write_text(
        "#include <linux/kernel.h>\nint main(int argc, char **argv) { int x; return argc + x; }\n"
    )
    said: list[str] = []
    cc.build([source], layout, diagnostics=said.append)
    assert "warned.c:2" in "".join(said) and "uninitialized" in "".join(said)


def test_no_program(tmp_path: Path, layout: Layout) -> None:
    with pytest.raises(CompileError, match="no source file"):
        cc.build([], layout)
    with pytest.raises(CompileError, match="missing.c: no such file"):
        cc.build([tmp_path / "missing.c"], layout)
    with pytest.raises(CompileError, match="is no C source"):
        cc.build([tmp_path / "text.txt"], layout)
    (tmp_path / "folder.c").mkdir()
    with pytest.raises(CompileError, match="is no file"):
        cc.build([tmp_path / "folder.c"], layout)


def test_executable_names_what_is_missing(build: Callable[..., Path], every_compiler: str) -> None:
    with pytest.raises(CompileError, match="Unknown symbols one, two: neither"):
        build("int one(void), two(void); int main(int argc, char **argv) { return one() + two(); }", "exec")
    with pytest.raises(CompileError, match="has no `int main"):
        build("int other(void) { return 0; }", "exec")
    path = build(
        "#include <linux/slab.h>\nint main(int argc, char **argv) { return !kmalloc(1, GFP_KERNEL); }", "exec"
    )
    image = elf.read(path).link()
    call = image.data.index(b"\xe8")
    target = image.base + call + 5 + int.from_bytes(image.data[call + 1 : call + 5], "little", signed=True)
    assert target & 0xFFFFFFFF == SYMBOLS["kmalloc"]


def test_several_files_and_own_functions(tmp_path: Path, layout: Layout, every_compiler: str) -> None:
    (tmp_path / "one.h").write_text("int twice(int n);\n")
    (tmp_path / "one.c").write_text(
        '#include "one.h"\n#include <linux/string.h>\n'
        "size_t strlen(const char *s) { return 99; }\n"
        "int main(int argc, char **argv) { return twice(strlen(argv[0])); }\n"
    )
    (tmp_path / "two.c").write_text('#include "one.h"\nint twice(int n) { return 2 * n; }\n')
    image = elf.read(cc.build([tmp_path / "one.c", tmp_path / "two.c"], layout)).link(0xF8810000)
    assert [symbol.name for symbol in image.symbols if symbol.name in ("strlen", "twice")] == [
        "strlen",
        "twice",
    ]
    path = cc.build([tmp_path / "two.c"], layout)  # an object can be linked again
    again = cc.build([tmp_path / "one.c", path], layout)
    assert len(elf.read(again).vermagics) == 2


def test_assembler(tmp_path: Path, layout: Layout, every_compiler: str) -> None:
    source = tmp_path / "program.S"
    source.write_text("#include <generated/autoconf.h>\n.globl main\nmain:\tmovl $CONFIG_HZ, %eax\n\tret\n")
    assert elf.read(cc.build([source], layout)).link(0xF8810000).data[:2] == b"\xb8\xfa"


# the cache


def test_second_build_runs_no_compiler(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "program.c"
    source.write_text(MAIN)
    paths = {cc.build([source], layout), cc.build([source], layout, "exec")}
    no_runs(monkeypatch)
    assert {cc.build([source], layout), cc.build([source], layout, "exec")} == paths


@pytest.mark.slow
def test_every_input_counts(tmp_path: Path, layout: Layout) -> None:
    source, header = tmp_path / "program.c", tmp_path / "a header.h"
    header.write_text("#define RESULT 1\n")
    source.write_text('#include "a header.h"\nint main(int argc, char **argv) { return RESULT; }\n')
    seen = [cc.build([source], layout).read_bytes()]
    header.write_text("#define RESULT 77\n")
    seen.append(cc.build([source], layout).read_bytes())
    source.write_text(source.read_text() + "int more;\n")
    seen.append(cc.build([source], layout).read_bytes())
    for other in (Layout(4, True, 64), Layout(1, False, 64), Layout(1, True, 128)):
        seen.append(cc.build([source], other).read_bytes())
    assert len(set(seen)) == 6
    header.write_text("#define RESULT 1\n")
    source.write_text(source.read_text().replace("int more;\n", ""))
    assert cc.build([source], layout).read_bytes() == seen[0]


@pytest.mark.slow
def test_a_damaged_record_is_made_again(tmp_path: Path, layout: Layout, cache: Path) -> None:
    source = tmp_path / "program.c"
    source.write_text(MAIN)
    first = cc.build([source], layout)
    for record in (cache / "obj").glob("*.json"):
        record.write_text("{")
    next((cache / "compiler").iterdir()).write_bytes(b"\0\xff")
    assert cc.build([source], layout).read_bytes() == first.read_bytes()


@pytest.mark.slow
def test_two_at_once(tmp_path: Path) -> None:
    """Three processes, one empty cache, one program."""
    source = tmp_path / "program.c"
    source.write_text(MAIN)
    code = f"from guest import cc; from mm.layout import Layout; print(cc.build([{str(source)!r}], Layout(), 'exec'))"
    environment = os.environ | {"HIGHMEM_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}

    def start(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT
        )

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        results = list(pool.map(start, range(3)))
    assert [result.stderr for result in results] == [""] * 3
    assert len({result.stdout for result in results}) == 1
    assert elf.read(results[0].stdout.strip()).link().kind == "main"
    assert not list((tmp_path / "cache" / "tmp").iterdir())


def test_cache_that_cannot_be_made(tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "program.c").write_text(MAIN)
    monkeypatch.setenv("HIGHMEM_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(CacheError, match="cannot be made: .*; set HIGHMEM_CACHE"):
        cc.build([tmp_path / "program.c"], layout)


def test_users_search_paths_do_not_leak_in(
    build: Callable[..., Path], tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "evil" / "linux").mkdir(parents=True)
    (tmp_path / "evil" / "linux" / "nosuch.h").write_text("")
    monkeypatch.setenv("CPATH", str(tmp_path / "evil"))
    with pytest.raises(CompileError, match="nosuch.h"):
        build("#include <linux/nosuch.h>\n" + MAIN)
