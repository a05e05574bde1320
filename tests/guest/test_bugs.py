"""Memory mistakes of guest/programs/bugs: what 2.6.20 makes of them, and all that slab debugging says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import EXIT_KILLED, Kernel
from hw.machine import Machine
from mm.fsck import fsck
from mm.setup import BootOptions

BUGS = cc.PROGRAMS / "bugs"
TOUR = cc.PROGRAMS / "tour.c"


@dataclass
class Bug:
    """A program: what it prints and returns without debugging, the flags that find the mistake, and the report.

    flags: of --slab-debug; with check_tlb it is --check-tlb that finds it.
    In a report {NAME} is the number of the line of the program with the comment or text NAME, * any text to the end of
    the line, % an address.
    """

    flags: str
    report: str
    status: int = 0
    silent: str = ""
    silent_status: int = 0
    check_tlb: bool = False


TRACE = " [<%>] *\n"
BUGS_KNOWN = {
    "overrun": Bug("Z", f"""\
slab error in verify_redzone_free(): cache `size-64': memory outside object was overwritten
{TRACE}{TRACE} =======================
Source: FILE:{{kfree(slots)}}
%: redzone 1:0x170fc2a5, redzone 2:0x0.
"""),
    "overrun U": Bug("ZU", f"""\
slab error in verify_redzone_free(): cache `size-64': memory outside object was overwritten
{TRACE}{TRACE} =======================
Source: FILE:{{kfree(slots)}}
%: redzone 1:0x170fc2a5, redzone 2:0x0.
Last user: [<%>](main+* [overrun])
Source: FILE:{{slots = kmalloc(}}
"""),
    "underrun": Bug("Z", f"""\
slab error in verify_redzone_free(): cache `size-128': memory outside object was overwritten
{TRACE}{TRACE} =======================
Source: FILE:{{kfree(packet)}}
%: redzone 1:0x6468c2a5, redzone 2:0x170fc2a5.
"""),
    "use_after_free_write": Bug("PU", """\
Slab corruption: start=%, len=32
Last user: [<%>](main+* [use_after_free_write])
Source: FILE:{kfree(connection)}
010: 6b 6b 6b 6b 6b 6b 6b 6b 6c 6b 6b 6b 6b 6b 6b a5
Prev obj: start=%, len=32
Last user: [<*
000: *
010: *
Next obj: start=%, len=32
Last user: [<*
000: *
010: *
"""),
    "use_after_free_read": Bug("P", """\
entry 0
BUG: unable to handle kernel paging request at virtual address 6b6b6b73
 printing eip:
%
...
EIP: [<%>] free_entries+* [use_after_free_read] SS:ESP 0068:%
Source: FILE:{entry->number);}
...
""", EXIT_KILLED, "entry 0\nentry 1\nentry 2\nall entries are freed\n"),
    "double_free": Bug("ZU", f"""\
slab error in verify_redzone_free(): cache `size-256': double free detected
{TRACE}{TRACE}{TRACE} =======================
Source: FILE:{{kfree(message}}
%: redzone 1:0x5a2cf071, redzone 2:0x5a2cf071.
Last user: [<%>](release+* [double_free])
Source: FILE:{{kfree(message}}
"""),
    "wrong_cache": Bug("F", """\
Source: FILE:{kmem_cache_free(}
------------[ cut here ]------------
kernel BUG at mm/slab_objects.py:*
invalid opcode: 0000 [#1]
...
""", EXIT_KILLED, """\
------------[ cut here ]------------
kernel BUG at mm/slab_objects.py:*
invalid opcode: 0000 [#1]
...
""", EXIT_KILLED),
    "leak": Bug("U", f"""\
slab error in kmem_cache_destroy(): cache `tickets': Can't free all objects
{TRACE}{TRACE} =======================
Source: FILE:{{kmem_cache_destroy(}}
""", 0, f"""\
slab error in kmem_cache_destroy(): cache `tickets': Can't free all objects
{TRACE}{TRACE} =======================
"""),
    "uninitialised": Bug("P", """\
device 1 is called e...
BUG: unable to handle kernel paging request at virtual address 5a5a5a5a
 printing eip:
%
...
EIP: [<%>] show+* [uninitialised] SS:ESP 0068:%
Source: FILE:{device->name[0]}
...
""", EXIT_KILLED, "device 1 is called e...\ndevice 2 is called e...\n"),
    "missing_tlb_flush": Bug("", """\
BUG: stale TLB entry on CPU 0: write of % at main+* [missing_tlb_flush]
Source: FILE:{window[16] = '2'}
TLB: %-% -> % (P|RW|A|D|G)
PTE at %: % (P|RW|A|D|G) -> % (P|RW|A|D|G)
Changed at 0.* on CPU 0 by move_window+* [missing_tlb_flush], and not invalidated since
Source: pgtable.h:*
Call Trace:
 [<%>] *
 =======================
the second page has its text
""", 0, "the second page has nothing\n", check_tlb=True),
}  # fmt: skip


def pattern(report: str, source: Path) -> re.Pattern[str]:
    """The regular expression of a report."""
    lines = source.read_text().splitlines()
    head = next(n for n, line in enumerate(lines, 1) if "*/" in line)

    def number(match: re.Match[str]) -> str:
        return str(next(n for n, line in enumerate(lines, 1) if n > head and match[1] in line))

    text = re.escape(re.sub(r"\{(.*?)\}", number, report).replace("FILE", source.name))
    text = text.replace(re.escape("...\n"), r"(?:.*\n)*?").replace(r"\*", ".*").replace("%", "[0-9a-f]{8}")
    return re.compile(re.sub(r"Source:\\ ", r"Source:\\ .*", text) + r"\Z")


def run(kernel: Kernel, source: Path) -> tuple[int, str]:
    before = len(kernel.log.text())
    status = kernel.run(elf.read(cc.build([source], kernel.layout), source.name), [source.name], 20)
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


def machine(**options: object) -> Kernel:
    return Kernel.boot(BootOptions(ram=64 << 20, **options))  # type: ignore[arg-type]


@pytest.fixture
def debugged() -> Iterator[Kernel]:
    with machine(slab_debug="") as kernel:
        yield kernel


@pytest.mark.parametrize("name", BUGS_KNOWN)
def test_report(name: str) -> None:
    """The flags that are meant for a mistake find it; the machine goes on, and all that it reports is in the log."""
    bug, source = BUGS_KNOWN[name], BUGS / f"{name.split()[0]}.c"
    with machine(slab_debug=None if bug.check_tlb else bug.flags) as kernel:
        if bug.check_tlb:
            kernel.check_tlb()
        status, text = run(kernel, source)
        assert status == bug.status
        assert pattern(bug.report, source).match(text), text


@pytest.mark.parametrize("name", [name for name in BUGS_KNOWN if " " not in name])
def test_without_debugging(name: str) -> None:
    bug, source = BUGS_KNOWN[name], BUGS / f"{name}.c"
    with machine() as kernel:
        status, text = run(kernel, source)
        assert status == bug.silent_status
        assert pattern(bug.silent, source).match(text), text


@pytest.mark.parametrize("name", [name for name in BUGS_KNOWN if " " not in name])
def test_the_machine_goes_on(name: str, debugged: Kernel) -> None:
    run(debugged, BUGS / f"{name}.c")
    status, text = run(debugged, TOUR)
    assert status == 0 and "WRONG" not in text and "corruption" not in text and "slab error" not in text


@pytest.mark.parametrize(
    ("flags", "program"),
    [
        ("P", "overrun"), ("P", "underrun"), ("FZU", "use_after_free_write"), ("FZU", "uninitialised"),
        ("PU", "double_free"),
    ],
)
def test_other_flags_do_not_see_it(flags: str, program: str) -> None:
    with machine(slab_debug=flags) as kernel:
        assert run(kernel, BUGS / f"{program}.c")[1] == BUGS_KNOWN[program].silent


def test_double_free_ends_in_a_bug_when_the_array_is_emptied(debugged: Kernel) -> None:
    run(debugged, BUGS / "double_free.c")
    assert any("double free" in damage.text for damage in fsck(debugged.ram).damages)
    before = len(debugged.log.text())
    with pytest.raises(Exception, match="kernel BUG at mm/slab_debug.py"):
        debugged.slab.kmem_cache_shrink(debugged.slab.find("size-256"))
    said = debugged.log.text()[before:]
    assert re.search(r"slab: double free detected in cache 'size-256', objp [0-9a-f]{8}\n", said)


WRITER = """\
#include <linux/slab.h>
int main(void)
{
	char *object = kmalloc(64, GFP_KERNEL);

	kfree(object);
	object[5] = 'x';
	return 0;
}
"""


def test_fsck_names_a_write_before_the_kernel_meets_it(debugged: Kernel, tmp_path: Path) -> None:
    source = tmp_path / "writer.c"
    source.write_text(WRITER)
    assert run(debugged, source) == (0, "")
    damages = fsck(debugged.ram).damages
    assert [(d.structure, d.field) for d in damages] == [("object of size-64", "byte 5")]
    assert damages[0].text.startswith("is 0x78, should be 0x6b: written to while it is free, freed at ")
    freed_at = int(damages[0].text.split()[-1], 16)
    assert debugged.symbols.line(freed_at - 1) == (str(source), 6)


def test_a_saved_machine_goes_on_checking(debugged: Kernel, tmp_path: Path) -> None:
    debugged.machine.save(tmp_path / "image")
    with Kernel.attach(Machine.load(tmp_path / "image")) as kernel:
        status, text = run(kernel, BUGS / "overrun.c")
        assert status == 0 and pattern(BUGS_KNOWN["overrun U"].report, BUGS / "overrun.c").match(text), text


def test_wild_kfree(debugged: Kernel, tmp_path: Path) -> None:
    for number, (address, said) in enumerate((
        ("0x12345678", "kfree_debugcheck: out of range ptr 12345678h.\n"), ("&main", "out of range ptr"),
        ("__get_free_page(GFP_KERNEL)", ""), ("mem_map", ""),
    )):  # fmt: skip
        source = tmp_path / f"wild{number}.c"
        source.write_text(f"#include <linux/slab.h>\n#include <linux/mm.h>\nint main(void)\n{{\n"
                          f"\tkfree((void *){address});\n\treturn 0;\n}}\n")  # fmt: skip
        status, text = run(debugged, source)
        assert status == EXIT_KILLED
        assert re.search(rf"{said}.*(?:\n)?Source: .*wild{number}.c:5\n-+\[ cut here ]-+\nkernel BUG at mm/slab", text)


def test_an_address_inside_an_object_is_a_bug(debugged: Kernel, tmp_path: Path) -> None:
    source = tmp_path / "inside.c"
    source.write_text("#include <linux/slab.h>\nint main(void)\n{\n\tkfree(kmalloc(64, GFP_KERNEL) + 8);\n}\n")
    status, text = run(debugged, source)
    assert status == EXIT_KILLED
    assert "memory outside object was overwritten" in text and "kernel BUG at mm/slab_debug.py" in text
