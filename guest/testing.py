"""Guest programs as tests: run one on a machine of its own, and judge what it said and what it left behind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePath

from guest import ktap
from guest.coverage import Coverage, Files
from guest.elf import Program
from guest.kernel import EXIT_KILLED, Kernel
from mm.errors import DamagedMemory
from mm.fault_inject import FaultInject, Plan
from mm.fsck import Damage, fsck
from mm.layout import PAGE_SHIFT
from mm.setup import BootOptions

KUNIT_SECTION = ".kunit_test_suites"
#: what is looked at after a test, each by its name
CHECKS = {
    "status": "the exit status is 0",
    "log": "no oops, BUG, WARNING, bad page or slab error was printed",
    "leaks": "what was allocated is freed or can still be reached, and every kmap was undone",
    "fsck": "every frame of RAM is accounted for and every structure sound",
    "watermarks": "no zone is below its low watermark",
    "access": "with --check-access: no access to memory that is nobody's",
    "uninit": "with --check-uninit: nothing depends on memory that was never written",
    "tlb": "with --check-tlb: no access could use a stale translation",
}
_MOST_LEAKS = 20
_MOST_DAMAGES = 20
_WRONG = re.compile(
    r"BUG: |kernel BUG at |Oops: |Kernel panic|Bad page state|bad page|slab error in |Slab corruption|WARNING: |"
    r"Badness |Trying to vfree|exited with preempt_count|deadlock"
)  # fmt: skip
_BY_TOOLS = {"uninit": "BUG: KMSAN: ", "access": "BUG: KASAN: ", "tlb": "BUG: stale TLB entry"}
_KUNIT_FAILED = re.compile(r" *# (?P<case>[^:]*): (?:EXPECTATION|ASSERTION) FAILED at (?P<file>[^:]*):(?P<line>\d+)")
_SOURCE = re.compile(r"Source: (?P<file>.*):(?P<line>\d+)\Z")
_BUG_AT = re.compile(r"kernel BUG at (?P<file>[^:]*(?<!\.py)):(?P<line>\d+)")  # not in a call: there the caller is told
# How test modules end that are done when they are loaded: -EAGAIN, so that no one has to remove them.
_NOT_TO_STAY = re.compile(r"insmod: error inserting '.*': -11$", re.MULTILINE)
_TRACE_END = " ======================="
_RULE = "=" * 66  # around a report of guest.access_check
LIBRARY = "guest/lib/"  # where the start library's sources are, as the compiler names them
_FRAME = re.compile(r" \[<(?P<address>[0-9a-f]{8})>\] ")


@dataclass(frozen=True)
class Failure:
    """What was wrong. check: a name of CHECKS, "assert" (the test's own), "tap" or "timeout". file, line: "" and 0
    where they are not known.
    """

    check: str
    text: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        return f"{where}{self.check}: {self.text}"


@dataclass
class Part:
    """A result that the test itself gave: of one KUnit case, or of a line of TAP."""

    name: str
    outcome: str
    failures: list[Failure] = field(default_factory=list)
    why: str = ""


@dataclass
class CaseResult:
    """How a test ended. outcome: "passed", "failed" or "skipped"; why: of a skip. failures: all that was wrong. parts:
    what it said of itself in TAP. time_ns: virtual. coverage: by source file, where it was asked for. choices: what a
    schedule decided; none: another one would change nothing.
    """

    name: str
    outcome: str
    status: int
    failures: list[Failure]
    parts: list[Part]
    output: str
    time_ns: int
    why: str = ""
    coverage: Files = field(default_factory=dict)
    choices: int = 0


@dataclass(frozen=True)
class Setup:
    """How a test is run. off: names of CHECKS that are left out. timeout: host seconds. settings: tunables of the
    kernel and their values. plan: which allocations fail; site: and those of call sites that this names, as "make",
    "make+0x10*" or "*list.c:12". coverage: count the source lines that are run. check_...: with the tool of that name.
    expect: texts that it must print; a report in a line with one of them is none.
    """

    boot: BootOptions = field(default_factory=lambda: BootOptions(ram=64 << 20))
    off: frozenset[str] = frozenset()
    timeout: float = 60.0
    arguments: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    plan: Plan | None = None
    site: str = ""
    coverage: bool = False
    check_access: bool = False
    check_uninit: bool = False
    check_tlb: bool = False
    expect: tuple[str, ...] = ()

    @property
    def watched(self) -> bool:
        """Whether a tool watches the program."""
        return self.check_access or self.check_uninit or self.check_tlb

    def watch(self, kernel: Kernel) -> None:
        """Begin with the tools that were asked for."""
        if self.check_access or self.check_uninit:
            kernel.check_access(self.check_uninit)
        if self.check_tlb:
            kernel.check_tlb()


def is_kunit(program: Program) -> bool:
    """Whether a program has KUnit suites that the library's main() runs."""
    return program.file.section(KUNIT_SECTION) is not None


def kunit_cases(program: Program, setup: Setup) -> list[str]:
    """The program's cases, each as "suite.case", in their order."""
    text: list[str] = []
    with Kernel.boot(setup.boot, console=text.append) as kernel:
        text.clear()
        kernel.run(program, [program.name, "kunit.action=list"], setup.timeout)
    return [line for line in "".join(text).splitlines() if "." in line]


def run_case(program: Program, setup: Setup, case: str = "") -> CaseResult:
    """Run a program, or one KUnit case ("suite.case") of it, and judge it. Raises LoadError where it does not load."""
    text: list[str] = []
    arguments = [program.name, *setup.arguments]
    if case:
        arguments.append(f"kunit.filter_glob={case}")
    inject = FaultInject(setup.plan) if setup.plan or setup.site else None
    with Kernel.boot(setup.boot, inject=inject) as kernel:
        kernel.log.console = text.append
        kernel.record_history()
        for key, value in setup.settings:
            kernel.set_sysctl(key, value)
        if inject is not None and setup.site:
            fail_site(inject, kernel, setup.site)
        setup.watch(kernel)
        coverage = Coverage(kernel) if setup.coverage else None
        before = kernel.runner.choices
        status = kernel.run(program, arguments, setup.timeout, stay=True)
        choices = kernel.runner.choices - before
        result = judge(kernel, case or program.name, status, "".join(text), setup)
        result.choices = choices
        if coverage is not None:
            result.coverage = coverage.files(kernel.symbols)
        return result


def fail_site(inject: FaultInject, kernel: Kernel, pattern: str) -> None:
    """From now on the allocations of the call sites that a glob names fail, too."""
    inject.plan = replace(inject.plan, site=lambda address: names_site(kernel, pattern, address))


def names_site(kernel: Kernel, pattern: str, address: int) -> bool:
    """Whether a glob names a call site: by its function, function+0xoffset, or file:line."""
    name, offset, _ = kernel.symbol_at(address) or ("", 0, 0)
    line = kernel.symbols.line(address - 1)
    words = [name, f"{name}+{offset:#x}"]
    if line:
        words += [f"{line[0]}:{line[1]}", f"{PurePath(line[0]).name}:{line[1]}"]
    return any(fnmatchcase(word, pattern) for word in words if word)


def judge(kernel: Kernel, name: str, status: int, output: str, setup: Setup) -> CaseResult:
    """What a program that has ended with `status` did. output: of its console."""
    parts, failures = _said(output, ended=kernel.halt is None and status != EXIT_KILLED)
    said_failed = any(part.outcome == "failed" for part in parts)
    if kernel.halt is not None:
        failures.append(Failure("timeout", f"it had not ended after {setup.timeout:g} s"))
    else:
        failures += [Failure("log", f"it did not print {text!r}") for text in setup.expect if text not in output]
        unexpected = "\n".join(line for line in output.splitlines() if not any(map(line.__contains__, setup.expect)))
        wanted = [check for check in _CHECKS if check not in setup.off]
        for check in wanted:
            if check == "status" and said_failed and status != EXIT_KILLED:
                continue  # the status of a KUnit program says no more than its results
            failures += _CHECKS[check](kernel, status, output if check == "status" else unexpected)
        kernel.unload()
    skipped = bool(parts) and all(part.outcome == "skipped" for part in parts)
    outcome = "failed" if failures or said_failed else "skipped" if skipped else "passed"
    why = parts[0].why if outcome == "skipped" else ""
    return CaseResult(name, outcome, status, failures, parts, output, kernel.clock(), why)


# what it said


def _said(output: str, ended: bool) -> tuple[list[Part], list[Failure]]:
    """The results of a TAP stream; the failures of all of them, and, of a program that ended by itself, what is wrong
    with the stream.
    """
    if not ktap.is_tap(output):
        return [], []
    report = ktap.parse(output)
    parts = []
    for result in report.results:
        failures = list(_asserts(result)) if result.outcome == "failed" else []
        parts.append(Part(".".join(result.name), result.outcome, failures, result.why))
    wrong = [Failure("tap", text) for text in report.wrong] if ended else []
    return parts, [*(failure for part in parts for failure in part.failures), *wrong]


def _asserts(result: ktap.Result) -> Iterator[Failure]:
    """KUnit's expectations that failed, with what was expected; or the diagnostics of another failure."""
    found: list[tuple[re.Match[str], list[str]]] = []
    reported = False  # by --check-...
    for line in result.lines:
        if match := _KUNIT_FAILED.match(line):
            found.append((match, []))
        elif line == _RULE:
            reported = not reported
        elif found and not reported and line.startswith("    ") and not line.lstrip().startswith("#"):
            found[-1][1].append(line[4:])
    for match, lines in found:
        yield Failure("assert", "\n".join(lines) or "failed", match["file"], int(match["line"]))
    if not found:
        said = "\n".join(line.strip().lstrip("# ") for line in result.lines if line.strip())
        yield Failure("assert", said or f"{'.'.join(result.name)} is not ok")


# what it left


def _check_status(kernel: Kernel, status: int, output: str) -> Iterator[Failure]:
    if status == EXIT_KILLED and _WRONG.search(output):
        return  # the log says of what
    if status and not (status == 1 and _NOT_TO_STAY.search(output)):
        yield Failure("status", f"it ended with status {status}")


def _reports(kernel: Kernel, status: int, output: str, check: str = "log") -> Iterator[Failure]:
    """Each report of the kernel's, or of the tool of a check, with its source line: the one that follows it, or that of
    the first of its callers that has one. For a line of the start library stands the program's that called it.
    """
    lines = output.splitlines()
    told: set[Failure] = set()
    for number, line in enumerate(lines):
        if not _WRONG.search(line) or line.startswith("Oops: ") and number:
            continue
        if line.startswith("BUG: at ") and number and _WRONG.search(lines[number - 1]):
            continue  # the warning that belongs to it
        if next((name for name, words in _BY_TOOLS.items() if words in line), "log") != check:
            continue
        failure = Failure(check, line.strip(), *_place(kernel, lines[number:]))
        if failure not in told:
            told.add(failure)
            yield failure


def _place(kernel: Kernel, lines: Sequence[str]) -> tuple[str, int]:
    """File and line of a report that begins with the first of these lines; "" and 0 where they are not known."""
    if found := _BUG_AT.search(lines[0]):
        return found["file"], int(found["line"])
    source: tuple[str, int] | None = None
    caller: tuple[str, int] | None = None
    in_trace = True
    for line in lines[1:]:
        if _WRONG.search(line) and not line.startswith(("Oops: ", "BUG: at ")):
            break
        in_trace &= line != _TRACE_END
        if found := _SOURCE.match(line.strip()):
            source = source or (found["file"], int(found["line"]))
        elif in_trace and not caller and (frame := _FRAME.match(line)):
            place = kernel.symbols.line(int(frame["address"], 16) - 1)
            caller = None if place and place[0].startswith(LIBRARY) else place
    in_library = source is not None and source[0].startswith(LIBRARY)
    return (caller or source if in_library else source or caller) or ("", 0)


def _check_leaks(kernel: Kernel, status: int, output: str) -> Iterator[Failure]:
    if status == EXIT_KILLED:
        return  # a program that died could not clean up
    try:
        found = kernel.unreferenced()
        leaks = kernel.leaks(found, _MOST_LEAKS)
        kmaps = kernel.kmap_state()
    except DamagedMemory as error:
        yield Failure("leaks", f"no search is possible: {error}")
        return
    now = kernel.clock()
    for leak in leaks:
        what = f"{leak.size} bytes of {leak.cache}" if leak.cache else f"{leak.size} bytes of {leak.kind}"
        where = f" at {leak.address:08x}" if leak.address is not None else f", frame {leak.pfn:05x}"
        owners = kernel.owners
        owner = owners.physical(leak.pfn << PAGE_SHIFT) if leak.address is None else owners.linear(leak.address)
        site = owner.allocated
        caller, since = (site.address, site.time_ns) if site else (0, None)
        yield _by(kernel, f"{what}{where} cannot be reached any more", caller, since, now)
    if len(found) > len(leaks):
        yield Failure("leaks", f"{len(found) - len(leaks)} more things cannot be reached any more")
    for slot in kmaps.slots:
        if slot.users:
            caller = slot.holder.caller if slot.holder else 0
            yield _by(kernel, f"kmap at {slot.address:08x} was never undone", caller, None, now)
    for window in kmaps.atomic:
        site = kernel.history.pointer(window.address)[0] if kernel.history else None
        text = f"kmap_atomic of {window.km_type} on CPU {window.cpu} was never undone"
        yield _by(kernel, text, site.address if site else 0, None, now)


def _by(kernel: Kernel, text: str, caller: int, since: int | None, now: int) -> Failure:
    """A leak, with who allocated it and how long ago."""
    age = f", {(now - since) / 1e9:.6f} s ago" if since is not None else ""
    if not caller:
        return Failure("leaks", text + age)
    line = kernel.symbols.line(caller - 1)
    words = f"{text}; allocated by {kernel.oops.name(caller)}{age}"
    return Failure("leaks", words, *line) if line else Failure("leaks", words)


def _check_fsck(kernel: Kernel, status: int, output: str) -> Iterator[Failure]:
    kernel.unload()  # what is there for the program alone, as a cache, must not outlive it
    damages = fsck(kernel.ram, kernel.text(), [cpu["cr3"] for cpu in kernel.machine.cpus]).damages
    for damage in damages[:_MOST_DAMAGES]:
        yield Failure("fsck", str(damage), *_who(kernel, damage) or ("", 0))
    if len(damages) > _MOST_DAMAGES:
        yield Failure("fsck", f"{len(damages) - _MOST_DAMAGES} more damages")


def _who(kernel: Kernel, damage: Damage) -> tuple[str, int] | None:
    """The line that allocated, or freed, the page or the slab object that is damaged."""
    if damage.structure.startswith(("struct page ", "frame ")) and kernel.history:
        allocated, freed = kernel.history.pages(kernel.page_alloc.page_to_pfn(damage.address))
    else:
        owner = kernel.owners.linear(damage.address)
        if owner.kind != "slab object" or owner.start != damage.address:
            return None
        allocated, freed = owner.allocated, owner.freed
    site = allocated or freed
    return kernel.symbols.line(site.address - 1) if site and site.address else None


def _check_watermarks(kernel: Kernel, status: int, output: str) -> Iterator[Failure]:
    try:
        zones = kernel.zoneinfo()
    except DamagedMemory:
        return  # fsck tells
    for zone in zones:
        if zone.free < zone.low:
            text = f"zone {zone.zone} has {zone.free} pages free, below its low watermark of {zone.low}"
            yield Failure("watermarks", text)


_CHECKS: dict[str, Callable[[Kernel, int, str], Iterator[Failure]]] = {
    "status": _check_status, "log": _reports, "leaks": _check_leaks, "fsck": _check_fsck,
    "watermarks": _check_watermarks, **{name: partial(_reports, check=name) for name in ("access", "uninit", "tlb")},
}  # fmt: skip
assert list(_CHECKS) == list(CHECKS)


def summary(results: Sequence[CaseResult]) -> str:
    """'3 passed, 1 failed'."""
    counts = Counter(result.outcome for result in results)
    words = f"{counts['passed']} passed, {counts['failed']} failed"
    return words + (f", {counts['skipped']} skipped" if counts["skipped"] else "")
