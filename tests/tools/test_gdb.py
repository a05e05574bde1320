"""A real gdb, started with the very words that --gdb prints, against programs that run."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.tools.gdb_runner import COMMAND, CTRL_C, ENVIRONMENT, SECONDS, debug, gdb, line

SHAPES = """\
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/highmem.h>

struct point { int x, y; };
struct shape {
	char name[8];
	struct point corner;
	struct shape *next;
};
static volatile int spin;
static int sums;

noinline int add(struct point p, int more)
{
	volatile int sum = p.x + p.y;

	sum += more; /* in add */
	sums++; /* behind */
	return sum;
}

static struct shape *make(const char *name, int x)
{
	struct shape *shape = kmalloc(sizeof *shape, GFP_KERNEL);
	int i;

	for (i = 0; i < 7 && name[i]; i++)
		shape->name[i] = name[i];
	shape->name[i] = 0;
	shape->corner.x = x;
	shape->corner.y = 2 * x;
	shape->next = 0;
	return shape;
}

static noinline void aliases(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	int *volatile one = kmap(page), *volatile two;

	one[3] = 5; /* first alias */
	two = kmap_atomic(page, KM_USER0);
	two[2] = 1;
	two[3] = 77; /* second alias */
	kunmap_atomic(two, KM_USER0);
	kunmap(page);
	__free_page(page);
}

int main(void)
{
	struct shape *shape = make("square", 20);
	int result;

	shape->next = make("disc", 1);
	result = add(shape->corner, shape->next->corner.x);
	aliases(); /* after add */
	while (spin) /* loop */
		;
	kfree(shape->next);
	kfree(shape);
	return result;
}
"""
OOPS = """\
#include <linux/kernel.h>

struct thing { int a; struct thing *next; };
static struct thing first = { 1, 0 };

static noinline int walk(struct thing *t)
{
	int sum = 0;

	while (t->a != 7) { /* dies */
		sum += t->a;
		t = t->next;
	}
	return sum;
}
int main(void)
{
	return walk(&first);
}
"""
BUG = """\
#include <linux/slab.h>

static int variable;
int main(void)
{
	kfree(kmalloc(100, GFP_KERNEL));
	kfree(&variable);
	return 0;
}
"""
TWO_CPUS = """\
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static volatile int counts[2], stop;

static noinline void work(int which)
{
	counts[which]++;
}

static int counter(void *data)
{
	while (!kthread_should_stop())
		work((int)data);
	return 0;
}

int main(void)
{
	struct task_struct *other = kthread_create(counter, (void *)1, "counter/1");

	kthread_bind(other, 1);
	wake_up_process(other);
	while (!stop)
		work(0);
	kthread_stop(other);
	return 7;
}
"""
def test_stops_backtraces_and_variables(tmp_path: Path) -> None:
    after = line(SHAPES, "after add")
    ran = debug(tmp_path, SHAPES, (
        "break add", f"break prog.c:{after}", "continue", "backtrace", f"break {line(SHAPES, 'in add')}", "continue",
        "print p.y", "print more", "next", "print sum", "finish", "continue", "print *shape", "print *shape->next",
        "print sums", "print mem_map[0]._count", "ptype struct point", "stepi", "step", "info source", "continue",
    ))  # fmt: skip
    text = ran.text
    assert re.search(r"Breakpoint 1, add \(.*\) at prog\.c:\d+\n", text)
    assert re.search(r"#0  add .*\n#1  0x\w+ in main \(\) at prog\.c:\d+\n", text)
    assert re.search(r"Breakpoint 3, add .*\n\d+\s+sum \+= more; /\* in add \*/\n", text)
    assert "$1 = 40\n$2 = 1\n" in text and "sums++; /* behind */\n$3 = 61\n" in text
    assert "Value returned is $4 = 61\n" in text
    assert re.search(rf"Breakpoint 2, main \(\) at prog\.c:{after}\n", text)
    assert '{name = "square\\000", corner = {x = 20, y = 40}, next = 0x' in text
    assert '{name = "disc\\000\\000\\000", corner = {x = 1, y = 2}, next = 0x0}' in text
    assert "$7 = 1\n$8 = {counter = 1}\n" in text and "    int y;\n" in text
    assert re.search(r"aliases \(\) at prog\.c:\d+\n", text) and f"Located in {tmp_path}/prog.c\n" in text
    assert "exited with code 075]" in text and ran.status == 61


def test_a_watchpoint_sees_every_alias(tmp_path: Path) -> None:
    ran = debug(tmp_path, SHAPES, (
        f"break {line(SHAPES, 'first alias')}", "continue", "next", "watch -l one[3]", "rwatch -l one[2]", "continue",
        "print two == one", "print one[3] - two[3]", "print one[2]", "monitor explain $eip", "continue",
    ))  # fmt: skip
    assert "\nHardware watchpoint 2: -location one[3]\n\nOld value = 5\nNew value = 77\n" in ran.text
    assert re.search(rf"aliases \(\) at prog\.c:{line(SHAPES, 'second alias')}\n|aliases .*:"
                     rf"{line(SHAPES, 'second alias') + 1}\n", ran.text)
    assert "$1 = 0\n$2 = 0\n" in ran.text and ran.text.count("Old value") == 1 and ran.status == 61


def test_control_registers_commands_and_physical_memory(tmp_path: Path) -> None:
    ran = debug(tmp_path, SHAPES, (
        "break add", "continue", "print $cr0", "info registers cr3", "print/x $cr3", "print $efer", "print $eflags",
        "print/x $cs", "print $xmm0.v4_int32[0]", "monitor info registers", "monitor nonsense", "monitor vtop $eip",
        "monitor help gva2gpa", "print/x *(int *)kmalloc", "x/wx 4", "print &swapper_pg_dir",
        "maintenance packet Qqemu.PhyMemMode:1", "maintenance packet qqemu.PhyMemMode",
        "print/x *(int *)((unsigned)kmalloc - 0xc0000000)", "maintenance packet Qqemu.PhyMemMode:0",
        "print/x *(int *)kmalloc", "set var sums = 1000", "print sums", "set $eax = 0x1234", "print/x $eax",
        "set var *(char *)main = 0x90", "kill",
    ))  # fmt: skip
    text = ran.text
    assert "$1 = [ PE MP TS ET NE WP AM PG ]" in text and re.search(r"cr3 +0x\w+000 +\[ PDBR=\d+ \]", text)
    cr3 = re.search(r"\$2 = 0x(\w+)", text)
    assert cr3 and f"CR3={int(cr3[1], 16):08x}" in text  # in QEMU's words, by the monitor
    assert "error: 'nonsense' is no command; 'help' lists them\n" in text
    assert "PAGE DIRECTORY" in text and "Example:\n  gva2gpa " in text
    values = re.findall(r"^\$\d+ = (0x25899c55|0x\w+89\w+55)$", text, re.MULTILINE)
    assert len(values) == 3 and len(set(values)) == 1
    assert "Cannot access memory at address 0x4" in text
    assert re.findall(r'received: "(\w+)"', text) == ["OK", "1", "OK"]
    assert "= 1000\n" in text and "= 0x1234\n" in text
    assert ran.status == 137 and "Oops" not in ran.out


def test_calling_a_function_and_jumping(tmp_path: Path) -> None:
    ran = debug(tmp_path, SHAPES, (
        f"break {line(SHAPES, 'after add')}", "continue", "print add(shape->corner, 5)", "print sums",
        "return", "detach",
    ))  # fmt: skip
    assert "$1 = 65\n$2 = 2\n" in ran.text and ran.status != 124


@pytest.mark.slow
def test_ctrl_c_in_an_endless_loop(tmp_path: Path) -> None:
    path = str(tmp_path / "gdb.sock")
    ran = debug(tmp_path, SHAPES, (
        "break add", "continue", "set var spin = 1", CTRL_C, "continue", "backtrace", "info breakpoints",
        "set var spin = 0", "continue",
    ), where=f"--gdb={path}")  # fmt: skip
    assert "Program received signal SIGINT, Interrupt.\n" in ran.text
    assert f"main () at prog.c:{line(SHAPES, 'loop')}\n" in ran.text.partition("SIGINT")[2]
    assert "exited with code 075]" in ran.text and ran.status == 61 and not os.path.exists(path)


def test_the_program_goes_on_after_detach(tmp_path: Path) -> None:
    ran = debug(tmp_path, SHAPES, ("break add", "continue", "detach"))
    assert "detached]" in ran.text and (ran.status, ran.out) == (61, "")


def test_an_oops_stops_first(tmp_path: Path) -> None:
    ran = debug(tmp_path, OOPS, (
        "continue", "backtrace", "print t", "print sum", "info registers cr2", "print t->a", "monitor why $cr2",
        "continue",
    ))  # fmt: skip
    assert "received signal SIGSEGV" in ran.text and f"prog.c:{line(OOPS, 'dies')}" in ran.text
    assert re.search(r"#0  .*walk \(t=0x0\).*\n#1 .* main \(\)", ran.text) and "Cannot access memory at" in ran.text
    assert re.search(r"\n +0: v=0e e=0000 .* CR2=00000000\b(?:.*\n)+\nProgram received signal SIGSEGV", ran.text)
    assert "terminated with signal SIGKILL" in ran.text and ran.status == 137
    assert "NULL pointer dereference" in ran.out


def test_tracepoints_and_bugs_stop_with_words(tmp_path: Path) -> None:
    ran = debug(tmp_path, BUG, (
        "monitor break event kmalloc if bytes_req == 100", "monitor info break", "monitor continue", "continue",
        "backtrace", "monitor context", "monitor delete", "monitor slabtop --watch", "continue", "backtrace",
        "continue",
    ))  # fmt: skip
    text = ran.text
    assert "error: gdb has the program go on" in text and "error: a program runs in this machine" in text
    assert re.search(r"Event, catchpoint \d+, .*\n  kmalloc: call_site=\w+ ptr=\w+ bytes_req=0x64 ", text)
    assert re.search(r"#0  0x\w+ in kmalloc \(\)\n#1  0x\w+ in main \(\) at prog\.c:6\n", text)
    assert "---- registers --" in text and "no break or watch points\n" in text
    assert re.search(r"\nkernel BUG at .*!\n\nProgram received signal SIGABRT", text)
    assert re.search(r"#0  0x\w+ in kfree \(\)\n#1  0x\w+ in main \(\) at prog\.c:[78]\n", text)
    assert "terminated with signal SIGKILL" in text and ran.status == 137 and "kernel BUG at" in ran.out


def test_cpus_are_threads(tmp_path: Path) -> None:
    ran = debug(tmp_path, TWO_CPUS, (
        "break work if which == 1", "continue", "print $_thread", "info threads",
        "thread apply all backtrace -frame-arguments none",
        "delete", "thread 1", "print $_thread", "print/x $pc", "stepi", "print $_thread", "thread 2", "stepi",
        "print $_thread", "set var stop = 1", "continue",
    ), "--cpus", "2", "--schedule", "2")  # fmt: skip
    text = ran.text
    assert "Thread 2 hit Breakpoint 1, work (which=1)" in text
    assert re.findall(r"^\$\d+ = ([12])$", text, re.MULTILINE) == ["2", "1", "1", "2"]
    assert re.search(r"  1 +Thread 1 \(CPU#0 \[\w+, pid \d+\]\)", text)
    assert re.search(r"\* 2 +Thread 2 \(CPU#1 \[counter/1, pid \d+\]\) +work", text)
    assert re.search(r"#1  0x\w+ in counter ", text) and re.search(r"#\d .*main ", text)
    assert "exited with code 07]" in text and ran.status == 7


def test_a_gdb_that_dies_and_one_that_comes_later(tmp_path: Path) -> None:
    later = gdb()
    (tmp_path / "prog.c").write_text(SHAPES.replace("static volatile int spin;", "static volatile int spin = 1;"))
    pipe = subprocess.PIPE
    command = [*COMMAND, "run", "prog.c", "--gdb=gdb.sock", "--ram", "64M"]
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stderr=pipe, text=True) as process:
        try:
            assert process.stderr is not None
            process.stderr.readline()
            with socket.socket(socket.AF_UNIX) as first:
                first.connect(str(tmp_path / "gdb.sock"))
                first.sendall(b"$?#3f")
                assert first.recv(1) == b"+"
            assert process.stderr.readline() == "highmem: gdb has gone, the program goes on\n"
            result = subprocess.run(
                [later, "-q", "-nx", "-batch", "-ex", f"target remote {tmp_path}/gdb.sock", "-ex", "set var spin = 0",
                 "-ex", "continue"], stdout=pipe, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
            process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert "exited with code 075" in result.stdout and process.returncode == 61


@pytest.mark.slow
def test_timeout_and_interrupt_end_it_while_gdb_thinks(tmp_path: Path) -> None:
    (tmp_path / "prog.c").write_text(SHAPES)
    command = [*COMMAND, "run", "prog.c", "--gdb=0", "--ram", "64M"]
    result = subprocess.run(
        [*command, "--timeout", "0.5"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 124
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            process.stderr.readline()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == 130, err


@pytest.mark.variants
@pytest.mark.parametrize(("where", "words"), [
    ("--gdb=192.168.0.1:1234", "loopback"), ("--gdb=99999", "no port"), ("--gdb=/nowhere/at/all", "cannot listen"),
])  # fmt: skip
def test_addresses_that_cannot_be(tmp_path: Path, where: str, words: str) -> None:
    (tmp_path / "prog.c").write_text("int main(void) { return 0; }\n")
    result = subprocess.run(
        [*COMMAND, "run", "prog.c", where, "--ram", "16M"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 125 and words in result.stderr and "Traceback" not in result.stderr
