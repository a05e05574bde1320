"""A machine from a script or a notebook, in a few lines.

    from tools.commands.translate import vtop
    from tools.script import run

    with run("guest/programs/oops.c", ram="64M") as machine:
        print(vtop(machine, 0xC1000000).physical)
        print(machine.faults[0])

Every monitor command is a typed function of a machine and its arguments; `COMMAND --python` prints the call.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import enum
import html
import io
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from hw.errors import HighmemError
from tools.errors import CommandError
from tools.session import Session

if TYPE_CHECKING:
    from guest.faults import FaultLog
    from guest.kernel import Kernel
    from tools.registry import Answer, Command

#: what an option of the command line can be here: --pae is pae=True, --sysctl twice is sysctl=[..., ...]
Option = str | int | float | bool | Sequence[str] | None


class Script(Session):
    """A machine: a Session, so that every command takes it, which closes its kernel at the end of a `with`.

    status: the program's exit status, None where none was run.
    """

    def __init__(self, kernel: Kernel, status: int | None) -> None:
        super().__init__(kernel)
        self.status = status
        _show_in_notebooks()

    @property
    def faults(self) -> FaultLog:
        """Every fault of the program, explained."""
        return self.kernel.record_faults()

    def ask(self, line: str) -> Answer:
        """The answer to a command line as at the prompt: `text`, `data`, `result`. CommandError for a wrong one."""
        from tools.commands import standard
        from tools.monitor import Monitor

        return Monitor.over(self, standard()).execute(line)

    def close(self) -> None:
        """Give the machine back."""
        self.kernel.close()

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        """The machine in a notebook: its report."""
        from tools.report.collect import collect
        from tools.report.page import page

        facts = [("virtual time", f"{self.kernel.clock() / 1e9:.6f} s")]
        text = page(collect(self.kernel, "machine", facts, None, None))
        return f'<iframe srcdoc="{html.escape(text)}" style="width: 100%; height: 640px; border: 0"></iframe>'


@cache
def _show_in_notebooks() -> None:
    """Give the result of every command that is an object of its own the text of that command as its picture."""
    from tools.commands import standard

    for command in standard().commands.values():
        module = sys.modules[command.compute.__module__]
        shown: Any = getattr(module, command.compute.__annotations__.get("return", ""), None)
        if hasattr(shown, "__dataclass_fields__") and not hasattr(shown, "_repr_html_"):
            shown._repr_html_ = lambda result, text=command.text: f"<pre>{html.escape(text(result))}</pre>"


def boot(**options: Option) -> Script:
    """A machine on which no program has run yet. options: those of the command line, as ram="64M", pae=True."""
    return _machine([], options, sys.stdout)


def run(program: str, *arguments: str, output: TextIO | None = None, **options: Option) -> Script:
    """Run a program (a C file or an ELF) on a new machine to its end. What it prints goes to `output`, sys.stdout.

    Raises HighmemError for a program or option that cannot be (CompileError, LoadError, ...), OSError.
    """
    return _machine(["--", program, *arguments], options, output or sys.stdout)


def open_image(path: str) -> Script:
    """A machine that `run --save` wrote. Raises ImageError, BootError or OSError."""
    from guest.kernel import Kernel

    return Script(Kernel.open(path), None)


def _machine(words: list[str], options: dict[str, Option], output: TextIO) -> Script:
    from tools.command_line import parse
    from tools.launch import boot_and_run

    line = ["monitor", *_words(options), *words]
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            parsed = parse(line)
    except SystemExit:
        raise HighmemError(errors.getvalue().rpartition("error: ")[2].strip() or f"not options: {options}") from None
    status, kernel = boot_and_run(parsed, output)
    machine = Script(kernel, status if words else None)
    machine.origin = origin(parsed)
    return machine


def _words(options: dict[str, Option]) -> Iterable[str]:
    """Options as words of a command line."""
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        for each in [value] if isinstance(value, str) or not isinstance(value, Sequence) else value:
            if each is True:
                yield option
            elif each is not None and each is not False:
                yield f"{option}={each}"


# Python for a command line

_NOT_OPTIONS = ("word", "program", "arguments", "commands", "json", "verbose", "help", "save", "output")


def origin(options: argparse.Namespace) -> str:
    """The call that makes the machine of a command line."""
    from tools.command_line import parsers
    from tools.options import is_core

    if is_core(options.program):
        return f"open_image({options.program!r})"
    given = [repr(word) for word in [options.program, *options.arguments] if word is not None]
    for action in parsers()[1]["monitor"]._actions:
        value = getattr(options, action.dest, action.default)
        if action.option_strings and value != action.default and action.dest not in _NOT_OPTIONS:
            name = action.option_strings[-1].lstrip("-").replace("-", "_")
            given.append(f"{name}={_option(value)!r}")
    return f"{'run' if options.program else 'boot'}({', '.join(given)})"


def _option(value: Option) -> Option:
    """A value that argparse has read, as the command line has it: sizes in the largest unit."""
    if isinstance(value, list):
        return ["=".join(each) if isinstance(each, tuple) else each for each in value]
    if type(value) is int and value >= 1 << 20 and value % (1 << 20) == 0:
        return f"{value >> 30}G" if value % (1 << 30) == 0 else f"{value >> 20}M"
    return value


def lines(command: Command, session: Session, arguments: tuple[Any, ...], line: str) -> list[str]:
    """The lines of Python that answer a command line: a call of its function, where that can be named."""
    maker = session.origin.partition("(")[0]
    imports = {("tools.script", maker)}
    function = command.compute
    name = function.__qualname__
    if name.isidentifier() and getattr(sys.modules[function.__module__], name, None) is function:
        try:
            literals = [_literal(value, imports) for value in arguments]
        except CommandError:
            call = f"machine.ask({line!r}).result"
        else:
            imports.add((function.__module__, name))
            call = f"{name}({', '.join(['machine', *literals])})"
    else:
        call = f"machine.ask({line!r}).result"
    look = f"    machine.cpu_number = {session.cpu_number}\n" if session.cpu_number else ""
    modules = [
        f"from {module} import {', '.join(sorted(name for home, name in imports if home == module))}"
        for module in sorted({home for home, _ in imports})
    ]  # fmt: skip
    return [*modules, "", f"with {session.origin} as machine:", *look.splitlines(), f"    print({call})"]


def _literal(value: Any, imports: set[tuple[str, str]]) -> str:
    """An expression for a value; CommandError where there is none."""
    if isinstance(value, enum.Enum):
        imports.add((type(value).__module__, type(value).__qualname__))
        return f"{type(value).__qualname__}({value.value!r})"
    if isinstance(value, bool) or value is None or isinstance(value, (str, float, bytes)):
        return repr(value)
    if isinstance(value, int):
        return f"{value:#x}" if value > 9 else str(value)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_literal(each, imports) for each in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k, imports)}: {_literal(v, imports)}" for k, v in value.items()) + "}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        imports.add((type(value).__module__, type(value).__qualname__))
        fields = [f"{f.name}={_literal(getattr(value, f.name), imports)}" for f in dataclasses.fields(value) if f.init]
        return f"{type(value).__qualname__}({', '.join(fields)})"
    raise CommandError(f"no expression for a {type(value).__name__}")
