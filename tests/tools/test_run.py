"""The commands end to end, as processes: a kernel program from C to its exit status, and the monitor after it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mm.events import FIELDS

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "guest" / "programs"
COMMAND = [sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SMALL = ("--ram", "16M")

HELLO = """
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
int main(int argc, char **argv)
{
	int i;
	void *object = kmalloc(100, GFP_KERNEL), *area = vmalloc(8192);
	for (i = 1; i < argc; i++)
		printk(KERN_INFO "[%s]\\n", argv[i]);
	printk("%p %p\\n", object, area);
	kfree(object);
	vfree(area);
	return 40 + argc;
}
"""
FOREVER = "int main(void) { for (;;) ; }\n"


@pytest.fixture
def hello(tmp_path: Path) -> str:
    (tmp_path / "hello.c").write_text(HELLO)
    return str(tmp_path / "hello.c")


def highmem(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in result.stderr
    return result


# run


def test_run_gives_the_programs_output_and_status(hello: str, tmp_path: Path) -> None:
    result = highmem("run", "hello.c", "one", *SMALL, "--", "-v", cwd=tmp_path)
    assert result.returncode == 43
    assert result.stdout.startswith("[one]\n[-v]\n") and result.stderr == ""


def test_run_shows_the_boot_log_on_stderr(hello: str) -> None:
    result = highmem("run", hello, "-v", *SMALL)
    assert result.stderr == highmem("boot", *SMALL).stdout
    assert "Linux version 2.6.20" in result.stderr and "Linux version" not in result.stdout


def test_an_oops_is_killed() -> None:
    result = highmem("run", str(PROGRAMS / "oops.c"))
    assert result.returncode == 137
    assert "BUG: unable to handle kernel paging request" in result.stdout


def test_timeout_and_control_c(tmp_path: Path) -> None:
    (tmp_path / "forever.c").write_text(FOREVER)
    line = ["run", str(tmp_path / "forever.c"), *SMALL]
    result = highmem(*line, "--timeout", "0.5")
    assert result.returncode == 124
    assert result.stderr == f"highmem: {tmp_path}/forever.c was ended after 0.5 s (--timeout)\n"
    with subprocess.Popen([*COMMAND, *line], cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, f"highmem: {tmp_path}/forever.c was ended by Ctrl-C\n")


def test_monitor_commands_after_the_run(hello: str) -> None:
    result = highmem("run", hello, *SMALL, "-ex", "x /uw jiffies", "-ex", "vtop kmalloc", "--json")
    lines = result.stdout.splitlines()
    answers = [json.loads(line) for line in lines[-2:]]
    assert result.returncode == 41 and result.stderr == ""
    assert answers[0]["command"] == "x /uw jiffies" and len(answers[0]["result"]["values"]) == 1
    assert answers[1]["result"]["levels"][0]["flags"][:2] == ["PRESENT", "RW"]


def test_a_failed_command_shows_in_the_status_of_a_good_program(tmp_path: Path) -> None:
    (tmp_path / "good.c").write_text("int main(void) { return 0; }\n")
    result = highmem("run", str(tmp_path / "good.c"), *SMALL, "-ex", "vtop nowhere", "-ex", "info mem")
    assert result.returncode == 1 and "direct map" in result.stdout
    assert result.stderr == (
        "highmem: error: vtop: 'nowhere' is no symbol and no hexadecimal number; "
        "usage: vtop [--cr3 PA|--pid N] ADDR\n"
    )


def test_trace(hello: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    result = highmem("run", hello, *SMALL, "--trace", str(first))
    highmem("run", hello, *SMALL, "--trace", str(second))
    assert first.read_bytes() == second.read_bytes()
    events = [json.loads(line) for line in first.read_text().splitlines()]
    for event in events:
        assert list(event) == ["ts", "cpu", "event", *FIELDS[event["event"]]]
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    object_address, area = (int(word, 16) for word in result.stdout.split())
    made = next(event for event in events if event["event"] == "kmalloc" and event["ptr"] == object_address)
    assert (made["bytes_req"], made["bytes_alloc"], made["gfp_flags"]) == (100, 128, 0xD0)
    assert any(event["event"] == "kfree" and event["ptr"] == object_address for event in events)
    assert any(event["event"] == "vfree" and event["ptr"] == area for event in events)


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "talk.c").write_text(
        '#include <linux/kernel.h>\nint main(void) { for (;;) printk("talk\\n"); return 0; }\n'
    )
    line = [*COMMAND, "run", str(tmp_path / "talk.c"), *SMALL]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, cwd=ROOT, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "talk\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


# build


def test_build_and_run(hello: str, tmp_path: Path) -> None:
    elf = tmp_path / "hello"
    assert highmem("build", hello, "-o", str(elf)).returncode == 0
    assert elf.read_bytes()[:4] == b"\x7fELF"
    assert highmem("run", str(elf), *SMALL).returncode == 41


def test_several_files(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int five(void);\nint main(void) { return five(); }\n")
    (tmp_path / "b.c").write_text("int five(void) { return 5; }\n")
    assert highmem("run", str(tmp_path / "a.c"), "--with", str(tmp_path / "b.c"), *SMALL).returncode == 5


def test_the_compilers_words_come_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int main(void) { return nothing; }\n")
    result = highmem("run", "bad.c", cwd=tmp_path)
    assert result.returncode == 125 and result.stdout == ""
    lines = result.stderr.splitlines()
    assert any(line.startswith("bad.c:1:") and "nothing" in line for line in lines)
    assert lines[-1].startswith("highmem: error: bad.c: does not compile (")


# monitor


def test_monitor_answers_and_ends() -> None:
    result = highmem("monitor", *SMALL, "-ex", "vtop c0100000", "-ex", "x/2i kmalloc")
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.startswith("VIRTUAL   PHYSICAL\nc0100000  100000\n") and "<kmalloc>" in result.stdout


def test_the_texts_of_proc_and_their_data() -> None:
    result = highmem("monitor", "--ram", "1G", "-ex", "buddyinfo", "-ex", "slabinfo", "-ex", "vmallocinfo")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    for line, zone in zip(lines, ("DMA", "Normal", "HighMem")):
        assert re.fullmatch(rf"Node 0, zone {zone:>8} (?: *\d+ ){{11}}", line) and len(line) == 22 + 11 * 7
    assert lines[3] == "slabinfo - version: 2.1"
    assert re.search(r"^size-32 {11} +\d+ +\d+     32  113    1 : tunables  120   60    0 : ", result.stdout, re.M)
    result = highmem("monitor", "--json", "-ex", "buddyinfo", "-ex", "slabinfo", "-ex", "dmesg")
    zones, caches, log = (json.loads(line)["result"] for line in result.stdout.splitlines())
    assert [zone["zone"] for zone in zones] == ["DMA", "Normal", "HighMem"] and len(zones[0]["nr_free"]) == 11
    assert {"size-32", "size-131072"} <= {cache["name"] for cache in caches}
    assert log[0].startswith("Linux version 2.6.20")


def test_fsck() -> None:
    result = highmem("monitor", "--ram", "64M", "-ex", "fsck")
    assert result.returncode == 0 and result.stdout.endswith("\nno damage found\n"), result.stdout
    assert re.search(r"^total +16384 frames$", result.stdout, re.M)


def test_fsck_finds_what_a_program_damaged(tmp_path: Path) -> None:
    (tmp_path / "twice.c").write_text(
        "#include <linux/slab.h>\n"
        "int main(void) { void *p = kmalloc(64, GFP_KERNEL); kfree(p); kfree(p); return 0; }\n"
    )
    line = ["run", str(tmp_path / "twice.c"), *SMALL, "-ex", "fsck"]
    result = highmem(*line)
    assert result.returncode == 1 and result.stderr == ""
    assert re.search(r"^\d+ damages? found$", result.stdout, re.M) and "no damage" not in result.stdout
    damages = json.loads(highmem(*line, "--json").stdout)["result"]["damages"]
    assert damages and set(damages[0]) == {"structure", "address", "field", "text"}


def test_monitor_reads_commands_from_a_pipe() -> None:
    result = subprocess.run(
        [*COMMAND, "monitor", *SMALL], input="help vtop\n\nnonsense\nquit\ndmesg\n", cwd=ROOT, env=ENVIRONMENT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1 and result.stdout.startswith("vtop [--cr3 PA|--pid N] ADDR: ")
    assert result.stderr == "highmem: error: 'nonsense' is no command; 'help' lists them\n"
    assert "Linux version" not in result.stdout


def test_monitor_after_a_program_keeps_stdout_for_answers(hello: str) -> None:
    result = highmem("monitor", hello, "word", *SMALL, "-ex", "info mem", "--json")
    assert result.returncode == 0 and "[word]" in result.stderr
    assert json.loads(result.stdout)["command"] == "info mem"


def read_until(terminal: int, text: str, seconds: float = 30) -> str:
    seen = ""
    end = time.monotonic() + seconds
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{text!r} did not come; what came: {seen!r}"
        try:
            seen += os.read(terminal, 4096).decode()
        except OSError:
            raise AssertionError(f"{text!r} did not come; what came: {seen!r}") from None
    return seen


def test_the_prompt_completes_and_remembers(tmp_path: Path) -> None:
    pytest.importorskip("readline")
    environment = {**ENVIRONMENT, "HIGHMEM_CACHE": str(tmp_path), "TERM": "dumb"}

    def session(*typed: tuple[str, str]) -> None:
        here, there = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, "monitor", *SMALL], stdin=there, stdout=there, stderr=there, cwd=ROOT, env=environment
        ) as process:
            os.close(there)
            try:
                read_until(here, "(highmem) ")
                for keys, expected in typed:
                    os.write(here, keys.encode())
                    read_until(here, expected)
                os.write(here, b"quit\n")
                assert process.wait(30) == 0
            finally:
                process.kill()
        os.close(here)

    session(("inf\tm\t\n", "direct map"), ("vt\tc0100000\n", "PAGE DIRECTORY"), ("vtop +\n", "usage: vtop [--cr3"))
    assert (tmp_path / "monitor_history").read_text().splitlines()[:2] == ["info mem ", "vtop c0100000"]
    session(("\x10\x10\x10\x10\n", "direct map"))
