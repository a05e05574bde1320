"""Threads: the programs threads_*.c print, word for word, what they print on a kernel of 2.6.20."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.layout import Layout
from mm.sched import (
    HARDIRQ_OFFSET,
    MAX_SCHEDULE_TIMEOUT,
    SOFTIRQ_OFFSET,
    TASK_INTERRUPTIBLE,
    TASK_UNINTERRUPTIBLE,
    TIF_NEED_RESCHED,
)
from mm.setup import BootOptions
from mm.time import INITIAL_JIFFIES, TICK_NSEC

HERE = Path(__file__).resolve().parent
MB = 1 << 20


def run(
    program: Path | str, *arguments: str, nr_cpus: int = 1, output: cc.Output = "rel", timeout: float = 60
) -> tuple[int, str]:
    """Boots a machine, builds and runs a program on it: its exit status and what it printed. Nothing may leak."""
    path = HERE / "programs" / f"threads_{program}.c" if isinstance(program, str) else program
    with Kernel.boot(BootOptions(ram=128 * MB, nr_cpus=nr_cpus)) as kernel:
        before = len(kernel.log.text())
        file = elf.read(cc.build([path], kernel.layout, output), path.name)
        status = kernel.run(file, [path.name, *arguments], timeout)
        text = kernel.log.text()[before:]
        if status == 0:
            assert not kernel.tasks.of_programs() and not kernel.oops.modules()
    return status, re.sub(r"^<\d>", "", text, flags=re.MULTILINE)


EXPECTED = {
    "queue": """\
producer: made 20
20 items, sum 210, queues empty
""",
    "wake": """\
wake_up(&queue):
u4 woke
i0 woke
x1 woke
wake_up_interruptible(&queue):
i0 woke
x2 woke
wake_up_nr(&queue, 2):
i0 woke
u4 woke
x3 woke
x1 woke
wake_up_all(&queue):
u4 woke
i0 woke
x2 woke
x3 woke
x1 woke
wake_up_interruptible_all(&queue):
i0 woke
x2 woke
x3 woke
x1 woke
wake_up_process(threads[2]):
x2 woke
wake_up_process(threads[2]):
x2 woke
__wake_up(&queue, TASK_UNINTERRUPTIBLE, 1, "k"):
function called, mode 2, key k
u4 woke
wake_up_process of who runs: 0
ixxxu
queue empty
""",
    "completion": """\
runner/0 runs
one came in: 0
runner/1 runs
runner/2 runs
all came in: 0 1
nobody: 0 left after 10
late by 20 ms: 4 left
interruptible: 0
at once: 10 left, done 0
""",
    "mutex": """\
locked 1, trylock 0, then count -1, list in use
line/0 is number 1
line/1 is number 2
line/2 is number 3
line/3 is number 4
line/4 is number 5
locked 0, trylock 1, then count 0, list empty
counter 300, count 1
""",
    "semaphore": """\
guest/0 in, 1 inside
guest/1 in, 2 inside
guest/2 in, 3 inside
room for more: no, count -1
guest/3 in, 3 inside
guest/4 in, 3 inside
guest/5 in, 3 inside
guest/6 in, 3 inside
at most 3, failed 0, count 3, sleepers 0
free places 3
at most 2, count 2, sleepers 0
mutexes 1 1
""",
    "rwsem": """\
r0 in: 1 readers, 0 writers
r1 in: 2 readers, 0 writers
try: read 0, write 0
w2 in: 0 readers, 1 writers
r3 in: 1 readers, 0 writers
w4 in: 0 readers, 1 writers
W5 in: 0 readers, 1 writers
W5 reads
r6 in: 2 readers, 0 writers
r7 in: 3 readers, 0 writers
free: locked 0, write 1, then read 0
""",
    "kthread": """\
stopped-a-1, pid 1 after 1, 0
stopped-a-1 stops after 2 rounds
result 42
a name that is  stops after 1 rounds
result -5
not woken: state 1, result -4
stopped before it ran: result -4
do_exit: 1
50 threads, 50 stacks, 50 good
""",
    "resched": """\
woken: 1
left 7fffffff, state 0
nothing to do: 0
need_resched 1
  first runs
cond_resched 1, need_resched 0
nobody else: 0
might_sleep, not yet
  second runs
might_sleep, at the end of the slice
  third runs
state 2
""",
    "time": """\
(msleep(0), 0): 0, 1 jiffies
(msleep(1), 0): 0, 2 jiffies
(msleep(4), 0): 0, 2 jiffies
(msleep(20), 0): 0, 6 jiffies
(ssleep(2), 0): 0, 501 jiffies
msleep_interruptible(100): 0, 26 jiffies
schedule_timeout_interruptible(3): 0, 3 jiffies
schedule_timeout(3): 3, 0 jiffies
(mdelay(20), 0): 0, 5 jiffies
(udelay(8000), 0): 0, 2 jiffies
(usleep_range(9000, 10000), 0): 0, 4 jiffies
wait_event_timeout(queue, flag, 10): 0, 10 jiffies
wait_event_timeout(queue, flag, 10): 6, 4 jiffies
wait_event_timeout(queue, flag, 10): 10, 0 jiffies
wait_event_interruptible_timeout(queue, flag, 10): 0, 10 jiffies
wait_event_interruptible_timeout(queue, flag, 10): 6, 4 jiffies
mod_timer 0 1
pending 1 1 0 0
timer S at 1 softirq atomic
timer B at 10 softirq atomic
timer C at 10 softirq atomic
tick 1 at 12
tick 2 at 17
tick 3 at 22
box 17 at 25
timer A at 30 softirq atomic
pending 0 0 0, short form 1
timer A at 2 softirq atomic
busy until 2
""",
    "masked": """\
preempt_disable():
  timer, preempt_count 00000101
  inside: has run
spin_lock(&lock):
  timer, preempt_count 00000101
  inside: has run
local_bh_disable():
  inside: pending
  timer, preempt_count 00000100
spin_lock_bh(&lock):
  inside: pending
  timer, preempt_count 00000100
local_irq_disable():
  inside: pending
  timer, preempt_count 00000100
spin_lock_irqsave(&lock, flags):
  inside: pending
  timer, preempt_count 00000100
in an interrupt:
  inside: pending
  timer, preempt_count 00000100
in a softirq:
  inside: pending
  timer, preempt_count 00000100
in a timer:
  slow timer ends, the other one is pending
  timer, preempt_count 00000100
""",
    "wrap": """\
4294892296: 1000 ms, 4000 us, round up 2 2, most 7ffffffe 1
at -10
timer 1 at 4294967291
timer 2 at 0
timer 3 at 5
left 0, at 10
after 1, before 0, in range 1, 64 bits 1
""",
}


@pytest.mark.variants
@pytest.mark.parametrize("program", EXPECTED)
def test_program(every_compiler: str, program: str) -> None:
    status, text = run(program)
    assert text == EXPECTED[program] and status == 0


@pytest.mark.variants
@pytest.mark.parametrize("program", EXPECTED)
def test_with_the_locks_of_four_cpus(program: str) -> None:
    status, text = run(program, nr_cpus=4, output="exec")
    assert text == EXPECTED[program] and status == 0


def test_showpiece(every_compiler: str) -> None:
    status, text = run(cc.PROGRAMS / "threads.c")
    lines = text.splitlines()
    assert status == 0 and len(lines) == 31
    assert re.fullmatch(
        r"0\.000  main   baker: pid 4, stack at c[0-9a-f]{4}000; eater: pid 3, stack at c[0-9a-f]{4}000", lines[0]
    )
    assert lines[-1] == "1.040  main   10 loaves eaten, 0 on the shelf"
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)
    assert [line for line in lines if " timer " in line] == [
        "0.200  timer  [oo..]", "0.400  timer  [oooo]", "0.600  timer  [oooo]", "0.800  timer  [oo..]",
        "1.000  timer  [....]",
    ]  # fmt: skip
    for verb in ("loaf", "eats loaf"):
        assert re.findall(rf"(?:baker|eater)  {verb} (\d+)", text) == [str(n) for n in range(1, 11)]


# the headers

OLD = """
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <asm/semaphore.h>

static struct task_struct *thread;
static struct semaphore sem;
static DECLARE_MUTEX(lock);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static struct completion done;
static struct timer_list timer;
static spinlock_t spin = SPIN_LOCK_UNLOCKED;
static rwlock_t rwlock = RW_LOCK_UNLOCKED;
static int ready;

static void expired(unsigned long data)
{
	unsigned long flags;

	spin_lock_irqsave(&spin, flags);
	ready = data;
	spin_unlock_irqrestore(&spin, flags);
	wake_up_interruptible(&queue);
	mod_timer(&timer, jiffies + HZ / 10);
}

static int work(void *unused)
{
	DECLARE_WAITQUEUE(wait, current);

	add_wait_queue(&queue, &wait);
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!ready)
			schedule_timeout(HZ);
		if (signal_pending(current))
			flush_signals(current);
		read_lock(&rwlock);
		ready = 0;
		read_unlock(&rwlock);
		if (down_interruptible(&sem))
			return -ERESTARTSYS;
		up(&sem);
	}
	set_current_state(TASK_RUNNING);
	remove_wait_queue(&queue, &wait);
	complete_and_exit(&done, 0);
}

static int __init old_init(void)
{
	init_MUTEX(&sem);
	init_completion(&done);
	init_timer(&timer);
	timer.function = expired;
	timer.data = 1;
	timer.expires = jiffies + HZ;
	add_timer(&timer);
	thread = kthread_run(work, NULL, "old");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	down(&lock);
	if (wait_event_interruptible_timeout(queue, ready, HZ) < 0 || down_trylock(&sem))
		return -EINTR;
	up(&sem);
	up(&lock);
	return 0;
}

static void __exit old_exit(void)
{
	del_timer_sync(&timer);
	kthread_stop(thread);
	wait_for_completion(&done);
}

module_init(old_init);
module_exit(old_exit);
"""

NEW = """
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/timer.h>
#include <linux/wait.h>

struct device {
	struct timer_list timer;
	wait_queue_head_t queue;
	struct completion done;
	bool ready;
};
static DEFINE_MUTEX(mutex);
static DEFINE_SEMAPHORE(one);
static DEFINE_SEMAPHORE(five, 5);
static DECLARE_RWSEM(rwsem);

static void expired(struct timer_list *t)
{
	struct device *device = from_timer(device, t, timer);

	WRITE_ONCE(device->ready, true);
	wake_up_all(&device->queue);
}

static int work(void *data)
{
	struct device *device = data;

	if (wait_event_killable(device->queue, READ_ONCE(device->ready) || kthread_should_stop()))
		return -EINTR;
	usleep_range(100, 200);
	down_write(&rwsem);
	downgrade_write(&rwsem);
	up_read(&rwsem);
	complete(&device->done);
	return 0;
}

static int __init new_init(void)
{
	static struct device device;

	timer_setup(&device.timer, expired, 0);
	init_waitqueue_head(&device.queue);
	init_completion(&device.done);
	mod_timer(&device.timer, jiffies + msecs_to_jiffies(20));
	if (mutex_lock_interruptible(&mutex))
		return -EINTR;
	kthread_run(work, &device, "new/%d", 1);
	mutex_unlock(&mutex);
	down(&one);
	down(&five);
	if (!wait_for_completion_timeout(&device.done, HZ))
		return -ETIME;
	reinit_completion(&device.done);
	cond_resched();
	return 0;
}
module_init(new_init);
"""


@pytest.mark.parametrize("text", [OLD, NEW], ids=["2.6.20", "later"])
def test_ordinary_code(tmp_path: Path, every_compiler: str, text: str) -> None:
    source = tmp_path / "ordinary.c"
    source.write_text(text)
    said: list[str] = []
    with Kernel.boot(BootOptions(ram=128 * MB)) as kernel:
        file = elf.read(cc.build([source], kernel.layout, diagnostics=said.append), "ordinary.c")
        assert said == [] and kernel.run(file, ["ordinary"], 20) == 0
        assert not kernel.tasks.of_programs()


@pytest.mark.parametrize("layout", [Layout(), Layout(4)], ids=["one CPU", "four CPUs"])
def test_layouts(tmp_path: Path, layout: Layout) -> None:
    head = layout["wait_queue_head"]
    lock = head.offset("task_list")
    facts = {
        "sizeof(wait_queue_head_t)": head.size, "offsetof(wait_queue_head_t, task_list)": lock,
        "sizeof(wait_queue_t)": 20, "sizeof(struct completion)": 4 + head.size,
        "sizeof(struct mutex)": 12 + lock, "sizeof(struct semaphore)": 8 + head.size,
        "sizeof(struct rw_semaphore)": 12 + lock, "sizeof(struct timer_list)": layout["timer_list"].size,
        "TASK_INTERRUPTIBLE": TASK_INTERRUPTIBLE, "TASK_UNINTERRUPTIBLE": TASK_UNINTERRUPTIBLE,
        "SOFTIRQ_OFFSET": SOFTIRQ_OFFSET, "HARDIRQ_OFFSET": HARDIRQ_OFFSET,
        "1 << TIF_NEED_RESCHED": TIF_NEED_RESCHED, "MAX_SCHEDULE_TIMEOUT": MAX_SCHEDULE_TIMEOUT,
        "INITIAL_JIFFIES": INITIAL_JIFFIES, "TICK_NSEC": TICK_NSEC,
    }  # fmt: skip
    text = "".join(f"#include <linux/{name}.h>\n" for name in ("interrupt", "mutex", "rwsem", "sched"))
    text += "".join(f'_Static_assert({name} == {value}, "{name}");\n' for name, value in facts.items())
    source = tmp_path / "layouts.c"
    source.write_text(text + "int main(int argc, char **argv) { return 0; }\n")
    cc.build([source], layout)


# threads that never end


def test_two_mutexes_crossed(every_compiler: str) -> None:
    status, text = run("deadlock", "two")
    assert status == 137 and "deadlock" in text and "not reached" not in text
    for name, pid in (("threads_deadloc", 2), ("crossed", 3)):
        assert re.search(rf"{name} \(pid {pid}\).*mutex_lock", text), text


def test_waiting_alone(every_compiler: str) -> None:
    status, text = run("deadlock", "alone")
    assert status == 137 and "deadlock" in text and "not reached" not in text
    assert re.search(r"threads_deadloc \(pid 2\).*\bmain\+", text), text


# atomic contexts

CONTEXTS = """\
task                     00000000 irq 0 softirq 0 interrupt 0 atomic 0 irqs_disabled 0
preempt_disable          00000001 irq 0 softirq 0 interrupt 0 atomic 1 irqs_disabled 0
spin_lock                00000001 irq 0 softirq 0 interrupt 0 atomic 1 irqs_disabled 0
spin_lock, read_lock     00000002 irq 0 softirq 0 interrupt 0 atomic 1 irqs_disabled 0
spin_lock_irqsave        00000001 irq 0 softirq 0 interrupt 0 atomic 1 irqs_disabled 1
spin_lock_irq            00000001 irq 0 softirq 0 interrupt 0 atomic 1 irqs_disabled 1
write_lock_bh            00000101 irq 0 softirq 1 interrupt 1 atomic 1 irqs_disabled 0
spin_trylock             00000001 irq 0 softirq 0 interrupt 0 atomic 1 irqs_disabled 0
local_bh_disable         00000100 irq 0 softirq 1 interrupt 1 atomic 1 irqs_disabled 0
local_irq_disable        00000000 irq 0 softirq 0 interrupt 0 atomic 0 irqs_disabled 1
pagefault_disable        00000001 irq 0 softirq 0 interrupt 0 atomic 1 irqs_disabled 0
irq                      00010000 irq 1 softirq 0 interrupt 1 atomic 1 irqs_disabled 1
softirq                  00000100 irq 0 softirq 1 interrupt 1 atomic 1 irqs_disabled 0
irq in softirq           00010100 irq 1 softirq 1 interrupt 1 atomic 1 irqs_disabled 1
lock in softirq          00000101 irq 0 softirq 1 interrupt 1 atomic 1 irqs_disabled 0
task                     00000000 irq 0 softirq 0 interrupt 0 atomic 0 irqs_disabled 0
goes on, 0 failures
"""


@pytest.mark.parametrize("nr_cpus", [1, 4])
def test_contexts(every_compiler: str, nr_cpus: int) -> None:
    assert run("atomic", "contexts", nr_cpus=nr_cpus) == (0, CONTEXTS)


def test_might_sleep(every_compiler: str) -> None:
    """At most once a second, with the place of the call and the stack."""
    status, text = run("atomic", "might_sleep")
    assert status == 0 and text.endswith("goes on, 0 failures\n")
    found = re.findall(
        r"BUG: sleeping function called from invalid context at (\S+):\d+\n"
        r"in_atomic\(\):(\d), irqs_disabled\(\):(\d)\n \[<[0-9a-f]{8}>\] (\w+)\+",
        text,
    )
    here, mutex = "threads_atomic.c", "guest/lib/mutex.c"
    assert [(Path(file).name if here in file else file, *rest) for file, *rest in found] == [
        (here, "1", "0", "main"), (here, "0", "1", "main"), (mutex, "1", "0", "mutex_lock"),
        (here, "1", "1", "might"), (mutex, "1", "0", "mutex_lock"),
    ]  # fmt: skip
    assert text.count("BUG: sleeping") == 5


def test_schedule_in_atomic_context(every_compiler: str) -> None:
    """A complaint each time, from schedule() and from what sleeps by it."""
    status, text = run("atomic", "schedule")
    assert status == 0 and text.endswith("goes on, 0 failures\n")
    assert text.count("BUG: scheduling while atomic: threads_atomic/0x00000001/2\n") == 2
    assert CONTEXTS.splitlines()[0] in text


def test_sleep_in_a_handler() -> None:
    status, text = run("atomic", "sleep_in_irq")
    assert status == 137 and "goes on" not in text
    assert "BUG: scheduling while atomic: threads_atomic/0x00010000/2\n" in text
