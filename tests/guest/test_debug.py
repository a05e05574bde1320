"""Execution control: break, watch and catch points, steps, and what is set while a program stands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.debug import Debugger
from guest.execution import Execution
from guest.faults import Fault
from guest.kernel import Kernel
from guest.source import Source
from guest.stepping import Stepper
from guest.stop_event import DebugError, EventHit, Exited, Reason, Resume, Returned, StopEvent, WatchHit
from hw.breakpoints import Kind
from mm.fsck import fsck
from mm.setup import BootOptions

PROGRAM = """\
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/highmem.h>

int counter, other;
char *object;
struct page *frame;

static noinline int twice(int x)
{
	int y = x + x;
	return y;
}

static noinline int sum(int n)
{
	int i, total = 0;
	for (i = 1; i <= n; i++)
		total += twice(i);
	return total;
}

static noinline int deep(int n)
{
	if (!n)
		return 0;
	return 1 + deep(n - 1);
}

static void construct(void *p, struct kmem_cache *cache, unsigned long flags)
{
	counter += 100;
}

int main(void)
{
	struct kmem_cache *cache;
	char *window, *area;
	int result = sum(3);

	result += deep(4);
	counter = result;
	object = kmalloc(200, GFP_KERNEL);
	object[8] = 1;
	frame = virt_to_page(object);
	area = vmap(&frame, 1, VM_MAP, PAGE_KERNEL);
	area[((unsigned long)object & 4095) + 8] = 2;
	window = kmap_atomic(frame, KM_USER0);
	window[((unsigned long)object & 4095) + 8] = 3;
	kunmap_atomic(window, KM_USER0);
	vunmap(area);
	kfree(object);
	cache = kmem_cache_create("things", 2000, 0, 0, construct, NULL);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	return result;
}
"""
RESULT = 16  # 2 * (1 + 2 + 3) + 4


class Bench:
    """A program under control, and its stops."""

    def __init__(self, kernel: Kernel, program: elf.Program) -> None:
        self.kernel = kernel
        self.program = program
        self.debugger = Debugger(kernel)
        self.execution = Execution(self.debugger)
        self.stepper = Stepper(self.debugger)
        self.source = Source(kernel.symbols)

    def start(self) -> StopEvent:
        return self.execution.start(self.program, ["program.c"])

    def go(self, how: Resume = Resume.CONTINUE) -> StopEvent:
        return self.execution.go(how)

    def symbol(self, name: str) -> int:
        va = self.kernel.symbol(name)
        assert va is not None
        return va

    def line(self, event: StopEvent) -> str:
        """The text of the line where it stands."""
        row = self.source.row(event.eip)
        return PROGRAM.splitlines()[row.line - 1].strip() if row else ""

    def word(self, name: str) -> int:
        return self.kernel.vm.word(self.symbol(name))

    def stops(self) -> list[StopEvent]:
        """All that come, the last is the end."""
        events = [self.go()]
        while events[-1].reason is not Reason.EXITED:
            events.append(self.go())
        return events


@pytest.fixture
def bench(build: Callable[..., Path]) -> Iterator[Bench]:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        bench = Bench(kernel, elf.read(build(PROGRAM), "program.c"))
        yield bench
        bench.execution.kill()
        bench.debugger.close()


def end(event: StopEvent) -> int:
    assert isinstance(event.details, Exited)
    return event.details.status


def test_stands_before_the_first_instruction(bench: Bench) -> None:
    event = bench.start()
    assert (event.reason, event.eip) == (Reason.ENTRY, bench.symbol("main"))
    assert bench.word("counter") == 0
    assert end(bench.go()) == RESULT
    assert not bench.execution.running
    with pytest.raises(DebugError):
        bench.go()


def test_a_second_run(bench: Bench) -> None:
    for _ in range(2):
        assert bench.start().reason is Reason.ENTRY
        with pytest.raises(DebugError):
            bench.start()
        assert end(bench.go()) == RESULT


def test_breakpoint(bench: Bench) -> None:
    bench.start()
    number = bench.debugger.add_breakpoint(bench.symbol("twice"))
    seen = []
    for _ in range(3):
        event = bench.go()
        assert (event.reason, event.number, event.eip) == (Reason.BREAKPOINT, number, bench.symbol("twice"))
        seen.append(int.from_bytes(bench.debugger.read(bench.debugger.registers()["esp"] + 4, 4), "little"))
    assert seen == [1, 2, 3]
    assert end(bench.go()) == RESULT
    (stop,) = bench.debugger.breakpoints()
    assert stop.hits == 3


def test_breakpoint_with_a_condition_once_and_disabled(bench: Bench) -> None:
    bench.start()
    debugger = bench.debugger

    def is_two(event: StopEvent) -> bool:
        return int.from_bytes(debugger.read(debugger.registers()["esp"] + 4, 4), "little") == 2

    first = debugger.add_breakpoint(bench.symbol("twice"), is_two)
    debugger.add_breakpoint(bench.symbol("deep"), temporary=True)
    never = debugger.add_breakpoint(bench.symbol("sum"))
    debugger.enable(never, False)
    events = bench.stops()
    assert [event.reason for event in events] == [Reason.BREAKPOINT, Reason.BREAKPOINT, Reason.EXITED]
    assert [event.number for event in events] == [first, 2, None]
    assert [stop.number for stop in debugger.breakpoints()] == [first, never]


def test_breakpoint_set_in_code_that_runs(bench: Bench) -> None:
    """In the middle of a loop, in a block that is translated already; and one that is deleted while it stands."""
    bench.start()
    one = bench.debugger.add_breakpoint(bench.symbol("twice"))
    bench.go()
    back = int.from_bytes(bench.debugger.read(bench.debugger.registers()["esp"], 4), "little")
    bench.debugger.delete(one)
    bench.debugger.add_breakpoint([back, bench.symbol("deep")])
    assert [event.eip for event in bench.stops()[:-1]] == [back] * 3 + [bench.symbol("deep")] * 5


def test_registers_and_eip_are_set(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("twice"))
    registers = bench.debugger.registers()
    for _ in range(3):
        bench.go()
        registers["eax"] = 1000
        registers["eip"] = int.from_bytes(bench.debugger.read(registers["esp"], 4), "little")
        registers["esp"] += 4
        assert registers["eip"] != bench.symbol("twice")
    assert end(bench.go()) == 3004 & 0xFF


def test_eip_at_a_breakpoint_is_not_a_second_stop(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint([bench.symbol("twice"), bench.symbol("deep")])
    bench.go()
    bench.debugger.registers()["eip"] = bench.symbol("deep")
    event = bench.go()
    assert event.eip in (bench.symbol("twice"), bench.symbol("deep"))
    assert int.from_bytes(bench.debugger.read(bench.debugger.registers()["esp"] + 4, 4), "little") != 1


def test_single_steps(bench: Bench) -> None:
    event = bench.start()
    last = 0
    while event.eip != bench.symbol("twice"):
        assert event.eip != last
        last, event = event.eip, bench.go(Resume.STEP)
        assert event.reason in (Reason.ENTRY, Reason.STEP)
    event = bench.go(bench.stepper.stepi(2))
    assert bench.kernel.symbol_at(event.eip) == ("twice", 3, bench.kernel.symbol_at(event.eip)[2])  # type: ignore[index]


def test_next_goes_over_calls(bench: Bench) -> None:
    bench.start()
    lines = []
    event = bench.go(bench.stepper.next())
    while event.reason is Reason.STEP:
        lines.append(bench.line(event))
        event = bench.go(bench.stepper.next())
    assert "int result = sum(3);" in lines
    assert "object[8] = 1;" in lines
    assert lines.index("result += deep(4);") < lines.index("kfree(object);")
    assert not any("total" in line or "return 1" in line or "+= 100" in line for line in lines)
    assert end(event) == RESULT


def test_step_goes_into_calls_and_out(bench: Bench) -> None:
    bench.start()
    names = []
    event = bench.go(bench.stepper.step())
    while event.reason is Reason.STEP and len(names) < 400:
        function = bench.kernel.symbol_at(event.eip)
        names.append(function[0] if function else "")
        event = bench.go(bench.stepper.step())
    assert end(event) == RESULT
    assert {"main", "sum", "twice", "deep"} == set(names)  # a constructor belongs to the call that is stepped over


def test_step_out_of_a_kernel_call(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("kmalloc"))
    bench.go()
    event = bench.go(bench.stepper.step())
    assert bench.line(event) == "object = kmalloc(200, GFP_KERNEL);"


def test_finish_tells_what_is_returned(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("twice"))
    bench.go()
    event = bench.go(bench.stepper.finish())
    assert (event.reason, event.details) == (Reason.FINISH, Returned("twice", 2))
    bench.debugger.add_breakpoint(bench.symbol("deep"), temporary=True)
    bench.debugger.delete(1)
    bench.go()
    event = bench.go(bench.stepper.finish())  # not the return of a deeper one
    assert event.details == Returned("deep", 4)
    bench.debugger.add_breakpoint(bench.symbol("kmalloc"))
    bench.go()
    event = bench.go(bench.stepper.finish())
    assert isinstance(event.details, Returned)
    assert (event.details.function, event.details.value >> 28) == ("kmalloc", 0xC)
    with pytest.raises(DebugError, match="outermost"):
        bench.stepper.finish()


def test_finish_of_a_function_that_the_kernel_calls(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("construct"), temporary=True)
    bench.go()
    event = bench.go(bench.stepper.finish())
    assert bench.kernel.symbol_at(event.eip)[0] in ("kmem_cache_alloc", "construct")  # type: ignore[index]


def test_nexti_and_until(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("sum"), temporary=True)
    bench.go()
    seen = set()
    for _ in range(60):
        event = bench.go(bench.stepper.nexti())
        found = bench.kernel.symbol_at(event.eip)
        seen.add(found[0] if found else "")
    assert seen == {"sum", "main"}


def test_run_to_a_place_or_out_of_the_function(bench: Bench) -> None:
    bench.start()
    event = bench.go(bench.stepper.advance(bench.symbol("deep")))
    assert event.eip == bench.symbol("deep")
    event = bench.go(bench.stepper.advance(bench.symbol("kmalloc")))
    assert bench.kernel.symbol_at(event.eip)[0] == "main"  # type: ignore[index]


def test_until_leaves_a_loop(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("twice"), temporary=True)
    bench.go()
    bench.go(bench.stepper.finish())
    event = bench.go(bench.stepper.until())
    while bench.line(event).startswith(("for", "total")):
        event = bench.go(bench.stepper.until())
    assert bench.debugger.registers()["eip"] == event.eip
    assert bench.word("counter") == 0


def test_a_breakpoint_ends_a_step(bench: Bench) -> None:
    bench.start()
    number = bench.debugger.add_breakpoint(bench.symbol("twice"), temporary=True)
    event = bench.go(bench.stepper.next())
    while event.reason is Reason.STEP:
        event = bench.go(bench.stepper.next())
    assert (event.reason, event.number) == (Reason.BREAKPOINT, number)
    assert end(bench.go()) == RESULT  # the step is over


# watchpoints


ALIASES = """\
#include <linux/vmalloc.h>
#include <linux/highmem.h>

struct page *frame;
char *windows[4];

int main(void)
{
	int i;

	frame = alloc_page(GFP_HIGHUSER);
	windows[0] = kmap(frame);
	windows[1] = vmap(&frame, 1, VM_MAP, PAGE_KERNEL);
	windows[2] = kmap_atomic(frame, KM_USER0);
	for (i = 0; i < 3; i++)
		windows[i][123] = i + 1;
	kunmap_atomic(windows[2], KM_USER0);
	vunmap(windows[1]);
	kunmap(frame);
	__free_page(frame);
	return 5;
}
"""


@pytest.mark.variants
@pytest.mark.parametrize("options", [
    BootOptions(ram=64 << 20, vmalloc=(1 << 30) - (32 << 20)), BootOptions(ram=6 << 30, pae=True)
], ids=["64 MB", "6 GB"])  # fmt: skip
def test_watch_sees_every_alias(options: BootOptions, build: Callable[..., Path]) -> None:
    """A kmap slot, a vmalloc address and a fixmap slot lead to the byte."""
    with Kernel.boot(options) as kernel:
        bench = Bench(kernel, elf.read(build(ALIASES, layout=kernel.layout), "aliases.c"))
        bench.start()
        bench.debugger.add_breakpoint(bench.symbol("kmap_atomic"), temporary=True)
        bench.go()
        frame = kernel.page_alloc.page_to_pfn(bench.word("frame"))
        bench.debugger.add_watchpoint((frame << 12) + 123, 1, physical=True)
        hits = [event.details for event in (bench.go(), bench.go(), bench.go())]
        windows = [kernel.vm.word(bench.symbol("windows") + 4 * n) for n in range(3)]
        for n, hit in enumerate(hits):
            assert isinstance(hit, WatchHit)
            assert (hit.pa, hit.linear, hit.new) == ((frame << 12) + 123, windows[n] + 123, bytes((n + 1,)))
            assert not hit.by
        assert len({window >> 21 for window in windows}) == 3
        assert (frame << 12 >= 1 << 32) is options.pae
        assert end(bench.go()) == 5
        bench.debugger.close()


def test_watch_what_a_constructor_writes(bench: Bench) -> None:
    """In a function that the kernel calls in the middle of a call."""
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("kmem_cache_create"), temporary=True)
    bench.go()
    bench.debugger.add_watchpoint(bench.symbol("counter"), 4)
    event = bench.go()
    assert isinstance(event.details, WatchHit)
    assert event.details.eip != 0  # the constructor is the program's
    assert not event.details.by


def test_watch_what_the_kernel_writes(bench: Bench) -> None:
    """Python's stores are no accesses of a CPU: the call is named."""
    bench.start()
    kernel, debugger = bench.kernel, bench.debugger
    debugger.add_breakpoint(bench.symbol("kmem_cache_destroy"), temporary=True)
    bench.go()
    pfn = (bench.word("object") - 0xC0000000) >> 12
    page = kernel.page_alloc.pfn_to_page(pfn)
    debugger.add_watchpoint(page + kernel.layout["page"].offset("flags"), 4)
    event = bench.go()
    assert isinstance(event.details, WatchHit)
    assert (event.details.eip, event.details.linear) == (0, None)
    assert "the call kmem_cache_destroy" in event.details.by
    assert event.details.old != event.details.new
    assert kernel.symbol_at(event.eip)[0] == "kmem_cache_destroy"  # type: ignore[index]
    assert len(bench.kernel.backtrace(cpu=0).frames) >= 2  # type: ignore[union-attr]


def test_read_and_access_watchpoints(bench: Bench) -> None:
    bench.start()
    counter = bench.symbol("counter")
    bench.debugger.add_watchpoint(counter, 4, Kind.READ)
    bench.debugger.add_watchpoint(counter, 4, Kind.ACCESS)
    events = bench.stops()[:-1]
    hits = [event.details for event in events if isinstance(event.details, WatchHit)]
    kinds = [(event.number, hit.kind) for event, hit in zip(events, hits, strict=True)]
    assert (1, "write") not in kinds
    assert kinds[0] == (2, "write")  # counter = result
    assert kinds.count((1, "read")) == kinds.count((2, "read")) >= 1
    assert all(hit.old != hit.new for hit in hits if hit.kind == "write")


def test_watch_condition_and_physical(bench: Bench) -> None:
    bench.start()
    pa = bench.debugger.physical(bench.symbol("counter"))
    assert pa is not None

    def large(event: StopEvent) -> bool:
        return isinstance(event.details, WatchHit) and int.from_bytes(event.details.new, "little") > 100

    bench.debugger.add_watchpoint(pa, 4, condition=large, physical=True)
    event = bench.go()
    assert isinstance(event.details, WatchHit)
    assert int.from_bytes(event.details.new, "little") == RESULT + 100
    for address, size in ((0x1000, 4), (0xFFF00000, 4)):
        with pytest.raises(DebugError):
            bench.debugger.add_watchpoint(address, size)
    with pytest.raises(DebugError):
        bench.debugger.add_watchpoint(1 << 33, 4, physical=True)
    with pytest.raises(DebugError):
        bench.debugger.add_watchpoint(bench.symbol("counter"), 0)


def test_what_the_debugger_writes_is_no_hit(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_watchpoint(bench.symbol("other"), 4)
    bench.debugger.write(bench.symbol("other"), b"\1\2\3\4")
    assert end(bench.go()) == RESULT


# faults and events

FAULTY = """\
int main(int argc, char **argv)
{
	volatile int *nothing = (int *)0x40;
	return *nothing;
}
"""


def test_stand_at_a_fault_and_do_not_die(build: Callable[..., Path]) -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        bench = Bench(kernel, elf.read(build(FAULTY), "faulty.c"))
        bench.debugger.break_on_fault()
        bench.start()
        event = bench.go()
        assert event.reason is Reason.FAULT
        assert isinstance(event.details, Fault)
        assert (event.details.record.cr2, event.details.record.eip) == (0x40, event.eip)
        registers = bench.debugger.registers()
        registers["eax"] = 77
        registers["eip"] = event.eip + len(event.details.record.code)
        assert end(bench.go()) == 77
        assert "Oops" not in kernel.log.text()


def test_a_fault_goes_its_way(build: Callable[..., Path]) -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        bench = Bench(kernel, elf.read(build(FAULTY), "faulty.c"))
        number = bench.debugger.break_on_fault(lambda event: False)
        bench.debugger.break_on_fault(lambda event: True)
        bench.start()
        assert bench.go().number == number + 1
        assert end(bench.go()) == 137


RETRIED = """\
#include <linux/vmalloc.h>
#include <linux/kthread.h>
#include <linux/uaccess.h>

int value;

noinline int look(int *p)
{
	return get_user(value, p);
}

int main(void)
{
	return look((int *)0x1000) == -14 ? 3 : 4;
}
"""


def test_a_breakpoint_on_a_faulting_instruction_stops_once(build: Callable[..., Path]) -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        bench = Bench(kernel, elf.read(build(RETRIED), "retried.c"))
        bench.debugger.break_on_fault()
        bench.start()
        event = bench.go()
        eip = event.eip
        bench.debugger.delete(1)
        assert end(bench.go()) == 3
        bench.debugger.break_on_fault(temporary=True)
        bench.start()
        assert bench.go().eip == eip
        assert bench.go(bench.stepper.stepi()).eip != eip  # in the code behind, or at the fixup
        assert end(bench.go()) == 3
        bench.start()
        at = bench.debugger.add_breakpoint(eip)
        events = bench.stops()
        assert [event.number for event in events[:-1]] == [at]
        assert end(events[-1]) == 3


def test_stand_at_an_event(bench: Bench) -> None:
    def large(event: StopEvent) -> bool:
        return isinstance(event.details, EventHit) and event.details.fields["bytes_req"] > 100

    bench.start()
    number = bench.debugger.break_on_event("kmalloc", large)
    event = bench.go()
    assert (event.reason, event.number) == (Reason.TRACEPOINT, number)
    assert isinstance(event.details, EventHit)
    assert event.details.fields["bytes_req"] == 200
    assert bench.kernel.symbol_at(event.eip)[0] == "kmalloc"  # type: ignore[index]
    # registers can be set in the middle of a call
    before = bench.debugger.registers()["esi"]
    bench.debugger.registers()["esi"] = 0x1234
    event = bench.go(bench.stepper.finish())
    assert bench.debugger.registers()["esi"] == 0x1234
    bench.debugger.registers()["esi"] = before
    bench.debugger.delete(number)
    assert end(bench.go()) == RESULT
    with pytest.raises(DebugError):
        bench.debugger.break_on_event("kmaloc")


def test_eip_set_in_the_middle_of_a_call(bench: Bench) -> None:
    bench.start()
    bench.debugger.break_on_event("kmalloc", temporary=True)
    event = bench.go()
    registers = bench.debugger.registers()
    registers["eip"] = event.eip - 2  # the stub's first instruction: the call is made once more
    registers["esp"] += 8
    assert registers["eip"] == event.eip - 2
    bench.debugger.add_breakpoint(bench.symbol("kmalloc") + 2)
    event = bench.go()
    assert event.eip == bench.symbol("kmalloc") + 2


def test_in_the_middle_of_an_allocation_nothing_is_cut(bench: Bench) -> None:
    bench.debugger.break_on_event("*")
    bench.start()
    events = bench.stops()
    assert end(events[-1]) == RESULT
    assert len(events) > 10
    assert fsck(bench.kernel.ram, bench.kernel.text()).damages == []


def test_kill(bench: Bench) -> None:
    bench.start()
    bench.debugger.break_on_event("kmalloc")
    bench.go()
    event = bench.execution.kill()
    assert event is not None
    assert end(event) == 137
    assert not bench.execution.running


def test_stop_from_another_thread(build: Callable[..., Path]) -> None:
    endless = "volatile int spin = 1;\nint main(void)\n{\n\twhile (spin)\n\t\t;\n\treturn 9;\n}\n"
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        bench = Bench(kernel, elf.read(build(endless), "endless.c"))
        bench.start()
        timer = threading.Timer(0.1, bench.debugger.interrupt)
        timer.start()
        event = bench.go()
        timer.join()
        assert event.reason is Reason.INTERRUPT
        assert kernel.symbol_at(event.eip)[0] == "main"  # type: ignore[index]
        spin = kernel.symbol("spin")
        assert spin
        bench.debugger.write(spin, bytes(4))
        assert end(bench.go()) == 9


def test_changed_code_is_in_force(bench: Bench) -> None:
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("twice"), temporary=True)
    bench.go()
    bench.debugger.write(bench.symbol("twice"), b"\xb8\x05\0\0\0\xc3")  # mov eax, 5; ret
    assert end(bench.go()) == 5 * 3 + 4


# more CPUs, more tasks


@pytest.mark.variants
@pytest.mark.parametrize("name", ["threads.c", "smp.c", "tour.c"])
def test_a_debugger_changes_nothing(name: str, layout: object) -> None:
    def run(debugged: bool) -> tuple[object, ...]:
        said: list[str] = []
        with Kernel.boot(BootOptions(ram=64 << 20, cpus=2, schedule=3), console=said.append) as kernel:
            program = elf.read(cc.build([cc.PROGRAMS / name], kernel.layout), name)
            seen: list[object] = []
            kernel.events.subscribe(None, lambda event, fields: seen.append((event, *fields.values())))
            if not debugged:
                return kernel.run(program, [name]), kernel.clock(), said, seen
            debugger = Debugger(kernel)
            debugger.add_breakpoint([call for call in map(kernel.symbol, ("kmalloc", "kfree")) if call])
            debugger.break_on_event("kfree")
            debugger.add_watchpoint(kernel.layout.va("jiffies"), 4)
            stops = []
            debugger.on_stop = lambda event: (stops.append(event), Resume.CONTINUE)[1]
            status = debugger.run(program, [name])
            debugger.close()
            assert stops
            return status, kernel.clock(), said, seen

    assert run(True) == run(False)


def test_breakpoints_are_on_every_cpu() -> None:
    with Kernel.boot(BootOptions(ram=64 << 20, cpus=2, schedule=5)) as kernel:
        program = elf.read(cc.build([cc.PROGRAMS / "smp.c"], kernel.layout), "smp.c")
        debugger = Debugger(kernel)
        stops: list[StopEvent] = []

        def on_stop(event: StopEvent) -> Resume:
            stops.append(event)
            if event.reason is Reason.ENTRY:
                place = kernel.symbol("add")
                assert place
                debugger.add_breakpoint(place)
                debugger.add_breakpoint(place, cpu=1)
            return Resume.CONTINUE

        debugger.on_stop = on_stop
        assert debugger.run(program, ["smp.c"]) == 0
        assert {event.cpu for event in stops if event.number == 1} == {0, 1}
        assert {event.cpu for event in stops if event.number == 2} <= {1}
        debugger.close()


def test_next_over_a_call_that_sleeps() -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        bench = Bench(kernel, elf.read(cc.build([cc.PROGRAMS / "threads.c"], kernel.layout), "threads.c"))
        event = bench.start()
        stack = bench.debugger.registers()["esp"] & -8192
        while event.reason in (Reason.ENTRY, Reason.STEP):
            assert bench.debugger.registers()["esp"] & -8192 == stack
            event = bench.go(bench.stepper.next())
        assert end(event) == 0
        bench.debugger.close()


# switched off


def test_closed_it_is_gone(bench: Bench) -> None:
    handlers = [cpu.on_exception for cpu in bench.kernel.machine.cpus]
    bench.start()
    bench.debugger.add_breakpoint(bench.symbol("twice"))
    bench.debugger.add_watchpoint(bench.symbol("counter"), 4)
    bench.execution.kill()
    bench.debugger.close()
    assert bench.kernel.debugger is None
    assert bench.kernel.run(bench.program, ["program.c"]) == RESULT
    again = Debugger(bench.kernel)
    assert [cpu.on_exception for cpu in bench.kernel.machine.cpus] != handlers
    with pytest.raises(DebugError):
        Debugger(bench.kernel)
    bench.debugger = again


def test_misuse(bench: Bench) -> None:
    with pytest.raises(DebugError):
        bench.debugger.delete(7)
    with pytest.raises(DebugError):
        bench.debugger.enable(7)
    with pytest.raises(DebugError):
        bench.stepper.step()
    with pytest.raises(DebugError):
        bench.debugger.read(0x1000, 4)
