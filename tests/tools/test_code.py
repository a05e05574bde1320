"""sym, dis and bt: against the symbol table, objdump, gdb, and call chains that are known."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guest import cc
from guest.elf import read
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

OOPS = """
#include <linux/kernel.h>
#include <linux/slab.h>
static noinline int innermost(int *p, int depth)
{
	if (depth)
		return innermost(p, depth - 1) + 1;
	*p = 1;		/* the fault */
	return 0;
}
noinline int middle(void) { return innermost((int *)8, 3) + 1; }
static noinline int outermost(int n) { return middle() + n; }
int main(void)
{
	return outermost(2);
}
"""
THREADS = """
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
static noinline int deep(int n)
{
	if (n)
		return deep(n - 1) + 1;
	set_current_state(TASK_INTERRUPTIBLE);
	schedule_timeout(10000);
	return 0;
}
static int worker(void *data) { return deep((int)data); }
int main(void)
{
	struct task_struct *task = kthread_run(worker, (void *)4, "sleeper");
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_timeout(5);
	*(volatile int *)0 = task != 0;
	return 0;
}
"""
NESTED = """
#include <linux/kernel.h>
#include <linux/slab.h>
static noinline void fill(void *p) { void *inner = kmalloc(77, GFP_ATOMIC); *(void **)p = 0; kfree(inner); }
static void ctor(void *p, struct kmem_cache *cache, unsigned long flags) { fill(p); }
int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("nested", 64, 0, 0, ctor, NULL);
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, p);
	kmem_cache_destroy(cache);
	return 0;
}
"""

Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def make(text: str, options: BootOptions, output: cc.Output = "rel") -> Path:
        source = tmp_path / "program.c"
        source.write_text(text)
        return cc.build([source], options.layout, output)

    return make


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Monitor, Path]]:
    """A machine whose program died in a fault, and the program's file."""
    options = BootOptions(ram=64 << 20)
    source = tmp_path_factory.mktemp("oops") / "program.c"
    source.write_text(OOPS)
    path = cc.build([source], options.layout, "exec")
    with Kernel.boot(options) as kernel:
        assert kernel.run(read(path), ["program"]) == 137
        yield Monitor(kernel), path


def names(chain: Any) -> list[str | None]:
    return [call.place.name for call in chain.calls]


# bt

KNOWN = ["innermost"] * 4 + ["middle", "outermost", "main", "ret_from_call"]


def test_the_chain_of_a_fault(dead: tuple[Monitor, Path]) -> None:
    monitor, _ = dead
    (chain,) = monitor.execute("bt").result
    assert names(chain) == KNOWN and chain.state == "DE" and all(call.certain for call in chain.calls)
    lines = OOPS.splitlines()
    wanted = ["*p = 1", "innermost(p", "innermost(p", "innermost(p", "middle(void)", "outermost(int", "outermost(2)"]
    for call, words in zip(chain.calls, wanted):
        assert words in lines[call.place.line - 1] and call.place.file.endswith("program.c")
    text = monitor.execute("bt").text.splitlines()
    assert re.fullmatch(r'PID: 2 +TASK: [0-9a-f]{8}  CPU: 0   COMMAND: "program.*"  DE', text[0])
    assert re.fullmatch(r" #0 \[[0-9a-f]{8}\] innermost\+0x\w+ at f90\w+ \[program.*\]  .*program.c:8", text[1])
    assert monitor.execute(f"bt {chain.pid}").result == [chain] == monitor.execute("bt -a").result


def test_gdb_sees_the_same_chain(dead: tuple[Monitor, Path], tmp_path: Path) -> None:
    if not shutil.which("gdb"):
        pytest.skip("no gdb here")
    monitor, path = dead
    monitor.session.kernel.save(tmp_path / "image")
    command = ["gdb", "-q", "-batch", "-nx", str(path), "-ex", f"core-file {tmp_path / 'image'}", "-ex", "bt"]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    theirs = re.findall(r"^#(\d+) +0x(\w+) in (\w+) .*?(\d+)$", out, re.MULTILINE)
    seen = list({number: (name, int(at, 16), int(line)) for number, at, name, line in theirs}.values())
    (chain,) = monitor.execute("bt").result
    ours = [(call.place.name, call.place.address, call.place.line) for call in chain.calls if call.place.line]
    assert seen == ours


def test_frames_with_their_words(dead: tuple[Monitor, Path]) -> None:
    monitor, _ = dead
    kernel = monitor.session.kernel
    (chain,) = monitor.execute("bt -f").result
    for call, following in zip(chain.calls, chain.calls[1:]):
        assert len(call.words) == (following.sp - call.sp) // 4
        assert call.words == [kernel.vm.word(at) for at in range(call.sp, following.sp, 4)]
    assert all(kernel.vm.word(call.sp) == call.place.address for call in chain.calls[1:])
    (guesses,) = monitor.execute("bt -t").result
    assert {call.sp for call in chain.calls[1:-1]} <= {call.sp for call in guesses.calls}
    assert not any(call.certain for call in guesses.calls[1:]) and " #1? [" in monitor.execute("bt -t").text


@pytest.mark.parametrize("cpus", [1, 2])
def test_tasks_that_sleep(build: Build, cpus: int) -> None:
    options = BootOptions(ram=64 << 20, cpus=cpus)
    with Kernel.boot(options) as kernel:
        assert kernel.run(read(build(THREADS, options)), ["threads"]) == 137
        monitor = Monitor(kernel)
        chains = {chain.comm: chain for chain in monitor.execute("bt all").result}
        assert names(chains["sleeper"]) == ["schedule_timeout", *["deep"] * 5, "worker", "ret_from_call"]
        assert (chains["sleeper"].cpu, chains["sleeper"].state) in ((None, "IN"), (None, "RU"))
        assert names(chains["kswapd0"])[0] in ("kswapd_work", "kswapd")
        pid = chains["sleeper"].pid
        assert monitor.execute(f"bt {pid}").result == [chains["sleeper"]]
        assert len(monitor.execute("bt -a").result) == cpus
        with pytest.raises(CommandError, match="no task has pid 99"):
            monitor.execute("bt 99")


def test_in_the_middle_of_calls(build: Build) -> None:
    """From inside a hypercall: through the stub, and through the function that the kernel has called."""
    options = BootOptions(ram=64 << 20)
    seen: dict[str, list[str | None]] = {}
    with Kernel.boot(options) as kernel:
        monitor = Monitor(kernel)

        def on_kmalloc(event: str, fields: dict[str, Any]) -> None:
            if fields.get("bytes_req") == 77:
                (chain,) = monitor.execute("bt").result
                seen["kmalloc"] = names(chain)

        kernel.events.subscribe(["kmalloc"], on_kmalloc)
        assert kernel.run(read(build(NESTED, options)), ["nested"]) == 0
    assert seen["kmalloc"][:5] == ["kmalloc", "fill", "ctor", "ret_from_call", "main"]


def test_every_instruction_of_a_call(build: Build) -> None:
    """At each place of a stub, and at each of a function's prologue and end, the caller is found."""
    from guest.backtrace import Unwinder
    from guest.calls import SYMBOLS

    stub = SYMBOLS["kmalloc"]
    main = 0xF9000000
    stack = range(0xC1000000, 0xC1002000)
    top = 0xC1001000
    frame = {top + 0x40: top + 0x80, top + 0x44: main + 0x33, top + 0x80: 0, top + 0x84: 0}

    def function(va: int) -> tuple[str, int, int] | None:
        return ("f", va - main, 0x1000) if main <= va < main + 0x1000 else None

    for offset, pushed in {0: 0, 1: 1, 2: 2, 8: 2, 9: 1, 10: 0}.items():
        esp = top + 8 - 4 * pushed
        words = frame | {top + 8: main + 0x22, top + 4: top + 0x40, top: 0x202}
        found = Unwinder(words.get, function).frames(stub + offset, esp, top + 0x40, stack)
        assert [f.pc for f in found] == [stub + offset, main + 0x22, main + 0x33], offset
    code = {main + n: 0x90909090 for n in range(-4, 64)} | {main: 0x00E58955, main - 1 + 1: 0x00E58955, main + 9: 0xC3}
    for eip, esp, ebp in (
        (main, top + 8, top + 0x40), (main + 1, top + 4, top + 0x40), (main + 9, top + 8, top + 0x40),
        (main + 5, top - 64, top + 4),
    ):  # fmt: skip
        words = frame | code | {top + 8: main + 0x22, top + 4: top + 0x40}
        found = Unwinder(words.get, function).frames(eip, esp, ebp, stack)
        assert [f.pc for f in found] == [eip, main + 0x22, main + 0x33], hex(eip)
    # a call to nowhere
    found = Unwinder((frame | {top + 8: main + 0x22}).get, function).frames(0x1000, top + 8, top + 0x40, stack)
    assert [f.pc for f in found] == [0x1000, main + 0x22, main + 0x33]


# sym


def test_sym(dead: tuple[Monitor, Path]) -> None:
    monitor, _ = dead
    kernel = monitor.session.kernel
    for entry in kernel.symbols.each():
        if entry.size and kernel.symbol_at(entry.va) == (entry.name, 0, entry.size):
            (found,) = monitor.execute(f"sym {entry.va:x}").result
            assert (found.name, found.address, found.offset, found.kind) == (entry.name, entry.va, 0, entry.kind)
    assert monitor.execute("sym kmalloc").text == "c0101000 (T) kmalloc\n"
    assert monitor.execute("sym kmalloc+4").text == "c0101004 (T) kmalloc+0x4\n"
    assert monitor.execute("sym -n kmalloc").text == "c0101010 (T) kzalloc\n"
    assert monitor.execute("sym -p kzalloc").text == "c0101000 (T) kmalloc\n"
    (middle,) = monitor.execute("sym middle").result
    assert middle.file.endswith("program.c") and "int middle" in OOPS.splitlines()[middle.line - 1]
    assert {p.name for p in monitor.execute("sym -q ermost").result} == {"innermost", "outermost"}
    assert len(monitor.execute("sym -l").result) == len(list(kernel.symbols.each()))
    assert monitor.execute("sym -q nothing_of_that").text == "no symbol is called so\n"
    for line, words in (("sym", "is missing"), ("sym 1234", "lies in no symbol"), ("sym -n ffffffff", "no symbol")):
        with pytest.raises(CommandError, match=words):
            monitor.execute(line)


# dis


def test_dis_against_objdump(dead: tuple[Monitor, Path]) -> None:
    if not shutil.which("objdump"):
        pytest.skip("no objdump here")
    monitor, path = dead
    out = subprocess.run(["objdump", "-d", str(path)], capture_output=True, text=True, timeout=60).stdout
    rows = re.findall(r"^ *([0-9a-f]{8}):\t((?:[0-9a-f]{2} )+)", out, re.MULTILINE)
    theirs = {int(at, 16): code.split() for at, code in rows}
    for name in ("innermost", "middle", "outermost", "main"):
        listing = monitor.execute(f"dis {name}").result
        start = monitor.session.address(name)
        _, _, size = monitor.session.function(start) or ("", 0, 0)
        ours = {i.address: i.code.split() for i in listing.instructions}
        assert listing.stopped is None and sum(map(len, ours.values())) == size
        joined = [byte for at in sorted(theirs) if start <= at < start + size for byte in theirs[at]]
        assert [byte for at in sorted(ours) for byte in ours[at]] == joined
        # objdump breaks long instructions into two lines; where it begins one, so do we
        assert set(ours) <= set(theirs)


def test_dis(dead: tuple[Monitor, Path]) -> None:
    monitor, _ = dead
    whole = monitor.execute("dis middle").result.instructions
    assert whole[0].name == "middle" and any(i.target == "innermost" for i in whole)
    inside = whole[2].address
    assert monitor.execute(f"dis {inside:x} 2").result.instructions[0].address == inside
    back = monitor.execute(f"dis -r {inside:x}").result.instructions
    assert [i.address for i in back] == [i.address for i in whole[:3]] and back[-1].marked
    on = monitor.execute(f"dis -f {inside:x}").result.instructions
    assert [i.address for i in on] == [i.address for i in whole[2:]]
    text = monitor.execute("dis -s middle").text
    assert f"program.c:{whole[0].line}    noinline int middle(void)" in text and "<innermost>" in text
    at_fault = monitor.execute("dis").text
    assert "=> 0x" in at_fault and "<innermost+0x" in at_fault
    assert len(monitor.execute("dis mem_map 3").result.instructions) == 3
    for line, words in (
        ("dis 10000000", "Cannot access"), ("dis middle 0", "count must be"), ("dis -r middle 3", "exclude")
    ):  # fmt: skip
        with pytest.raises(CommandError, match=words):
            monitor.execute(line)


def test_json(dead: tuple[Monitor, Path]) -> None:
    monitor, _ = dead
    out, err = io.StringIO(), io.StringIO()
    assert monitor.answer_all(["bt", "sym main", "dis main 2"], out, err, as_json=True), err.getvalue()
    bt, sym, dis = (json.loads(line)["result"] for line in out.getvalue().splitlines())
    assert [call["place"]["name"] for call in bt[0]["calls"]] == KNOWN
    assert sym[0]["kind"] == "T" and len(dis["instructions"]) == 2
