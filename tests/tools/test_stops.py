"""The commands of a program under control, `monitor -S`, and Ctrl-C at its prompt."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from guest.stop_event import Reason
from hw.errors import HighmemError
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor
from tools.stops import Control, StopView, controlled

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())")
PROGRAM = """\
#include <linux/slab.h>
#include <linux/vmalloc.h>

struct thing {
	int size;
	struct { short low, high; } parts;
};

struct thing thing;
char *object;

static noinline int fill(struct thing *t, int value)
{
	t->size = value;
	t->parts.high = value + 1;
	return value * 2;
}

int main(int argc, char **argv)
{
	int i, sum = 0;

	for (i = 1; i <= 4; i++)
		sum += fill(&thing, i);
	object = kmalloc(5000, GFP_KERNEL);
	kfree(object);
	object = (char *)__get_free_page(GFP_KERNEL);
	free_page((unsigned long)object);
	if (argc > 1)
		return *(volatile int *)0x24;
	return sum;
}
"""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for all, as the prompt keeps its history there too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIGHMEM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def number(marker: str) -> int:
    """The line of a piece of the program."""
    return next(n for n, line in enumerate(PROGRAM.splitlines(), 1) if marker in line)


class Bench:
    """A monitor whose program stands before its first instruction."""

    def __init__(self, control: Control, monitor: Monitor) -> None:
        self.control = control
        self.monitor = monitor

    def text(self, line: str) -> str:
        return self.monitor.execute(line).text

    def stop(self, line: str = "continue") -> StopView:
        view = self.monitor.execute(line).result
        assert isinstance(view, StopView)
        return view


def bench_of(path: Path, arguments: Sequence[str] = ()) -> Iterator[Bench]:
    path.write_text(PROGRAM)
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        program = elf.read(cc.build([path], kernel.layout), "program.c")
        monitor = Monitor(kernel)
        with controlled(monitor.session, program, ["program.c", *arguments]) as control:
            control.start(True)
            yield Bench(control, monitor)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield from bench_of(tmp_path / "program.c")


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[Bench]:
    yield from bench_of(tmp_path / "program.c", ["die"])


@pytest.mark.slow
def test_break_on_a_function_with_a_condition_on_its_argument(bench: Bench) -> None:
    assert re.fullmatch(r"Breakpoint 1: kmalloc if size > 0x1000   \([0-9a-f]{8}\)\n",
                        bench.text("break kmalloc if size > 0x1000"))  # fmt: skip
    view = bench.stop()
    assert (view.reason, view.number, view.call) == (Reason.BREAKPOINT, 1, {"size": 5000, "flags": 0xD0})
    assert view.caller is not None
    assert view.caller.line == number("kmalloc(5000")
    assert bench.stop().reason is Reason.EXITED


@pytest.mark.parametrize("condition", [
    "value == 3", "arg2 == 3", "$arg2 >= 3 && value < 4", "!(value != 3)", "value & 2 && !(value == 2)",
])  # fmt: skip
def test_arguments_of_a_function_of_the_program(bench: Bench, condition: str) -> None:
    bench.text(f"break fill if {condition}")
    view = bench.stop()
    assert view.call is not None
    assert view.call["value"] == 3
    assert view.call["t"] == bench.monitor.session.symbol("thing")


@pytest.mark.parametrize("place", ["program.c:{}", ":{}"])
def test_break_on_a_line(bench: Bench, place: str) -> None:
    bench.text("tbreak " + place.format(number("t->parts.high")) + " if $ebp != 0 && comm == program")
    view = bench.stop()
    assert view.place is not None
    assert (view.place.line, view.place.text) == (number("t->parts.high"), "    t->parts.high = value + 1;")
    assert bench.text("info break") == "no break or watch points\n"


def test_break_on_an_address_and_where_it_stands(bench: Bench) -> None:
    va = bench.monitor.session.symbol("fill")
    bench.text(f"b *{va:x}")
    view = bench.stop("c")
    assert view.place is not None
    assert view.place.address == va
    bench.text("d")
    bench.text("b")
    assert bench.stop("c").number == 2  # the next time round


def test_steps_and_their_short_names(bench: Bench) -> None:
    bench.text("tb fill")
    seen = [bench.stop(line).place for line in ("c", "n", "s", "n", "fin", "stepi", "ni 2", "until")]
    assert all(place is not None for place in seen)
    lines = [place.line for place in seen if place is not None]
    assert lines[0] < lines[1] < lines[3]
    assert number("sum += fill") in lines[4:]


def test_finish_says_what_is_returned(bench: Bench) -> None:
    bench.text("tbreak fill")
    bench.stop()
    text = bench.text("finish")
    assert text.startswith("Run till exit: ")
    assert "  fill returned 0x2 = 2\n" in text
    with pytest.raises(HighmemError, match="outermost"):
        bench.text("finish")


def test_until_a_place(bench: Bench) -> None:
    view = bench.stop(f"until :{number('kfree(object)')}")
    assert view.place is not None
    assert view.place.line == number("kfree(object)")


@pytest.mark.parametrize(("what", "line", "new"), [
    ("thing.size", "t->size = value", 1), ("thing.parts.high", "t->parts.high", 2),
    ("-s 1 thing", "t->size = value", 1), ("struct thing.size {}", "t->size = value", 1),
])  # fmt: skip
def test_watch_a_variable(bench: Bench, what: str, line: str, new: int) -> None:
    bench.text("watch " + what.format("thing"))
    text = bench.text("continue")
    assert f"New value = 0x{new:x}\n" in text
    assert "Old value = 0x0, " in text
    code = bench.control.execution.event
    assert code is not None
    assert code.details is not None
    found = bench.control.source.row(code.details.eip)  # type: ignore[union-attr]
    assert found is not None
    assert found.line == number(line)


def test_watch_a_page_that_the_kernel_writes(bench: Bench) -> None:
    bench.text("break free_pages")
    call = bench.stop().call
    assert call is not None
    bench.text("delete 1")
    assert "physical" in bench.text(f"watch page {call['addr'] - 0xC0000000 >> 12:x}._count if old == 1")
    text = bench.text("continue")
    assert "_count: Old value = 0x1, New value = 0x0\n" in text
    assert "written by the kernel: the call free_pages" in text
    assert "  called from " in text
    bench.text("watch -p -s 4 100")
    assert "physical 00000100-00000103" in bench.text("info break")


def test_event_with_a_condition(bench: Bench) -> None:
    bench.text("break event kmalloc if bytes_req > 4096")
    text = bench.text("continue")
    assert re.search(r"  kmalloc: call_site=[0-9a-f]{8} ptr=[0-9a-f]{8} bytes_req=0x1388 bytes_alloc=0x2000", text)
    assert bench.stop().reason is Reason.EXITED


def test_fault_that_is_survived(dying: Bench) -> None:
    dying.text("break fault oops")
    text = dying.text("continue")
    assert "CR2=00000024" in text
    assert f"{number('0x24')}" in text
    eip = dying.monitor.session.cpu["eip"]
    size = len(bytes.fromhex(str(dying.monitor.execute(f"x /1i {eip:x}").data["code"][0]).replace(" ", "")))
    register = str(dying.monitor.execute(f"x /1i {eip:x}").data["values"][0]).rpartition("%")[2]
    dying.text(f"set ${register} = 2a")
    dying.text(f"set $pc = {eip + size:x}")
    assert dying.text("continue") == "[the program ended with status 42]\n"


def test_fault_that_is_not(dying: Bench) -> None:
    dying.text("break fault fixup")
    assert dying.text("continue") == "[the program ended with status 137]\n"


def test_context(bench: Bench) -> None:
    bench.text("break fill if value == 2")
    bench.stop()
    context = bench.monitor.execute("context")
    registers = {row.name: row for row in context.result.registers}
    assert registers["eip"].points == "<fill>"
    assert registers["eip"].before is not None
    current = [row for row in context.result.code if row.current]
    assert [row.address for row in current] == [registers["eip"].value]
    assert current[0].breakpoint == 1
    assert [frame.name.partition("+")[0] for frame in context.result.frames[:2]] == ["fill", "main"]
    assert context.result.stack[0].address == registers["esp"].value
    for title in ("registers", "code", "source", "stack", "backtrace"):
        assert f"---- {title}" in context.text
    assert "<>" not in context.text
    bench.text("set context = on")
    assert "---- registers" in bench.text("stepi")
    bench.text("set context=off")
    assert "---- registers" not in bench.text("stepi")


def test_registers_that_changed(bench: Bench) -> None:
    before = bench.monitor.session.cpu["esp"]
    bench.stop("stepi")
    row = next(row for row in bench.monitor.execute("context").result.registers if row.name == "esp")
    assert (row.value, row.before) == (before - 4, before)


def test_numbers(bench: Bench) -> None:
    bench.text("break fill")
    bench.text("watch thing.size")
    bench.text("disable 2")
    assert "disabled" in bench.text("info break")
    assert bench.stop("continue 3").call == {"t": bench.monitor.session.symbol("thing"), "value": 3}
    assert "hit 3 times" in bench.text("info break")
    bench.text("delete 1")
    bench.text("enable 2")
    assert bench.stop().number == 2


def test_again(bench: Bench) -> None:
    """The program is ended and run anew; the breakpoint is where the function is then."""
    bench.text("break fill")
    assert bench.stop().number == 1
    assert bench.text("kill") == "[the program ended with status 137]\n"
    with pytest.raises(CommandError, match="does not run"):
        bench.text("step")
    assert bench.stop("start").reason is Reason.ENTRY
    with pytest.raises(CommandError, match="runs already"):
        bench.text("run")
    assert bench.stop().number == 1
    bench.text("kill")
    assert bench.stop("run").number == 1


def test_other_commands_while_it_stands(bench: Bench) -> None:
    bench.text("break event kmalloc if bytes_req == 5000")
    bench.stop()
    for line in ("info registers", "slabinfo", "bt", "vtop $esp", "dis kmalloc", "x /4xw $esp", "info mem", "fsck"):
        assert not bench.monitor.execute(line).failed, line
    assert bench.stop().reason is Reason.EXITED


@pytest.mark.variants
@pytest.mark.parametrize("line", [
    "break nosuch", "break thing", "break 40", "break :9999", "break other.c:1", "break fill if x > 1",
    "break kmalloc if", "break fill if value >", "break event nosuch", "break fault frob=1",
    "break event kmalloc if nosuch == 1", "break --cpu", "watch", "watch fill", "watch thing.nosuch",
    "watch page 99999999.flags", "watch page zz.flags",
    "watch page 1.nosuch", "watch -s 0 thing", "watch -s 99999 thing", "watch 40", "delete 9", "delete x", "step 0",
    "continue x", "set", "set $nosuch=1", "set $eax", "until nosuch", "until 40", "finish now", "context now",
])  # fmt: skip
def test_wrong_lines(bench: Bench, line: str) -> None:
    with pytest.raises(HighmemError):
        bench.text(line)


def test_nothing_to_control() -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        monitor = Monitor(kernel)
        for line in ("break kmalloc", "continue", "info break", "start", "context", "watch 100"):
            with pytest.raises(CommandError, match="monitor -S"):
                monitor.execute(line)


# the command line


def highmem(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, cwd=ROOT, input=given, timeout=120,
        check=False,
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "program.c"
    path.write_text(PROGRAM)
    return str(path)


def test_monitor_S(source: str) -> None:
    done = highmem("monitor", "-S", source, "--ram", "64M", "-ex", "break fill if value == 4", "-ex", "continue", "-ex",
                   "finish", "-ex", "delete", "-ex", "continue", "-ex", "buddyinfo")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Breakpoint 1, " in done.stdout
    assert "fill returned 0x8 = 8" in done.stdout
    assert "[the program ended with status 20]" in done.stdout
    assert "zone" in done.stdout.partition("[the program")[2]


def test_monitor_S_json_and_errors(source: str) -> None:
    done = highmem("monitor", "-S", source, "--ram", "64M", "--json", "-ex", "break fill", "-ex", "continue",
                   "-ex", "frob")  # fmt: skip
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert (first["result"]["kind"], second["result"]["reason"]) == ("breakpoint", "breakpoint")
    assert second["result"]["call"]["value"] == 1
    assert "error" in third
    assert done.returncode == 1


def test_monitor_S_from_a_pipe_ends_what_still_runs(source: str) -> None:
    done = highmem("monitor", "-S", source, "--ram", "64M", given="break fill\ncontinue\nquit\n")
    assert done.returncode == 0, done.stderr
    assert "The program is loaded: " in done.stderr
    assert "Breakpoint 1, " in done.stdout


@pytest.mark.parametrize("arguments", [["-S"], ["-S", "x.c", "--timeout", "1"], ["-S", "x.c", "--gdb"]])
def test_wrong_command_lines(arguments: list[str]) -> None:
    assert highmem("monitor", *arguments).returncode == 2


BARE = str(ROOT / "guest" / "programs" / "bare" / "exceptions.c")


def test_a_bare_machine() -> None:
    done = highmem("run", "--bare", "-S", BARE, "-ex", "break main", "-ex", "continue", "-ex", "context", "-ex",
                   "stepi 2", "-ex", "watch -s 4 $esp-4", "-ex", "continue", "-ex", "info break", "-ex", "delete",
                   "-ex", "vtop $eip", "-ex", "continue")  # fmt: skip
    assert done.returncode == 1, done.stderr  # what the program writes to the port
    assert re.search(r"Breakpoint 1, [0-9a-f]{8} in main at ", done.stdout)
    assert re.search(r"=> [0-9a-f]{8} <main> ", done.stdout)
    assert "in main+0x3" in done.stdout
    assert "Watchpoint 2, " in done.stdout
    assert "hit 1 time" in done.stdout
    assert done.stdout.endswith("done\n[the program ended with status 1]\n")


def test_a_bare_machine_goes_on_when_the_commands_end() -> None:
    plain = highmem("run", "--bare", BARE)
    stopped = highmem("run", "--bare", "-S", BARE, "-ex", "break main if $eax == 12345678", "-ex", "stepi 1000",
                      "-ex", "frob")  # fmt: skip
    assert plain.stdout in stopped.stdout
    assert "in " in stopped.stdout.partition("\n")[0]
    assert (plain.returncode, stopped.returncode) == (1, 1)
    assert "frob" in stopped.stderr
    assert highmem("run", "--bare", "-S", BARE).returncode == 2


def test_ctrl_c_at_the_prompt(tmp_path: Path) -> None:
    """It stops the program where it is, and the prompt comes back."""
    path = tmp_path / "endless.c"
    path.write_text("volatile int spin = 1;\nint main(void)\n{\n\twhile (spin)\n\t\t;\n\treturn 9;\n}\n")
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "monitor", "-S", str(path), "--ram", "64M"], cwd=ROOT, stdin=terminal,
        stdout=terminal, stderr=terminal, start_new_session=True,
        env=os.environ | {"TERM": "dumb"},
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(terminal)
    seen = ""

    def wait_for(text: str) -> None:
        nonlocal seen
        end = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < end, seen
            if select.select([controller], [], [], 1)[0]:
                seen += os.read(controller, 65536).decode("utf-8", "replace")
        seen = seen.partition(text)[2]

    try:
        wait_for("(highmem) ")
        os.write(controller, b"set context=off\n")
        wait_for("(highmem) ")
        os.write(controller, b"continue\n")
        wait_for("continue")
        time.sleep(0.5)
        os.write(controller, b"\x03")
        wait_for("Interrupted: ")
        wait_for("(highmem) ")
        os.write(controller, b"set *spin=0\n")
        wait_for("(highmem) ")
        os.write(controller, b"continue\n")
        wait_for("[the program ended with status 9]")
        wait_for("(highmem) ")
        os.write(controller, b"quit\n")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)
