"""More than one CPU: turns, locks, what belongs to each CPU, calls between them, and going on in another process."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import EXIT_KILLED, EXIT_TIMEOUT, Kernel
from hw.machine import Machine
from mm.fsck import fsck
from mm.setup import BootOptions

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
MB = 1 << 20


def boot(cpus: int, schedule: int | None = None, ram: int = 64 * MB) -> Kernel:
    return Kernel.boot(BootOptions(ram=ram, cpus=cpus, schedule=schedule))


def execute(kernel: Kernel, path: Path, *arguments: str, timeout: float = 60) -> tuple[int, str]:
    """Runs a program: its status, and what it printed. Nothing may be damaged."""
    before = len(kernel.log.text())
    program = elf.read(cc.build([path], kernel.layout), path.name)
    status = kernel.run(program, [path.name, *arguments], timeout)
    assert [str(damage) for damage in fsck(kernel.ram).damages] == []
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


def run(
    name: str, *arguments: str, cpus: int = 2, schedule: int | None = None, ram: int = 64 * MB, timeout: float = 60
) -> tuple[int, str]:
    with boot(cpus, schedule, ram) as kernel:
        return execute(kernel, PROGRAMS / f"smp_{name}.c", *arguments, timeout=timeout)


# turns


def test_two_cpus_interleave_inside_a_function() -> None:
    results = {seed: run("race", schedule=seed) for seed in range(1, 5)}
    orders = set()
    for status, text in results.values():
        assert status == 0
        plain, locked, changes, order = re.match(
            r"plain (\d+), locked (\d+), changes (\d+), order (\w+)$", text
        ).groups()  # type: ignore[union-attr]
        assert int(plain) < int(locked) == 600 and int(changes) > 10
        orders.add(order)
    assert len(orders) == 4  # each seed has its own order ...
    assert run("race", schedule=2) == results[2]  # ... and always the same


@pytest.mark.slow
def test_the_same_seed_gives_the_same_trace(tmp_path: Path) -> None:
    def trace(seed: int) -> bytes:
        file = tmp_path / "trace"
        command = ["run", "--cpus", "3", "--schedule", str(seed), "--ram", "64M", "--trace", str(file)]
        command += [str(PROGRAMS / "smp_workers.c"), "60"]
        subprocess.run([sys.executable, "-m", "tools", *command], cwd=ROOT, check=True, capture_output=True, timeout=60)
        return file.read_bytes()

    first = trace(5)
    assert trace(5) == first != trace(6)
    used = Counter(json.loads(line)["cpu"] for line in first.splitlines())
    assert set(used) == {0, 1, 2}


def run_on_one(seed: int | None) -> str:
    with boot(1, seed) as kernel:
        status, text = execute(kernel, PROGRAMS / "schedule_one.c")
        assert status == 0 and (kernel.runner.choices > 0) == (seed is not None)
        return text


def test_one_cpu_has_an_order_of_its_threads_and_a_place_for_a_timer() -> None:
    """Without a schedule threads begin in the order of their creation, and timers go off in calls."""
    assert run_on_one(None) == "order 0123, at step 0\n"
    said = [re.fullmatch(r"order (\d+), at step (\d+)\n", run_on_one(seed)) for seed in range(6)]
    orders, steps = ({match[n] for match in said if match} for n in (1, 2))
    assert all(sorted(order) == list("0123") for order in orders) and all(0 < int(step) < 3000 for step in steps)
    assert len(orders) > 2 and len(steps) > 2
    assert run_on_one(5) == said[5][0]  # type: ignore[index]


def test_del_timer_sync_waits_for_the_function() -> None:
    """Which gives way in the middle, so that another CPU asks while it is at work."""
    for seed in range(2, 6):
        status, text = run("del_timer_sync", schedule=seed)
        assert status == 0 and text == "stopped 0, done 1\n"


def test_a_spin_loop_without_a_call_needs_a_schedule() -> None:
    with boot(2) as kernel:
        status, _ = execute(kernel, PROGRAMS / "smp_race.c", timeout=0.5)
        assert status == EXIT_TIMEOUT and kernel.sched.at_work(0)


@pytest.mark.parametrize("cpus", [2, 4])
def test_locks_and_cpu_relax_give_way_without_a_schedule(cpus: int) -> None:
    status, text = run("workers", "100", cpus=cpus)
    assert status == 0 and "locked 300, rounds 300" in text
    ends = {int(cpu) for cpu in re.findall(r"ends on CPU (\d+)", text)}
    assert ends == ({1} if cpus == 2 else {1, 2, 3})  # main spins on CPU 0


@pytest.mark.variants
@pytest.mark.parametrize("wait", ["yield()", "cond_resched()", "kthread_should_stop()", "udelay(3)"])
def test_a_loop_of_calls_starves_nobody(wait: str, tmp_path: Path) -> None:
    source = tmp_path / "poll.c"
    source.write_text(f"""
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static volatile int flag;

static int other(void *unused)
{{
	msleep(30);
	flag = 5;
	return 0;
}}

int main(void)
{{
	kthread_run(other, NULL, "other");
	while (!flag)
		{wait};
	schedule_timeout_uninterruptible(1);
	return flag;
}}
""")
    with boot(2) as kernel:
        assert execute(kernel, source)[0] == 5


def test_timers_go_off_while_locks_are_held() -> None:
    for seed in (1, 2):
        status, text = run("workers", "1200", schedule=seed)
        assert status == 0 and "locked 3600, rounds 3600" in text and not text.endswith("ticks 0\n")


def test_raw_spinning_makes_time_pass(tmp_path: Path) -> None:
    source = tmp_path / "spin.c"
    source.write_text("""
#include <linux/jiffies.h>
int main(void)
{
	unsigned long start = jiffies;

	while (jiffies == start)
		;
	return 3;
}
""")
    with boot(2, schedule=1) as kernel:
        kernel.ram.words[(kernel.layout.va("tick_nsec") - 0xC0000000) >> 2] = 3_990_000
        assert execute(kernel, source, timeout=20)[0] == 3


def test_deadlock_of_all_cpus_is_told(tmp_path: Path) -> None:
    source = tmp_path / "deadlock.c"
    source.write_text("""
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>

static DEFINE_MUTEX(lock);

static int other(void *unused)
{
	mutex_lock(&lock);
	return 0;
}

int main(void)
{
	mutex_lock(&lock);
	kthread_run(other, NULL, "other");
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	return 0;
}
""")
    with boot(2) as kernel:
        status, text = execute(kernel, source)
        assert status == EXIT_KILLED
        assert "deadlock: every task sleeps, and no timer is set" in text and "other (pid 3) D in" in text


# what belongs to each CPU


@pytest.mark.parametrize("schedule", [None, 2])
def test_per_cpu_data_array_caches_page_lists_and_kmap_slots(schedule: int | None) -> None:
    assert run("share", schedule=schedule, ram=1024 * MB) == (0, """\
other runs on CPU 1 of 2
CPU 0: array +0, pages +0
CPU 1: array +1, pages +1
slots are -13 apart, with a and b
counter of CPU 0: 5, 0
counter of CPU 1: 15, 101
the other's page has b
main is on CPU 0
""")  # fmt: skip


@pytest.mark.slow
def test_an_initial_value_reaches_every_cpu_of_an_executable(tmp_path: Path) -> None:
    source = tmp_path / "initial.c"
    source.write_text("""
#include <linux/percpu.h>
struct pair { short a, b; };
static DEFINE_PER_CPU(struct pair, pair) = { 3, 4 };
DEFINE_PER_CPU(char *, text) = "x";
int main(void) { return per_cpu(pair, 2).a * 10 + per_cpu(pair, 0).b + *per_cpu(text, 1) - 'x'; }
""")
    for nr_cpus, output in ((3, "rel"), (3, "exec"), (1, "rel")):
        with Kernel.boot(BootOptions(ram=64 * MB, nr_cpus=nr_cpus)) as kernel:
            program = elf.read(cc.build([source], kernel.layout, output))  # type: ignore[arg-type]
            assert kernel.run(program, ["initial"]) == 34


def test_objects_are_in_the_array_of_every_cpu() -> None:
    with boot(2) as kernel:
        execute(kernel, PROGRAMS / "smp_workers.c", "50")
        cachep = kernel.slab.find("size-64")
        in_arrays = [kernel.vm.word(kernel.vm.word(cachep + 4 * cpu)) for cpu in range(2)]
        assert in_arrays[0] > 0 < in_arrays[1]


def test_bound_and_moved_threads(tmp_path: Path) -> None:
    source = tmp_path / "bound.c"
    source.write_text("""
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static int other(void *unused)
{
	int cpu;

	for (cpu = 2; cpu >= 0; cpu--) {
		int error = set_cpus_allowed(current, cpumask_of_cpu(cpu));

		printk("%d: on CPU %d\\n", error, smp_processor_id());
	}
	printk("%d\\n", set_cpus_allowed(current, CPU_MASK_NONE));
	return 7;
}

int main(void)
{
	struct task_struct *task = kthread_create(other, NULL, "other");

	kthread_bind(task, 1);
	wake_up_process(task);
	while (task->state != TASK_DEAD && task_cpu(task))
		cpu_relax();
	set_cpus_allowed(current, cpumask_of_cpu(1));
	printk("main on CPU %d, %d\\n", smp_processor_id(), kthread_stop(task));
	return 0;
}
""")
    with boot(3) as kernel:
        status, text = execute(kernel, source)
    assert (status, text) == (0, "0: on CPU 2\n0: on CPU 1\n0: on CPU 0\n-22\nmain on CPU 1, 7\n")


# calls between CPUs


@pytest.mark.parametrize("schedule", [None, 3])
def test_smp_call_function(schedule: int | None) -> None:
    status, text = run("call", cpus=3, schedule=schedule)
    everywhere = """\
CPU 1 (other): interrupt, interrupts off
CPU 2 (swapper): interrupt, interrupts off
"""
    assert status == 0 and text.startswith(f"""\
{everywhere}returns 0
{everywhere}CPU 0 (smp_call): task, interrupts off
returns 0
CPU 1 has been called 2 times
CPU 1 (other): interrupt, interrupts off
returns 0
returns -16 and -22
""")
    assert text.endswith("main lets the lock go\nsoftirq on CPU 1 has the lock\n")


def test_a_cpu_that_never_takes_the_call_is_waited_for() -> None:
    with boot(2) as kernel:
        source = PROGRAMS / "smp_stuck.c"
        assert execute(kernel, source, timeout=0.5)[0] == EXIT_TIMEOUT
        assert kernel.vm.word(kernel.layout.va("call_cpus")) == 2


@pytest.mark.slow
def test_who_dies_dies_on_its_cpu_and_the_machine_goes_on() -> None:
    with boot(3) as kernel:
        status, text = execute(kernel, PROGRAMS / "smp_oops.c")
        assert status == EXIT_KILLED and "\nCPU:    2\n" in text and "Process other (pid: 3" in text
        assert execute(kernel, PROGRAMS / "smp_share.c", timeout=2)[0] == EXIT_TIMEOUT  # the first main spins on
        assert kernel.tasks.comm(kernel.sched.at_work(0)) == "smp_oops"


# going on elsewhere

GO_ON = """
import sys, zlib
from guest.kernel import Kernel
from hw import Machine
kernel = Kernel.attach(Machine.load(sys.argv[1]), console=lambda text: print(text, end=""))
print("status", kernel.resume())
print(zlib.crc32(kernel.ram.bytes))
"""


@pytest.mark.variants
@pytest.mark.parametrize("schedule", [None, 4])
def test_two_cpus_at_work_go_on_in_a_new_process(schedule: int | None, tmp_path: Path) -> None:
    def begin(halt_after: int | None) -> tuple[Kernel, int, str]:
        kernel = boot(2, schedule)
        start, frees = len(kernel.log.text()), 0

        def on_free(event: str, fields: dict[str, int]) -> None:
            nonlocal frees
            frees += 1
            if frees == halt_after:
                for cpu in kernel.machine.cpus:
                    cpu.halt()

        kernel.events.subscribe(["kfree"], on_free)
        program = elf.read(cc.build([PROGRAMS / "smp_workers.c"], kernel.layout), "workers.c")
        return kernel, kernel.run(program, ["workers", "200"]), kernel.log.text()[start:]

    whole, status, expected = begin(None)
    assert status == 0
    for halt_after in (5, 170, 401):
        halted, _, before = begin(halt_after)
        assert halted.sched.at_work(0) and halted.sched.at_work(1) and fsck(halted.ram).damages == []
        image = tmp_path / "image"
        halted.machine.save(image)
        halted.close()
        result = subprocess.run(
            [sys.executable, "-c", GO_ON, str(image)], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert result.stderr == ""
        assert before + result.stdout == f"{expected}status 0\n{zlib.crc32(whole.ram.bytes)}\n"


@pytest.mark.variants
@pytest.mark.parametrize(("source", "cpus"), [("smp_workers.c", 3), ("callbacks.c", 1)])
def test_halts_at_any_moment_change_nothing(source: str, cpus: int, tmp_path: Path) -> None:
    """What the kernel calls for a program is done before a halt takes effect."""
    chance = random.Random(1)

    def begin(timeout: float | None) -> Kernel:
        kernel = boot(cpus, schedule=9, ram=32 * MB)
        program = elf.read(cc.build([PROGRAMS / source], kernel.layout), "workers.c")
        kernel.run(program, ["workers", "300"], timeout)
        return kernel

    with begin(None) as kernel:
        whole, halts = bytes(kernel.ram.bytes), 0
    for _ in range(4):
        kernel = begin(chance.uniform(0.005, 0.05))
        while kernel.halt:
            halts += 1
            assert fsck(kernel.ram).damages == []
            kernel.machine.save(tmp_path / "image")
            kernel.close()
            kernel = Kernel.attach(Machine.load(tmp_path / "image"))
            kernel.resume(chance.uniform(0.005, 0.05))
        assert bytes(kernel.ram.bytes) == whole
        kernel.close()
    assert halts
