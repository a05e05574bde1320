"""Which source lines of a program were run, and how often: blocks are counted, lines come out of DWARF."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from guest.kernel import Kernel
from guest.symbols import Symbols
from hw.errors import HighmemError


@dataclass
class FileCoverage:
    """Of one source file: how often each line was run, and of each function its first line and how often it was."""

    lines: dict[int, int] = field(default_factory=dict)
    functions: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, other: FileCoverage) -> None:
        """Add another run's numbers."""
        for line, count in other.lines.items():
            self.lines[line] = self.lines.get(line, 0) + count
        for name, (line, count) in other.functions.items():
            self.functions[name] = line, self.functions.get(name, (line, 0))[1] + count


Files = dict[str, FileCoverage]


class Coverage:
    """Counts the basic blocks that a kernel's programs run, from now on: 0.3 us each."""

    def __init__(self, kernel: Kernel) -> None:
        self._blocks: Counter[tuple[int, int]] = Counter()
        for cpu in kernel.machine.cpus:
            cpu.watch_blocks(self._seen)

    def _seen(self, linear: int, size: int) -> None:
        self._blocks[linear, size] += 1

    def clear(self) -> None:
        """Begin anew."""
        self._blocks.clear()

    def files(self, symbols: Symbols) -> Files:
        """What was run of the programs that `symbols` knows, by source file. To be asked before another is loaded."""
        found: Files = {}
        blocks = sorted(self._blocks.items())
        starts = [linear for (linear, _), _ in blocks]
        longest = max((size for (_, size), _ in blocks), default=0)
        for debug in symbols.debug():
            for row in debug.rows():
                runs = 0
                for (linear, size), count in blocks[bisect_left(starts, row.start - longest):]:
                    if linear > row.start:
                        break
                    if row.start < linear + size:
                        runs += count
                lines = found.setdefault(row.file, FileCoverage()).lines
                lines[row.line] = max(lines.get(row.line, 0), runs)
        for loaded in symbols.programs():
            for symbol in loaded.image.symbols:
                place = symbols.line(symbol.va) if symbol.is_function else None
                if place is not None:
                    runs = sum(count for (linear, _), count in blocks if linear == symbol.va)
                    found.setdefault(place[0], FileCoverage()).functions[symbol.name] = place[1], runs
        return found


def merge(into: Files, more: Mapping[str, FileCoverage]) -> None:
    """Add the numbers of another run."""
    for name, coverage in more.items():
        into.setdefault(name, FileCoverage()).add(coverage)


def write_lcov(files: Mapping[str, FileCoverage]) -> str:
    """The text of an lcov tracefile (geninfo(1)): genhtml and editors read it."""
    out = ["TN:"]
    for name in sorted(files):
        coverage = files[name]
        out.append(f"SF:{name}")
        functions = sorted(coverage.functions.items(), key=lambda item: item[1])
        out += [f"FN:{line},{function}" for function, (line, _) in functions]
        out += [f"FNDA:{count},{function}" for function, (_, count) in functions]
        out.append(f"FNF:{len(functions)}")
        out.append(f"FNH:{sum(count > 0 for _, (_, count) in functions)}")
        out += [f"DA:{line},{count}" for line, count in sorted(coverage.lines.items())]
        out.append(f"LF:{len(coverage.lines)}")
        out.append(f"LH:{sum(count > 0 for count in coverage.lines.values())}")
        out.append("end_of_record")
    return "\n".join(out) + "\n"


def read_lcov(lines: Iterable[str], name: str) -> Files:
    """What `write_lcov` wrote; HighmemError for another text. name: of the file, for errors."""
    files: Files = {}
    now: FileCoverage | None = None
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        tag, _, rest = line.strip().partition(":")
        try:
            if tag == "SF":
                now, places = files.setdefault(rest, FileCoverage()), {}
            elif tag == "FN":
                first, _, function = rest.partition(",")
                places[function] = int(first)
            elif tag == "FNDA" and now is not None:
                count, _, function = rest.partition(",")
                now.functions[function] = places[function], int(count)
            elif tag == "DA" and now is not None:
                at, count = rest.split(",")[:2]
                now.lines[int(at)] = now.lines.get(int(at), 0) + int(count)
            elif tag not in ("TN", "FNF", "FNH", "LF", "LH", "end_of_record", ""):
                raise ValueError
        except (ValueError, KeyError):
            raise HighmemError(f"{name}:{number}: no line of an lcov tracefile: {line.strip()!r}") from None
    return files
