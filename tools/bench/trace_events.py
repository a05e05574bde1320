"""The price of an event with somebody listening: kmalloc and kfree from guest C, traced in each format."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from guest import cc, elf
from guest.kernel import Kernel
from hw.errors import HighmemError
from tools.bench import bare
from tools.trace.files import FORMATS, TraceFile
from tools.trace.filters import Filter
from tools.trace.model import EVENTS
from tools.trace.recorder import Recorder

COUNT = 50_000


def main() -> None:
    """Print what a kmalloc and its kfree cost with each kind of listener, as a multiple of none."""
    with Kernel.boot() as kernel, tempfile.TemporaryDirectory() as folder:
        program = elf.read(cc.build([Path(__file__).with_name("calls.c")], kernel.layout))

        def once() -> None:
            if kernel.run(program, ["calls", "k", str(COUNT)]):
                raise AssertionError("the program failed")

        def traced(kind: str, filters: list[Filter]) -> Callable[[], None]:
            def run() -> None:
                file = TraceFile(str(Path(folder) / f"trace{kind}"))
                recorder = Recorder(kernel, file, EVENTS, filters)
                recorder.start()
                once()
                recorder.stop()
                file.close()

            return run

        nothing = bare.best(once, COUNT)
        for kind, what in FORMATS.items():
            try:
                cost = bare.best(traced(kind, []), COUNT)
            except HighmemError as error:
                print(f"{kind}: {error}")
                continue
            bare.report(f"{kind or 'no ending'}: {what}", cost, nothing, "nobody listens")
        cost = bare.best(traced("", [Filter("bytes_req > 4096")]), COUNT)
        bare.report("a filter that nothing passes", cost, nothing, "nobody listens")
        kernel.events.subscribe(None, lambda event, fields: None)
        bare.report("a listener that does nothing", bare.best(once, COUNT), nothing, "nobody listens")


if __name__ == "__main__":
    main()
