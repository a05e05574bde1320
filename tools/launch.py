"""Programs on machines: what the words of the command line have in common when they boot one and run the other."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from tools.command_line import SOURCES
from tools.options import apply_settings, boot_options, is_core
from tools.progress import Progress
from tools.trace.command import Tracing

if TYPE_CHECKING:
    from guest.coverage import Coverage
    from guest.elf import Program
    from guest.kernel import Kernel
    from mm.fault_inject import FaultInject
    from mm.layout import Layout


def boot_and_run(options: argparse.Namespace, output: TextIO) -> tuple[int, Kernel]:
    """Boot a machine and run the program on it, if there is one: its exit status, and the kernel afterwards."""
    from guest.elf import LoadError
    from guest.kernel import Kernel

    image = is_core(options.program)
    checks_access = options.check_access or options.check_uninit
    if checks_access and not image and options.slab_debug is None:
        options.slab_debug = "Z"
    if folder := os.path.dirname(getattr(options, "save", None) or ""):
        os.scandir(folder).close()  # before a run that would be lost
    boot = boot_options(options)
    tracing = Tracing(options) if getattr(options, "trace", None) else None
    program = load(options, boot.layout) if options.program and not image else None
    inject = _injection(options)
    kernel = Kernel.open(options.program) if image else Kernel.boot(boot, inject=inject)
    if inject is not None and options.fail:
        from guest.testing import fail_site

        fail_site(inject, kernel, options.fail)
    coverage = _coverage(kernel, options)
    apply_settings(options, kernel)
    if options.check_tlb or options.tlb_entries:
        kernel.check_tlb(options.tlb_entries)
    if checks_access:
        kernel.check_access(options.check_uninit)
    asks = options.commands or options.word in ("monitor", "report") or getattr(options, "save", None)
    if asks or options.faults is not None:
        _record_faults(kernel, options.faults)
        kernel.record_history()
    if options.verbose:
        sys.stderr.write(kernel.log.text())
    kernel.log.console = _console(output)
    status = 0
    if program is not None and not getattr(options, "stop", False):
        with tracing.record(kernel) if tracing else contextlib.nullcontext():
            try:
                with _controlled(kernel, options) as run:
                    status = run(program, [options.program, *options.arguments], timeout=options.timeout)
            except LoadError as error:
                more = [text for text in options.arguments if text.endswith(SOURCES)]
                hint = f" (its arguments are no part of the program: --with {more[0]}?)" if more else ""
                raise LoadError(f"{error}{hint}") from None
    elif image and options.word == "run":
        with tracing.record(kernel) if tracing else contextlib.nullcontext():
            status = kernel.resume(options.timeout)
    output.flush()
    if kernel.halt:
        why = f"after {options.timeout:g} s (--timeout)" if kernel.halt == "timeout" else "by Ctrl-C"
        sys.stderr.write(f"highmem: {options.program} was ended {why}\n")
    if coverage is not None:
        from tools.coverage import add_to

        add_to(options.coverage, coverage.files(kernel.symbols))
    if getattr(options, "save", None):
        from tools.save import save

        sys.stderr.write(save(kernel, options.save))
    return status, kernel


@contextlib.contextmanager
def _controlled(kernel: Kernel, options: argparse.Namespace) -> Iterator[Callable[..., int]]:
    """What runs a program: Kernel.run, or gdb's session with it."""
    if options.gdb is None:
        yield kernel.run
        return
    from tools.gdb.session import GdbSession

    def tell(line: str) -> None:
        print(f"highmem: {line}", file=sys.stderr, flush=True)

    with GdbSession(kernel, options.gdb, tell) as session:
        yield session.run


def _injection(options: argparse.Namespace) -> FaultInject | None:
    """What makes allocations fail, where an option asks for that."""
    if not any(getattr(options, name, None) for name in ("fail_nth", "fail_every", "fail")):
        return None
    from mm.fault_inject import FaultInject, Plan

    return FaultInject(Plan(options.fail_nth or 0, options.fail_every or 0, deep=options.fail_deep))


def _coverage(kernel: Kernel, options: argparse.Namespace) -> Coverage | None:
    if not getattr(options, "coverage", None):
        return None
    from guest.coverage import Coverage

    return Coverage(kernel)


def _record_faults(kernel: Kernel, wanted: str | None) -> None:
    """Record faults; print those that `wanted` chooses, if it is given, as they happen."""
    from guest.faults import Fault, FaultFilter

    chosen, log = FaultFilter(wanted or ""), kernel.record_faults()

    def tell(fault: Fault) -> None:
        if chosen(fault):
            sys.stderr.write(f"{fault}\n")

    if wanted is not None:
        log.listeners.append(tell)


def _console(output: TextIO) -> Callable[[str], None]:
    """What the kernel prints, as it comes."""

    def write(text: str) -> None:
        output.write(text)
        output.flush()

    return write


def load(options: argparse.Namespace, layout: Layout) -> Program:
    """The program of the command line, compiled if it is C; raises HighmemError or OSError."""
    from guest import cc, elf
    from guest.calls import SYMBOLS

    if options.program.endswith(SOURCES):
        return elf.read(compile_program(options, layout, "rel"), options.program)
    program = elf.read(options.program)
    if program.relocatable and any(name not in SYMBOLS for name in program.undefined):
        with contextlib.suppress(cc.CompileError):  # then the loader names what is missing
            return elf.read(compile_program(options, layout, "rel"), options.program)  # with the start library
    return program


def compile_program(options: argparse.Namespace, layout: Layout, output: Literal["rel", "exec"]) -> Path:
    """The ELF of the command line's C files. The compiler's own words go to stderr as they are."""
    from guest import cc

    progress = Progress(sys.stderr)

    def warn(text: str) -> None:
        progress.clear()
        sys.stderr.write(text)

    def step(line: str) -> None:
        (progress.line if line.startswith("$HIGHMEM_CC") else progress.status)(line)

    sources = _sources(options)
    cc.find_compiler(step)
    try:
        return cc.build(sources, layout, output, progress=progress.status, diagnostics=warn)
    except cc.CompileError as error:
        *diagnostics, reason = str(error).splitlines()
        progress.clear()
        sys.stderr.write("".join(f"{line}\n" for line in diagnostics))
        raise cc.CompileError(reason) from None
    finally:
        progress.clear()


def _sources(options: argparse.Namespace) -> list[Path]:
    """The C files of a program; OSError for one that cannot be read, before a compiler is looked for."""
    paths = [Path(options.program), *map(Path, options.with_files)]
    for path in paths:
        path.open("rb").close()
    return paths
