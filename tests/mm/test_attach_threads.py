"""Decision 1 of the design: with threads asleep and caches half full, a new process goes on from RAM and registers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.setup import BootOptions

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>

static int worker(void *data)
{
	long n = (long)data, rounds = 0;
	void *held[5];
	int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 5; i++)
			held[i] = kmalloc(50 * n, GFP_KERNEL);
		set_current_state(TASK_INTERRUPTIBLE);
		schedule_timeout(3 * n);
		printk("%s: round %ld at %lu, %p\\n", current->comm, ++rounds, jiffies, held[4]);
		while (i--)
			kfree(held[i]);
	}
	return rounds;
}

int main(void)
{
	struct task_struct *threads[4];
	long n;

	for (n = 0; n < 4; n++)
		threads[n] = kthread_run(worker, (void *)(n + 1), "worker/%ld", n);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_timeout(60);
	for (n = 0; n < 4; n++)
		printk("worker/%ld did %d rounds\\n", n, kthread_stop(threads[n]));
	return 33;
}
"""
GO_ON = """
import sys
from guest.kernel import Kernel
from hw import Machine
kernel = Kernel.attach(Machine.load(sys.argv[1]), console=lambda text: print(text, end=""))
print("status", kernel.resume())
"""


def test_threads_go_on_in_a_new_process(tmp_path: Path) -> None:
    source = tmp_path / "workers.c"
    source.write_text(SOURCE)

    def run(halt_after: int | None) -> tuple[Kernel, int, str]:
        kernel = Kernel.boot(BootOptions(ram=64 << 20))
        start, frees = len(kernel.log.text()), 0

        def on_free(event: str, fields: dict[str, int]) -> None:
            nonlocal frees
            frees += 1
            if frees == halt_after:
                kernel.machine.cpus[0].halt()

        kernel.events.subscribe(["kfree"], on_free)
        status = kernel.run(elf.read(cc.build([source], kernel.layout), "workers.c"), ["workers"])
        return kernel, status, kernel.log.text()[start:]

    whole, status, expected = run(None)
    assert status == 33 and expected.count("round") > 40 and fsck(whole.ram).clean
    for halt_after in (7, 58, 123):
        halted, _, before = run(halt_after)
        assert len(halted.tasks.of_programs()) == 5 and fsck(halted.ram).damages == []
        image = tmp_path / "image"
        halted.machine.save(image)
        halted.close()
        result = subprocess.run(
            [sys.executable, "-c", GO_ON, str(image)], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert result.stderr == ""
        assert before + result.stdout == expected + "status 33\n"
