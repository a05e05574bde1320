"""Traces in each format: written by a run, read back by ourselves and by programs that we did not write."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from hw.errors import HighmemError
from mm.setup import BootOptions
from tools import cli
from tools.trace.files import TraceFile, TraceReader
from tools.trace.model import EVENT_FIELDS, EVENT_TYPES, EVENTS, FREE_AREA, Row, Site
from tools.trace.recorder import record

ROOT = Path(__file__).resolve().parents[2]
TOUR = str(ROOT / "guest" / "programs" / "tour.c")
COMMAND = [sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None
needs_pyarrow = pytest.mark.skipif(not HAS_PYARROW, reason="pyarrow is not installed")
ENDINGS = [".jsonl", ".json", pytest.param(".parquet", marks=needs_pyarrow), ".dat"]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A trace of tour.c in each format, each of a run of its own."""
    folder = tmp_path_factory.mktemp("tour")
    found = {}
    for ending in ("", ".jsonl", ".json", ".dat", *([".parquet"] if HAS_PYARROW else [])):
        path = folder / f"tour{ending}"
        with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
            program = elf.read(cc.build([Path(TOUR)], kernel.layout), "tour.c")
            with record(kernel, str(path)) as recorder:
                assert kernel.run(program, ["tour.c"]) == 0
        found[ending] = path
        assert recorder.count > 1000
    return found


def rows(path: Path) -> tuple[list[Row], dict[tuple[int, bool], Site], dict[int, str]]:
    with contextlib.closing(TraceReader(str(path))) as reader:
        return list(reader), reader.names.sites, reader.names.tasks


def counts(path: Path) -> Counter[str]:
    return Counter(row[0] for row in rows(path)[0])


@pytest.mark.parametrize("ending", ENDINGS)
def test_we_read_what_we_wrote(tour: dict[str, Path], ending: str) -> None:
    plain = [json.loads(line) for line in tour[""].read_text().splitlines()]
    events, sites, tasks = rows(tour[ending])
    told = [row for row in events if row[0] != FREE_AREA]
    assert [{"ts": ts, "cpu": cpu, "event": event, **dict(zip(EVENT_FIELDS[event], values, strict=True))}
            for event, ts, cpu, _, _, values in told] == plain  # fmt: skip
    assert {"swapper", "kswapd0", "tour"} <= set(tasks.values())
    made = next(row for row in told if row[0] == "kmalloc" and tasks[row[3]] == "tour")
    site = sites[made[4], True]
    assert made[4] == made[5][0] and site.symbol == "tour_kmalloc"
    assert Path(site.source).name == "tour.c" and "KMALLOC(10" in Path(TOUR).read_text().splitlines()[site.line - 1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_free_areas_are_sampled(tour: dict[str, Path], ending: str) -> None:
    areas = [row for row in rows(tour[ending])[0] if row[0] == FREE_AREA]
    first = {row[5][0]: row[5][1:] for row in areas[:3]}
    assert set(first) == {"DMA", "Normal", "HighMem"}
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        fresh = {info.zone: tuple(info.nr_free) for info in kernel.buddyinfo()}
    assert first == fresh
    times: dict[Any, list[int]] = {}
    for row in areas[:-3]:
        times.setdefault(row[5][0], []).append(row[1])
    for seen in times.values():
        assert all(b - a >= 100_000 for a, b in zip(seen, seen[1:]))


@needs_pyarrow
@pytest.mark.parametrize("reader", ["duckdb", "polars", "pandas"])
def test_parquet_in_other_programs(tour: dict[str, Path], reader: str) -> None:
    library = pytest.importorskip(reader, reason=f"{reader} is not installed")
    path = str(tour[".parquet"])
    question = "where event = 'kmalloc' and bytes_req > 4096 and symbol like 'tour_kmalloc%'"
    if reader == "duckdb":
        found = dict(library.sql(f"select event, count(*) from '{path}' group by event").fetchall())
        large = library.sql(f"select bytes_req, source from '{path}' {question} order by ts").fetchall()
    else:
        table = library.read_parquet(path)
        found = dict(Counter(table["event"].to_list() if reader == "polars" else table["event"].tolist()))
        records = table.to_dicts() if reader == "polars" else table.to_dict("records")
        mine = [r for r in records if r["event"] == "kmalloc" and str(r["symbol"]).startswith("tour_kmalloc")]
        large = [(int(r["bytes_req"]), r["source"]) for r in mine if r["bytes_req"] > 4096]
    assert found == counts(tour[".jsonl"])
    assert [size for size, _ in large] == [5000, 131072]
    assert all(re.search(r"tour\.c:\d+\Z", place) for _, place in large)


def test_trace_cmd(tour: dict[str, Path]) -> None:
    trace_cmd = shutil.which("trace-cmd")
    if trace_cmd is None:
        pytest.skip("trace-cmd is not installed (Debian: apt install trace-cmd)")
    result = subprocess.run([trace_cmd, "report", "-i", str(tour[".dat"])], capture_output=True, text=True, check=True)
    lines = re.findall(r"^ +(.+)-(\d+) +\[(\d+)\] +(\d+\.\d+): +(\w+): +(.*)$", result.stdout, re.MULTILINE)
    assert Counter(line[4] for line in lines) == counts(tour[".dat"]) == counts(tour[".jsonl"])
    assert not re.search("warning|error|unknown|FAILED", result.stdout + result.stderr, re.IGNORECASE)
    mine = [line for line in lines if line[0] == "tour" and line[4] == "kmalloc"]
    assert "call_site=tour_kmalloc+0x" in mine[0][5] and "gfp_flags=GFP_KERNEL" in mine[0][5]
    for (_, pid, cpu, time, event, _), row in zip(lines, rows(tour[".dat"])[0], strict=True):
        assert (event, int(cpu), int(pid)) == (row[0], row[2], row[3])
        assert abs(float(time) * 10**9 - row[1]) <= 1000
    line = [trace_cmd, "report", "-F", "kmalloc: bytes_req > 4096", "-i", str(tour[".dat"])]
    chosen = subprocess.run(line, capture_output=True, text=True, check=True)
    assert re.findall(r"bytes_req=(\d+)", chosen.stdout) == ["8192", "5000", "131072"]


def test_chromes_json(tour: dict[str, Path]) -> None:
    document = json.loads(tour[".json"].read_text())
    records = document["traceEvents"]
    found = Counter(r["args"]["event"] for r in records if "event" in r.get("args", {}))
    found[FREE_AREA] = sum(r["ph"] == "C" for r in records)
    assert found == counts(tour[".jsonl"])
    for r in records:
        assert {"ph", "pid"} <= set(r) and ("ts" in r or r["ph"] == "M")
    begun, spans = Counter[tuple[str, int]](), 0
    for r in records:
        if r["ph"] == "b":
            begun[r["cat"], r["id"]] += 1
        elif r["ph"] == "e" and begun[r["cat"], r["id"]]:
            begun[r["cat"], r["id"]] -= 1
            spans += 1
    assert spans > 250 and sum(begun.values()) < 40
    counter = next(r for r in records if r["ph"] == "C" and r["name"] == "free pages Normal")
    assert sum(counter["args"].values()) > 200_000
    threads = {r["args"]["name"] for r in records if r["ph"] == "M" and r["name"] == "thread_name"}
    assert {"tour", "kswapd0", "CPU 0"} <= threads
    slices = [r for r in records if r["pid"] == 2 and r["ph"] in "BE"]
    assert [r["name"] for r in slices if r["ph"] == "B"] == ["kswapd0", "tour"] and slices[1]["ph"] == "E"


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_run_gives_the_same_bytes(tour: dict[str, Path], ending: str, tmp_path: Path) -> None:
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        program = elf.read(cc.build([Path(TOUR)], kernel.layout), "tour.c")
        with record(kernel, str(tmp_path / f"again{ending}")):
            kernel.run(program, ["tour.c"])
    assert (tmp_path / f"again{ending}").read_bytes() == tour[ending].read_bytes()


@pytest.mark.variants
@pytest.mark.parametrize("source", ENDINGS)
@pytest.mark.parametrize("target", ENDINGS)
def test_conversion_loses_nothing(tour: dict[str, Path], tmp_path: Path, source: str, target: str) -> None:
    path = tmp_path / f"copy{target}"
    assert cli.main(["trace", "convert", str(tour[source]), str(path)]) == 0
    events, sites, tasks = rows(path)
    before, sites_before, tasks_before = rows(tour[source])
    assert events == before
    assert {key: site for key, site in sites.items() if site.symbol} == {
        key: site for key, site in sites_before.items() if site.symbol
    }
    assert {row[3]: tasks[row[3]] for row in events} == {row[3]: tasks_before[row[3]] for row in events}


def test_conversion_chooses_too(tour: dict[str, Path], tmp_path: Path) -> None:
    path = str(tmp_path / "few.jsonl")
    choice = ["--events", "k*", "--filter", "bytes_req > 4096"]
    assert cli.main(["trace", "convert", str(tour[".dat"]), path, *choice]) == 0
    assert {(row[0], row[5][2]) for row in rows(Path(path))[0]} == {("kmalloc", n) for n in (5000, 8192, 131072)}


def highmem(*arguments: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in result.stderr
    return result


def test_a_run_chooses_and_filters(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    choice = ["--events", "kmalloc,kfree", "--events", "mm_page_a*c"]
    choice += ["--filter", "kmalloc: bytes_req > 4096", "--filter", "mm_page_alloc: order >= 3"]
    result = highmem("run", TOUR, "--ram", "64M", "--trace", str(path), *choice)
    assert result.returncode == 0 and "all is well" in result.stdout
    events = rows(path)[0]
    assert {row[0] for row in events} == {"kmalloc", "kfree", "mm_page_alloc"}
    assert {row[5][2] for row in events if row[0] == "kmalloc"} == {5000, 8192, 131072}
    assert min(row[5][2] for row in events if row[0] == "mm_page_alloc") == 3


@pytest.mark.parametrize(
    ("line", "status", "why"),
    [
        ("--trace {0}.txt", 125, "no format of traces ends so; there are .jsonl"),
        ("--trace {0}.jsonl --filter bytes_rq>1", 125, "no event has a field 'bytes_rq'; there is bytes_req"),
        ("--trace {0}.jsonl --events kmal", 125, "no event is called 'kmal'"),
        ("--trace {0}/x.dat", 125, "No such file or directory"),
        ("--events kmalloc", 2, "--events chooses what --trace FILE writes"),
        ("--filter cpu==0", 2, "--filter chooses what --trace FILE writes"),
    ],
)
def test_mistakes_are_told_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, status: int, why: str
) -> None:
    assert cli.main(["run", TOUR, "--ram", "16M", *line.format(tmp_path / "t").split()]) == status
    told = capsys.readouterr()
    assert why in told.err and told.out == "" and list(tmp_path.iterdir()) == []


def test_a_full_disk_has_a_name() -> None:
    result = highmem("run", TOUR, "--ram", "16M", "--trace", "/dev/full")
    assert (result.returncode, result.stderr) == (125, "highmem: error: /dev/full: No space left on device\n")


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert cli.main(["run", TOUR, "--ram", "16M", "--trace", str(tmp_path / "t.parquet")]) == 125
    assert "Parquet needs pyarrow: pip install 'highmem[trace]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_was_cut_off(tour: dict[str, Path], tmp_path: Path, ending: str) -> None:
    whole = tour[ending].read_bytes()
    for size in (len(whole) // 2 + 1, 3000, 100, 5):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(HighmemError, match="cut: no trace that can be read"):
            rows(tmp_path / "cut")


def test_what_is_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a", "hello"), ("b", "{}{}"), ("c", '{"event":"no such","ts":1,"cpu":0}')):
        (tmp_path / name).write_text(text)
        assert cli.main(["trace", "summary", str(tmp_path / name)]) == 125
        assert "no trace that can be read" in capsys.readouterr().err
    (tmp_path / "same.jsonl").write_text("")
    assert cli.main(["trace", "convert", str(tmp_path / "same.jsonl"), str(tmp_path / "same.jsonl")]) == 125
    assert "cannot be read and written at once" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ENDINGS)
def test_times_cpus_and_names_of_all_kinds(tmp_path: Path, ending: str) -> None:
    """Long pauses, several CPUs, the largest numbers, texts that JSON must escape, more than one page and row group."""
    texts = {"char [16]": 'a "b"\\ c'}
    written: list[Row] = []
    ts = 0
    for i in range(400):
        for event in EVENTS:
            ts += (1, 1000, 1 << 26, 1 << 27, 1 << 35)[i % 5]
            values = tuple(texts.get(kind, (1 << 32) - 1 - i) for kind in EVENT_TYPES[event].values())
            if event == FREE_AREA:
                written.append((event, ts, i % 3, 0, 0, ("Normal", *(i + n for n in range(11)))))
            else:
                written.append((event, ts, i % 3, i % 2, 0xFFFFFFFF, values))
    file = TraceFile(str(tmp_path / f"t{ending}"))
    file.announce({0: "idle", 1: 'x"y'}, [])
    file.write(written)
    file.end([])
    file.close()
    read = rows(tmp_path / f"t{ending}")[0]
    assert read == written


# progress and memory


MANY = """
#include <linux/slab.h>
#include <linux/kernel.h>
int main(int argc, char **argv)
{
	unsigned long i, n = simple_strtoul(argv[1], NULL, 0);
	for (i = 0; i < n; i++)
		kfree(kmalloc(64, GFP_KERNEL));
	return 0;
}
"""


@pytest.mark.slow
def test_a_terminal_shows_the_progress(tmp_path: Path) -> None:
    (tmp_path / "many.c").write_text(MANY)
    trace = tmp_path / "many.jsonl"
    master, slave = pty.openpty()
    line = [*COMMAND, "run", str(tmp_path / "many.c"), "200000", "--ram", "16M", "--trace", str(trace)]
    with subprocess.Popen(line, cwd=ROOT, env=ENVIRONMENT, stderr=slave, stdout=subprocess.DEVNULL) as process:
        os.close(slave)
        text = b""
        with contextlib.suppress(OSError):
            while chunk := os.read(master, 4096):
                text += chunk
    os.close(master)
    assert process.returncode == 0
    shown = [int(n.replace(",", "")) for n in re.findall(r"highmem: ([\d,]+) events written to ", text.decode())]
    assert shown and shown == sorted(shown) and text.endswith(b"\r\x1b[K")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_million_events_take_no_more_memory_than_some(tmp_path: Path, ending: str) -> None:
    (tmp_path / "many.c").write_text(MANY)

    def peak(pairs: int) -> int:
        trace = tmp_path / f"many{ending}"
        line = ["run", str(tmp_path / "many.c"), str(pairs), "--ram", "16M", "--trace", str(trace), "--events", "k*"]
        code = (
            "import resource, sys; from tools.cli import main; status = main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(status)"
        )
        result = subprocess.run([sys.executable, "-c", code, *line], cwd=ROOT, env=ENVIRONMENT, check=True,
                                capture_output=True, text=True)  # fmt: skip
        summary = subprocess.run([sys.executable, "-c", code, "trace", "summary", str(trace), "--json"], cwd=ROOT,
                                 env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout  # fmt: skip
        record, memory = summary.splitlines()
        events = json.loads(record)["events"]
        assert events["kmalloc"] >= pairs and events["kfree"] >= pairs
        return max(int(result.stdout), int(memory))

    assert peak(500_000) - peak(100_000) < 32 << 10  # kB; a million rows would take 300 MB
